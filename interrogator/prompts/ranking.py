"""Picture vector × table → the most (or least) similar phrases, exactly.

In NumPy throughout: its product of matrix and vector reads memory twice as fast as torch's, and its
threads still spin for milliseconds afterwards, which would slow whatever torch does next.
`benchmarks/bench_ranking.py` holds it against reading the matrix once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from interrogator.vocabulary.lists import NEGATIVE

if TYPE_CHECKING:
    import torch

    from interrogator.prompts.table import Table


@dataclass(frozen=True)
class RankedPhrase:
    """A phrase as the picture's CLIP sees it.

    Attributes:
        text: The phrase as it would stand in a prompt.
        category: Its list.
        similarity: Cosine with the picture.
        confidence: Its share, 0..1, of a softmax over its category and "none of these".
        above_neutral: How far its similarity is above its average over pictures that show nothing.
        deviations: How far it stands above the mean of the whole vocabulary, in standard
            deviations; the negative list does not count.
        stands_out: Whether it is more similar than the category's best phrase is to pictures
            that show nothing.
    """

    text: str
    category: str
    similarity: float
    confidence: float
    above_neutral: float
    deviations: float
    stands_out: bool


@dataclass(frozen=True)
class Ranking:
    """A picture beside a whole vocabulary.

    Attributes:
        table: The vocabulary's vectors.
        similarity: Cosines [n] with the picture, row by row.
        logit_scale: The CLIP's inverse temperature, for the confidence.
    """

    table: Table
    similarity: NDArray[np.float32]
    logit_scale: float

    def by_category(self, top: int, least: bool = False) -> dict[str, list[RankedPhrase]]:
        """Return the `top` most (or least) similar phrases of every category, best first."""
        return {
            category: self._phrases(
                [rows.start + row for row in extreme_rows(self.similarity[rows], top, least)]
            )
            for category, rows in self._slices.items()
        }

    def overall(
        self, count: int, least: bool = False, without: Collection[str] = (NEGATIVE,)
    ) -> list[RankedPhrase]:
        """Return the `count` most (or least) similar phrases of all categories but some."""
        kept = [rows for c, rows in self._slices.items() if c not in without]
        if not kept:
            return []
        # The best of all are among the best of each list: no copy of the whole is sorted.
        rows = [
            rows.start + row
            for rows in kept
            for row in extreme_rows(self.similarity[rows], count, least)
        ]
        best = extreme_rows(self.similarity[np.array(rows, np.intp)], count, least)
        return self._phrases([rows[place] for place in best])

    def all_but(self, category: str) -> list[str]:
        """Return the other categories."""
        return [other for other in self._slices if other != category]

    def named(self, texts: Collection[str]) -> dict[str, RankedPhrase]:
        """Return those of the texts that are in a list, under their case-folded form."""
        wanted = {text.casefold() for text in texts}
        found: dict[str, int] = {}
        for row, phrase in enumerate(self.table.vocabulary.phrases):
            folded = phrase.casefold()
            if folded in wanted:
                found.setdefault(folded, row)
        return dict(zip(found, self._phrases(list(found.values())), strict=True))

    def _phrases(self, rows: list[int]) -> list[RankedPhrase]:
        """Return what is known of these rows, in their order."""
        names, starts = list(self._slices), [rows.start for rows in self._slices.values()]
        texts, totals = self.table.vocabulary.phrases, self._totals
        mean, deviation = self._spread
        places = np.array(rows, np.intp)
        scores = self.similarity[places].tolist()
        neutral = self.table.neutral.numpy()[places].mean(axis=1).tolist()
        phrases = []
        for row, score, usual in zip(rows, scores, neutral, strict=True):
            category = names[bisect_right(starts, row) - 1]
            phrase = RankedPhrase(
                text=texts[row],
                category=category,
                similarity=score,
                confidence=math.exp(score * self.logit_scale - totals[category]),
                above_neutral=score - usual,
                deviations=(score - mean) / deviation,
                stands_out=score > self.table.none_of_these[category],
            )
            phrases.append(phrase)
        return phrases

    @cached_property
    def _slices(self) -> dict[str, slice]:
        return dict(self.table.vocabulary.slices())

    @cached_property
    def _totals(self) -> dict[str, float]:
        """The logarithm of the softmax's denominator, for each category."""
        totals = {}
        for category, rows in self._slices.items():
            scores = self.similarity[rows] * self.logit_scale
            none = self.table.none_of_these[category] * self.logit_scale
            most = max(float(scores.max()), none)  # so that no exponential overflows
            others = float(np.exp(scores - most).sum(dtype=np.float64))
            totals[category] = most + math.log(others + math.exp(none - most))
        return totals

    @cached_property
    def _spread(self) -> tuple[float, float]:
        """Mean and standard deviation of all similarities but those of the negative list."""
        rows = [self.similarity[rows] for c, rows in self._slices.items() if c != NEGATIVE]
        every = np.concatenate(rows) if rows else self.similarity
        return float(every.mean()), float(every.std()) or 1.0


def rank(image: torch.Tensor, table: Table, logit_scale: float) -> Ranking:
    """Compare a picture's unit vector [d] with every phrase of the table, in one product."""
    return Ranking(table, table.matrix.numpy() @ image.numpy(), logit_scale)


def extreme_rows(scores: NDArray[np.float32], count: int, least: bool = False) -> list[int]:
    """Return the rows of the `count` largest (or least) scores [n], the most extreme first.

    Exact, not the best of chunks, and equal scores keep the order of their rows; `partition` alone
    leaves that open.
    """
    signed = scores if least else -scores
    count = min(count, len(signed))
    if not count:
        return []
    threshold = np.partition(signed, count - 1)[count - 1]
    rows = np.flatnonzero(signed <= threshold)  # with all that are equal to the last
    order = np.argsort(signed[rows], kind="stable")[:count]
    return rows[order].tolist()


def merge(ranked: dict[str, list[RankedPhrase]]) -> list[RankedPhrase]:
    """Return all ranked phrases in one list, most similar first."""
    phrases = [phrase for group in ranked.values() for phrase in group]
    return sorted(phrases, key=lambda phrase: -phrase.similarity)  # sorted() keeps ties in order
