"""Texts and drawing, from reports that are put together by hand."""

import re
from dataclasses import fields, replace

import pytest

from matmul_demo import text
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.charts import bars as chart
from matmul_demo.web.teaching.ghosts import Ghost
from matmul_demo.web.teaching.job import PageReport
from matmul_demo.workloads import Workload

WORKLOAD = Workload(100, 50, 10)
NAIVE, LOOPS = LADDER[:2]
FAST = next(lane for lane in LADDER if lane.key == "matmul_numpy")
GPU = next(lane for lane in LADDER if lane.device == "cuda")
LANES = (NAIVE, LOOPS, FAST, GPU)
MACHINE = Machine("a <processor>", 10.0, "so", 10.0, "thus")  # floor: 100,000 FLOP / 1e10 = 10 µs


OUTCOMES = (
    Outcome(NAIVE.key, "ok", Timing((9e-3, 1e-2, 1.1e-2), Part(10, 10), 0.5), 1e-16),
    Outcome(LOOPS.key, "wrong", Timing((1e-9,), Part(100, 10), 0.5), 0.5, "Off by <half>."),
    Outcome(FAST.key, "ok", Timing((1e-4, 1e-4, 1e-4), Part(100, 10), 0.5), 1e-7),
    Outcome(GPU.key, "unavailable", reason="No GPU."),
)


def report(phase="done", running=None, neighbours=None, **others):
    base = RaceReport(WORKLOAD, 2, LANES, OUTCOMES, phase, MACHINE, "digits", running, neighbours)
    return replace(base, **others)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "–"),
        (3.314e-3, "3.31 ms"),
        (0.99999e-3, "1.00 ms"),
        (22.3e-6, "22.3 µs"),
        (159.6e-9, "160 ns"),
        (1.5, "1.50 s"),
        (95.0, "95.0 s"),
        (600, "10 min"),
        (3600 * 3, "3 h"),
    ],
)
def test_times_have_three_digits_and_a_unit(seconds, expected):
    assert text.seconds_text(seconds) == expected


def test_other_figures():
    assert text.times_text(51497) == "51,500×"
    assert text.times_text(0.0123) == "0.0123×"
    assert text.percent_text(0.853) == "85 %"
    assert text.percent_text(0.0123) == "1.2 %"
    assert text.percent_text(1e-9) == "< 0.001 %"


def test_axis_covers_the_decades_of_all_times_and_the_floor():
    axis = chart.make_axis(report())
    assert (axis.low, axis.high) == (-10, 0)  # the wrong 1 ns is drawn as no bar but must not crash
    axis = chart.Axis(-6, 0)
    assert axis.percent(1e-6) == 0
    assert axis.percent(1e-3) == pytest.approx(50)
    assert axis.percent(1.0) == 100
    assert axis.percent(1e9) == 100


def lane_html(html, lane):
    return re.search(rf'data-lane="{lane.key}">.*?(?=<details)', html, re.DOTALL)[0]


def test_a_bar_ends_at_its_time_on_the_logarithmic_axis():
    shown = report()
    axis = chart.make_axis(shown)
    expected = 100 * (-4 - axis.low) / (axis.high - axis.low)  # 10⁻⁴ s
    assert f"width:{expected:.2f}%" in lane_html(chart.board(shown), FAST)


def test_estimates_are_hatched_and_the_winner_is_marked():
    html = chart.board(report())
    assert "bar-fill race-estimate" in lane_html(html, NAIVE)
    assert "≈ 100 ms" in lane_html(html, NAIVE)
    assert "race-best" in lane_html(html, FAST)
    assert "race-estimate" not in lane_html(html, FAST)
    assert "race-best" not in lane_html(chart.board(report("racing")), FAST)  # not yet


