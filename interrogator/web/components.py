"""What a visitor of the tab sees and sets: the components, by name, made from the options."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import ListFiles
from gradio.utils import get_upload_folder

from interrogator.errors import InterrogatorError
from interrogator.images import sources
from interrogator.insight.round_trip import obstacle
from interrogator.models.registry import ASSETS
from interrogator.option import Option
from interrogator.options import options_of
from interrogator.prompts.modes import MODES
from interrogator.targets import TARGETS
from interrogator.vocabulary.cleaning import SUFFIXES
from interrogator.web import chips, folds, views

# What a click on a phrase does, what is remembered in the browser, and what Gradio's markup lacks.
FILES = [
    (ASSETS / name).read_text("utf-8")
    for name in ("languages.json", "languages.js", "history.js", "settings.js", "workbench.js")
]
SCRIPT = "const LANGUAGES = " + "".join(FILES)

AT_ONCE = "The work begins as soon as a picture is here."

Components = dict[str, Any]
# Of events that only the page knows.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def picture_and_controls() -> Components:
    """The left column: the picture, the examples, the mode, the buttons and the settings."""
    picture = gr.Image(
        label="Picture", sources=["upload", "clipboard"], height=212, type="filepath",
        elem_id="picture", alt_text="The picture to interrogate",
    )  # fmt: skip
    described = picture.api_info()
    picture.api_info = lambda: described  # type: ignore
    # It would refuse a picture that is a plain text, without a sentence.
    picture.data_model = None  # type: ignore
    picture.preprocess = undecoded  # type: ignore
    fetch_within_limits(picture)
    gr.HTML(f'<p class="muted">{AT_ONCE}</p>', elem_id="at-once")
    components: Components = {"picture": picture}
    components["examples"] = gr.Examples(
        example_files(), [picture], label="Examples, painted by our painter",
        examples_per_page=12, elem_id="examples", api_visibility="private",
    )  # fmt: skip
    options = options_of("page")
    components["mode"] = component_of(options["mode"])
    gr.HTML(mode_sentences(options["mode"]), elem_id="mode-sentence")
    with gr.Row(elem_id="switches"):
        components |= _section("main", without=("mode",))
        components["no_artists"] = gr.Checkbox(label="No artists", elem_id="no-artists")
    with gr.Row(elem_id="buttons"):
        components["start"] = gr.Button(
            "Write the prompt", variant="primary", scale=3, elem_id="start"
        )
        components["stop"] = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
    gr.HTML('<p role="status"></p>', elem_id="settings-hint")
    return components | _settings()


def result() -> Components:
    """The right column: the prompts, their phrases, the status line, and what explains them."""
    components: Components = {
        "prompt": gr.Textbox(
            label="Prompt", lines=4, max_lines=4, buttons=["copy"], interactive=True,
            placeholder="Upload or paste a picture, or pick an example: its prompt comes here.",
            elem_id="prompt",
        ),
        "status": gr.HTML(views.status("Ready.", kind="idle"), elem_id="status"),
        "phrases": gr.HTML(chips.empty(), elem_id="phrases", js_on_load=SCRIPT),
        "target": gr.Dropdown(
            [
                ("the prompt as it is", chips.AS_IT_IS),
                *((target.described, name) for name, target in TARGETS.items()),
            ],
            value=chips.AS_IT_IS, label="Written for", info=" ", elem_id="target",
        ),
        "negative": gr.Textbox(
            label="Negative prompt", lines=2, max_lines=2, buttons=["copy"], interactive=False,
            elem_id="negative",
        ),
        "caption_line": gr.Textbox(
            label="Caption: change it, and the prompt follows", lines=1, max_lines=1,
            placeholder="What the picture shows, in a sentence.", interactive=True,
            elem_id="caption",
        ),
        "notes": gr.HTML(folds.notes(None), elem_id="notes"),
        "where": gr.HTML("", elem_id="where"),
        "copy": gr.Button("Picture with this prompt in it", size="sm", elem_id="copy"),
        "copied": gr.DownloadButton("Download", visible="hidden", elem_id="copied"),
    }  # fmt: skip
    with gr.Accordion("Keep, leave out and ban by hand", open=False, elem_id="changes"):
        components |= _section("change")
        components["again"] = gr.Button("Search again", size="sm", elem_id="again")
    with gr.Accordion("Round trip", open=False, elem_id="round-trip"):
        why = obstacle()
        components["redraw"] = gr.Button(
            "Draw a picture from the prompt", size="sm", elem_id="redraw", visible=not why
        )
        components["redrawn"] = gr.HTML(f'<p class="muted">{why}</p>', elem_id="redrawn")
    return components | {"explained": gr.HTML(folds.explained(None), elem_id="explained")}


def mode_sentences(mode: Option) -> str:
    """Return a sentence for each mode; the stylesheet shows that of the chosen one."""
    beside = options_of("page")["with_negative"].label
    other = f" For a prompt with its negative, tick “{beside}” in another mode."
    return "".join(
        f'<p class="muted mode-{value}">{escape(text[0].upper() + text[1:])}.'
        f"{escape(other) if MODES[value].negative else ''}</p>"
        for value, text in mode.choices.items()
    )


def _settings() -> Components:
    """The folded settings, and the notes on models and words."""
    with gr.Accordion("Settings", open=False):
        models = options_of("page")
        components: Components = {"preset": component_of(models["preset"])}
        components["models_note"] = gr.HTML(
            views.status("The models' size is told here.", kind="idle"), elem_id="models-note"
        )
        components |= _section("prompt")
        with gr.Accordion("Other models", open=False, elem_id="models"):
            components |= _section("models", without=("preset",))
            gr.HTML(views.known_models())
        with gr.Accordion("How the caption is written", open=False, elem_id="captioning"):
            components |= _section("caption")
        with gr.Accordion("Words", open=False, elem_id="words"):
            components |= _section("words")
            components["word_counts"] = gr.HTML(
                views.status("What is ranked is counted here.", kind="idle"), elem_id="word-counts"
            )
    return components


def _section(section: str, without: tuple[str, ...] = ()) -> Components:
    """Return the components of a section's options, by name."""
    options = options_of("page").values()
    return {
        option.name: component_of(option)
        for option in options
        if option.section == section and option.name not in without
    }


