"""Eight palettes: how each turns the natural colours of a scene into its own."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.painter.canvas import Colour, Rng

# The swatches of an abstract picture before its palette changes them.
_EARTH: tuple[Colour, ...] = (
    (178, 122, 66), (120, 82, 52), (112, 118, 70), (92, 110, 124),
    (206, 176, 122), (146, 70, 52), (74, 88, 66), (150, 140, 124),
)  # fmt: skip
_PRIMARY: tuple[Colour, ...] = (
    (214, 32, 38), (24, 66, 172), (246, 210, 30), (18, 140, 78),
    (240, 124, 20), (120, 40, 150), (20, 160, 190), (226, 60, 140),
)  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """One palette as mixed for one picture.

    Attributes:
        name: One of `NAMES`.
        recolour: A natural colour and whether it lies in the ground → the palette's colour.
        paper: The light (for neon and dark: the black) that abstract pictures start from.
        ink: The colour of lines on that paper.
    """

    name: str
    recolour: Callable[[Colour, bool], Colour]
    paper: Colour
    ink: Colour

    def swatches(self, rng: Rng, count: int) -> list[Colour]:
        """Return `count` colours for a picture that shows nothing, unlike neighbours first."""
        source = _EARTH if self.name == "natural" else _PRIMARY
        order = [int(i) for i in rng.permutation(len(source))]
        picked = [source[order[i % len(source)]] for i in range(count)]
        return [self.recolour(colour, False) for colour in picked]


def _hsv(colour: Colour) -> tuple[float, float, float]:
    return colorsys.rgb_to_hsv(*(min(255.0, max(0.0, c)) / 255 for c in colour))


def _rgb(h: float, s: float, v: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(h % 1.0, min(1.0, max(0.0, s)), min(1.0, max(0.0, v)))
    return r * 255, g * 255, b * 255


Recolour = Callable[[Colour, bool], Colour]


def _by_hsv(change: Callable[[float, float, float], Colour]) -> Recolour:
    """Recolour by hue, saturation and value alone, the ground like the rest."""
    return lambda colour, _: change(*_hsv(colour))


def _natural(rng: Rng) -> Recolour:
    shift, fade = rng.normal(0, 0.012), rng.uniform(0.6, 0.85)
    return _by_hsv(lambda h, s, v: _rgb(h + shift, s * fade, v * 0.95))


def _warm(rng: Rng) -> Recolour:
    start, span = rng.uniform(-0.03, 0.01), rng.uniform(0.09, 0.14)
    rich = rng.uniform(0.4, 0.55)
    return _by_hsv(
        lambda h, s, v: _rgb(start + span * ((h * 2.3) % 1), rich + 0.45 * s, 0.3 + 0.68 * v)
    )


def _cool(rng: Rng) -> Recolour:
    start, span = rng.uniform(0.45, 0.52), rng.uniform(0.16, 0.24)
    rich = rng.uniform(0.3, 0.45)
    return _by_hsv(
        lambda h, s, v: _rgb(start + span * ((h * 2.3) % 1), rich + 0.45 * s, 0.25 + 0.68 * v)
    )


def _pastel(rng: Rng) -> Recolour:
    shift, rich = rng.normal(0, 0.04), rng.uniform(0.1, 0.16)
    return _by_hsv(lambda h, s, v: _rgb(h + shift, rich + 0.22 * s, 0.74 + 0.24 * v))


def _monochromatic(rng: Rng) -> Recolour:
    hue, rich = rng.random(), rng.choice([0.0, 0.0, rng.uniform(0.08, 0.3)])

    def recolour(c: Colour, _: bool) -> Colour:
        light = (0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]) / 255
        return _rgb(hue, rich, 0.08 + 0.9 * light)

    return recolour


def _neon(rng: Rng) -> Recolour:
    night = rng.uniform(0.62, 0.85)
    tubes = np.array([0.88, 0.5, 0.33, 0.16, 0.05, 0.77, 0.6]) + rng.normal(0, 0.012, 7)

    def recolour(c: Colour, ground: bool) -> Colour:
        h, s, v = _hsv(c)
        if ground:
            return _rgb(night + 0.1 * h, 0.75, 0.05 + 0.12 * v)
        return _rgb(float(tubes[int(h * 20 + v * 5) % 7]), 0.85 + 0.15 * s, 0.85 + 0.15 * v)

    return recolour


def _dark(rng: Rng) -> Recolour:
    deep, rich = rng.uniform(0.34, 0.44), rng.uniform(0.5, 0.8)
    return _by_hsv(lambda h, s, v: _rgb(h, s * rich + 0.08, 0.03 + deep * v))


def _vibrant(rng: Rng) -> Recolour:
    turn = rng.uniform(-0.06, 0.06)

    def recolour(c: Colour, _: bool) -> Colour:
        h, s, v = _hsv(c)
        if s < 0.12:  # white and grey have no hue of their own
            return _rgb(0.14, 0.3, 1.0) if v > 0.8 else _rgb(0.55 + v * 0.4, 0.8, 0.35 + 0.6 * v)
        return _rgb(h + turn, 0.78 + 0.22 * s, 0.55 + 0.45 * v)

    return recolour


_MIXERS: dict[str, Callable[[Rng], Recolour]] = {
    "natural": _natural, "warm": _warm, "cool": _cool, "pastel": _pastel,
    "monochromatic": _monochromatic, "neon": _neon, "dark": _dark, "vibrant": _vibrant,
}  # fmt: skip
NAMES: tuple[str, ...] = tuple(_MIXERS)


def mix_palette(name: str, rng: Rng) -> Palette:
    """Mix one of `NAMES` for one picture."""
    recolour = _MIXERS[name](rng)
    paper = (244.0, 240.0, 228.0) if rng.random() < 0.7 else (252.0, 252.0, 250.0)
    ink = (24.0, 22.0, 26.0)
    if name == "neon":
        return Palette(name, recolour, recolour(paper, True), (235.0, 235.0, 250.0))
    if name == "natural":
        return Palette(name, recolour, (232.0, 222.0, 200.0), (48.0, 38.0, 30.0))
    if name == "pastel":
        return Palette(name, recolour, recolour(paper, True), (150.0, 140.0, 160.0))
    return Palette(
        name, recolour, recolour(paper, True), recolour(ink, False) if name != "vibrant" else ink
    )
