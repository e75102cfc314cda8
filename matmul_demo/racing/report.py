"""Samples → the figures shown: median, IQR, GFLOP/s, part of the floor, speed-up, error."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from matmul_demo.lanes.strategy import Strategy
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.disturbance import LOST_SHARE, Spoiled
from matmul_demo.racing.timing import Timing
from matmul_demo.workloads import Workload, tolerance

Status = Literal["ok", "wrong", "unavailable", "stopped"]
Phase = Literal["waiting", "queued", "starting", "racing", "done", "stopped"]

NUMBER_BYTES = {
    "float64": 8, "float16": 2, "bfloat16": 2, "int8": 1, "tf32": 4, "float32 as bfloat16": 4,
}  # fmt: skip


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
        spoiled: why the samples cannot be trusted, after another run in turns; else None.
    """

    strategy: str
    status: Status
    timing: Timing | None = None
    relative_error: float | None = None
    reason: str | None = None
    neighbours: float | None = None
    spoiled: Spoiled | None = None

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

    def counted(self) -> float:
        """Seconds to rank by: the median, or of spoiled samples the fastest."""
        return min(self.timing.samples) if self.timing and self.spoiled else self.median()


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
    `fastest_seconds` is the fastest sample; `disturbed` counts the samples that were left out
    because others disturbed them; `spoiled` is a word for what spoils the rest, `spoiled_reason` a
    sentence: such a lane is ranked, and its `speedup` counted, by its fastest sample.
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
    fastest_seconds: float | None = None
    disturbed: int = 0
    spoiled: str | None = None
    spoiled_reason: str | None = None

    @property
    def alone_seconds(self) -> float | None:
        """What factors between lanes are counted by: the median, or the fastest if spoiled."""
        return self.fastest_seconds if self.spoiled else self.seconds

    @property
    def counted_seconds(self) -> float | None:
        """What the lane is ranked by: its median in turns or alone, or its fastest if spoiled."""
        return self.fastest_seconds if self.spoiled else self.podium_seconds or self.seconds


