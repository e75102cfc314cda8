"""Do our clocks agree with others'? Our median over that of torch's Timer and over timeit's.

The three take turns on the same call in the same process, so that what slows the machine slows all
of them. Then three lanes of loops, extrapolated from growing parts of the rows as in a race,
against a full run on 1,000 rows; estimate and full run take turns too. Last, how long Stop takes:
from the call in the middle of a slow lane until its worker is gone and the last report has come.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.machine.processor import available_threads, thread_environment

os.environ.update(thread_environment(available_threads()))  # read when the libraries are loaded

from torch.utils.benchmark import Timer

from matmul_demo import workloads
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.options import Settings
from matmul_demo.racing import race, timing

LANES = (
    "naive_lists", "elementwise_numpy", "dot_numpy", "broadcast_torch", "numba_ijk",
    "einsum_numpy", "matmul_numpy", "matmul_torch",
)  # fmt: skip
ROUNDS = 25
SECONDS = 0.1  # for each clock in each round: short, so that the three meet the same machine
EXTRAPOLATED = ("naive_lists", "naive_numpy", "elementwise_torch")
ROWS = 1000
ESTIMATE_BUDGET = 1.0  # seconds; the full runs take up to ten times as long
TURNS = 9
STOPS = 5


def ours(call: Callable[[], object]) -> float:
    """Median of our own samples, in seconds."""
    whole = timing.Part(1, 1)
    return statistics.median(timing.measure(lambda _: call, whole, SECONDS, whole).samples)


def torch_timer(call: Callable[[], object]) -> float:
    """Median of torch's blocked autorange, with the threads of the race instead of one."""
    timer = Timer("call()", globals={"call": call}, num_threads=available_threads())
    return timer.blocked_autorange(min_run_time=SECONDS).median


def plain_timeit(call: Callable[[], object]) -> float:
    """Median of seven runs of timeit."""
    timer = timeit.Timer(call)
    number, seconds = timer.autorange()
    number = max(1, round(number * SECONDS / 7 / seconds))
    return statistics.median(timer.repeat(7, number)) / number


def ratios(call: Callable[[], object]) -> dict[str, float]:
    """Our median over the others' of the same round, as the median over rounds; they take turns."""
    clocks = (ours, torch_timer, plain_timeit)
    rounds = []
    for turn in range(ROUNDS):
        told = {clock: clock(call) for clock in clocks[turn % 3 :] + clocks[: turn % 3]}
        rounds.append([told[clock] for clock in clocks])
    return {
        "seconds": statistics.median(mine for mine, _, _ in rounds),
        "over_torch_timer": statistics.median(mine / torchs for mine, torchs, _ in rounds),
        "over_timeit": statistics.median(mine / plain for mine, _, plain in rounds),
    }


def extrapolated_over_full(key: str) -> dict[str, float]:
    """A lane's estimate for 1,000 rows over the time of all of them, the median of a few turns."""
    matrices = workloads.make_matrices(workloads.Workload(ROWS, 784, 10))
    lane = next(lane for lane in LADDER if lane.key == key)
    full = timing.Part(ROWS, 10)

    def prepare(part: timing.Part) -> Callable[[], object]:
        a, b = lane.convert(matrices.a[: part.rows], matrices.b[:, : part.columns])
        return lambda: lane.multiply(a, b)

    ratios, rows = [], []
    for _ in range(TURNS):
        timed = timing.measure(prepare, full, ESTIMATE_BUDGET, timing.Part(1, 1))
        estimate = statistics.median(timed.samples) * full.cells / timed.part.cells
        ratios.append(estimate / timing.Stopwatch().block(prepare(full), 1))
        rows.append(timed.part.rows)
    return {"rows_measured": statistics.median(rows), "over_full": statistics.median(ratios)}


def seconds_to_stop() -> float:
    """From Stop in the middle of a slow lane to the last report, the slowest of a few."""
    slowest = 0.0
    for _ in range(STOPS):
        contest = race.make_race(Settings("2048x2048x2048", ("naive_torch",), budget=60))
        reports = contest.run()
        next(report for report in reports if report.running)
        start = time.perf_counter()
        contest.stop()
        *_, last = reports
        slowest = max(slowest, time.perf_counter() - start)
        assert last.phase == "stopped"
    return slowest


def main() -> None:
    workload = workloads.Workload(*workloads.parse_shape(workloads.LESSON_BATCH))
    matrices = workloads.make_matrices(workload)
    results = {}
    print(f"{'lane':<18} {'ours':>10}  over torch's Timer  over timeit")
    for lane in (lane for lane in LADDER if lane.key in LANES):
        a, b = lane.convert(matrices.a, matrices.b)
        row = ratios(lambda lane=lane, a=a, b=b: lane.multiply(a, b))  # type: ignore[misc]
        results[lane.key] = row
        print(
            f"{lane.key:<18} {row['seconds'] * 1e6:7.1f} µs  {row['over_torch_timer']:18.3f}  "
            f"{row['over_timeit']:11.3f}"
        )
    estimates = {key: extrapolated_over_full(key) for key in EXTRAPOLATED}
    print(f"\n{'extrapolated lane':<18} rows measured of {ROWS:,}  over a full run")
    for key, row in estimates.items():
        print(f"{key:<18} {row['rows_measured']:22,.0f}  {row['over_full']:15.3f}")
    stop = seconds_to_stop()
    print(f"\nStop, the slowest of {STOPS}: {stop:.3f} s")
    report = {"shape": workload.shape, "lanes": results, "extrapolated": estimates}
    print(json.dumps({"benchmark": "race_honest", **report, "stop_seconds": stop}))


if __name__ == "__main__":
    main()
