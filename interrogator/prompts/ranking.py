"""Picture vector × table → the most (or least) similar phrases, exactly.

In NumPy throughout: its product of matrix and vector reads memory twice as fast as torch's, and its
threads still spin for milliseconds afterwards, which would slow whatever torch does next.
`benchmarks/bench_ranking.py` holds it against reading the matrix once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from interrogator.prompts.plausibility import (
    Background,
    background,
    independent,
    plausibility,
    product,
)
from interrogator.vocabulary.lists import NEGATIVE, WITHHELD

if TYPE_CHECKING:
    import torch

    from interrogator.prompts.table import Table


PLAUSIBLE = 0.5  # the confidence from which a phrase is more likely true than not


@dataclass(frozen=True)
class RankedPhrase:
    """A phrase as the picture's CLIP sees it.

    Attributes:
        text: The phrase as it would stand in a prompt.
        category: Its list.
        similarity: Cosine with the picture.
        confidence: How likely it is true of the picture, 0..1; see `plausibility`.
        above_neutral: How far its similarity is above its average over pictures that show nothing.
        exclusive: Whether at most one phrase of its list is true, as a rule.
    """

    text: str
    category: str
    similarity: float
    confidence: float
    above_neutral: float
    exclusive: bool = False

    @property
    def stands_out(self) -> bool:
        """Whether it is more likely true than not."""
        return self.confidence >= PLAUSIBLE


@dataclass(frozen=True)
class Ranking:
    """A picture beside a whole vocabulary.

    Attributes:
        table: The vocabulary's vectors.
        similarity: Cosines [n] with the picture, row by row.
        logit_scale: The CLIP's inverse temperature, for the confidence.
        unlike: Whether the picture is unlike all that the CLIP is known to have been taught.
    """

    table: Table
    similarity: NDArray[np.float32]
    logit_scale: float
    unlike: bool = False

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

    def plausible(self, threshold: float, count: int, at_least: int = 0) -> list[RankedPhrase]:
        """Return the phrases with at least this confidence, up to `count`, most similar first.

        The negative list's are none. Where there are fewer than `at_least`, the most plausible of
        the others follow.
        """
        confidence = self._confidence.copy()
        if NEGATIVE in self._slices:
            confidence[self._slices[NEGATIVE]] = -1.0
        places = self._independent(np.flatnonzero(confidence >= max(threshold, 0.0)))
        if len(places) < at_least:
            places = np.sort(np.argsort(-confidence, kind="stable")[:at_least])
            places = places[confidence[places] >= 0]
        best = extreme_rows(self.similarity[places], count)
        return self._phrases([int(places[place]) for place in best])

    def _independent(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the places of phrases that no likelier one of an open list explains.

        Of a CLIP that was calibrated it is known what its phrases mean.
        """
        kept = []
        for category, rows in self._slices.items():
            likely = places[(places >= rows.start) & (places < rows.stop)] - rows.start
            is_open = not self.table.is_exclusive(category)
            if len(likely) > 1 and is_open and category not in self.table.calibrations:
                likely = np.array(
                    independent(
                        self.similarity[rows], self._neutral[rows], self.logit_scale,
                        self._matrix[rows], likely, self._beside,
                    ), np.intp
                )  # fmt: skip
            kept.append(np.sort(likely) + rows.start)
        return np.concatenate(kept)

    def confidence_of(self, category: str) -> dict[str, float]:
        """Return how likely each phrase of a category is true."""
        rows = self._slices[category]
        phrases = self.table.vocabulary.categories[category]
        return dict(zip(phrases, self._confidence[rows].tolist(), strict=True))

    def place_of(self, phrase: RankedPhrase) -> tuple[int, int] | None:
        """Return a phrase's place in its list by likelihood, from 1, and how long the list is.

        Among equally likely phrases the more similar stands first. None: it is in no list.
        """
        rows = self._slices.get(phrase.category)
        if rows is None:
            return None
        likely, similar = self._confidence[rows], self.similarity[rows]
        before = (likely > phrase.confidence) | (
            (likely == phrase.confidence) & (similar > phrase.similarity)
        )
        return int(before.sum()) + 1, len(likely)

    def confidence_at(self, rows: list[int]) -> list[float]:
        """Return how likely the phrases of some rows are true."""
        return [float(confidence) for confidence in self._confidence[rows]] if rows else []

    def alike(self, phrase: RankedPhrase, count: int) -> list[RankedPhrase]:
        """Return the `count` phrases of a phrase's list whose own vectors are nearest to its."""
        rows = self._slices.get(phrase.category)
        if rows is None or phrase.text not in (texts := self.table.vocabulary.phrases[rows]):
            return []  # a pinned phrase that is in no list
        place, matrix = texts.index(phrase.text), self._matrix[rows]
        nearest = extreme_rows(product(matrix, matrix[place]), count + 1)
        return self._phrases([rows.start + row for row in nearest if row != place][:count])

    def all_but(self, category: str) -> list[str]:
        """Return the other categories."""
        return [other for other in self._slices if other != category]

    def named(self, texts: Collection[str]) -> dict[str, RankedPhrase]:
        """Return those of the texts that are in a list, under their case-folded form."""
        rows = (self.table.row_of.get(text.casefold()) for text in texts)
        found = self._phrases(sorted({row for row in rows if row is not None}))
        return {phrase.text.casefold(): phrase for phrase in found}

    def _phrases(self, rows: list[int]) -> list[RankedPhrase]:
        """Return what is known of these rows, in their order."""
        names, starts = list(self._slices), [rows.start for rows in self._slices.values()]
        texts, places = self.table.vocabulary.phrases, np.array(rows, np.intp)
        scores = self.similarity[places].tolist()
        confidences = self._confidence[places].tolist()
        neutral = self._neutral[places].mean(axis=1).tolist()
        exclusive = {name: self.table.is_exclusive(name) for name in names}
        return [
            RankedPhrase(
                text=texts[row],
                category=(category := names[bisect_right(starts, row) - 1]),
                similarity=score,
                confidence=confidence,
                above_neutral=score - usual,
                exclusive=exclusive[category],
            )
            for row, score, confidence, usual in zip(
                rows, scores, confidences, neutral, strict=True
            )
        ]

    @cached_property
    def _slices(self) -> dict[str, slice]:
        return dict(self.table.vocabulary.slices())

    @cached_property
    def _neutral(self) -> NDArray[np.float32]:
        return self.table.neutral.numpy()

    @cached_property
    def _matrix(self) -> NDArray[np.float32]:
        return self.table.matrix.numpy()

    @cached_property
    def _beside(self) -> Background:
        """The whole vocabulary beside the picture, but for the negative list."""
        described = [rows for c, rows in self._slices.items() if c != NEGATIVE]
        return background(
            np.concatenate([self.similarity[rows] for rows in described or [slice(None)]])
        )

    @cached_property
    def _confidence(self) -> NDArray[np.float64]:
        """How likely each phrase is true, row by row [n]."""
        confidence = np.zeros(len(self.similarity))
        for category, rows in self._slices.items():
            if self.unlike and category in WITHHELD:
                continue  # whatever it is like, it was not taught
            confidence[rows] = plausibility(
                self.similarity[rows], self._neutral[rows], self.logit_scale,
                self.table.is_exclusive(category), self.table.calibrations.get(category),
                self._beside, self._matrix[rows],
            )  # fmt: skip
        return confidence


