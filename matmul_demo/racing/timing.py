"""Seconds for one call of a lane: warm-up apart, blocks long enough for the clock, honest parts.

The method is that of `torch.utils.benchmark.Timer.blocked_autorange` and `timeit` (garbage
collection off), with one addition: a lane that is too slow for its share of the budget computes a
part of the result only, and says which.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from matmul_demo.racing.disturbance import Loss, LossMeter

T = TypeVar("T")
MIN_BLOCK = 1e-3  # seconds; the clock's own 0.1 µs is then below 0.01 %
MIN_SAMPLES = 3  # fits the quartiles; a lane over its share may have fewer, but never none
STEADY_SAMPLES = 15  # before a small spread is believed
MAX_SAMPLES = 200
STEADY_SPREAD = 0.01  # IQR over median
LONG_CALL = 0.1  # seconds, beside which the time to wake threads does not count
REST_STEP = 0.01  # seconds; at least a tick of the system, which counts processor time by ticks
REST_SHARE = 0.2  # of one processor; less is no pool that spins
REST_MOST = 0.1  # seconds; three times what OpenBLAS spins
GROWTH = 16  # a part grows at most by this factor, because its first timing is a rough one


@dataclass(frozen=True)
class Stopwatch:
    """How calls are timed.

    Attributes:
        now: the clock, in seconds.
        before: done before each block and not timed: wait for the GPU, or empty the caches.
        one_by_one: a block is one call, because `before` must precede each of them.
    """

    now: Callable[[], float] = time.perf_counter
    before: Callable[[], object] = lambda: None
    one_by_one: bool = False

    def block(self, call: Callable[[], object], calls: int) -> float:
        """Mean seconds of `calls` calls in a row, with the garbage collector held back."""
        self.before()
        collecting = gc.isenabled()
        gc.disable()
        try:
            start = self.now()
            for _ in range(calls):
                call()
            return (self.now() - start) / calls
        finally:
            if collecting:
                gc.enable()

    def rested_block(self, call: Callable[[], object], calls: int) -> float:
        """As `woken_block`, but first let other threads come to rest."""
        rest()
        return self.woken_block(call, calls)

    def woken_block(self, call: Callable[[], object], calls: int) -> float:
        """As `block`, but first wake the threads of the call."""
        seconds = self.block(call, 1)
        return seconds if seconds > LONG_CALL else self.block(call, calls)

    def calls(self, seconds: float) -> int:
        """Calls in a block that is long enough for the clock, each of them `seconds` long."""
        return 1 if self.one_by_one else max(1, math.ceil(MIN_BLOCK / max(seconds, 1e-9)))


WALL = Stopwatch()


def rest() -> None:
    """Wait until no other thread of this process is busy.

    After a call the threads of OpenBLAS and OpenMP spin for milliseconds, in case another one
    follows. A lane of another library would share its processors with them.
    """
    end = time.perf_counter() + REST_MOST
    while time.perf_counter() < end:
        busy = time.process_time()
        time.sleep(REST_STEP)
        if time.process_time() - busy < REST_SHARE * REST_STEP:
            return


@dataclass(frozen=True)
class Part:
    """The upper left part of C that was computed: `rows` × `columns` of it."""

    rows: int
    columns: int

    @property
    def cells(self) -> int:
        """Elements of C in this part."""
        return self.rows * self.columns


@dataclass(frozen=True)
class Timing:
    """What was measured, before any statistics.

    Attributes:
        samples: seconds for one call on `part`, each the mean over a block of calls.
        part: the part of C that each call computed.
        first_call_seconds: the very first call, with compilation and cold caches, on the smallest
            part that was tried.
        processors: processor time over wall time of this process while the samples were taken:
            how many threads were busy; None where no time was left for samples.
        losses: what each sample lost to others; empty where it is not known.
        disturbed: samples that were left out for it.
    """

    samples: tuple[float, ...]
    part: Part
    first_call_seconds: float
    processors: float | None = None
    losses: tuple[Loss, ...] = ()
    disturbed: int = 0


def measure(
    prepare: Callable[[Part], Callable[[], object]],
    full: Part,
    budget: float,
    smallest: Part,
    stopwatch: Stopwatch = WALL,
    meter: LossMeter | None = None,
) -> Timing:
    """Time a lane within its share of the budget.

    Args:
        prepare: gives the call that computes a part of C; preparing is not timed.
        full: the whole of C.
        budget: seconds to spend after the first call, which may compile for longer than that.
            One call may overrun it, because a call cannot be divided.
        smallest: the part to begin with; `full` when no part stands for the whole.
        stopwatch: the clock, and what precedes each block.
        meter: tells what each sample loses to others; None to leave that unknown.

    Returns:
        At least one sample that is not the first call.
    """
    part = smallest
    call = prepare(part)
    first = stopwatch.block(call, 1)
    end = stopwatch.now() + budget
    if meter:
        meter.refresh()  # libraries start their threads with the first call
    trial = _watched(call, 1, stopwatch, meter)
    while part != full:
        bigger = _grown(part, full, trial[0], end - stopwatch.now())
        if bigger == part:
            break
        part = bigger
        call = prepare(part)
        trial = _watched(call, 1, stopwatch, meter)
    wall, busy = time.perf_counter(), time.process_time()
    samples, losses = _repeat(call, trial, end, stopwatch, meter)
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    return Timing(samples, part, first, busy / wall if wall > MIN_BLOCK else None, losses)


def _grown(part: Part, full: Part, seconds: float, left: float) -> Part:
    """The next larger part of which `MIN_SAMPLES` calls still fit into `left`.

    One more for the trial and one for the check of the result are set aside.
    """
    affordable = left / (MIN_SAMPLES + 2) / max(seconds, 1e-9)
    factor = min(GROWTH, affordable)
    if factor < 1.5:
        return part
    cells = min(math.ceil(part.cells * factor), full.cells)
    if cells < 2 * full.columns:
        return Part(1, min(cells, full.columns))
    return Part(cells // full.columns, full.columns)


def _watched(
    call: Callable[[], object], calls: int, stopwatch: Stopwatch, meter: LossMeter | None
) -> tuple[float, Loss]:
    """A sample, and what it lost to others; nothing where that is not known."""
    if meter is None:
        return stopwatch.block(call, calls), Loss()
    return meter.watch(lambda: stopwatch.block(call, calls))


def _repeat(
    call: Callable[[], object],
    trial: tuple[float, Loss],
    end: float,
    stopwatch: Stopwatch,
    meter: LossMeter | None,
) -> tuple[tuple[float, ...], tuple[Loss, ...]]:
    """Samples until those that lost nothing agree or are many, or until the time is over.

    `trial` is the last call before; it counts as the only sample when no time is left for more.
    """
    seconds = trial[0]
    calls = stopwatch.calls(seconds)
    samples: list[float] = []
    clean: list[float] = []
    losses: list[Loss] = []
    while len(clean) < MAX_SAMPLES and not _steady(clean):
        if stopwatch.now() + calls * seconds > end and (samples or calls == 1):
            break
        sample, loss = _watched(call, calls, stopwatch, meter)
        samples.append(sample)
        losses.append(loss)
        clean += [] if loss.is_large else [sample]
        if sample < seconds / 2:  # what was timed before had to wait
            seconds, calls = sample, stopwatch.calls(sample)
    return tuple(samples) or (seconds,), tuple(losses) or trial[1:]


def _steady(samples: list[float]) -> bool:
    if len(samples) < STEADY_SAMPLES:
        return False
    low, middle, high = statistics.quantiles(samples, n=4)
    return high - low <= STEADY_SPREAD * middle


def take_turns(
    samplers: dict[str, Callable[[], T]],
    budget: float,
    now: Callable[[], float] = time.perf_counter,
) -> dict[str, tuple[T, ...]]:
    """Time several lanes in turns, so that whatever slows the machine slows all of them.

    Args:
        samplers: name → function that times one block and returns the seconds for one call, or
            what else is to be kept of it.
        budget: seconds, about, that are used up; at least one round is run.
        now: the clock, in seconds.

    Returns:
        Name → what its function returned, as many for each.
    """
    samples: dict[str, list[T]] = {name: [] for name in samplers}
    order = list(samplers)
    end = now() + budget
    longest = 0.0
    while True:
        start = now()
        for name in order:
            samples[name].append(samplers[name]())
        order = order[1:] + order[:1]  # nobody always runs after the same neighbour
        longest = max(longest, now() - start)
        if now() + longest > end:
            break
    return {name: tuple(values) for name, values in samples.items()}
