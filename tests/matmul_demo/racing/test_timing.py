"""Timing with a clock of our own: what a call costs is decided by the test."""

import gc
import itertools
from types import SimpleNamespace

import pytest

from matmul_demo.racing import timing
from matmul_demo.racing.disturbance import Loss
from matmul_demo.racing.timing import (
    MAX_SAMPLES,
    MIN_BLOCK,
    REST_MOST,
    REST_STEP,
    STEADY_SAMPLES,
    Part,
    Stopwatch,
    measure,
    rest,
    take_turns,
)


class Lane:
    """A lane whose calls move the clock: a fixed cost, a cost per element, and a first call."""

    def __init__(self, per_call=0.0, per_cell=0.0, first=0.0, wobble=0.0):
        self.now = 0.0
        self.per_call, self.per_cell, self.first, self.wobble = per_call, per_cell, first, wobble
        self.calls = []

    def clock(self):
        return self.now

    def prepare(self, part):
        def call():
            cost = self.per_call + self.per_cell * part.cells
            cost *= 1 + self.wobble * (len(self.calls) % 3)
            self.now += cost if self.calls else max(self.first, cost)
            self.calls.append(part)

        return call


FULL = Part(50_000, 10)


def test_first_call_is_kept_apart():
    lane = Lane(per_call=2e-3, first=3.0)
    timing = measure(lane.prepare, FULL, 1.0, FULL, Stopwatch(lane.clock))
    assert timing.first_call_seconds == pytest.approx(3.0)
    assert timing.samples == pytest.approx([2e-3] * STEADY_SAMPLES)
    assert timing.part == FULL


def test_short_calls_are_timed_in_blocks_that_the_clock_can_resolve():
    lane = Lane(per_call=1e-6)
    timing = measure(lane.prepare, FULL, 1.0, FULL, Stopwatch(lane.clock))
    assert timing.samples == pytest.approx([1e-6] * STEADY_SAMPLES)
    calls_in_a_block = (len(lane.calls) - 2) / STEADY_SAMPLES
    assert calls_in_a_block == pytest.approx(MIN_BLOCK / 1e-6, abs=1)


def test_unsteady_samples_are_repeated_until_the_budget_is_spent():
    lane = Lane(per_call=0.01, wobble=0.5)
    timing = measure(lane.prepare, FULL, 1.0, FULL, Stopwatch(lane.clock))
    assert STEADY_SAMPLES < len(timing.samples) < MAX_SAMPLES
    assert 0.95 < lane.now < 1.05


def test_a_slow_lane_is_measured_on_a_part_within_its_budget():
    lane = Lane(per_cell=1e-3)  # 500 seconds for the whole
    timing = measure(lane.prepare, FULL, 2.0, Part(1, 1), Stopwatch(lane.clock))
    assert timing.part.columns == FULL.columns
    assert 1 < timing.part.rows < FULL.rows
    assert timing.samples[0] == pytest.approx(1e-3 * timing.part.cells)
    assert lane.now < 2.2


def test_a_very_slow_lane_is_measured_on_elements_of_one_row():
    lane = Lane(per_cell=0.1)
    timing = measure(lane.prepare, Part(1024, 1024), 2.0, Part(1, 1), Stopwatch(lane.clock))
    assert timing.part.rows == 1
    assert 1 <= timing.part.columns < 1024
    assert lane.now < 2.5


def test_a_fast_lane_grows_to_the_whole():
    lane = Lane(per_cell=1e-8)
    timing = measure(lane.prepare, FULL, 1.0, Part(1, 1), Stopwatch(lane.clock))
    assert timing.part == FULL


def test_time_to_compile_does_not_shrink_the_part():
    lane = Lane(per_cell=1e-8, first=60.0)
    assert measure(lane.prepare, FULL, 1.0, Part(1, 10), Stopwatch(lane.clock)).part == FULL


def test_a_lane_over_its_budget_still_has_a_sample_that_is_not_its_first_call():
    lane = Lane(per_call=5.0, first=9.0)
    timing = measure(lane.prepare, FULL, 1.0, FULL, Stopwatch(lane.clock))
    assert timing.samples == pytest.approx((5.0,))
    assert len(lane.calls) == 2


