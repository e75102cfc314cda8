"""Races in threads of this process, and (slow) in real worker processes."""

import os
import signal

import pytest

from matmul_demo import race
from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import choose_lanes
from matmul_demo.options import Settings
from matmul_demo.racing.process import describe_exit
from matmul_demo.racing.race import Race, make_race
from matmul_demo.workloads import Workload
from tests.matmul_demo.racing.faulty_lanes import BY_KEY

SMALL = Workload(20, 30, 10)


def race_of(*keys, threads=2, budget=1.0, **options):
    lanes = [BY_KEY[key] for key in keys]
    return Race(SMALL, lanes, threads, budget, "tests.matmul_demo.racing.faulty_lanes", **options)


def test_results_come_one_by_one_and_the_last_report_is_complete(threads):
    settings = Settings("20x784x10", "matmul_numpy,naive_lists", budget=1)
    reports = list(make_race(settings).run())
    assert [report.phase for report in reports[:2]] == ["starting", "racing"]
    assert reports[-1].phase == "done"
    counts = [len(report.results) for report in reports]
    assert counts == sorted(counts)
    running = [report.running for report in reports if report.running]
    assert list(dict.fromkeys(running)) == ["naive_lists", "matmul_numpy"]
    last = reports[-1]
    assert [result.strategy for result in last.results] == ["naive_lists", "matmul_numpy"]
    assert [result.status for result in last.results] == ["ok", "ok"]
    assert all(result.relative_error < 1e-5 for result in last.results)
    assert last.floor_seconds == pytest.approx(94_880 / 10e9)  # bytes at the worker's 10 GB/s
    assert last.neighbours >= 0
    assert "painted" in last.data
    assert threads.started == 1


def test_from_python_it_is_one_call(threads):
    report = race("8x9x10", lanes="matmul_numpy", budget="1", threads=1)
    assert report.to_json()["shape"] == "8x9x10"
    assert [result.status for result in report.results] == ["ok"]
    with pytest.raises(RaceError, match="'fastest' of lanes"):
        race(lanes=["fastest"])
    with pytest.raises(TypeError, match="colour"):
        race(colour="red")


def test_a_faulty_lane_costs_nothing_but_itself(threads):
    *_, report = race_of("right", "wrong", "raises", "another_shape").run()
    assert [result.status for result in report.results] == ["ok", "wrong", "stopped", "wrong"]


def test_closing_the_reports_leaves_no_worker(threads):
    contest = race_of("right", "wrong")
    reports = contest.run()
    next(report for report in reports if report.running)
    reports.close()
    assert contest._worker.connection is None


@pytest.mark.parametrize(
    ("code", "running", "sentence"),
    [
        (-signal.SIGKILL, True, "killed from outside while this lane ran; often that means"),
        (-signal.SIGSEGV, True, "crashed (SIGSEGV) while this lane ran."),
        (3, False, "ended before the first lane began (exit status 3)"),
    ],
)
def test_how_a_worker_ended_is_a_sentence(code, running, sentence):
    assert sentence in describe_exit(code, running)


@pytest.mark.slow
def test_death_costs_one_lane_and_the_next_gets_a_new_worker():
    contest = race_of("right", "wrong", "killed", "crashes", "threads", threads=1)
    *_, report = contest.run()
    reasons = {result.strategy: result.reason for result in report.results}
    statuses = {result.strategy: result.status for result in report.results}
    assert statuses["right"] == "ok"
    assert statuses["wrong"] == "wrong"
    assert statuses["killed"] == statuses["crashes"] == "stopped"
    assert "killed from outside while this lane ran" in reasons["killed"]
    assert "crashed (SIGSEGV)" in reasons["crashes"]
    assert reasons["threads"] == "It failed with RuntimeError: [1]"  # every pool has one thread


@pytest.mark.slow
def test_an_endless_lane_is_ended():
    *_, report = race_of("endless", "right", lane_limit=0.5).run()
    endless, right = report.results
    assert endless.status == "stopped"
    assert "no result within 0 seconds" in endless.reason or "within 1 second" in endless.reason
    assert right.status == "ok"


@pytest.mark.slow
def test_a_race_holds_the_queue_no_longer_than_stated():
    *_, report = race_of("right", "endless", "wrong", budget=0.2, overrun=1.0).run()
    assert report.phase == "done"
    right, endless, after = report.results
    assert right.status == "ok"
    assert endless.reason == "The race was ended 1 seconds after its time was over."
    assert "before this lane began" in after.reason


def run_until(contest, key):
    """Take reports until the lane runs; the iterator goes on from there."""
    reports = contest.run()
    for report in reports:
        if report.running == key:
            return reports
    raise AssertionError(f"{key} never ran")


@pytest.mark.slow
def test_stop_ends_a_running_lane_and_the_rest():
    contest = race_of("right", "endless", "wrong")
    reports = run_until(contest, "endless")
    process = contest._worker.process
    contest.stop()
    *_, report = reports
    assert report.phase == "stopped"
    assert [result.status for result in report.results] == ["ok", "stopped", "stopped"]
    assert report.results[1].reason == "Ended by Stop."
    assert "before this lane began" in report.results[2].reason
    assert process.returncode == -signal.SIGKILL
    contest.stop()  # once more does nothing


@pytest.mark.slow
def test_killing_the_worker_from_outside_gives_a_sentence():
    contest = race_of("endless")
    reports = run_until(contest, "endless")
    os.kill(contest._worker.process.pid, signal.SIGKILL)
    *_, report = reports
    assert report.phase == "done"
    assert "killed from outside" in report.results[0].reason


@pytest.mark.slow
def test_closing_the_reports_ends_the_worker():
    contest = race_of("endless")
    reports = run_until(contest, "endless")
    process = contest._worker.process
    reports.close()
    assert process.poll() is not None


def test_a_race_stopped_before_its_turn_starts_no_worker(threads):
    contest = race_of("right")
    contest.stop()
    *_, report = contest.run()
    assert report.phase == "stopped"
    assert report.machine is None
    assert threads.started == 0
    assert report.results[0].status == "stopped"


def test_data_that_were_named_and_cannot_be_read_refuse_the_race(threads, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    contest = make_race(Settings("10x784x10", "matmul_numpy", budget=1))
    with pytest.raises(RaceError, match="MNIST_DIR"):
        list(contest.run())


def test_lanes_run_in_the_ladders_order():
    lanes = choose_lanes(["matmul_torch", "naive_lists", "einsum_numpy"])
    assert [lane.key for lane in lanes] == ["naive_lists", "einsum_numpy", "matmul_torch"]
