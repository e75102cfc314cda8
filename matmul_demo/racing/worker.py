"""The process in which lanes run, so that one of them can be stopped, or die, without the app.

`process` starts it as `python -m matmul_demo.racing.worker FD`. FD is its end of a socket pair: one
`Plan` after another comes in, `Progress` and `Outcome` go out. It is a program of its own and not a
`multiprocessing.Process`, because that would import the main program again, and with it Gradio,
every model library and the whole page, before each race.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import numpy as np
import torch
from numpy.typing import NDArray

from matmul_demo import workloads
from matmul_demo.errors import RaceError
from matmul_demo.lanes.strategy import Strategy, to_numpy
from matmul_demo.machine import accelerator, processor, roofline
from matmul_demo.racing import disturbance, report, timing
from matmul_demo.racing.disturbance import Loss, LossMeter, Spoiled
from matmul_demo.racing.process import Plan, Progress

MIN_SHARE = 0.05  # seconds for a lane when the budget is spent: every lane gets a time
PODIUM_SHARE = 0.1  # of the budget, for the leaders in turns
AGAIN_SHARE = 0.25  # the same when spoiled lanes run once more, too
LEADERS = 3
REFERENCE_ROWS = 4096  # converted to float64 at a time


def main() -> None:
    """Run each plan that is received, and end when the parent's end of the connection closes."""
    _prefer_to_be_killed()
    connection = Connection(int(sys.argv[1]))
    plans: SimpleQueue[Plan] = SimpleQueue()
    Thread(target=_receive, args=(connection, plans), daemon=True).start()
    try:
        while True:
            run(plans.get(), connection.send)
    except RaceError as error:
        connection.send(error)
    except BrokenPipeError:
        pass  # the parent is gone; nobody waits for the rest


def run(plan: Plan, send: Callable[[object], None]) -> None:
    """Measure the machine, then time each lane and send what becomes of it."""
    matrices = workloads.make_matrices(plan.workload)
    limits = plan.limits or roofline.measure_machine(plan.workload, plan.threads)
    runner = LaneRunner(plan.workload, matrices)
    send(Progress(machine=limits, data=matrices.data))
    ladder = {lane.key: lane for lane in importlib.import_module(plan.ladder).LADDER}
    neighbours = processor.NeighbourWatch()
    times = dict(plan.earlier)
    outcomes: dict[str, report.Outcome] = {}
    budget = max(plan.deadline - time.monotonic(), 0.0)
    runnable = [key for key in plan.lanes if not ladder[key].unavailable(plan.workload.device)]
    for key in plan.lanes:
        spoiled = any(outcome.spoiled for outcome in outcomes.values())
        later = budget * (AGAIN_SHARE if spoiled else PODIUM_SHARE)
        left = plan.deadline - later - time.monotonic()
        share = max(left / max(len(runnable), 1), MIN_SHARE)
        runnable = [other for other in runnable if other != key]
        send(Progress(running=key, neighbours=neighbours.busy()))
        watch = processor.NeighbourWatch()
        outcome = runner.run(ladder[key], share)
        # a lane may be over before the system has counted who else was busy; the race is not
        outcome = sift(outcome, max(watch.busy(), neighbours.busy()), watch.stolen())
        outcomes[key] = replace(outcome, neighbours=watch.busy())
        send(outcomes[key])
        if outcome.leads(ladder[key], plan.workload):
            times[key] = outcome.counted()
    leaders = sorted(times, key=times.__getitem__)[:LEADERS]
    leaders = leaders if leaders[1:] else []
    left = max(plan.deadline - time.monotonic(), MIN_SHARE)
    turns = run_again(runner, ladder, leaders, outcomes, times, left, send)
    send(Progress(turns=turns, neighbours=neighbours.busy()))


def sift(outcome: report.Outcome, neighbours: float, stolen: float) -> report.Outcome:
    """The outcome without the samples that others disturbed, or marked as spoiled."""
    samples = outcome.timing
    if samples is None:
        return outcome
    verdict = disturbance.judge(samples.samples, samples.losses, neighbours, stolen)
    kept = replace(samples, samples=verdict.samples, disturbed=verdict.disturbed, losses=())
    return replace(outcome, timing=kept, spoiled=verdict.spoiled)


