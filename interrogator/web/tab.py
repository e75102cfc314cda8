"""Tab one: a picture goes in, a prompt comes out, and every phrase is explained.

What the buttons do is in `page`, what a visitor sees in `controls`; here is what happens when,
and which value goes where.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr

from interrogator.background import POLL_SECONDS
from interrogator.errors import InterrogatorError
from interrogator.options import MODELS
from interrogator.request import Request
from interrogator.result import Interrogation, PictureFeatures
from interrogator.service import Service
from interrogator.web import views
from interrogator.web.components import answered, asked, told
from interrogator.web.endpoints import Endpoints
from interrogator.web.page import WAITING, Drawn, Page

KEPT_SECONDS = 3600  # how long a visitor can search again without the picture being read anew
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build(service: Service, concurrency_id: str) -> None:
    """Build the tab inside the caller's `with gr.Tab(...)`.

    Args:
        service: Where models are kept.
        concurrency_id: The queue that all computing events of the app share.
    """
    page = Page(service, None, "")
    # Found out while the page comes up: the log tells it, and the first visitor need not wait.
    threading.Thread(target=page.default, daemon=True).start()
    notice = gr.HTML(views.status("Looking for the models", kind="idle"), elem_id="active-models")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            made = asked()
        with gr.Column(scale=6, min_width=300):
            made |= answered()
    endpoints = Endpoints(page)
    inputs = [made[name] for name in inspect.signature(endpoints.interrogate).parameters]
    computing: dict[str, Any] = {"concurrency_id": concurrency_id, "concurrency_limit": 1}
    _draw_when_asked(page, made, inputs, computing)
    _describe_what_is_chosen(page, made)
    gr.on(None, page.greet, None, [notice, made["preset"], made["note"]], **QUIET)
    _serve(endpoints, made, inputs, computing)


def _draw_when_asked(
    page: Page, made: dict[str, Any], inputs: list[Any], computing: dict[str, Any]
) -> None:
    """Download what is missing, then compute and draw; Stop ends both."""
    seen = gr.State(None, time_to_live=KEPT_SECONDS)
    line, pinned, dropped = made["line"], made["pinned"], made["dropped"]
    outputs = [made["prompt"], made["negative"], line, *made["views"], pinned, dropped, seen]

    def draw(seen: PictureFeatures | None, *values: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
        try:
            request = Request.of(*values)
        except InterrogatorError as error:
            yield _outputs(Drawn(views.status(str(error), kind="error")))
            return
        for drawn in page.draw(request, seen):
            yield _outputs(drawn)

    async def fetch(*values: Any) -> AsyncIterator[tuple[Any, ...]]:  # noqa: ANN401
        """Show a download; none of the threads that compute waits for it."""
        try:
            # Lists of one's own may be long: others are served while they are read.
            request = await asyncio.to_thread(Request.of, *values)
            for drawn in page.fetch(request):
                if drawn:
                    yield _outputs(drawn)
                else:
                    await asyncio.sleep(POLL_SECONDS)
        except InterrogatorError as error:
            yield _outputs(Drawn(views.status(str(error), kind="error")))
            # It has been said: what would follow must not begin, and nothing more be shown.
            raise gr.Error(str(error), visible=False, print_exception=False) from error

    waiting = views.status(WAITING)
    # Another picture has other phrases: what was kept or left out of the last one is forgotten.
    fresh = waiting, gr.update(value=[]), gr.update(value=[]), ""
    forgotten = [line, pinned, dropped, made["caption"]]
    triggers = (
        (made["start"].click, lambda: waiting, line),
        (made["again"].click, lambda: waiting, line),
        (made["picture"].upload, lambda: fresh, forgotten),
        (made["examples"].load_input_event.success, lambda: fresh, forgotten),
    )
    running = []
    for trigger, first, changed in triggers:
        fetching = trigger(first, None, changed, queue=False, **QUIET).then(
            fetch, inputs, outputs, concurrency_id="fetch", concurrency_limit=None, **QUIET
        )
        drawing = fetching.success(draw, [seen, *inputs], outputs, **computing, **QUIET)
        running += [fetching, drawing]
    stopped = views.status("Stopped.", kind="idle")
    made["stop"].click(lambda: stopped, None, line, cancels=running, queue=False, **QUIET)


def _outputs(drawn: Drawn) -> tuple[Any, ...]:
    """Return a value for each output: prompts, line, views, two choosers, what was seen."""
    leave = gr.skip()
    negative: Any = leave
    if drawn.negative is not None:
        negative = gr.update(value=drawn.negative, visible=bool(drawn.negative))
    parts: tuple[Any, ...] = (leave,) * len(views.views(None))
    choosers: tuple[Any, Any] = (leave, leave)
    if drawn.state is not None:
        state = drawn.state if isinstance(drawn.state, Interrogation) else None
        parts = views.views(state)
        if state and state.finished:
            used = [phrase.text for phrase in state.phrases]
            others = [p.text for group in state.ranked.values() for p in group[:3]]
            all_of_them = list(dict.fromkeys([*used, *others]))
            choosers = gr.update(choices=all_of_them), gr.update(choices=all_of_them)
    prompt = leave if drawn.prompt is None else drawn.prompt
    return prompt, negative, drawn.line, *parts, *choosers, drawn.seen or leave


def _describe_what_is_chosen(page: Page, made: dict[str, Any]) -> None:
    """Tell at once what chosen models weigh, and what chosen words come to."""
    models = [made["preset"], *(made[field.name] for field in MODELS)]
    gr.on([field.input for field in models], page.describe_models, models, made["note"], **QUIET)
    names = (
        "preset", "name_artists", "banned", "own_words", "own_files", "own_lists", "caption_model",
        "clip",
    )  # fmt: skip
    words = [made[name] for name in names]
    preset, artists, banned, own, files, lists, captioner, clip = words
    changed = [
        preset.input, artists.input, banned.blur, own.blur, files.upload, files.clear, lists.input,
        captioner.input, clip.input,
    ]  # fmt: skip
    gr.on(changed, page.describe_words, words, made["counts"], trigger_mode="always_last", **QUIET)


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
