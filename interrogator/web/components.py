"""What a visitor of tab one sees and sets: the components, and how what they send is taken.

A new setting is a line of `fields`; what is more than a line is here. `ui` says what happens when.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.data_classes import ImageData, ListFiles
from gradio.utils import get_upload_folder

from interrogator.errors import InterrogatorError
from interrogator.images import remote, uploads
from interrogator.models.registry import ASSETS
from interrogator.options import CAPTION, MODELS, PRESET, PROMPT, Field
from interrogator.pipeline import DEFAULT_MODE
from interrogator.prompts.modes import MODES
from interrogator.vocabulary.cleaning import SUFFIXES
from interrogator.vocabulary.policy import NAMING
from interrogator.vocabulary.selection import ADD, WHERE
from interrogator.web import views

P = ParamSpec("P")
Result = TypeVar("Result")

MODE_TEXT = {
    "best": "best – searches for the prompt most similar to the picture",
    "fast": "fast – the caption and the most similar phrases of all lists",
    "classic": "classic – caption, medium, artist, movement and three more",
    "negative": "negative – what the picture is not",
}


def told(function: Callable[P, Result]) -> Callable[P, Result]:
    """Let a function's sentences reach the client of the API."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except InterrogatorError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


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


def asked() -> dict[str, Any]:
    """The left column: the picture, the mode, the buttons, the settings and the examples."""
    made: dict[str, Any] = {}
    picture = made["picture"] = gr.Image(
        label="Picture", sources=["upload", "clipboard"], height=320, type="filepath",
        elem_id="picture", alt_text="The picture to interrogate",
    )  # fmt: skip
    picture.preprocess = as_it_came  # type: ignore
    within_limits(picture)
    modes = [(MODE_TEXT[mode], mode) for mode in MODES]
    made["mode"] = gr.Radio(modes, value=DEFAULT_MODE, label="Mode", elem_id="mode")
    made["with_negative"] = gr.Checkbox(False, label="Write a negative prompt as well")
    with gr.Row():
        made["start"] = gr.Button("Write the prompt", variant="primary", scale=3, elem_id="start")
        made["stop"] = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
    made |= _settings()
    made["examples"] = gr.Examples(
        example_files(), [picture], label="Examples, painted by our painter",
        examples_per_page=12, elem_id="examples", api_visibility="private",
    )  # fmt: skip
    return made


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
            views.status("The models' size is told here.", kind="idle"), elem_id="models-note"
        )
        made |= {field.name: _made(field) for field in PROMPT}
        with gr.Accordion("Other models", open=False, elem_id="models"):
            made |= {field.name: _made(field) for field in MODELS}
            gr.HTML(views.known_models())
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
            views.status("What is ranked is counted here.", kind="idle"), elem_id="word-counts"
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


def answered() -> dict[str, Any]:
    """The right column: the prompts, the status line, and the views of the state in their order."""
    prompt = gr.Textbox(
        label="Prompt", lines=4, max_lines=12, buttons=["copy"], interactive=False,
        placeholder="Upload or paste a picture, or pick an example: its prompt comes here.",
        elem_id="prompt",
    )  # fmt: skip
    negative = gr.Textbox(
        label="Negative prompt", lines=2, max_lines=8, buttons=["copy"], interactive=False,
        elem_id="negative", visible=False,
    )  # fmt: skip
    line = gr.HTML(views.status("Ready.", kind="idle"), elem_id="status")
    changes = _changes()
    parts = [gr.HTML(view) for view in views.views(None)]
    return {"prompt": prompt, "negative": negative, "line": line, "views": parts, **changes}
