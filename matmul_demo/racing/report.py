"""Samples → the figures shown: median, IQR, GFLOP/s, part of the floor, speed-up, error."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from matmul_demo.lanes.strategy import Strategy
from matmul_demo.machine.accelerator import Accelerator
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.timing import Timing
from matmul_demo.workloads import Workload

Status = Literal["ok", "wrong", "unavailable", "stopped"]
Phase = Literal["waiting", "queued", "starting", "racing", "done", "stopped"]

# Twice the rounding of a factor. Whole numbers up to 127 for a row whose peak is 5 times its root
# mean square, as in a normal row of a million: 2 · √2 · 5 / (127 · √12).
FACTOR_ROUNDING = {
    "tf32": 2**-9,
    "float16": 2**-9,
    "bfloat16": 2**-6,
    "float32 as bfloat16": 2**-6,
    "int8": 0.032,
}
NUMBER_BYTES = {
    "float64": 8,
    "float16": 2,
    "bfloat16": 2,
    "int8": 1,
    "tf32": 4,
    "float32 as bfloat16": 4,
}
ERROR_MARGIN = 8.0  # times the rounding error that a random walk of the sum would gather


@dataclass(frozen=True)
class Outcome:
    """What became of one lane, as the worker reports it.

    Attributes:
        strategy: key of the lane.
        status: "ok", "wrong", "unavailable" (cannot run here) or "stopped" (ended without result).
        timing: the samples; None where the lane did not finish.
        relative_error: Frobenius norm of the difference to the float64 product over the norm of
            that product, on the part that was computed.
        reason: a sentence when the status is not "ok", else a remark or None.
        neighbours: processors that other programs kept busy while the lane ran, on average.
    """

    strategy: str
    status: Status
    timing: Timing | None = None
    relative_error: float | None = None
    reason: str | None = None
    neighbours: float | None = None

    def leads(self, lane: Strategy, workload: Workload) -> bool:
        """Whether the lane may be run again for the podium: right, exact, timed in full."""
        if self.status != "ok" or self.timing is None or self.relative_error is None:
            return False
        if lane.clock == "launch":  # no time of a product
            return False
        full = self.timing.part.cells == workload.rows * workload.columns
        return full and self.relative_error <= tolerance(workload)

    def median(self) -> float:
        """Seconds for one call on the part that was timed."""
        return statistics.median(self.timing.samples) if self.timing else math.inf


@dataclass(frozen=True)
class Result:
    """One line of the table and of the JSON; times in seconds for the whole product.

    `quartile_seconds` bound the middle half of the samples and `iqr_seconds` is their distance;
    `samples` counts timed blocks; `floor_fraction` is floor / median, 1 at the physical limit;
    `speedup` is against `baseline`, which is the first lane of the race that is right unless
    another one was chosen; `gbs` are the bytes of A, B and C in 10⁹ per second. All are None where
    there is no valid time: a wrong result has its time, but no speed. `reduced_precision` says that
    the error is larger than the workload's own kind of number explains; on the processor such a
    lane is not held against the floor. `processors` is how many threads were busy, on average; None
    for lanes of the GPU. `podium_seconds` is the median when the leaders were run again in turns.
    """

    strategy: str
    library: str
    seconds: float | None
    iqr_seconds: float | None
    quartile_seconds: tuple[float, float] | None
    samples: int
    gflops: float | None
    floor_fraction: float | None
    speedup: float | None
    baseline: str | None
    relative_error: float | None
    estimated: bool
    rows_measured: int
    first_call_seconds: float | None
    status: Status
    reason: str | None
    gbs: float | None = None
    reduced_precision: bool = False
    neighbours: float | None = None
    podium_seconds: float | None = None
    podium_iqr_seconds: float | None = None
    processors: float | None = None


@dataclass(frozen=True)
class RaceReport:
    """The race so far; a new one after each event.

    Attributes:
        workload: what is multiplied.
        threads: size of every thread pool.
        lanes: all lanes of the race in ladder order, finished or not.
        results: of the lanes that are finished, in ladder order.
        phase: where the race stands.
        machine: the limits; None until they are measured.
        data: where the matrices come from; None until they are made.
        running: key of the lane that runs now.
        neighbours: processors that other programs kept busy during the race, on average.
    """

    workload: Workload
    threads: int
    lanes: tuple[Strategy, ...]
    results: tuple[Result, ...] = ()
    phase: Phase = "waiting"
    machine: Machine | None = None
    data: str | None = None
    running: str | None = None
    neighbours: float | None = None

    @property
    def floor_seconds(self) -> float | None:
        """The time that no method can beat on this machine; None until it is known."""
        return self.machine.floor_seconds(self.workload) if self.machine else None

    def result(self, key: str) -> Result | None:
        """The result of one lane, None while it has none."""
        return next((result for result in self.results if result.strategy == key), None)

    def lane_name(self, key: str) -> str:
        """Title and library of one lane."""
        return next(lane.name for lane in self.lanes if lane.key == key)

    def ranking(self) -> list[Result]:
        """The lanes with a right result in full precision, fastest first.

        What the leaders took in turns decides among them, because it is under the same
        conditions. A clock that stops when the work is queued gives no time of the product.
        """
        timed = {lane.key for lane in self.lanes if lane.clock != "launch"}
        valid = [
            result
            for result in self.results
            if result.status == "ok" and not result.reduced_precision and result.strategy in timed
        ]
        return sorted(
            valid, key=lambda r: (r.podium_seconds is None, r.podium_seconds or r.seconds)
        )

    def podium(self) -> list[Result]:
        """The leaders that were run again in turns, fastest first."""
        return [result for result in self.ranking() if result.podium_seconds]

    def to_json(self) -> dict[str, Any]:
        """The race as plain JSON types; nothing in it is NaN or infinite."""
        return {
            "shape": self.workload.shape,
            "dtype": self.workload.dtype,
            "device": self.workload.device,
            "threads": self.threads,
            "cache": self.workload.cache,
            "data": self.data,
            "machine": asdict(self.machine) if self.machine else None,
            "neighbours": self.neighbours,
            "floor_seconds": self.floor_seconds,
            "results": [asdict(result) for result in self.results],
        }


def tolerance(workload: Workload, numbers: str | None = None) -> float:
    """The largest relative Frobenius error that rounding explains.

    Rounding errors of a sum of n terms grow like a random walk, √n · ε (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, section 2.8), in whatever order it is summed. Factors
    of a `numbers` type of fewer digits are rounded first, which adds about one ε of that type; they
    are summed in float32.
    """
    rounded = FACTOR_ROUNDING.get(numbers or "", 0.0)
    kind = "float32" if rounded else numbers or workload.dtype
    return ERROR_MARGIN * math.sqrt(workload.inner) * float(np.finfo(kind).eps) + rounded


def summarise_outcomes(
    outcomes: Sequence[Outcome],
    lanes: Sequence[Strategy],
    workload: Workload,
    floor: float | None,
    baseline_key: str | None = None,
    podium: dict[str, tuple[float, ...]] | None = None,
    gpu: Accelerator | None = None,
) -> tuple[Result, ...]:
    """Turn outcomes into results, in the order of `lanes`; lanes without one are left out.

    `baseline_key` names the lane of the speed-ups; the first right one where it has no result.
    Lanes of the processor are held against `floor`, those of the GPU against its datasheet.
    """
    by_key = {outcome.strategy: outcome for outcome in outcomes}
    finished = [(lane, by_key[lane.key]) for lane in lanes if lane.key in by_key]
    valid = [outcome for _, outcome in finished if outcome.status == "ok"]
    baseline = next((o for o in valid if o.strategy == baseline_key), valid[0] if valid else None)
    results = (
        _result(lane, outcome, baseline, workload, _floor(lane, workload, floor, gpu))
        for lane, outcome in finished
    )
    return tuple(_with_podium(result, (podium or {}).get(result.strategy)) for result in results)


def _floor(
    lane: Strategy, workload: Workload, floor: float | None, gpu: Accelerator | None
) -> float | None:
    """The time that no method can beat where this lane runs; None where it is not known."""
    if lane.device == "cpu" or lane.clock == "launch":
        return floor if lane.device == "cpu" else None
    if gpu is None:
        return None
    return gpu.floor_seconds(workload, lane.numbers or workload.dtype, _itemsize(lane, workload))


def _itemsize(lane: Strategy, workload: Workload) -> int:
    """Bytes of each number that the lane multiplies."""
    return NUMBER_BYTES.get(lane.numbers or "", np.dtype(workload.dtype).itemsize)


def _with_podium(result: Result, samples: tuple[float, ...] | None) -> Result:
    if not samples:
        return result
    spread = None
    if len(samples) > 1:
        low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
        spread = high - low
    return replace(result, podium_seconds=statistics.median(samples), podium_iqr_seconds=spread)


def _result(
    lane: Strategy,
    outcome: Outcome,
    baseline: Outcome | None,
    workload: Workload,
    floor: float | None,
) -> Result:
    seconds, quartiles = _median_and_quartiles(outcome.timing, workload)
    valid = seconds if outcome.status == "ok" else None
    base, _ = _median_and_quartiles(baseline.timing if baseline else None, workload)
    timing = outcome.timing
    reduced = bool(valid) and (outcome.relative_error or 0.0) > tolerance(workload)
    held = lane.device != "cpu" or not reduced  # a GPU's floor is that of its kind of number
    return Result(
        strategy=lane.key,
        library=lane.library,
        seconds=seconds,
        iqr_seconds=quartiles[1] - quartiles[0] if quartiles else None,
        quartile_seconds=quartiles,
        samples=len(timing.samples) if timing else 0,
        gflops=workload.flop / valid / 1e9 if valid else None,
        floor_fraction=floor / valid if valid and floor and held else None,
        speedup=base / valid if valid and base else None,
        baseline=baseline.strategy if valid and baseline else None,
        relative_error=outcome.relative_error,
        estimated=timing is not None and timing.part.cells < workload.rows * workload.columns,
        rows_measured=timing.part.rows if timing else 0,
        first_call_seconds=timing.first_call_seconds if timing else None,
        status=outcome.status,
        reason=outcome.reason,
        gbs=workload.elements * _itemsize(lane, workload) / valid / 1e9 if valid else None,
        reduced_precision=reduced,
        neighbours=outcome.neighbours,
        processors=timing.processors if timing and lane.device == "cpu" else None,
    )


def _median_and_quartiles(
    timing: Timing | None, workload: Workload
) -> tuple[float | None, tuple[float, float] | None]:
    """Median and quartiles in seconds, scaled from the part to the whole of C."""
    if timing is None:
        return None, None
    scale = workload.rows * workload.columns / timing.part.cells
    samples = [sample * scale for sample in timing.samples]
    if len(samples) < 2:
        return samples[0], None
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return median, (low, high)
