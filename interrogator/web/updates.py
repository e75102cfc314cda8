"""What changes on the page while a search goes on, and when it is finished."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from interrogator.images.generators import StoredPrompt
from interrogator.request import Request
from interrogator.result import Interrogation, PictureFeatures
from interrogator.web import chips, folds, views

DRAW_SECONDS = 0.15  # how often a search is drawn, so that drawing does not take its time
WORTH_TELLING_SECONDS = 2.0  # that a search takes, before it is told how long is left


@dataclass(frozen=True)
class PageUpdate:
    """What changes on the page; None is left as it is.

    Attributes:
        status: The status line, HTML.
        prompt: The prompt.
        negative: The negative prompt.
        caption: The caption.
        phrases: The prompt's phrases, HTML.
        notes: What is to be known, and other captions, HTML.
        explained: The folds below, HTML.
        features: What a further search need not look at again.
        no_picture: Whether what was brought is no picture, and is to be put away.
    """

    status: str
    prompt: str | None = None
    negative: str | None = None
    caption: str | None = None
    phrases: str | None = None
    notes: str | None = None
    explained: str | None = None
    features: PictureFeatures | None = None
    no_picture: bool = False


class SearchView:
    """What a visitor sees of one search while it goes on."""

    def __init__(self, usual: float | None, artists: folds.Artists) -> None:
        self._usual = usual  # seconds that the last search of this kind took
        self._path: list[tuple[int, float]] = []  # prompts compared, the best similarity then
        self._artists = artists
        self._begun = self._drawn = 0.0

    def drawn(self, state: Interrogation) -> PageUpdate | None:
        """Return what a state changes, or None where it is too soon to draw again."""
        now = time.monotonic()
        if not state.prompt:
            self._begun = now
            explained = folds.explained(state, self._artists) if state.ranked else None
            text = "Choosing phrases" if state.ranked else "Ranking the phrases"
            return PageUpdate(
                views.status(text), caption=state.caption, explained=explained,
                features=state.features,
            )  # fmt: skip
        if state.similarity is not None and state.similarity != self._best:
            self._path.append((state.tried, state.similarity))
        if now - self._drawn < DRAW_SECONDS:
            return None
        self._drawn = now
        text = (
            f"Searching: {views.counted(state.tried, 'prompt')} compared, "
            f"the best so far {self._best:.3f} similar{self._left(now - self._begun)}"
        )
        status = views.status(text, self._share(now), "searching", views.curve(self._path))
        form = chips.form(state, state.target)
        return PageUpdate(status, form["text"], form["negative"], features=state.features)

    @property
    def _best(self) -> float:
        """Every state has the best so far; where unlikeness is wanted, it falls."""
        return self._path[-1][1] if self._path else 0.0

    def _share(self, now: float) -> float | None:
        return min((now - self._begun) / self._usual, 0.99) if self._usual else None

    def _left(self, spent: float) -> str:
        """Return what is left, as far as the last search of this kind tells."""
        if not self._usual or self._usual < WORTH_TELLING_SECONDS:
            return ""
        left = self._usual - spent
        if left <= 0:
            return "; it takes longer than the last time"
        return f"; about {left:.0f} s left, if it takes as long as the last time"

    def finished(
        self, state: Interrogation, request: Request, kept: Sequence[tuple[StoredPrompt, float]]
    ) -> PageUpdate:
        """Return all that a finished interrogation shows."""
        searched = len(self._path) > 1
        curve = views.curve(self._path) if searched else ""
        line = views.status(views.summary(state), kind="done", below=views.doubt(state) + curve)
        form = chips.form(state, state.target)
        return PageUpdate(
            line, form["text"], form["negative"], state.caption,
            chips.of_prompt(state, request.settings.rules), folds.notes(state, kept),
            folds.explained(state, self._artists), state.features,
        )  # fmt: skip
