"""What the tab's buttons do, free of Gradio: requests in, what to draw and JSON out.

Loading runs in a thread, so that its progress can be shown while it lasts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from queue import Empty, Queue
from typing import Any

from interrogator import images, render
from interrogator.catalogue import (
    ModelNames,
    active_notice,
    check_offered,
    choose_names,
    default_names,
    download_bytes,
)
from interrogator.choices import Words, words_of
from interrogator.errors import InterrogatorError
from interrogator.hub import Report
from interrogator.interrogation import Interrogation, Seen, ranked_json
from interrogator.pipeline import Interrogator
from interrogator.policy import default_policy
from interrogator.request import Request, whole
from interrogator.workshop import Workshop

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0  # after which a hub that did not answer is asked again
POLL_SECONDS = 0.1  # how often a page asks the loading thread for news
DRAW_SECONDS = 0.15  # how often a search is drawn, so that drawing does not take its time
MOST_RANKED = 50  # phrases of each list that `analyze` tells at most
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
    seen: Seen | None = None


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
        return render.notice(active_notice(names, reason)), names.preset, note

    def describe_models(
        self, preset: str | None, caption_model: str = "", clip: str = "", judge: str = ""
    ) -> str:
        """Return what choosing models would mean: what they are for, and their download."""
        try:
            names = self.chosen(preset, caption_model, clip, judge)
            size = download_bytes(names)
        except InterrogatorError as error:
            return render.status(f"{preset}: {error}", kind="error")
        ready = "on this machine already" if not size else f"{size / 1e9:.1f} GB to download once"
        what = names.note or f"{names.caption} and {names.clip}"
        return render.status(f"{names.preset}: {what}; {ready}.", kind="idle")

    def describe_words(
        self,
        preset: str | None,
        name_artists: str | None,
        banned: str | None,
        own_words: str | None,
        own_files: list[str] | None,
        own_lists: str | None,
    ) -> str:
        """Return what a choice of words would mean: what is ranked, cleaned and left out."""
        try:
            words = words_of(name_artists, banned, own_words, own_files, own_lists)
            names = choose_names(preset) if preset else self.default()[0]
            return render.status(words.summary(self.workshop.vocabulary(names)), kind="idle")
        except InterrogatorError as error:
            return render.status(str(error), kind="error")

    def draw(self, request: Request, seen: Seen | None = None) -> Iterator[Drawn]:
        """Yield what to draw as the interrogation goes on; errors as a sentence."""
        state: Interrogation | None = None
        try:
            opened = images.read(request.picture)
            yield Drawn(render.status("Getting ready"), "", "", False)
            names = self._names(request)
            prepared: tuple[Interrogator, dict[str, float]] | None = None
            for news in self._prepared(names, request):
                if isinstance(news, str):
                    yield Drawn(news)
                else:
                    prepared = news
            assert prepared is not None
            interrogator, seconds = prepared
            yield Drawn(render.status("Writing the caption"))
            drawn = 0.0
            for state in interrogator.steps(opened, request.settings, seconds, seen):
                if not state.finished and state.prompt and time.monotonic() - drawn < DRAW_SECONDS:
                    continue
                yield _drawn(state)
                drawn = time.monotonic()
        except InterrogatorError as error:
            yield _failed(str(error), state)
        except Exception:
            log.exception("the interrogation failed")
            yield _failed(BUG, state)

    def _prepared(
        self, names: ModelNames, request: Request
    ) -> Iterator[str | tuple[Interrogator, dict[str, float]]]:
        """Prepare in a thread; yield lines of progress, then the result."""
        news: Queue[str] = Queue()
        result: list[Any] = []

        def work() -> None:
            try:
                report = lambda text, share: news.put(render.status(text, share))  # noqa: E731
                result.append(self._prepare(names, request.words, request.judge, report))
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

    def interrogate(self, request: Request) -> dict[str, Any]:
        """Return the finished interrogation as JSON.

        Raises:
            InterrogatorError: Picture, models or settings are at fault; in a sentence.
        """
        opened = images.read(request.picture)
        interrogator, seconds = self._prepare(self._names(request), request.words, request.judge)
        return interrogator.run(opened, request.settings, seconds).to_json()

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
        opened = images.read(picture)
        interrogator, _ = self._prepare(self.chosen(preset or None, caption_model, clip))
        state = interrogator.analyze(opened, count)
        told = replace(state, ranked={}).to_json()
        kept = ("caption", "models", "vocabulary", "seconds")
        return {**{key: told[key] for key in kept}, "ranked": ranked_json(state.ranked, count)}

    def score(
        self, picture: str | bytes | None, prompt: str, preset: str | None, clip: str = ""
    ) -> dict[str, Any]:
        """Return a prompt's similarity to a picture as JSON; raises as `interrogate` does."""
        opened = images.read(picture)
        interrogator, _ = self._prepare(self.chosen(preset or None, clip=clip))
        return interrogator.score(opened, prompt)

    def _names(self, request: Request) -> ModelNames:
        return self.chosen(request.preset, request.caption_model, request.clip, request.judge)

    def _prepare(
        self,
        names: ModelNames,
        words: Words | None = None,
        judge: str = "",
        report: Report | None = None,
    ) -> tuple[Interrogator, dict[str, float]]:
        words = words or Words(default_policy())
        own = words.own.vocabulary if words.own else None
        return self.workshop.prepare(
            names,
            lists=own if words.replace else None,
            report=report or (lambda text, share: None),
            own=None if words.replace else own,
            policy=words.policy,
            keep=False,  # visitors' lists do not fill the disk
            judge=judge or None,
        )


def _drawn(state: Interrogation) -> Drawn:
    line = render.status("Ranking the phrases")
    if state.finished:
        line = render.status(render.summary(state), kind="done")
    elif state.prompt:
        line = render.status(
            f"Searching: {state.tried:,} prompts compared, "
            f"the best so far {state.similarity:.3f} similar"
        )
    return Drawn(line, state.prompt, state.negative_prompt or "", state, state.seen)


def _failed(sentence: str, state: Interrogation | None) -> Drawn:
    return Drawn(render.status(sentence, kind="error"), "", "", state or False)
