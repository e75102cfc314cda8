"""What several subjects share: skies, seas, hills, a tree, a table."""

from __future__ import annotations

import numpy as np

from training.painter.canvas import Colour, Points, Rng, Shape, bar, ellipse, rect

Scene = list[Shape]

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((128, 178, 226), (190, 216, 238)),
    ((98, 150, 214), (216, 226, 232)),
    ((238, 176, 118), (246, 216, 160)),
    ((170, 190, 206), (214, 220, 222)),
)
_NIGHT: tuple[Colour, Colour] = ((22, 28, 66), (44, 54, 104))


def sky(rng: Rng, horizon: float, night: bool = False) -> Scene:
    """Two bands of sky down to the horizon."""
    high, low = _NIGHT if night else _SKIES[rng.integers(len(_SKIES))]
    split = horizon * rng.uniform(0.45, 0.75)
    return [
        Shape(rect(0, 0, 1, split + 0.01), high, ground=True),
        Shape(rect(0, split, 1, 1), low, ground=True),
    ]


def sea(rng: Rng, horizon: float, night: bool = False) -> Scene:
    """Water from the horizon down, with a few crests."""
    deep: Colour = (24, 44, 92) if night else (40, 96, 158)
    crest: Colour = (58, 84, 140) if night else (96, 156, 202)
    shapes = [Shape(rect(0, horizon, 1, 1), deep, ground=True)]
    for _ in range(rng.integers(5, 10)):
        x, y, w = rng.random(), rng.uniform(horizon + 0.03, 0.98), rng.uniform(0.08, 0.25)
        shapes.append(Shape(ellipse(x, y, w, 0.008), crest, ground=True))
    return shapes


def hills(rng: Rng, top: float) -> Points:
    """Return the polygon of rolling ground from about `top` down."""
    x = np.linspace(0, 1, 25)
    wave = np.sin(x * rng.uniform(3, 7) + rng.uniform(0, 6)) * rng.uniform(0.01, 0.05)
    return np.concatenate([np.stack([x, top + wave], axis=1), [[1, 1], [0, 1]]])


def clouds(rng: Rng, top: float) -> Scene:
    """Up to two clouds above `top`."""
    shapes = []
    for _ in range(rng.integers(0, 3)):
        x, y = rng.random(), rng.uniform(0.06, max(0.1, top))
        for _ in range(3):
            centre = (x + rng.normal(0, 0.05), y + rng.normal(0, 0.01))
            puff = ellipse(*centre, rng.uniform(0.05, 0.1), 0.03)
            shapes.append(Shape(puff, (244, 244, 242), ground=True))
    return shapes


def one_tree(x: float, foot: float, height: float, rng: Rng, round_crown: bool = True) -> Scene:
    """A trunk and, if wanted, a round crown."""
    trunk = bar(x, foot, x + rng.normal(0, 0.01), foot - height * 0.55, height * 0.1)
    shapes = [Shape(trunk, (98, 66, 42))]
    green = rng.uniform(0.85, 1.15)
    if round_crown:
        for _ in range(rng.integers(4, 7)):
            cx = x + rng.normal(0, height * 0.14)
            cy = foot - height * rng.uniform(0.6, 0.9)
            tone = green * rng.uniform(0.85, 1.2)
            crown = ellipse(cx, cy, height * 0.24, height * 0.2)
            shapes.append(Shape(crown, (58 * tone, 116 * tone, 52 * tone)))
    return shapes


def table(rng: Rng, top: float) -> Scene:
    """A wall and a table whose far edge lies at `top`."""
    wall: Colour = [(196, 184, 160), (150, 168, 170), (206, 196, 200)][rng.integers(3)]
    cloth: Colour = [(150, 100, 62), (120, 84, 64), (176, 150, 120)][rng.integers(3)]
    return [Shape(rect(0, 0, 1, top), wall, True), Shape(rect(0, top, 1, 1), cloth, True)]
