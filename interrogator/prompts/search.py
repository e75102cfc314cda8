"""The search for the prompt that is most (or least) similar to a picture; it can stop any time.

1. The most similar phrases are tried behind the caption, each alone.
2. Lanes go on from there, phrase by phrase, each time with those that promised most when they were
   last tried: what a phrase adds changes slowly, and of thousands a few dozen are worth the trial.
   A beam keeps the best few prompts of each length, a chain only the best, but tries more phrases
   and goes further through what is worse.
3. Each beam's result is improved: its phrases are put in other orders (a CLIP cares a lot which
   stands last), left out or replaced one by one, and more are added, until nothing helps.

Whatever was scored on the way counts: the result is the best of all that keep the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from interrogator.prompts.ranking import RankedPhrase
from interrogator.prompts.rules import Prompt, Rules, overlap

if TYPE_CHECKING:
    from interrogator.prompts.scorer import Chosen, Scorer

SIGNIFICANT = 1e-6  # a smaller difference is the number format's, not the picture's
# Phrases from the end that change places: the end counts most, and whoever moves further forward
# makes all behind him run again.
REACH = 8
ROUNDS = 4  # of improvement for a beam's result, at most; two are usual

Promise = NDArray[np.float64]  # what each candidate gained when it was last tried, -inf if never


@dataclass(frozen=True)
class Beam:
    """One way to grow a prompt, phrase by phrase.

    Attributes:
        width: Prompts kept at each length: 1 is a greedy chain, more a beam.
        each: Phrases tried behind each of them.
        patience: Steps without a better prompt before it ends.
    """

    width: int
    each: int
    patience: int


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes:
        first: Phrases tried behind the caption.
        beams: Ways to go on from there; each forgets what the others found promising, and the
            more unlike they are, the less often all of them end in the same dead end.
        improve: Phrases tried in place of each phrase of a beam's result; 0: it stays as it is.
    """

    first: int
    beams: tuple[Beam, ...]
    improve: int


# Chosen on painted pictures and the embedded CLIP: see benchmarks/bench_search.py.
FULL = Effort(2048, (Beam(4, 24, 2), Beam(1, 64, 8)), 16)
# Among what a picture plausibly shows there is little to choose: see benchmarks/bench_truth.py.
FAITHFUL = Effort(256, (Beam(3, 8, 2),), 0)
# For a tower that must run every prompt whole: a twentieth of the work for each phrase.
FRUGAL = Effort(128, (Beam(1, 16, 2),), 0)


@dataclass(frozen=True)
class ScoredPrompt:
    """The best prompt so far.

    Attributes:
        prompt: It keeps the rules.
        similarity: Its cosine with the picture, from the search's own batches.
        tried: Prompts compared so far.
        cut_short: Whether time was up before the search was done.
    """

    prompt: Prompt
    similarity: float
    tried: int
    cut_short: bool = False


@dataclass(frozen=True)
class _Grown:
    """A prompt of a beam, and what it takes to go on from it."""

    chosen: Chosen
    promise: Promise


class _TimeIsUpError(Exception):
    """The time is over."""


