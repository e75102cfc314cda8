"""What both trainings share: cycles of a falling learning rate, and batches of pictures.

A cycle (a warm restart, SGDR, arXiv:1608.03983) starts from the weights that the one before it
stored, so that training can go on another day, on other pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cycle:
    """One rise and fall of the learning rate.

    Attributes:
        steps: Batches.
        rate: The highest learning rate.
        seeds: The pictures that are looked at.
    """

    steps: int
    rate: float
    seeds: range


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Yield rows of `count` pictures for ever, `size` at a time: each once before any again."""
    order = np.empty(0, dtype=np.int64)
    while True:
        if len(order) < size:
            order = rng.permutation(count)
        yield order[:size].tolist()
        order = order[size:]


def mirrored(
    stack: NDArray[np.uint8],
    rows: list[int],
    rng: np.random.Generator,
    mean: Sequence[float],
    deviation: Sequence[float],
) -> torch.Tensor:
    """Return a batch [n, 3, h, w] of normalised pictures, half of them mirrored."""
    batch = torch.from_numpy(stack[rows]).permute(0, 3, 1, 2).float() / 255
    flip = torch.from_numpy(rng.random(len(rows)) < 0.5)
    batch = torch.where(flip[:, None, None, None], batch.flip(3), batch)
    return (batch - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(deviation).view(1, 3, 1, 1)
