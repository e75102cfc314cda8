"""What was measured of this machine, kept on disk: once for each kind of number and thread count.

A limit is what the machine can do, so a measurement beside busy neighbours is too low and never
too high. Therefore each later race looks again, briefly, and what is higher counts from then on. A
month later everything is forgotten, because a machine's owner may have slowed it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from matmul_demo import probe
from matmul_demo.machine import caches, cpu_name
from matmul_demo.vectors import REGISTERS, VECTOR_BYTES

log = logging.getLogger(__name__)

FORMAT = 1  # counted up when what is stored or measured changes
FIRST_LOOK, BRIEF_LOOK = 0.25, 0.05  # seconds for the peak and for each level
FRESH_SECONDS = 60.0  # a file so young needs no further look
KEPT_SECONDS = 30 * 24 * 3600.0


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
        since: day of the first look, as 2026-01-31.
        began: the same in seconds since 1970.
        looks: measurements of which these are the best.
    """

    peak_gflops: float
    levels: tuple[Level, ...]
    since: str
    began: float
    looks: int = 1

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


def cache_folder() -> Path:
    """Where limits are kept: MATMUL_CACHE, else the user's cache folder."""
    given = os.environ.get("MATMUL_CACHE")
    if given:
        return Path(given)
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a container's user may have no home
        home = Path(tempfile.gettempdir())
    return home / "prompt-interrogator"


def known(dtype: str, threads: int, folder: Path | None = None) -> Limits:
    """The limits, measured now if they never were, else looked at again.

    Args:
        dtype: type of the elements.
        threads: threads that work together.
        folder: where limits are kept; None for `cache_folder`.
    """
    machine = _machine(dtype, threads)
    key = hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:16]
    path = (folder or cache_folder()) / f"machine-{key}.json"
    earlier = _read(path, machine)
    if earlier and _is_fresh(path):
        return earlier
    now = measure(dtype, threads, BRIEF_LOOK if earlier else FIRST_LOOK)
    best = earlier.best_of(now) if earlier else now
    _write(path, machine, best)
    return best


def measure(dtype: str, threads: int, seconds: float) -> Limits:
    """Measure the peak and each level, for so many seconds each."""
    peak = probe.peak(np.dtype(dtype), threads, seconds) / 1e9
    levels = tuple(
        Level(name, held, probe.bandwidth(size, threads, seconds) / 1e9)
        for name, held, size in probe.levels(threads)
    )
    return Limits(peak, descending(levels), date.today().isoformat(), time.time())


def _machine(dtype: str, threads: int) -> dict[str, Any]:
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


def _is_fresh(path: Path) -> bool:
    try:
        return 0 <= time.time() - path.stat().st_mtime < FRESH_SECONDS
    except OSError:
        return False


def _read(path: Path, machine: dict[str, Any]) -> Limits | None:
    """What the file says; None where there is none, or one that is damaged, foreign or old."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["machine"] != machine:
            return None
        fields = stored["limits"]
        levels = tuple(Level(**level) for level in fields.pop("levels"))
        limits = Limits(levels=levels, **fields)
        return limits if _is_sound(limits, machine["threads"]) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_sound(limits: Limits, threads: int) -> bool:
    """Whether all of it could have been measured by us, within the last month."""
    rates = [limits.peak_gflops, *(level.gbs for level in limits.levels)]
    places = [(level.name, level.bytes) for level in limits.levels]
    return (
        all(isinstance(rate, float) and 0 < rate < math.inf for rate in rates)
        and places == [(name, held) for name, held, _ in probe.levels(threads)]
        and 0 <= time.time() - limits.began < KEPT_SECONDS
        and isinstance(limits.looks, int)
        and date.fromisoformat(limits.since) is not None
    )


def _write(path: Path, machine: dict[str, Any], limits: Limits) -> None:
    """Write beside the place and move there: a reader sees a whole file or none."""
    text = json.dumps({"machine": machine, "limits": asdict(limits)}, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(path) as draft:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
    except OSError as error:  # full or read-only: the next race measures again
        log.info("The machine's limits could not be kept in %s: %s.", path.parent, error)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new empty file in the same folder, removed if it is still there afterwards."""
    handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
