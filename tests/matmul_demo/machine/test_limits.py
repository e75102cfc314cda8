"""The limits of the machine: measured by the probes, kept on disk, looked at again."""

import json
import os
import time

import numpy as np
import pytest

from matmul_demo.machine import limits, probe, store
from matmul_demo.machine.limits import Level, Limits
from matmul_demo.machine.processor import Cache

THREE = (Cache(1, 2**15, 1), Cache(2, 2**19, 1), Cache(3, 2**25, 4))
HELD = {"L1": 2**15, "L2": 2**19, "L3": 2**25, "memory": None}


def measured(peak, *rates):
    """Limits of a processor with the three caches."""
    levels = (Level(*place, rate) for place, rate in zip(HELD.items(), rates, strict=True))
    return Limits(peak, tuple(levels), time.time())


FIRST = measured(100.0, 300.0, 150.0, 60.0, 20.0)


@pytest.fixture(autouse=True)
def caches_of(monkeypatch):
    """A processor with three caches, whatever this one has."""
    monkeypatch.setattr(limits, "caches", lambda: THREE)
    monkeypatch.setattr(probe, "caches", lambda: THREE)


@pytest.fixture
def looks(monkeypatch):
    """What the next measurements give; the seconds that they were allowed are noted."""
    results, seconds = [], []

    def measure(dtype, threads, allowed):
        seconds.append(allowed)
        return results.pop(0)

    monkeypatch.setattr(limits, "measure", measure)
    return results, seconds


def make_older(folder, by=2 * store.FRESH_SECONDS):
    for path in folder.iterdir():
        os.utime(path, (time.time() - by,) * 2)


def test_measured_once_for_each_type_and_thread_count(tmp_path, looks):
    results, seconds = looks
    results += [FIRST] * 3
    assert limits.processor_limits("float32", 1, tmp_path) == FIRST
    assert limits.processor_limits("float32", 1, tmp_path) == FIRST  # a fresh file: not even a look
    limits.processor_limits("float64", 1, tmp_path)
    limits.processor_limits("float32", 2, tmp_path)
    assert seconds == [limits.FIRST_LOOK] * 3
    assert len(list(tmp_path.iterdir())) == 3
    assert {path.suffix for path in tmp_path.iterdir()} == {".json"}


def test_a_later_look_is_brief_and_can_only_raise_a_limit(tmp_path, looks):
    results, seconds = looks
    results += [FIRST, measured(120.0, 310.0, 40.0, 70.0, 10.0), FIRST]
    limits.processor_limits("float32", 1, tmp_path)
    make_older(tmp_path)
    raised = limits.processor_limits("float32", 1, tmp_path)
    assert raised.peak_gflops == 120.0
    assert [level.gbs for level in raised.levels] == [310.0, 150.0, 70.0, 20.0]
    assert raised.looks == 2
    make_older(tmp_path)
    assert limits.processor_limits("float32", 1, tmp_path).levels == raised.levels
    assert seconds == [limits.FIRST_LOOK, limits.BRIEF_LOOK, limits.BRIEF_LOOK]


def test_no_level_is_slower_than_one_further_away():
    levels = measured(1.0, 50.0, 150.0, 20.0, 30.0).levels
    assert [level.gbs for level in limits.descending(levels)] == [150.0, 150.0, 30.0, 30.0]


