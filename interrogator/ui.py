"""Tab one: a picture goes in, a prompt comes out, and every phrase is explained.

What the buttons do is in `page`; here is what a visitor sees and which value goes where.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.data_classes import ImageData, ListFiles
from gradio.utils import get_upload_folder

from interrogator import remote, render, uploads
from interrogator.api import Endpoints
from interrogator.catalogue import ASSETS
from interrogator.choices import ADD, WHERE
from interrogator.errors import InterrogatorError
from interrogator.fields import CAPTION, MODELS, PRESET, PROMPT, Field
from interrogator.interrogation import Interrogation, Seen
from interrogator.jobs import POLL_SECONDS
from interrogator.modes import MODES
from interrogator.page import WAITING, Drawn, Page
from interrogator.pipeline import DEFAULT_MODE
from interrogator.policy import NAMING
from interrogator.request import Request
from interrogator.wordlists import SUFFIXES
from interrogator.workshop import Workshop

P = ParamSpec("P")
Result = TypeVar("Result")

MODE_TEXT = {
    "best": "best – searches for the prompt most similar to the picture",
    "fast": "fast – the caption and the most similar phrases of all lists",
    "classic": "classic – caption, medium, artist, movement and three more",
    "negative": "negative – what the picture is not",
}
KEPT_SECONDS = 3600  # how long a visitor can search again without the picture being read anew


def as_free_text(dropdown: gr.Dropdown) -> gr.Dropdown:
    """Tell programs that anything may be chosen: Gradio would tell them the choices alone."""
    text = {"type": "string"}
    dropdown.api_info = lambda: (  # type: ignore
        {"type": "array", "items": text} if dropdown.multiselect else text
    )
    return dropdown


def within_limits(block: gr.Image | gr.File) -> None:
    """Have what a program names by its address fetched as `remote` does, which knows limits.

    Gradio's own way reads all that an address gives into memory, whatever its size.
    """
    as_usual = block.async_move_resource_to_block_cache

    async def move(source: str | Path | None) -> str | None:
        if not str(source).startswith(("http://", "https://")):
            return await as_usual(source)
        try:
            path = str(await remote.fetch(str(source), Path(block.GRADIO_CACHE)))
        except InterrogatorError as error:
            raise gr.Error(str(error), print_exception=False) from error
        block.temp_files.add(path)
        return path

    block.async_move_resource_to_block_cache = move  # type: ignore


def told(function: Callable[P, Result]) -> Callable[P, Result]:
    """Let a function's sentences reach the client of the API."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except InterrogatorError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


@told
def as_it_came(payload: ImageData | None) -> str | bytes | None:
    """Return an upload's path, or the bytes of a data: URL sent to the API, undecoded.

    It takes the place of `gr.Image.preprocess`, which would decode a picture whatever its size;
    `images.read` looks before it decodes. (A subclass would do, but Gradio writes a .pyi file
    beside the source of every subclass.)
    """
    return uploads.picture(payload.path, payload.url, get_upload_folder()) if payload else None


@told
def lists_as_they_came(payload: ListFiles | None) -> list[str]:
    """Return the paths of uploaded lists; like `as_it_came`, it reads uploads only."""
    return uploads.lists(
        [file.path for file in payload.root] if payload else [], get_upload_folder()
    )


def example_files() -> list[str]:
    """Return the example pictures that ship with the app."""
    return [str(path) for path in sorted(Path(ASSETS / "examples").glob("*.jpg"))]


def _made(field: Field) -> gr.components.Component:
    """Return the component for something that a visitor can set."""
    told: dict[str, Any] = {"label": field.label, "info": field.info}
    name = f"set-{field.name.replace('_', '-')}"
    if field.kind == "choice":
        made = gr.Dropdown(
            list(field.choices), value=field.value, allow_custom_value=field.free, elem_id=name,
            **told,
        )  # fmt: skip
        return as_free_text(made) if field.free else made
    if field.kind == "slider":
        return gr.Slider(field.least, field.most, field.value, step=1, elem_id=name, **told)
    if field.kind == "number":
        return gr.Number(
            field.value, minimum=field.least, placeholder=field.placeholder, elem_id=name, **told
        )
    return gr.Textbox(field.value, placeholder=field.placeholder, max_lines=3, elem_id=name, **told)


def _settings() -> dict[str, Any]:
    """The folded settings, by the names of the API's arguments, and the note on the models."""
    made: dict[str, Any] = {}
    with gr.Accordion("Settings", open=False):
        made[PRESET.name] = _made(PRESET)
        made["note"] = gr.HTML(
            render.status("The models' size is told here.", kind="idle"), elem_id="models-note"
        )
        made |= {field.name: _made(field) for field in PROMPT}
        with gr.Accordion("Other models", open=False, elem_id="models"):
            made |= {field.name: _made(field) for field in MODELS}
            gr.HTML(render.known_models())
        with gr.Accordion("How the caption is written", open=False, elem_id="captioning"):
            made |= {field.name: _made(field) for field in CAPTION}
        made |= _words()
    return made


