"""Subjects seen near: on a table, in a room, under water.

A subject is a function (variant, rng) → shapes from back to front in natural colours, with
proportions and positions that differ from picture to picture.
"""

from __future__ import annotations

import numpy as np

from training.painter.canvas import Colour, Rng, Shape, bar, ellipse, polygon, rect, scaled
from training.painter.scenery import Scene, table

_PETALS: tuple[Colour, ...] = (
    (214, 50, 62), (240, 188, 40), (226, 120, 170), (150, 90, 190), (244, 240, 232), (240, 130, 50),
)  # fmt: skip


def flowers(variant: int, rng: Rng) -> Scene:
    """A vase: 0 a bunch of flowers, 1 one large flower."""
    top = rng.uniform(0.68, 0.78)
    shapes = table(rng, top)
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
        darker: Colour = scaled(colour, 0.75)
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


def fruit(variant: int, rng: Rng) -> Scene:
    """A bowl of fruit: 0 alone, 1 beside a bottle."""
    top = rng.uniform(0.56, 0.68)
    shapes = table(rng, top)
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
            light: Colour = (colour[0] * 1.25 + 20, colour[1] * 1.25 + 20, colour[2] * 1.25 + 20)
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
    shade: Colour = scaled(fur, 0.78)
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
        Shape(rect(x - r * 0.38, y + r * 0.8, x + r * 0.38, y + r * 2.1), scaled(skin, 0.9))
    )
    shapes.append(Shape(ellipse(x, y, r, r * 1.28), skin))
    if variant == 0:
        shapes.append(Shape(ellipse(x, y - r * 0.85, r * 1.02, r * 0.5), hair))
    else:
        band: Colour = scaled(coat, 0.6)
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
            scaled(skin, 0.84),
        )
    )
    shapes.append(Shape(ellipse(x, y + r * 0.66, r * 0.3, r * 0.09), (180, 60, 64)))
    return shapes
