"""Subjects under the sky.

A subject is a function (variant, rng) → shapes from back to front in natural colours, with
proportions and positions that differ from picture to picture.
"""

from __future__ import annotations

import numpy as np

from training.painter.canvas import Colour, Rng, Shape, bar, ellipse, polygon, rect, scaled
from training.painter.scenery import Scene, clouds, hills, one_tree, sea, sky


def mountains(variant: int, rng: Rng) -> Scene:
    """Peaks: 0 snowy, 1 above a lake."""
    horizon = rng.uniform(0.6, 0.72)
    shapes = sky(rng, horizon) + clouds(rng, 0.2)
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
        shapes.append(Shape(hills(rng, 0.93), (84, 118, 62), ground=True))
    else:
        shapes.append(Shape(hills(rng, horizon), (92, 128, 66), ground=True))
    return shapes


def house(variant: int, rng: Rng) -> Scene:
    """A house: 0 with a smoking chimney, 1 beside a tree."""
    horizon = rng.uniform(0.62, 0.74)
    shapes = sky(rng, horizon) + clouds(rng, 0.18)
    shapes.append(Shape(hills(rng, horizon), (112, 156, 78), ground=True))
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
        shapes += one_tree(rng.uniform(0.76, 0.86), foot + 0.02, rng.uniform(0.5, 0.65), rng)
    return shapes


def tree(variant: int, rng: Rng) -> Scene:
    """A tree: 0 one in leaf on a hill, 1 a row of pointed trees."""
    horizon = rng.uniform(0.66, 0.8)
    shapes = sky(rng, horizon) + clouds(rng, 0.15)
    shapes.append(Shape(hills(rng, horizon), (126, 160, 80), ground=True))
    if variant == 0:
        return shapes + one_tree(
            rng.uniform(0.38, 0.62), horizon + 0.08, rng.uniform(0.62, 0.8), rng
        )
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
    shapes = sky(rng, horizon) + clouds(rng, 0.2) + sea(rng, horizon)
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
        shapes += [Shape(main, sail), Shape(jib, scaled(sail, 0.88))]
        w = 0.22 * k
        body = polygon(
            (x - w, deck),
            (x + w, deck),
            (x + w * 0.7, deck + 0.08 * k),
            (x - w * 0.7, deck + 0.08 * k),
        )
        shapes.append(Shape(body, hull))
    return shapes


def city(variant: int, rng: Rng) -> Scene:
    """A skyline: 0 by day, 1 at night with lit windows."""
    night = variant == 1
    shapes = sky(rng, 0.8, night)
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
    shapes = sky(rng, horizon, night=True)
    for _ in range(rng.integers(6, 16)):
        star = ellipse(rng.random(), rng.uniform(0, horizon * 0.9), 0.006, 0.006)
        shapes.append(Shape(star, (236, 236, 220)))
    shapes += sea(rng, horizon, night=True)
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


def lighthouse(variant: int, rng: Rng) -> Scene:
    """A lighthouse on its cliff: 0 by day, 1 at night with its beam."""
    night = variant == 1
    horizon = rng.uniform(0.68, 0.76)
    shapes = (
        sky(rng, horizon, night) + ([] if night else clouds(rng, 0.2)) + sea(rng, horizon, night)
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
