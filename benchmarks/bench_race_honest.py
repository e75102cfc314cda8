"""Do our clocks agree with others'? Our median over that of torch's Timer and over timeit's.

The three take turns on the same call in the same process, so that what slows the machine slows all
of them. Then the naive lane: extrapolated from some rows, against a full run on 1,000 rows.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.machine import available_threads, thread_environment

os.environ.update(thread_environment(available_threads()))  # read when the libraries are loaded

from torch.utils.benchmark import Timer

from matmul_demo import strategies, timing, workloads

LANES = (
    "naive_lists", "elementwise_numpy", "dot_numpy", "broadcast_torch", "numba_ijk",
    "einsum_numpy", "matmul_numpy", "matmul_torch",
)  # fmt: skip
ROUNDS = 7
SECONDS = 0.3  # for each clock in each round
NAIVE_ROWS = 1000
NAIVE_BUDGET = 2.0  # seconds; the full run takes about four


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
    """Our median over the others', as the median over rounds in which the three take turns."""
    clocks = (ours, torch_timer, plain_timeit)
    samples: dict[str, list[float]] = {clock.__name__: [] for clock in clocks}
    for turn in range(ROUNDS):
        for clock in clocks[turn % 3 :] + clocks[: turn % 3]:
            samples[clock.__name__].append(clock(call))
    mine, torchs, plain = (statistics.median(samples[clock.__name__]) for clock in clocks)
    return {"seconds": mine, "over_torch_timer": mine / torchs, "over_timeit": mine / plain}


def extrapolated_over_full() -> float:
    """The naive lane's estimate for 1,000 rows over the time of all 1,000 rows."""
    workload = workloads.Workload(NAIVE_ROWS, 784, 10)
    matrices = workloads.make_matrices(workload)
    lane = next(lane for lane in strategies.LADDER if lane.key == "naive_lists")

    def prepare(part: timing.Part) -> Callable[[], object]:
        a, b = lane.convert(matrices.a[: part.rows]), lane.convert(matrices.b[:, : part.columns])
        return lambda: lane.multiply(a, b)

    full = timing.Part(NAIVE_ROWS, 10)
    part = timing.measure(prepare, full, NAIVE_BUDGET, timing.Part(1, 1))
    estimate = statistics.median(part.samples) * full.cells / part.part.cells
    print(f"naive_lists: {part.part.rows} of {NAIVE_ROWS} rows measured", file=sys.stderr)
    return estimate / timing.Stopwatch().block(prepare(full), 1)


def main() -> None:
    workload = workloads.Workload(*workloads.parse_shape(workloads.LESSON_BATCH))
    matrices = workloads.make_matrices(workload)
    results = {}
    print(f"{'lane':<18} {'ours':>10}  over torch's Timer  over timeit")
    for lane in (lane for lane in strategies.LADDER if lane.key in LANES):
        a, b = lane.convert(matrices.a), lane.convert(matrices.b)
        row = ratios(lambda lane=lane, a=a, b=b: lane.multiply(a, b))  # type: ignore[misc]
        results[lane.key] = row
        print(
            f"{lane.key:<18} {row['seconds'] * 1e6:7.1f} µs  {row['over_torch_timer']:18.3f}  "
            f"{row['over_timeit']:11.3f}"
        )
    naive = extrapolated_over_full()
    print(f"extrapolated naive over a full run on {NAIVE_ROWS:,} rows: {naive:.3f}")
    report = {"shape": workload.shape, "lanes": results, "extrapolated_over_full": naive}
    print(json.dumps({"benchmark": "race_honest", **report}))


if __name__ == "__main__":
    main()
