"""A few lanes over square products of growing size: one race for each size, in one worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matmul_demo.errors import RaceError
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.racing.process import Worker
from matmul_demo.racing.race import Race, checked_budget, checked_threads, choose_lanes
from matmul_demo.racing.report import Phase, RaceReport
from matmul_demo.workloads import Workload

SIZES = (16, 32, 64, 128, 256, 512, 1024)  # rows, inner and columns alike
MAX_LANES = 6  # as many as can be told apart by colour and shape
DEFAULT_LANES = (
    "naive_lists", "numba_ijk", "numba_ikj", "numba_blocked", "matmul_numpy", "matmul_torch",
)  # fmt: skip
DEFAULT_BUDGET = 15.0  # seconds for all sizes


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
        lanes: keys of one to `MAX_LANES` lanes.
        dtype: type of the elements.
        threads: size of every thread pool; None for all that may be used.
        cache: "warm" or "cold".
        budget: seconds for all sizes together, about, after the worker's start.
        sizes: of the squares.

    Raises:
        RaceError: with a sentence about the first thing that cannot be.
    """

    def __init__(
        self,
        lanes: Sequence[str] = DEFAULT_LANES,
        dtype: str = "float32",
        threads: int | None = None,
        cache: str = "warm",
        budget: float = DEFAULT_BUDGET,
        sizes: Sequence[int] = SIZES,
    ) -> None:
        if not 1 <= len(lanes) <= MAX_LANES:
            raise RaceError(f"A sweep takes 1 to {MAX_LANES} lanes, and {len(lanes)} were chosen.")
        self._lanes = tuple(choose_lanes(lanes))
        self._workloads = [Workload(size, size, size, dtype, cache=cache) for size in sizes]
        self._budget = checked_budget(budget) / len(sizes)
        self._worker = Worker(checked_threads(threads))
        self._reports: list[RaceReport] = []
        self._phase: Phase = "waiting"

    def snapshot(self, phase: Phase | None = None) -> SweepReport:
        """The sweep as it stands, from now on in `phase` where one is given."""
        self._phase = phase or self._phase
        sizes = tuple(workload.rows for workload in self._workloads)
        return SweepReport(
            self._lanes, sizes, tuple(self._reports), self._phase,
            self._worker.threads, self._workloads[0].dtype,
        )  # fmt: skip

    def stop(self) -> None:
        """End the sweep now; does nothing when it is over."""
        self._worker.stop()

    def run(self) -> Iterator[SweepReport]:
        """Race size after size and yield a report whenever something is new.

        Closing the iterator ends the worker.
        """
        yield self.snapshot("starting")
        try:
            for workload in self._workloads:
                if self._worker.stopped:
                    break
                race = Race(
                    workload, self._lanes, self._worker.threads,
                    max(self._budget, 1.0), worker=self._worker,
                )  # fmt: skip
                self._reports.append(race.snapshot("starting"))
                for report in race.run():
                    self._reports[-1] = report
                    yield self.snapshot("racing")
            yield self.snapshot("stopped" if self._worker.stopped else "done")
        finally:
            self._worker.end(at_once=True)
