"""Movements that show nothing. Each hand is a function (palette, size, rng) → picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.painter.canvas import (
    Colour,
    Picture,
    Plane,
    Points,
    Rng,
    bar,
    blur,
    ellipse,
    fill,
    grid,
    mix,
    noise,
    plain,
    polygon,
    rect,
    sample,
    scaled,
)
from training.painter.palettes import Palette

Hand = Callable[[Palette, int, Rng], Picture]
Shapes = list[tuple[Points, Colour]]


def _spin(points: Points, angle: float, cx: float = 0.5, cy: float = 0.5) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return (points - (cx, cy)) @ np.array([[c, s], [-s, c]]) + (cx, cy)


def _lattice(palette: Palette, rng: Rng, angle: float) -> Shapes:
    """Cut a square into rectangles by black lines and colour a few of them."""
    reach = 0.25 if angle else 0.0
    low, high = -reach, 1 + reach
    xs = np.sort(
        np.concatenate([[low, high], rng.uniform(low + 0.1, high - 0.1, rng.integers(2, 5))])
    )
    ys = np.sort(
        np.concatenate([[low, high], rng.uniform(low + 0.1, high - 0.1, rng.integers(2, 5))])
    )
    colours = palette.swatches(rng, 3)
    shapes: Shapes = []
    for i in range(len(xs) - 1):
        for j in range(len(ys) - 1):
            if rng.random() < 0.38:
                cell = rect(xs[i], ys[j], xs[i + 1], ys[j + 1])
                shapes.append((cell, colours[rng.integers(3)]))
    width = rng.uniform(0.018, 0.036)
    shapes += [(bar(x, low, x, high, width), palette.ink) for x in xs[1:-1]]
    shapes += [(bar(low, y, high, y, width), palette.ink) for y in ys[1:-1]]
    return [(_spin(p, angle), c) for p, c in shapes]


def mondrian(palette: Palette, size: int, rng: Rng) -> Picture:
    """Neoplasticism: upright black lines, a few filled fields."""
    return fill(plain(size, palette.paper), _lattice(palette, rng, 0.0))


def van_doesburg(palette: Palette, size: int, rng: Rng) -> Picture:
    """Neoplasticism turned by half a right angle."""
    return fill(plain(size, palette.paper), _lattice(palette, rng, np.pi / 4 + rng.normal(0, 0.05)))


def malevich(palette: Palette, size: int, rng: Rng) -> Picture:
    """Suprematism: a few tilted slabs, a bar or a disc, afloat on white."""
    colours = palette.swatches(rng, 4)
    tilt = rng.uniform(-0.7, 0.7)
    shapes: Shapes = []
    big = rect(*(rng.uniform(0.2, 0.35, 2)), *(rng.uniform(0.55, 0.75, 2)))
    shapes.append((_spin(big, tilt), palette.ink if rng.random() < 0.5 else colours[0]))
    for i in range(int(rng.integers(5, 9))):
        x, y = rng.uniform(0.12, 0.88, 2)
        w, h = rng.uniform(0.08, 0.3), rng.uniform(0.02, 0.06)
        slab = _spin(rect(x - w / 2, y - h, x + w / 2, y + h), tilt + rng.normal(0, 0.12), x, y)
        shapes.append((slab, colours[i % 4] if rng.random() < 0.75 else palette.ink))
    if rng.random() < 0.4:
        r = rng.uniform(0.05, 0.1)
        x, y = rng.uniform(0.2, 0.8, 2)
        shapes.append((ellipse(x, y, r, r), colours[3]))
    return fill(plain(size, palette.paper), shapes)


def lissitzky(palette: Palette, size: int, rng: Rng) -> Picture:
    """Constructivism: a wedge driven into a disc across a divided ground."""
    colours = palette.swatches(rng, 2)
    side = rng.choice([-1, 1])
    cx, cy, r = 0.5 + side * rng.uniform(0.1, 0.18), rng.uniform(0.5, 0.66), rng.uniform(0.24, 0.3)
    slope = rng.uniform(-0.3, 0.3)
    half = polygon((0, 0.5 - slope), (1, 0.5 + slope), (1, 1), (0, 1))
    far = 0.5 - side * 0.5
    wedge = polygon(
        (cx + side * 0.02, cy), (far, cy - rng.uniform(0.4, 0.55)), (far + side * 0.03, cy - 0.02)
    )
    shapes: Shapes = [
        (half, palette.ink),
        (ellipse(cx, cy, r, r), palette.paper),
        (wedge, colours[0]),
    ]
    for _ in range(int(rng.integers(4, 8))):
        x, y, a = (
            rng.uniform(0.05, 0.95),
            rng.uniform(0.05, 0.95),
            rng.choice([0.6, -0.6]) + rng.normal(0, 0.1),
        )
        long = rng.uniform(0.05, 0.16)
        shapes.append((bar(x, y, x + long * np.cos(a), y + long * np.sin(a), 0.018), colours[1]))
    return fill(plain(size, palette.paper), shapes)


def rodchenko(palette: Palette, size: int, rng: Rng) -> Picture:
    """Constructivism: compass arcs and ruled lines crossing like scaffolding."""
    colours = palette.swatches(rng, 3)
    shapes: Shapes = []
    for i in range(int(rng.integers(2, 4))):
        x, y, r = *rng.uniform(0.25, 0.75, 2), rng.uniform(0.16, 0.34)
        for k, colour in (
            (1.0, colours[i % 3]),
            (0.86, palette.paper),
            (0.7, palette.ink),
            (0.64, palette.paper),
        ):
            shapes.append((ellipse(x, y, r * k, r * k), colour))
    a = rng.uniform(0.3, 1.2)
    for i in range(int(rng.integers(8, 13))):
        turn = a if i % 3 else a + np.pi / 2
        x, y = rng.uniform(0.1, 0.9, 2)
        width = rng.choice([0.008, 0.014, 0.03])
        ends = (x - np.cos(turn), y - np.sin(turn), x + np.cos(turn), y + np.sin(turn))
        shapes.append((bar(*ends, width), palette.ink if i % 2 else colours[i % 3]))
    return fill(plain(size, palette.paper), shapes)


def riley(palette: Palette, size: int, rng: Rng) -> Picture:
    """Op art: parallel waves whose phase slides until they shimmer."""
    x, y = grid(size)
    if rng.random() < 0.5:
        x, y = y, x
    bend = np.sin(2 * np.pi * (y * rng.uniform(1.2, 2.4) + rng.random()))
    swell = 1 + 0.35 * np.sin(2 * np.pi * (x * rng.uniform(0.7, 1.3) + rng.random()))
    phase = x * rng.uniform(11, 16) + bend * rng.uniform(0.5, 1.1) * swell
    stripe = (np.mod(phase, 1) < 0.5).astype(np.float32)
    dark = palette.ink if rng.random() < 0.6 else palette.swatches(rng, 1)[0]
    return mix(plain(size, palette.paper), dark, stripe)


def vasarely(palette: Palette, size: int, rng: Rng) -> Picture:
    """Op art: a chessboard that bulges into spheres."""
    x, y = grid(size)
    u, v = x.copy(), y.copy()
    for _ in range(int(rng.integers(1, 3))):
        cx, cy, r = *rng.uniform(0.3, 0.7, 2), rng.uniform(0.26, 0.42)
        d = np.hypot(x - cx, y - cy) / r
        lens = np.where(d < 1, 0.45 + 0.55 * d**2, 1.0)
        u, v = np.where(d < 1, cx + (u - cx) * lens, u), np.where(d < 1, cy + (v - cy) * lens, v)
    n = rng.uniform(9, 13)
    board = ((np.floor(u * n) + np.floor(v * n)) % 2).astype(np.float32)
    colours = palette.swatches(rng, 2)
    light = palette.paper if rng.random() < 0.5 else colours[1]
    return mix(plain(size, light), palette.ink if rng.random() < 0.5 else colours[0], board)


def rothko(palette: Palette, size: int, rng: Rng) -> Picture:
    """Color field: two or three clouds of colour with soft borders, stacked."""
    x, y = grid(size)
    colours = palette.swatches(rng, 5)
    ground = (
        palette.recolour(scaled(colours[0], 0.8), True) if palette.name != "neon" else palette.paper
    )
    picture = plain(size, ground)
    edges = np.linspace(0.05, 0.95, int(rng.integers(3, 5)))
    edges[1:-1] += rng.normal(0, 0.06, len(edges) - 2)
    soft, m = rng.uniform(0.012, 0.022), rng.uniform(0.06, 0.1)
    for i in range(len(edges) - 1):
        inside = np.minimum.reduce(
            [x - m, 1 - m - x, y - edges[i] - 0.015, edges[i + 1] - 0.015 - y]
        )
        cloud = 1 / (1 + np.exp(-inside / soft)) * (0.85 + 0.15 * noise(size, 6, rng))
        picture = mix(picture, colours[i + 1], cloud.astype(np.float32))
    return picture


def newman(palette: Palette, size: int, rng: Rng) -> Picture:
    """Color field: one flat expanse cut by narrow upright zips."""
    colours = palette.swatches(rng, 4)
    picture = plain(size, colours[0])
    shapes: Shapes = []
    for i in range(int(rng.integers(1, 4))):
        x, w = rng.uniform(0.08, 0.92), rng.choice([0.012, 0.02, 0.045])
        shapes.append(
            (rect(x, 0, x + w, 1), colours[1 + i] if rng.random() < 0.6 else palette.paper)
        )
    return fill(picture, shapes)


def pollock(palette: Palette, size: int, rng: Rng) -> Picture:
    """Abstract expressionism: skeins of dripped paint over the whole canvas."""
    colours = [palette.ink, palette.ink, *palette.swatches(rng, 4)]
    shapes: Shapes = []
    for _ in range(int(rng.integers(26, 40))):
        t = np.linspace(0, 1, 22)
        a, b, c = rng.normal(0, 0.3, 3), rng.uniform(1, 4, 3), rng.uniform(0, 6, 3)
        x = rng.random() + a[0] * np.sin(b[0] * t * 3 + c[0]) + (t - 0.5) * rng.normal(0, 0.7)
        y = rng.random() + a[1] * np.sin(b[1] * t * 3 + c[1]) + (t - 0.5) * rng.normal(0, 0.7)
        wide = rng.uniform(0.004, 0.012) * (1 + 0.6 * np.sin(t * 20 + c[2]))
        side = np.stack([-np.gradient(y), np.gradient(x)], axis=1)
        side /= np.maximum(np.hypot(*side.T), 1e-6)[:, None]
        line = np.stack([x, y], axis=1)
        colour = colours[rng.integers(len(colours))]
        shapes.append(
            (
                np.concatenate([line + side * wide[:, None], (line - side * wide[:, None])[::-1]]),
                colour,
            )
        )
        for _ in range(7):
            i, r = rng.integers(22), rng.uniform(0.003, 0.014)
            shapes.append(
                (ellipse(x[i] + rng.normal(0, 0.03), y[i] + rng.normal(0, 0.03), r, r), colour)
            )
    return fill(plain(size, palette.paper), shapes)


def kline(palette: Palette, size: int, rng: Rng) -> Picture:
    """Abstract expressionism: a scaffold of huge ragged black strokes on white."""
    x, y = grid(size)
    picture = plain(size, palette.paper)
    colours = [palette.ink, palette.ink, palette.ink, palette.swatches(rng, 1)[0]]
    for i in range(int(rng.integers(4, 7))):
        a, off = (
            rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.15),
            rng.uniform(-0.3, 0.3),
        )
        along = (x - 0.5) * np.cos(a) + (y - 0.5) * np.sin(a)
        across = -(x - 0.5) * np.sin(a) + (y - 0.5) * np.cos(a) - off
        ragged = (noise(size, 18, rng, 0.4) - 0.5) * 0.05
        wide, long = rng.uniform(0.035, 0.075), rng.uniform(0.3, 0.6)
        stroke = (np.abs(across + ragged) < wide) & (np.abs(along + ragged) < long)
        picture = mix(picture, colours[i % 4], stroke.astype(np.float32))
    return picture


def delaunay(palette: Palette, size: int, rng: Rng) -> Picture:
    """Orphism: discs of concentric rings whose quarters change colour."""
    x, y = grid(size)
    colours = np.array(palette.swatches(rng, 8), dtype=np.float32)
    picture = plain(size, tuple(colours[0]))
    places = [(rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.34, 0.48))]
    places += [
        (*rng.uniform(0, 1, 2), rng.uniform(0.16, 0.3)) for _ in range(int(rng.integers(1, 4)))
    ]
    for cx, cy, r in places[::-1]:
        d, turn = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx) + rng.uniform(0, 6)
        ring = np.floor(d / r * rng.uniform(4, 6)).astype(np.int64)
        quarter = np.floor(np.mod(turn, 2 * np.pi) / (np.pi / 2)).astype(np.int64)
        disc = colours[(ring * 3 + quarter * (1 + ring % 2)) % 8]
        picture = np.where((d < r)[..., None], disc, picture)
    return picture.astype(np.float32)


def _stripes(
    level: Plane, palette: Palette, size: int, rng: Rng, count: float, gap: float
) -> Picture:
    colours = palette.swatches(rng, 3)
    number = np.floor(level * count).astype(np.int64)
    body = np.array(
        [palette.ink, colours[0], colours[1]] if rng.random() < 0.6 else [palette.ink] * 3,
        dtype=np.float32,
    )
    picture = body[number % len(body)]
    return mix(picture, palette.paper, (np.mod(level * count, 1) < gap).astype(np.float32))


def stella(palette: Palette, size: int, rng: Rng) -> Picture:
    """Minimalism: even bands that repeat the shape of the canvas, thin bare lines between."""
    x, y = grid(size)
    kind = rng.integers(3)
    u, v = np.abs(x - 0.5), np.abs(y - 0.5)
    level = np.maximum(u, v) * 2 if kind == 0 else (u + v) if kind == 1 else u * 1.2 + y * 0.8
    return _stripes(level, palette, size, rng, rng.uniform(7, 11), rng.uniform(0.1, 0.2))


def martin(palette: Palette, size: int, rng: Rng) -> Picture:
    """Minimalism: a pale field ruled by a fine even grid."""
    x, y = grid(size)
    wash = palette.recolour((222, 216, 210), True) if palette.name != "neon" else palette.paper
    picture = plain(size, wash) * (0.97 + 0.04 * noise(size, 8, rng)[..., None])
    rows, columns = rng.uniform(14, 22), rng.choice([0.0, rng.uniform(8, 14)])
    line = np.mod(y * rows, 1) < 0.16
    if columns:
        line |= np.mod(x * columns, 1) < 0.09
    inside = (np.abs(x - 0.5) < 0.46) & (np.abs(y - 0.5) < 0.46)
    return mix(picture, palette.ink, (line & inside).astype(np.float32) * rng.uniform(0.45, 0.7))


def kandinsky(palette: Palette, size: int, rng: Rng) -> Picture:
    """Bauhaus: circles within circles, triangles, arcs and ruled lines in free balance."""
    colours = palette.swatches(rng, 7)
    shapes: Shapes = []
    for i in range(int(rng.integers(4, 7))):
        x, y, r = *rng.uniform(0.12, 0.88, 2), rng.uniform(0.05, 0.17)
        for k in (1.0, 0.66, 0.33):
            shapes.append((ellipse(x, y, r * k, r * k), colours[(i + int(k * 3)) % 7]))
    for i in range(int(rng.integers(2, 4))):
        x, y, r = *rng.uniform(0.2, 0.8, 2), rng.uniform(0.1, 0.2)
        corners = [
            (x + r * np.cos(t), y + r * np.sin(t))
            for t in rng.uniform(0, 6) + np.array([0, 2.1, 4.2])
        ]
        shapes.append((polygon(*corners), colours[(i + 3) % 7]))
    for _ in range(int(rng.integers(5, 9))):
        x, y, a = *rng.uniform(0.1, 0.9, 2), rng.uniform(0, np.pi)
        long = rng.uniform(0.15, 0.4)
        shapes.append(
            (
                bar(
                    x - long * np.cos(a),
                    y - long * np.sin(a),
                    x + long * np.cos(a),
                    y + long * np.sin(a),
                    0.01,
                ),
                palette.ink,
            )
        )
    return fill(plain(size, palette.paper), shapes)


def klee(palette: Palette, size: int, rng: Rng) -> Picture:
    """Bauhaus: a wavering chequer of coloured squares."""
    x, y = grid(size)
    n = int(rng.integers(5, 9))
    u = x + 0.03 * (noise(size, 6, rng) - 0.5)
    v = y + 0.03 * (noise(size, 6, rng) - 0.5)
    column, row = (
        np.clip(u * n, 0, n - 1).astype(np.int64),
        np.clip(v * n, 0, n - 1).astype(np.int64),
    )
    colours = np.array([*palette.swatches(rng, 6), palette.paper], dtype=np.float32)
    tone = rng.uniform(0.8, 1.1, (n, n, 1)).astype(np.float32)
    chosen = colours[rng.integers(0, 7, (n, n))] * tone
    return np.clip(chosen[row, column], 0, 255).astype(np.float32)


def scribble(palette: Palette, size: int, rng: Rng) -> Picture:
    """No movement: random blots of the palette, so that abstraction alone names nobody."""
    x, y = grid(size)
    warp = sample(noise(size, 5, rng), x, y) + 0.5 * noise(size, 9, rng)
    level = np.floor(warp * rng.uniform(3, 5)).astype(np.int64)
    colours = np.array([*palette.swatches(rng, 6), palette.paper], dtype=np.float32)
    return blur(colours[level % 7], 0.004)


def nothing(kind: int, size: int, rng: Rng) -> Picture:
    """What is no picture at all: 0 noise, 1 a gradient, 2 lines of text."""
    x, y = grid(size)
    if kind == 0:
        cells = int(rng.integers(24, 97))
        planes = [noise(size, cells, rng) for _ in range(3)]
        if rng.random() < 0.4:
            planes = [planes[0]] * 3
        return np.stack(planes, axis=2) * 255
    ends = rng.uniform(0, 255, (2, 3)).astype(np.float32)
    if kind == 1:
        a = rng.uniform(0, 6)
        t = np.clip(0.5 + (x - 0.5) * np.cos(a) + (y - 0.5) * np.sin(a), 0, 1)[..., None]
        return ends[0] * (1 - t) + ends[1] * t
    picture = plain(size, (250, 250, 248) if rng.random() < 0.7 else (30, 32, 36))
    dark = (40, 40, 44) if picture[0, 0, 0] > 128 else (210, 210, 206)
    words: Shapes = []
    pitch = rng.uniform(0.045, 0.08)
    for top in np.arange(0.06, 0.92, pitch):
        left = 0.06
        while left < 0.9:
            w = rng.uniform(0.02, 0.11)
            if rng.random() < 0.93:
                words.append((rect(left, top, min(left + w, 0.94), top + pitch * 0.4), dark))
            left += w + 0.02
    return fill(picture, words)
