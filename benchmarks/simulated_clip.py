"""A CLIP's embedding space, drawn: cosines, temperature and list sizes are those of real ones.

OpenAI's models give a picture and a text that have nothing to do with one another cosines of .05 to
.2, and a matching pair .2 to .35. Phrases of a list share the direction of all texts, and every
25 or so a topic, so that a true phrase lifts its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Place = tuple[str, int]  # a list, and a row of it

SIZES = {"artists": 4764, "movements": 655, "mediums": 349, "styles": 4348}  # as our lists are
WIDTH = 768  # of ViT-L-14's embeddings
COMMON, TOPIC, OWN = 0.55, 0.2, 0.25  # shares of a phrase's squared length
IN_A_TOPIC = 25
NEUTRAL = 4  # pictures that show nothing
SPREAD = 0.02  # of the cosines of matching pairs


class World:
    """The lists of a CLIP and the pictures that it sees.

    Attributes:
        rng: Draws everything.
        texts: List → unit vectors [n, d] of its phrases.
        neutral: Unit vectors [d, m] of pictures of which no phrase is true.
    """

    def __init__(self, seed: int, usual: float, matching: float) -> None:
        """Draw the lists.

        Args:
            seed: Of all that is drawn.
            usual: The mean cosine of a picture and a phrase that is not true of it.
            matching: The mean cosine of a picture and a true one.
        """
        self.rng, self._usual, self._matching = np.random.default_rng(seed), usual, matching
        self._common = _unit(self.rng.normal(size=WIDTH))
        self.texts = {name: self._list(size) for name, size in SIZES.items()}
        self.neutral = np.stack([self.picture([]) for _ in range(NEUTRAL)], axis=1)

    def _across(self, x: Floats) -> Floats:
        """Return the directions of vectors [..., d] across what all texts have in common."""
        return _unit(x - np.multiply.outer(x @ self._common, self._common))

    def _list(self, size: int) -> Floats:
        topics = self._across(self.rng.normal(size=(size // IN_A_TOPIC, WIDTH)))
        own = self._across(self.rng.normal(size=(size, WIDTH)))
        shared = np.sqrt(COMMON) + self.rng.normal(size=(size, 1)) * 0.05
        topic = topics[self.rng.integers(len(topics), size=size)]
        return _unit(shared * self._common + np.sqrt(TOPIC) * topic + np.sqrt(OWN) * own)

    def picture(self, true: Sequence[Place]) -> Floats:
        """Return the unit vector [d] of a picture, near to true phrases as matching pairs are."""
        vector = self._usual / np.sqrt(COMMON) * self._common
        rest = self._across(self.rng.normal(size=WIDTH))
        if true:
            texts = np.stack([self.texts[name][row] for name, row in true])
            across = self._across(texts)
            wanted = self.rng.normal(self._matching, SPREAD, len(true))
            shares = np.linalg.solve(texts @ across.T, wanted - texts @ vector)
            vector = vector + shares @ across
            basis, _ = np.linalg.qr(across.T)
            rest = _unit(rest - basis @ (basis.T @ rest))
        result: Floats = vector + rest * np.sqrt(1 - vector @ vector)
        return result


def _unit(x: Floats) -> Floats:
    result: Floats = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return result
