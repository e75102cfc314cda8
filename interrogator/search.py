"""The search for the prompt that is most (or least) similar to a picture; it can stop any time.

Three parts, each cheaper than trying every phrase at every step:

- one step that tries the best few hundred phrases behind the caption;
- lanes that go on from there: a greedy chain that tries, at every step, the phrases that promised
  most when they were last tried, and a beam of the best prompts of each length, which gets past
  places where the single best phrase leads into a dead end;
- polishing: each phrase in turn is left out and the most promising ones are tried in its place.

Whatever was scored on the way counts: the result is the best of all that keep the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from interrogator.prompt import ARTISTS, Prompt, Rules, overlap
from interrogator.ranking import RankedPhrase
from interrogator.scorer import Scorer

SIGNIFICANT = 1e-6  # a smaller difference is the number format's, not the picture's

Chosen = tuple[int, ...]  # places in the list of candidates, in the order of the prompt


@dataclass(frozen=True)
class Lane:
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
        lanes: Ways to go on from there; each forgets what the others found promising, and the
            more unlike they are, the less often all of them end in the same dead end.
        polish: Phrases tried in place of each phrase of a lane's result; 0: no polishing.
    """

    first: int
    lanes: tuple[Lane, ...]
    polish: int


QUICK = Effort(256, (Lane(1, 48, 4), Lane(3, 16, 2)), 12)
# The first lane tries every phrase at every step, as clip-interrogator does.
THOROUGH = Effort(512, (Lane(1, 4096, 8), Lane(8, 32, 4), *QUICK.lanes), 32)
CHEAP = 2e6  # weights of a text tower so small that the thorough search takes no time either


