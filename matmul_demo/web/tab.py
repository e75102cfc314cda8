"""Tab two: choose lanes, press Race, watch the results come, read the code that ran."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from matmul_demo.einsum import explain as einsum
from matmul_demo.errors import RaceError
from matmul_demo.lanes import gpu
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.processor import available_threads
from matmul_demo.racing.race import MAX_BUDGET, Race
from matmul_demo.racing.report import RaceReport
from matmul_demo.racing.sweep import DEFAULT_LANES, MAX_LANES, Sweep
from matmul_demo.web import endpoints, export, fields
from matmul_demo.web.charts import bars as chart
from matmul_demo.web.charts import einsum as einsum_card
from matmul_demo.web.charts import lesson
from matmul_demo.web.charts import roofline as roofline_chart
from matmul_demo.web.charts import sweep as sweep_chart
from matmul_demo.web.settings import PRESETS, Settings, read_query, runnable
from matmul_demo.workloads import CACHES, DATA, DEVICES, DTYPES, LESSON_BATCH, parse_shape

INTRO = """\
## The matmul race
One matrix product, from a Python loop to the library call. All lanes compute the same numbers \
from the same data, on this server, now; every result is checked against a float64 reference."""
CODE_NOTE = "The function as it ran, read from the program itself."
SIZES_NOTE = "Own sizes: A has rows × inner, B has inner × columns"
OPEN_TAB = """() => {
  if (new URLSearchParams(location.search).has("race"))
    setTimeout(() => document.querySelector('[role="tab"][data-tab-id="race"]')?.click(), 100);
}"""
# Events that only show something: not queued behind a race, and not part of the API.
LIGHT: dict[str, Any] = {
    "queue": False, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip


def build(concurrency_id: str) -> None:
    """Build the tab's content inside the caller's `with gr.Blocks()` and `gr.Tab()`.

    Args:
        concurrency_id: the queue that everything shares that computes, so that no other work
            disturbs a race.
    """
    work: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    contest = gr.State()
    gr.Markdown(INTRO)
    presets = _preset_buttons()
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            chosen = _settings_column()
            link = gr.HTML(fields.link(*fields.to_fields(Settings())), padding=False)
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                start = gr.Button("Race", variant="primary", elem_id="race-start")
                stop = gr.Button("Stop", interactive=False, elem_id="race-stop")
            notice = gr.HTML(padding=False, elem_id="race-notice")
            place = gr.HTML("<p>&nbsp;</p>", padding=False, elem_id="race-place")
            first = _faces(Settings().race().snapshot("waiting"))
            board = gr.HTML(first[0], padding=False)
    faces = [board, *(gr.HTML(face, padding=False) for face in first[1:])]
    _sweep_room(work, chosen)
    _code_viewer()
    _einsum_room(work)

    for button, preset in zip(presets, PRESETS, strict=True):
        button.click(functools.partial(fields.to_fields, preset.settings), None, chosen, **LIGHT)
    gr.on([field.change for field in chosen], fields.link, chosen, link, **LIGHT)
    gr.on(None, _open_link, None, [notice, *chosen], **LIGHT)
    gr.on(None, None, None, None, js=OPEN_TAB, **LIGHT)
    chosen[-1].input(_rebase, [contest, chosen[-1]], faces, **LIGHT)
    ready = start.click(_prepare, chosen, [contest, start, stop, notice, *faces], **LIGHT)
    raced = ready.then(
        _run, contest, [place, notice, *faces], show_progress="minimal", show_progress_on=place,
        api_visibility="private", **work,
    )  # fmt: skip
    raced.then(_rest, None, [start, stop], **LIGHT)
    stop.click(_stop, contest, board, **LIGHT)
    api(_with_sentences(endpoints.race), api_name="race", **work)
    api(_with_sentences(endpoints.explain_einsum), api_name="explain_einsum", **work)


def _preset_buttons() -> list[gr.Button]:
    """A button for each preset with its sentence; greyed, with the reason, where it is no use."""
    buttons = []
    with gr.Row(elem_id="race-presets"):
        for preset in PRESETS:
            reason = preset.missing()
            with gr.Column(min_width=210):
                buttons.append(gr.Button(preset.name, size="md", interactive=reason is None))
                gr.HTML(f'<p class="race-preset muted">{reason or preset.shows}</p>', padding=False)
    return buttons


def _settings_column() -> list[Any]:
    """The fields of `Settings`, in the order of `fields.FIELDS`."""
    here = {lane.key: f"{lane.title} ({lane.library})" for lane in runnable()}
    titles = [(title, key) for key, title in here.items()]
    most = available_threads()
    shape = gr.Radio(fields.SHAPES, value=LESSON_BATCH, label="Shape")
    rows, inner, columns = parse_shape(LESSON_BATCH)
    with gr.Group():
        gr.HTML(f'<p class="race-sizes muted">{SIZES_NOTE}</p>', padding=False)
        with gr.Row(elem_id="race-sizes"):
            sizes: list[Any] = [
                gr.Number(value, label=label, precision=0, min_width=70)
                for label, value in (("rows", rows), ("inner", inner), ("columns", columns))
            ]
    with gr.Accordion("Lanes", open=False):
        lanes = gr.CheckboxGroup(
            titles, value=list(here), label="Lanes", show_label=False, elem_id="race-lanes"
        )
    with gr.Accordion("Settings", open=False):
        dtype = gr.Radio(list(DTYPES), value=DTYPES[0], label="Number type")
        device = gr.Radio(
            list(DEVICES), value=DEVICES[0], label="Device", info=gpu.missing(),
            interactive=gpu.missing() is None,
        )  # fmt: skip
        threads = gr.Slider(1, most, most, step=1, label="Threads", visible=most > 1)
        budget = gr.Slider(
            5, MAX_BUDGET, Settings.budget, step=5, label="Seconds for the race, about"
        )
        cache = gr.Radio(
            list(CACHES), value=CACHES[0], label="Caches of the processor",
            info="cold: emptied before each call",
        )  # fmt: skip
        data = gr.Radio(
            list(DATA), value=DATA[0], label="Data",
            info="digits have 784 pixels; auto takes them for that inner size, else normal",
        )  # fmt: skip
        baseline = gr.Dropdown(
            [("The first right lane", ""), *titles], value="", label="Speed-up over",
            info="also after the race",
        )  # fmt: skip
    shape.input(lambda text: parse_shape(text), shape, sizes, **LIGHT)
    gr.on([size.input for size in sizes], fields.known_shape, sizes, shape, **LIGHT)
    return [shape, *sizes, lanes, dtype, device, threads, budget, cache, data, baseline]


def _open_link(request: gr.Request) -> tuple[Any, ...]:
    """Fill the fields from the page's own address, and say what of it was ignored."""
    found = read_query(dict(request.query_params))
    if found is None:
        return (gr.skip(),) * (1 + len(fields.FIELDS))
    settings, complaints = found
    return chart.notice(" ".join(complaints)) if complaints else "", *fields.to_fields(settings)