def test_garbage_is_not_collected_while_the_clock_runs():
    seen = []
    measure(lambda part: lambda: seen.append(gc.isenabled()), FULL, 0.01, FULL)
    assert not any(seen)
    assert gc.isenabled()


def test_what_precedes_a_block_is_done_each_time_and_not_timed():
    lane = Lane(per_call=1e-6)
    emptied = []

    def empty():
        emptied.append(len(lane.calls))
        lane.now += 7.0

    stopwatch = Stopwatch(lane.clock, before=empty, one_by_one=True)
    timing = measure(lane.prepare, FULL, 70.0, FULL, stopwatch)
    assert timing.samples == pytest.approx([1e-6] * len(timing.samples))
    assert len(timing.samples) > 3
    assert emptied == list(range(len(lane.calls)))  # before every call, the first one included


def test_leaders_take_turns_and_none_follows_the_same_neighbour_always():
    clock, order = [0.0], []

    def sampler(name, seconds):
        def sample():
            order.append(name)
            clock[0] += seconds
            return seconds

        return sample

    samplers = {"a": sampler("a", 0.1), "b": sampler("b", 0.2), "c": sampler("c", 0.3)}
    samples = take_turns(samplers, 2.0, now=lambda: clock[0])
    assert samples == {"a": (0.1,) * 3, "b": (0.2,) * 3, "c": (0.3,) * 3}  # 0.6 s a round
    assert "".join(order) == "abcbcacab"
    assert take_turns(samplers, 0.0, now=lambda: clock[0])["a"] == (0.1,)
    quick = {"a": sampler("a", 1e-3), "b": sampler("b", 1e-3)}
    start = clock[0]
    take_turns(quick, 2.0, now=lambda: clock[0])
    assert clock[0] - start == pytest.approx(2.0, abs=0.01)  # what is left is used


@pytest.mark.parametrize(("spinning", "waits"), [(0.0, REST_STEP), (0.045, 0.06), (1.0, REST_MOST)])
def test_threads_that_spin_are_waited_for_but_not_for_ever(monkeypatch, spinning, waits):
    """One other thread keeps a processor busy for a while; the clocks are the test's."""
    now = [0.0]

    def sleep(seconds):
        now[0] = round(now[0] + seconds, 6)

    clocks = SimpleNamespace(
        perf_counter=lambda: now[0], process_time=lambda: min(now[0], spinning), sleep=sleep
    )
    monkeypatch.setattr(timing, "time", clocks)
    rest()
    assert now[0] == pytest.approx(waits, abs=REST_STEP / 2)


def test_a_turn_wakes_the_threads_first_unless_that_does_not_count():
    lane = Lane(per_call=0.01, first=0.05)
    stopwatch = Stopwatch(lane.clock)
    assert stopwatch.rested_block(lane.prepare(FULL), 4) == pytest.approx(0.01)
    assert len(lane.calls) == 5
    slow = Lane(per_call=0.2)
    assert Stopwatch(slow.clock).rested_block(slow.prepare(FULL), 1) == pytest.approx(0.2)
    assert len(slow.calls) == 1


def test_a_call_that_had_to_wait_does_not_make_the_blocks_short_for_ever():
    """The trial waits for a processor; later calls are quick, and fill their blocks."""
    lane = Lane(per_call=1e-6)
    clock = Stopwatch(lane.clock)
    call = lane.prepare(FULL)
    call()
    samples, losses = timing._repeat(call, (0.01, Loss(waiting=0.9)), lane.now + 1.0, clock, None)
    assert len(samples) == len(losses) == STEADY_SAMPLES
    calls_in_a_block = (len(lane.calls) - 2) / (STEADY_SAMPLES - 1)  # the first had one call
    assert calls_in_a_block == pytest.approx(MIN_BLOCK / 1e-6, abs=1)


def test_samples_that_lost_much_do_not_count_as_many_or_as_steady():
    class Meter:
        losses = itertools.cycle([Loss(waiting=0.5), Loss()])

        def refresh(self):
            pass

        def watch(self, block):
            return block(), next(self.losses)

    lane = Lane(per_call=2e-3)
    timed = measure(lane.prepare, FULL, 5.0, FULL, Stopwatch(lane.clock), Meter())
    clean = [loss for loss in timed.losses if not loss.is_large]
    assert (len(clean), len(timed.samples)) == (STEADY_SAMPLES, 2 * STEADY_SAMPLES - 1)
