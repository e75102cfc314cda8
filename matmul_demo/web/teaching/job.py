"""The page's race: one product, or the lesson's two one after the other, as one report."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from matmul_demo.lanes.ladder import LADDER, choose_lanes
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.machine.processor import available_threads
from matmul_demo.options import Settings
from matmul_demo.racing.process import Worker
from matmul_demo.racing.race import Race
from matmul_demo.racing.report import RaceReport
from matmul_demo.web.teaching.ghosts import Ghost
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL

# The steps of fast.ai's lesson on matrix products (notebook 01_matmul), in its order.
LESSON_STEPS = (
    "naive_torch", "dot_numba", "elementwise_torch", "dot_torch", "broadcast_torch",
    "einsum_torch", "matmul_torch", "numba_cuda_naive", "matmul_cuda",
)  # fmt: skip


@dataclass(frozen=True)
class PageReport(RaceReport):
    """A race with what the page shows beside it.

    Attributes:
        full: the same lanes on the lesson's full set; None in a race of one product.
        ghost: an earlier race, drawn as pale marks; None for none.
    """

    full: RaceReport | None = None
    ghost: Ghost | None = None


@functools.cache
def missing(key: str, device: str) -> str | None:
    """Why a lane cannot run in a race on `device`; asked of the machine once."""
    (lane,) = choose_lanes([key])
    return lane.unavailable(device)


def lesson_lanes() -> tuple[str, ...]:
    """The keys of the lesson's steps that this machine can run, in ladder order."""
    steps = (lane.key for lane in LADDER if lane.key in LESSON_STEPS)
    return tuple(key for key in steps if missing(key, "cuda") is None)


def is_lesson(settings: Settings) -> bool:
    """Whether these are the lesson's steps on its small product: then its full set follows."""
    return settings.shape == LESSON_BATCH and set(settings.lanes or ()) == set(lesson_lanes())


def _lanes(settings: Settings) -> tuple[Strategy, ...]:
    """The lanes of a race; the lesson has all its steps, in its order, that of a GPU included."""
    if is_lesson(settings):
        by_key = {lane.key: lane for lane in LADDER}
        return tuple(by_key[key] for key in LESSON_STEPS)
    return tuple(choose_lanes(settings.lanes))


class PageRace:
    """A race as the page runs it. `run` it once, from one thread; `stop` it from any other.

    Args:
        settings: of the race; the lesson's are followed by its full set, within the same budget.
        ghost: an earlier race to show beside it; it may be changed at any time, as `baseline` may.
    """

    def __init__(self, settings: Settings, ghost: Ghost | None = None) -> None:
        self.baseline = settings.baseline
        self.ghost = ghost
        self._worker = Worker(settings.threads or available_threads())
        shapes = (settings.shape, LESSON_FULL) if is_lesson(settings) else (settings.shape,)
        self._races = [
            Race(
                replace(settings, shape=shape).workload(), _lanes(settings), self._worker.threads,
                settings.budget / len(shapes), worker=self._worker,
            )
            for shape in shapes
        ]  # fmt: skip

    @property
    def report(self) -> PageReport:
        """The race as it stands, over the baseline and beside the ghost that are chosen now."""
        first, *others = (replace(race.report, baseline=self.baseline) for race in self._races)
        full = others[0] if others else None
        values = {field.name: getattr(first, field.name) for field in fields(RaceReport)}
        if full is not None and first.phase == "done":
            values["phase"] = full.phase if full.phase in ("done", "stopped") else "racing"
        return PageReport(**values, full=full, ghost=self.ghost)

    def stop(self) -> None:
        """End the running lane and the race, now; does nothing when it is over."""
        self._worker.stop()

    def run(self) -> Iterator[PageReport]:
        """Race, and yield a report whenever something is new.

        Closing the iterator ends the worker.

        Raises:
            RaceError: when the data that the workload names cannot be read.
        """
        try:
            for race in self._races:
                for _ in race.run():
                    yield self.report
                if self._worker.stopped:
                    break
        finally:
            self._worker.end(at_once=True)