def _faces(report: RaceReport) -> tuple[str, ...]:
    """All that the page shows of a race: board, table, files, roofline plot, lesson's figures."""
    return (
        chart.board(report),
        chart.table(report),
        export.links(report),
        roofline_chart.section(report),
        lesson.table(report),
    )


def _prepare(*values: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Check the settings; empty the board and exchange the buttons, or say what is wrong.

    Returns:
        The race or None, the two buttons, the notice and the faces.
    """
    try:
        contest = fields.to_settings(*values).race()
    except RaceError as error:
        return None, gr.skip(), gr.skip(), chart.notice(str(error)), *[gr.skip()] * 5
    buttons = gr.Button(interactive=False), gr.Button(interactive=True)
    return contest, *buttons, "", *_faces(contest.snapshot("queued"))


def _run(contest: Race | None) -> Iterator[tuple[Any, ...]]:
    """Race; leaving the page closes this generator and with it the worker."""
    same = gr.skip()
    if contest is None:  # refused; a generator that yields nothing would empty its outputs
        yield (same,) * 7
        return
    try:
        for report in contest.run():
            yield same, "", *_faces(report)
    except RaceError as error:
        yield same, chart.notice(str(error)), *[same] * 5
    finally:
        contest.stop()


def _stop(contest: Race | None) -> str | dict[str, Any]:
    """End the race now; its own last report follows when the worker is gone."""
    if contest is None:
        return gr.skip()
    contest.stop()
    return chart.board(contest.snapshot("stopped"))


def _rest() -> tuple[gr.Button, gr.Button]:
    return gr.Button(interactive=True), gr.Button(interactive=False)


def _rebase(contest: Race | None, baseline: str) -> tuple[Any, ...]:
    """Show the speed-ups of the last race over another lane."""
    if contest is None:
        return (gr.skip(),) * 5
    contest.baseline = baseline or None
    return _faces(contest.snapshot())


def _sweep_room(work: dict[str, Any], chosen: list[Any]) -> None:
    """A few lanes over growing sizes."""
    titles = [(f"{lane.title} ({lane.library})", lane.key) for lane in runnable()]
    keys = [key for _, key in titles]
    sweep = gr.State()
    gr.Markdown(f"### {sweep_chart.TITLE}")
    with gr.Row(elem_id="sweep-row"):
        lanes = gr.Dropdown(
            titles, value=[key for key in DEFAULT_LANES if key in keys], multiselect=True,
            max_choices=MAX_LANES, label=f"Lanes of the sweep, at most {MAX_LANES}", scale=4,
            elem_id="sweep-lanes", min_width=300,
        )  # fmt: skip
        start = gr.Button("Sweep", elem_id="sweep-start", min_width=100)
        stop = gr.Button("Stop", interactive=False, elem_id="sweep-stop", min_width=100)
    notice = gr.HTML(padding=False, elem_id="sweep-notice")
    place = gr.HTML("<p>&nbsp;</p>", padding=False, elem_id="sweep-place")
    board = gr.HTML(sweep_chart.section(Sweep(lanes.value).snapshot()), padding=False)
    shared = [chosen[i] for i in (5, 7, 9)]  # number type, threads, caches
    ready = start.click(
        _prepare_sweep, [lanes, *shared], [sweep, start, stop, notice, board], **LIGHT
    )
    swept = ready.then(
        _run_sweep, sweep, [place, board], show_progress="minimal", show_progress_on=place,
        api_visibility="private", **work,
    )  # fmt: skip
    swept.then(_rest, None, [start, stop], **LIGHT)
    stop.click(lambda sweep: sweep and sweep.stop(), sweep, None, **LIGHT)


def _prepare_sweep(lanes: list[str], dtype: str, threads: int, cache: str) -> tuple[Any, ...]:
    try:
        sweep = Sweep(lanes, dtype, threads, cache)
    except RaceError as error:
        return None, gr.skip(), gr.skip(), chart.notice(str(error)), gr.skip()
    buttons = gr.Button(interactive=False), gr.Button(interactive=True)
    return sweep, *buttons, "", sweep_chart.section(sweep.snapshot("queued"))


def _run_sweep(sweep: Sweep | None) -> Iterator[tuple[Any, Any]]:
    if sweep is None:
        yield gr.skip(), gr.skip()
        return
    for report in sweep.run():
        yield gr.skip(), sweep_chart.section(report)


def _code_viewer() -> None:
    """A chosen lane's lesson and source."""
    first = LADDER[0]
    choices = [(f"{lane.title} ({lane.library})", lane.key) for lane in LADDER]
    gr.Markdown("### Look inside a lane")
    lane = gr.Dropdown(choices, value=first.key, label="Lane")
    teaches = gr.Markdown(first.teaches)
    code = gr.Code(first.source, language="python", label=CODE_NOTE, interactive=False, lines=12)
    lane.change(_explain, lane, [teaches, code], **LIGHT)


def _explain(key: str) -> tuple[str, str]:
    lane = next(lane for lane in LADDER if lane.key == key)
    return lane.teaches, lane.source


def _einsum_room(work: dict[str, Any]) -> None:
    """An expression and shapes; what they mean, cost and take."""
    _, text, shapes = next(preset for preset in einsum.PRESETS if preset[0] == "matrix product")
    gr.Markdown("### Einsum explained")
    choices = [f"{name}: {expression}" for name, expression, _ in einsum.PRESETS]
    preset = gr.Dropdown(
        choices, value=choices[5], type="index", label="Preset", elem_id="einsum-preset"
    )
    with gr.Row():
        expression = gr.Textbox(text, label="Expression", elem_id="einsum-expression")
        sizes = gr.Textbox(shapes, label="Shapes of the operands", elem_id="einsum-shapes")
        start = gr.Button("Explain and time", elem_id="einsum-start")
    first = einsum_card.card(einsum.explain(text, shapes, with_times=False))
    card = gr.HTML(first, padding=False, elem_id="einsum-card")
    preset.input(lambda index: einsum.PRESETS[index][1:], preset, [expression, sizes], **LIGHT)
    gr.on(
        [start.click, expression.submit, sizes.submit], _explained, [expression, sizes], card,
        show_progress="hidden", api_visibility="private", **work,
    )  # fmt: skip


def _explained(expression: str, shapes: str) -> str:
    try:
        return einsum_card.card(einsum.explain(expression, shapes))
    except RaceError as error:
        return chart.notice(str(error))


def _with_sentences(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The same endpoint, whose refusals reach the caller as Gradio's errors do."""

    @functools.wraps(endpoint)
    def answer(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return endpoint(*args, **kwargs)
        except RaceError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return answer
