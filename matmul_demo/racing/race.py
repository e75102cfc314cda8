"""Lanes run in one worker process; each result is handed on as it comes; Stop ends it at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import choose_lanes
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.machine.processor import available_threads
from matmul_demo.options import Settings
from matmul_demo.racing.process import Plan, Progress, Worker, describe_exit
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.workloads import Workload

START_LIMIT = 120.0  # seconds for imports, data and the roof; a download is among them
PATIENCE = 20.0  # seconds beyond the budget before a lane without a result is ended
# Seconds beyond the budget before the whole race is ended, once its lanes run: each may overrun its
# share, by compiling or by a call that cannot be divided.
OVERRUN = 60.0


class Race:
    """One race. `run` it once, from one thread; `stop` it from any other.

    Args:
        workload: what to multiply.
        lanes: the lanes, in the order in which they run.
        threads: size of every thread pool.
        budget: seconds for the whole race, about.
        ladder: name of the module whose `LADDER` the worker finds the lanes in.
        lane_limit: seconds after which a lane without a result is ended; None for the budget
            and `PATIENCE` more.
        baseline: key of the lane over which the speed-ups are; None for the first right one. It
            may be changed at any time and holds for the next report.
        worker: a worker to use and leave running, with as many threads; None for one of its own.
        overrun: seconds beyond the budget before the race is ended.
    """

    def __init__(
        self,
        workload: Workload,
        lanes: Sequence[Strategy],
        threads: int,
        budget: float,
        ladder: str = "matmul_demo.lanes.ladder",
        lane_limit: float | None = None,
        baseline: str | None = None,
        worker: Worker | None = None,
        overrun: float = OVERRUN,
    ) -> None:
        self.workload = workload
        self.lanes = tuple(lanes)
        self.threads = threads
        self.budget = budget
        self.baseline = baseline
        self._ladder = ladder
        self._lane_limit = lane_limit or budget + PATIENCE
        self._overrun = overrun
        self._end = math.inf  # on the clock of `time.monotonic`, once lanes run
        self._report = RaceReport(workload, threads, self.lanes)
        self._shared = worker is not None
        self._worker = worker or Worker(threads)

    @property
    def report(self) -> RaceReport:
        """The race as it stands, over the baseline that is chosen now."""
        return replace(self._report, baseline=self.baseline)

    def _update(self, **changes: Any) -> RaceReport:  # noqa: ANN401
        """Change the report; only the thread of `run` does."""
        self._report = replace(self._report, **changes)
        return self.report

    def stop(self) -> None:
        """End the running lane and the race, now; does nothing when it is over."""
        self._worker.stop()

    def run(self) -> Iterator[RaceReport]:
        """Race, and yield a report at the start, when a lane begins, and when it ends.

        A worker that dies costs the lane that ran in it; the next lanes get a new worker. Closing
        the iterator ends the worker.

        Raises:
            RaceError: when the data that the workload names cannot be read.
        """
        deadline = time.monotonic() + self.budget
        yield self._update(phase="starting")
        while self._pending() and not self._worker.stopped and not self._is_late():
            yield from self._run_worker(deadline)
        late = f"The race was ended {self._overrun:.0f} seconds after its time was over"
        for lane in self._pending():
            began = lane.key == self._report.running
            if not self._worker.stopped:
                reason = f"{late}{'' if began else ', before this lane began'}."
            else:
                reason = (
                    "Ended by Stop." if began else "The race was stopped before this lane began."
                )
            self._stop_lanes([lane], reason)
        yield self._update(phase="stopped" if self._worker.stopped else "done", running=None)

    def _is_late(self) -> bool:
        return time.monotonic() >= self._end

    def _pending(self) -> list[Strategy]:
        finished = {outcome.strategy for outcome in self._report.outcomes}
        return [lane for lane in self.lanes if lane.key not in finished]

    def _run_worker(self, deadline: float) -> Iterator[RaceReport]:
        """Run the pending lanes in a new worker until all are done or it is gone."""
        self._update(running=None)
        connection = self._worker.connect()
        if connection is None:
            return
        reason = None
        try:
            connection.send(self._plan(deadline))
            while self._pending() or self._report.turns is None:
                began = self._report.running or not self._pending()
                limit = self._lane_limit if began else START_LIMIT
                if not connection.poll(min(limit, max(0.0, self._end - time.monotonic()))):
                    reason = f"It gave no result within {limit:.0f} seconds and was ended."
                    break
                self._end = min(self._end, max(deadline, time.monotonic()) + self._overrun)
                yield self._take(connection.recv())
        except (EOFError, OSError):
            pass  # the other end is gone; the exit code says why
        finally:
            exit_code = self._leave_worker()
        if self._pending() and not self._worker.stopped and not self._is_late():
            self._fail(reason or describe_exit(exit_code, self._report.running is not None))

    def _plan(self, deadline: float) -> Plan:
        """What is left to do, and what earlier workers of this race have measured."""
        lanes = {lane.key: lane for lane in self.lanes}
        earlier = tuple(
            (outcome.strategy, outcome.median())
            for outcome in self._report.outcomes
            if outcome.leads(lanes[outcome.strategy], self.workload)
        )
        keys = tuple(lane.key for lane in self._pending())
        return Plan(
            self.workload, keys, self._ladder, self.threads, deadline, self._report.machine, earlier
        )

    def _take(self, message: Progress | Outcome | RaceError) -> RaceReport:
        """The report with what the worker says."""
        if isinstance(message, RaceError):
            raise message
        if isinstance(message, Outcome):
            others = (o for o in self._report.outcomes if o.strategy != message.strategy)
            outcomes = (*others, message)  # a spoiled lane comes once more
            return self._update(outcomes=outcomes, running=None, phase="racing")
        return self._update(**message, phase="racing")

    def _fail(self, reason: str) -> None:
        """A worker died: the lane that ran has failed, or all when none did."""
        pending = self._pending()
        failed = [lane for lane in pending if lane.key == self._report.running] or pending
        self._stop_lanes(failed, reason)

    def _stop_lanes(self, lanes: Sequence[Strategy], reason: str) -> None:
        outcomes = (Outcome(lane.key, "stopped", reason=reason) for lane in lanes)
        self._update(outcomes=(*self._report.outcomes, *outcomes))

    def _leave_worker(self) -> int:
        """End the worker, unless it is shared and idle; returns its exit code."""
        finished = not self._pending()
        if self._shared and finished and self._report.turns is not None:
            return 0
        return self._worker.end(at_once=finished)


def make_race(settings: Settings, worker: Worker | None = None, overrun: float = OVERRUN) -> Race:
    """The race of these settings; the page, the API and the command line all come here."""
    return Race(
        settings.workload(), choose_lanes(settings.lanes), settings.threads or available_threads(),
        settings.budget, baseline=settings.baseline, worker=worker, overrun=overrun,
    )  # fmt: skip


def run_race(settings: Settings) -> RaceReport:
    """Race to the end and return the last report.

    Raises:
        RaceError: when the data that the settings name cannot be read.
    """
    *_, report = make_race(settings).run()
    return report
