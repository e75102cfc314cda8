"""Tab one: a picture goes in, a prompt comes out, and every phrase is explained.

What the buttons do is in `handlers`, what a visitor sees in `components`; here is what happens
when. Values go by the names of options and components.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency
from gradio.utils import get_upload_folder

from interrogator.errors import InterrogatorError
from interrogator.options import options_of
from interrogator.serving.background import polled
from interrogator.serving.service import Service
from interrogator.web import chips, folds, views
from interrogator.web.browser.results import remember, rewrite
from interrogator.web.browser.settings import (
    follow_settings,
    set_by_visitor,
    tick_no_artists,
    with_names,
)
from interrogator.web.components import QUIET, Components, picture_and_controls, result
from interrogator.web.endpoints import add_endpoints
from interrogator.web.handlers import WAITING, Handlers, Values
from interrogator.web.many import fold as many_fold
from interrogator.web.several.fold import build_fold, connect
from interrogator.web.updates import PageUpdate

WARM_SWITCH = "INTERROGATOR_WARM"  # "1": load models and table before the first visitor comes
KEPT_SECONDS = 3600  # how long a visitor can search again without the picture being read anew
# What a run draws, and what a new picture empties.
ANEW = ("status", "prompt", "negative", "caption_line", "phrases", "notes", "explained", "where")
DRAWN = (*ANEW, "features", "picture")
STOPPED = "Stopped before there was a prompt."
BEST_SO_FAR = "Stopped: this is the best so far. "
STANDS = "Stopped; the prompt stays as it is. "
MODEL_OPTIONS = ("preset", "caption_model", "clip", "judge")
WORD_OPTIONS = (
    "preset", "caption_model", "clip", "name_artists", "banned", "own_words", "own_files",
    "own_lists",
)  # fmt: skip


def build(service: Service, concurrency_id: str) -> None:
    """Build the tab inside the caller's `with gr.Tab(...)`.

    Args:
        service: Where models are kept.
        concurrency_id: The queue that all computing events of the app share.
    """
    handlers = Handlers(service)
    # Found out while the page comes up: the log has it, and the first visitor need not wait.
    threading.Thread(target=service.defaults.current, daemon=True).start()
    if os.environ.get(WARM_SWITCH, "1" if "SPACE_ID" in os.environ else "0") == "1":
        service.warm_up()
    notice = gr.HTML(views.status("Looking for the models", kind="idle"), elem_id="active-models")
    with gr.Row(equal_height=False, elem_id="workbench"):
        with gr.Column(scale=4, min_width=300, elem_id="controls"):
            components = picture_and_controls()
            several = build_fold()
        with gr.Column(scale=6, min_width=300, elem_id="result"):
            components |= result()
    many = many_fold.build_fold()
    components["features"] = gr.State(None, time_to_live=KEPT_SECONDS)
    computing: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    finding = _find_phrases(handlers, components, computing)
    runs = _interrogate_on_demand(handlers, components, computing, finding)
    ticked = tick_no_artists(components)
    _describe_choices(handlers, components, ticked)
    follow_settings(components, ticked)
    rewrite(components, runs)
    _write_copies(handlers, components)
    _draw_again(handlers, components, computing)
    remember(components, ANEW)
    connect(handlers, several, components, computing, QUIET)
    many_fold.connect(handlers, many, components, computing, QUIET)
    greeted = [notice, components["preset"], components["models_note"]]
    gr.on(None, handlers.greet, None, greeted, **QUIET)
    add_endpoints(handlers, components, computing)


class _Events:
    """What happens on the server: values of components in, new values of components out."""

    def __init__(self, handlers: Handlers, components: Components) -> None:
        self._handlers, self._components = handlers, components
        self._options = ["picture", "features", "target", *options_of("page")]
        self.inputs = {components[name] for name in (*self._options, "prompt", "status")}
        self.outputs = [components[name] for name in DRAWN]

    def _read(self, data: dict[Any, Any]) -> tuple[Any, Any, Values]:
        values = {name: data[self._components[name]] for name in self._options}
        return values.pop("picture"), values.pop("features"), values

    def draw(self, data: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        """Interrogate."""
        picture, features, values = self._read(data)
        try:
            request = self._handlers.request(values)
        except InterrogatorError as error:
            yield self._changed(_error(error))
            return
        for update in self._handlers.draw(picture, request, features):
            yield self._changed(update)

    async def fetch(self, data: dict[Any, Any]) -> AsyncIterator[dict[Any, Any]]:
        """Show a download; none of the threads that compute waits for it."""
        picture, _, values = self._read(data)
        try:
            # Lists of one's own may be long: others are served while they are read.
            request = await asyncio.to_thread(self._handlers.request, values)
            async for update in polled(self._handlers.fetch(picture, request)):
                yield self._changed(update)
        except InterrogatorError as error:
            yield self._changed(_error(error))
            # It has been said: what would follow must not begin, and nothing more be shown.
            raise gr.Error(str(error), visible=False, print_exception=False) from error

    def rescore(self, data: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        """Score the prompt that somebody typed, or that a stopped search left."""
        picture, features, values = self._read(data)
        prompt, line = data[self._components["prompt"]], str(data[self._components["status"]])
        halted = "busy" in line
        if not (picture and prompt.strip()):
            if halted:
                yield self._changed(PageUpdate(views.status(STOPPED, kind="idle")))
            return
        try:
            request = self._handlers.request(values)
        except InterrogatorError as error:
            yield self._changed(_error(error))
            return
        before = (BEST_SO_FAR if "searching" in line else STANDS) if halted else ""
        for update in self._handlers.rescore(picture, prompt, request, features, before):
            yield self._changed(update)

    def _changed(self, update: PageUpdate) -> dict[Any, Any]:
        """Return the new value of every component that an update changes."""
        shown = {
            "status": update.status, "prompt": update.prompt, "negative": update.negative,
            "caption_line": update.caption, "phrases": update.phrases, "notes": update.notes,
            "explained": update.explained, "features": update.features,
        }  # fmt: skip
        components = self._components
        values = {components[name]: value for name, value in shown.items() if value is not None}
        return values | ({components["picture"]: None} if update.no_picture else {})


def _interrogate_on_demand(
    handlers: Handlers, components: Components, computing: dict[str, Any], finding: Dependency
) -> list[Dependency]:
    """Download what is missing, then compute and draw; Stop ends both. Return what computes."""
    phrases, events = components["phrases"], _Events(handlers, components)
    both = events.inputs, events.outputs
    fetching = phrases.begin(
        events.fetch, *both, concurrency_id="fetch", concurrency_limit=None,
        trigger_mode="multiple", **QUIET,
    )  # fmt: skip
    drawing = fetching.success(events.draw, *both, trigger_mode="multiple", **computing, **QUIET)
    # Where the same models wrote before, there is nothing to fetch: that is one turn less to wait.
    again = phrases.again(events.draw, *both, trigger_mode="multiple", **computing, **QUIET)
    running = [fetching, drawing, again]
    _begin_on_demand(components, running, finding)
    phrases.typed(events.rescore, *both, trigger_mode="always_last", **computing, **QUIET)
    # Nothing runs on the server for a Stop that comes when nothing is to be stopped.
    phrases.halt(None, None, None, cancels=running, **QUIET).then(
        events.rescore, *both, **computing, **QUIET
    )
    components["stop"].click(None, None, None, js="() => workbench.stop()", **QUIET)
    return [drawing, again]


def _begin_on_demand(components: Components, running: list[Any], finding: Dependency) -> None:
    """End what runs and begin anew with what a visitor presses, brings or changes."""
    status, phrases, picture = (components[name] for name in ("status", "phrases", "picture"))
    choices = [components[name] for name in ("pinned", "dropped", "banned", "caption")]
    emptied = [components[name] for name in (*ANEW, "pinned", "dropped", "caption")]
    # In the browser alone: a click shows at once, and nobody's old prompt beside a new picture.
    at_once: dict[str, Any] = {"fn": None, "inputs": None, "cancels": running, **QUIET}
    begin = {**at_once, "outputs": status, "js": _returning(views.status(WAITING))}
    anew = {
        **at_once, "outputs": emptied, "cancels": [*running, finding],
        "js": _returning(_emptied(views.status(WAITING))),
    }  # fmt: skip
    begun = [
        components["start"].click(**begin),
        components["again"].click(**begin),
        picture.upload(**anew),
        components["examples"].load_input_event.success(**anew),
        phrases.apply(
            None, choices, choices, js="(...now) => workbench.apply(...now)", **QUIET
        ).then(**begin),
    ]  # fmt: skip
    for event in begun:
        event.then(None, set_by_visitor(components), None, js=with_names("run"), **QUIET)
    put_away = _returning(_emptied(views.status("Ready.", kind="idle")))
    picture.clear(**{**anew, "js": put_away})


def _returning(value: Any) -> str:  # noqa: ANN401
    """Return a function of JavaScript that returns a value."""
    return f"() => ({json.dumps(value)})"


def _emptied(line: str) -> list[Any]:
    """Return an empty result: what was kept, left out and said of the last picture is forgotten.

    Words that are banned are the visitor's, as the settings are: they stay.
    """
    empty = [
        line,
        "",
        "",
        "",
        chips.empty(fresh=True),
        folds.notes(None),
        folds.explained(None),
        "",
    ]
    return [*empty, [], [], ""]


def _find_phrases(
    handlers: Handlers, components: Components, computing: dict[str, Any]
) -> Dependency:
    """Show where in the picture a phrase is seen, when a visitor asks for it."""

    def where(picture: Any, *values: Any) -> str:  # noqa: ANN401
        phrase, *models = values
        return handlers.where(picture, str(phrase), dict(zip(MODEL_OPTIONS, models, strict=True)))

    # The phrase comes from the click: the prompt's place among the inputs is lent to it.
    names = ("picture", "prompt", *MODEL_OPTIONS)
    phrases = components["phrases"]
    finding = phrases.where(
        where, [components[name] for name in names], components["where"],
        js="(picture, prompt, ...models) => [picture, workbench.phrase(), ...models]",
        **computing, **QUIET,
    )  # fmt: skip
    finding.then(None, None, None, js="() => workbench.showPlace()", **QUIET)
    phrases.lose(None, None, components["where"], js=_returning(""), **QUIET)
    return finding


def _write_copies(handlers: Handlers, components: Components) -> None:
    """Hand out a copy of the picture with the prompt written into its file."""

    def write(picture: Any, prompt: str, negative: str) -> str:  # noqa: ANN401
        folder = Path(tempfile.mkdtemp(dir=get_upload_folder()))  # emptied as uploads are
        return str(handlers.write_copy(picture, prompt, negative, folder))

    inputs = [components[name] for name in ("picture", "prompt", "negative")]
    components["copy"].click(
        write, inputs, components["copied"], concurrency_id="fetch", concurrency_limit=None, **QUIET
    ).success(None, None, None, js="() => workbench.download()", **QUIET)


def _draw_again(handlers: Handlers, components: Components, computing: dict[str, Any]) -> None:
    """Draw a picture from the prompt, where that can be done."""

    def redraw(picture: Any, prompt: str, negative: str, *chosen: Any) -> str:  # noqa: ANN401
        values = dict(zip(("target", *MODEL_OPTIONS), chosen, strict=True))
        return handlers.draw_again(picture, prompt, negative, values)

    names = ("picture", "prompt", "negative", "target", *MODEL_OPTIONS)
    components["redraw"].click(
        redraw, [components[name] for name in names], components["redrawn"],
        **{**QUIET, "show_progress": "minimal"}, **computing,
    )  # fmt: skip


def _error(error: InterrogatorError) -> PageUpdate:
    return PageUpdate(views.status(str(error), kind="error"))


def _describe_choices(handlers: Handlers, components: Components, ticked: Dependency) -> None:
    """Say at once what chosen models weigh, and what chosen words come to."""

    def describe_with(work: Callable[[Values], str], names: tuple[str, ...]) -> Any:  # noqa: ANN401
        return lambda *values: work(dict(zip(names, values, strict=True)))

    models = [components[name] for name in MODEL_OPTIONS]
    describe_models = describe_with(handlers.describe_models, MODEL_OPTIONS)
    changes = [model.input for model in models]
    gr.on(changes, describe_models, models, components["models_note"], **QUIET)
    # In the browser, at once: an error that comes later is of those chosen now.
    status, ready = components["status"], json.dumps(views.status("Ready.", kind="idle"))
    settle = f"(line, ...models) => workbench.settled(line, {ready}, ...models)"
    gr.on(changes, None, [status, *models], status, js=settle, **QUIET)
    words = [components[name] for name in WORD_OPTIONS]
    describe_words = describe_with(handlers.describe_words, WORD_OPTIONS)
    changes = [
        c.blur if isinstance(c, gr.Textbox) else c.input for c in words if hasattr(c, "input")
    ]
    changes += [components["own_files"].upload, components["own_files"].clear]
    described = describe_words, words, components["word_counts"]
    gr.on(changes, *described, trigger_mode="always_last", **QUIET)
    ticked.then(*described, trigger_mode="always_last", **QUIET)