def rank(
    image: torch.Tensor, table: Table, logit_scale: float, whole: torch.Tensor | None = None
) -> Ranking:
    """Compare a picture's unit vector [d] with every phrase of the table, in one product.

    Args:
        image: The picture.
        table: The phrases.
        logit_scale: The CLIP's inverse temperature.
        whole: The vector [d] of the picture as it is, where `image` stands for several views.
    """
    vector = (image if whole is None else whole).numpy()
    unlike = table.density is not None and table.density.is_unlike(vector)
    return Ranking(table, (table.matrix @ image).numpy(), logit_scale, unlike)


def rank_several(
    images: torch.Tensor, table: Table, logit_scale: float, whole: torch.Tensor
) -> list[Ranking]:
    """Compare several pictures' unit vectors [m, d] with every phrase, in one product.

    Args:
        images: The pictures.
        table: The phrases.
        logit_scale: The CLIP's inverse temperature.
        whole: The vectors [m, d] of the pictures as they are.
    """
    similarity = (images @ table.matrix.T).numpy()  # [m, n]
    unlike = [bool(table.density and table.density.is_unlike(one)) for one in whole.numpy()]
    return [
        Ranking(table, row, logit_scale, odd) for row, odd in zip(similarity, unlike, strict=True)
    ]


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
