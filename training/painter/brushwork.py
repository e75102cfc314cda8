"""Movements that show a subject and live by the brush and by colour.

A hand is a function (scene, palette, size, rng) → picture. A scene arrives with its colours
already in the palette. Line weights, dot sizes and the like are drawn anew for every picture, so
that a model learns the manner and not one copy of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from training.painter.canvas import (
    Colour,
    Picture,
    Rng,
    Shape,
    bar,
    blur,
    cells,
    contrast,
    dabs,
    fill,
    grid,
    labels,
    mix,
    outline,
    plain,
    sample,
    scaled,
)
from training.painter.palettes import Palette

Hand = Callable[[list[Shape], Palette, int, Rng], Picture]


def flat(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Fill every shape with its colour: the ground that all hands start from."""
    return fill(plain(size, scene[0].colour), [(s.points, s.colour) for s in scene])


def outlined(picture: Picture, scene: list[Shape], size: int, width: float, ink: Colour) -> Picture:
    """Draw a contour around every shape."""
    line = outline(labels(scene, size), width)
    return mix(picture, ink, line)


def seurat(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Pointillism in small round dots, each a pure step beside its neighbour's colour."""
    base = flat(scene, palette, size, rng)
    picture = mix(base, plain(size, palette.paper), 0.35)
    x, y = grid(size)
    for _ in range(2):
        count = int(rng.uniform(30, 44))
        owner, distance, _ = cells(size, count, rng, 0.5)
        shift = rng.normal(0, 34 * contrast(base), (int(owner.max()) + 1, 3)).astype(np.float32)
        colour = sample(base, x + rng.normal(0, 0.004), y) + shift[owner]
        picture = mix(picture, np.clip(colour, 0, 255), (distance < rng.uniform(0.4, 0.5)))
    return picture


def signac(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Pointillism in larger square blocks laid like tiles without grout."""
    base = flat(scene, palette, size, rng)
    block = rng.uniform(0.038, 0.055)
    ground = mix(base, plain(size, palette.paper), 0.75)
    count = int(1.5 / block**2)
    return dabs(
        base, ground, rng, count, block * 1.1, block * 0.8, rng.uniform(-0.3, 0.3), 26, 0.12
    )


def monet(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Impressionism in short level commas of broken light."""
    base = blur(flat(scene, palette, size, rng), 0.012)
    base = mix(base, palette.paper, 0.15) if palette.name not in ("neon", "dark") else base
    length, width = rng.uniform(0.05, 0.08), rng.uniform(0.014, 0.022)
    return dabs(base, base, rng, int(900 * rng.uniform(0.8, 1.3)), length, width, 0.0, 17, 0.28)


def renoir(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Impressionism in long feathery diagonal strokes, soft at their borders."""
    base = blur(flat(scene, palette, size, rng), 0.014)
    way = rng.choice([-1, 1]) * rng.uniform(0.75, 1.1)
    picture = dabs(
        base, base, rng, 700, rng.uniform(0.075, 0.11), rng.uniform(0.012, 0.018), way, 18, 0.3
    )
    return blur(picture, 0.006)


def _swirl(size: int, rng: Rng) -> np.ndarray:
    x, y = grid(size)
    angle = 0.35 * np.sin(3 * np.pi * x + rng.uniform(0, 6))
    for _ in range(3):
        cx, cy, reach = rng.random(), rng.uniform(0, 0.6), rng.uniform(0.12, 0.25)
        turn = np.arctan2(y - cy, x - cx) + np.pi / 2
        near = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / reach**2)
        angle = angle * (1 - near) + turn * near
    return angle


def van_gogh(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Post-impressionism in thick strokes that swirl around whorls."""
    base = flat(scene, palette, size, rng)
    field = _swirl(size, rng)
    width = rng.uniform(0.016, 0.024)
    picture = dabs(base, base * 0.8, rng, 1000, rng.uniform(0.055, 0.08), width, field, 22, 0.1)
    return dabs(base * 1.15, picture, rng, 160, 0.08, width * 0.6, field, 30, 0.1)


def cezanne(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Post-impressionism in planes of parallel hatching, patch beside patch."""
    base = flat(scene, palette, size, rng)
    owner, _, _ = cells(size, int(rng.uniform(7, 10)), rng, 0.9)
    tone = rng.normal(0, 17, (int(owner.max()) + 1, 3)).astype(np.float32)
    x, y = grid(size)
    way = rng.uniform(0.7, 1.0)
    hatch = np.sin((x * np.cos(way) + y * np.sin(way)) * 2 * np.pi * rng.uniform(26, 36))
    picture = base + tone[owner] + hatch[..., None] * rng.uniform(11, 18)
    return np.clip(picture, 0, 255).astype(np.float32)


def munch(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Expressionism in long sinuous bands that bend all they meet."""
    x, y = grid(size)
    wave = np.sin(2 * np.pi * (x * rng.uniform(1.2, 2.0) + rng.random())) * rng.uniform(
        0.035, 0.055
    )
    sway = np.sin(2 * np.pi * (y * rng.uniform(1.5, 2.2) + rng.random())) * rng.uniform(0.025, 0.04)
    base = sample(flat(scene, palette, size, rng), x + sway, y + wave)
    bands = np.sin(2 * np.pi * (y + wave * 1.6 + 0.3 * sway) * rng.uniform(9, 14))
    return np.clip(base + bands[..., None] * rng.uniform(12, 20), 0, 255).astype(np.float32)


def kirchner(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Expressionism in jagged black contours and spiky hatches."""
    x, y = grid(size)
    teeth = rng.uniform(6, 9)
    zig = (np.abs(np.mod(y * teeth, 2) - 1) - 0.5) * rng.uniform(0.07, 0.1)
    zag = (np.abs(np.mod(x * teeth * 0.8, 2) - 1) - 0.5) * rng.uniform(0.05, 0.08)
    base = sample(flat(scene, palette, size, rng), x + zig, y + zag)
    number = sample(labels(scene, size).astype(np.float32), x + zig, y + zag)
    picture = mix(
        base, palette.ink if palette.name != "neon" else (0, 0, 0), outline(number, 0.018)
    )
    spikes = []
    for _ in range(rng.integers(16, 26)):
        px, py, a = rng.random(), rng.random(), rng.normal(1.0, 0.25)
        spikes.append(
            (bar(px, py, px + 0.09 * np.cos(a), py + 0.09 * np.sin(a), 0.008), palette.ink)
        )
    return fill(picture, spikes)


def unnatural(scene: list[Shape], palette: Palette, rng: Rng) -> list[Shape]:
    """Give every shape a colour of its own choice: a green face, a red tree."""
    colours = palette.swatches(rng, 8)
    start = int(rng.integers(8))
    shapes = []
    for i, s in enumerate(scene):
        light = 0.5 + 0.7 * float(np.dot(s.colour, (0.299, 0.587, 0.114))) / 255  # keep the drawing
        colour = colours[(start + i) % 8]
        shapes.append(replace(s, colour=(colour[0] * light, colour[1] * light, colour[2] * light)))
    return shapes


def matisse(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Fauvism in flat unnatural colours inside bold coloured contours."""
    wild = unnatural(scene, palette, rng)
    line = palette.swatches(rng, 1)[0]
    dark = scaled(line, 0.45)
    return outlined(flat(wild, palette, size, rng), wild, size, rng.uniform(0.016, 0.026), dark)


def derain(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Fauvism in short separate bricks of unnatural colour on bare canvas."""
    base = flat(unnatural(scene, palette, rng), palette, size, rng)
    ground = mix(base, plain(size, palette.paper), 0.8)
    width = rng.uniform(0.028, 0.036)
    return dabs(base, ground, rng, 620, width * 2.2, width, rng.choice([0.0, 1.57]), 16, 0.3)
