"""What spoils samples, from made-up samples and files; and (slow) a race beside burners."""

import subprocess
import sys
from dataclasses import replace

import pytest

from matmul_demo import text
from matmul_demo.lanes.ladder import choose_lanes
from matmul_demo.machine.roofline import Machine
from matmul_demo.options import Settings
from matmul_demo.racing import worker
from matmul_demo.racing.disturbance import Loss, LossMeter, Spoiled, judge, throttled_seconds
from matmul_demo.racing.race import make_race, run_race
from matmul_demo.racing.report import Outcome, RaceReport, winner
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.charts import bars
from matmul_demo.workloads import Workload

QUIET, WAITED, PAUSED = Loss(), Loss(waiting=0.5), Loss(throttled=0.5)


def test_samples_that_others_disturbed_are_left_out():
    verdict = judge((1.0, 9.0, 1.1, 1.2, 8.0), (QUIET, WAITED, QUIET, QUIET, PAUSED), 1.0)
    assert verdict.samples == (1.0, 1.1, 1.2)
    assert (verdict.disturbed, verdict.spoiled) == (2, None)


def test_threads_that_wait_for_each_other_belong_to_the_lane():
    verdict = judge((1.0, 1.1, 1.2), (WAITED,) * 3, neighbours=0.1)
    assert verdict.samples == (1.0, 1.1, 1.2)
    assert verdict.spoiled is None


@pytest.mark.parametrize(
    ("samples", "losses", "others", "cause", "reason"),
    [
        ((1.0,) * 5, (WAITED,) * 5, {"neighbours": 1.2}, "busy", "kept 1.2 processors busy, and in "
         "5 of 5 samples"),
        ((1.0,), (WAITED,), {"neighbours": 1.0}, "busy", "in 1 of 1 sample its"),
        ((1.0,) * 3, (PAUSED, PAUSED, QUIET), {}, "throttled", "in 2 of 3 samples"),
        ((1.0,) * 3, (), {"stolen": 0.4}, "stolen", "gave 0.4 of our processors"),
        ((1.0, 1.0, 2.0, 3.0, 3.0), (), {}, "uneven", "over 100 % of the median"),
    ],
)  # fmt: skip
def test_too_few_samples_or_a_wide_spread_spoil_a_lane(samples, losses, others, cause, reason):
    verdict = judge(samples, losses, **others)
    assert verdict.spoiled.cause == cause
    assert reason in verdict.spoiled.reason
    assert verdict.samples == samples  # there is nothing better to show


def test_a_spread_of_half_the_median_is_still_believed():
    assert judge((1.0, 1.75, 2.0, 2.7, 4.0)).spoiled is None


def test_the_time_of_a_throttled_group_is_read_in_both_versions(tmp_path):
    assert throttled_seconds(tmp_path) == 0.0
    (tmp_path / "cpu").mkdir()
    old = tmp_path / "cpu" / "cpu.stat"
    old.write_text("nr_periods 9\nnr_throttled 3\nthrottled_time 2500000000\n")
    assert throttled_seconds(tmp_path) == pytest.approx(2.5)
    new = tmp_path / "cpu.stat"
    new.write_text("usage_usec 7\nnr_periods 9\nnr_throttled 3\nthrottled_usec 1500000\n")
    assert throttled_seconds(tmp_path) == pytest.approx(1.5)
    new.write_text("usage_usec 7\n")  # a group without a quota
    assert throttled_seconds(tmp_path) == pytest.approx(2.5)


def test_a_sample_is_charged_with_the_longest_wait_of_a_thread(tmp_path):
    tasks, cgroup = tmp_path / "task", tmp_path / "cgroup"
    files = [tasks / name / "schedstat" for name in ("7", "8")]
    for file in (*files, cgroup / "cpu.stat"):
        file.parent.mkdir(parents=True)
    files[0].write_text("5 1000000000 3")
    files[1].write_text("5 0 3")
    (cgroup / "cpu.stat").write_text("throttled_usec 0")
    now = [0.0]
    meter = LossMeter(tasks, cgroup, lambda: now[0])
    meter.refresh()

    def block():
        now[0] += 2.0
        files[0].write_text("9 1500000000 4")
        files[1].write_text("9 1000000000 4")
        (cgroup / "cpu.stat").write_text("throttled_usec 500000")
        return 0.25

    seconds, loss = meter.watch(block)
    assert seconds == 0.25
    assert (loss.waiting, loss.throttled) == (pytest.approx(0.5), pytest.approx(0.25))
    meter.close()
    assert LossMeter(tmp_path / "none", tmp_path / "none").watch(lambda: 1.0) == (1.0, QUIET)


