import json

import pytest

from matmul_demo import text
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.report import Outcome, RaceReport, tolerance, winner
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.workloads import Workload

WORKLOAD = Workload(100, 50, 10)  # 100,000 floating-point operations
FULL = Part(100, 10)
MACHINE = Machine("a processor", 100.0, "so", 10.0, "thus")
NAIVE = LADDER[0]
NUMPY_LOOPS = next(lane for lane in LADDER if lane.key == "naive_numpy")
FAST = next(lane for lane in LADDER if lane.key == "matmul_numpy")
GPU = next(lane for lane in LADDER if lane.device == "cuda")
LANES = (NAIVE, NUMPY_LOOPS, FAST, GPU)


def results_of(outcomes, lanes=LANES, floor=None, **others):
    """The results on a machine with this floor in seconds."""
    peak = WORKLOAD.flop / floor / 1e9 if floor else None
    machine = Machine("", peak, "", 1e9, "")
    return RaceReport(WORKLOAD, 1, lanes, tuple(outcomes), "done", machine, **others).results


def outcome(lane, *samples, part=FULL, status="ok", error=1e-7, reason=None):
    return Outcome(lane.key, status, Timing(samples, part, 0.5), error, reason)


def test_median_quartiles_and_rates_are_those_of_the_samples():
    (result,) = results_of([outcome(FAST, 4e-6, 1e-6, 2e-6, 5e-6, 3e-6)], floor=1.5e-6)
    assert result.seconds == pytest.approx(3e-6)
    assert result.quartile_seconds == pytest.approx((2e-6, 4e-6))
    assert result.iqr_seconds == pytest.approx(2e-6)
    assert result.samples == 5
    assert result.gflops == pytest.approx(100_000 / 3e-6 / 1e9)
    assert result.floor_fraction == pytest.approx(0.5)
    assert result.gbs == pytest.approx(4 * 6500 / 3e-6 / 1e9)  # 5,000 + 500 + 1,000 numbers
    assert result.first_call_seconds == 0.5
    assert not result.estimated


def test_a_part_is_extrapolated_and_marked():
    (result,) = results_of([outcome(NAIVE, 1.0, 1.2, 1.4, part=Part(4, 10))])
    assert result.seconds == pytest.approx(1.2 * 25)
    assert result.iqr_seconds == pytest.approx(0.2 * 25)
    assert result.estimated
    assert result.rows_measured == 4
    (tiny,) = results_of([outcome(NAIVE, 1.0, part=Part(1, 5))])
    assert tiny.seconds == pytest.approx(200.0)
    assert tiny.iqr_seconds is None
    assert tiny.rows_measured == 1


def test_speed_up_is_against_the_first_lane_that_is_right():
    outcomes = [
        outcome(FAST, 1e-6),
        outcome(NAIVE, 1e-3, status="wrong"),
        outcome(NUMPY_LOOPS, 5e-3),
    ]
    naive, loops, fast = results_of(outcomes)
    assert (naive.speedup, naive.baseline) == (None, None)
    assert (loops.speedup, loops.baseline) == (1.0, "naive_numpy")
    assert fast.speedup == pytest.approx(5000)


def test_a_wrong_result_is_never_fast():
    outcomes = [outcome(NAIVE, 1e-3), outcome(FAST, 1e-9, status="wrong", error=0.5, reason="so")]
    report = RaceReport(WORKLOAD, 1, LANES, tuple(outcomes), "done", MACHINE)
    wrong = report.result(FAST.key)
    assert wrong.gflops is None
    assert wrong.floor_fraction is None
    assert wrong.speedup is None
    assert wrong.relative_error == 0.5
    assert [result.strategy for result in report.ranking()] == [NAIVE.key]


def test_the_processors_floor_is_not_the_gpus():
    (result,) = results_of([outcome(GPU, 1e-9)], floor=1e-6)
    assert result.floor_fraction is None


def test_json_has_every_field_of_the_contract_and_nothing_that_json_lacks():
    outcomes = [
        outcome(NAIVE, 1.0, part=Part(1, 10)),
        Outcome(NUMPY_LOOPS.key, "stopped", reason="Ended by Stop."),
        outcome(FAST, 1e-6, 2e-6),
        Outcome(GPU.key, "unavailable", reason="no GPU"),
    ]
    report = RaceReport(WORKLOAD, 2, LANES, tuple(outcomes), "done", MACHINE)
    race = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert {"shape", "dtype", "device", "threads", "machine", "floor_seconds", "results"} <= set(
        race
    )
    assert {"name", "peak_gflops", "bandwidth_gbs"} <= set(race["machine"])
    assert (race["shape"], race["threads"]) == ("100x50x10", 2)
    wanted = (
        "strategy library seconds iqr_seconds samples gflops floor_fraction speedup baseline "
        "relative_error estimated rows_measured first_call_seconds status reason"
    )
    assert [result["strategy"] for result in race["results"]] == [lane.key for lane in LANES]
    for result in race["results"]:
        assert set(wanted.split()) <= set(result)
    assert [result["status"] for result in race["results"]] == [
        "ok",
        "stopped",
        "ok",
        "unavailable",
    ]


