"""Tab two: press Race, watch the staircase grow, open a lane and read the code that ran."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import api

from matmul_demo.errors import RaceError
from matmul_demo.options import Settings
from matmul_demo.racing import saved
from matmul_demo.web import endpoints, export
from matmul_demo.web.charts import bars, html, lesson, roofline
from matmul_demo.web.controls import Form, build_form, preset_buttons, preset_note
from matmul_demo.web.links import link, read_query
from matmul_demo.web.panel import UNQUEUED, Panel, Update, no_place
from matmul_demo.web.presets import LESSON, PRESETS, Preset, preset_of
from matmul_demo.web.sections import build_einsum, build_sweep
from matmul_demo.web.teaching import ghosts, questions
from matmul_demo.web.teaching.ghosts import Ghost
from matmul_demo.web.teaching.job import PageRace
from matmul_demo.web.teaching.script import SCRIPT

# What the page shows of a race below its board, from top to bottom.
CHARTS: tuple[Callable[[Any], str], ...] = (bars.table, export.links, lesson.table)
OVER = ("done", "stopped")


def build(concurrency_id: str) -> None:
    """Build the tab's content inside the caller's `with gr.Blocks()` and `gr.Tab()`.

    Args:
        concurrency_id: the queue that everything shares that computes, so that no other work
            disturbs a race.
    """
    work: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    with gr.Tabs(elem_id="race-parts"):
        with gr.Tab("Race", id="ladder"):
            form, panel = _build_race(work)
        with gr.Tab("Sizes", id="sizes"):
            build_sweep(form, work)
        with gr.Tab("Roofline", id="roofline"):
            panel.charts[roofline.section].render()
        with gr.Tab("Einsum", id="einsum"):
            build_einsum(work)
    gr.on(None, None, None, None, js=SCRIPT, **UNQUEUED)
    api(endpoints.race, api_name="race", **work)
    api(endpoints.explain_einsum, api_name="explain_einsum", **work)


def _build_race(work: dict[str, Any]) -> tuple[Form, Panel]:
    """The form, the buttons and the charts of a race; the roofline waits for its own tab.

    Buttons, results, then note, guesses and settings: so they stand on a phone, and the keyboard
    meets them. On a wide screen the stylesheet puts the results beside the other two.
    """
    report = PageRace(LESSON.settings).report
    buttons = preset_buttons()
    with gr.Row(elem_id="race-main"):
        with gr.Column(elem_id="race-buttons"), gr.Row():
            start = gr.Button("Race", variant="primary", elem_id="race-start", min_width=100)
            stop = gr.Button("Stop", interactive=False, elem_id="race-stop", min_width=100)
        with gr.Column(elem_id="race-results"):
            notice = gr.HTML(padding=False, elem_id="race-notice")
            place = gr.HTML(no_place(), padding=False, elem_id="race-place")
            charts: dict[Callable[[Any], str], gr.HTML] = {
                c: gr.HTML(c(report), padding=False) for c in (bars.board, *CHARTS)
            }
        with gr.Column(elem_id="race-settings"):
            note = gr.HTML(preset_note(LESSON), padding=False, elem_id="race-note")
            guesses = gr.HTML(questions.section(report), padding=False)
            charts[questions.section] = guesses
            form = build_form(LESSON.settings)
            upload, device, ghost = _build_ghosts()
            address = gr.HTML(link(LESSON.settings), padding=False)
    charts[roofline.section] = gr.HTML(roofline.section(report), padding=False, render=False)
    panel = Panel(start, stop, notice, place, charts, gr.State())
    page = _Page(form, panel, note, address, ghost)
    for button, preset in zip(buttons, PRESETS, strict=True):
        page.on_preset(button, preset)
    page.connect(work, upload, device)
    return form, panel


def _build_ghosts() -> tuple[gr.UploadButton, gr.Dropdown, gr.State]:
    """An earlier race to lay over the next: from a file, or of a real device."""
    names = list(saved.devices())
    info = (
        f"Races of real devices, as they were measured; {ghosts.COMMAND} on a GPU adds it to "
        "benchmarks/results/, and it is offered here."
    )
    with gr.Accordion("Ghost: an earlier race as pale marks", open=False):
        upload = gr.UploadButton(
            "Open a saved race (JSON)", file_types=[".json"], type="binary", size="sm",
            elem_id="race-ghost",
        )  # fmt: skip
        device = gr.Dropdown(
            [("None", ""), *names], value="", label="Ghost", info=info, elem_id="race-ghost-device"
        )
    return upload, device, gr.State()


class _Page:
    """What the controls of a race do to each other; see `_build_race`."""

    def __init__(
        self, form: Form, panel: Panel, note: gr.HTML, address: gr.HTML, ghost: gr.State
    ) -> None:
        self.form, self.panel, self.note, self.address = form, panel, note, address
        self.ghost = ghost

    def connect(self, work: dict[str, Any], upload: gr.UploadButton, device: gr.Dropdown) -> None:
        """Let all of them do it."""
        form, panel = self.form, self.panel
        inputs = {*form.components, self.ghost}
        panel.connect(self.make_race, inputs, work)
        # What a person edits alone: a form that is filled changes in many places at once, whose
        # answers come in any order.
        edits = [one.input for one in form.components if one is not form.controls["shape"]]
        write = self.write_link, set(form.components), self.address
        gr.on(edits, *write, trigger_mode="always_last", **UNQUEUED)
        form.shape_chosen.then(*write, **UNQUEUED)
        charts = [panel.notice, *panel.charts.values()]
        baseline = form.controls["baseline"]
        baseline.input(self.rebase, [panel.job, baseline], charts, **UNQUEUED)
        for control, event, read in (
            (upload, upload.upload, ghosts.read_file),
            (device, device.input, ghosts.device_ghost),
        ):
            show = functools.partial(self.show_ghost, control, read)
            event(show, {*form.components, panel.job, control}, [self.ghost, *charts], **UNQUEUED)
        filled = [self.note, self.address, panel.notice, *form.components, *panel.charts.values()]
        gr.on(None, self.open_link, None, filled, **UNQUEUED)

    def on_preset(self, button: gr.Button, preset: Preset) -> None:
        """Let a button choose a preset."""
        outputs = [
            self.panel.job, self.note, self.address, self.panel.notice, *self.form.components,
            *self.panel.charts.values(),
        ]  # fmt: skip
        choose = functools.partial(self.choose, preset)
        button.click(choose, [self.panel.job, self.ghost], outputs, **UNQUEUED)

    def make_race(self, values: Update) -> PageRace:
        """The race of what the controls hold."""
        return PageRace(self.form.settings(values), values[self.ghost])

    def choose(self, preset: Preset, race: PageRace | None, ghost: Ghost | None) -> Update:
        """Fill the form; the old board is cleared unless its race is under way."""
        update = self._filled(preset.settings) | {self.note: preset_note(preset)}
        if race is not None and race.report.phase not in OVER:
            return update
        report = PageRace(preset.settings, ghost).report
        return {**update, self.panel.job: None, self.panel.notice: "", **self.panel.show(report)}

    def write_link(self, values: Update) -> str:
        """The address of what the controls hold."""
        try:
            return link(self.form.settings(values))
        except RaceError:  # said when the race is started
            return '<p class="race-link">&nbsp;</p>'

    def rebase(self, race: PageRace | None, baseline: str) -> Update:
        """Show the speed-ups of the last race over another lane; the board says if it cannot."""
        if race is None:
            return {self.panel.notice: gr.skip()}
        race.baseline = baseline or None
        return self.panel.show(race.report)

    def show_ghost(
        self,
        control: Component,
        read: Callable[[Any], Ghost | None],
        values: Update,
    ) -> Update:
        """Lay an earlier race over the last one, or over the next."""
        race = values[self.panel.job]
        try:
            ghost = read(values[control])
            shown = race or PageRace(self.form.settings(values))
        except RaceError as error:
            return {self.panel.notice: html.notice(str(error))}
        shown.ghost = ghost
        report = shown.report
        mismatch = ghost.mismatch(report.workload) if ghost else ""
        sentence = html.notice(mismatch) if mismatch else ""
        return {self.ghost: ghost, self.panel.notice: sentence, **self.panel.show(report)}

    def open_link(self, request: gr.Request) -> Update:
        """Fill the form from the page's own address, and say what of it was ignored."""
        result = read_query(dict(request.query_params))
        if result is None:
            return {self.panel.notice: gr.skip()}
        settings, complaints = result
        sentence = html.notice(" ".join(complaints)) if complaints else ""
        return {
            self.note: preset_note(preset_of(settings)), self.panel.notice: sentence,
            **self._filled(settings), **self.panel.show(PageRace(settings).report),
        }  # fmt: skip

    def _filled(self, settings: Settings) -> Update:
        """Fill the form, and write its address."""
        return {**self.form.values(settings), self.address: link(settings)}
