"""Is a picture like those that a CLIP was taught? From its vector alone.

A small CLIP is as sure of a photograph as of what it knows. Two questions find most of what is
unlike: how far is the nearest vector of a picture that it was taught (nearest neighbours in
feature space, arXiv:2204.06507), and does a small classifier take it for what is no painting at
all (outlier exposure, arXiv:1812.04606: patterns with the statistics of photographs, pages of
text, noise)? Both are divided by what one in a hundred painted pictures exceeds: above 1 a
picture is unlike.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from interrogator.prompts.plausibility import product

FILE = "density.safetensors"
NEIGHBOUR = 2  # which of the nearest counts: one alone may be an odd one
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Density:
    """What is stored beside a CLIP to tell what it was taught from what it was not.

    Attributes:
        seen: Unit vectors [n, d] of pictures such as it was taught.
        inner, inner_bias: The classifier's first layer, [hidden, d] and [hidden].
        outer, outer_bias: Its second, [hidden] and [1]: above 0 for what is no painting.
        limits: [2] what painted pictures hardly exceed: distance, and the classifier's logit.
    """

    seen: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats
    limits: Floats

    @property
    def threshold(self) -> float:
        """The distance from which a picture is unlike what was taught."""
        return 1.0

    def distance(self, vector: NDArray[np.floating]) -> float:
        """Return how unlike all that was taught a picture's unit vector [d] is, 0 for the same."""
        far, logit = self.parts(np.asarray(vector, np.float32)[None])
        least = softplus(logit) / softplus(self.limits[1:])
        return float(max(far[0] / self.limits[0], least[0]))

    def is_unlike(self, vector: NDArray[np.floating]) -> bool:
        """Tell whether a picture's unit vector [d] is unlike all that was taught."""
        return self.distance(vector) > self.threshold

    def parts(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Return the distance to what was taught [n] and the classifier's logit [n]."""
        near = np.partition(product(vectors, self.seen.T), -NEIGHBOUR, axis=1)[:, -NEIGHBOUR]
        hidden = np.maximum(product(vectors, self.inner.T) + self.inner_bias, 0)
        return 1 - near, product(hidden, self.outer) + self.outer_bias[0]

    def save(self, folder: Path) -> None:
        """Store it beside a model, in float16 but for the limits."""
        tensors = {name: np.asarray(value, np.float16) for name, value in vars(self).items()}
        save_file({**tensors, "limits": np.asarray(self.limits, np.float32)}, folder / FILE)


def softplus(logit: Floats) -> Floats:
    """Return log(1 + e^x): as the logit where it is large, never below 0."""
    return np.logaddexp(np.float32(0), logit)


def load_density(folder: Path) -> Density | None:
    """Return what is stored beside a model; None for a model without it."""
    path = folder / FILE
    if not path.exists():
        return None
    return Density(**{name: value.astype(np.float32) for name, value in load_file(path).items()})
