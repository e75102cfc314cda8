"""A few lanes over square products of growing size: one race for each size, in one worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import choose_lanes
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.machine.processor import available_threads
from matmul_demo.options import Settings
from matmul_demo.racing.process import Worker
from matmul_demo.racing.race import OVERRUN, make_race
from matmul_demo.racing.report import Phase, RaceReport

SIZES = (16, 32, 64, 128, 256, 512, 1024)  # rows, inner and columns alike
MAX_LANES = 6  # as many as can be told apart by colour and shape
DEFAULT_LANES = (
    "naive_lists", "numba_ijk", "numba_ikj", "numba_blocked", "matmul_numpy", "matmul_torch",
)  # fmt: skip
DEFAULT_SETTINGS = Settings(lanes=DEFAULT_LANES, budget=15.0)


@dataclass(frozen=True)
class SweepReport:
    """The sweep so far.

    Attributes:
        lanes: the lanes, in ladder order.
        sizes: every size, done or not.
        reports: of the races that have begun, in the order of the sizes; the last may be under way.
        phase: where the sweep stands.
        threads: size of every thread pool.
        dtype: type of the elements.
    """

    lanes: tuple[Strategy, ...]
    sizes: tuple[int, ...]
    reports: tuple[RaceReport, ...] = ()
    phase: Phase = "waiting"
    threads: int = 1
    dtype: str = "float32"


class Sweep:
    """One sweep. `run` it once, from one thread; `stop` it from any other.

    Args:
        settings: of the races, with one to `MAX_LANES` lanes; the shape is that of each size, and
            the budget is for all sizes together, about, after the worker's start.
        sizes: of the squares.

    Raises:
        RaceError: with a sentence about the first thing that cannot be.
    """

    def __init__(self, settings: Settings = DEFAULT_SETTINGS, sizes: Sequence[int] = SIZES) -> None:
        lanes = tuple(choose_lanes(settings.lanes))
        if len(lanes) > MAX_LANES:
            raise RaceError(f"A sweep takes 1 to {MAX_LANES} lanes, and {len(lanes)} were chosen.")
        budget = max(settings.budget / len(sizes), 1.0)
        self._settings = [
            replace(settings, shape=f"{size}x{size}x{size}", budget=budget) for size in sizes
        ]
        self._worker = Worker(settings.threads or available_threads())
        self.report = SweepReport(
            lanes, tuple(sizes), threads=self._worker.threads, dtype=settings.dtype
        )

    def stop(self) -> None:
        """End the sweep now; does nothing when it is over."""
        self._worker.stop()

    def run(self) -> Iterator[SweepReport]:
        """Race size after size and yield a report whenever something is new.

        Closing the iterator ends the worker.
        """
        yield self._update(phase="starting")
        try:
            for settings in self._settings:
                if self._worker.stopped:
                    break
                earlier = self.report.reports
                overrun = OVERRUN / len(self._settings)  # a sweep holds the queue as a race does
                for report in make_race(settings, self._worker, overrun).run():
                    yield self._update(phase="racing", reports=(*earlier, report))
            yield self._update(phase="stopped" if self._worker.stopped else "done")
        finally:
            self._worker.end(at_once=True)

    def _update(self, **changes: Any) -> SweepReport:  # noqa: ANN401
        """Change the report; only the thread of `run` does."""
        self.report = replace(self.report, **changes)
        return self.report