def _words() -> dict[str, Any]:
    """Whose names, lists of one's own, and the note that counts what they mean."""
    made: dict[str, Any] = {}
    with gr.Accordion("Words", open=False, elem_id="words"):
        naming = [(f"{name} – {text}", name) for name, text in NAMING.items()]
        made["name_artists"] = gr.Radio(naming, value="all", label="Artists who may be named")
        made["own_words"] = gr.Textbox(
            "", label="Your own phrases", lines=3, max_lines=12, elem_id="own-words",
            placeholder="One a line; weights such as (fog:1.2) are taken off",
        )  # fmt: skip
        made["own_files"] = gr.File(
            label="Your own lists: .txt or .csv, one category a file", file_count="multiple",
            file_types=list(SUFFIXES), height=160, elem_id="own-files",
        )  # fmt: skip
        made["own_files"].preprocess = lists_as_they_came
        within_limits(made["own_files"])
        where = [(text, name) for name, text in WHERE.items()]
        made["own_lists"] = gr.Radio(where, value=ADD, label="Yours are ranked")
        made["counts"] = gr.HTML(
            render.status("What is ranked is counted here.", kind="idle"), elem_id="word-counts"
        )
    return made


def _changes() -> dict[str, Any]:
    """What a person may change of a prompt before searching again, and the button."""
    made: dict[str, Any] = {}
    with gr.Accordion("Change it and search again", open=False, elem_id="changes"):
        made["pinned"] = gr.Dropdown(
            [], label="Keep these phrases", multiselect=True, allow_custom_value=True,
            info="They stay, right behind the caption; your own words are welcome.",
        )  # fmt: skip
        as_free_text(made["pinned"])
        made["dropped"] = gr.Dropdown(
            [], label="Leave these out", multiselect=True, allow_custom_value=True
        )
        as_free_text(made["dropped"])
        made["banned"] = gr.Textbox(
            "", label="Ban words", placeholder="between commas; no phrase with them is used",
            info='Also "a whole phrase" in quotes, category:sites or group:mood.',
        )  # fmt: skip
        made["again"] = gr.Button("Search again", size="sm", elem_id="again")
    return made


def _results() -> dict[str, Any]:
    """The prompts, the status line, and the views of the state in their order."""
    prompt = gr.Textbox(
        label="Prompt", lines=4, max_lines=12, buttons=["copy"], interactive=False,
        placeholder="Upload or paste a picture, or pick an example: its prompt comes here.",
        elem_id="prompt",
    )  # fmt: skip
    negative = gr.Textbox(
        label="Negative prompt", lines=2, max_lines=8, buttons=["copy"], interactive=False,
        elem_id="negative", visible=False,
    )  # fmt: skip
    line = gr.HTML(render.status("Ready.", kind="idle"), elem_id="status")
    changes = _changes()
    views = [gr.HTML(view) for view in render.views(None)]
    return {"prompt": prompt, "negative": negative, "line": line, "views": views, **changes}


