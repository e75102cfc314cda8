"""The fold “Many pictures”: its components, and what happens when.

The table with all prompts is kept by the visitor's browser (`assets/many.js`), which says what is
to be done: the server remembers nothing of it between two requests.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr

from interrogator.errors import InterrogatorError
from interrogator.images.decode import MAX_BYTES
from interrogator.models.registry import ASSETS
from interrogator.options import options_of
from interrogator.request import Request
from interrogator.serving.background import POLL_SECONDS, off_the_loop
from interrogator.web import views
from interrogator.web.components import Components, fetch_within_limits
from interrogator.web.handlers import Handlers
from interrogator.web.many import edits, work
from interrogator.web.many.files import MOST_PICTURES, items_of, look_at, zips_closed
from interrogator.web.several.fold import OF_ONE_PICTURE, named_files
from interrogator.web.several.work import NamedFile

ABOUT = (
    f"Up to {MOST_PICTURES} pictures, as files or in a zip, each file up to "
    f"{MAX_BYTES // 2**20} MB, get a prompt each, with the settings above. A few are done at a "
    "time; then whoever else waits has his turn. What is written stays in this page: take it home "
    "before you close it."
)
IDLE = "Choose pictures or a zip first."
LOOKING = "Looking at the files"
TAKE = "Download the texts as a zip"
HINT = "Edits hold for the rows that are selected; for all of them if none is."
SCRIPT = (ASSETS / "many.js").read_text("utf-8")

Mail = dict[str, Any]


def build_fold() -> Components:
    """Build the fold inside the caller's tab; return its components by name."""
    with gr.Accordion("Many pictures", open=False, elem_id="many"):
        gr.HTML(f'<p class="muted">{ABOUT}</p>')
        files = gr.File(
            label="Pictures or a zip", file_count="multiple", height=150, elem_id="many-pictures"
        )
        files.preprocess = named_files  # type: ignore
        fetch_within_limits(files)
        with gr.Row():
            fold: Components = {
                "files": files,
                "start": gr.Button(
                    "Write the prompts", variant="primary", scale=3, elem_id="many-start"
                ),
                "stop": gr.Button(
                    "Stop", scale=1, min_width=80, interactive=False, elem_id="many-stop"
                ),
            }
        with gr.Row(elem_id="many-home"):
            fold["status"] = gr.HTML(
                views.status(IDLE, kind="idle"), min_width=220, elem_id="many-status"
            )
            fold["take"] = gr.Button(TAKE, min_width=220, interactive=False, elem_id="many-take")
        fold["table"] = gr.HTML('<div class="many-table"></div>', js_on_load=SCRIPT)
        with gr.Row(elem_id="many-edits"):
            fold["action"] = gr.Dropdown(
                list(edits.EDITS), value=next(iter(edits.EDITS)), label="Edit", min_width=180,
                elem_id="many-action",
            )  # fmt: skip
            fold["words"] = gr.Textbox(label="Words", min_width=180, elem_id="many-words")
            fold["other"] = gr.Textbox(
                label="Replaced with", min_width=180, visible=False, elem_id="many-other"
            )
        gr.HTML(f'<p class="muted">{HINT}</p>', elem_id="many-hint")
        fold["edit"] = gr.Button("Change the prompts", size="sm", elem_id="many-edit")
        fold["mail"] = gr.JSON(None, visible="hidden", elem_id="many-mail")
    return fold


def _sent(mail: Mail | None, name: str) -> list[Any]:
    """Return a list that a browser sent; an empty one for whatever else it sent."""
    found = mail.get(name) if isinstance(mail, dict) else None
    return found[:MOST_PICTURES] if isinstance(found, list) else []


def look(files: list[NamedFile]) -> tuple[str, Mail]:
    """Return the status line, and the rows of uploads: a thumbnail or a sentence each."""
    try:
        with zips_closed():
            rows = [asdict(look_at(item)) for item in items_of(files)]
    except InterrogatorError as error:
        return views.status(str(error), kind="error"), {"rows": []}
    text = f"{views.counted(len(rows), 'file')} to be written for." if rows else IDLE
    if broken := sum(bool(row["error"]) for row in rows):
        text = f"{len(rows) - broken} of {len(rows)} files can be read."
    return views.status(text, kind="idle"), {"rows": rows}


def revise(mail: Mail, action: str, words: str, other: str) -> tuple[str, Mail]:
    """Return the status line, and the prompts that the page sent, edited."""
    try:
        prompts = [str(prompt) for prompt in _sent(mail, "prompts")]
        if not prompts:
            raise InterrogatorError(edits.NOTHING)
        edit = str(action), str(words or ""), str(other or "")
        revised = edits.revise(prompts, *edit)
    except InterrogatorError as error:
        return views.status(str(error), kind="error"), {"prompts": None}
    return views.status(edits.describe(*edit, prompts, revised), kind="done"), {"prompts": revised}


def pack(mail: Mail) -> tuple[str, Mail]:
    """Return the status line, and a zip of the rows that the page sent, as base64."""
    rows = [row for row in _sent(mail, "rows") if isinstance(row, dict)]
    try:
        data, written = edits.pack(rows)
    except InterrogatorError as error:
        return views.status(str(error), kind="error"), {"zip": None}
    text = f"The zip has texts for {written} of {views.counted(len(rows), 'picture')}."
    return views.status(text, kind="done"), {"zip": base64.b64encode(data).decode()}


