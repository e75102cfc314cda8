"""Where in a picture is what a phrase says? By occlusion: cover a part, and see what is lost.

A square of the picture's mean colour is moved over it in steps of half its side, and each covered
picture goes through CLIP, many at a time. Where the cosine with the phrase falls, the phrase was
seen; a part of the map has the mean fall of the squares that cover it (Zeiler and Fergus,
https://arxiv.org/abs/1311.2901, section 4.2).

Its limits: a square of grey is itself something that CLIP sees; what is seen in two places is lost
in neither; and a style that is everywhere (“vibrant colors”) is nowhere in particular. A map whose
`strength` is small against the similarity says no more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.networks.clip import Clip

CELLS = 7  # along a side of the map
COVER = 2  # cells along a side of the square that is moved
BATCH = 16  # pictures that are encoded at once
SIDE = 448  # pixels of the picture that is covered, at most: more than most CLIPs look at
HOT, OPAQUE = (230, 97, 1), 0.65  # the colour of what matters, and how much of it hides the picture


@dataclass(frozen=True)
class HeatMap:
    """Where a phrase is.

    Attributes:
        phrase: The phrase.
        similarity: Its cosine with the whole picture.
        falls: [rows, columns] how much the cosine falls where that part is covered; below 0 where
            it rises.
    """

    phrase: str
    similarity: float
    falls: NDArray[np.float32]

    @property
    def strength(self) -> float:
        """The largest fall."""
        return float(self.falls.max())

    @property
    def heat(self) -> NDArray[np.float32]:
        """The falls over the largest [rows, columns], from 0 to 1; 0 where nothing falls."""
        falls = np.clip(self.falls, 0, None)
        return falls / falls.max() if falls.max() > 0 else falls


def heat_map(picture: Image.Image, phrase: str, clip: Clip, cells: int = CELLS) -> HeatMap:
    """Return where in a picture a phrase is seen.

    Args:
        picture: RGB.
        phrase: Any text, of a list or not.
        clip: The model that looks.
        cells: Along each side of the map, at least 3.

    Raises:
        InterrogatorError: The phrase is empty.
    """
    if not phrase.strip():
        raise InterrogatorError("There is no phrase to look for: choose one of the prompt.")
    small = picture.copy()
    small.thumbnail((SIDE, SIDE))
    covered = [small, *(_covered(small, row, column, cells) for row, column in _places(cells))]
    text = clip.encode_text([phrase])[0]
    cosines = np.concatenate(
        [
            (clip.encode_images(covered[first : first + BATCH]) @ text).numpy()
            for first in range(0, len(covered), BATCH)
        ]
    )
    whole, rest = cosines[0], cosines[1:]
    falls, times = np.zeros((2, cells, cells), np.float32)
    for (row, column), cosine in zip(_places(cells), rest, strict=True):
        square = np.s_[row : row + COVER, column : column + COVER]
        falls[square] += whole - cosine
        times[square] += 1
    return HeatMap(phrase, float(whole), falls / times)


def overlay(picture: Image.Image, found: HeatMap) -> Image.Image:
    """Return a picture with the map over it: what matters is orange, the rest as it was."""
    heat = Image.fromarray((found.heat * 255 * OPAQUE).astype(np.uint8))
    mask = heat.resize(picture.size, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", picture.size, HOT), picture.convert("RGB"), mask)


def _places(cells: int) -> Iterator[tuple[int, int]]:
    """Yield the row and column of the first cell of every square."""
    last = cells - COVER + 1
    yield from ((row, column) for row in range(last) for column in range(last))


def _covered(picture: Image.Image, row: int, column: int, cells: int) -> Image.Image:
    width, height = picture.size
    mean = tuple(int(v) for v in np.asarray(picture).mean(axis=(0, 1)))
    box = (
        column * width // cells, row * height // cells,
        max((column + COVER) * width // cells, 1), max((row + COVER) * height // cells, 1),
    )  # fmt: skip
    covered = picture.copy()
    covered.paste(mean, box)
    return covered
