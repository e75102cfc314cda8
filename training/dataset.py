"""Paints the training pictures once, in several processes, into files on disk.

Training seeds start at 0; seeds from `HELD_OUT` on are never trained on.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.painter import Spec, choose, frame, handle, paint

SIDE = 96  # pixels: what both embedded models see
HELD_OUT = 10_000_000
BLOCK = 10_000  # pictures in a file
WORK = Path(__file__).parent / "work"

log = logging.getLogger(__name__)


def training_picture(seed: int) -> NDArray[np.uint8]:
    """Paint a seed at one of several sizes and treat it as the web does: [96, 96, 3]."""
    rng = np.random.default_rng([seed, 3])
    size = int(rng.choice([96, 96, 96, 96, 128, 160, 224]))
    return np.asarray(handle(paint(choose(seed), size), rng, SIDE))


def pictures(seeds: range) -> NDArray[np.uint8]:
    """Return the training pictures of consecutive seeds, [n, 96, 96, 3], painting what is missing.

    They are kept in files of `BLOCK` pictures, so that painting more begins where it ended.

    Raises:
        ValueError: The seeds do not begin and end at whole blocks.
    """
    if seeds.step != 1 or seeds.start % BLOCK or seeds.stop % BLOCK:
        raise ValueError(f"{seeds} is not a range of whole blocks of {BLOCK:,} seeds")
    firsts = range(seeds.start, seeds.stop, BLOCK)
    return np.concatenate([np.load(_painted_block(first), mmap_mode="r") for first in firsts])


def _painted_block(first: int) -> Path:
    path = WORK / f"pictures-{_painter_version()}-{first}.npy"
    if not path.exists():
        log.info("painting seeds %d to %d", first, first + BLOCK - 1)
        path.parent.mkdir(exist_ok=True)
        with multiprocessing.get_context("spawn").Pool() as pool:
            painted = pool.map(training_picture, range(first, first + BLOCK), chunksize=64)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, np.stack(painted))
        partial.rename(path)
    return path


def _painter_version() -> str:
    """A hash of the painter's sources: another painter, other pictures."""
    sources = sorted([*(Path(__file__).parent / "painter").glob("*.py"), Path(__file__)])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def held_out(count: int, size: int = SIDE) -> list[tuple[Spec, Image.Image]]:
    """Paint `count` unseen pictures at a size, in several processes."""
    shown = specs(range(HELD_OUT, HELD_OUT + count))
    with multiprocessing.get_context("spawn").Pool() as pool:
        painted = pool.map(functools.partial(paint, size=size), shown, chunksize=16)
    return list(zip(shown, painted, strict=True))


def framed(painted: list[tuple[Spec, Image.Image]]) -> list[tuple[Spec, Image.Image]]:
    """Put every picture into a frame of a twelfth of its side, inside its own size."""
    return [(s, frame(p, np.random.default_rng([s.seed, 4]), 8 / SIDE)) for s, p in painted]


def specs(seeds: Sequence[int]) -> list[Spec]:
    """Return what the pictures of these seeds show."""
    return [choose(seed) for seed in seeds]
