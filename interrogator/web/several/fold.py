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
        start = gr.Button("Write one prompt for all", size="sm", elem_id="several-start")
        prompt = gr.Textbox(
            label="Their prompt", placeholder=" ", lines=3, max_lines=3, buttons=["copy"],
            interactive=False, elem_id="several-prompt",
        )  # fmt: skip
        report = gr.HTML("", elem_id="several-report")
    return {"files": files, "start": start, "prompt": prompt, "report": report}


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
    """Write a prompt for all when the button is pressed, with what the page is set to.

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

    waiting, nothing = (f"() => {json.dumps(['', line])}" for line in (views.status(WAITING), ""))
    fold["start"].click(None, None, outputs, js=waiting, **quiet).then(
        fetch_for_several, inputs, outputs, concurrency_id="fetch", concurrency_limit=None, **quiet
    ).success(draw_several, inputs, outputs, **computing, **quiet)
    gr.on(
        [fold["files"].upload, fold["files"].clear, fold["files"].delete],
        None, None, outputs, js=nothing, **quiet,
    )  # fmt: skip
