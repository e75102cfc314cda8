"""Twelve everyday subjects, each in two variants that a caption can tell apart.

A subject is a function (variant, rng) → shapes from back to front in natural colours, with
proportions and positions that differ from picture to picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.painter.canvas import Colour, Points, Rng, Shape, bar, ellipse, polygon, rect

Scene = list[Shape]
Scenery = Callable[[int, Rng], Scene]

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((128, 178, 226), (190, 216, 238)),
    ((98, 150, 214), (216, 226, 232)),
    ((238, 176, 118), (246, 216, 160)),
    ((170, 190, 206), (214, 220, 222)),
)
_NIGHT: tuple[Colour, Colour] = ((22, 28, 66), (44, 54, 104))


def _sky(rng: Rng, horizon: float, night: bool = False) -> Scene:
    """Two bands of sky down to the horizon."""
    high, low = _NIGHT if night else _SKIES[rng.integers(len(_SKIES))]
    split = horizon * rng.uniform(0.45, 0.75)
    return [
        Shape(rect(0, 0, 1, split + 0.01), high, ground=True),
        Shape(rect(0, split, 1, 1), low, ground=True),
    ]


def _sea(rng: Rng, horizon: float, night: bool = False) -> Scene:
    deep: Colour = (24, 44, 92) if night else (40, 96, 158)
    crest: Colour = (58, 84, 140) if night else (96, 156, 202)
    shapes = [Shape(rect(0, horizon, 1, 1), deep, ground=True)]
    for _ in range(rng.integers(5, 10)):
        x, y, w = rng.random(), rng.uniform(horizon + 0.03, 0.98), rng.uniform(0.08, 0.25)
        shapes.append(Shape(ellipse(x, y, w, 0.008), crest, ground=True))
    return shapes


def _hills(rng: Rng, top: float) -> Points:
    x = np.linspace(0, 1, 25)
    wave = np.sin(x * rng.uniform(3, 7) + rng.uniform(0, 6)) * rng.uniform(0.01, 0.05)
    return np.concatenate([np.stack([x, top + wave], axis=1), [[1, 1], [0, 1]]])


def _clouds(rng: Rng, top: float) -> Scene:
    shapes = []
    for _ in range(rng.integers(0, 3)):
        x, y = rng.random(), rng.uniform(0.06, max(0.1, top))
        for _ in range(3):
            centre = (x + rng.normal(0, 0.05), y + rng.normal(0, 0.01))
            puff = ellipse(*centre, rng.uniform(0.05, 0.1), 0.03)
            shapes.append(Shape(puff, (244, 244, 242), ground=True))
    return shapes


def mountains(variant: int, rng: Rng) -> Scene:
    """Peaks: 0 snowy, 1 above a lake."""
    horizon = rng.uniform(0.6, 0.72)
    shapes = _sky(rng, horizon) + _clouds(rng, 0.2)
    for _ in range(rng.integers(2, 5)):
        x, top = rng.uniform(0.05, 0.95), rng.uniform(0.12, 0.38)
        half = rng.uniform(0.25, 0.4)
        tone = rng.uniform(0.75, 1.15)
        rock: Colour = (104 * tone, 98 * tone, 112 * tone)
        left, right = (x - half, horizon + 0.02), (x + half, horizon + 0.02)
        shapes.append(Shape(polygon(left, (x, top), right), rock))
        shade: Colour = (70 * tone, 66 * tone, 84 * tone)
        shapes.append(Shape(polygon((x, top), right, (x + half * 0.2, horizon + 0.02)), shade))
        if variant == 0:
            s = rng.uniform(0.3, 0.42)
            drop = (horizon - top) * s
            cap = polygon(
                (x, top), (x + half * s, top + drop), (x + half * s * 0.4, top + drop * 0.7),
                (x, top + drop * 1.15), (x - half * s * 0.4, top + drop * 0.7),
                (x - half * s, top + drop),
            )  # fmt: skip
            shapes.append(Shape(cap, (246, 248, 252)))
    if variant == 1:
        shapes.append(Shape(rect(0, horizon, 1, 1), (66, 122, 168), ground=True))
        for _ in range(6):
            x, y = rng.random(), rng.uniform(horizon + 0.04, 0.95)
            shapes.append(Shape(ellipse(x, y, rng.uniform(0.06, 0.2), 0.008), (150, 190, 214)))
        shapes.append(Shape(_hills(rng, 0.93), (84, 118, 62), ground=True))
    else:
        shapes.append(Shape(_hills(rng, horizon), (92, 128, 66), ground=True))
    return shapes


def _tree(x: float, foot: float, height: float, rng: Rng, round_crown: bool = True) -> Scene:
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


def house(variant: int, rng: Rng) -> Scene:
    """A house: 0 with a smoking chimney, 1 beside a tree."""
    horizon = rng.uniform(0.62, 0.74)
    shapes = _sky(rng, horizon) + _clouds(rng, 0.18)
    shapes.append(Shape(_hills(rng, horizon), (112, 156, 78), ground=True))
    w, h = rng.uniform(0.36, 0.5), rng.uniform(0.24, 0.34)
    x = rng.uniform(0.3, 0.42) if variant == 1 else rng.uniform(0.42, 0.58)
    foot = horizon + rng.uniform(0.08, 0.14)
    wall: Colour = [(226, 204, 170), (206, 128, 96), (238, 234, 224)][rng.integers(3)]
    roof: Colour = [(166, 58, 44), (110, 70, 56), (84, 88, 108)][rng.integers(3)]
    left, right, eave = x - w / 2, x + w / 2, foot - h
    peak = eave - rng.uniform(0.16, 0.24)
    if variant == 0:
        cx = x + w * 0.25
        shapes.append(Shape(rect(cx - 0.03, peak + 0.0, cx + 0.035, eave), (140, 76, 60)))
        for step in range(4):
            puff = ellipse(
                cx + 0.03 * step,
                peak - 0.04 - 0.05 * step,
                0.022 + 0.012 * step,
                0.02 + 0.008 * step,
            )
            shapes.append(Shape(puff, (236, 236, 236)))
    shapes.append(Shape(rect(left, eave, right, foot), wall))
    shapes.append(Shape(polygon((left - 0.05, eave), (x, peak), (right + 0.05, eave)), roof))
    shapes.append(Shape(rect(x - 0.045, foot - h * 0.62, x + 0.045, foot), (92, 58, 38)))
    for wx in (left + w * 0.2, right - w * 0.2):
        shapes.append(
            Shape(rect(wx - 0.045, eave + 0.06, wx + 0.045, eave + 0.15), (120, 164, 196))
        )
    if variant == 1:
        shapes += _tree(rng.uniform(0.76, 0.86), foot + 0.02, rng.uniform(0.5, 0.65), rng)
    return shapes


def tree(variant: int, rng: Rng) -> Scene:
    """A tree: 0 one in leaf on a hill, 1 a row of pointed trees."""
    horizon = rng.uniform(0.66, 0.8)
    shapes = _sky(rng, horizon) + _clouds(rng, 0.15)
    shapes.append(Shape(_hills(rng, horizon), (126, 160, 80), ground=True))
    if variant == 0:
        return shapes + _tree(rng.uniform(0.38, 0.62), horizon + 0.08, rng.uniform(0.62, 0.8), rng)
    count = int(rng.integers(3, 6))
    for i in range(count):
        x = (i + 0.5) / count + rng.normal(0, 0.02)
        foot, tall, half = (
            horizon + rng.uniform(0.03, 0.1),
            rng.uniform(0.42, 0.6),
            rng.uniform(0.07, 0.1),
        )
        shapes.append(Shape(rect(x - 0.012, foot - 0.08, x + 0.012, foot), (94, 62, 40)))
        tone = rng.uniform(0.85, 1.15)
        for step in range(3):
            low = foot - 0.06 - tall * 0.25 * step
            wide = half * (1 - 0.24 * step)
            layer = polygon((x - wide, low), (x, low - tall * 0.42), (x + wide, low))
            shapes.append(Shape(layer, (36 * tone, 94 * tone, 58 * tone)))
    return shapes


def sailing_boat(variant: int, rng: Rng) -> Scene:
    """Sails: 0 one boat, 1 two boats."""
    horizon = rng.uniform(0.5, 0.64)
    shapes = _sky(rng, horizon) + _clouds(rng, 0.2) + _sea(rng, horizon)
    places = [(rng.uniform(0.4, 0.6), rng.uniform(0.85, 1.1))]
    if variant == 1:
        places = [
            (rng.uniform(0.2, 0.3), rng.uniform(0.5, 0.65)),
            (rng.uniform(0.66, 0.76), rng.uniform(0.55, 0.75)),
        ]
    for x, k in places:
        deck = horizon + rng.uniform(0.08, 0.18)
        tall = 0.5 * k
        hull: Colour = [(130, 66, 40), (186, 40, 40), (46, 52, 74)][rng.integers(3)]
        sail: Colour = [(248, 244, 232), (240, 208, 150), (222, 92, 66)][rng.integers(3)]
        side = rng.choice([-1, 1])
        shapes.append(Shape(bar(x, deck, x, deck - tall, 0.014), (82, 56, 40)))
        main = polygon(
            (x + side * 0.015, deck - tall),
            (x + side * 0.015, deck - 0.03),
            (x + side * 0.22 * k, deck - 0.03),
        )
        jib = polygon(
            (x - side * 0.015, deck - tall * 0.9),
            (x - side * 0.015, deck - 0.03),
            (x - side * 0.14 * k, deck - 0.03),
        )
        shapes += [Shape(main, sail), Shape(jib, tuple(c * 0.88 for c in sail))]
        w = 0.22 * k
        body = polygon(
            (x - w, deck),
            (x + w, deck),
            (x + w * 0.7, deck + 0.08 * k),
            (x - w * 0.7, deck + 0.08 * k),
        )
        shapes.append(Shape(body, hull))
    return shapes


_PETALS: tuple[Colour, ...] = (
    (214, 50, 62), (240, 188, 40), (226, 120, 170), (150, 90, 190), (244, 240, 232), (240, 130, 50),
)  # fmt: skip


def _table(rng: Rng, top: float) -> Scene:
    wall: Colour = [(196, 184, 160), (150, 168, 170), (206, 196, 200)][rng.integers(3)]
    cloth: Colour = [(150, 100, 62), (120, 84, 64), (176, 150, 120)][rng.integers(3)]
    return [Shape(rect(0, 0, 1, top), wall, True), Shape(rect(0, top, 1, 1), cloth, True)]


def flowers(variant: int, rng: Rng) -> Scene:
    """A vase: 0 a bunch of flowers, 1 one large flower."""
    top = rng.uniform(0.68, 0.78)
    shapes = _table(rng, top)
    x, foot, mouth = rng.uniform(0.42, 0.58), rng.uniform(0.86, 0.93), rng.uniform(0.58, 0.64)
    heads = [(x + rng.uniform(-0.04, 0.04), rng.uniform(0.24, 0.32), rng.uniform(0.17, 0.22))]
    if variant == 0:
        count = int(rng.integers(6, 10))
        heads = [
            (
                x + 0.27 * np.cos(t) * rng.uniform(0.3, 1),
                0.33 + 0.2 * np.sin(t) * rng.uniform(0.3, 1),
                rng.uniform(0.07, 0.1),
            )
            for t in np.linspace(0, 2 * np.pi, count)
        ]
    shapes += [Shape(bar(x, mouth, hx, hy, 0.014), (66, 118, 58)) for hx, hy, _ in heads]
    for _ in range(4 if variant == 0 else 2):
        leaf = ellipse(
            x + rng.normal(0, 0.09), rng.uniform(0.46, 0.56), 0.08, 0.03, rng.uniform(0, 3)
        )
        shapes.append(Shape(leaf, (74, 132, 66)))
    for hx, hy, r in heads:
        colour = _PETALS[rng.integers(len(_PETALS))]
        petals = int(rng.integers(5, 8))
        turn = rng.uniform(0, 3)
        for i in range(petals):
            a = turn + 2 * np.pi * i / petals
            shapes.append(
                Shape(
                    ellipse(
                        hx + r * 0.6 * np.cos(a), hy + r * 0.6 * np.sin(a), r * 0.5, r * 0.34, a
                    ),
                    colour,
                )
            )
        shapes.append(Shape(ellipse(hx, hy, r * 0.32, r * 0.32), (112, 74, 30)))
    vase: Colour = [(58, 98, 158), (200, 120, 76), (92, 140, 120), (226, 220, 208)][rng.integers(4)]
    wide = rng.uniform(0.1, 0.14)
    shapes.append(Shape(ellipse(x, (foot + mouth) / 2 + 0.03, wide, (foot - mouth) / 2), vase))
    shapes.append(Shape(rect(x - wide * 0.55, mouth, x + wide * 0.55, mouth + 0.08), vase))
    return shapes


def fish(variant: int, rng: Rng) -> Scene:
    """Under water: 0 one fish, 1 three fish."""
    shapes = [
        Shape(rect(0, 0, 1, 1), (84, 158, 190), True),
        Shape(rect(0, rng.uniform(0.5, 0.7), 1, 1), (54, 122, 164), True),
    ]
    for _ in range(rng.integers(2, 5)):
        x = rng.random()
        weed = bar(x, 1.0, x + rng.normal(0, 0.06), rng.uniform(0.72, 0.88), 0.03)
        shapes.append(Shape(weed, (62, 128, 88), True))
    places = [(rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58), rng.uniform(0.26, 0.33))]
    if variant == 1:
        rows = rng.permutation(3)
        places = [
            (rng.uniform(0.3, 0.7), 0.2 + 0.29 * row + rng.normal(0, 0.02), rng.uniform(0.14, 0.18))
            for row in rows
        ]
    for x, y, r in places:
        colour = [(236, 126, 44), (224, 190, 60), (206, 70, 60), (150, 168, 190)][rng.integers(4)]
        side = rng.choice([-1, 1])
        tail = polygon(
            (x - side * r * 0.8, y),
            (x - side * r * 1.4, y - r * 0.5),
            (x - side * r * 1.4, y + r * 0.5),
        )
        fin = polygon(
            (x - side * r * 0.3, y - r * 0.4),
            (x - side * 0.1 * r, y - r * 0.85),
            (x + side * r * 0.4, y - r * 0.35),
        )
        darker: Colour = tuple(c * 0.75 for c in colour)
        shapes += [
            Shape(tail, darker),
            Shape(fin, darker),
            Shape(ellipse(x, y, r, r * 0.52), colour),
        ]
        for stripe in (-0.25, 0.1):
            shapes.append(
                Shape(ellipse(x + side * stripe * r, y, r * 0.07, r * 0.42), (250, 240, 226))
            )
        shapes.append(
            Shape(ellipse(x + side * r * 0.6, y - r * 0.1, r * 0.12, r * 0.12), (250, 250, 246))
        )
        shapes.append(
            Shape(ellipse(x + side * r * 0.62, y - r * 0.1, r * 0.06, r * 0.06), (20, 20, 24))
        )
    for _ in range(rng.integers(2, 6)):
        b = rng.uniform(0.01, 0.02)
        shapes.append(Shape(ellipse(rng.random(), rng.uniform(0.05, 0.5), b, b), (206, 230, 240)))
    return shapes


def city(variant: int, rng: Rng) -> Scene:
    """A skyline: 0 by day, 1 at night with lit windows."""
    night = variant == 1
    shapes = _sky(rng, 0.8, night)
    base = rng.uniform(0.86, 0.94)
    for layer in range(2):
        x = -0.02
        while x < 1.0:
            w = rng.uniform(0.08, 0.16)
            top = rng.uniform(0.22, 0.5) + (0.16 if layer else 0.0)
            tone = rng.uniform(0.8, 1.2) * (0.72 if layer else 1.0)
            wall: Colour = (
                (40 * tone, 42 * tone, 60 * tone) if night else (146 * tone, 140 * tone, 146 * tone)
            )
            shapes.append(Shape(rect(x, top, x + w, base), wall))
            if rng.random() < 0.2:
                shapes.append(Shape(bar(x + w / 2, top, x + w / 2, top - 0.1, 0.012), wall))
            if layer:
                for wx in np.arange(x + 0.022, x + w - 0.02, 0.036):
                    for wy in np.arange(top + 0.03, base - 0.03, 0.055):
                        if rng.random() < 0.55:
                            pane: Colour = (250, 214, 110) if night else (86, 104, 128)
                            shapes.append(Shape(rect(wx, wy, wx + 0.017, wy + 0.026), pane))
            x += w
    street: Colour = (28, 28, 40) if night else (120, 118, 112)
    shapes.append(Shape(rect(0, base, 1, 1), street, True))
    return shapes


def moon(variant: int, rng: Rng) -> Scene:
    """The moon over the sea: 0 full, 1 a crescent."""
    horizon = rng.uniform(0.6, 0.72)
    shapes = _sky(rng, horizon, night=True)
    for _ in range(rng.integers(6, 16)):
        star = ellipse(rng.random(), rng.uniform(0, horizon * 0.9), 0.006, 0.006)
        shapes.append(Shape(star, (236, 236, 220)))
    shapes += _sea(rng, horizon, night=True)
    x, y, r = rng.uniform(0.28, 0.72), rng.uniform(0.2, 0.32), rng.uniform(0.11, 0.16)
    glow: Colour = (246, 238, 200)
    if variant == 0:
        shapes.append(Shape(ellipse(x, y, r, r), glow))
    else:
        outer, inner = (
            ellipse(x, y, r, r, 0, (-0.25, 0.25)),
            ellipse(x, y, r * 0.45, r, 0, (0.25, -0.25)),
        )
        turned = np.concatenate([outer, inner]) - (x, y)
        a = rng.uniform(-0.5, 0.5) + rng.choice([0, np.pi])
        spin = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        shapes.append(Shape(turned @ spin + (x, y), glow))
    for i in range(7):
        yy = horizon + 0.02 + i * (0.96 - horizon) / 7
        shapes.append(
            Shape(
                ellipse(x + rng.normal(0, 0.015), yy, rng.uniform(0.03, 0.08), 0.01),
                (216, 212, 190),
            )
        )
    return shapes


def fruit(variant: int, rng: Rng) -> Scene:
    """A bowl of fruit: 0 alone, 1 beside a bottle."""
    top = rng.uniform(0.56, 0.68)
    shapes = _table(rng, top)
    x = rng.uniform(0.36, 0.44) if variant == 1 else rng.uniform(0.45, 0.55)
    rim, wide = rng.uniform(0.56, 0.64), rng.uniform(0.24, 0.3)
    if variant == 1:
        bx = x + wide + rng.uniform(0.1, 0.14)
        glass: Colour = [(46, 88, 60), (92, 52, 40), (60, 80, 110)][rng.integers(3)]
        shapes.append(Shape(rect(bx - 0.065, 0.42, bx + 0.065, 0.86), glass))
        shapes.append(Shape(ellipse(bx, 0.42, 0.065, 0.05), glass))
        shapes.append(Shape(rect(bx - 0.024, 0.18, bx + 0.024, 0.42), glass))
        shapes.append(Shape(rect(bx - 0.05, 0.56, bx + 0.05, 0.7), (232, 222, 196)))
    kinds: tuple[Colour, ...] = (
        (204, 44, 40),
        (238, 150, 36),
        (236, 210, 60),
        (120, 160, 56),
        (112, 50, 110),
    )
    for row, count in ((0, 5), (1, 3)):
        for i in range(count):
            r = rng.uniform(0.07, 0.09)
            fx = x + (i - (count - 1) / 2) * wide * 0.42 + rng.normal(0, 0.01)
            fy = rim - 0.015 - row * 0.1
            colour = kinds[rng.integers(len(kinds))]
            shapes.append(Shape(ellipse(fx, fy, r, r * rng.uniform(0.9, 1.1)), colour))
            light: Colour = tuple(min(255, c * 1.25 + 20) for c in colour)
            shapes.append(Shape(ellipse(fx - r * 0.3, fy - r * 0.3, r * 0.25, r * 0.2), light))
    bowl: Colour = [(70, 106, 160), (226, 222, 212), (160, 96, 60)][rng.integers(3)]
    shapes.append(Shape(ellipse(x, rim, wide, 0.24, 0, (0, 0.5)), bowl))
    shapes.append(Shape(rect(x - wide * 0.4, rim + 0.22, x + wide * 0.4, rim + 0.26), bowl))
    return shapes


def cat(variant: int, rng: Rng) -> Scene:
    """A cat: 0 sitting, 1 only its face."""
    wall: Colour = [(206, 186, 150), (150, 176, 180), (200, 166, 160), (170, 184, 140)][
        rng.integers(4)
    ]
    floor: Colour = [(140, 100, 70), (170, 140, 110), (110, 104, 110)][rng.integers(3)]
    level = rng.uniform(0.72, 0.82)
    shapes = [Shape(rect(0, 0, 1, level), wall, True), Shape(rect(0, level, 1, 1), floor, True)]
    fur: Colour = [(222, 138, 60), (70, 66, 70), (150, 146, 146), (236, 228, 214)][rng.integers(4)]
    shade: Colour = tuple(c * 0.78 for c in fur)
    x, y, r = rng.uniform(0.42, 0.58), rng.uniform(0.28, 0.34), rng.uniform(0.14, 0.17)
    if variant == 1:
        y, r = rng.uniform(0.52, 0.58), rng.uniform(0.3, 0.36)
    else:
        side = rng.choice([-1, 1])
        shapes.append(Shape(ellipse(x + side * 0.26, 0.78, 0.16, 0.035, -side * 0.5), shade))
        shapes.append(Shape(ellipse(x, 0.68, rng.uniform(0.19, 0.23), 0.24), fur))
        for paw in (-0.08, 0.08):
            shapes.append(Shape(ellipse(x + paw, 0.88, 0.065, 0.045), shade))
    for side in (-1, 1):
        ear = polygon(
            (x + side * r * 0.95, y - r * 0.3),
            (x + side * r * 0.9, y - r * 1.45),
            (x + side * r * 0.15, y - r * 0.85),
        )
        shapes.append(Shape(ear, fur))
        inner = polygon(
            (x + side * r * 0.8, y - r * 0.6),
            (x + side * r * 0.8, y - r * 1.15),
            (x + side * r * 0.4, y - r * 0.85),
        )
        shapes.append(Shape(inner, (214, 150, 150)))
    shapes.append(Shape(ellipse(x, y, r, r * 0.92), fur))
    eye: Colour = [(120, 180, 70), (230, 190, 60), (90, 150, 200)][rng.integers(3)]
    for side in (-1, 1):
        shapes.append(Shape(ellipse(x + side * r * 0.42, y - r * 0.12, r * 0.19, r * 0.22), eye))
        shapes.append(
            Shape(ellipse(x + side * r * 0.42, y - r * 0.12, r * 0.07, r * 0.2), (16, 16, 18))
        )
        for tilt in (-0.1, 0.12):
            whisker = bar(
                x + side * r * 0.3,
                y + r * 0.4,
                x + side * r * 1.35,
                y + r * (0.4 + tilt * 2),
                0.008,
            )
            shapes.append(Shape(whisker, (240, 236, 230) if sum(fur) < 420 else (70, 60, 56)))
    shapes.append(
        Shape(
            polygon((x - r * 0.12, y + r * 0.2), (x + r * 0.12, y + r * 0.2), (x, y + r * 0.36)),
            (200, 100, 100),
        )
    )
    return shapes


def portrait(variant: int, rng: Rng) -> Scene:
    """A person: 0 a woman with long hair, 1 a man with a hat."""
    wall: Colour = [(120, 140, 128), (166, 146, 120), (110, 120, 150), (190, 180, 160)][
        rng.integers(4)
    ]
    shapes = [Shape(rect(0, 0, 1, 1), wall, True)]
    skin: Colour = [(238, 200, 170), (206, 150, 112), (140, 92, 66)][rng.integers(3)]
    hair: Colour = [(60, 40, 30), (150, 90, 44), (220, 180, 90), (30, 28, 32)][rng.integers(4)]
    coat: Colour = [(150, 40, 50), (50, 70, 120), (70, 100, 70), (90, 80, 90)][rng.integers(4)]
    x, y, r = rng.uniform(0.45, 0.55), rng.uniform(0.38, 0.44), rng.uniform(0.15, 0.18)
    if variant == 0:
        shapes.append(Shape(ellipse(x, y + 0.02, r * 1.42, r * 1.5), hair))
        shapes.append(Shape(rect(x - r * 1.42, y, x + r * 1.42, y + r * 2.3), hair))
    shapes.append(Shape(ellipse(x, 1.02, rng.uniform(0.34, 0.42), 0.34), coat))
    shapes.append(
        Shape(
            rect(x - r * 0.38, y + r * 0.8, x + r * 0.38, y + r * 2.1), tuple(c * 0.9 for c in skin)
        )
    )
    shapes.append(Shape(ellipse(x, y, r, r * 1.28), skin))
    if variant == 0:
        shapes.append(Shape(ellipse(x, y - r * 0.85, r * 1.02, r * 0.5), hair))
    else:
        band: Colour = tuple(c * 0.6 for c in coat)
        shapes.append(Shape(ellipse(x, y - r * 0.75, r * 1.75, r * 0.26), band))
        shapes.append(Shape(rect(x - r, y - r * 1.8, x + r, y - r * 0.75), band))
        shapes.append(Shape(ellipse(x, y + r * 0.95, r * 0.62, r * 0.34), hair))
    for side in (-1, 1):
        shapes.append(
            Shape(ellipse(x + side * r * 0.4, y - r * 0.12, r * 0.16, r * 0.09), (248, 246, 240))
        )
        shapes.append(
            Shape(ellipse(x + side * r * 0.4, y - r * 0.12, r * 0.08, r * 0.09), (40, 34, 34))
        )
        shapes.append(
            Shape(
                bar(x + side * r * 0.22, y - r * 0.38, x + side * r * 0.6, y - r * 0.36, 0.012),
                hair,
            )
        )
    shapes.append(
        Shape(
            polygon((x, y - r * 0.1), (x + r * 0.16, y + r * 0.36), (x - r * 0.05, y + r * 0.36)),
            tuple(c * 0.84 for c in skin),
        )
    )
    shapes.append(Shape(ellipse(x, y + r * 0.66, r * 0.3, r * 0.09), (180, 60, 64)))
    return shapes


def lighthouse(variant: int, rng: Rng) -> Scene:
    """A lighthouse on its cliff: 0 by day, 1 at night with its beam."""
    night = variant == 1
    horizon = rng.uniform(0.68, 0.76)
    shapes = (
        _sky(rng, horizon, night) + ([] if night else _clouds(rng, 0.2)) + _sea(rng, horizon, night)
    )
    x, foot, top = rng.uniform(0.36, 0.64), horizon + 0.03, rng.uniform(0.22, 0.28)
    side = rng.choice([-1, 1])
    cliff = polygon((x - 0.28, 1), (x - 0.2, foot + 0.03), (x + 0.2, foot), (x + 0.32, 1))
    shapes.append(Shape(cliff, (64, 56, 56) if night else (120, 104, 86)))
    if night:
        for way in (side, -side):
            beam = polygon(
                (x, top - 0.03), (x + way * 0.75, top - 0.16), (x + way * 0.75, top + 0.1)
            )
            shapes.append(Shape(beam, (250, 234, 150)))
    low, high = rng.uniform(0.085, 0.105), 0.055
    stripe: Colour = [(206, 48, 44), (40, 60, 110), (30, 30, 34)][rng.integers(3)]
    bands = 5
    for i in range(bands):
        a, b = i / bands, (i + 1) / bands
        ya, yb = foot + (top - foot) * a, foot + (top - foot) * b
        wa, wb = low + (high - low) * a, low + (high - low) * b
        tower = polygon((x - wa, ya), (x + wa, ya), (x + wb, yb), (x - wb, yb))
        shapes.append(Shape(tower, stripe if i % 2 else (244, 240, 232)))
    shapes.append(
        Shape(rect(x - high * 1.35, top - 0.015, x + high * 1.35, top + 0.01), (50, 50, 58))
    )
    shapes.append(
        Shape(rect(x - high * 0.7, top - 0.075, x + high * 0.7, top - 0.015), (252, 226, 120))
    )
    shapes.append(
        Shape(polygon((x - high, top - 0.075), (x, top - 0.15), (x + high, top - 0.075)), stripe)
    )
    return shapes


# Subject → how it is drawn, and what a captioner says of its two variants.
SUBJECTS: dict[str, tuple[Scenery, tuple[str, str]]] = {
    "mountains": (mountains, ("snowy mountains", "mountains above a lake")),
    "house": (house, ("a house with a smoking chimney", "a house beside a tree")),
    "tree": (tree, ("a tree on a hill", "a row of trees on a hill")),
    "sailing boat": (sailing_boat, ("a sailing boat on the sea", "two sailing boats on the sea")),
    "flowers in a vase": (flowers, ("a bunch of flowers in a vase", "a single flower in a vase")),
    "fish": (fish, ("a fish under water", "three fish under water")),
    "city skyline": (city, ("a city skyline by day", "a city skyline at night")),
    "moon over the sea": (moon, ("a full moon over the sea", "a crescent moon over the sea")),
    "bowl of fruit": (fruit, ("a bowl of fruit on a table", "a bowl of fruit and a bottle on a table")),
    "cat": (cat, ("a cat sitting on the floor", "the face of a cat")),
    "portrait": (portrait, ("a portrait of a woman with long hair", "a portrait of a man with a hat")),
    "lighthouse": (lighthouse, ("a lighthouse on a cliff", "a lighthouse shining at night")),
}  # fmt: skip
