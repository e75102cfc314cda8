"""Tab two: choose lanes, press Race, watch the results come, read the code that ran."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from matmul_demo import chart, einsum, einsum_card
from matmul_demo.machine import available_threads
from matmul_demo.race import Race, make_race
from matmul_demo.strategies import LADDER
from matmul_demo.workloads import DTYPES, LESSON_BATCH, LESSON_FULL, RaceError

SHAPES = [
    ("The lesson's batch: 10×784 · 784×10", LESSON_BATCH),
    ("The lesson's full set: 50000×784 · 784×10", LESSON_FULL),
    ("A square: 1024×1024 · 1024×1024", "1024x1024x1024"),
    ("Square 256×256 · 256×256", "256x256x256"),
    ("Square 2048×2048 · 2048×2048", "2048x2048x2048"),
    ("A transformer's layer: 512×768 · 768×3072", "512x768x3072"),
]
PAGE_BUDGET = 15  # seconds; with the start of the worker a race stays below twenty
INTRO = """\
## The matmul race
One matrix product, from a Python loop to the library call. All lanes compute the same numbers \
from the same data, on this server, now; every result is checked against a float64 reference."""
CODE_NOTE = "The function as it ran, read from the program itself."


def build(concurrency_id: str) -> None:
    """Build the tab's content inside the caller's `with gr.Blocks()` and `gr.Tab()`.

    Args:
        concurrency_id: the queue that everything shares that computes, so that no other work
            disturbs a race.
    """
    here = {lane.key: lane for lane in LADDER if not lane.unavailable("cuda")}
    contest = gr.State()
    gr.Markdown(INTRO)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            shape = gr.Radio(SHAPES, value=LESSON_BATCH, label="Shape")
            lanes = gr.CheckboxGroup(
                [(f"{lane.title} ({lane.library})", key) for key, lane in here.items()],
                value=list(here),
                label="Lanes",
                elem_id="race-lanes",
            )
            threads, budget, dtype = _settings()
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                start = gr.Button("Race", variant="primary", elem_id="race-start")
                stop = gr.Button("Stop", interactive=False, elem_id="race-stop")
            notice = gr.HTML(padding=False, elem_id="race-notice")
            first = make_race(LESSON_BATCH).snapshot("waiting")
            board = gr.HTML(chart.board(first), padding=False)
    table = gr.HTML(chart.table(first), padding=False)
    _code_viewer()
    _einsum_room(concurrency_id)

    ready = start.click(
        _prepare,
        [shape, lanes, threads, budget, dtype],
        [contest, notice, board, table, start, stop],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    raced = ready.then(
        _run,
        contest,
        [notice, board, table],
        concurrency_id=concurrency_id,
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )
    raced.then(_rest, None, [start, stop], queue=False, api_visibility="private")
    stop.click(_stop, contest, board, queue=False, show_progress="hidden", api_visibility="private")
    api(race, api_name="race", concurrency_id=concurrency_id, concurrency_limit=1)
    api(
        explain_einsum,
        api_name="explain_einsum",
        concurrency_id=concurrency_id,
        concurrency_limit=1,
    )


def _settings() -> tuple[gr.Slider, gr.Slider, gr.Radio]:
    most = available_threads()
    with gr.Accordion("Settings", open=False):
        threads = gr.Slider(1, most, most, step=1, label="Threads", visible=most > 1)
        budget = gr.Slider(5, 60, PAGE_BUDGET, step=5, label="Seconds for the race")
        dtype = gr.Radio(list(DTYPES), value=DTYPES[0], label="Number type")
    return threads, budget, dtype


def _code_viewer() -> None:
    """A chosen lane's lesson and source."""
    first = LADDER[0]
    choices = [(f"{lane.title} ({lane.library})", lane.key) for lane in LADDER]
    gr.Markdown("### Look inside a lane")
    lane = gr.Dropdown(choices, value=first.key, label="Lane")
    teaches = gr.Markdown(first.teaches)
    code = gr.Code(first.source, language="python", label=CODE_NOTE, interactive=False, lines=12)
    lane.change(
        _explain,
        lane,
        [teaches, code],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _einsum_room(concurrency_id: str) -> None:
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
    first = einsum_card.card(einsum.explain(text, shapes, measured=False))
    card = gr.HTML(first, padding=False, elem_id="einsum-card")
    preset.input(
        lambda index: einsum.PRESETS[index][1:],
        preset,
        [expression, sizes],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    gr.on(
        [start.click, expression.submit, sizes.submit],
        _explained,
        [expression, sizes],
        card,
        concurrency_id=concurrency_id,
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )


def _explained(expression: str, shapes: str) -> str:
    try:
        return einsum_card.card(einsum.explain(expression, shapes))
    except RaceError as error:
        return chart.notice(str(error))


def _explain(key: str) -> tuple[str, str]:
    lane = next(lane for lane in LADDER if lane.key == key)
    return lane.teaches, lane.source


def _prepare(
    shape: str, lanes: list[str], threads: int, budget: float, dtype: str
) -> tuple[Any, ...]:
    """Check the settings; empty the board and exchange the buttons, or say what is wrong.

    Returns:
        The race or None, the notice, the board, the table, and the two buttons.
    """
    gpu = any(lane.device == "cuda" and not lane.unavailable("cuda") for lane in LADDER)
    missing = [lane.key for lane in LADDER if lane.unavailable("cuda")]  # shown, with the reason
    try:
        if not lanes:
            raise RaceError("No lane was chosen; tick at least one.")
        contest = make_race(
            shape, [*lanes, *missing], dtype, "cuda" if gpu else "cpu", threads, budget
        )
    except RaceError as error:
        return None, chart.notice(str(error)), *[gr.skip()] * 4
    report = contest.snapshot("queued")
    buttons = gr.Button(interactive=False), gr.Button(interactive=True)
    return contest, "", chart.board(report), chart.table(report), *buttons


def _run(contest: Race | None) -> Iterator[tuple[Any, ...]]:
    """Race; leaving the page closes this generator and with it the worker."""
    if contest is None:  # refused; a generator that yields nothing would empty its outputs
        yield gr.skip(), gr.skip(), gr.skip()
        return
    try:
        for report in contest.run():
            yield "", chart.board(report), chart.table(report)
    except RaceError as error:
        yield chart.notice(str(error)), gr.skip(), gr.skip()
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


def race(
    shape: str = LESSON_BATCH,
    lanes: list[str] | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    threads: int | None = None,
    budget: float = 10.0,
    cache: str = "warm",
    baseline: str | None = None,
) -> dict[str, Any]:
    """Time one matrix product computed in many ways on this server, beside its physical limit.

    Args:
        shape: sizes of the product as ROWSxINNERxCOLUMNS, for example 10x784x10.
        lanes: names of the lanes to run, for example ["naive_lists", "matmul_numpy"]; all of them
            when left out.
        dtype: type of the numbers, float32 or float64.
        device: cpu, or cuda to add the lanes of the GPU.
        threads: threads for every library; as many as the server allows when left out.
        budget: seconds for the whole race, about; from 1 to 120.
        cache: warm, or cold to empty the processor's caches before each call.
        baseline: name of the lane that the speed-ups are over; the first right one when left out.

    Returns:
        The race: machine, floor in seconds, and for each lane its median time, spread, speed,
        speed-up over the baseline, error against float64, and whether it is an estimate.
    """
    try:
        contest = make_race(shape, lanes, dtype, device, threads, budget, cache, baseline)
        *_, report = contest.run()
    except RaceError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return report.to_json()


def explain_einsum(
    expression: str = "ik,kj->ij", shapes: str = "200x300, 300x100"
) -> dict[str, Any]:
    """Explain an einsum expression: what each letter does, the loops, the cost, the time.

    Args:
        expression: letters for the axes of each operand, commas between operands, and the result
            after an arrow, for example ik,kj->ij.
        shapes: sizes of each operand, with commas between operands, for example 200x300, 300x100.

    Returns:
        Letters with their sizes and roles (kept, summed, diagonal, broadcast), the loops, the
        floating-point operations and bytes, NumPy's order of contraction, a worked example, and
        the seconds of np.einsum and of the equivalent without it.
    """
    try:
        return einsum.explain(expression, shapes).to_json()
    except RaceError as error:
        raise gr.Error(str(error), print_exception=False) from error
