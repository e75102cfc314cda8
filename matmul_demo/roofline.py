"""What this machine can do at best, measured: the roof under which every lane runs.

The roofline model (Williams, Waterman and Patterson, 2009): no method can be faster than its
arithmetic at the processor's peak, nor than its data at the memory's bandwidth. The peak is taken
from chains of fused multiply-adds in registers, never from a library's own product: that is one
of the racers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Barrier, Thread

import numpy as np

from matmul_demo.kernels import HAVE_NUMBA, Array, jit
from matmul_demo.machine import cpu_name, last_cache_bytes
from matmul_demo.workloads import Workload

CHAINS, LENGTH = 4, 32  # independent vectors per step, multiply-adds on each
MEASURE_SECONDS = 0.3  # for each of the two; the best of many short runs counts
RUN_SECONDS = 3e-3
SMALLEST_BUFFER = 2**15  # bytes per thread; below this the loop's own overhead is measured
NO_NUMBA = "not measured: numba is not installed"


@dataclass(frozen=True)
class Machine:
    """The processor and its limits for one workload's dtype, size and thread count.

    Attributes:
        name: the processor.
        peak_gflops: 10⁹ floating-point operations per second, None where not measured.
        peak_measured: how.
        bandwidth_gbs: 10⁹ bytes per second that can be read, None where not measured.
        bandwidth_measured: how.
    """

    name: str
    peak_gflops: float | None
    peak_measured: str
    bandwidth_gbs: float | None
    bandwidth_measured: str

    def floor_seconds(self, workload: Workload) -> float | None:
        """The time that no method can beat: max(FLOP / peak, bytes / bandwidth), in seconds."""
        if not self.peak_gflops or not self.bandwidth_gbs:
            return None
        arithmetic = workload.flop / (self.peak_gflops * 1e9)
        traffic = workload.bytes_moved / (self.bandwidth_gbs * 1e9)
        return max(arithmetic, traffic)


@jit(fastmath=True, nogil=True)
def _multiply_add(x: Array, a: float, b: float, rounds: int) -> None:
    """2 · CHAINS · LENGTH · columns · rounds FLOP on x [CHAINS, columns], all in registers."""
    for _ in range(rounds):
        for i in range(x.shape[1]):
            s, t, u, v = x[0, i], x[1, i], x[2, i], x[3, i]
            for _ in range(LENGTH):
                s, t, u, v = s * a + b, t * a + b, u * a + b, v * a + b
            x[0, i], x[1, i], x[2, i], x[3, i] = s, t, u, v


@jit(fastmath=True, nogil=True)
def _read(buffer: Array, rounds: int) -> None:
    """Sum the buffer again and again; the store keeps the compiler from summing it once."""
    for r in range(rounds):
        total = buffer[0]
        for i in range(buffer.shape[0]):
            total += buffer[i]
        buffer[r % buffer.shape[0]] = total * 1e-9


def measure_machine(workload: Workload, threads: int) -> Machine:
    """Measure peak and bandwidth as they apply to a workload; takes about one second."""
    if not HAVE_NUMBA:
        return Machine(cpu_name(), None, NO_NUMBA, None, NO_NUMBA)
    dtype = np.dtype(workload.dtype)
    size = max(workload.bytes_moved, threads * SMALLEST_BUFFER)
    if workload.cache == "cold":
        size = max(size, 4 * last_cache_bytes())
    return Machine(
        name=cpu_name(),
        peak_gflops=_peak(dtype, threads) / 1e9,
        peak_measured=f"{CHAINS} independent chains of fused multiply-adds on {dtype} vectors "
        f"in registers, {threads} thread{'s' * (threads > 1)}, best of many runs",
        bandwidth_gbs=_bandwidth(size, dtype, threads) / 1e9,
        bandwidth_measured=f"summing {_bytes_text(size)} of {dtype} again and again, "
        f"{_why(workload)}, {threads} thread{'s' * (threads > 1)}, best of many runs",
    )


def _peak(dtype: np.dtype, threads: int) -> float:
    """FLOP/s of all threads together, each at its own best while the others run as well.

    A thread that a neighbour pauses does not lower the sum for the others: registers are not
    shared, unlike memory.
    """
    columns = 512
    a, b = dtype.type(0.999), dtype.type(0.001)  # towards 1: neither overflow nor denormals
    inputs = [np.ones((CHAINS, columns), dtype) for _ in range(threads)]

    def run(thread: int, rounds: int) -> None:
        _multiply_add(inputs[thread], a, b, rounds)

    work = 2 * CHAINS * LENGTH * columns
    rounds, runs = _many_runs(run, threads)
    fastest = [min(end - start for start, end in spans) for spans in zip(*runs, strict=True)]
    return sum(work * rounds / seconds for seconds in fastest)


def _bandwidth(size: int, dtype: np.dtype, threads: int) -> float:
    """Bytes/s that all threads read together from `size` bytes, every page touched before."""
    buffers = [np.ones(size // threads // dtype.itemsize, dtype) for _ in range(threads)]

    def run(thread: int, rounds: int) -> None:
        _read(buffers[thread], rounds)

    rounds, runs = _many_runs(run, threads)
    fastest = min(max(end for _, end in run) - min(start for start, _ in run) for run in runs)
    return sum(buffer.nbytes for buffer in buffers) * rounds / fastest


Span = tuple[float, float]  # start and end in seconds


def _many_runs(run: Callable[[int, int], None], threads: int) -> tuple[int, list[list[Span]]]:
    """Repeat `run(thread, rounds)` on all threads at once for a while.

    The caller takes the best and not the median: a limit is what the machine can do, not what it
    does while a neighbour uses it. Short runs fit between two interruptions.

    Returns:
        Rounds in each run, and for each run the span of each thread.
    """
    run(0, 1)  # compiles
    start, end = _together(run, 1, 1)[0]
    rounds = max(1, round(RUN_SECONDS / max(end - start, 1e-7)))
    runs = [_together(run, threads, rounds)]
    stop = time.perf_counter() + MEASURE_SECONDS
    while time.perf_counter() < stop:
        runs.append(_together(run, threads, rounds))
    return rounds, runs


def _together(run: Callable[[int, int], None], threads: int, rounds: int) -> list[Span]:
    """The span of each thread, all of them started at the same moment."""
    barrier = Barrier(threads)
    spans = [(0.0, 0.0)] * threads

    def work(thread: int) -> None:
        barrier.wait()
        start = time.perf_counter()
        run(thread, rounds)
        spans[thread] = (start, time.perf_counter())

    workers = [Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return spans


def _why(workload: Workload) -> str:
    cold = workload.cache == "cold"
    return "more than any cache holds" if cold else "as much as A, B and C hold"


def _bytes_text(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} KB"