def component_of(option: Option) -> Component:
    """Return the component with which an option is set."""
    name = "mode" if option.name == "mode" else f"set-{option.name.replace('_', '-')}"
    shown: dict[str, Any] = {"label": option.label, "info": option.help, "elem_id": name}
    if option.kind == "switch":
        return gr.Checkbox(option.default, label=option.label, elem_id=name)
    if option.kind == "choice":
        return _choice(option, shown)
    if option.kind == "phrases":
        return as_free_text(gr.Dropdown([], multiselect=True, allow_custom_value=True, **shown))
    if option.kind == "files":
        return _files(option, name)
    if option.kind in ("whole", "share"):
        step = 1 if option.kind == "whole" else 0.05
        return gr.Slider(option.least, option.most or 0, option.default, step=step, **shown)
    if option.kind == "seconds":
        return gr.Number(0, minimum=option.least, **shown)
    lines = 3 if option.section == "words" else 1
    return gr.Textbox(
        option.default, placeholder=option.placeholder, lines=lines, max_lines=12, **shown
    )


def _choice(option: Option, shown: dict[str, Any]) -> Component:
    """Return a menu for names of models, which are many, and a row of buttons for the rest."""
    if option.section != "models":
        if option.name == "mode":  # a row of four; the sentence of the chosen one is below
            return gr.Radio(list(option.choices), value=option.default, **{**shown, "info": None})
        labels = [(f"{value} – {text}", value) for value, text in option.choices.items()]
        return gr.Radio(labels, value=option.default, **shown)
    labels = [(value or text, value) for value, text in option.choices.items()]
    menu = gr.Dropdown(labels, value=option.default, allow_custom_value=option.free, **shown)
    return as_free_text(menu) if option.free else menu


def _files(option: Option, name: str) -> gr.File:
    files = gr.File(
        label=option.help.rstrip("."), file_count="multiple", file_types=list(SUFFIXES),
        height=160, elem_id=name,
    )  # fmt: skip
    files.preprocess = unread_lists  # type: ignore
    fetch_within_limits(files)
    return files


def as_free_text(dropdown: gr.Dropdown) -> gr.Dropdown:
    """Tell programs that anything may be chosen: Gradio would tell them the choices alone."""
    text = {"type": "string"}
    dropdown.api_info = lambda: (  # type: ignore
        {"type": "array", "items": text} if dropdown.multiselect else text
    )
    return dropdown


def fetch_within_limits(block: gr.Image | gr.File) -> None:
    """Have what a program names by its address fetched as `sources` does, which knows limits.

    Gradio's own way reads all that an address gives into memory, whatever its size.
    """
    as_usual: Callable[..., Any] = block.async_move_resource_to_block_cache

    async def move(source: str | Path | None) -> str | None:
        if not re.match(r"https?://", str(source)):
            return await as_usual(source)
        path = str(await sources.fetch(str(source), Path(block.GRADIO_CACHE)))
        block.temp_files.add(path)
        return path

    block.async_move_resource_to_block_cache = move  # type: ignore


def undecoded(payload: Any) -> str | bytes | None:  # noqa: ANN401
    """Return an upload's path, or the bytes or file of what was sent as a text, undecoded.

    It takes the place of `gr.Image.preprocess`, which would decode a picture whatever its size;
    `decode.read` looks before it decodes. (A subclass would do, but Gradio writes a .pyi file
    beside the source of every subclass.)

    Args:
        payload: What Gradio's clients send for a file, or an address, a data: URL or base64.

    Raises:
        InterrogatorError: It is none of them.
    """
    if payload is None:
        return None
    sent: Any = {"path": payload, "url": payload} if isinstance(payload, str) else payload
    path, url = (sent.get(n) for n in ("path", "url")) if isinstance(sent, dict) else (payload,) * 2
    if not all(text is None or isinstance(text, str) for text in (path, url)):
        raise InterrogatorError(
            "`picture` must be an uploaded file, an address (http, https), a data: URL or base64, "
            f"not {str(payload)[:60]!r}."
        )
    return sources.picture(path, url, get_upload_folder())


def unread_lists(payload: ListFiles | None) -> list[str]:
    """Return the paths of uploaded lists; like `undecoded`, it reads uploads only."""
    paths = [file.path for file in payload.root] if payload else []
    return sources.lists(paths, get_upload_folder())


def example_files() -> list[str]:
    """Return the example pictures that ship with the app."""
    return [str(path) for path in sorted(Path(ASSETS / "examples").glob("*.jpg"))]