def test_a_wrong_or_missing_lane_has_a_reason_and_no_bar():
    html = chart.board(report())
    assert "bar-fill" not in lane_html(html, LOOPS)
    assert "Off by &lt;half&gt;." in lane_html(html, LOOPS)
    assert "1 lane wants a CUDA GPU</summary>" in html  # one folded line
    assert f"<li>{GPU.name}: No GPU.</li>" in html
    assert f'data-lane="{GPU.key}"' not in html
    assert "<half>" not in html
    assert "<processor>" not in html


def test_the_floor_is_a_line_with_its_time():
    html = chart.board(report())
    assert "race-floor" in lane_html(html, FAST)
    assert "floor 10.0 µs" in html


def test_every_lane_has_its_row_before_it_has_a_result():
    empty = RaceReport(WORKLOAD, 2, LANES)
    for part in (chart.board(empty), chart.board(report())):
        assert part.count('class="race-lane ') == len(LANES) - 1  # not the GPU's
    for part in (chart.table(empty), chart.table(report())):
        assert part.count("<tr") == len(LANES)
    assert "Press Race" in chart.board(empty)


def test_headline_is_honest_on_estimates_and_the_floor():
    sentence = text.headline(report())
    assert sentence.startswith(
        "A @ B (NumPy) is about 1,000 times faster than Three loops on lists"
    )
    assert "(an estimate)" in sentence
    assert "10.0 µs: the winner takes 10.0 times as long" in sentence
    slowed = report(machine=replace(MACHINE, peak_gflops=0.1))  # a floor of 1 ms
    assert "measured as 1.00 ms, but the winner was faster" in text.headline(slowed)
    nothing = RaceReport(WORKLOAD, 2, LANES, phase="done")
    assert text.headline(nothing) == "No lane finished with a right result."


def test_the_page_says_what_happens_now():
    racing = report("racing", FAST.key, outcomes=OUTCOMES[:2])
    assert "2 of 3 lanes done; now: A @ B (NumPy)" in chart.board(racing)


def test_a_stopped_race_counts_what_was_timed_and_ranks_nothing():
    ended = Outcome(FAST.key, "stopped", reason="Ended by Stop.")
    html = chart.board(report("stopped", outcomes=(*OUTCOMES[:2], ended)))
    assert "Stopped: 2 of 3 lanes were timed." in html
    assert "times faster" not in html
    assert "bar-fill race-best" not in html


def factors(html, lane):
    return re.findall(r'class="race-(?:step|total)">([^<]*)<', lane_html(html, lane))


def test_the_steps_multiply_up_to_the_headline():
    middle = Outcome(LOOPS.key, "ok", Timing((1e-2,), Part(100, 10), 0.5), 1e-7)
    done = report(outcomes=(OUTCOMES[0], middle, OUTCOMES[2]))
    html = chart.board(done)
    assert factors(html, NAIVE) == ["", "1.00×"]
    assert factors(html, LOOPS) == ["10.0×", "10.0×"]
    assert factors(html, FAST) == ["100×", "1,000×"]
    assert text.headline(done).startswith("A @ B (NumPy) is about 1,000 times faster than Three")


def test_a_baseline_without_a_right_result_is_told():
    html = chart.board(report(baseline=LOOPS.key))
    assert f"{LOOPS.name}, has no right result: speed-ups are over {NAIVE.name}." in html


def test_a_lane_holds_its_code_and_what_changed():
    html = lane_html(chart.board(report()), LOOPS)
    assert "<del>−     for i in range(rows):</del>" in html
    assert "<ins>+     columns = list(zip(*b, strict=True))</ins>" in html
    assert LOOPS.teaches.split(":")[0] in html
    assert "<ins>" not in lane_html(chart.board(report()), NAIVE)


