"""Paints the example pictures that ship with the app, at 512 pixels."""

from __future__ import annotations

from pathlib import Path

from training.dataset import HELD_OUT
from training.painter import Spec, paint

SIDE = 512
_UNSEEN = 2 * HELD_OUT  # seeds used neither for training nor for the examination

# file name → seed, subject, variant, movement, artist, medium, palette
EXAMPLES: dict[str, tuple[int, str, int, str | None, str | None, str, str]] = {
    "lighthouse-pointillism": (1, "lighthouse", 0, "pointillism", "Georges Seurat", "oil painting", "natural"),
    "mountains-ukiyo-e": (2, "mountains", 0, "ukiyo-e", "Katsushika Hokusai", "woodblock print", "natural"),
    "cat-pop-art": (20, "cat", 1, "pop art", "Roy Lichtenstein", "screen print", "vibrant"),
    "flowers-art-nouveau": (4, "flowers in a vase", 0, "art nouveau", "Gustav Klimt", "oil painting", "natural"),
    "portrait-fauvism": (45, "portrait", 1, "fauvism", "Henri Matisse", "oil painting", "vibrant"),
    "boat-impressionism": (6, "sailing boat", 1, "impressionism", "Claude Monet", "oil painting", "natural"),
    "house-post-impressionism": (7, "house", 1, "post-impressionism", "Vincent van Gogh", "oil painting", "vibrant"),
    "city-art-deco": (8, "city skyline", 1, "art deco", "Tamara de Lempicka", "vector art", "cool"),
    "abstraction-neoplasticism": (9, "abstraction", 0, "neoplasticism", "Piet Mondrian", "oil painting", "vibrant"),
    "abstraction-orphism": (10, "abstraction", 0, "orphism", "Robert Delaunay", "watercolor", "vibrant"),
    "fruit-cubism": (11, "bowl of fruit", 1, "cubism", "Georges Braque", "oil painting", "natural"),
    "moon-expressionism": (12, "moon over the sea", 0, "expressionism", "Edvard Munch", "oil painting", "cool"),
}  # fmt: skip


def example(name: str) -> Spec:
    """Return what an example picture shows."""
    seed, subject, variant, movement, artist, medium, palette = EXAMPLES[name]
    return Spec(_UNSEEN + seed, subject, variant, movement, artist, medium, palette)


def write(folder: Path) -> None:
    """Paint every example into a folder as JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in EXAMPLES:
        paint(example(name), SIDE).save(folder / f"{name}.jpg", quality=90)