FULL = Part(10, 10)
BUSY = Spoiled("busy", "Others were busy.")


def outcome(key, *samples, spoiled=None, part=FULL):
    return Outcome(key, "ok", Timing(samples, part, 0.5), 0.0, spoiled=spoiled)


def test_another_run_in_turns_mends_a_lane_or_says_that_it_did_not():
    before = outcome("a", 5.0, 9.0, spoiled=BUSY)
    mended = worker.after_turns(before, judge((1.0, 1.1, 1.2)))
    assert (mended.timing.samples, mended.spoiled) == ((1.0, 1.1, 1.2), None)
    still = worker.after_turns(before, judge((4.0,), (WAITED,), 1.0))
    assert still.timing.samples == (5.0, 9.0, 4.0)
    assert still.spoiled.reason.endswith("run again in turns, and stayed so.")
    assert still.counted() == 4.0


def test_only_spoiled_lanes_for_which_there_is_time_run_again():
    outcomes = {
        "quick": outcome("quick", 0.01, spoiled=BUSY), "slow": outcome("slow", 9.0, spoiled=BUSY),
        "good": outcome("good", 0.01), "leader": outcome("leader", 0.01, spoiled=BUSY),
    }  # fmt: skip
    assert worker.spoiled_times(outcomes, ["leader"], 1.0) == {"quick": 0.01}
    assert set(worker.spoiled_times(outcomes, [], 100.0)) == {"quick", "slow", "leader"}


LISTS, NUMPY, TORCH = choose_lanes(["naive_lists", "matmul_numpy", "matmul_torch"])


def report(*outcomes, turns=None):
    machine = Machine("a processor", 1.0, "so", 1.0, "thus")
    lanes = (LISTS, NUMPY, TORCH)
    return RaceReport(
        Workload(10, 10, 10), 2, lanes, outcomes, "done", machine, turns=turns
    )  # fmt: skip


def test_a_spoiled_lane_is_ranked_by_its_fastest_sample_and_every_part_says_so():
    done = report(
        outcome("naive_lists", 1.0),
        outcome("matmul_numpy", 2e-3, 9e-3, 9e-3, spoiled=BUSY),  # by its median it would be last
        outcome("matmul_torch", 4e-3, 4e-3, 4e-3),
    )
    won = winner(done)
    assert [one.strategy for one in won.leaders] == ["matmul_numpy"]
    assert won.factor == pytest.approx(500)
    sentence = text.headline(done)
    assert sentence.startswith("A @ B (NumPy) is about 500 times faster than Three loops")
    assert (
        "The samples of A @ B (NumPy) are spoiled (busy): its fastest one counts, and" in sentence
    )
    numpy = done.result("matmul_numpy")
    assert (numpy.fastest_seconds, numpy.speedup) == (2e-3, pytest.approx(500))
    assert text.how_text(numpy) == "measured, spoiled: busy"
    html = bars.board(done)
    assert html.count('title="busy: Others were busy.">spoiled<') == 1
    assert "Spoiled: Others were busy. Only the fastest sample counts." in html
    assert html.count("bar-fill race-doubtful race-best") == 1
    assert "spoiled" not in bars.board(report(outcome("naive_lists", 1.0)))


def test_the_podium_counts_the_same_seconds_as_the_sentence():
    turns = {"matmul_numpy": (3e-3, 3e-3, 3e-3), "matmul_torch": (5e-3, 5e-3, 5e-3)}
    spoiled = outcome("matmul_torch", 2e-3, 9e-3, spoiled=BUSY)
    done = report(outcome("naive_lists", 1.0), outcome("matmul_numpy", 3e-3), spoiled, turns=turns)
    assert [one.strategy for one in done.podium()] == ["matmul_torch", "matmul_numpy"]
    assert winner(done).leaders[0].strategy == "matmul_torch"
    assert "1. A @ B (torch) 5.00 ms (fastest 2.00 ms, spoiled)" in text.podium_text(done)


