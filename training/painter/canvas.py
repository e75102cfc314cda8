"""Drawing tools shared by every hand of the painter.

Pictures are float32 arrays [size, size, 3] in 0..255; coordinates are fractions of the
picture (x to the right, y down), so that everything can be drawn at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Picture = NDArray[np.floating]  # [size, size, 3], 0..255
Plane = NDArray[np.floating]  # [size, size]
Points = NDArray[np.float64]  # [n, 2], fractions of the picture
Colour = tuple[float, float, float]  # red, green, blue in 0..255
Rng = np.random.Generator


@dataclass(frozen=True)
class Shape:
    """A filled polygon of a scene; `ground` marks sky, sea, walls: what lies behind."""

    points: Points
    colour: Colour
    ground: bool = False


def ellipse(
    cx: float, cy: float, rx: float, ry: float, turn: float = 0.0, arc: tuple[float, float] = (0, 1)
) -> Points:
    """Return the polygon of an ellipse, turned by `turn` radians; `arc` in full circles."""
    t = np.linspace(arc[0], arc[1], 40) * 2 * np.pi
    x, y = rx * np.cos(t), ry * np.sin(t)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([cx + c * x - s * y, cy + s * x + c * y], axis=1)


def rect(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Return the polygon of an upright rectangle."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def bar(x0: float, y0: float, x1: float, y1: float, width: float) -> Points:
    """Return the polygon of a straight stroke of the given width from one point to another."""
    start, end = np.array([x0, y0]), np.array([x1, y1])
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
    side = np.array([-along[1], along[0]]) * width / 2
    return np.array([start + side, end + side, end - side, start - side])


def polygon(*points: tuple[float, float]) -> Points:
    """Return a polygon from its corners."""
    return np.array(points)


@lru_cache(maxsize=16)
def grid(size: int) -> tuple[Plane, Plane]:
    """Return the x and the y of every pixel's centre, each [size, size] in 0..1."""
    t = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = np.meshgrid(t, t)
    return x, y


def image(picture: Picture) -> Image.Image:
    """Return an array as a PIL image, clipped to 0..255."""
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def array(picture: Image.Image) -> Picture:
    """Return a PIL image as an array."""
    return np.asarray(picture, dtype=np.float32)


def plain(size: int, colour: Colour) -> Picture:
    """Return a picture of one colour."""
    return np.broadcast_to(np.array(colour, dtype=np.float32), (size, size, 3)).copy()


def fill(picture: Picture, shapes: list[tuple[Points, Colour]]) -> Picture:
    """Draw filled polygons over a picture, in order."""
    canvas = image(picture)
    draw = ImageDraw.Draw(canvas)
    size = canvas.width
    for points, colour in shapes:
        draw.polygon([tuple(p) for p in (points * size).tolist()], fill=rgb(colour))
    return array(canvas)


