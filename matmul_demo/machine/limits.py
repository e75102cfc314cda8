"""The processor's limits: measured once for each kind of number and thread count, then kept.

A limit is what the machine can do, so a measurement beside busy neighbours is too low and never
too high. Therefore each later race looks again, briefly, and what is higher counts from then on.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from matmul_demo.machine import probe
from matmul_demo.machine.compiler import REGISTERS, VECTOR_BYTES
from matmul_demo.machine.processor import caches, cpu_name
from matmul_demo.machine.store import MeasurementFile

FORMAT = 1  # counted up when what is stored or measured changes
FIRST_LOOK, BRIEF_LOOK = 0.25, 0.05  # seconds for the peak and for each level


@dataclass(frozen=True)
class Level:
    """A cache, or the memory.

    Attributes:
        name: "L1" and so on, or "memory".
        bytes: how much it holds for all threads together; None for the memory.
        gbs: 10⁹ bytes per second that can be read from it.
    """

    name: str
    bytes: int | None
    gbs: float


@dataclass(frozen=True)
class Limits:
    """The limits for one kind of number and thread count.

    Attributes:
        peak_gflops: 10⁹ floating-point operations per second in registers.
        levels: nearest first, the memory last.
        began: when the first look was, in seconds since 1970.
        looks: measurements of which these are the best.
    """

    peak_gflops: float
    levels: tuple[Level, ...]
    began: float
    looks: int = 1

    @property
    def since(self) -> str:
        """The day of the first look, as 2026-01-31."""
        return date.fromtimestamp(self.began).isoformat()

    def best_of(self, other: Limits) -> Limits:
        """The higher of each limit, first looked at when we were."""
        pairs = zip(self.levels, other.levels, strict=True)
        highest = tuple(replace(x, gbs=max(x.gbs, y.gbs)) for x, y in pairs)
        peak = max(self.peak_gflops, other.peak_gflops)
        looks = self.looks + other.looks
        return replace(self, peak_gflops=peak, levels=descending(highest), looks=looks)


def descending(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """Levels of which none is slower than one further away: what it holds, they hold as well."""
    fastest, raised = 0.0, list[Level]()
    for level in reversed(levels):
        fastest = max(fastest, level.gbs)
        raised.append(replace(level, gbs=fastest))
    return tuple(reversed(raised))


def processor_limits(dtype: str, threads: int, folder: Path | None = None) -> Limits:
    """The limits, measured now if they never were, else looked at again.

    Args:
        dtype: type of the elements.
        threads: threads that work together.
        folder: where limits are kept; None for the usual place.
    """
    file = MeasurementFile(_about(dtype, threads), folder)
    earlier = _limits(file.read(), threads)
    if earlier and file.is_fresh():
        return earlier
    now = measure(dtype, threads, BRIEF_LOOK if earlier else FIRST_LOOK)
    best = earlier.best_of(now) if earlier else now
    file.write(asdict(best), best.began)
    return best


def measure(dtype: str, threads: int, seconds: float) -> Limits:
    """Measure the peak and each level, for so many seconds each."""
    peak = probe.peak(np.dtype(dtype), threads, seconds) / 1e9
    levels = tuple(
        Level(name, held, probe.bandwidth(size, threads, seconds) / 1e9)
        for name, held, size in probe.levels(threads)
    )
    return Limits(peak, descending(levels), time.time())


def _about(dtype: str, threads: int) -> dict[str, Any]:
    """What the limits depend on; other limits hold where any of it is different."""
    return {
        "format": FORMAT,
        "name": cpu_name(),
        "vector_bytes": VECTOR_BYTES,
        "registers": REGISTERS,
        "caches": [asdict(cache) for cache in caches()],
        "dtype": dtype,
        "threads": threads,
    }


def _limits(stored: Any, threads: int) -> Limits | None:  # noqa: ANN401
    """What was stored, as limits; None when it is not what we could have measured."""
    try:
        levels = tuple(Level(**level) for level in stored["levels"])
        limits = Limits(**(stored | {"levels": levels}))
        rates = [limits.peak_gflops, *(level.gbs for level in levels)]
        possible = all(isinstance(rate, float) and 0 < rate < math.inf for rate in rates)
        places = [(level.name, level.bytes) for level in levels]
        ours = places == [(name, held) for name, held, _ in probe.levels(threads)]
        return limits if possible and ours and isinstance(limits.looks, int) else None
    except (TypeError, KeyError):
        return None
