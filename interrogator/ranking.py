"""Picture vector × table → the most (or least) similar phrases, exactly."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import torch

from interrogator.embeddings import Table
from interrogator.vocabulary import NEGATIVE


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
class Comparison:
    """A picture beside a whole vocabulary.

    Attributes:
        table: The vocabulary's vectors.
        similarity: Cosines [n] with the picture, row by row.
        logit_scale: The CLIP's inverse temperature, for the confidence.
    """

    table: Table
    similarity: torch.Tensor
    logit_scale: float

    def by_category(self, top: int, least: bool = False) -> dict[str, list[RankedPhrase]]:
        """Return the `top` most (or least) similar phrases of every category, best first."""
        return {
            category: [
                self._phrase(category, rows.start + row)
                for row in extreme_rows(self.similarity[rows], top, least)
            ]
            for category, rows in self._slices.items()
        }

    def overall(
        self, count: int, least: bool = False, without: Collection[str] = (NEGATIVE,)
    ) -> list[RankedPhrase]:
        """Return the `count` most (or least) similar phrases of all categories but some."""
        kept = {c: rows for c, rows in self._slices.items() if c not in without}
        if not kept:
            return []
        rows = torch.cat([torch.arange(r.start, r.stop) for r in kept.values()])
        chosen = rows[extreme_rows(self.similarity[rows], count, least)].tolist()
        return [self._phrase(self._category_of(row), row) for row in chosen]

    def all_but(self, category: str) -> list[str]:
        """Return the other categories."""
        return [other for other in self._slices if other != category]

    def named(self, texts: Collection[str]) -> dict[str, RankedPhrase]:
        """Return those of the texts that are in a list, under their case-folded form."""
        wanted = {text.casefold() for text in texts}
        found: dict[str, RankedPhrase] = {}
        for category, rows in self._slices.items():
            for row in range(rows.start, rows.stop):
                folded = self.table.vocabulary.phrases[row].casefold()
                if folded in wanted and folded not in found:
                    found[folded] = self._phrase(category, row)
        return found

    def _category_of(self, row: int) -> str:
        return next(c for c, rows in self._slices.items() if rows.start <= row < rows.stop)

    def _phrase(self, category: str, row: int) -> RankedPhrase:
        score = float(self.similarity[row])
        none, total = self._totals[category]
        mean, deviation = self._spread
        return RankedPhrase(
            text=self.table.vocabulary.phrases[row],
            category=category,
            similarity=score,
            confidence=float(torch.exp(score * self.logit_scale - total)),
            above_neutral=score - float(self.table.neutral[row].mean()),
            deviations=(score - mean) / deviation,
            stands_out=score > none,
        )

    @cached_property
    def _slices(self) -> dict[str, slice]:
        return dict(self.table.vocabulary.slices())

    @cached_property
    def _totals(self) -> dict[str, tuple[float, torch.Tensor]]:
        """For each category: how well some phrase always fits, and the softmax's denominator."""
        totals = {}
        for category, rows in self._slices.items():
            none = self.table.neutral[rows].amax(dim=0).mean()
            scores = torch.cat([self.similarity[rows], none[None]])
            totals[category] = float(none), torch.logsumexp(scores * self.logit_scale, dim=0)
        return totals

    @cached_property
    def _spread(self) -> tuple[float, float]:
        """Mean and standard deviation of all similarities but those of the negative list."""
        rows = [self.similarity[rows] for c, rows in self._slices.items() if c != NEGATIVE]
        every = torch.cat(rows) if rows else self.similarity
        return float(every.mean()), float(every.std(correction=0)) or 1.0


def compare(image: torch.Tensor, table: Table, logit_scale: float) -> Comparison:
    """Compare a picture's unit vector [d] with every phrase of the table, in one product."""
    return Comparison(table, table.matrix @ image, logit_scale)


def extreme_rows(scores: torch.Tensor, count: int, least: bool = False) -> list[int]:
    """Return the rows of the `count` largest (or least) scores [n], the most extreme first.

    Exact, not the best of chunks, and equal scores keep the order of their rows; `topk` alone
    leaves that open.
    """
    signed = -scores if least else scores
    count = min(count, len(signed))
    if not count:
        return []
    threshold = torch.topk(signed, count).values[-1]
    rows = (signed >= threshold).nonzero().flatten()  # with all that are equal to the last
    order = torch.sort(signed[rows], descending=True, stable=True).indices[:count]
    return rows[order].tolist()


def merge(ranked: dict[str, list[RankedPhrase]]) -> list[RankedPhrase]:
    """Return all ranked phrases in one list, most similar first."""
    phrases = [phrase for group in ranked.values() for phrase in group]
    return sorted(phrases, key=lambda phrase: -phrase.similarity)  # sorted() keeps ties in order
