"""Movements that show a subject and take it apart, print it or adorn it.

Hands as in `brushwork`: (scene, palette, size, rng) → picture.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.painter.brushwork import flat, outlined, unnatural
from training.painter.canvas import (
    Picture,
    Rng,
    Shape,
    array,
    bar,
    ellipse,
    fill,
    grid,
    image,
    labels,
    mix,
    noise,
    outline,
    plain,
    rect,
    sample,
)
from training.painter.palettes import Palette


def _facets(size: int, rng: Rng, lines: int) -> np.ndarray:
    x, y = grid(size)
    owner = np.zeros((size, size), dtype=np.int64)
    for i in range(lines):
        a = rng.uniform(0, np.pi)
        side = (x - rng.uniform(0.2, 0.8)) * np.cos(a) + (y - rng.uniform(0.2, 0.8)) * np.sin(a)
        owner |= (side > 0).astype(np.int64) << i
    return owner


def braque(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Cubism in shards, each seen from another side and shaded along its edge."""
    x, y = grid(size)
    owner = _facets(size, rng, int(rng.integers(7, 10)))
    count = int(owner.max()) + 1
    dx, dy = rng.normal(0, 0.05, (2, count)).astype(np.float32)
    shard = sample(flat(scene, palette, size, rng), x + dx[owner], y + dy[owner])
    turn = rng.uniform(0, 2 * np.pi, count).astype(np.float32)[owner]
    ramp = np.sin(6 * (x * np.cos(turn) + y * np.sin(turn)) + turn)
    shaded = np.clip(shard * (0.9 + 0.24 * ramp[..., None]), 0, 255).astype(np.float32)
    return mix(shaded, (30, 26, 24), outline(owner.astype(np.int32), 0.006) * 0.75)


