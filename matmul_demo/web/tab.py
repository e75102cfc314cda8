"""Tab two: choose lanes, press Race, watch the results come, read the code that ran."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import api

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import LADDER, runnable_lanes
from matmul_demo.options import Settings, default_settings
from matmul_demo.racing.race import Race, make_race
from matmul_demo.racing.report import RaceReport
from matmul_demo.web import endpoints, export
from matmul_demo.web.charts import bars, html, lesson, roofline
from matmul_demo.web.controls import Form, build_form, preset_buttons
from matmul_demo.web.links import link, read_query
from matmul_demo.web.panel import UNQUEUED, Panel, Update
from matmul_demo.web.presets import PRESETS
from matmul_demo.web.sections import build_code_viewer, build_einsum, build_sweep

INTRO = """\
## The matmul race
One matrix product, from a Python loop to the library call. All lanes compute the same numbers \
from the same data, on this server, now; every result is checked against a float64 reference."""
OPEN_TAB = """() => {
  if (new URLSearchParams(location.search).has("race"))
    setTimeout(() => document.querySelector('[role="tab"][data-tab-id="race"]')?.click(), 100);
}"""
# What the page shows of a race, from top to bottom; the first stands beside the form.
CHARTS: tuple[Callable[[RaceReport], str], ...] = (
    bars.board, bars.table, export.links, roofline.section, lesson.table,
)  # fmt: skip


def build(concurrency_id: str) -> None:
    """Build the tab's content inside the caller's `with gr.Blocks()` and `gr.Tab()`.

    Args:
        concurrency_id: the queue that everything shares that computes, so that no other work
            disturbs a race.
    """
    work: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    gr.Markdown(INTRO)
    buttons = preset_buttons()
    form, panel = _build_race(work)
    for button, preset in zip(buttons, PRESETS, strict=True):
        fill = functools.partial(form.values, preset.settings)
        button.click(fill, None, form.components, **UNQUEUED)
    build_sweep(form, work)
    build_code_viewer()
    build_einsum(work)
    _connect_link(form, panel.notice)
    api(endpoints.race, api_name="race", **work)
    api(endpoints.explain_einsum, api_name="explain_einsum", **work)


def _build_race(work: dict[str, Any]) -> tuple[Form, Panel]:
    """The form, the buttons and the charts of a race."""
    report = make_race(Settings()).report
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            form = build_form()
            address = gr.HTML(link(default_settings("page", Settings)), padding=False)
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                start = gr.Button("Race", variant="primary", elem_id="race-start")
                stop = gr.Button("Stop", interactive=False, elem_id="race-stop")
            notice = gr.HTML(padding=False, elem_id="race-notice")
            place = gr.HTML("<p>&nbsp;</p>", padding=False, elem_id="race-place")
            charts = {CHARTS[0]: gr.HTML(CHARTS[0](report), padding=False)}
    charts |= {chart: gr.HTML(chart(report), padding=False) for chart in CHARTS[1:]}
    panel = Panel(start, stop, notice, place, charts, gr.State())

    def write_link(values: Update) -> str:
        try:
            return link(form.settings(values))
        except RaceError:  # said when the race is started
            return '<p class="race-link">&nbsp;</p>'

    def rebase(race: Race | None, baseline: str) -> Update:
        """Show the speed-ups of the last race over another lane."""
        if race is None:
            return {place: gr.skip()}
        race.baseline = baseline or None
        return panel.show(race.report)

    panel.connect(lambda values: _make_race(form.settings(values)), set(form.components), work)
    changes = [component.change for component in form.components]
    gr.on(
        changes, write_link, set(form.components), address, trigger_mode="always_last", **UNQUEUED
    )
    baseline = form.controls["baseline"]
    baseline.input(rebase, [panel.job, baseline], [place, *charts.values()], **UNQUEUED)
    return form, panel


def _make_race(settings: Settings) -> Race:
    """The race with the lanes that this machine cannot run beside it, so that the page says why."""
    if settings.lanes is not None:
        others = (lane.key for lane in LADDER if lane not in runnable_lanes())
        settings = replace(settings, lanes=(*settings.lanes, *others))
    return make_race(settings)


def _connect_link(form: Form, notice: gr.HTML) -> None:
    """Fill the form from the page's own address, and say what of it was ignored."""

    def open_link(request: gr.Request) -> Update:
        result = read_query(dict(request.query_params))
        if result is None:
            return {notice: gr.skip()}
        settings, complaints = result
        sentence = html.notice(" ".join(complaints)) if complaints else ""
        return {notice: sentence, **form.values(settings)}

    gr.on(None, open_link, None, [notice, *form.components], **UNQUEUED)
    gr.on(None, None, None, None, js=OPEN_TAB, **UNQUEUED)
