"""The process in which lanes run, so that one of them can be stopped, or die, without the app.

`process` starts it as `python -m matmul_demo.racing.worker FD`. FD is its end of a socket pair: one
`Plan` after another comes in; `RaceStart`, `LaneStart` and `Outcome` go out. It is a program of its
own and not a `multiprocessing.Process`, because that would import the main program again, and with
it Gradio, every model library and the whole page, before each race.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import time
from collections.abc import Callable
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
from matmul_demo.racing import report, timing
from matmul_demo.racing.process import LaneStart, NeighbourLoad, Plan, Podium, RaceStart, Refusal

MIN_SHARE = 0.05  # seconds for a lane when the budget is spent: every lane gets a time
PODIUM_SHARE = 0.1  # of the budget, for the leaders in turns
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
        connection.send(Refusal(str(error)))
    except BrokenPipeError:
        pass  # the parent is gone; nobody waits for the rest


def run(plan: Plan, send: Callable[[object], None]) -> None:
    """Measure the machine, then time each lane and send what becomes of it."""
    matrices = workloads.make_matrices(plan.workload)
    limits = plan.limits or roofline.measure_machine(plan.workload, plan.threads)
    reference = reference_product(matrices)
    send(RaceStart(limits, matrices.data))
    ladder = {lane.key: lane for lane in importlib.import_module(plan.ladder).LADDER}
    neighbours = processor.NeighbourWatch()
    times = dict(plan.earlier)
    podium_share = PODIUM_SHARE * max(plan.deadline - time.monotonic(), 0.0)
    runnable = [key for key in plan.lanes if not ladder[key].unavailable(plan.workload.device)]
    for key in plan.lanes:
        left = plan.deadline - podium_share - time.monotonic()
        share = max(left / max(len(runnable), 1), MIN_SHARE)
        runnable = [other for other in runnable if other != key]
        send(LaneStart(key))
        watch = processor.NeighbourWatch()
        outcome = run_lane(ladder[key], plan.workload, matrices, reference, share)
        send(NeighbourLoad(neighbours.busy()))
        send(replace(outcome, neighbours=watch.busy()))
        if outcome.leads(ladder[key], plan.workload):
            times[key] = outcome.median()
    leaders = [ladder[key] for key in sorted(times, key=times.__getitem__)[:LEADERS]]
    budget = max(plan.deadline - time.monotonic(), MIN_SHARE)
    again = run_podium(leaders, plan.workload, matrices, times, budget) if leaders[1:] else {}
    send(Podium(again))


def run_podium(
    leaders: list[Strategy],
    workload: workloads.Workload,
    matrices: workloads.Matrices,
    times: dict[str, float],
    budget: float,
) -> dict[str, tuple[float, ...]]:
    """Time the leaders in turns; `times` are their seconds so far."""
    samplers = {lane.key: _sampler(lane, workload, matrices, times[lane.key]) for lane in leaders}
    return timing.take_turns(samplers, budget)


def _sampler(
    lane: Strategy,
    workload: workloads.Workload,
    matrices: workloads.Matrices,
    seconds: float,
) -> Callable[[], float]:
    """A function that times one block of a lane whose call takes about `seconds`."""
    call = _preparer(lane, matrices)(timing.Part(workload.rows, workload.columns))
    stopwatch = _stopwatch(lane, workload)
    calls = stopwatch.calls(seconds)

    def sample() -> float:
        with lane.setting():
            return stopwatch.rested_block(call, calls)

    return sample


def _preparer(
    lane: Strategy, matrices: workloads.Matrices
) -> Callable[[timing.Part], Callable[[], object]]:
    """For a part of C, the call that computes it; A and B are converted before."""

    def prepare(part: timing.Part) -> Callable[[], object]:
        a, b = lane.convert(matrices.a[: part.rows], matrices.b[:, : part.columns])
        multiply = lane.multiply
        return lambda: multiply(a, b)

    return prepare


def _stopwatch(lane: Strategy, workload: workloads.Workload) -> timing.Stopwatch:
    """The clock of a lane, and what precedes each of its blocks."""
    if lane.clock == "kernel":
        return timing.Stopwatch(now=accelerator.event_clock())
    if lane.clock == "launch":
        return timing.Stopwatch(before=torch.cuda.synchronize)
    if workload.cache == "cold" and lane.device == "cpu":
        return timing.Stopwatch(before=_cache_emptier(), one_by_one=True)
    return timing.WALL


@functools.cache
def _cache_emptier() -> Callable[[], object]:
    """A function that fills the caches of all processors with other numbers."""
    other = torch.zeros(2 * processor.last_cache_bytes() // 4)
    return lambda: other.add_(1)


def run_lane(
    lane: Strategy,
    workload: workloads.Workload,
    matrices: workloads.Matrices,
    reference: NDArray[np.float64],
    budget: float,
) -> report.Outcome:
    """Time one lane within `budget` seconds and compare its result with the reference."""
    reason = lane.unavailable(workload.device)
    if reason:
        return report.Outcome(lane.key, "unavailable", reason=reason)
    full = timing.Part(workload.rows, workload.columns)
    smallest = {
        "element": timing.Part(1, 1),
        "row": timing.Part(1, workload.columns),
        "whole": full,
    }[lane.smallest_part]
    try:
        prepare = _preparer(lane, matrices)
        timing.rest()  # threads of the lane before may still spin
        with lane.setting():
            timed = timing.measure(prepare, full, budget, smallest, _stopwatch(lane, workload))
            result = to_numpy(prepare(timed.part)())
    except MemoryError:
        return report.Outcome(lane.key, "stopped", reason="It needed more memory than there is.")
    except Exception as error:  # a lane's own fault must not end the race
        reason = f"It failed with {type(error).__name__}: {str(error)[:200]}"
        return report.Outcome(lane.key, "stopped", reason=reason)
    return judge(lane, timed, result, reference, workload)


def judge(
    lane: Strategy,
    timed: timing.Timing,
    result: NDArray[np.float64],
    reference: NDArray[np.float64],
    workload: workloads.Workload,
) -> report.Outcome:
    """Right or wrong: the relative Frobenius error against the reference [rows, columns]."""
    key = lane.key
    expected = reference[: timed.part.rows, : timed.part.columns]
    if result.shape != expected.shape:
        reason = f"The result has the shape {result.shape} instead of {expected.shape}."
        return report.Outcome(key, "wrong", timed, None, reason)
    error = float(np.linalg.norm(result - expected) / (np.linalg.norm(expected) or 1.0))
    if not np.isfinite(error):
        return report.Outcome(
            key, "wrong", timed, None, "The result holds NaN or infinite numbers."
        )
    allowed = report.tolerance(workload, lane.numbers)
    if error > allowed:
        reason = f"The relative error is {error:.1e}; rounding explains at most {allowed:.1e}."
        return report.Outcome(key, "wrong", timed, error, reason)
    return report.Outcome(key, "ok", timed, error, _remark(timed.part, workload))


def _remark(part: timing.Part, workload: workloads.Workload) -> str | None:
    if part.columns < workload.columns:
        return f"Estimated from {part.columns:,} of {workload.columns:,} elements of one row."
    if part.rows < workload.rows:
        return f"Estimated from {part.rows:,} of {workload.rows:,} rows."
    return None


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