def run_again(
    runner: LaneRunner,
    ladder: Mapping[str, Strategy],
    leaders: list[str],
    outcomes: Mapping[str, report.Outcome],
    times: Mapping[str, float],
    budget: float,
    send: Callable[[object], None],
) -> dict[str, tuple[float, ...]]:
    """Run leaders and spoiled lanes in turns; send the outcomes that change by it.

    Returns:
        Leader → seconds for each call; nothing where others disturbed the turns.
    """
    parts = {key: one.timing.part for key, one in outcomes.items() if one.timing}
    again = {key: times[key] for key in leaders}
    again |= spoiled_times(outcomes, leaders, budget)
    if not again:
        return {}
    watch = processor.NeighbourWatch()
    turns, trusted = {}, True
    for key, pairs in runner.take_turns(
        [ladder[key] for key in again], again, budget, parts
    ).items():
        samples, losses = zip(*pairs, strict=True)
        verdict = disturbance.judge(samples, losses, watch.busy(), watch.stolen())
        if key in leaders:
            turns[key] = verdict.samples
        before = outcomes.get(key)
        if before and before.spoiled:
            send(after_turns(before, verdict))
        if key in leaders and verdict.spoiled and verdict.spoiled.cause != "uneven":
            trusted = False  # the leaders' own medians are better; uneven turns are a tie
    return turns if trusted else {}


def spoiled_times(
    outcomes: Mapping[str, report.Outcome], leaders: list[str], budget: float
) -> dict[str, float]:
    """Spoiled lanes that can run `MIN_CLEAN` times more, quickest first; seconds of a call."""
    spoiled = {
        key: outcome.counted() for key, outcome in outcomes.items()
        if outcome.spoiled and outcome.status == "ok" and key not in leaders
    }  # fmt: skip
    chosen: dict[str, float] = {}
    left = budget / disturbance.MIN_CLEAN
    for key, seconds in sorted(spoiled.items(), key=lambda pair: pair[1]):
        left -= 2 * max(seconds, timing.MIN_BLOCK) + timing.REST_STEP
        if left > 0:
            chosen[key] = seconds
    return chosen


def after_turns(before: report.Outcome, verdict: disturbance.Verdict) -> report.Outcome:
    """What becomes of a lane that ran once more: the new samples, or all of them and why not."""
    assert before.timing is not None
    disturbed = before.timing.disturbed + verdict.disturbed
    if verdict.spoiled is None:
        kept = replace(before.timing, samples=verdict.samples, disturbed=disturbed)
        return replace(before, timing=kept, spoiled=None)
    reason = f"{verdict.spoiled.reason} It was run again in turns, and stayed so."
    samples = before.timing.samples + verdict.samples
    kept = replace(before.timing, samples=samples, disturbed=disturbed)
    return replace(before, timing=kept, spoiled=Spoiled(verdict.spoiled.cause, reason))


