"""Twelve mediums: what the material does to a finished design. (picture, rng) → picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from training.painter.canvas import (
    Picture,
    Rng,
    array,
    averages,
    blur,
    cells,
    contrast_edges,
    fill,
    grey,
    grid,
    image,
    mix,
    noise,
    outline,
    plain,
    polygon,
    sample,
)

Medium = Callable[[Picture, Rng], Picture]


def oil_painting(picture: Picture, rng: Rng) -> Picture:
    """Ridges of the brush catch the light, and the weave of the canvas shows."""
    size = picture.shape[0]
    height = noise(size, int(rng.integers(44, 60)), rng, 3.0) + grey(picture) * 0.8
    light = np.roll(height, 1, 0) - height + np.roll(height, 1, 1) - height
    light *= size / 192  # a slope per pixel is smaller where pixels are smaller
    x, y = grid(size)
    weave = np.sin(x * 2 * np.pi * 64) * np.sin(y * 2 * np.pi * 64)
    return picture + light[..., None] * rng.uniform(42, 64) + weave[..., None] * 7


def watercolor(picture: Picture, rng: Rng) -> Picture:
    """Thin washes on rough paper: edges bleed, pigment pools, the margin stays white."""
    size = picture.shape[0]
    x, y = grid(size)
    run = rng.uniform(0.006, 0.011)
    bled = sample(
        picture,
        x + run * (noise(size, 20, rng) - 0.5) * 2,
        y + run * (noise(size, 20, rng) - 0.5) * 2,
    )
    bled = blur(bled, 0.003)
    pool = contrast_edges(bled, 0.1, 0.01)
    wash = mix(bled, (255, 254, 250), 0.08 + 0.3 * noise(size, 8, rng))
    wash = wash * (1 - 0.2 * blur(np.repeat(pool[..., None] * 255, 3, 2), 0.004)[..., :1] / 255)
    grain = noise(size, 90, rng)[..., None] * 16 - 8
    edge = np.minimum.reduce([x, 1 - x, y, 1 - y]) + 0.03 * (noise(size, 14, rng) - 0.5)
    return mix(wash + grain, (253, 252, 247), (edge < rng.uniform(0.02, 0.04)).astype(np.float32))


def _hatching(tone: np.ndarray, rng: Rng, pitch: float, angles: tuple[float, ...]) -> np.ndarray:
    """Return ink in 0..1: parallel lines, the wider the darker the tone, layer over layer."""
    size = tone.shape[0]
    x, y = grid(size)
    ink = np.zeros((size, size), dtype=np.float32)
    for layer, angle in enumerate(angles):
        wobble = 0.006 * noise(size, 12, rng)
        wave = np.mod((x * np.cos(angle) + y * np.sin(angle) + wobble) * pitch, 1)
        wide = np.clip((1 - tone) * 1.1 - 0.28 * layer - 0.12, 0, 0.75)
        ink = np.maximum(ink, (wave < wide).astype(np.float32))
    return ink


def pencil_sketch(picture: Picture, rng: Rng) -> Picture:
    """Grey graphite lines and light hatching on white paper."""
    size = picture.shape[0]
    tone = grey(blur(picture, 0.004))
    way = rng.uniform(0.6, 1.0) * rng.choice([-1, 1])
    hatch = _hatching(tone, rng, rng.uniform(42, 56), (way,)) * 0.42
    line = contrast_edges(picture, 0.09, 0.006) * 0.72
    grain = noise(size, 80, rng) * 0.4 + 0.7
    return mix(
        plain(size, (248, 247, 243)), (62, 62, 66), np.clip(np.maximum(hatch, line) * grain, 0, 1)
    )


def ink_drawing(picture: Picture, rng: Rng) -> Picture:
    """Pure black on cream: contours, solid shadows, crossed hatches."""
    size = picture.shape[0]
    tone = grey(blur(picture, 0.004))
    hatch = _hatching(tone, rng, rng.uniform(26, 34), (0.8, -0.8))
    solid = (tone < 0.24).astype(np.float32)
    ink = np.maximum.reduce([hatch, solid, contrast_edges(picture, 0.11, 0.012)])
    return mix(plain(size, (250, 245, 230)), (12, 11, 14), ink)


def charcoal_drawing(picture: Picture, rng: Rng) -> Picture:
    """Broad smudged darks that catch the grain of the paper."""
    size = picture.shape[0]
    dark = 1 - grey(blur(picture, 0.012))
    line = (
        blur(np.repeat(contrast_edges(picture, 0.11, 0.022)[..., None] * 255, 3, 2), 0.006)[..., 0]
        / 255
    )
    coal = np.clip(dark**1.3 * 0.85 + line * 0.7, 0, 1)
    grain = noise(size, 84, rng) * 0.75 + 0.5
    smear = noise(size, 24, rng, 0.3) * 0.25
    return mix(
        plain(size, (226, 220, 208)), (26, 25, 26), np.clip(coal * grain + smear * dark, 0, 1)
    )


def mosaic(picture: Picture, rng: Rng) -> Picture:
    """Small stones of one colour each, set in pale grout."""
    size = picture.shape[0]
    owner, _, border = cells(size, int(rng.integers(20, 29)), rng, rng.uniform(0.2, 0.4))
    stone = averages(picture, owner)
    tone = rng.normal(0, 13, int(owner.max()) + 1).astype(np.float32)[owner]
    grout = (206, 200, 188) if rng.random() < 0.7 else (70, 68, 66)
    return mix(stone + tone[..., None], grout, (border < 0.2).astype(np.float32) * 0.85)


def stained_glass(picture: Picture, rng: Rng) -> Picture:
    """Large luminous panes between black leads."""
    size = picture.shape[0]
    owner, distance, border = cells(size, int(rng.integers(11, 15)), rng, 0.95)
    pane = averages(picture, owner)
    middle = pane.mean(axis=2, keepdims=True)
    pane = middle + (pane - middle) * 1.25
    pane = pane * (1.18 - 0.42 * distance[..., None])
    picture = mix(pane, picture, 0.45)
    return mix(picture, (10, 10, 12), (border < rng.uniform(0.11, 0.16)).astype(np.float32))


def pixel_art(picture: Picture, rng: Rng) -> Picture:
    """A coarse raster of few colours with hard square pixels."""
    size, coarse = picture.shape[0], int(rng.integers(22, 33))
    small = image(picture).resize((coarse, coarse), Image.Resampling.BOX)
    small = small.quantize(int(rng.integers(8, 17)), method=Image.Quantize.MEDIANCUT).convert("RGB")
    return array(small.resize((size, size), Image.Resampling.NEAREST))


def low_poly(picture: Picture, rng: Rng) -> Picture:
    """A mesh of flat-shaded triangles."""
    size, n = picture.shape[0], int(rng.integers(11, 16))
    jitter = rng.uniform(-0.32, 0.32, (n + 1, n + 1, 2)) / n
    jitter[[0, -1], :, 1] = 0
    jitter[:, [0, -1], 0] = 0
    steps = np.linspace(0, 1, n + 1)
    knots = np.stack(np.meshgrid(steps, steps), axis=2) + jitter
    soft = blur(picture, 0.01)
    shapes = []
    for i in range(n):
        for j in range(n):
            a, b, c, d = knots[i, j], knots[i, j + 1], knots[i + 1, j + 1], knots[i + 1, j]
            corners = [(a, b, c), (a, c, d)] if rng.random() < 0.5 else [(a, b, d), (b, c, d)]
            for three in corners:
                cx, cy = np.clip(sum(three) / 3 * size, 0, size - 1).astype(int)
                colour = soft[cy, cx] * rng.uniform(0.86, 1.14)
                grown = np.array(three) + (np.array(three) - sum(three) / 3) * 0.06  # no seams
                shapes.append((polygon(*map(tuple, grown)), tuple(colour.tolist())))
    return fill(plain(size, (0, 0, 0)), shapes)


def screen_print(picture: Picture, rng: Rng) -> Picture:
    """Few flat inks pulled one after another, never quite in register."""
    size = picture.shape[0]
    flat = (
        image(blur(picture, 0.003))
        .quantize(int(rng.integers(5, 8)), dither=Image.Dither.NONE)
        .convert("RGB")
    )
    inks = array(flat)
    x, y = grid(size)
    slip, slide = rng.choice([-1, 1], 2) * rng.uniform(0.008, 0.014, 2)
    key = (grey(sample(inks, x + slip, y + slide)) < np.quantile(grey(inks), 0.3)).astype(
        np.float32
    )
    paper = (246, 242, 232)
    print_ = mix(inks, paper, 0.08)
    print_ = mix(print_, sample(inks, x + slip, y + slide) * 0.55, key * 0.85)
    gap = (noise(size, 70, rng) > 0.9).astype(np.float32)
    return mix(print_, paper, gap * 0.8)


def vector_art(picture: Picture, rng: Rng) -> Picture:
    """Clean areas with nothing of a hand or a material."""
    return picture


def woodblock_print(picture: Picture, rng: Rng) -> Picture:
    """The grain of the plank runs through every ink; a dark key block gives the contour."""
    size = picture.shape[0]
    flat = array(
        image(picture).quantize(int(rng.integers(8, 13)), dither=Image.Dither.NONE).convert("RGB")
    )
    _, y = grid(size)
    rings = np.sin(2 * np.pi * (y * rng.uniform(20, 28) + 1.5 * noise(size, 7, rng, 2.5)))
    paper = (238, 226, 198)
    inked = mix(flat, paper, np.clip(0.1 + 0.22 * rings, 0, 0.4).astype(np.float32))
    return mix(
        inked, (34, 28, 30), outline(np.floor(grey(flat) * 9).astype(np.int32), 0.008) * 0.85
    )


MEDIUMS: dict[str, Medium] = {
    "oil painting": oil_painting, "watercolor": watercolor, "pencil sketch": pencil_sketch,
    "ink drawing": ink_drawing, "charcoal drawing": charcoal_drawing, "mosaic": mosaic,
    "stained glass": stained_glass, "pixel art": pixel_art, "low poly": low_poly,
    "screen print": screen_print, "vector art": vector_art, "woodblock print": woodblock_print,
}  # fmt: skip
COLOURLESS: frozenset[str] = frozenset({"pencil sketch", "ink drawing", "charcoal drawing"})
