"""Twelve everyday subjects, each in two variants that a caption can tell apart."""

from __future__ import annotations

from collections.abc import Callable

from training.painter.canvas import Rng
from training.painter.indoors import cat, fish, flowers, fruit, portrait
from training.painter.outdoors import city, house, lighthouse, moon, mountains, sailing_boat, tree
from training.painter.scenery import Scene

Scenery = Callable[[int, Rng], Scene]

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