class LaneRunner:
    """Runs lanes on one workload and judges their results."""

    def __init__(self, workload: workloads.Workload, matrices: workloads.Matrices) -> None:
        self.workload = workload
        self.matrices = matrices
        self.reference = reference_product(matrices)
        self.meter = LossMeter()

    def run(self, lane: Strategy, budget: float) -> report.Outcome:
        """Time one lane within `budget` seconds and compare its result with the reference."""
        reason = lane.unavailable(self.workload.device)
        if reason:
            return report.Outcome(lane.key, "unavailable", reason=reason)
        full = timing.Part(self.workload.rows, self.workload.columns)
        parts = {
            "element": timing.Part(1, 1), "row": timing.Part(1, full.columns), "whole": full,
        }  # fmt: skip
        try:
            prepare, smallest = self._preparer(lane), parts[lane.smallest_part]
            timing.rest()  # threads of the lane before may still spin
            with lane.setting():
                samples = timing.measure(
                    prepare, full, budget, smallest, self._stopwatch(lane), self.meter
                )
                result = to_numpy(prepare(samples.part)())
        except MemoryError:
            reason = "It needed more memory than there is."
            return report.Outcome(lane.key, "stopped", reason=reason)
        except Exception as error:  # a lane's own fault must not end the race
            reason = f"It failed with {type(error).__name__}: {str(error)[:200]}"
            return report.Outcome(lane.key, "stopped", reason=reason)
        return self.judge(lane, samples, result)

    def judge(
        self, lane: Strategy, samples: timing.Timing, result: NDArray[np.float64]
    ) -> report.Outcome:
        """Right or wrong: the relative Frobenius error against the reference [rows, columns]."""
        part = samples.part
        expected = self.reference[: part.rows, : part.columns]
        if result.shape != expected.shape:
            reason = f"The result has the shape {result.shape} instead of {expected.shape}."
            return report.Outcome(lane.key, "wrong", samples, None, reason)
        error = float(np.linalg.norm(result - expected) / (np.linalg.norm(expected) or 1.0))
        if not np.isfinite(error):
            reason = "The result holds NaN or infinite numbers."
            return report.Outcome(lane.key, "wrong", samples, None, reason)
        allowed = workloads.tolerance(self.workload, lane.numbers)
        if error > allowed:
            reason = f"The relative error is {error:.1e}; rounding explains at most {allowed:.1e}."
            return report.Outcome(lane.key, "wrong", samples, error, reason)
        return report.Outcome(lane.key, "ok", samples, error, self._remark(part))

    def take_turns(
        self,
        lanes: list[Strategy],
        times: Mapping[str, float],
        budget: float,
        parts: Mapping[str, timing.Part] | None = None,
    ) -> dict[str, tuple[tuple[float, Loss], ...]]:
        """Time lanes in turns; `times` are their seconds so far, on `parts` or the whole of C."""
        whole = timing.Part(self.workload.rows, self.workload.columns)
        samplers = {
            lane.key: self._sampler(lane, (parts or {}).get(lane.key, whole), times[lane.key])
            for lane in lanes
        }
        self.meter.refresh()
        return timing.take_turns(samplers, budget)

    def _sampler(
        self, lane: Strategy, part: timing.Part, seconds: float
    ) -> Callable[[], tuple[float, Loss]]:
        """A function that times one block of a lane whose call takes about `seconds`."""
        call = self._preparer(lane)(part)
        stopwatch = self._stopwatch(lane)
        quickest = seconds

        def sample() -> tuple[float, Loss]:
            nonlocal quickest
            timing.rest()
            calls = stopwatch.calls(quickest)
            with lane.setting():
                sample, loss = self.meter.watch(lambda: stopwatch.woken_block(call, calls))
            if sample < quickest / 2:  # what was timed before had to wait
                quickest = sample
            return sample, loss

        return sample

    def _preparer(self, lane: Strategy) -> Callable[[timing.Part], Callable[[], object]]:
        """For a part of C, the call that computes it; A and B are converted before."""
        multiply = lane.multiply

        def prepare(part: timing.Part) -> Callable[[], object]:
            a, b = lane.convert(self.matrices.a[: part.rows], self.matrices.b[:, : part.columns])
            return lambda: multiply(a, b)

        return prepare

    def _stopwatch(self, lane: Strategy) -> timing.Stopwatch:
        """The clock of a lane, and what precedes each of its blocks."""
        if lane.clock == "kernel":
            return timing.Stopwatch(now=accelerator.event_clock())
        if lane.clock == "launch":
            return timing.Stopwatch(before=torch.cuda.synchronize)
        if self.workload.cache == "cold" and lane.device == "cpu":
            return timing.Stopwatch(before=_cache_emptier(), one_by_one=True)
        return timing.WALL

    def _remark(self, part: timing.Part) -> str | None:
        rows, columns = self.workload.rows, self.workload.columns
        if part.columns < columns:
            return f"Estimated from {part.columns:,} of {columns:,} elements of one row."
        return f"Estimated from {part.rows:,} of {rows:,} rows." if part.rows < rows else None


@functools.cache
def _cache_emptier() -> Callable[[], object]:
    """A function that fills the caches of all processors with other numbers."""
    other = torch.zeros(2 * processor.caches()[-1].bytes // 4)
    return lambda: other.add_(1)


def reference_product(matrices: workloads.Matrices) -> NDArray[np.float64]:
    """A · B in float64, [rows, columns]; A is converted a block of rows at a time."""
    b = matrices.b.astype(np.float64)
    product = np.empty((len(matrices.a), b.shape[1]))
    for start in range(0, len(product), REFERENCE_ROWS):
        rows = slice(start, start + REFERENCE_ROWS)
        np.matmul(matrices.a[rows].astype(np.float64), b, out=product[rows])
    return product


def _receive(connection: Connection, plans: SimpleQueue[Plan]) -> None:
    """Queue the plans that come; when the parent has gone, end whatever runs."""
    try:
        while True:
            plans.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _prefer_to_be_killed() -> None:
    """When memory runs out, Linux shall end this process and not the app."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        pass  # another system, or not allowed: then the kernel chooses


if __name__ == "__main__":
    main()
