"""What the tab's buttons and the API's endpoints do, free of Gradio.

Values of options go in by name; what changes on the page, or JSON, comes out. For a picture first
`fetch`, which may take long and disturbs nobody; then `draw`, one visitor at a time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.models.choice import active_notice, check_offered
from interrogator.models.files import download_bytes
from interrogator.option import Operation
from interrogator.options import parse
from interrogator.request import Request, names_of, request_of, words_of
from interrogator.result import Interrogation, PictureFeatures
from interrogator.serving.background import Progress, in_background
from interrogator.serving.service import Service, ignore_progress
from interrogator.web import views

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0  # that a program waits for a download, keeping its place in the queue
DRAW_SECONDS = 0.15  # how often a search is drawn, so that drawing does not take its time
SMALL = 50_000_000  # bytes, from which on they are shown as GB
WAITING = "Waiting for your turn: one computation runs at a time"
BUG = "Something went wrong on our side; it is in the server's log. Try again."

Values = Mapping[str, Any]


@dataclass(frozen=True)
class PageUpdate:
    """What changes on the page; None is left as it is.

    Attributes:
        status: The status line, HTML.
        prompt: The prompt.
        negative: The negative prompt.
        state: What the sections below are drawn from; False empties them.
        features: What a further search need not look at again.
    """

    status: str
    prompt: str | None = None
    negative: str | None = None
    state: Interrogation | bool | None = None
    features: PictureFeatures | None = None


class Handlers:
    """The tab's handlers; one per app, sharing one service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def request(self, values: Values, task: Operation = "interrogate") -> Request:
        """Return what a visitor or a program wants.

        Raises:
            InterrogatorError: A value cannot be meant, or a model is not offered here.
        """
        parsed = parse(values, "api", task)
        check_offered(*(parsed.get(name, "") for name in ("caption_model", "clip", "judge")))
        return request_of(parsed, self.service.defaults.preset)

    # What the page shows before anything is asked

    def greet(self) -> tuple[str, str, str]:
        """Return the notice of the active models, their preset, and its note."""
        names, reason = self.service.defaults.current()
        note = self.describe_models({"preset": names.preset})
        text = active_notice(names, reason)
        if ahead := self.service.warming:
            done = "" if ahead.share is None else f", {ahead.share:.0%}"
            text += f" They are being loaded since this server started: {ahead.text}{done}."
        return views.notice(text), names.preset, note

    def describe_models(self, values: Values) -> str:
        """Return what choosing models would mean: what they are for, and their download."""
        try:
            parsed = parse(values, "api")
            check_offered(parsed["caption_model"], parsed["clip"], parsed["judge"])
            names = names_of(parsed, self.service.defaults.preset)
            size = download_bytes(names)
        except InterrogatorError as error:
            return views.status(f"{values.get('preset')}: {error}", kind="error")
        text = f"{size / 1e9:.1f} GB" if size >= SMALL else f"{size / 1e6:.1f} MB"
        ready = f"{text} to download once" if size else "on this machine already"
        what = names.note or f"{names.shown_caption} and {names.shown_clip}"
        return views.status(f"{names.preset}: {what}; {ready}.", kind="idle")

    def describe_words(self, values: Values) -> str:
        """Return what a choice of words would mean: what is ranked, cleaned and left out."""
        try:
            parsed = parse(values, "api")
            words = words_of(parsed)
            names = names_of(parsed, self.service.defaults.preset)
            return views.status(words.summary(self.service.vocabulary(names)), kind="idle")
        except InterrogatorError as error:
            return views.status(str(error), kind="error")

    # An interrogation on the page

    def fetch(self, picture: str | bytes | None, request: Request) -> Iterator[PageUpdate | None]:
        """Bring the models' files to this server before the visitor takes a turn at computing.

        Yields:
            What changes, or None while there is nothing new; ask again soon.

        Raises:
            InterrogatorError: They cannot be had; it has been drawn.
        """
        try:
            decode.look_at(picture)  # what is no picture is not worth a download
            for progress in in_background(lambda report: self.service.fetch(request, report)):
                yield PageUpdate(views.progress(progress)) if progress else None
        except InterrogatorError as error:
            yield _failed(str(error), None)
            raise
        except Exception as error:
            log.exception("looking for the models failed")
            yield _failed(BUG, None)
            raise InterrogatorError(BUG) from error
        yield PageUpdate(views.status(WAITING))

    def draw(
        self,
        picture: str | bytes | None,
        request: Request,
        features: PictureFeatures | None = None,
    ) -> Iterator[PageUpdate]:
        """Yield what changes as the interrogation goes on; errors as a sentence."""
        state: Interrogation | None = None
        try:
            opened = decode.read_picture(picture)
            yield PageUpdate(views.status("Getting ready"), "", "", False)
            drawn = 0.0
            for event in self.service.interrogate(opened.image, request, features):
                if isinstance(event, Progress):
                    yield PageUpdate(views.progress(event))
                    continue
                state = event.after(opened.notes)
                if not state.finished and state.prompt and time.monotonic() - drawn < DRAW_SECONDS:
                    continue
                yield _drawn(state)
                drawn = time.monotonic()
        except InterrogatorError as error:
            yield _failed(str(error), state)
        except Exception:
            log.exception("the interrogation failed")
            yield _failed(BUG, state)

    # The API

    def interrogate(self, picture: str | bytes | None, values: Values) -> dict[str, Any]:
        """Return the finished interrogation as JSON.

        Raises:
            InterrogatorError: Picture, models or settings are at fault; in a sentence.
        """
        request = self._fetched(picture, self.request(values))
        opened = decode.read_picture(picture)
        done = _last(self.service.interrogate(opened.image, request))
        return done.after(opened.notes).to_json()

    def analyze(self, picture: str | bytes | None, values: Values) -> dict[str, Any]:
        """Return caption and ranked phrases as JSON; raises as `interrogate` does."""
        request = self._fetched(picture, self.request(values, "analyze"))
        top = parse(values, "api", "analyze")["top"]
        return _last(self.service.analyze(decode.read(picture), request, top)).to_json()

    def score(self, picture: str | bytes | None, prompt: Any, values: Values) -> dict[str, Any]:  # noqa: ANN401
        """Return a prompt's similarity to a picture as JSON; raises as `interrogate` does."""
        if not isinstance(prompt, str):
            raise InterrogatorError(f"prompt must be text, not {str(prompt)[:60]!r}.")
        request = self._fetched(picture, self.request(values, "score"))
        return _last(self.service.score(decode.read(picture), request, prompt)).to_json()

    def _fetched(self, picture: str | bytes | None, request: Request) -> Request:
        """Have the models' files brought here; a program that waits holds its turn meanwhile."""
        decode.look_at(picture)
        self.service.fetch(request, ignore_progress, PATIENCE_SECONDS)
        return request


def _last(events: Iterator[Any]) -> Any:  # noqa: ANN401
    *_, last = events
    return last


def _drawn(state: Interrogation) -> PageUpdate:
    status = views.status("Ranking the phrases")
    if state.finished:
        status = views.status(views.summary(state), kind="done")
    elif state.prompt:
        status = views.status(
            f"Searching: {state.tried:,} prompts compared, "
            f"the best so far {state.similarity:.3f} similar"
        )
    return PageUpdate(status, state.prompt, state.negative_prompt or "", state, state.features)


def _failed(sentence: str, state: Interrogation | None) -> PageUpdate:
    """What was found before it failed stays."""
    prompt, negative = (state.prompt, state.negative_prompt or "") if state else ("", "")
    return PageUpdate(views.status(sentence, kind="error"), prompt, negative, state or False)
