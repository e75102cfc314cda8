"""The page's controls for the options of a race."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS, runnable_lanes
from matmul_demo.machine.accelerator import missing_gpu
from matmul_demo.options import Option, Settings, options
from matmul_demo.web.panel import UNQUEUED
from matmul_demo.web.presets import PRESETS, Preset
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL, MAX_SIDE, parse_shape

SIZES = ("rows", "inner", "columns")
SIZES_NOTE = "Own sizes: A has rows × inner, B has inner × columns"
SHAPES = [
    ("The lesson's batch: 10×784 · 784×10", LESSON_BATCH),
    ("The lesson's full set: 50000×784 · 784×10", LESSON_FULL),
    ("A square: 1024×1024 · 1024×1024", "1024x1024x1024"),
    ("Square 256×256 · 256×256", "256x256x256"),
    ("Square 2048×2048 · 2048×2048", "2048x2048x2048"),
    ("A transformer's layer: 512×768 · 768×3072", "512x768x3072"),
]


@dataclass(frozen=True)
class Form:
    """The controls of a table of options.

    Attributes:
        table: the options.
        controls: by the option's name; beside them `SIZES`, which the shape consists of.
    """

    table: type[Settings]
    controls: dict[str, Any]
    shape_chosen: Any  # the event by which a known shape fills the three numbers

    @property
    def components(self) -> list[Any]:
        """All controls, in the order of the page."""
        return list(self.controls.values())

    def settings(self, values: Mapping[Component, Any]) -> Settings:
        """The settings that the controls hold.

        Raises:
            RaceError: with a sentence about the first thing that is not possible.
        """
        named = {name: values[control] for name, control in self.controls.items()}
        sizes = {name: named.pop(name) for name in SIZES}
        empty = " and ".join(name for name, size in sizes.items() if size is None)
        if empty:
            raise RaceError(
                f"No number is given for {empty}; write a whole number from 1 to {MAX_SIDE:,}."
            )
        named["shape"] = "x".join(map(str, sizes.values()))
        if len(named["lanes"]) == len(runnable_lanes()):
            named["lanes"] = None
        for option in options(self.table):
            if option.default is None and option.limits and named[option.name] == option.limits[1]:
                named[option.name] = None  # the largest number that is possible, on any machine
        return self.table(**named)

    def values(self, settings: Settings) -> dict[Component, Any]:
        """What the controls show for these settings."""
        named = {option.name: _control_value(option, settings) for option in options(self.table)}
        sizes = parse_shape(settings.shape)
        named |= {"shape": known_shape(*sizes), **dict(zip(SIZES, sizes, strict=True))}
        return {control: named[name] for name, control in self.controls.items()}


def known_shape(*sizes: int | None) -> str | None:
    """The shape of these sizes where it is one of `SHAPES`, else None."""
    text = "x".join(map(str, sizes))
    return text if text in dict(SHAPES).values() else None


def _control_value(option: Option, settings: Settings) -> Any:  # noqa: ANN401
    """What a control shows for an option; nothing chosen is the first choice or the largest."""
    value = getattr(settings, option.name)
    if option.many:
        return [lane.key for lane in runnable_lanes() if value is None or lane.key in value]
    return value if value is not None else option.limits[1] if option.limits else ""


def build_form(settings: Settings) -> Form:
    """The controls of a table of options, with these settings in them."""
    table = type(settings)
    controls: dict[str, Any] = {}
    visible = [one for one in options(table) if one.label and one.name not in ("shape", "lanes")]
    with gr.Accordion("Shape", open=False):
        shape, shape_chosen = _shape_controls(settings.shape)
        controls |= shape
    with gr.Accordion("Lanes", open=False):
        lanes = _control_value(next(x for x in options(table) if x.name == "lanes"), settings)
        controls["lanes"] = gr.CheckboxGroup(
            lane_choices(), value=lanes, label="Lanes", show_label=False, elem_id="race-lanes"
        )
    with gr.Accordion("Settings", open=False):
        for option in sorted(visible, key=lambda one: one.choices == KEYS):
            controls[option.name] = _control(option, _control_value(option, settings))
    return Form(table, controls, shape_chosen)


def _shape_controls(shape: str) -> tuple[dict[str, Any], Any]:
    """Known shapes and three numbers for any other, and the event by which the one fills them."""
    radio = gr.Radio(SHAPES, value=shape, label="Shape")
    with gr.Group():
        gr.HTML(f'<p class="race-sizes muted">{SIZES_NOTE}</p>', padding=False)
        with gr.Row(elem_id="race-sizes"):
            numbers = [
                gr.Number(size, label=name, precision=0, min_width=70)
                for name, size in zip(SIZES, parse_shape(shape), strict=True)
            ]
    chosen = radio.input(lambda text: parse_shape(text), radio, numbers, **UNQUEUED)
    gr.on([number.input for number in numbers], known_shape, numbers, radio, **UNQUEUED)
    return {"shape": radio, **dict(zip(SIZES, numbers, strict=True))}, chosen


def _control(option: Option, value: Any) -> Component:  # noqa: ANN401
    texts: dict[str, Any] = {"label": option.label, "info": option.info or None}
    if option.choices == KEYS:
        return gr.Dropdown([("The first right lane", ""), *lane_choices()], value=value, **texts)
    if option.name == "device":
        reason = missing_gpu()
        return gr.Radio(
            list(option.choices), value=value, label=option.label, info=reason,
            interactive=reason is None,
        )  # fmt: skip
    if option.choices:
        return gr.Radio(list(option.choices), value=value, **texts)
    if option.limits:
        low, high = option.limits
        wide = max(high, low + 1)  # Gradio wants some; with one thread it is not shown
        return gr.Slider(low, wide, value, step=1, visible=high > low, **texts)
    return gr.Textbox(value, **texts)


def lane_choices() -> list[tuple[str, str]]:
    """Name and key of each lane that this machine can run."""
    return [(lane.name, lane.key) for lane in runnable_lanes()]


def preset_buttons() -> list[gr.Button]:
    """A button for each preset; greyed where it is no use on this machine."""
    with gr.Row(elem_id="race-presets"):
        return [
            gr.Button(preset.name, size="sm", min_width=90, interactive=preset.missing() is None)
            for preset in PRESETS
        ]


def preset_note(preset: Preset | None = None) -> str:
    """What a preset shows, and why another one is greyed."""
    reasons = [f"{one.name}: {reason}" for one in PRESETS if (reason := one.missing())]
    return f'<p class="muted">{escape(" ".join(([preset.shows] if preset else []) + reasons))}</p>'