def scaled(colour: Colour, factor: float) -> Colour:
    """Return a colour made darker (below 1) or lighter."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def rgb(colour: Colour) -> tuple[int, int, int]:
    """Return a colour as the whole numbers that PIL wants."""
    r, g, b = (int(min(255, max(0, c))) for c in colour)
    return r, g, b


def labels(shapes: list[Shape], size: int) -> NDArray[np.int32]:
    """Return which shape is seen at each pixel, [size, size]."""
    canvas = Image.new("I", (size, size), 0)
    draw = ImageDraw.Draw(canvas)
    for number, shape in enumerate(shapes, 1):
        draw.polygon([tuple(p) for p in (shape.points * size).tolist()], fill=number)
    return np.asarray(canvas, dtype=np.int32)


def noise(size: int, cells: int, rng: Rng, stretch: float = 1.0) -> Plane:
    """Return smooth noise in 0..1 of about `cells` bumps a side, stretched along x."""
    small = rng.random((cells, max(2, int(cells / stretch)))).astype(np.float32)
    grown = Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(grown, dtype=np.float32)


def sample(picture: Plane, x: Plane, y: Plane) -> Plane:
    """Read a picture at fractions (x, y), mirrored at its borders, nearest pixel."""
    size = picture.shape[0]

    def index(t: Plane) -> NDArray[np.int64]:
        wrapped = np.abs(np.mod(t + 1.0, 2.0) - 1.0)  # mirrors, so that no seam shows
        return np.minimum((wrapped * size).astype(np.int64), size - 1)

    return picture[index(y), index(x)]


def blur(picture: Picture, radius: float) -> Picture:
    """Blur by a radius given as a fraction of the picture."""
    return array(image(picture).filter(ImageFilter.GaussianBlur(radius * picture.shape[0])))


def contrast(picture: Picture) -> float:
    """Return how far colours may stray, 0.25..1: less where the picture itself differs little."""
    return float(np.clip(picture.std() / 60, 0.25, 1.0))


def grey(picture: Picture) -> Plane:
    """Return the luminance in 0..1 (Rec. 601)."""
    return (picture @ np.array([0.299, 0.587, 0.114], dtype=np.float32)) / 255.0


def outline(values: Plane | NDArray[np.int32], width: float) -> Plane:
    """Return 1 on the borders between unlike values, 0 elsewhere; width as a fraction."""
    size = values.shape[0]
    differs = np.zeros((size, size), dtype=bool)
    differs[1:] |= values[1:] != values[:-1]
    differs[:, 1:] |= values[:, 1:] != values[:, :-1]
    pixels = max(1, round(width * size)) | 1  # MaxFilter wants an odd number
    thick = Image.fromarray(differs.astype(np.uint8) * 255)
    if pixels > 1:
        thick = thick.filter(ImageFilter.MaxFilter(pixels))
    return np.asarray(thick, dtype=np.float32) / 255.0


def contrast_edges(picture: Picture, threshold: float = 0.06, width: float = 0.008) -> Plane:
    """Return 1 where the luminance or colour jumps, 0 elsewhere."""
    steps = np.floor(grey(blur(picture, 0.006)) / threshold).astype(np.int32)
    return outline(steps, width)


def mix(under: Picture, over: Picture | Colour, amount: NDArray[Any] | float) -> Picture:
    """Blend two pictures, or a picture and a colour, by an amount in 0..1."""
    top = np.asarray(over, dtype=np.float32)
    weight = np.asarray(amount, dtype=np.float32)
    if weight.ndim == 2:
        weight = weight[..., None]
    return under * (1 - weight) + top * weight


def cells(size: int, count: int, rng: Rng, jitter: float) -> tuple[NDArray[np.int64], Plane, Plane]:
    """Divide the picture among jittered grid points (a Voronoi diagram).

    Returns:
        The number of the nearest point [size, size], its distance, and how much farther the
        second nearest is (0 on a border), both in widths of a cell.
    """
    x, y = grid(size)
    gx, gy = x * count, y * count
    # One ring of cells outside the picture, so that its borders look like its middle.
    px = 0.5 + (rng.random((count + 2, count + 2)).astype(np.float32) - 0.5) * jitter
    py = 0.5 + (rng.random((count + 2, count + 2)).astype(np.float32) - 0.5) * jitter
    column, row = gx.astype(np.int64), gy.astype(np.int64)
    first = np.full((size, size), np.inf, dtype=np.float32)
    second = first.copy()
    owner = np.zeros((size, size), dtype=np.int64)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            c, r = column + dx + 1, row + dy + 1
            d = np.hypot(column + dx + px[r, c] - gx, row + dy + py[r, c] - gy)
            second = np.minimum(second, np.maximum(first, d))
            owner = np.where(d < first, r * (count + 2) + c, owner)
            first = np.minimum(first, d)
    return owner, first, second - first


def averages(picture: Picture, owner: NDArray[np.int64]) -> Picture:
    """Give every pixel the mean colour of its cell."""
    flat = owner.ravel()
    count = np.maximum(np.bincount(flat), 1)
    means = [np.bincount(flat, weights=picture[..., c].ravel()) / count for c in range(3)]
    return np.stack(means, axis=1).astype(np.float32)[owner]


def dabs(
    base: Picture,
    ground: Picture,
    rng: Rng,
    count: int,
    length: float,
    width: float,
    angle: NDArray[np.float64] | float,
    colour_jitter: float,
    angle_jitter: float = 0.25,
) -> Picture:
    """Lay straight brush strokes over `ground`, each in the colour of `base` below it.

    Args:
        base: Where the colours are read.
        ground: What shows between the strokes.
        rng: Source of every choice.
        count: Number of strokes.
        length: Of a stroke, as a fraction of the picture.
        width: Of a stroke, as a fraction of the picture.
        angle: Direction in radians, one for all or one per pixel [size, size].
        colour_jitter: Standard deviation of each channel, 0..255, in a picture of full contrast.
        angle_jitter: Standard deviation of the direction, radians.
    """
    size = base.shape[0]
    canvas = image(ground)
    draw = ImageDraw.Draw(canvas)
    x, y = rng.random(count), rng.random(count)
    ix, iy = (x * size).astype(int), (y * size).astype(int)
    field = np.broadcast_to(np.asarray(angle, dtype=np.float64), (size, size))
    turn = field[iy, ix] + rng.normal(0, angle_jitter, count)
    half = length * rng.uniform(0.6, 1.3, count) / 2
    colour = base[iy, ix] + rng.normal(0, colour_jitter * contrast(base), (count, 3))
    colour = np.clip(colour, 0, 255).astype(int)
    dx, dy = half * np.cos(turn), half * np.sin(turn)
    ends = (np.stack([x - dx, y - dy, x + dx, y + dy], axis=1) * size).tolist()
    pixels = max(1, round(width * size))
    for line, paint in zip(ends, colour.tolist(), strict=True):
        draw.line(line, fill=tuple(paint), width=pixels)
    return array(canvas)
