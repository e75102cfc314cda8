"""How fast this machine multiplies in registers and reads from each of its caches, measured.

The peak is taken from chains of fused multiply-adds that never leave the registers, never from a
library's own product: that is one of the lanes. The bandwidths are those of plain sums over more
and more data, each thread with some streams of its own.
"""

# ruff: noqa: ANN401  (what numba and LLVM hand over has no types that could be named)

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import numpy as np

from matmul_demo.machine.compiler import (
    REGISTERS,
    VECTOR_BYTES,
    Array,
    Emitter,
    cgutils,
    data_of,
    intrinsic,
    jit,
    types,
)
from matmul_demo.machine.processor import caches

CHAINS = REGISTERS - 4  # independent vectors; both pipes of any processor need eight to ten
CHAIN_STEPS = 4096
STREAMS = 4  # read side by side, so that more is on its way than one prefetcher fetches
STREAM_VECTORS = 2  # read from each stream at a time
RUN_SECONDS = 1e-3  # short runs fit between two interruptions
MEMORY_FACTOR = 4  # so many last caches are more than any cache keeps …
MOST_BYTES = 2**29  # … but a machine with a very large one may have little memory for us

Span = tuple[float, float]  # start and end in seconds


@intrinsic
def _multiply_add(typing: Any, x: Any, steps: Any) -> Any:
    """x[chain] = x[chain] · f + g for `steps` steps; f and g are the two vectors behind them."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (data,) = data_of(context, builder, signature, args, 0)
        emitter = Emitter(context, builder, x)
        places = [emitter.at(data, chain * emitter.count) for chain in range(CHAINS + 2)]
        *values, factor, summand = [emitter.load(place) for place in places]
        chains = [cgutils.alloca_once_value(builder, value) for value in values]
        with cgutils.for_range(builder, args[1]):
            for chain in chains:
                emitter.fused(builder.load(chain), factor, summand, chain)
        for chain, place in zip(chains, places, strict=False):
            emitter.store(builder.load(chain), place)
        return context.get_dummy_value()

    return types.void(x, steps), emit


@intrinsic
def _sum_streams(typing: Any, x: Any, apart: Any, steps: Any, rounds: Any, result: Any) -> Any:
    """Sum STREAMS streams, each `apart` elements after the one before, `rounds` times."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data, result = data_of(context, builder, signature, args, 0, 4)
        _, apart, steps, rounds, _ = args
        emitter = Emitter(context, builder, x)
        streams = [emitter.at(data, builder.mul(apart, apart.type(s))) for s in range(STREAMS)]
        sums = emitter.sums(STREAMS * STREAM_VECTORS)
        with cgutils.for_range(builder, rounds), cgutils.for_range(builder, steps) as loop:
            place = builder.mul(loop.index, steps.type(STREAM_VECTORS * emitter.count))
            for index, total in enumerate(sums):
                stream, vector = streams[index % STREAMS], index // STREAMS
                value = emitter.load(emitter.at(stream, place, vector * emitter.count))
                builder.store(builder.fadd(builder.load(total), value), total)
        for index, total in enumerate(sums):
            emitter.store(builder.load(total), emitter.at(result, index * emitter.count))
        return context.get_dummy_value()

    return types.void(x, apart, steps, rounds, result), emit


@jit(nogil=True)
def _chains(x: Array, rounds: int) -> None:
    _multiply_add(x, rounds * CHAIN_STEPS)


@jit(nogil=True)
def _read(x: Array, apart: int, steps: int, rounds: int, result: Array) -> None:
    _sum_streams(x, apart, steps, rounds, result)


def peak(dtype: np.dtype, threads: int, seconds: float) -> float:
    """FLOP/s of all threads together, each at its own best while the others run as well.

    A thread that a neighbour pauses does not lower the sum for the others: registers are not
    shared, unlike memory.
    """
    count = VECTOR_BYTES // dtype.itemsize
    inputs = [np.ones((CHAINS + 2, count), dtype) for _ in range(threads)]
    for x in inputs:
        x[CHAINS], x[CHAINS + 1] = 0.999, 0.001  # towards 1: neither overflow nor denormals

    def run(thread: int, rounds: int) -> None:
        _chains(inputs[thread], rounds)

    work = 2 * CHAINS * count * CHAIN_STEPS
    rounds, runs = many_runs(run, threads, seconds)
    fastest = [min(end - start for start, end in spans) for spans in zip(*runs, strict=True)]
    return sum(work * rounds / span for span in fastest)


def bandwidth(size: int, threads: int, seconds: float) -> float:
    """Bytes/s that all threads read together from `size` bytes, every page touched before."""
    count = VECTOR_BYTES // 4
    steps = max(1, size // threads // (STREAMS * STREAM_VECTORS * VECTOR_BYTES))
    apart = steps * STREAM_VECTORS * count
    buffers = [np.ones(STREAMS * apart, np.float32) for _ in range(threads)]
    results = [np.zeros(STREAMS * STREAM_VECTORS * count, np.float32) for _ in range(threads)]

    def run(thread: int, rounds: int) -> None:
        _read(buffers[thread], apart, steps, rounds, results[thread])

    rounds, runs = many_runs(run, threads, seconds)
    fastest = min(max(end for _, end in run) - min(start for start, _ in run) for run in runs)
    return sum(buffer.nbytes for buffer in buffers) * rounds / fastest


def levels(threads: int) -> list[tuple[str, int | None, int]]:
    """Where data may lie: name, bytes that it holds for so many threads, bytes to measure with."""
    places: list[tuple[str, int | None, int]] = []
    for cache in caches():
        held = cache.bytes * -(-threads // cache.processors)
        places.append((f"L{cache.level}", held, held // 2))
    largest = max(held for _, held, _ in places if held)
    return [*places, ("memory", None, min(MEMORY_FACTOR * largest, MOST_BYTES))]


def many_runs(
    run: Callable[[int, int], None], threads: int, seconds: float
) -> tuple[int, list[list[Span]]]:
    """Repeat `run(thread, rounds)` on all threads at once for a while.

    The caller takes the best and not the median: a limit is what the machine can do, not what it
    does while a neighbour uses it.

    Returns:
        Rounds in each run, and for each run the span of each thread.
    """
    rounds = _enough_rounds(run)
    stop = time.perf_counter() + seconds
    runs = [_together(run, threads, rounds)]
    while time.perf_counter() < stop:
        runs.append(_together(run, threads, rounds))
    return rounds, runs


def _enough_rounds(run: Callable[[int, int], None]) -> int:
    """As many rounds as take about `RUN_SECONDS`; the first call compiles."""
    run(0, 1)
    rounds = 1
    while True:
        start = time.perf_counter()
        run(0, rounds)
        span = time.perf_counter() - start
        if span > RUN_SECONDS / 4:
            return max(1, round(rounds * RUN_SECONDS / span))
        rounds *= 4


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