def gris(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Cubism in upright and slanted bands that alternate light and shadow."""
    x, y = grid(size)
    lean = rng.uniform(0.1, 0.35) * rng.choice([-1, 1])
    band = np.floor((x + lean * y) * rng.uniform(6, 9)).astype(np.int64)
    slip = rng.normal(0, 0.03, int(band.max() - band.min()) + 1).astype(np.float32)
    picture = sample(flat(scene, palette, size, rng), x, y + slip[band - band.min()])
    odd = (band % 2).astype(np.float32)
    picture = picture * (1 - 0.38 * odd[..., None])
    return mix(picture, (18, 18, 20), outline(band.astype(np.int32), 0.007))


def balla(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Futurism: the subject repeated along its path, fading like a stroboscope."""
    x, y = grid(size)
    base = flat(scene, palette, size, rng)
    step = rng.uniform(0.035, 0.05) * rng.choice([-1, 1])
    picture = base
    for i in range(6, 0, -1):
        picture = mix(sample(base, x + step * i, y + step * 0.3 * i), picture, 0.68)
    lines = []
    for _ in range(rng.integers(7, 11)):
        start = rng.uniform(0, 1)
        lines.append(
            (
                bar(
                    0 if step > 0 else 1,
                    start,
                    1 if step > 0 else 0,
                    start + rng.normal(0, 0.25),
                    0.006,
                ),
                palette.paper,
            )
        )
    return mix(picture, fill(picture, lines), 0.7)


def boccioni(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Futurism: the subject spun into a vortex crossed by rays."""
    x, y = grid(size)
    base = flat(scene, palette, size, rng)
    cx, cy = rng.uniform(0.35, 0.65, 2)
    reach, angle = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
    twist = rng.choice([-1, 1]) * rng.uniform(1.0, 1.5)
    picture = np.zeros_like(base)
    for i in range(5):
        a = angle + twist * (0.55 - reach) + 0.09 * i
        picture += sample(base, cx + reach * np.cos(a), cy + reach * np.sin(a)) / 5
    rays = np.sin(angle * rng.integers(9, 14) + twist * 4 * reach)
    return np.clip(picture * (1 + 0.2 * np.sign(rays)[..., None]), 0, 255).astype(np.float32)


def _print_sheet(picture: Picture, palette: Palette, size: int, rng: Rng) -> Picture:
    """Add what a Japanese print has: a paper margin and a red seal with a title strip."""
    m = rng.uniform(0.02, 0.045)
    paper = palette.paper
    edges = [rect(0, 0, 1, m), rect(0, 1 - m, 1, 1), rect(0, 0, m, 1), rect(1 - m, 0, 1, 1)]
    side = 1 - m - 0.1 if rng.random() < 0.5 else m + 0.03
    strip = rect(side, m + 0.03, side + 0.07, m + 0.25)
    seal = rect(side + 0.01, m + 0.27, side + 0.06, m + 0.33)
    marks = [
        (
            bar(side + 0.02, m + 0.06 + 0.04 * i, side + 0.05, m + 0.06 + 0.04 * i, 0.012),
            palette.ink,
        )
        for i in range(5)
    ]
    red = palette.recolour((190, 40, 40), False)
    return fill(picture, [(e, paper) for e in edges] + [(strip, paper), *marks, (seal, red)])


def _graded(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Flat areas under a graded band of sky, with thin dark contours."""
    base = flat(scene, palette, size, rng)
    _, y = grid(size)
    depth = rng.uniform(0.15, 0.28)
    shade = np.clip(1 - y / depth, 0, 1) * 0.75
    picture = mix(base, palette.recolour((30, 50, 110), True), shade)
    return outlined(picture, scene, size, 0.007, (26, 24, 40))


def hokusai(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Ukiyo-e with a clawed wave rolling through the foreground."""
    picture = _graded(scene, palette, size, rng)
    side = rng.choice([-1, 1])
    foam, deep = palette.recolour((246, 246, 240), False), palette.recolour((28, 64, 128), False)
    shapes = []
    for rank in range(3):
        top = 0.72 + 0.09 * rank + rng.normal(0, 0.01)
        x = np.linspace(-0.05, 1.05, 60)
        crest = top - 0.09 * np.abs(
            np.sin(np.pi * (x * rng.uniform(1.6, 2.3) * side + rng.random()))
        )
        for dy, colour in ((0.0, foam), (0.022, deep)):
            line = np.stack([x, crest + dy], axis=1)
            shapes.append((np.concatenate([line, [[1.05, 1.05], [-0.05, 1.05]]]), colour))
        for i in range(0, 60, 4):
            shapes.append((ellipse(x[i], crest[i], 0.016, 0.018), foam))
    return _print_sheet(fill(picture, shapes), palette, size, rng)


def hiroshige(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Ukiyo-e under slanting rain."""
    picture = _graded(scene, palette, size, rng)
    lean = rng.uniform(0.12, 0.25) * rng.choice([-1, 1])
    ink = palette.recolour((40, 46, 60), False) if palette.name != "neon" else palette.ink
    rain = []
    for _ in range(int(rng.uniform(70, 110))):
        x, y, long = rng.uniform(-0.2, 1.2), rng.uniform(-0.1, 0.9), rng.uniform(0.2, 0.4)
        rain.append((bar(x, y, x + lean * long, y + long, 0.006), ink))
    return _print_sheet(mix(picture, fill(picture, rain), 0.75), palette, size, rng)


def lichtenstein(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Pop art: thick contours and a regular screen of dots over everything behind."""
    base = flat(scene, palette, size, rng)
    x, y = grid(size)
    number = labels(scene, size)
    ground = np.isin(number, [i for i, s in enumerate(scene, 1) if s.ground])
    rows = rng.uniform(20, 28)
    u, v = (x + y) * rows * 0.7071, (x - y) * rows * 0.7071
    dot = np.hypot(np.mod(u, 1) - 0.5, np.mod(v, 1) - 0.5) < rng.uniform(0.3, 0.36)
    paper = mix(base, palette.paper, 0.85)
    picture = np.where((ground & ~dot)[..., None], paper, base)
    ink = (0, 0, 0) if palette.name == "neon" else palette.ink
    return outlined(picture.astype(np.float32), scene, size, rng.uniform(0.018, 0.026), ink)


def warhol(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Pop art: four panels of one motif in four colourings."""
    half = size // 2
    picture = np.zeros((half * 2, half * 2, 3), dtype=np.float32)
    shift = rng.normal(0, 0.012)
    for row in range(2):
        for column in range(2):
            panel = unnatural(scene, palette, rng)
            ground = panel[0].colour
            panel = [replace(s, colour=ground) if s.ground else s for s in panel]
            tile = flat(panel, palette, half, rng)
            key = outline(labels(scene, half), 0.012)
            x, y = grid(half)
            key = sample(key, x + shift, y + shift)
            dark = (0, 0, 0) if palette.name == "neon" else palette.ink
            picture[row * half : (row + 1) * half, column * half : (column + 1) * half] = mix(
                tile, dark, key
            )
    return array(image(picture).resize((size, size)))


def lempicka(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Art deco: every form a polished tube with a metallic gleam across it."""
    base = flat(scene, palette, size, rng)
    number = labels(scene, size)
    x, _ = grid(size)
    low = np.full(len(scene) + 1, np.inf)
    high = np.full(len(scene) + 1, -np.inf)
    np.minimum.at(low, number.ravel(), x.ravel())
    np.maximum.at(high, number.ravel(), x.ravel())
    across = (x - low[number]) / np.maximum(high[number] - low[number], 0.02)
    gleam = np.exp(-(((across - rng.uniform(0.25, 0.4)) / 0.14) ** 2))
    picture = base * (1.12 - 0.75 * across[..., None]) + 95 * gleam[..., None]
    return np.clip(picture, 0, 255).astype(np.float32)


def cassandre(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Art deco poster: a fan of rays behind, stepped frame, lettered band below."""
    x, y = grid(size)
    cx, cy = rng.uniform(0.4, 0.6), rng.uniform(0.6, 0.8)
    fan = np.sin(np.arctan2(y - cy, x - cx) * rng.integers(10, 15)) > 0
    number = labels(scene, size)
    ground = np.isin(number, [i for i, s in enumerate(scene, 1) if s.ground])
    base = flat(scene, palette, size, rng)
    gold, ink = palette.recolour((206, 164, 74), False), palette.recolour((30, 30, 40), False)
    picture = np.where((ground & fan)[..., None], np.asarray(gold, dtype=np.float32), base)
    picture = picture * (1.05 - 0.3 * y[..., None])
    m, shapes = rng.uniform(0.03, 0.05), []
    for k, colour in ((m, ink), (m * 0.45, gold)):
        shapes += [
            (rect(0, 0, 1, k), colour),
            (rect(0, 1 - k, 1, 1), colour),
            (rect(0, 0, k, 1), colour),
            (rect(1 - k, 0, 1, 1), colour),
        ]
    band = rng.uniform(0.83, 0.87)
    shapes.append((rect(m, band, 1 - m, 1 - m), ink))
    left = 0.14
    for _ in range(int(rng.integers(6, 10))):
        w = rng.uniform(0.03, 0.07)
        shapes.append((rect(left, band + 0.03, left + w, band + 0.09), gold))
        left += w + 0.025
    return fill(picture.astype(np.float32), [s for s in shapes if s[0][:, 0].max() <= 1.0])


def mucha(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Art nouveau: a patterned halo, whiplash borders and a flowing contour."""
    gold = palette.recolour((208, 170, 96), False)
    deep = palette.recolour((110, 70, 40), False)
    behind = [s for s in scene if s.ground]
    front = [s for s in scene if not s.ground]
    cx, cy, r = rng.uniform(0.45, 0.55), rng.uniform(0.38, 0.48), rng.uniform(0.34, 0.4)
    ring: list[Shape] = [
        Shape(ellipse(cx, cy, r, r), gold, True),
        Shape(ellipse(cx, cy, r * 0.82, r * 0.82), behind[0].colour, True),
    ]
    for t in np.linspace(0, 2 * np.pi, int(rng.integers(14, 20)), endpoint=False):
        ring.append(
            Shape(
                ellipse(cx + r * 0.91 * np.cos(t), cy + r * 0.91 * np.sin(t), r * 0.055, r * 0.055),
                deep,
                True,
            )
        )
    whole = behind + ring + front
    picture = outlined(flat(whole, palette, size, rng), whole, size, rng.uniform(0.01, 0.016), deep)
    vines = []
    for side in (0.0, 1.0):
        y = np.linspace(0, 1, 30)
        sway = 0.045 * np.sin(2 * np.pi * (y * rng.uniform(1.2, 2) + rng.random()))
        x = side + (0.055 + sway) * (1 if side == 0 else -1)
        edge = np.stack([x, y], axis=1)
        vines.append((np.concatenate([edge, [[side, 1], [side, 0]]]), gold))
        vines += [
            (ellipse(float(x[i]), float(y[i]), 0.03, 0.018, rng.uniform(0, 3)), deep)
            for i in range(2, 30, 6)
        ]
    return fill(picture, vines)


def klimt(scene: list[Shape], palette: Palette, size: int, rng: Rng) -> Picture:
    """Art nouveau: all that lies behind dissolves into gold leaf, spirals and small squares."""
    base = flat(scene, palette, size, rng)
    number = labels(scene, size)
    ground = np.isin(number, [i for i, s in enumerate(scene, 1) if s.ground])
    gold = mix(plain(size, palette.recolour((214, 172, 70), False)), base, 0.25)
    leaf = mix(gold, palette.recolour((246, 220, 140), False), noise(size, 26, rng) * 0.5)
    x, y = grid(size)
    count = rng.integers(4, 6)
    u, v = np.mod(x * count, 1) - 0.5, np.mod(y * count + 0.5 * (np.floor(x * count) % 2), 1) - 0.5
    spiral = np.sin(np.arctan2(v, u) + np.hypot(u, v) * rng.uniform(26, 32)) > 0.35
    squares = (
        (np.mod(x * count * 4, 1) < 0.35)
        & (np.mod(y * count * 4, 1) < 0.35)
        & (np.hypot(u, v) > 0.46)
    )
    dark = palette.recolour((96, 60, 24), False)
    leaf = mix(leaf, dark, ((spiral & (np.hypot(u, v) < 0.42)) | squares).astype(np.float32) * 0.85)
    picture = np.where(ground[..., None], leaf, base)
    return outlined(
        picture.astype(np.float32), [s for s in scene if not s.ground], size, 0.006, dark
    )
