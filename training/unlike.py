"""Pictures that are no paintings, drawn from a seed, for the CLIP to know what it was not taught.

No photograph is at hand that may be kept here. What photographs have and paintings have not is
imitated: light that falls off as 1/f, leaves that cover one another and cast shadows, relief under
a lamp, ridges of land in haze, lenses that blur and sensors that crackle ("Learning to See by
Looking at Noise", arXiv:2106.05963). Pages of text and noise stand beside them.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIDE = 128
Pixels = NDArray[np.float64]
Rng = np.random.Generator

_WARM = np.array([1.0, 0.1, -1.0])  # from blue to yellow, the second axis of natural colours
_GREEN = np.array([1.0, -1.0, 1.0])
_Y, _X = np.mgrid[0:SIDE, 0:SIDE].astype(float)
_FREQUENCY = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
_FREQUENCY[0, 0] = 1 / SIDE


def unlike(seed: int) -> Image.Image:
    """Draw a seed: seven of nine imitate photographs, one is a page of text, one noise."""
    rng = np.random.default_rng([seed, 6])
    kind = seed % 9
    if kind == 7:
        return page(rng)
    if kind == 8:
        return noise(rng)
    return _photographed(_SCENES[kind](rng), rng)


def cloud(rng: Rng, slope: float) -> Pixels:
    """Return a field [h, w] of deviation 1 whose amplitudes fall off as 1/f^slope."""
    spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / _FREQUENCY**slope
    field = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    return (field - field.mean()) / field.std()


def colour(rng: Rng) -> Pixels:
    """Return a colour [3] as in nature: all of lightness, little of hue."""
    warm, green = rng.normal() * rng.uniform(0, 45), rng.normal() * 12
    return np.clip(rng.uniform(30, 225) + warm * _WARM + green * _GREEN, 0, 255)


def surface(rng: Rng, slope: float) -> Pixels:
    """Return a surface [h, w, 3] of one colour that varies."""
    light, warm, green = (
        cloud(rng, slope)[..., None] * rng.uniform(*span) for span in ((15, 60), (0, 18), (0, 9))
    )
    return colour(rng) + light + warm * _WARM + green * _GREEN


def leaves(rng: Rng) -> Pixels:
    """Cover a ground with shapes of all sizes, each over those before ("dead leaves")."""
    picture = surface(rng, rng.uniform(0.8, 1.8))
    grains = [surface(rng, rng.uniform(0.7, 1.6)) - 128 for _ in range(4)]
    for _ in range(rng.integers(8, 120)):
        picture = _cover(picture, grains[rng.integers(4)], rng)
    return picture


def _cover(picture: Pixels, grain: Pixels, rng: Rng) -> Pixels:
    radius = min(SIDE * 0.02 * rng.random() ** -0.9, SIDE * 0.45)
    (x, y), angle = rng.uniform(0, SIDE, 2), rng.uniform(0, np.pi)
    along = (_X - x) * np.cos(angle) + (_Y - y) * np.sin(angle)
    across = ((_Y - y) * np.cos(angle) - (_X - x) * np.sin(angle)) / rng.uniform(0.4, 1)
    if rng.random() < 0.35:
        edge = np.maximum(abs(along), abs(across))
    else:
        lobes = rng.integers(2, 6) * np.arctan2(across, along) + rng.uniform(0, 6)
        edge = np.hypot(along, across) * (1 + 0.15 * np.sin(lobes))
    if rng.random() < 0.4:
        moved = np.roll(edge, (int(radius * 0.15),) * 2, (0, 1))
        picture = picture * (
            1 - 0.35 * np.clip((radius * 1.25 - moved) / (radius * 0.3), 0, 1)[..., None]
        )
    shading = (along * rng.normal() + across * rng.normal()) / radius * rng.uniform(0, 45)
    moved_grain = np.roll(grain, tuple(rng.integers(0, SIDE, 2)), (0, 1))
    filled = colour(rng) + shading[..., None] + moved_grain * rng.uniform(0, 0.9)
    share = np.clip((radius - edge) / rng.uniform(0.7, 2.5) + 0.5, 0, 1)[..., None]
    return picture * (1 - share) + filled * share


def relief(rng: Rng) -> Pixels:
    """Light a rough surface from one side."""
    slope_y, slope_x = np.gradient(cloud(rng, rng.uniform(1.4, 2.4)) * rng.uniform(4, 14))
    angle = rng.uniform(0, 2 * np.pi)
    facing = slope_x * np.cos(angle) + slope_y * np.sin(angle) + 1
    light = facing / np.sqrt(slope_x**2 + slope_y**2 + 1)
    return (colour(rng) * 1.2 + surface(rng, 1.2) - 128) * np.clip(0.35 + 0.65 * light, 0, 1.6)[
        ..., None
    ]


def land(rng: Rng) -> Pixels:
    """Set ridges, one before the other, under a sky."""
    above, below = colour(rng) + 50, colour(rng)
    picture = above + (below - above) * (_Y / SIDE)[..., None]
    picture = picture + (surface(rng, 1.6) - 128) * rng.uniform(0.1, 0.6)
    for number in range(rng.integers(1, 5)):
        height = SIDE * (0.25 + 0.12 * (number + rng.random())) + cloud(rng, 1.6)[0] * SIDE * 0.07
        share = np.clip(_Y - height[None] + 0.5, 0, 1)[..., None]
        picture = picture * (1 - share) + surface(rng, rng.uniform(0.7, 1.4)) * share
    return picture


def haze(rng: Rng) -> Pixels:
    """Show a surface alone."""
    return surface(rng, rng.uniform(0.8, 1.8))


_SCENES: tuple[Callable[[Rng], Pixels], ...] = (leaves, leaves, leaves, relief, land, land, haze)


def _photographed(scene: Pixels, rng: Rng) -> Image.Image:
    """Blur as a lens does, wholly or in depth, add a sensor's noise, and cut a part out."""
    picture = _image(scene)
    chance = rng.random()
    if chance < 0.35:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.5)))
    elif chance < 0.55:
        far = picture.filter(ImageFilter.GaussianBlur(rng.uniform(2, 5)))
        picture = Image.composite(picture, far, _image(128 + cloud(rng, 2) * 120))
    pixels = np.asarray(picture) + rng.normal(0, rng.uniform(0, 8), (SIDE, SIDE, 1))
    if rng.random() < 0.15:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    side = int(rng.integers(SIDE // 2, SIDE + 1))
    x, y = rng.integers(0, SIDE - side + 1, 2)
    return _image(pixels).crop((x, y, x + side, y + side))


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def page(rng: Rng) -> Image.Image:
    """Set lines of letters in one size, dark on light or light on dark."""
    dark, light = rng.integers(0, 80, 3), rng.integers(190, 256, 3)
    paper, ink = (light, dark) if rng.random() < 0.8 else (dark, light)
    picture = Image.new("RGB", (192, 192), tuple(paper.tolist()))
    draw, size = ImageDraw.Draw(picture), rng.uniform(6, 22)
    left, right, y, leading = (
        rng.uniform(a, b) for a, b in ((2, 20), (160, 190), (2, 20), (1.1, 1.9))
    )
    while y < 190:
        line = ""
        while draw.textlength(line, font_size=size) < right - left and rng.random() > 0.02:
            line += "".join(rng.choice(list(string.ascii_lowercase), rng.integers(1, 10))) + " "
        draw.text((left, y), line, fill=tuple(ink.tolist()), font_size=size)
        y += size * leading
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.8)))


def noise(rng: Rng) -> Image.Image:
    """Fill squares of one size with independent values."""
    side, channels = 192 // int(rng.choice([1, 1, 2, 3, 4, 6, 8])), int(rng.choice([1, 3, 3]))
    shape = (side, side, channels)
    even = rng.integers(0, 256, shape).astype(float)
    values = (
        even
        if rng.random() < 0.5
        else rng.normal(rng.uniform(60, 190), rng.uniform(20, 110), shape)
    )
    filters = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    picture = _image(np.broadcast_to(values, (side, side, 3)))
    return picture.resize((192, 192), filters[rng.integers(3)])
