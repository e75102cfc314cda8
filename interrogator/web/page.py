"""What the tab's buttons do, free of Gradio: requests in, what to draw and JSON out.

First `fetch`, which may take long and disturbs nobody; then `draw`, one visitor at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from interrogator.background import Job, Progress, in_background
from interrogator.errors import InterrogatorError
from interrogator.hub.client import ProgressCallback
from interrogator.images import decode
from interrogator.models.choice import active_notice, check_offered, choose_names
from interrogator.models.files import default_names, download_bytes
from interrogator.models.registry import ModelNames
from interrogator.pipeline import Settings
from interrogator.request import Request, whole
from interrogator.result import Interrogation, PictureFeatures, ranked_json
from interrogator.service import Service
from interrogator.vocabulary.selection import words_of
from interrogator.web import views

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0  # after which a hub that did not answer is asked again
PATIENCE_SECONDS = 30.0  # that a program waits for a download; it holds its turn meanwhile
DRAW_SECONDS = 0.15  # how often a search is drawn, so that drawing does not take its time
SMALL = 50_000_000  # bytes, from which on they are told as GB
MOST_RANKED = 50  # phrases of each list that `analyze` tells at most
WAITING = "Waiting for your turn: one computation runs at a time"
BUG = "Something went wrong on our side; it is in the server's log. Try again."


@dataclass(frozen=True)
class Drawn:
    """What changes on the page; None is left as it is.

    Attributes:
        line: The status line, HTML.
        prompt: The prompt.
        negative: The negative prompt.
        state: What the views below are drawn from; False empties them.
        seen: What a further search need not look at again.
    """

    line: str
    prompt: str | None = None
    negative: str | None = None
    state: Interrogation | bool | None = None
    seen: PictureFeatures | None = None


class Page:
    """The tab's handlers; one per app, sharing one service."""

    def __init__(self, service: Service, names: ModelNames | None, reason: str) -> None:
        self.service, self.names, self.reason = service, names, reason
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

    def chosen(
        self, preset: str | None, caption_model: str = "", clip: str = "", judge: str = ""
    ) -> ModelNames:
        """Return the models that are meant: a preset, or the default, or its parts replaced.

        Raises:
            InterrogatorError: There is no such preset, or a name is not offered here.
        """
        check_offered(caption_model, clip, judge)
        if preset is None and not (caption_model and clip):
            preset = self.default()[0].preset
        return choose_names(preset, caption_model or None, clip or None)

    def greet(self) -> tuple[str, str, str]:
        """Return the notice of the active models, their preset, and its note."""
        names, reason = self.default()
        note = self.describe_models(names.preset)
        return views.notice(active_notice(names, reason)), names.preset, note

    def describe_models(
        self, preset: str | None, caption_model: str = "", clip: str = "", judge: str = ""
    ) -> str:
        """Return what choosing models would mean: what they are for, and their download."""
        try:
            names = self.chosen(preset, caption_model, clip, judge)
            size = download_bytes(names)
        except InterrogatorError as error:
            return views.status(f"{preset}: {error}", kind="error")
        told = f"{size / 1e9:.1f} GB" if size >= SMALL else f"{size / 1e6:.1f} MB"
        ready = f"{told} to download once" if size else "on this machine already"
        what = names.note or f"{names.shown_caption} and {names.shown_clip}"
        return views.status(f"{names.preset}: {what}; {ready}.", kind="idle")

    def describe_words(
        self,
        preset: str | None,
        name_artists: str | None,
        banned: str | None,
        own_words: str | None,
        own_files: list[str] | None,
        own_lists: str | None,
        caption_model: str = "",
        clip: str = "",
    ) -> str:
        """Return what a choice of words would mean: what is ranked, cleaned and left out."""
        try:
            words = words_of(name_artists, banned, own_words, own_files, own_lists)
            names = self.chosen(preset, caption_model, clip)
            return views.status(words.summary(self.service.vocabulary(names)), kind="idle")
        except InterrogatorError as error:
            return views.status(str(error), kind="error")

    def fetch(self, request: Request) -> Iterator[Drawn | None]:
        """Bring the models' files to this server before the visitor takes a turn at computing.

        Yields:
            What to draw, or None while there is nothing new; ask again soon.

        Raises:
            InterrogatorError: They cannot be had; it has been drawn.
        """
        try:
            for news in in_background(lambda report: self._fetch(request, report)):
                if isinstance(news, Progress):
                    yield Drawn(views.status(news.text, news.share))
                else:
                    yield None
        except InterrogatorError as error:
            yield _failed(str(error), None)
            raise
        except Exception as error:
            log.exception("looking for the models failed")
            yield _failed(BUG, None)
            raise InterrogatorError(BUG) from error
        yield Drawn(views.status(WAITING))

    def _fetch(
        self, request: Request, report: ProgressCallback, patience: float | None = None
    ) -> None:
        decode.look_at(request.picture)  # what is no picture is not worth a download
        self.service.fetch(self._names(request), request.judge or None, report, patience)

    def draw(self, request: Request, seen: PictureFeatures | None = None) -> Iterator[Drawn]:
        """Yield what to draw as the interrogation goes on; errors as a sentence."""
        state: Interrogation | None = None
        try:
            opened = decode.read(request.picture)
            yield Drawn(views.status("Getting ready"), "", "", False)
            drawn = 0.0
            for made in self.service.work(self._job(request, opened, seen)):
                if isinstance(made, Progress):
                    yield Drawn(views.status(made.text, made.share))
                    continue
                assert isinstance(made, Interrogation)
                state = made
                if not state.finished and state.prompt and time.monotonic() - drawn < DRAW_SECONDS:
                    continue
                yield _drawn(state)
                drawn = time.monotonic()
        except InterrogatorError as error:
            yield _failed(str(error), state)
        except Exception:
            log.exception("the interrogation failed")
            yield _failed(BUG, state)

    def interrogate(self, request: Request) -> dict[str, Any]:
        """Return the finished interrogation as JSON.

        Raises:
            InterrogatorError: Picture, models or settings are at fault; in a sentence.
        """
        made = self._made(request, self._job(request, decode.read(request.picture)))
        assert isinstance(made, Interrogation)
        return made.to_json()

    def analyze(
        self,
        picture: str | bytes | None,
        preset: str | None,
        top: float,
        caption_model: str = "",
        clip: str = "",
    ) -> dict[str, Any]:
        """Return caption and ranked phrases as JSON; raises as `interrogate` does."""
        count = whole(top, "number of phrases")
        if not 1 <= count <= MOST_RANKED:
            raise InterrogatorError(f"From 1 to {MOST_RANKED} phrases of each list can be told.")
        request = Request(picture, preset or None, Settings(), caption_model, clip)
        job = replace(self._job(request, decode.read(picture)), task="analyze", top=count)
        state = self._made(request, job)
        assert isinstance(state, Interrogation)
        told = replace(state, ranked={}).to_json()
        kept = ("caption", "models", "vocabulary", "seconds")
        return {**{key: told[key] for key in kept}, "ranked": ranked_json(state.ranked, count)}

    def score(
        self, picture: str | bytes | None, prompt: str, preset: str | None, clip: str = ""
    ) -> dict[str, Any]:
        """Return a prompt's similarity to a picture as JSON; raises as `interrogate` does."""
        request = Request(picture, preset or None, Settings(), clip=clip)
        job = replace(self._job(request, decode.read(picture)), task="score", prompt=prompt)
        made = self._made(request, job)
        assert isinstance(made, dict)
        return made

    def _made(self, request: Request, job: Job) -> Any:  # noqa: ANN401
        """Return the last of what a job gives; a program that waits holds its turn meanwhile."""
        self._fetch(request, lambda text, share: None, PATIENCE_SECONDS)
        *_, made = self.service.work(job)
        return made

    def _names(self, request: Request) -> ModelNames:
        return self.chosen(request.preset, request.caption_model, request.clip, request.judge)

    def _job(
        self, request: Request, opened: Image.Image, seen: PictureFeatures | None = None
    ) -> Job:
        words = request.words
        own = words.own.vocabulary if words.own else None
        return Job(
            opened,
            self._names(request),
            settings=request.settings,
            seen=seen,
            lists=own if words.replace else None,
            own=None if words.replace else own,
            policy=words.policy,
            keep=False,  # visitors' lists do not fill the disk
            judge=request.judge or None,
        )


def _drawn(state: Interrogation) -> Drawn:
    line = views.status("Ranking the phrases")
    if state.finished:
        line = views.status(views.summary(state), kind="done")
    elif state.prompt:
        line = views.status(
            f"Searching: {state.tried:,} prompts compared, "
            f"the best so far {state.similarity:.3f} similar"
        )
    return Drawn(line, state.prompt, state.negative_prompt or "", state, state.seen)


def _failed(sentence: str, state: Interrogation | None) -> Drawn:
    """What was found before it failed stays."""
    prompt, negative = (state.prompt, state.negative_prompt or "") if state else ("", "")
    return Drawn(views.status(sentence, kind="error"), prompt, negative, state or False)