def _outputs(drawn: Drawn) -> tuple[Any, ...]:
    """Return a value for each output: prompts, line, views, two choosers, what was seen."""
    leave = gr.skip()
    negative: Any = leave
    if drawn.negative is not None:
        negative = gr.update(value=drawn.negative, visible=bool(drawn.negative))
    views: tuple[Any, ...] = (leave,) * len(render.views(None))
    choosers: tuple[Any, Any] = (leave, leave)
    if drawn.state is not None:
        state = drawn.state if isinstance(drawn.state, Interrogation) else None
        views = render.views(state)
        if state and state.finished:
            used = [phrase.text for phrase in state.phrases]
            others = [p.text for group in state.ranked.values() for p in group[:3]]
            all_of_them = list(dict.fromkeys([*used, *others]))
            choosers = gr.update(choices=all_of_them), gr.update(choices=all_of_them)
    prompt = leave if drawn.prompt is None else drawn.prompt
    return prompt, negative, drawn.line, *views, *choosers, drawn.seen or leave


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
    seen = gr.State(None, time_to_live=KEPT_SECONDS)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            picture = gr.Image(
                label="Picture", sources=["upload", "clipboard"], height=320, type="filepath",
                elem_id="picture", alt_text="The picture to interrogate",
            )  # fmt: skip
            picture.preprocess = as_it_came  # type: ignore
            within_limits(picture)
            modes = [(MODE_TEXT[mode], mode) for mode in MODES]
            mode = gr.Radio(modes, value=DEFAULT_MODE, label="Mode", elem_id="mode")
            with_negative = gr.Checkbox(False, label="Write a negative prompt as well")
            with gr.Row():
                start = gr.Button("Write the prompt", variant="primary", scale=3, elem_id="start")
                stop = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
            chosen = _settings()
            examples = gr.Examples(
                example_files(), [picture], label="Examples, painted by our painter",
                examples_per_page=12, elem_id="examples", api_visibility="private",
            )  # fmt: skip
        with gr.Column(scale=6, min_width=300):
            shown = _results()
    line, pinned, dropped = shown["line"], shown["pinned"], shown["dropped"]
    made = {
        **chosen, **shown, "picture": picture, "mode": mode, "with_negative": with_negative
    }  # fmt: skip
    endpoints = Endpoints(page)
    inputs = [made[name] for name in inspect.signature(endpoints.interrogate).parameters]
    outputs = [
        shown["prompt"], shown["negative"], line, *shown["views"], pinned, dropped, seen
    ]  # fmt: skip
    computing: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def draw(seen: Seen | None, *values: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
        try:
            request = Request.of(*values)
        except InterrogatorError as error:
            yield _outputs(Drawn(render.status(str(error), kind="error")))
            return
        for drawn in page.draw(request, seen):
            yield _outputs(drawn)

    async def fetch(*values: Any) -> AsyncIterator[tuple[Any, ...]]:  # noqa: ANN401
        """Show a download; nothing here holds a thread, so that any number may wait."""
        try:
            for drawn in page.fetch(Request.of(*values)):
                if drawn:
                    yield _outputs(drawn)
                else:
                    await asyncio.sleep(POLL_SECONDS)
        except InterrogatorError as error:
            yield _outputs(Drawn(render.status(str(error), kind="error")))
            # It has been said: what would follow must not begin, and nothing more be shown.
            raise gr.Error(str(error), visible=False, print_exception=False) from error

    waiting = render.status(WAITING)
    # Another picture has other phrases: what was kept or left out of the last one is forgotten.
    fresh = waiting, gr.update(value=[]), gr.update(value=[]), ""
    forgotten = [line, pinned, dropped, chosen["caption"]]
    triggers = (
        (start.click, lambda: waiting, line),
        (shown["again"].click, lambda: waiting, line),
        (picture.upload, lambda: fresh, forgotten),
        (examples.load_input_event.success, lambda: fresh, forgotten),
    )
    running = []
    for trigger, first, changed in triggers:
        fetching = trigger(first, None, changed, queue=False, **quiet).then(
            fetch, inputs, outputs, concurrency_id="fetch", concurrency_limit=None, **quiet
        )
        drawing = fetching.success(draw, [seen, *inputs], outputs, **computing, **quiet)
        running += [fetching, drawing]
    stop.click(
        lambda: render.status("Stopped.", kind="idle"),
        None,
        line,
        cancels=running,
        queue=False,
        **quiet,
    )
    preset, note = chosen["preset"], chosen["note"]
    models = [preset, *(chosen[field.name] for field in MODELS)]
    gr.on([field.input for field in models], page.describe_models, models, note, **quiet)
    words = [
        preset, chosen["name_artists"], shown["banned"], chosen["own_words"], chosen["own_files"],
        chosen["own_lists"],
    ]  # fmt: skip
    changed = [
        preset.input, chosen["name_artists"].input, shown["banned"].blur, chosen["own_words"].blur,
        chosen["own_files"].upload, chosen["own_files"].clear, chosen["own_lists"].input,
    ]  # fmt: skip
    gr.on(
        changed, page.describe_words, words, chosen["counts"], trigger_mode="always_last", **quiet
    )
    gr.on(None, page.greet, None, [notice, preset, note], **quiet)
    _serve(endpoints, made, inputs, computing)


def _serve(
    endpoints: Endpoints, made: dict[str, Any], inputs: list[Any], computing: dict[str, Any]
) -> None:
    """Offer the endpoints of the API, which no button of the page uses."""
    top = gr.Number(5, label="Top", visible=False, minimum=1, precision=0)
    prompt = gr.Textbox("", label="Prompt to score", visible=False)
    picture, preset, clip = made["picture"], made["preset"], made["clip"]
    for function, values, name in (
        (endpoints.interrogate, inputs, "interrogate"),
        (endpoints.analyze, [picture, preset, top, made["caption_model"], clip], "analyze"),
        (endpoints.score, [picture, prompt, preset, clip], "score"),
    ):
        gr.on([], told(function), values, gr.JSON(visible=False), api_name=name, **computing)
