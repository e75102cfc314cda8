"""Tab one: a picture goes in, a prompt comes out, and every phrase is explained.

The page only draws what `pipeline` yields. Loading runs in a thread, so that its progress can
be shown while it lasts.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder

from interrogator import images, render
from interrogator.catalogue import (
    ASSETS,
    PRESETS,
    ModelNames,
    active_notice,
    choose_names,
    default_names,
    download_bytes,
)
from interrogator.errors import InterrogatorError
from interrogator.pipeline import DEFAULT_MODE, Interrogation, Interrogator
from interrogator.prompt import MODES
from interrogator.workshop import Workshop

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0  # after which a hub that did not answer is asked again
POLL_SECONDS = 0.1  # how often a page asks the loading thread for news
MODE_TEXT = {
    "fast": "fast – the caption and the most similar phrases of all lists",
    "classic": "classic – caption, medium, artist, movement and three more",
}
_BUG = "Something went wrong on our side; it is in the server's log. Try again."


def as_it_came(payload: ImageData | None) -> str | bytes | None:
    """Return an upload's path, or the bytes of a data: URL sent to the API, undecoded.

    It takes the place of `gr.Image.preprocess`, which would decode a picture whatever its size;
    `images.read` looks before it decodes. (A subclass would do, but Gradio writes a .pyi file
    beside the source of every subclass.)
    """
    if payload is None:
        return None
    if payload.path:
        # Gradio checks paths only in payloads that say they are files: a client that leaves the
        # mark out could name any file of this machine.
        if not Path(payload.path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
            raise gr.Error("Upload the picture: other files are not read.", print_exception=False)
        return payload.path
    head, _, data = (payload.url or "").partition(",")
    if not head.startswith("data:"):
        return None
    if len(data) > images.MAX_BYTES * 4 // 3 + 4:  # base64 writes three bytes as four
        raise gr.Error("The picture is over the size that is read.", print_exception=False)
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise gr.Error("The data: URL is damaged.", print_exception=False) from error


class Page:
    """The tab's handlers; one per app, sharing one workshop."""

    def __init__(self, workshop: Workshop, names: ModelNames | None, reason: str) -> None:
        self.workshop, self.names, self.reason = workshop, names, reason
        self._asked = time.monotonic()
        self._lock = threading.Lock()

    def default(self) -> tuple[ModelNames, str]:
        """Return the models that are used where a visitor chose none.

        Found out once; but where it was the demo, the hub gets another chance after a while.
        """
        with self._lock:
            stale = time.monotonic() - self._asked > ASK_AGAIN_SECONDS
            if self.names is None or (self.names.embedded and stale):
                self._asked = time.monotonic()
                self.names, self.reason = default_names()
                log.info("%s", active_notice(self.names, self.reason))
            return self.names, self.reason

    def greet(self) -> tuple[str, dict[str, Any], str]:
        """Return the notice of the active models, the chooser set to them, and its note."""
        names, reason = self.default()
        note = self.describe_preset(names.preset)
        return render.notice(active_notice(names, reason)), gr.update(value=names.preset), note

    def describe_preset(self, preset: str) -> str:
        """Return what choosing a preset would mean: its models and their download."""
        try:
            names = choose_names(preset)
            size = download_bytes(names)
        except InterrogatorError as error:
            return render.status(f"{preset}: {error}", kind="error")
        ready = "on this machine already" if not size else f"{size / 1e9:.1f} GB to download once"
        return render.status(f"{preset}: {names.note}; {ready}.", kind="idle")

    def draw(
        self, picture: str | bytes | None, mode: str, preset: str | None, own_caption: str
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the page's outputs as the interrogation goes on; errors as a sentence."""
        state: Interrogation | None = None
        try:
            opened = images.read(picture)
            yield "", render.status("Getting ready"), *_views(None)
            names = choose_names(preset) if preset else self.default()[0]
            prepared: tuple[Interrogator, dict[str, float]] | None = None
            for news in self._prepared(names):
                if isinstance(news, str):
                    yield gr.skip(), news, *_skips()
                else:
                    prepared = news
            assert prepared is not None
            interrogator, seconds = prepared
            yield gr.skip(), render.status("Writing the caption"), *_skips()
            for state in interrogator.steps(opened, mode, own_caption, seconds):
                line = render.status("Ranking the phrases")
                if state.finished:
                    line = render.status(render.summary(state), kind="done")
                yield state.prompt, line, *_views(state)
        except InterrogatorError as error:
            yield "", render.status(str(error), kind="error"), *_views(state)
        except Exception:
            log.exception("the interrogation failed")
            yield "", render.status(_BUG, kind="error"), *_views(state)

    def _prepared(self, names: ModelNames) -> Iterator[str | tuple[Interrogator, dict[str, float]]]:
        """Prepare in a thread; yield lines of progress, then the result."""
        news: Queue[str] = Queue()
        result: list[Any] = []

        def work() -> None:
            try:
                report = lambda text, share: news.put(render.status(text, share))  # noqa: E731
                result.append(self.workshop.prepare(names, report=report))
            except Exception as error:  # carried over to the page's thread and raised there
                result.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while thread.is_alive() or not news.empty():
            try:
                line = news.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if news.empty():  # only the latest is worth drawing
                yield line
        if isinstance(result[0], Exception):
            raise result[0]
        yield result[0]

    def interrogate(
        self,
        picture: str | bytes | None,
        mode: str = DEFAULT_MODE,
        preset: str | None = None,
        caption: str = "",
    ) -> dict[str, Any]:
        """Write the prompt that a picture calls for.

        A caption model describes the picture, CLIP ranks artists, movements, mediums and styles
        by their similarity with it, and the best phrases are composed to a prompt.

        Args:
            picture: The picture, a file: JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF.
            mode: "fast" (the most similar phrases) or "classic" (one of each kind).
            preset: "quality", "light" or "demo"; the best that can be had when left out.
            caption: A caption to use instead of the model's.

        Returns:
            The prompt, its caption, similarity and tokens, every phrase with its similarity and
            contribution, the best phrases of each list, and the models that wrote it.
        """
        return self._sentence(lambda: self._run(picture, mode, preset, caption))

    def _run(
        self, picture: str | bytes | None, mode: str, preset: str | None, caption: str
    ) -> dict[str, Any]:
        opened = images.read(picture)
        names = choose_names(preset) if preset else self.default()[0]
        interrogator, seconds = self.workshop.prepare(names)
        return interrogator.run(opened, mode, caption, seconds).to_json()

    @staticmethod
    def _sentence(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return work()
        except InterrogatorError as error:
            raise gr.Error(str(error), print_exception=False) from error


def _views(state: Interrogation | None) -> tuple[str, ...]:
    return (
        render.caption(state),
        render.phrases(state),
        render.ranked(state),
        render.models(state),
    )


def _skips() -> tuple[Any, ...]:
    return (gr.skip(),) * len(_views(None))


def example_files() -> list[str]:
    """Return the example pictures that ship with the app."""
    return [str(path) for path in sorted(Path(ASSETS / "examples").glob("*.jpg"))]


def _settings() -> tuple[gr.Dropdown, gr.HTML, gr.Textbox]:
    """The folded settings: the models, the note on their size, a caption of one's own."""
    with gr.Accordion("Settings", open=False):
        preset = gr.Dropdown(list(PRESETS), label="Models", value=None, elem_id="preset")
        note = gr.HTML(render.status("The models' size is told here.", kind="idle"))
        own = gr.Textbox(
            "", label="Your own caption", placeholder="Used instead of the model's", max_lines=3
        )
    return preset, note, own


def _results() -> tuple[gr.Textbox | gr.HTML, ...]:
    """The prompt, the status line, and the views of `_views` in their order."""
    prompt = gr.Textbox(
        label="Prompt", lines=4, max_lines=12, buttons=["copy"], interactive=False,
        placeholder="Upload or paste a picture, or pick an example: its prompt comes here.",
        elem_id="prompt",
    )  # fmt: skip
    line = gr.HTML(render.status("Ready.", kind="idle"), elem_id="status")
    return prompt, line, *(gr.HTML(view) for view in _views(None))


def build(workshop: Workshop, concurrency_id: str) -> None:
    """Build the tab inside the caller's `with gr.Tab(...)`.

    Args:
        workshop: Where models are kept.
        concurrency_id: The queue that all computing events of the app share.
    """
    page = Page(workshop, None, "")
    # Found out while the page comes up: the log tells it, and the first visitor need not wait.
    threading.Thread(target=page.default, daemon=True).start()
    notice = gr.HTML(render.status("Looking for the models", kind="idle"), elem_id="active-models")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            picture = gr.Image(
                label="Picture", sources=["upload", "clipboard"], height=320, type="filepath",
                elem_id="picture", alt_text="The picture to interrogate",
            )  # fmt: skip
            picture.preprocess = as_it_came  # type: ignore
            modes = [(MODE_TEXT[mode], mode) for mode in MODES]
            mode = gr.Radio(modes, value=DEFAULT_MODE, label="Mode", elem_id="mode")
            with gr.Row():
                start = gr.Button("Write the prompt", variant="primary", scale=3, elem_id="start")
                stop = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
            preset, preset_note, own = _settings()
            examples = gr.Examples(
                example_files(), [picture], label="Examples, painted by our painter",
                examples_per_page=12, elem_id="examples", api_visibility="private",
            )  # fmt: skip
        with gr.Column(scale=6, min_width=300):
            prompt, line, *views = _results()
    outputs = [prompt, line, *views]
    inputs = [picture, mode, preset, own]
    computing: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    waiting = render.status("Waiting for your turn: one computation runs at a time")
    triggers = (start.click, picture.upload, examples.load_input_event.success)
    running = [
        trigger(lambda: waiting, None, line, queue=False, **quiet).then(
            page.draw, inputs, outputs, **computing, **quiet
        )
        for trigger in triggers
    ]
    stop.click(
        lambda: render.status("Stopped.", kind="idle"),
        None,
        line,
        cancels=running,
        queue=False,
        **quiet,
    )
    preset.input(page.describe_preset, preset, preset_note, **quiet)
    gr.on([], page.interrogate, inputs, gr.JSON(visible=False), api_name="interrogate", **computing)
    gr.on(None, page.greet, None, [notice, preset, preset_note], **quiet)
