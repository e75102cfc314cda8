"""Cliffs of a sweep: neighbouring sizes of very different speed, and what probably makes them.

A cause is named only where the sizes and the caches of this machine have it; else none is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from matmul_demo.machine.processor import caches
from matmul_demo.racing.sweep import SweepReport
from matmul_demo.text import seconds_text, three_digits
from matmul_demo.workloads import Workload

FACTOR = 1.5  # between the speeds of neighbouring sizes; less is within the usual spread
NEAR = 1.06  # sizes this near do nearly the same work, so that a difference has another cause
CONFLICT = 1024  # bytes; rows of a multiple lie in at most 4 of the 64 sets of a usual first cache
VECTOR = 16  # numbers; the widest vector of float32 that processors have
MOST = 4  # cliffs that are told
Holds = tuple[tuple[str, int], ...]  # caches, nearest first: name, bytes for all threads


@dataclass(frozen=True)
class Point:
    """One lane at one size: the product, and the seconds that it took in full."""

    workload: Workload
    seconds: float

    @property
    def gflops(self) -> float:
        """10⁹ floating-point operations per second."""
        return self.workload.flop / self.seconds / 1e9


@dataclass(frozen=True)
class Cliff:
    """Two neighbouring sizes, and how many times faster one of them is."""

    lane: str
    slow: Point
    fast: Point
    cause: str

    @property
    def factor(self) -> float:
        """GFLOP/s over GFLOP/s, at least `FACTOR`."""
        return self.fast.gflops / self.slow.gflops

    @property
    def sentence(self) -> str:
        """What was measured, and what it probably comes from."""
        slow, fast = self.slow.workload.rows, self.fast.workload.rows
        return (
            f"{self.lane} is {three_digits(self.factor)} times slower at {slow:,} than at {fast:,} "
            f"({three_digits(self.slow.gflops)} and {three_digits(self.fast.gflops)} GFLOP/s): "
            f"{self.cause}."
        )


def of_sweep(sweep: SweepReport) -> list[Cliff]:
    """The largest cliffs of all lanes, largest first; estimates and spoiled samples make none."""
    found: list[Cliff] = []
    for lane in sweep.lanes:
        points = []
        for report in sweep.reports:
            result = report.result(lane.key)
            doubtful = result is None or result.estimated or result.spoiled
            if result and result.gflops and result.seconds and not doubtful:
                points.append(Point(report.workload, result.seconds))
        found += find(lane.name, points, _holds(sweep))
    return sorted(found, key=lambda cliff: -cliff.factor)[:MOST]


def _holds(sweep: SweepReport) -> Holds:
    """The caches as measured, else as the system names them."""
    for report in sweep.reports:
        if report.machine and report.machine.levels:
            return tuple((x.name, x.bytes) for x in report.machine.levels if x.bytes)
    return tuple((f"L{cache.level}", cache.bytes) for cache in caches())


def find(lane: str, points: Sequence[Point], holds: Holds) -> list[Cliff]:
    """The cliffs of one lane.

    Args:
        lane: its name.
        points: ascending in size.
        holds: the caches.

    Returns:
        A cliff for each pair of neighbours of which the larger is slower by `FACTOR`, or the
        smaller where both are as good as equal, or where a call takes as long for far more work.
    """
    cliffs = []
    for small, large in pairwise(points):
        slow, fast = sorted((small, large), key=lambda point: point.gflops)
        near = large.workload.flop <= NEAR**3 * small.workload.flop
        if fast.gflops < FACTOR * slow.gflops:
            continue
        if slow is large or near:
            cause = _cause(slow.workload, fast.workload, near, holds)
            cliffs.append(Cliff(lane, slow, fast, cause))
        elif large.seconds < FACTOR * small.seconds:
            took = seconds_text(small.seconds)
            call = (
                f"probably the call itself, which takes most of the {took} that the small product "
                f"needs: {three_digits(large.workload.flop / small.workload.flop)} times the "
                f"arithmetic takes {seconds_text(large.seconds)}"
            )
            cliffs.append(Cliff(lane, slow, fast, call))
    return cliffs


def _cause(slow: Workload, fast: Workload, near: bool, holds: Holds) -> str:
    causes = [*_causes(slow, fast, near, holds)]
    return f"probably {' or '.join(causes)}" if causes else "these figures do not show why"


def _causes(slow: Workload, fast: Workload, near: bool, holds: Holds) -> Iterator[str]:
    """Everything that the slow product has and the fast one has not."""
    row, other = _row_bytes(slow), _row_bytes(fast)
    if row % CONFLICT == 0 and other % CONFLICT and slow.inner > 1:
        yield (
            f"because a row of B has {row:,} bytes, a multiple of {CONFLICT:,}: the numbers of a "
            "column then share few places in a cache and push each other out"
        )
    if near and fast.columns % VECTOR == 0 and slow.columns % VECTOR:
        yield (
            f"because {slow.columns:,} columns are no multiple of the {VECTOR} numbers of a vector "
            "instruction, so that the rest of each row needs extra work"
        )
    for name, size in holds:
        if fast.bytes_moved <= size < slow.bytes_moved:
            yield (
                f"because A, B and C, {_mib(slow.bytes_moved)}, do not fit into {name}, "
                f"{_mib(size)}, any more"
            )


def _row_bytes(workload: Workload) -> int:
    return workload.columns * np.dtype(workload.dtype).itemsize


def _mib(size: int) -> str:
    return f"{three_digits(size / 2**20)} MiB"
