"""How near our best float32 lane comes to the limit, and to NumPy's and torch's default `@`.

The physics first: the lesson's full shape is limited by memory (4.9 FLOP/byte), the squares of
1024 and 2048 by arithmetic (171 and 341 FLOP/byte). The lanes are timed in turns in one process for
each number of threads, so that a ratio holds whatever else slows the machine. A median tells what
happened meanwhile; the fastest run of each tells most of a machine whose neighbours never rest. In
the same turns multiply-adds that never leave the registers are timed, and, for the shape that
memory limits, one read of its matrices: what the machine gave meanwhile of its peak and of its
bandwidth, of which the floor knows the highest that were ever seen.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from matmul_demo.machine.processor import (
    NeighbourWatch,
    available_threads,
    cpu_name,
    thread_environment,
)

SHAPES = ("50000x784x10", "1024x1024x1024", "2048x2048x2048")
OURS = ("numba_streamed", "numba_blocked")
DEFAULTS = ("matmul_numpy", "matmul_torch")
SECONDS = 12.0  # for each shape and number of threads
ASKED = 0.7  # of the floor
BUSY = 0.1  # processors of others, from which on they explain what is missing
ALIKE = 0.7  # of two roofs, from which on both are in the way
CHAINS = "multiply-adds"
READ = "one read"
CHAINS_SECONDS = 0.02  # in each turn
FEW = 10.0  # FLOP/byte, below which memory limits every processor


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, help="in this process (default: 1, then all)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each shape")
    options = parser.parse_args()
    if options.threads:
        print(json.dumps(run(options.threads, options.seconds)))
        return
    counts = sorted({1, available_threads()})
    rows = [row for threads in counts for row in run_apart(threads, options.seconds)]
    print(table(rows))
    print(json.dumps({"benchmark": "race_limit", "machine": cpu_name(), "rows": rows}))


def run_apart(threads: int, seconds: float) -> list[dict[str, object]]:
    """A process of its own, because libraries size their pools when they are loaded."""
    environment = {**os.environ, **thread_environment(threads)}
    environment.pop("OPENBLAS_CORETYPE", None)  # it would choose another kernel than NumPy's own
    command = [sys.executable, __file__, "--threads", str(threads), "--seconds", str(seconds)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def run(threads: int, seconds: float) -> list[dict[str, object]]:
    """All shapes with so many threads; what comes out goes to stderr at once."""
    physics(threads)
    rows = []
    for shape in SHAPES:
        rows.append(measure(shape, threads, seconds))
        say(line(rows[-1]))
    return rows


def physics(threads: int) -> None:
    """What the machine can do at best, and what follows for each shape."""
    from matmul_demo import text, workloads
    from matmul_demo.machine import roofline

    for shape in SHAPES:
        workload = workloads.Workload(*workloads.parse_shape(shape))
        limits = roofline.measure_machine(workload, threads)
        floor = text.seconds_text(limits.floor_seconds(workload))
        intensity = workload.flop / workload.bytes_moved
        say(
            f"{shape}, {threads} thread(s): {intensity:.3g} FLOP/byte; peak "
            f"{limits.peak_gflops or 0:.0f} GFLOP/s, {limits.level} "
            f"{limits.bandwidth_gbs or 0:.1f} GB/s: floor {floor}"
        )


def measure(shape: str, threads: int, seconds: float) -> dict[str, object]:
    """The figures of one shape; the limits are looked at before and after."""
    from matmul_demo import workloads
    from matmul_demo.machine import limits, roofline

    workload = workloads.Workload(*workloads.parse_shape(shape))
    watch = NeighbourWatch()
    samples = sample(workload, threads, seconds)
    busy = watch.busy()
    now = limits.measure(workload.dtype, threads, limits.FIRST_LOOK)
    kept = limits.processor_limits(workload.dtype, threads).best_of(now)
    level = roofline.holds(kept.levels, workload)
    roofs = workload.flop / kept.peak_gflops / 1e9, workload.bytes_moved / level.gbs / 1e9
    floor = max(roofs)
    medians = {key: statistics.median(values) for key, values in samples.items()}
    fastest = {key: min(values) for key, values in samples.items()}
    best = min((key for key in OURS if key in medians), key=medians.__getitem__)
    return {
        "shape": shape,
        "threads": threads,
        "best": best,
        "seconds": medians,
        "fastest_seconds": fastest,
        "floor_seconds": floor,
        "roofs_ratio": min(roofs) / floor,
        "floor_fraction": floor / medians[best],
        "fastest_floor_fraction": floor / fastest[best],
        "times_numpy": medians["matmul_numpy"] / medians[best],
        "times_torch": medians["matmul_torch"] / medians[best],
        "fastest_times_numpy": fastest["matmul_numpy"] / fastest[best],
        "fastest_times_torch": fastest["matmul_torch"] / fastest[best],
        "of_chains": medians[CHAINS] / medians[best],
        "chains_of_peak": roofs[0] / medians[CHAINS],
        "of_read": medians[READ] / medians[best] if READ in medians else None,
        "fastest_of_read": fastest[READ] / fastest[best] if READ in medians else None,
        "neighbours": busy,
    }


def sample(workload: object, threads: int, seconds: float) -> dict[str, tuple[float, ...]]:
    """Seconds of each lane, and of the machine's own work of that size, taken in turns."""
    from matmul_demo import workloads
    from matmul_demo.lanes.ladder import LADDER
    from matmul_demo.machine import probe
    from matmul_demo.racing import timing

    assert isinstance(workload, workloads.Workload)
    matrices = workloads.make_matrices(workload)
    samplers: dict[str, Callable[[], float]] = {}
    for lane in LADDER:
        if lane.key not in OURS + DEFAULTS or lane.unavailable("cpu"):
            continue
        call = partial(lane.multiply, *lane.convert(matrices.a, matrices.b))
        timing.WALL.block(call, 1)  # compiles
        samplers[lane.key] = partial(timing.WALL.rested_block, call, 1)
    dtype = np.dtype(workload.dtype)
    samplers[CHAINS] = lambda: workload.flop / probe.peak(dtype, threads, CHAINS_SECONDS)
    if workload.flop / workload.bytes_moved < FEW:
        size = workload.bytes_moved
        samplers[READ] = lambda: size / probe.bandwidth(size, threads, CHAINS_SECONDS)
    return timing.take_turns(samplers, seconds)


