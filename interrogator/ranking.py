"""Picture vector × table → the most similar phrases of each category, exactly."""

from __future__ import annotations

from dataclasses import dataclass

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
        deviations: How far it stands above the mean of the whole vocabulary, in standard
            deviations; the negative list does not count.
        stands_out: Whether it is more similar than the category's best phrase is to pictures
            that show nothing.
    """

    text: str
    category: str
    similarity: float
    confidence: float
    deviations: float
    stands_out: bool


def rank(
    image: torch.Tensor, table: Table, logit_scale: float, top: int
) -> dict[str, list[RankedPhrase]]:
    """Return the `top` most similar phrases of every category, best first.

    The whole table is compared in one product, so that this is the true top k, not the best of
    chunks. Equal similarities keep the order of the lists.

    Args:
        image: Unit vector [d] of the picture.
        table: The vocabulary's vectors.
        logit_scale: The CLIP's inverse temperature, for the confidence.
        top: How many per category; fewer where a category has fewer.
    """
    similarity = table.matrix @ image  # [n]
    neutral = table.matrix @ table.neutral.T  # [n, m]
    mean, deviation = _spread(similarity, table)
    ranked = {}
    for category, rows in table.vocabulary.slices():
        scores = similarity[rows]
        # How well some phrase always fits, even where there is nothing to name.
        none = neutral[rows].amax(dim=0).mean()
        shares = torch.softmax(torch.cat([scores, none[None]]) * logit_scale, dim=0)
        order = torch.sort(scores, descending=True, stable=True).indices[:top]
        ranked[category] = [
            RankedPhrase(
                text=table.vocabulary.categories[category][i],
                category=category,
                similarity=float(scores[i]),
                confidence=float(shares[i]),
                deviations=(float(scores[i]) - mean) / deviation,
                stands_out=bool(scores[i] > none),
            )
            for i in order.tolist()
        ]
    return ranked


def _spread(similarity: torch.Tensor, table: Table) -> tuple[float, float]:
    """Return mean and standard deviation of all similarities but those of the negative list."""
    rows = [similarity[rows] for c, rows in table.vocabulary.slices() if c != NEGATIVE]
    every = torch.cat(rows) if rows else similarity
    return float(every.mean()), float(every.std(correction=0)) or 1.0


def merge(ranked: dict[str, list[RankedPhrase]]) -> list[RankedPhrase]:
    """Return all ranked phrases in one list, most similar first."""
    phrases = [phrase for group in ranked.values() for phrase in group]
    return sorted(phrases, key=lambda phrase: -phrase.similarity)  # sorted() keeps ties in order