@dataclass(frozen=True)
class RaceReport:
    """The race so far; a new one after each event.

    Attributes:
        workload: what is multiplied.
        threads: size of every thread pool.
        lanes: all lanes of the race in ladder order, finished or not.
        outcomes: of the lanes that are finished.
        phase: where the race stands.
        machine: the limits; None until they are measured.
        data: where the matrices come from; None until they are filled.
        running: key of the lane that runs now.
        neighbours: processors that other programs kept busy during the race, on average.
        baseline: key of the lane that the speed-ups are over; the first right one where this one
            has no right result.
        turns: lane → seconds for each call when the leaders were run once more in turns; None
            before that.
    """

    workload: Workload
    threads: int
    lanes: tuple[Strategy, ...]
    outcomes: tuple[Outcome, ...] = ()
    phase: Phase = "waiting"
    machine: Machine | None = None
    data: str | None = None
    running: str | None = None
    neighbours: float | None = None
    baseline: str | None = None
    turns: dict[str, tuple[float, ...]] | None = None

    @functools.cached_property
    def results(self) -> tuple[Result, ...]:
        """The figures of the lanes that are finished, in ladder order."""
        by_key = {outcome.strategy: outcome for outcome in self.outcomes}
        pairs = [(lane, by_key[lane.key]) for lane in self.lanes if lane.key in by_key]
        right = [outcome for _, outcome in pairs if outcome.status == "ok"]
        right.sort(key=lambda outcome: outcome.strategy != self.baseline)  # stable: else the first
        return tuple(self._result(*pair, right[0] if right else None) for pair in pairs)

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
        conditions; of spoiled samples the fastest counts. A clock that stops when the work is
        queued gives no time of the product.
        """
        timed = {lane.key for lane in self.lanes if lane.clock != "launch"}
        valid = [
            result
            for result in self.results
            if result.status == "ok" and not result.reduced_precision and result.strategy in timed
        ]
        doubt = any(result.spoiled for result in valid)  # then the podium may lack the fastest
        return sorted(
            valid, key=lambda r: (not doubt and r.podium_seconds is None, r.counted_seconds)
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
            "date": date.today().isoformat(),  # when it was saved; ghosts are told apart by it
            "machine": asdict(self.machine) if self.machine else None,
            "neighbours": self.neighbours,
            "floor_seconds": self.floor_seconds,
            "results": [asdict(result) for result in self.results],
        }

    def _result(self, lane: Strategy, outcome: Outcome, baseline: Outcome | None) -> Result:
        seconds, quartiles = self._whole(outcome.timing)
        valid = seconds if outcome.status == "ok" else None
        base = self._counted(baseline) if baseline else None
        timing, floor = outcome.timing, self._floor(lane)
        reduced = bool(valid) and (outcome.relative_error or 0.0) > tolerance(self.workload)
        compared = lane.device != "cpu" or not reduced  # a GPU's floor is that of its own numbers
        turns = (self.turns or {}).get(lane.key, ())
        again, spread = median_and_quartiles(turns)
        cells = self.workload.rows * self.workload.columns
        moved = self.workload.elements * _itemsize(lane, self.workload)
        return Result(
            strategy=lane.key,
            library=lane.library,
            seconds=seconds,
            iqr_seconds=quartiles[1] - quartiles[0] if quartiles else None,
            quartile_seconds=quartiles,
            samples=len(timing.samples) if timing else 0,
            gflops=self.workload.flop / valid / 1e9 if valid else None,
            floor_fraction=floor / valid if valid and floor and compared else None,
            speedup=base / self._counted(outcome) if valid and base else None,
            baseline=baseline.strategy if valid and baseline else None,
            relative_error=outcome.relative_error,
            estimated=timing is not None and timing.part.cells < cells,
            rows_measured=timing.part.rows if timing else 0,
            first_call_seconds=timing.first_call_seconds if timing else None,
            status=outcome.status,
            reason=outcome.reason,
            gbs=moved / valid / 1e9 if valid else None,
            reduced_precision=reduced,
            neighbours=outcome.neighbours,
            podium_seconds=again,
            podium_iqr_seconds=spread[1] - spread[0] if spread else None,
            processors=timing.processors if timing and lane.device == "cpu" else None,
            fastest_seconds=self._fastest(timing, turns),
            disturbed=timing.disturbed if timing else 0,
            spoiled=outcome.spoiled.cause if outcome.spoiled else None,
            spoiled_reason=outcome.spoiled.reason if outcome.spoiled else None,
        )

    def _whole(self, timing: Timing | None) -> tuple[float | None, tuple[float, float] | None]:
        """Median and quartiles in seconds, scaled from the part to the whole of C."""
        if timing is None:
            return None, None
        scale = self._scale(timing)
        return median_and_quartiles([sample * scale for sample in timing.samples])

    def _scale(self, timing: Timing) -> float:
        """How many times the part that was timed fits into C."""
        return self.workload.rows * self.workload.columns / timing.part.cells

    def _counted(self, outcome: Outcome) -> float:
        """Seconds of the whole of C that speed-ups are counted by."""
        return outcome.counted() * self._scale(outcome.timing) if outcome.timing else math.inf

    def _fastest(self, timing: Timing | None, turns: tuple[float, ...]) -> float | None:
        """The fastest sample in seconds, alone or in turns, scaled to the whole of C."""
        if timing is None:
            return None
        return min((*(sample * self._scale(timing) for sample in timing.samples), *turns))

    def _floor(self, lane: Strategy) -> float | None:
        """The time that no method can beat where this lane runs; None where it is not known."""
        if lane.device == "cpu":
            return self.floor_seconds
        gpu = self.machine.gpu if self.machine else None
        if gpu is None or lane.clock == "launch":
            return None
        numbers = lane.numbers or self.workload.dtype
        return gpu.floor_seconds(self.workload, numbers, _itemsize(lane, self.workload))


@dataclass(frozen=True)
class Winner:
    """Who won; what chart, podium and sentence say of it comes from here.

    Attributes:
        leaders: the fastest lane, and after it those that cannot be told from it; none while the
            race is under way, after Stop, and without a right result.
        baseline: the lane that `factor` is over; None where it is itself a leader.
        factor: how many times faster the first leader is.
    """

    leaders: tuple[Result, ...] = ()
    baseline: Result | None = None
    factor: float | None = None

    @property
    def is_tie(self) -> bool:
        """Whether the runs leave open which of several lanes is the fastest."""
        return len(self.leaders) > 1


def winner(report: RaceReport) -> Winner:
    """Who won, by the runs in turns; a lane within their spread of the fastest ties with it."""
    ranking = report.ranking()
    if report.phase != "done" or not ranking:
        return Winner()
    best = ranking[0]
    leaders = (best, *(one for one in report.podium() if one is not best and _ties(best, one)))
    baseline = report.result(best.baseline or "")
    if baseline is None or baseline in leaders:
        return Winner(leaders)
    if best.counted_seconds and baseline.podium_seconds and baseline.counted_seconds:
        return Winner(leaders, baseline, baseline.counted_seconds / best.counted_seconds)
    return Winner(leaders, baseline, best.speedup)


def _ties(best: Result, other: Result) -> bool:
    gap = (other.counted_seconds or math.inf) - (best.counted_seconds or 0.0)
    return gap < max(_spread(best), _spread(other))


def _spread(result: Result) -> float:
    """Seconds by which two lanes must differ; of spoiled samples the quartiles say nothing."""
    if result.spoiled:
        return LOST_SHARE * (result.fastest_seconds or 0.0)
    return result.podium_iqr_seconds or 0.0


def median_and_quartiles(
    samples: Sequence[float],
) -> tuple[float | None, tuple[float, float] | None]:
    """The middle of the samples and of both halves; None where there are too few."""
    if len(samples) < 2:
        return (samples[0] if samples else None), None
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return median, (low, high)


def _itemsize(lane: Strategy, workload: Workload) -> int:
    """Bytes of each number that the lane multiplies."""
    return NUMBER_BYTES.get(lane.numbers or "", np.dtype(workload.dtype).itemsize)