def test_a_spoiled_lane_beside_the_podium_may_win_and_spoiled_lanes_tie_within_a_tenth():
    turns = {"matmul_torch": (5e-3, 5e-3, 5e-3)}
    first = outcome("matmul_numpy", 1e-3, 9e-3, spoiled=BUSY)  # there was no time for its turn
    done = report(outcome("naive_lists", 1.0), first, outcome("matmul_torch", 5e-3), turns=turns)
    assert [one.strategy for one in winner(done).leaders] == ["matmul_numpy"]
    for seconds, names in ((1.05e-3, 2), (1.2e-3, 1)):
        turns = {"matmul_numpy": (1e-3,) * 3, "matmul_torch": (seconds,) * 3}
        other = outcome("matmul_torch", seconds, 8e-3, spoiled=BUSY)
        done = report(outcome("naive_lists", 1.0), first, other, turns=turns)
        assert len(winner(done).leaders) == names
        assert ("tie" in text.headline(done)) == (names == 2)


def turn_lanes(monkeypatch, *losses):
    """Run two leaders in turns that lose so much; what is sent, and the turns that count."""

    class Runner:
        def take_turns(self, lanes, *_):
            return {"a": ((1.0, losses[0]),), "b": ((2.0, losses[1]),)}

    class Watch:
        busy = staticmethod(lambda: 1.0)
        stolen = staticmethod(lambda: 0.0)

    monkeypatch.setattr(worker.processor, "NeighbourWatch", Watch)
    outcomes = {"a": outcome("a", 3.0, spoiled=BUSY), "b": outcome("b", 2.0)}
    sent = []
    ladder, times = {"a": None, "b": None}, {"a": 3.0, "b": 2.0}
    turns = worker.run_again(Runner(), ladder, ["a", "b"], outcomes, times, 1.0, sent.append)
    return turns, sent


def test_turns_count_only_where_none_of_them_was_disturbed(monkeypatch):
    turns, (mended,) = turn_lanes(monkeypatch, QUIET, QUIET)
    assert turns == {"a": (1.0,), "b": (2.0,)}
    assert (mended.strategy, mended.spoiled, mended.timing.samples) == ("a", None, (1.0,))
    turns, (mended,) = turn_lanes(monkeypatch, QUIET, WAITED)
    assert turns == {}
    assert mended.spoiled is None
    turns, (still,) = turn_lanes(monkeypatch, WAITED, QUIET)
    assert turns == {}
    assert still.spoiled.cause == "busy"


def test_the_fastest_sample_stands_beside_the_median_and_what_was_left_out_is_told():
    timing = Timing((2e-3, 1e-3, 3e-3), FULL, 0.5, disturbed=4)
    (result,) = report(replace(outcome("matmul_numpy"), timing=timing)).results
    said = text.samples_text(result)
    assert said.startswith("Median 2.00 ms, fastest 1.00 ms of 3 samples. 4 more were left out")
    assert text.row_texts(result)[:2] == ("2.00 ms", "1.00 ms")


def test_a_lane_that_comes_again_takes_the_place_of_its_first_outcome():
    race = make_race(Settings("10x10x10", "matmul_numpy", budget=1))
    race._take(outcome("matmul_numpy", 9.0, spoiled=BUSY))
    (only,) = race._take(outcome("matmul_numpy", 1.0)).outcomes
    assert only.timing.samples == (1.0,)


@pytest.mark.slow
def test_beside_programs_that_take_every_processor_a_lane_is_spoiled_or_its_samples_sifted():
    """More burners than processors: every thread of the race must wait now and then."""
    burn = [
        sys.executable,
        "-c",
        "import time\nend = time.time() + 120\nwhile time.time() < end: 0",
    ]
    burners = [subprocess.Popen(burn) for _ in range(8)]
    try:
        done = run_race(Settings("300x300x300", "naive_lists,matmul_numpy", budget=4))
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert [result.status for result in done.results] == ["ok", "ok"]
    assert all(result.disturbed for result in done.results)
    assert done.neighbours > 0.25
    spoiled = [result for result in done.results if result.spoiled]
    assert ("spoiled" in text.headline(done)) == bool(spoiled)