class Search:
    """One search; `run` yields the best so far after every batch of prompts.

    Attributes:
        caption: What every prompt begins with; may be "".
        candidates: What may follow; the most promising first.
        scorer: Knows the candidates' texts by the same places.
        rules: What the prompt must keep.
        sign: 1 for the most similar prompt, -1 for the least.
        is_over: Asked between batches whether time is up.
        claims: The exclusive categories of which the caption names one by itself.
    """

    def __init__(
        self,
        caption: str,
        candidates: Sequence[RankedPhrase],
        scorer: Scorer,
        rules: Rules,
        effort: Effort = FULL,
        sign: int = 1,
        is_over: Callable[[], bool] = lambda: False,
        claims: frozenset[str] = frozenset(),
    ) -> None:
        self.caption, self.candidates, self.scorer, self.claims = (
            caption, candidates, scorer, claims,
        )  # fmt: skip
        self.rules, self.effort, self.sign, self.is_over = rules, effort, sign, is_over
        self._possible = np.array([rules.allows(c.text) for c in candidates], dtype=bool)
        limited = {c.category: c for c in candidates if rules.most_like(c) < rules.most}
        self._limits = {kind: rules.most_like(phrase) for kind, phrase in limited.items()}
        self._kinds = {
            kind: np.array([c.category == kind for c in candidates], dtype=bool) for kind in limited
        }
        self._overlaps: dict[int, NDArray[np.bool_]] = {}
        self._known: dict[Chosen, float] = {}
        self._best: Chosen = ()
        self.tried = 0

    def run(self, pinned: Chosen = ()) -> Iterator[ScoredPrompt]:
        """Search from the caption and the pinned phrases on."""
        try:
            yield from self._try_start(pinned)
            start = _Grown(pinned, np.full(len(self.candidates), -np.inf))
            ((start, _),) = yield from self._tried_behind([start], self.effort.first)
            for beam in self.effort.beams:
                grown = yield from self._grow(start, beam)
                if self.effort.improve:
                    yield from self._improve(grown, len(pinned))
        except _TimeIsUpError:
            yield replace(self._found(), cut_short=True)
        else:
            yield self._found()

    def _found(self) -> ScoredPrompt:
        score = self._known[self._best]
        return ScoredPrompt(self._prompt(self._best), score * self.sign, self.tried)

    def _prompt(self, chosen: Chosen) -> Prompt:
        phrases = tuple(self.candidates[i] for i in chosen)
        return Prompt(self.caption, phrases, self.claims)

    def _try_start(self, chosen: Chosen) -> Iterator[ScoredPrompt]:
        self._best = chosen  # however short: there may be no other
        yield from self._try([chosen])

    # What may follow, and how similar it is

    def _few(self, grown: _Grown, count: int) -> NDArray[np.int_]:
        """Return the places that may follow a prompt, the most promising first."""
        chosen = grown.chosen
        if len(chosen) >= self.rules.most:
            return np.empty(0, dtype=int)
        free = self._possible.copy()
        for kind, rows in self._kinds.items():
            claimed = self.rules.is_faithful and kind in self.claims
            if rows[list(chosen)].sum() + claimed >= self._limits[kind]:
                free &= ~rows
        for place in chosen:
            if place not in self._overlaps:
                text = self.candidates[place].text
                self._overlaps[place] = np.array([overlap(text, c.text) for c in self.candidates])
            free &= ~self._overlaps[place]
        order = np.argsort(-grown.promise, kind="stable")  # never tried comes last, in order
        return order[free[order]][:count]

    def _tried_behind(
        self, several: Sequence[_Grown], count: int
    ) -> Generator[ScoredPrompt, None, list[tuple[_Grown, list[Chosen]]]]:
        """Score each of several prompts with each of a few places behind it.

        Return each with what they promise now, and the longer prompts that fit, best first.
        """
        fews = [self._few(grown, count) for grown in several]
        longer = [
            [(*grown.chosen, int(place)) for place in few]
            for grown, few in zip(several, fews, strict=True)
        ]
        yield from self._try([chosen for group in longer for chosen in group])
        return [self._told(grown, group) for grown, group in zip(several, longer, strict=True)]

    def _told(self, grown: _Grown, longer: Sequence[Chosen]) -> tuple[_Grown, list[Chosen]]:
        """Return a prompt with what was learned behind it, and the longer ones, best first."""
        fit = [chosen for chosen in longer if np.isfinite(self._known[chosen])]
        promise = grown.promise.copy()
        for chosen in fit:
            promise[chosen[-1]] = self._known[chosen] - self._known[grown.chosen]
        fit.sort(key=self._known.__getitem__, reverse=True)
        return replace(grown, promise=promise), fit

    def _try(self, several: Sequence[Chosen]) -> Iterator[ScoredPrompt]:
        """Score prompts; what is known is not run again."""
        new = [chosen for chosen in several if chosen not in self._known]
        if new:
            for places, scores in self.scorer.scores(new):
                yield from self._learn([new[place] for place in places], scores.tolist())

    def _learn(self, several: Sequence[Chosen], scores: Sequence[float]) -> Iterator[ScoredPrompt]:
        """Keep scores, and the best prompt; stop if time is up."""
        for chosen, score in zip(several, scores, strict=True):
            # Too long is too long, whichever way the search goes.
            self._known[chosen] = -np.inf if np.isinf(score) else self.sign * score
            self._offer(chosen)
        self.tried += len(several)
        yield self._found()
        if self.is_over():
            raise _TimeIsUpError

    def _offer(self, chosen: Chosen) -> None:
        """Keep the prompt if it is the best: first the phrases that were asked for, then more."""
        if np.isfinite(self._known[chosen]) and self._beats(chosen, self._best):
            self._best = chosen

    def _beats(self, chosen: Chosen, other: Chosen) -> bool:
        asked = self.rules.fewest
        mine, theirs = min(len(chosen), asked), min(len(other), asked)
        gain = self._known[chosen] - self._known[other]
        return mine > theirs or (mine == theirs and gain > SIGNIFICANT)

    # Ways to a better prompt

    def _grow(self, start: _Grown, beam: Beam) -> Generator[ScoredPrompt, None, _Grown]:
        """Add phrases one by one to a beam's best prompts; return the best of them all."""
        beams, best, waited, rises = [start], start, 0, False
        while waited < beam.patience or rises or len(beams[0].chosen) < self.rules.fewest:
            longer: dict[frozenset[int], _Grown] = {}
            for tried, behind in (yield from self._tried_behind(beams, beam.each)):
                for chosen in behind[: 2 * beam.width]:
                    other = longer.get(frozenset(chosen))
                    if other is None or self._known[chosen] > self._known[other.chosen]:
                        longer[frozenset(chosen)] = _Grown(chosen, tried.promise)
            if not longer:
                break
            before = self._known[beams[0].chosen]
            beams = sorted(longer.values(), key=self._worth, reverse=True)[: beam.width]
            # On the far side of a valley the way leads up before it is higher than ever.
            rises = self._worth(beams[0]) > before + SIGNIFICANT
            if self._beats(beams[0].chosen, best.chosen):
                best, waited = beams[0], 0
            else:
                waited += 1
        return best

    def _worth(self, grown: _Grown) -> float:
        return self._known[grown.chosen]

    def _improve(self, grown: _Grown, pinned: int) -> Iterator[ScoredPrompt]:
        """Reorder, leave out, replace and add phrases until nothing helps, or for a few rounds."""
        for _ in range(ROUNDS):
            before = grown.chosen
            for way in (self._reordered, self._replaced, self._extended):
                grown = yield from way(grown, pinned)
            if not self._beats(grown.chosen, before):
                break

    def _better(self, grown: _Grown, several: Sequence[Chosen]) -> _Grown:
        """Return the best of some prompts that were tried, or the same if none is better."""
        best = grown.chosen
        for chosen in sorted(several, key=self._known.__getitem__, reverse=True):
            best = chosen if self._beats(chosen, best) else best
        return grown if best == grown.chosen else replace(grown, chosen=best)

    def _reordered(self, grown: _Grown, pinned: int) -> Generator[ScoredPrompt, None, _Grown]:
        """Move one phrase after the other to where it helps most, until none wants to move."""
        fixed = max(pinned, len(grown.chosen) - REACH)
        while True:
            before = grown
            for place in reversed(grown.chosen[fixed:]):
                moved = moves(grown.chosen, place, fixed)
                yield from self._try(moved)
                grown = self._better(grown, moved)
            if grown is before:
                return grown

    def _replaced(self, grown: _Grown, pinned: int) -> Generator[ScoredPrompt, None, _Grown]:
        """Leave a phrase out, or put another at the end for it: the least useful one first."""
        chosen, promise = grown.chosen, grown.promise
        rests = [tuple(p for p in chosen if p != place) for place in chosen[pinned:]]
        yield from self._try(rests)
        for rest in sorted(rests, key=self._known.__getitem__, reverse=True):
            ((shorter, others),) = yield from self._tried_behind(
                [_Grown(rest, promise)], self.effort.improve
            )
            promise = shorter.promise
            better = self._better(grown, [rest, *others])
            if better is not grown:
                return replace(better, promise=promise)
        return replace(grown, promise=promise)

    def _extended(self, grown: _Grown, pinned: int) -> Generator[ScoredPrompt, None, _Grown]:
        """Add a phrase."""
        ((tried, longer),) = yield from self._tried_behind([grown], self.effort.improve)
        return self._better(tried, longer)


def moves(chosen: Chosen, place: int, fixed: int = 0) -> list[Chosen]:
    """Return the orders with one phrase elsewhere; the first ones stay where they are."""
    rest = tuple(other for other in chosen if other != place)
    orders = [(*rest[:to], place, *rest[to:]) for to in range(fixed, len(chosen))]
    return [order for order in orders if order != chosen]
