"""The fold “Several pictures, one prompt”: its components, and what happens when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ListFiles
from gradio.utils import get_upload_folder

from interrogator.errors import InterrogatorError
from interrogator.images import sources
from interrogator.insight.together import MOST_PICTURES
from interrogator.options import options_of
from interrogator.request import Request
from interrogator.serving.background import polled
from interrogator.web import views
from interrogator.web.components import Components, fetch_within_limits
from interrogator.web.handlers import WAITING, Handlers
from interrogator.web.several import work
from interrogator.web.several.work import NamedFile

STOPPED = "Stopped before there was a prompt."
# The report of a search that was stopped: what `work.so_far` has ready.
_STOPPED = """(report) => {
  const page = document.createElement("template");
  page.innerHTML = report;
  const best = page.content.querySelector("template")?.innerHTML;
  return best ?? (page.content.querySelector(".busy") ? NOTHING : report);
}""".replace("NOTHING", json.dumps(views.status(STOPPED, kind="idle")))
OF_ONE_PICTURE = ("caption", "pinned", "dropped")  # choices that belong to the picture above
ABOUT = (
    f"2 to {MOST_PICTURES} pictures get one prompt: what is plausible in every one of them, and "
    "nearest to what they have in common."
)


def build_fold() -> Components:
    """Build the fold inside the caller's column; return its components by name."""
    with gr.Accordion("Several pictures, one prompt", open=False, elem_id="several"):
        gr.HTML(f'<p class="muted">{ABOUT}</p>')
        files = gr.File(
            label="Several pictures", file_count="multiple", height=150,
            elem_id="several-pictures",
        )  # fmt: skip
        files.preprocess = named_files  # type: ignore
        fetch_within_limits(files)
        with gr.Row():
            start = gr.Button(
                "Write one prompt for all", size="sm", scale=3, elem_id="several-start"
            )
            stop = gr.Button(
                "Stop", size="sm", scale=1, min_width=80, interactive=False,
                elem_id="several-stop",
            )  # fmt: skip
        prompt = gr.Textbox(
            label="Their prompt", placeholder=" ", lines=3, max_lines=3, buttons=["copy"],
            interactive=False, elem_id="several-prompt",
        )  # fmt: skip
        report = gr.HTML("", elem_id="several-report")
    return {"files": files, "start": start, "stop": stop, "prompt": prompt, "report": report}


def named_files(payload: ListFiles | None) -> list[NamedFile]:
    """Return the uploads with their names; it takes the place of `gr.File.preprocess`."""
    files = payload.root if payload else []
    paths = sources.lists([file.path for file in files], get_upload_folder())
    return [
        NamedFile(path, str(file.orig_name or Path(path).name))
        for path, file in zip(paths, files, strict=True)
    ]


def connect(
    handlers: Handlers, fold: Components, components: Components, computing: dict[str, Any],
    quiet: dict[str, Any],
) -> None:  # fmt: skip
    """Write a prompt for all when the button is pressed; Stop keeps the best so far.

    Args:
        handlers: Of the page.
        fold: What `build_fold` returned.
        components: Of the page; the choices of its one picture do not count.
        computing: How events compute, one at a time.
        quiet: How events are shown: not at all.
    """
    names = [name for name in ("target", *options_of("page")) if name not in OF_ONE_PICTURE]
    inputs = {fold["files"], *(components[name] for name in names)}
    outputs = [fold["prompt"], fold["report"]]

    def request_of(data: dict[Any, Any]) -> Request:
        return handlers.request({name: data[components[name]] for name in names})

    async def fetch_for_several(data: dict[Any, Any]) -> AsyncIterator[dict[Any, Any]]:
        try:
            work.check_count(data[fold["files"]])
            request = await asyncio.to_thread(request_of, data)
            async for update in polled(handlers.fetch_models(request)):
                yield {fold["report"]: update.status}
        except InterrogatorError as error:
            yield {fold["report"]: views.status(str(error), kind="error")}
            raise gr.Error(str(error), visible=False, print_exception=False) from error

    def draw_several(data: dict[Any, Any]) -> Iterator[list[str]]:
        for prompt, report in work.draw(handlers.service, data[fold["files"]], request_of(data)):
            yield [prompt, report]

    started = fold["start"].click(
        None, None, [*outputs, *_buttons(fold)],
        js=f"() => ['', {json.dumps(views.status(WAITING))}, ...{_pressable(stop=True)}]", **quiet,
    )  # fmt: skip
    fetching = started.then(
        fetch_for_several, inputs, outputs, concurrency_id="fetch", concurrency_limit=None, **quiet
    )
    drawing = fetching.success(draw_several, inputs, outputs, **computing, **quiet)
    over = {"outputs": _buttons(fold), "js": f"() => {_pressable(start=True)}", **quiet}
    fetching.failure(None, None, **over)
    drawing.then(None, None, **over)
    _end_on_demand(fold, outputs, [fetching, drawing], quiet)


def _end_on_demand(
    fold: Components, outputs: list[Any], running: list[Any], quiet: dict[str, Any]
) -> None:
    """End what runs when Stop is pressed, or when other files are brought."""
    report, buttons = fold["report"], _buttons(fold)
    stopped = f"(report) => [({_STOPPED})(report), ...{_pressable(start=True)}]"
    fold["stop"].click(None, report, [report, *buttons], js=stopped, cancels=running, **quiet)
    gr.on(
        [fold["files"].upload, fold["files"].clear, fold["files"].delete],
        None, None, [*outputs, *buttons], js=f"() => ['', '', ...{_pressable(start=True)}]",
        cancels=running, **quiet,
    )  # fmt: skip


def _buttons(fold: Components) -> list[gr.Button]:
    return [fold["start"], fold["stop"]]


def _pressable(start: bool = False, stop: bool = False) -> str:
    """Return which buttons can be pressed from now on, as JavaScript."""
    return json.dumps([{"__type__": "update", "interactive": can} for can in (start, stop)])
