"""Three lanes to order: which, and the truth beside each guess."""

import pytest

from matmul_demo.options import Settings
from matmul_demo.racing.report import Outcome
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.presets import LESSON
from matmul_demo.web.teaching import ordering, questions
from matmul_demo.web.teaching.job import PageRace, lesson_lanes

THREE = Settings("4x784x4", "naive_torch,elementwise_torch,matmul_torch")


def raced(**seconds):
    report = PageRace(THREE).report
    outcomes = tuple(
        Outcome(lane.key, "ok", Timing((seconds[lane.key],), Part(4, 4), 1.0), 0.0)
        for lane in report.lanes if lane.key in seconds
    )  # fmt: skip
    return report.__class__(report.workload, 1, report.lanes, outcomes, "done")


def test_three_lanes_of_the_lesson_stay_the_same_while_it_runs():
    report = PageRace(LESSON.settings).report
    lanes = ordering.choose(report)
    assert len({lane.key for lane in lanes}) == 3
    assert {lane.key for lane in lanes} <= set(lesson_lanes())
    assert ordering.choose(PageRace(LESSON.settings).report) == lanes
    html = ordering.section(report)
    assert html.count('type="radio"') == 9
    assert "The race will tell." in html
    assert "Measured" not in html
    assert ordering.section(PageRace(Settings(lanes="naive_lists,matmul_numpy")).report) == ""


def test_the_lanes_are_shuffled():
    """In the order of the ladder for some products, in another for others."""
    orders = set()
    for rows in range(4, 12):
        report = PageRace(Settings(f"{rows}x784x4", THREE.lanes)).report
        orders.add(tuple(lane.key for lane in ordering.choose(report)))
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((3.0, 1.0, 2.0), [(2,), (0,), (1,)]),
        ((1.0, 1.05, 9.0), [(0, 1), (0, 1), (2,)]),
        ((1.0, 1.0, 1.0), [(0, 1, 2)] * 3),
    ],
)
def test_times_that_differ_little_may_have_either_place(times, expected):
    assert [ordering.places(times, number) for number in range(3)] == expected


def test_each_guess_has_its_truth_and_all_the_measured_order():
    html = ordering.section(raced(naive_torch=0.4, elementwise_torch=1e-3, matmul_torch=1e-5))
    (first,) = [x for x in html.split("<fieldset>") if "A @ B (torch)</q>" in x]
    assert 'data-guess="place-0">You said fastest: right. ' in first
    assert 'data-guess="place-2">You said slowest: it was fastest. ' in first
    assert (
        "fastest first:</b> A @ B (torch) 10.0 µs, Product and sum in two loops (torch) 1.00 ms, "
        "Three loops on torch elements (torch) 400 ms."
    ) in html
    assert "The race will tell." in ordering.section(raced(naive_torch=0.4, matmul_torch=1e-5))
    assert ordering.section(raced()) in questions.section(raced())
