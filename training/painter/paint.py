"""Specs become pictures; pictures meet frames, cropping, rescaling and JPEG as on the web."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from training.painter import abstract, brushwork
from training.painter.canvas import Picture, Rng, Shape, image
from training.painter.mediums import MEDIUMS
from training.painter.palettes import mix_palette
from training.painter.spec import MOVEMENTS, NOTHING, Spec
from training.painter.subjects import SUBJECTS

_SUPERSAMPLE = 2  # PIL draws without antialiasing: paint twice as large and shrink


def paint(spec: Spec, size: int) -> Image.Image:
    """Paint a spec as an RGB image of `size` pixels a side; the same spec, the same picture."""
    rng = np.random.default_rng([spec.seed, 2])
    picture = _design(spec, size * _SUPERSAMPLE, rng)
    if spec.medium is not None:
        picture = MEDIUMS[spec.medium](picture, rng)
    return image(picture).resize((size, size), Image.Resampling.BOX)


def _design(spec: Spec, size: int, rng: Rng) -> Picture:
    if spec.medium is None or spec.palette is None:
        return abstract.nothing(NOTHING.index(spec.subject), size, rng)
    palette = mix_palette(spec.palette, rng)
    hand = _hand(spec)
    if spec.subject not in SUBJECTS:
        return hand(palette, size, rng)  # type: ignore[operator]
    scene = SUBJECTS[spec.subject][0](spec.variant, rng)
    scene = [Shape(s.points, palette.recolour(s.colour, s.ground), s.ground) for s in scene]
    return hand(scene, palette, size, rng)  # type: ignore[operator]


def _hand(spec: Spec) -> object:
    if spec.movement is None:
        return brushwork.flat if spec.subject in SUBJECTS else abstract.scribble
    manners = MOVEMENTS[spec.movement].manners
    return next(m.hand for m in manners if m.artist == spec.artist)


def frame(picture: Image.Image, rng: Rng, width: float) -> Image.Image:
    """Put a border of `width` (a fraction of the side) around a picture, inside its own size."""
    size = picture.width
    colour = _FRAMES[rng.integers(len(_FRAMES))]
    pixels = max(1, round(width * size))
    inner = picture.resize((size - 2 * pixels, size - 2 * pixels), Image.Resampling.BICUBIC)
    return ImageOps.expand(inner, pixels, colour)


_FRAMES = (
    (255, 255, 255),
    (244, 242, 236),
    (16, 16, 18),
    (104, 72, 44),
    (176, 140, 70),
    (128, 128, 128),
)


def _crop(picture: Image.Image, rng: Rng) -> Image.Image:
    """Cut off up to a tenth, each side by itself, so that proportions change as well."""
    w, h = picture.size
    left, top, right, bottom = rng.uniform(0, 0.07, 4)
    return picture.crop(
        (round(w * left), round(h * top), round(w * (1 - right)), round(h * (1 - bottom)))
    )


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def handle(picture: Image.Image, rng: Rng, size: int) -> Image.Image:
    """Treat a picture as the web does and return it at `size`: what training sees."""
    if rng.random() < 0.35:
        picture = _crop(picture, rng)
    if rng.random() < 0.2:
        edge = tuple(int(c) for c in rng.integers(0, 256, 3))
        picture = picture.rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=edge)
    if rng.random() < 0.3:
        small = int(rng.uniform(0.42, 0.9) * size)
        picture = picture.resize((small, small), Image.Resampling.BICUBIC)
    picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    if rng.random() < 0.3:
        picture = frame(picture, rng, rng.uniform(0.02, 0.14))
    if rng.random() < 0.35:
        picture = _jpeg(picture, int(rng.integers(35, 92)))
    pixels: Picture = np.asarray(picture, dtype=np.float32)
    if rng.random() < 0.4:
        pixels = (pixels - 128) * rng.uniform(0.9, 1.1) + 128 + rng.normal(0, 6)
    if rng.random() < 0.2:
        pixels = pixels + rng.normal(0, rng.uniform(2, 8), pixels.shape)
    return image(pixels)