def _change(**fields):
    def change(stored):
        stored["measured"].update(fields)
        return json.dumps(stored)

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: "",
        lambda stored: "{",
        lambda stored: "[]",
        lambda stored: "null",
        lambda stored: json.dumps(stored["measured"]),
        lambda stored: json.dumps(stored | {"about": stored["about"] | {"name": "another"}}),
        lambda stored: json.dumps(stored | {"measured": None}),
        lambda stored: json.dumps(stored | {"began": time.time() - store.KEPT_SECONDS - 1}),
        lambda stored: json.dumps(stored | {"began": time.time() + 1e6}),
        lambda stored: json.dumps(stored | {"began": "yesterday"}),
        _change(peak_gflops=-1.0),
        _change(peak_gflops=float("nan")),
        _change(peak_gflops=float("inf")),
        _change(peak_gflops="fast"),
        _change(levels=[]),
        _change(levels=[{"name": "L1", "bytes": 32768, "gbs": 1.0}]),
        _change(levels=7),
        _change(looks="many"),
        _change(colour="red"),
    ],
)
def test_a_damaged_foreign_or_old_file_is_measured_anew(tmp_path, looks, damage):
    results, seconds = looks
    results += [FIRST, measured(50.0, 200.0, 100.0, 40.0, 10.0)]
    limits.processor_limits("float32", 1, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(damage(json.loads(path.read_text())))
    assert limits.processor_limits("float32", 1, tmp_path).peak_gflops == 50.0
    assert seconds == [limits.FIRST_LOOK] * 2
    assert limits.processor_limits("float32", 1, tmp_path).peak_gflops == 50.0  # mended


def test_a_folder_that_cannot_be_written_costs_only_the_time(tmp_path, looks):
    results, _ = looks
    results += [FIRST]
    file = tmp_path / "file"
    file.write_text("in the way")
    assert limits.processor_limits("float32", 1, file / "folder") == FIRST


def test_where_limits_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("MATMUL_CACHE", str(tmp_path / "own"))
    assert store.cache_folder() == tmp_path / "own"
    monkeypatch.delenv("MATMUL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.cache_folder() == tmp_path / "prompt-interrogator"


def test_all_is_really_measured():
    found = limits.measure("float64", 1, 0.01)
    assert 0 < found.peak_gflops < 1e6
    assert [level.name for level in found.levels] == ["L1", "L2", "L3", "memory"]
    rates = [level.gbs for level in found.levels]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


def test_levels_hold_more_for_more_threads_where_each_has_its_own():
    names, held, sizes = zip(*probe.levels(6), strict=True)
    assert names == ("L1", "L2", "L3", "memory")
    assert held == (6 * 2**15, 6 * 2**19, 2 * 2**25, None)  # four threads share the third
    assert sizes == (3 * 2**15, 3 * 2**19, 2**25, 8 * 2**25)


def test_the_peak_adds_up_what_each_thread_can_do(monkeypatch):
    """Each thread is paused in one of two runs: both can do a round in 1 ms."""
    spans = [[(0.0, 1e-3), (0.0, 9e-3)], [(0.0, 9e-3), (1e-3, 2e-3)]]
    monkeypatch.setattr(probe, "many_runs", lambda run, threads, seconds: (1, spans))
    count = probe.VECTOR_BYTES // 4
    flop = 2 * probe.CHAINS * count * probe.CHAIN_STEPS
    assert probe.peak(np.dtype("float32"), 2, 1.0) == pytest.approx(2 * flop / 1e-3)


def test_bandwidth_is_what_all_threads_read_in_the_best_common_span(monkeypatch):
    spans = [[(0.0, 1e-3), (0.0, 9e-3)], [(0.0, 1e-3), (1e-3, 2e-3)]]  # 9 ms, then 2 ms
    monkeypatch.setattr(probe, "many_runs", lambda run, threads, seconds: (5, spans))
    assert probe.bandwidth(2**17, 2, 1.0) == pytest.approx(5 * 2**17 / 2e-3)


def test_the_probes_do_what_their_figures_say():
    """As many multiply-adds and sums as are counted: the arithmetic comes out."""
    count = probe.VECTOR_BYTES // 8
    x = np.ones((probe.CHAINS + 2, count))
    x[probe.CHAINS], x[probe.CHAINS + 1] = 1.0, 0.5  # adds a half at each step
    probe._chains(x, 3)
    assert (x[: probe.CHAINS] == 1 + 3 * probe.CHAIN_STEPS / 2).all()
    numbers = np.arange(probe.STREAMS * 16, dtype=np.float64)
    steps = 16 // (probe.STREAM_VECTORS * count)
    sums = np.zeros(probe.STREAMS * probe.STREAM_VECTORS * count)
    probe._read(numbers, 16, steps, 2, sums)
    assert sums.sum() == 2 * numbers.sum()


def test_rounds_grow_until_a_run_can_be_timed(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(probe.time, "perf_counter", lambda: clock["now"])
    done = []

    def run(thread, rounds):
        done.append(rounds)
        clock["now"] += 5.0 if len(done) == 1 else rounds * 1e-5  # the first call compiles

    assert probe._enough_rounds(run) == round(probe.RUN_SECONDS / 1e-5)
    assert done == [1, 1, 4, 16, 64]
