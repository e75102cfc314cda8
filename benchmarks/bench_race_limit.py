"""How near our best float32 lane comes to the limit, and to NumPy's and torch's default `@`.

The physics first: the lesson's full shape is limited by memory (4.9 FLOP/byte), the squares of
1024 and 2048 by arithmetic (85 and 171 FLOP/byte). The lanes are timed in turns in one process, so
that a ratio holds whatever else slows the machine; the floor is measured there just before. Run it
on an idle machine.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.machine import available_threads, thread_environment

os.environ.update(thread_environment(available_threads()))  # read when the libraries are loaded

from matmul_demo import roofline, strategies, text, timing, workloads

SHAPES = (workloads.LESSON_FULL, "1024x1024x1024", "2048x2048x2048")
OURS = ("numba_transposed", "numba_streamed", "numba_blocked")
DEFAULTS = ("matmul_numpy", "matmul_torch")
BUDGET = 15.0  # seconds for each shape


def medians(workload: workloads.Workload) -> dict[str, float]:
    """Seconds of each lane, from samples taken in turns."""
    matrices = workloads.make_matrices(workload)
    stopwatch = timing.Stopwatch()
    samplers: dict[str, Callable[[], float]] = {}
    for lane in strategies.LADDER:
        if lane.key not in OURS + DEFAULTS or lane.unavailable("cpu"):
            continue
        call = partial(lane.multiply, lane.convert(matrices.a), lane.convert(matrices.b))
        stopwatch.block(call, 1)  # compiles
        samplers[lane.key] = partial(stopwatch.block, call, 1)
    samples = timing.take_turns(samplers, BUDGET)
    return {key: statistics.median(values) for key, values in samples.items()}


def measure(shape: str) -> dict[str, object]:
    """The figures of one shape."""
    workload = workloads.Workload(*workloads.parse_shape(shape))
    floor = roofline.measure_machine(workload, available_threads()).floor_seconds(workload)
    seconds = medians(workload)
    best = min((key for key in OURS if key in seconds), key=seconds.__getitem__)
    return {
        "shape": shape,
        "best": best,
        "seconds": seconds,
        "floor_seconds": floor,
        "floor_fraction": floor / seconds[best] if floor else None,
        "times_numpy": seconds["matmul_numpy"] / seconds[best],
        "times_torch": seconds["matmul_torch"] / seconds[best],
    }


def main() -> None:
    print(f"{'shape':>16}  {'best':<16} {'time':>8}  of the floor  over NumPy  over torch")
    shapes = []
    for shape in SHAPES:
        row = measure(shape)
        shapes.append(row)
        seconds, best = row["seconds"], str(row["best"])
        assert isinstance(seconds, dict)
        print(
            f"{shape:>16}  {best:<16} {text.seconds_text(seconds[best]):>8}  "
            f"{text.percent_text(row['floor_fraction']):>12}  "  # type: ignore[arg-type]
            f"{row['times_numpy']:9.2f}×  {row['times_torch']:9.2f}×"
        )
    print(json.dumps({"benchmark": "race_limit", "threads": available_threads(), "shapes": shapes}))


if __name__ == "__main__":
    main()