def table(rows: list[dict[str, object]]) -> str:
    """All rows, and why a lane falls short."""
    head = (
        "| shape | threads | best of ours | median (fastest) | floor | of the floor | over NumPy "
        "| over torch | of multiply-adds meanwhile | of one read meanwhile |"
    )
    lines = [head, "|---" * 10 + "|", *map(line, rows)]
    reasons = [
        f"- {row['shape']}, {row['threads']} thread(s), {reason}"
        for row in rows
        if (reason := shortfall(row))
    ]
    return "\n".join([*lines, "", *reasons])


def line(row: dict[str, object]) -> str:
    """A row of the table: medians, and in brackets the fastest runs."""
    from matmul_demo.text import percent_text, seconds_text

    def both(name: str) -> str:
        return f"{row[f'times_{name}']:.2f} × ({row[f'fastest_times_{name}']:.2f})"

    def share(name: str) -> str:
        return percent_text(float(str(row[f"{name}floor_fraction"])))

    best = str(row["best"])
    medians, fastest = row["seconds"], row["fastest_seconds"]
    assert isinstance(medians, dict)
    assert isinstance(fastest, dict)
    floor = seconds_text(float(str(row["floor_seconds"])))
    shares = [row[name] for name in ("of_chains", "of_read", "fastest_of_read")]
    chains, *reads = (percent_text(float(str(one))) if one else "" for one in shares)
    read = "{} ({})".format(*reads) if all(reads) else ""
    return (
        f"| {row['shape']} | {row['threads']} | `{best}` | {seconds_text(medians[best])} "
        f"({seconds_text(fastest[best])}) | {floor} | {share('')} ({share('fastest_')}) | "
        f"{both('numpy')} | {both('torch')} | {chains} | {read} |"
    )


def shortfall(row: dict[str, object]) -> str | None:
    """Why a lane falls short of what is asked; None when it does not."""
    share, of_peak, of_chains, roofs, busy = (
        float(str(row[name]))
        for name in ("floor_fraction", "chains_of_peak", "of_chains", "roofs_ratio", "neighbours")
    )
    reasons = []
    if share < ASKED:
        if busy > BUSY:
            reasons.append(f"neighbours kept {busy:.2f} processors busy")
        if roofs > ALIKE:
            reasons.append(
                "arithmetic and memory alone take nearly as long, and overlap only in part"
            )
        if row["of_read"]:
            of_read = float(str(row["of_read"]))
            reasons.append(f"one read of the matrices took {of_read:.0%} of its time meanwhile")
        reasons.append(f"multiply-adds in registers ran at {of_peak:.0%} of their peak meanwhile")
    for name in ("NumPy", "torch"):
        ratio = float(str(row[f"times_{name.lower()}"]))
        if ratio <= 1:
            reasons.append(
                f"{name}'s `@` takes {ratio:.2f} of the time: it comes to {of_chains / ratio:.0%} "
                f"of what multiply-adds ran at meanwhile, ours to {of_chains:.0%}"
            )
    return "; ".join(reasons) or None


def say(text: str) -> None:
    """The table is for people; stdout carries the JSON between the processes."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
