"""The tab's parts beside the race: the sweep over sizes, and einsum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from matmul_demo.einsum.explain import PRESETS, explain
from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import runnable_lanes
from matmul_demo.racing.sweep import DEFAULT_SETTINGS, MAX_LANES, SERIES, Sweep
from matmul_demo.web.charts import einsum, html, sweep
from matmul_demo.web.controls import Form, lane_choices
from matmul_demo.web.panel import UNQUEUED, Panel, Update, no_place
from matmul_demo.web.teaching import grids

SHARED = ("dtype", "threads", "cache")  # what a sweep takes from the race's form


def build_sweep(form: Form, work: dict[str, Any]) -> None:
    """A few lanes over growing sizes, square or tall, powers of two or beside them."""
    keys = [lane.key for lane in runnable_lanes() if lane.key in (DEFAULT_SETTINGS.lanes or ())]
    with gr.Row(elem_id="sweep-row"):
        lanes = gr.Dropdown(
            lane_choices(), value=keys, multiselect=True, max_choices=MAX_LANES,
            label=f"Lanes of the sweep, at most {MAX_LANES}", scale=4, elem_id="sweep-lanes",
            min_width=300,
        )  # fmt: skip
        names = [one.name for one in SERIES]
        series = gr.Dropdown(
            names, value=names[0], type="index", label="Sizes", scale=3, elem_id="sweep-series",
            min_width=320,
        )  # fmt: skip
        start = gr.Button("Sweep", variant="primary", elem_id="sweep-start", min_width=100)
        stop = gr.Button("Stop", interactive=False, elem_id="sweep-stop", min_width=100)
    notice = gr.HTML(padding=False, elem_id="sweep-notice")
    place = gr.HTML(no_place(), padding=False, elem_id="sweep-place")
    board = gr.HTML(
        sweep.section(Sweep(replace(DEFAULT_SETTINGS, lanes=tuple(keys))).report), padding=False
    )
    panel = Panel(start, stop, notice, place, {sweep.section: board}, gr.State())

    def make_sweep(values: Update) -> Sweep:
        shared = {name: values[form.controls[name]] for name in SHARED}
        return Sweep(
            replace(DEFAULT_SETTINGS, lanes=values[lanes], **shared), (), SERIES[values[series]]
        )

    panel.connect(make_sweep, {lanes, series, *(form.controls[name] for name in SHARED)}, work)


def build_einsum(work: dict[str, Any]) -> None:
    """An expression and shapes; what they mean, cost and take."""
    index = next(i for i, (name, _, _) in enumerate(PRESETS) if name == "matrix product")
    _, text, shapes = PRESETS[index]
    choices = [f"{name}: {expression}" for name, expression, _ in PRESETS]
    preset = gr.Dropdown(
        choices, value=choices[index], type="index", label="Preset", elem_id="einsum-preset"
    )
    with gr.Row():
        expression = gr.Textbox(text, label="Expression", elem_id="einsum-expression")
        sizes = gr.Textbox(shapes, label="Shapes of the operands", elem_id="einsum-shapes")
        start = gr.Button("Explain and time", variant="primary", elem_id="einsum-start")
    first = einsum.card(explain(text, shapes, with_times=False))
    card = gr.HTML(first, padding=False, elem_id="einsum-card")
    gr.HTML(grids.section(), padding=False, elem_id="einsum-grids")
    preset.input(lambda index: PRESETS[index][1:], preset, [expression, sizes], **UNQUEUED)
    gr.on(
        [start.click, expression.submit, sizes.submit], _draw_card, [expression, sizes], card,
        show_progress="hidden", api_visibility="private", **work,
    )  # fmt: skip


def _draw_card(expression: str, shapes: str) -> str:
    try:
        return einsum.card(explain(expression, shapes))
    except RaceError as error:
        return html.notice(str(error))
