"""A few lanes over products of growing size: one race for each size, in one worker."""

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

MAX_LANES = 6  # as many as can be told apart by colour and shape
DEFAULT_LANES = (
    "naive_lists", "numba_ijk", "numba_ikj", "numba_blocked", "matmul_numpy", "matmul_torch",
)  # fmt: skip
DEFAULT_SETTINGS = Settings(lanes=DEFAULT_LANES, budget=15.0)


@dataclass(frozen=True)
class Series:
    """Products of growing size.

    Attributes:
        name: on the page.
        sizes: the rows of A.
        inner: columns of A and rows of B; None for as many as rows.
        columns: of B; None for as many as rows.
    """

    name: str
    sizes: tuple[int, ...]
    inner: int | None = None
    columns: int | None = None

    def shape(self, size: int) -> str:
        """ROWSxINNERxCOLUMNS of one size."""
        return f"{size}x{self.inner or size}x{self.columns or size}"

    @property
    def product(self) -> str:
        """With the letter that the size has: "n×n · n×n"."""
        inner, columns = self.inner or "n", self.columns or "n"
        return f"n×{inner} · {inner}×{columns}"


SQUARE = Series("Square: powers of two", (16, 32, 64, 128, 256, 512, 1024))
BESIDE = Series(
    "Square: beside powers of two",
    (127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 1024, 1030),
)
TALL = Series(
    "Tall: n×784 · 784×10",
    (10, 100, 255, 256, 257, 1000, 1024, 1030, 10_000, 50_000), 784, 10,
)  # fmt: skip
SERIES = (SQUARE, BESIDE, TALL)


@dataclass(frozen=True)
class SweepReport:
    """The sweep so far.

    Attributes:
        lanes: the lanes, in ladder order.
        sizes: rows of every product, done or not.
        reports: of the races that have begun, in the order of the sizes; the last may be under way.
        phase: where the sweep stands.
        threads: size of every thread pool.
        dtype: type of the elements.
        series: what the products are.
    """

    lanes: tuple[Strategy, ...]
    sizes: tuple[int, ...]
    reports: tuple[RaceReport, ...] = ()
    phase: Phase = "waiting"
    threads: int = 1
    dtype: str = "float32"
    series: Series = SQUARE


class Sweep:
    """One sweep. `run` it once, from one thread; `stop` it from any other.

    Args:
        settings: of the races, with one to `MAX_LANES` lanes; the shape is that of each size, and
            the budget is for all sizes together, about, after the worker's start.
        sizes: rows of the products; those of the series when left out.
        series: what the products are.

    Raises:
        RaceError: with a sentence about the first thing that cannot be.
    """

    def __init__(
        self,
        settings: Settings = DEFAULT_SETTINGS,
        sizes: Sequence[int] = (),
        series: Series = SQUARE,
    ) -> None:
        sizes = tuple(sizes) or series.sizes
        lanes = tuple(choose_lanes(settings.lanes))
        if len(lanes) > MAX_LANES:
            raise RaceError(f"A sweep takes 1 to {MAX_LANES} lanes, and {len(lanes)} were chosen.")
        budget = max(settings.budget / len(sizes), 1.0)
        self._settings = [
            replace(settings, shape=series.shape(size), budget=budget) for size in sizes
        ]
        self._worker = Worker(settings.threads or available_threads())
        self.report = SweepReport(
            lanes, sizes, threads=self._worker.threads, dtype=settings.dtype, series=series
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
