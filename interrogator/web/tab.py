"""Tab one: a picture goes in, a prompt comes out, and every phrase is explained.

What the buttons do is in `handlers`, what a visitor sees in `components`; here is what happens
when. Values go by the names of options and components.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import gradio as gr

from interrogator.errors import InterrogatorError
from interrogator.option import Operation
from interrogator.options import describe, options_of, signature
from interrogator.result import Interrogation
from interrogator.serving.background import POLL_SECONDS
from interrogator.serving.service import Service
from interrogator.web import views
from interrogator.web.components import Components, picture_and_controls, result
from interrogator.web.handlers import WAITING, Handlers, PageUpdate, Values

WARM_SWITCH = "INTERROGATOR_WARM"  # "1": load models and table before the first visitor comes
KEPT_SECONDS = 3600  # how long a visitor can search again without the picture being read anew
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
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
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            components = picture_and_controls()
        with gr.Column(scale=6, min_width=300):
            components |= result()
    components["features"] = gr.State(None, time_to_live=KEPT_SECONDS)
    computing: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    _interrogate_on_demand(handlers, components, computing)
    _describe_choices(handlers, components)
    greeted = [notice, components["preset"], components["models_note"]]
    gr.on(None, handlers.greet, None, greeted, **QUIET)
    _add_endpoints(handlers, components, computing)


def _interrogate_on_demand(
    handlers: Handlers, components: Components, computing: dict[str, Any]
) -> None:
    """Download what is missing, then compute and draw; Stop ends both."""
    names = ["picture", "features", *options_of("page")]
    inputs = {components[name] for name in names}
    outputs = [
        components[name]
        for name in (
            "prompt", "negative", "status", "pinned", "dropped", "captions", "features",
            *views.sections(None),
        )
    ]  # fmt: skip

    def split(data: dict[Any, Any]) -> tuple[Any, Any, Values]:
        values = {name: data[components[name]] for name in names}
        return values.pop("picture"), values.pop("features"), values

    def draw(data: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        picture, features, values = split(data)
        try:
            request = handlers.request(values)
        except InterrogatorError as error:
            yield _changed(components, _error(error))
            return
        for update in handlers.draw(picture, request, features):
            yield _changed(components, update)

    async def fetch(data: dict[Any, Any]) -> AsyncIterator[dict[Any, Any]]:
        """Show a download; none of the threads that compute waits for it."""
        picture, _, values = split(data)
        try:
            # Lists of one's own may be long: others are served while they are read.
            request = await asyncio.to_thread(handlers.request, values)
            for update in handlers.fetch(picture, request):
                if update:
                    yield _changed(components, update)
                else:
                    await asyncio.sleep(POLL_SECONDS)
        except InterrogatorError as error:
            yield _changed(components, _error(error))
            # It has been said: what would follow must not begin, and nothing more be shown.
            raise gr.Error(str(error), visible=False, print_exception=False) from error

    running = []
    for begun in _beginnings(components):
        fetching = begun.then(
            fetch, inputs, outputs, concurrency_id="fetch", concurrency_limit=None, **QUIET
        )
        running += [fetching, fetching.success(draw, inputs, outputs, **computing, **QUIET)]
    stopped = views.status("Stopped.", kind="idle")
    components["stop"].click(
        lambda: stopped, None, components["status"], cancels=running, queue=False, **QUIET
    )


def _beginnings(components: Components) -> list[Any]:
    """Return the events with which an interrogation begins: what a visitor presses or brings."""
    events = []
    for trigger, fresh in (
        (components["start"].click, False),
        (components["again"].click, False),
        (components["picture"].upload, True),
        (components["examples"].load_input_event.success, True),
    ):
        changed = [components["status"]]
        # Another picture has other phrases: what was kept or left out of the last is forgotten.
        changed += [components[name] for name in ("pinned", "dropped", "caption")] if fresh else []
        events.append(
            trigger(_begin_anew if fresh else _begin, None, changed, queue=False, **QUIET)
        )
    captions, typed = components["captions"], components["caption"]
    events.append(captions.input(lambda text: text, captions, typed, queue=False, **QUIET))
    return events


def _begin() -> str:
    return views.status(WAITING)


def _begin_anew() -> list[Any]:
    # Made for each picture: Gradio takes the value out of an update when it uses it.
    return [views.status(WAITING), gr.update(value=[]), gr.update(value=[]), ""]


def _error(error: InterrogatorError) -> PageUpdate:
    return PageUpdate(views.status(str(error), kind="error"))


def _changed(components: Components, update: PageUpdate) -> dict[Any, Any]:
    """Return the new value of every component that an update changes."""
    values: dict[str, Any] = {"status": update.status}
    if update.prompt is not None:
        values["prompt"] = update.prompt
    if update.negative is not None:
        values["negative"] = gr.update(value=update.negative, visible=bool(update.negative))
    if update.features is not None:
        values["features"] = update.features
    if update.state is not None:
        state = update.state if isinstance(update.state, Interrogation) else None
        values |= views.sections(state)
        if state and state.finished:
            texts = [phrase.text for phrase in state.phrases]
            texts += [p.text for group in state.ranked.values() for p in group[:3]]
            choices = list(dict.fromkeys(texts))
            values |= {name: gr.update(choices=choices) for name in ("pinned", "dropped")}
            captions = [state.caption, *state.other_captions]
            values["captions"] = gr.update(
                choices=captions, value=state.caption, visible=len(captions) > 1
            )
    return {components[name]: value for name, value in values.items()}


def _describe_choices(handlers: Handlers, components: Components) -> None:
    """Say at once what chosen models weigh, and what chosen words come to."""

    def describe_with(work: Callable[[Values], str], names: tuple[str, ...]) -> Any:  # noqa: ANN401
        return lambda *values: work(dict(zip(names, values, strict=True)))

    models = [components[name] for name in MODEL_OPTIONS]
    describe_models = describe_with(handlers.describe_models, MODEL_OPTIONS)
    changes = [model.input for model in models]
    gr.on(changes, describe_models, models, components["models_note"], **QUIET)
    words = [components[name] for name in WORD_OPTIONS]
    describe_words = describe_with(handlers.describe_words, WORD_OPTIONS)
    changes = [
        c.blur if isinstance(c, gr.Textbox) else c.input for c in words if hasattr(c, "input")
    ]
    changes += [components["own_files"].upload, components["own_files"].clear]
    gr.on(
        changes, describe_words, words, components["word_counts"],
        trigger_mode="always_last", **QUIET,
    )  # fmt: skip


PICTURE = "picture: The picture, a file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.\n"
DOCUMENTATION: dict[Operation, tuple[str, str]] = {
    "interrogate": (
        "Write the prompt that a picture calls for. A caption model describes the picture, CLIP "
        "ranks artists, movements, mediums and styles by their similarity with it, and the best "
        "phrases are composed to a prompt.",
        "The prompt, its caption, similarity and tokens, every phrase with its similarity and "
        "contribution, the best phrases of each list, and the models that wrote it.",
    ),
    "analyze": (
        "Describe a picture and rank all phrases by their similarity with it; write no prompt.",
        "The caption, and for each list its most similar phrases with cosine similarity, how "
        "likely they are true, the distance from their average over pictures that show nothing, "
        "and whether they stand out.",
    ),
    "score": (
        "Measure how similar a prompt is to a picture, and what each of its parts adds.",
        "The cosine similarity, the tokens and their limit, and for each part how much the "
        "similarity falls when it is left out.",
    ),
}


def _add_endpoints(handlers: Handlers, components: Components, computing: dict[str, Any]) -> None:
    """Offer the endpoints of the API, which no button of the page uses."""
    hidden: Components = {
        "top": gr.Number(5, label="Top", visible=False),
        "prompt": gr.Textbox("", label="Prompt to score", visible=False),
        "target": gr.Textbox("", label="Written for", visible=False),
    }
    for task, function in endpoints(handlers).items():
        inputs = [
            hidden[name] if name in hidden else components[name]
            for name in inspect.signature(function).parameters
        ]
        gr.on([], function, inputs, gr.JSON(visible=False), api_name=task, **computing)


def endpoints(handlers: Handlers) -> dict[Operation, Callable[..., dict[str, Any]]]:
    """Return the functions of the API, with signatures and documentation made from the options."""
    work: dict[Operation, Callable[..., dict[str, Any]]] = {
        "interrogate": lambda picture, **values: handlers.interrogate(picture, values),
        "analyze": lambda picture, **values: handlers.analyze(picture, values),
        "score": lambda picture, prompt, **values: handlers.score(picture, prompt, values),
    }
    return {task: _endpoint(task, function) for task, function in work.items()}


def _endpoint(
    task: Operation, work: Callable[..., dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    arguments = signature(task, prompt=task == "score")

    def endpoint(*values: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401
        return work(**arguments.bind(*values, **named).arguments)

    summary, returned = DOCUMENTATION[task]
    prompt = "prompt: The prompt; its parts are what stands between commas.\n"
    lines = PICTURE + (prompt if task == "score" else "") + describe(task)
    indented = lines.replace("\n", "\n    ")
    endpoint.__doc__ = f"{summary}\n\nArgs:\n    {indented}\n\nReturns:\n    {returned}"
    endpoint.__signature__ = arguments  # type: ignore[attr-defined]
    endpoint.__name__ = task
    return endpoint