def test_tolerance_grows_with_the_root_of_the_inner_size():
    assert tolerance(Workload(1, 400, 1)) == pytest.approx(2 * tolerance(Workload(1, 100, 1)))
    assert tolerance(Workload(1, 100, 1)) == pytest.approx(8 * 10 * 2**-23)
    assert tolerance(Workload(1, 100, 1, dtype="float64")) == pytest.approx(8 * 10 * 2**-52)


def test_another_baseline_can_be_chosen():
    outcomes = [outcome(NAIVE, 8e-3), outcome(NUMPY_LOOPS, 4e-3), outcome(FAST, 1e-6)]
    results = results_of(outcomes, baseline=NUMPY_LOOPS.key)
    assert [r.speedup for r in results] == pytest.approx([0.5, 1.0, 4000])
    assert {r.baseline for r in results} == {NUMPY_LOOPS.key}
    first = results_of(outcomes, baseline=GPU.key)  # which has no result
    assert {r.baseline for r in first} == {NAIVE.key}


def test_less_exact_numbers_are_neither_first_nor_held_to_the_floor():
    lane = next(lane for lane in LADDER if lane.key == "matmul_torch_bfloat16")
    outcomes = [outcome(FAST, 2e-6), outcome(lane, 1e-6, error=3e-3)]
    results = results_of(outcomes, (FAST, lane), 1.5e-6)
    fast, reduced = results
    assert (fast.floor_fraction, reduced.floor_fraction) == (pytest.approx(0.75), None)
    assert reduced.reduced_precision
    assert reduced.gbs == pytest.approx(2 * 6500 / 1e-6 / 1e9)
    medium = next(lane for lane in LADDER if lane.key == "matmul_torch_medium")
    (same,) = results_of([outcome(medium, 1e-6)], (medium,))
    assert same.gbs == pytest.approx(4 * 6500 / 1e-6 / 1e9)  # the matrices are float32
    turns = {FAST.key: (1e-6, 3e-6)}
    report = RaceReport(WORKLOAD, 1, (FAST, lane), tuple(outcomes), "done", turns=turns)
    assert [r.strategy for r in report.ranking()] == [FAST.key]
    assert [r.podium_seconds for r in report.podium()] == pytest.approx([2e-6])


def test_busy_threads_are_counted_and_only_those_of_the_processor():
    timing = Timing((1e-6,), FULL, 0.5, 1.93)
    outcomes = [Outcome(FAST.key, "ok", timing, 1e-7), Outcome(GPU.key, "ok", timing, 1e-7)]
    fast, gpu = results_of(outcomes)
    assert (fast.processors, gpu.processors) == (1.93, None)
    column = text.COLUMNS.index("threads")
    assert [text.row_texts(r)[column] for r in (fast, gpu)] == ["1.9", "–"]


def test_the_runs_in_turns_name_one_winner_or_a_tie():
    outcomes = (outcome(NAIVE, 8e-3), outcome(NUMPY_LOOPS, 1e-6), outcome(FAST, 2e-6))

    def won(phase="done", **turns):
        again = {NUMPY_LOOPS.key: (3e-6, 4e-6, 5e-6), FAST.key: turns.get("fast", (2e-6,) * 3)}
        race = RaceReport(WORKLOAD, 1, LANES, outcomes, phase, turns=again)
        return winner(race), text.headline(race)

    clear, sentence = won()
    assert [one.strategy for one in clear.leaders] == [FAST.key]  # alone it was the slower one
    assert (clear.baseline.strategy, clear.factor) == (NAIVE.key, pytest.approx(4000))
    assert sentence.startswith("A @ B (NumPy) is 4,000 times faster")
    tie, sentence = won(fast=(3.5e-6,) * 3)
    assert [one.strategy for one in tie.leaders] == [FAST.key, NUMPY_LOOPS.key]
    assert tie.is_tie
    assert " tie: each is " in sentence
    nobody, sentence = won("stopped")
    assert nobody.leaders == ()
    assert "has no winner" in sentence
