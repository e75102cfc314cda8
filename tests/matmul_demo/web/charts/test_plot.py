"""Positions on logarithmic axes, and the roofline plot."""

import re
from dataclasses import fields, replace

import pytest

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.limits import Level
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.charts import lesson, plot
from matmul_demo.web.charts import roofline as roofline_chart
from matmul_demo.web.teaching.job import PageReport
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL, Workload, parse_shape

BY_KEY = {lane.key: lane for lane in LADDER}
KEYS = ("naive_lists", "matmul_numpy", "matmul_torch_bfloat16")
LANES = tuple(BY_KEY[key] for key in KEYS)
WORKLOAD = Workload(100, 100, 100)  # 2 MFLOP on 120,000 bytes: 16.7 FLOP/byte
MACHINE = Machine("a processor", 200.0, "so", 20.0, "thus")  # the roof bends at 10 FLOP/byte


def report(machine=MACHINE, phase="done"):
    part = Timing((1.0,), Part(5, 100), 1.0)
    full = Timing((2e-5, 2e-5), Part(100, 100), 1.0)
    outcomes = [
        Outcome("naive_lists", "ok", part, 0.0),
        Outcome("matmul_numpy", "ok", full, 1e-7),
        Outcome("matmul_torch_bfloat16", "ok", full, 3e-3),
    ]
    return RaceReport(WORKLOAD, 2, LANES, tuple(outcomes), phase, machine)


def test_places_are_per_cent_from_the_upper_left_corner():
    frame = plot.Frame(plot.Axis(0, 2), plot.Axis(-1, 1), "x", "y")
    assert frame.place((10.0, 10.0)) == pytest.approx((50, 0))
    assert frame.place((1.0, 1.0)) == pytest.approx((0, 50))
    assert frame.place((1e9, 1e-9)) == pytest.approx((100, 100))  # kept inside


def test_an_axis_holds_its_values_and_labels_its_decades():
    axis = plot.spanning([0.5, 30.0])
    assert (axis.low, axis.high) == (-1, 2)
    assert axis.decades == pytest.approx((0.1, 1, 10, 100))
    assert plot.spanning([5.0]).decades == pytest.approx((1, 10, 100))
    assert plot.Axis(1.1, 3.2).decades == (100, 1000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1000.0, "1,000"), (16.0, "16"), (0.001, "0.001"), (1e-4, "10⁻⁴"), (1e-12, "10⁻¹²")],
)
def test_ticks_are_short(value, expected):
    assert plot.tick_text(value) == expected


def test_labels_keep_their_distance_and_stay_inside():
    assert plot.spread([10, 50, 90], 15, 100) == [10, 50, 90]
    assert plot.spread([10, 11, 12], 15, 100) == [10, 25, 40]
    assert plot.spread([98, 99, 100], 15, 100) == [70, 85, 100]
    crowded = plot.spread([50] * 21, 15, 100)
    assert crowded == pytest.approx([5 * i for i in range(21)])
    assert plot.spread([], 15, 100) == []


def mark(html, name):
    """Left and top of a lane's mark, its classes and its title."""
    found = re.search(
        r'plot-mark ([^"]*)" style="left:([\d.]+)%;top:([\d.]+)%" '
        rf'title="({re.escape(name)}[^"]*)"',
        html,
    )
    return float(found[2]), float(found[3]), found[1].split(), found[4]


def test_a_dot_stands_at_its_intensity_and_speed():
    html = roofline_chart.section(report())
    left, top, kinds, title = mark(html, "A @ B (NumPy)")
    # x from 10^0 (10/4 and below) to 10^3 (33.3 · 4): log10(16.67) = 1.222
    assert left == pytest.approx(100 * 1.222 / 3, abs=0.1)
    # 2 MFLOP in 20 µs: 100 GFLOP/s; y from 10^-5 … 10^3
    assert title.endswith("100 GFLOP/s at 16.7 FLOP/byte")
    assert "dot-best" in kinds
    assert "dot-estimate" not in kinds
    slow = mark(html, "Three loops on lists")
    assert slow[0] == pytest.approx(left)  # the same arithmetic on the same bytes
    assert slow[1] > top
    assert "dot-estimate" in slow[2]
    assert "≈ 0.000100 GFLOP/s" in slow[3]
    half = mark(html, "A @ B in bfloat16")
    assert half[3].endswith("at 33.3 FLOP/byte")
    assert half[0] > left
    assert "dot-reduced" in half[2]


def test_only_the_end_of_a_race_has_a_winner_and_a_tie_has_two():
    for phase in ("racing", "stopped"):
        assert "dot-best" not in roofline_chart.section(report(phase=phase))
    lanes = tuple(BY_KEY[key] for key in ("matmul_numpy", "matmul_torch"))
    full = Timing((2e-5, 2e-5), Part(100, 100), 1.0)
    outcomes = tuple(Outcome(lane.key, "ok", full, 1e-7) for lane in lanes)
    turns = {lane.key: (1e-5, 2e-5, 3e-5) for lane in lanes}
    tie = RaceReport(WORKLOAD, 2, lanes, outcomes, "done", MACHINE, turns=turns)
    assert roofline_chart.section(tie).count("dot-best") == 2


