"""Paints the training pictures once, in several processes, into one array on disk.

Training seeds start at 0; seeds from `HELD_OUT` on are never trained on.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.painter import Spec, choose, frame, handle, paint

SIDE = 96  # pixels: what both embedded models see
HELD_OUT = 10_000_000
WORK = Path(__file__).parent / "work"

log = logging.getLogger(__name__)


def training_picture(seed: int) -> NDArray[np.uint8]:
    """Paint a seed at one of several sizes and treat it as the web does: [96, 96, 3]."""
    rng = np.random.default_rng([seed, 3])
    size = int(rng.choice([96, 96, 96, 96, 128, 160, 224]))
    return np.asarray(handle(paint(choose(seed), size), rng, SIDE))


def pictures(count: int) -> NDArray[np.uint8]:
    """Return the training pictures of seeds 0..count-1, [count, 96, 96, 3], painting if needed."""
    path = WORK / f"pictures-{count}-{_painter_version()}.npy"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial")
        canvas = np.lib.format.open_memmap(
            partial, mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3)
        )
        with multiprocessing.get_context("spawn").Pool() as pool:
            for seed, picture in enumerate(pool.imap(training_picture, range(count), chunksize=64)):
                canvas[seed] = picture
                if seed % 5000 == 0:
                    log.info("painted %d of %d", seed, count)
        canvas.flush()
        partial.rename(path)
    return np.load(path, mmap_mode="r")


def _painter_version() -> str:
    """A hash of the painter's sources: another painter, other pictures."""
    sources = sorted([*(Path(__file__).parent / "painter").glob("*.py"), Path(__file__)])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def held_out(count: int, size: int = SIDE) -> list[tuple[Spec, Image.Image]]:
    """Paint `count` unseen pictures at a size, in several processes."""
    shown = specs(range(HELD_OUT, HELD_OUT + count))
    with multiprocessing.get_context("spawn").Pool() as pool:
        painted = pool.map(partial(paint, size=size), shown, chunksize=16)
    return list(zip(shown, painted, strict=True))


def framed(painted: list[tuple[Spec, Image.Image]]) -> list[tuple[Spec, Image.Image]]:
    """Put every picture into a frame of a twelfth of its side, inside its own size."""
    return [(s, frame(p, np.random.default_rng([s.seed, 4]), 8 / SIDE)) for s, p in painted]


def specs(seeds: Sequence[int]) -> list[Spec]:
    """Return what the pictures of these seeds show."""
    return [choose(seed) for seed in seeds]