def test_a_ghost_stands_where_its_bar_would_end_and_shows_a_lane_that_is_not_here():
    ghost = Ghost("a <GPU>", {(WORKLOAD.shape, "float32"): {GPU.key: 1e-6}})
    values = {field.name: getattr(report(), field.name) for field in fields(RaceReport)}
    html = chart.board(PageReport(**values, ghost=ghost))
    axis = chart.make_axis(report())
    mark = (
        f'class="race-ghost" style="left:{axis.percent(1e-6):.2f}%" title="a &lt;GPU&gt;: 1.00 µs"'
    )
    assert mark in lane_html(html + "<details", GPU)
    assert "wants a CUDA GPU" not in html
    assert f"a &lt;GPU&gt;: {GPU.name} took 1.00 µs, 100,000 times faster than the baseline" in html
    for product in (("1x1x1", "float32"), (WORKLOAD.shape, "float64")):
        other = chart.board(
            PageReport(**values, ghost=replace(ghost, races={product: {FAST.key: 1e-6}}))
        )
        assert 'class="race-ghost"' not in other
        assert "its marks appear over a race of the same sizes and number type" in other


def test_the_time_to_enqueue_work_is_no_ghost():
    launch = next(lane for lane in LADDER if lane.clock == "launch")
    values = {field.name: getattr(report(), field.name) for field in fields(RaceReport)}
    values |= {"lanes": (*LANES, launch), "outcomes": OUTCOMES}
    ghost = Ghost("a GPU", {(WORKLOAD.shape, "float32"): {launch.key: 1e-9}})
    assert 'class="race-ghost"' not in chart.board(PageReport(**values, ghost=ghost))


def test_busy_neighbours_are_named():
    assert "1.2 processors busy" in text.machine_text(report(neighbours=1.2))
    assert "busy" not in text.machine_text(report(neighbours=0.1))


def test_a_lane_that_neighbours_disturbed_has_a_badge():
    busy = report(outcomes=tuple(replace(outcome, neighbours=0.9) for outcome in OUTCOMES))
    assert "0.9 processors busy while this lane ran" in lane_html(chart.board(busy), FAST)
    assert text.how_text(busy.result(FAST.key)) == "measured, busy"
    assert "race-badge" not in chart.board(report())


def test_the_podium_says_when_it_cannot_tell():
    def again(slower, spread):
        turns = {
            key: (1e-3 * factor - spread, 1e-3 * factor, 1e-3 * factor + spread)
            for key, factor in ((NAIVE.key, 1.0), (FAST.key, slower))
        }
        return text.podium_text(report(turns=turns))

    clear = (
        "1. Three loops on lists (Python) 1.00 ms (fastest 990 µs), "
        "2. A @ B (NumPy) 1.10 ms (fastest 100 µs)."
    )
    assert again(1.1, 1e-5).endswith(clear)
    assert again(1.01, 1e-4).endswith("differ by less than their spread.")
    assert text.podium_text(report()) == ""


def test_chart_and_sentence_name_the_winner_of_the_runs_in_turns():
    """Alone the first lane was faster, in turns the second."""
    lanes = (LOOPS, FAST)
    outcomes = [
        Outcome(lane.key, "ok", Timing((seconds,), Part(100, 10), 0.5), 1e-7)
        for lane, seconds in ((LOOPS, 1e-5), (FAST, 1.2e-5))
    ]
    turns = {LOOPS.key: (1.3e-5,) * 3, FAST.key: (1.1e-5,) * 3}
    done = report(lanes=lanes, outcomes=tuple(outcomes), turns=turns)
    assert [result.strategy for result in done.ranking()] == [FAST.key, LOOPS.key]
    html = chart.board(done)
    assert "race-best" in lane_html(html, FAST)
    assert "race-best" not in lane_html(html, LOOPS)
    assert text.headline(done).startswith("A @ B (NumPy) is 1.18 times faster than zip and sum")
    assert "in turns: 1. A @ B (NumPy) 11.0 µs" in text.podium_text(done)


def test_table_for_a_terminal_has_a_line_for_each_lane_and_the_reasons():
    lines = text.text_table(report()).splitlines()
    assert sum(line.startswith(tuple(lane.key for lane in LANES)) for line in lines) == 4 + 2
    assert "estimate, 10 rows" in next(line for line in lines if line.startswith(NAIVE.key))
    assert f"{GPU.key}: No GPU." in lines