def connect(
    handlers: Handlers, fold: Components, components: Components, computing: dict[str, Any],
    quiet: dict[str, Any],
) -> None:  # fmt: skip
    """Let the fold's buttons do their work, with what the page is set to.

    Args:
        handlers: Of the page.
        fold: What `build_fold` returned.
        components: Of the page; the choices of its one picture do not count.
        computing: How events compute, one at a time.
        quiet: How events are shown: not at all.
    """
    files, status, mail = (fold[name] for name in ("files", "status", "mail"))
    both = [status, mail]
    # The page's own words stand in for the mail of the last answer.
    send = "(mail, ...rest) => [many.{}(), ...rest]"

    running = _run(handlers, fold, components, computing, quiet)
    gr.on(
        [files.upload, files.clear, files.delete], None, None, status,
        js=f"() => many.empty({json.dumps(views.status(LOOKING))})", cancels=running, **quiet,
    ).then(look, files, both, concurrency_id="look", concurrency_limit=2, **quiet).then(
        None, mail, None, js="(mail) => many.show(mail)", **quiet
    )  # fmt: skip
    fold["stop"].click(
        None, status, status, js="(line) => many.stop(line)", cancels=running, **quiet
    )
    fold["action"].input(
        None, fold["action"], fold["other"],
        js=f"(action) => ({{__type__: 'update', visible: action === {json.dumps(edits.REPLACE)}}})",
        **quiet,
    )  # fmt: skip
    fold["edit"].click(
        revise, [mail, fold["action"], fold["words"], fold["other"]], both,
        js=send.format("chosen"), **quiet,
    ).then(None, mail, None, js="(mail) => many.revised(mail)", **quiet)  # fmt: skip
    fold["take"].click(pack, [mail], both, js=send.format("all"), **quiet).then(
        None, mail, None, js="(mail) => many.packed(mail)", **quiet
    )


def _run(
    handlers: Handlers, fold: Components, components: Components, computing: dict[str, Any],
    quiet: dict[str, Any],
) -> list[Any]:  # fmt: skip
    """Fetch the models, then take turn after turn; return what is to be cancelled for an end."""
    names = [name for name in ("target", *options_of("page")) if name not in OF_ONE_PICTURE]
    chosen = [components[name] for name in names]
    files, status, mail, table = (fold[name] for name in ("files", "status", "mail", "table"))

    def request_of(values: tuple[Any, ...]) -> Request:
        return handlers.request(dict(zip(names, values, strict=True)))

    async def fetch_for_many(*values: Any) -> AsyncIterator[str]:  # noqa: ANN401
        try:
            request = await asyncio.to_thread(request_of, values)
            async for update in off_the_loop(handlers.fetch_models(request)):
                if update:
                    yield update.status
                else:
                    await asyncio.sleep(POLL_SECONDS)
        except InterrogatorError as error:
            yield views.status(str(error), kind="error")
            raise gr.Error(str(error), visible=False, print_exception=False) from error

    def draw_turn(mail: Mail, files: list[NamedFile], *values: Any) -> Iterator[list[Any]]:  # noqa: ANN401
        turn = {"turn": mail.get("turn") if isinstance(mail, dict) else None}
        asked = [place for place in _sent(mail, "positions") if isinstance(place, int)]
        try:
            request = request_of(values)
        except InterrogatorError as error:
            yield [views.status(str(error), kind="error"), {**turn, "error": str(error)}]
            return
        yield [gr.skip(), {**turn, "begun": True}]
        for state in work.take_turn(handlers.service, files, asked, request):
            ended = state.results is not None or state.error
            answer = {**turn, "results": state.results, "error": state.error}
            yield [state.status, answer if ended else gr.skip()]

    mail.change(None, mail, None, js="(mail) => many.turned(mail)", **quiet)
    table.tell(None, None, status, js="() => many.line()", trigger_mode="multiple", **quiet)
    fold["start"].click(None, status, status, js="(line) => many.begin(line)", **quiet)
    fetched = table.begin(
        fetch_for_many, chosen, status, concurrency_id="fetch", concurrency_limit=None,
        trigger_mode="multiple", **quiet,
    )  # fmt: skip
    fetched.success(None, None, None, js="() => many.next()", **quiet)
    fetched.failure(None, status, status, js="(line) => many.failed(line)", **quiet)
    took = {"fn": None, "js": "(mail, line) => many.took(mail, line)", **quiet}
    running = [fetched]
    for name in ("even", "odd"):
        turn = getattr(table, name)(
            draw_turn, [mail, files, *chosen], [status, mail],
            js="(mail, ...rest) => [many.asked(), ...rest]", trigger_mode="multiple",
            **computing, **quiet,
        )  # fmt: skip
        turn.success(inputs=[mail, status], outputs=status, **took)
        failed = f"(line) => many.failedTurn('{name}', line)"
        turn.failure(None, status, status, js=failed, **quiet)
        running.append(turn)
    return running