def test_the_roof_bends_where_bandwidth_and_peak_meet():
    html = roofline_chart.section(report())
    points = re.search(r'class="roof" points="([^"]+)"', html)[1].split()
    (x0, y0), (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points)
    assert (x0, x2) == (0, 100)
    assert x1 == pytest.approx(100 / 3, abs=0.1)  # 10 FLOP/byte of 1 to 1,000
    assert y1 == y2 < y0
    assert "200 GFLOP/s and 20.0 GB/s" in html


def test_space_is_kept_before_the_race_and_without_limits():
    for shown in (RaceReport(WORKLOAD, 2, LANES), report(replace(MACHINE, peak_gflops=None))):
        html = roofline_chart.section(shown)
        assert 'class="plot"' in html
        assert "plot-mark" not in html
    assert "when a race begins" in roofline_chart.section(RaceReport(WORKLOAD, 2, LANES))


def test_a_wrong_lane_and_a_lane_of_the_gpu_have_no_dot():
    gpu = BY_KEY["matmul_cuda"]
    timing = Timing((1e-6,), Part(100, 100), 1.0)
    outcomes = [
        Outcome("matmul_numpy", "wrong", timing, 0.5, "Off."),
        Outcome(gpu.key, "ok", timing, 1e-7),
    ]
    lanes = (BY_KEY["matmul_numpy"], gpu)
    done = RaceReport(WORKLOAD, 2, lanes, tuple(outcomes), "done", MACHINE)
    html = roofline_chart.section(done)
    assert "plot-mark" not in html


def row(html, title, recorded):
    """The cells of the lesson's row with this lane and this recorded time."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    (found,) = [r for r in rows if title in r and f"<td>{recorded}</td>" in r]
    return re.findall(r"<td>(.*?)</td>", found)


def lesson_report(shape, dtype="float32"):
    workload = Workload(*parse_shape(shape), dtype=dtype)
    lanes = (BY_KEY["naive_numpy"], BY_KEY["broadcast_torch"], BY_KEY["cuda_launch"])
    whole = Part(workload.rows, workload.columns)
    outcomes = [
        Outcome("naive_numpy", "ok", Timing((9.55e-3,), Part(5, 10), 1.0), 1e-7),
        Outcome("broadcast_torch", "ok", Timing((69e-6,), whole, 1.0), 1e-7),
        Outcome("cuda_launch", "unavailable", reason="No GPU."),
    ]
    return RaceReport(workload, 2, lanes, tuple(outcomes), "done")


def test_the_lessons_figures_stand_beside_ours_of_the_same_shape():
    html = lesson.table(lesson_report(LESSON_BATCH))
    assert row(html, "NumPy scalars", "19.1 ms") == ["19.1 ms", "≈ 19.1 ms", "1.00×", ""]
    assert row(html, "Broadcasting", "138 µs") == ["138 µs", "69.0 µs", "2.00×", ""]
    assert row(html, "Broadcasting", "449 ms")[1:3] == ["not raced", "–"]
    full = lesson.table(lesson_report(LESSON_FULL))
    assert row(full, "Broadcasting", "138 µs")[1] == "not raced"
    assert row(full, "Broadcasting", "449 ms")[1] == "69.0 µs"
    assert row(full, "launch only", "22.3 µs")[1] == "not here"
    other = lesson.table(lesson_report(LESSON_BATCH, "float64"))
    assert row(other, "Broadcasting", "138 µs")[1] == "not raced"


def test_the_lessons_two_misleading_figures_carry_their_warning():
    html = lesson.table(lesson_report(LESSON_BATCH))
    assert "estimate" in row(html, "NumPy scalars", "95.0 s")[3]
    assert "time to enqueue the work" in row(html, "launch only", "22.3 µs")[3]
    assert ">recorded<" in html


def test_the_table_of_levels_marks_the_one_that_holds_the_race():
    levels = (Level("L1", 65_536, 400.0), Level("L2", 2**20, 100.0), Level("memory", None, 20.0))
    machine = replace(MACHINE, levels=levels, level="L2")
    shown = roofline_chart.limits_tables(report(machine))
    assert "What 2 threads can read" in shown
    marked = re.findall(r'<tr class="race-level"><th scope=.row.>(\w+)</th>', shown)
    assert marked == ["L2"]
    for cells in (
        "<td>64 KiB</td><td>400</td><td>0.500</td>",  # 200 GFLOP/s over 400 GB/s
        "<td>1 MiB</td><td>100</td><td>2.00</td>",
        "<td>all</td><td>20.0</td><td>10.0</td>",
    ):
        assert cells in shown
    before = roofline_chart.limits_tables(report(None))
    assert before.count("<tr>") >= 3  # its room is kept
    assert "race-level" not in before
    assert roofline_chart.limits_tables(report(machine)) in roofline_chart.section(report(machine))


def test_the_lessons_full_set_has_a_plot_of_its_own_when_it_is_done():
    first, second = report(), replace(report(), workload=Workload(*parse_shape(LESSON_FULL)))
    shown = {name.name: getattr(first, name.name) for name in fields(first)}
    drawn = roofline_chart.section(PageReport(**shown, full=second))
    assert drawn.count('class="plot"') == 2
    assert "The same steps on the full set, 50000×784 · 784×10" in drawn
    for full in (None, replace(second, phase="racing")):
        assert roofline_chart.section(PageReport(**shown, full=full)).count('class="plot"') == 1