@dataclass(frozen=True)
class Found:
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
    """

    def __init__(
        self,
        caption: str,
        candidates: Sequence[RankedPhrase],
        scorer: Scorer,
        rules: Rules,
        effort: Effort = QUICK,
        sign: int = 1,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.caption, self.candidates, self.scorer = caption, candidates, scorer
        self.rules, self.effort, self.sign, self.is_over = rules, effort, sign, is_over
        # What the caption says may be said again here, where the CLIP rewards it.
        self._possible = np.array([rules.allows(c.text) for c in candidates], dtype=bool)
        self._artists = np.array([c.category == ARTISTS for c in candidates], dtype=bool)
        self._overlaps: dict[int, NDArray[np.bool_]] = {}
        # What adding a phrase gained when it was last tried; never tried comes last, in order.
        self._promise = np.full(len(candidates), -np.inf)
        self._known: dict[Chosen, float] = {}
        self._best: tuple[float, Chosen] = (-np.inf, ())
        self.tried = 0

    def run(self, pinned: Chosen = ()) -> Iterator[Found]:
        """Search from the caption and the pinned phrases on."""
        try:
            yield from self._try_alone(pinned)
            yield from self._first_step(pinned)
            promise = self._promise.copy()
            for lane in self.effort.lanes:
                self._promise = promise.copy()
                grown = yield from self._grow(pinned, lane)
                if self.effort.polish:
                    yield from self._polish(grown, len(pinned))
        except _TimeIsUpError:
            yield replace(self._found(), cut_short=True)
        else:
            yield self._found()

    def _found(self) -> Found:
        score, chosen = self._best
        prompt = Prompt(self.caption, tuple(self.candidates[i] for i in chosen))
        return Found(prompt, score * self.sign, self.tried)

    def _try_alone(self, chosen: Chosen) -> Iterator[Found]:
        text = self._text(chosen)
        self._known[chosen] = self.sign * float(self.scorer.similarity([text])[0])
        self._best = (self._known[chosen], chosen)  # however short: there may be no other
        self.tried += 1
        yield self._found()

    def _first_step(self, pinned: Chosen) -> Iterator[Found]:
        allowed = self._allowed(pinned)[: self.effort.first]
        yield from self._scores(pinned, allowed)

    def _text(self, chosen: Chosen) -> str:
        return Prompt(self.caption, tuple(self.candidates[i] for i in chosen)).text

    def _allowed(self, chosen: Chosen) -> NDArray[np.int_]:
        """Return the places that may follow, the most promising first."""
        if len(chosen) >= self.rules.most:
            return np.empty(0, dtype=int)
        free = self._possible.copy()
        if self._artists[list(chosen)].sum() >= self.rules.artists:
            free &= ~self._artists
        for place in chosen:
            if place not in self._overlaps:
                text = self.candidates[place].text
                self._overlaps[place] = np.array([overlap(text, c.text) for c in self.candidates])
            free &= ~self._overlaps[place]
        order = np.argsort(-self._promise, kind="stable")
        return order[free[order]]

    def _scores(self, chosen: Chosen, places: Sequence[int] | NDArray[np.int_]) -> Iterator[Found]:
        """Score the prompt with each of the places behind it; what is known is not run again."""
        new = [int(p) for p in places if (*chosen, int(p)) not in self._known]
        if not new:
            return
        alone = self._known.get(chosen)
        for rows, scores in self.scorer.continuations(self._text(chosen), new):
            for row, score in zip(rows, (scores * self.sign).tolist(), strict=True):
                place = new[row]
                # Too long is too long, whichever way the search goes.
                score = -np.inf if np.isinf(score) else score
                self._known[(*chosen, place)] = score
                if alone is not None and np.isfinite(score):
                    self._promise[place] = score - alone
                self._offer(score, (*chosen, place))
            self.tried += len(rows)
            yield self._found()
            if self.is_over():
                raise _TimeIsUpError

    def _offer(self, score: float, chosen: Chosen) -> None:
        """Keep the prompt if it is the best: first the phrases that were asked for, then more."""
        asked, best = self.rules.fewest, self._best
        mine, theirs = min(len(chosen), asked), min(len(best[1]), asked)
        if np.isfinite(score) and (
            mine > theirs or (mine == theirs and score > best[0] + SIGNIFICANT)
        ):
            self._best = (score, chosen)

    def _grow(self, start: Chosen, lane: Lane) -> Generator[Found, None, Chosen]:
        """Add phrases one by one to a lane's best prompts; return the best of them all."""
        beams, best, waited, rises = [start], start, 0, False
        while waited < lane.patience or rises or len(beams[0]) < self.rules.fewest:
            longer: dict[frozenset[int], Chosen] = {}
            for chosen in beams:
                few = self._allowed(chosen)[: lane.each]
                yield from self._scores(chosen, few)
                tried = [(*chosen, int(place)) for place in few]
                tried = [t for t in tried if np.isfinite(self._known[t])]
                tried.sort(key=self._known.__getitem__, reverse=True)
                for candidate in tried[: 2 * lane.width]:
                    other = longer.setdefault(frozenset(candidate), candidate)
                    if self._known[candidate] > self._known[other]:
                        longer[frozenset(candidate)] = candidate
            if not longer:
                break
            before = self._known[beams[0]]
            beams = sorted(longer.values(), key=self._known.__getitem__, reverse=True)[: lane.width]
            # On the far side of a valley the way leads up before it is higher than ever.
            rises = self._known[beams[0]] > before + SIGNIFICANT
            if self._known[beams[0]] > self._known[best] + SIGNIFICANT:
                best, waited = beams[0], 0
            else:
                waited += 1
        return best

    def _polish(self, chosen: Chosen, pinned: int) -> Iterator[Found]:
        """Leave out or replace phrases, and add more, until nothing helps."""
        improved = True
        while improved:
            improved = False
            rests = [tuple(p for p in chosen if p != place) for place in chosen[pinned:]]
            unknown = [rest for rest in rests if rest not in self._known]
            if unknown:
                scores = self.scorer.similarity([self._text(rest) for rest in unknown])
                for rest, score in zip(unknown, (scores * self.sign).tolist(), strict=True):
                    self._known[rest] = score
                    self._offer(score, rest)
                self.tried += len(unknown)
            rests.sort(key=self._known.__getitem__, reverse=True)  # the least useful phrase first
            for rest in [*rests, chosen]:
                few = self._allowed(rest)[: self.effort.polish]
                yield from self._scores(rest, few)
                options = [rest, *((*rest, int(place)) for place in few)]
                best = max(options, key=lambda option: self._known[option])
                if self._known[best] > self._known[chosen] + SIGNIFICANT:
                    chosen, improved = best, True
                    break
