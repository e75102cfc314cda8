"""Cliffs are found in made-up speeds, and a cause is named only where the sizes have it."""

from dataclasses import replace
from itertools import pairwise

import pytest

from matmul_demo.machine.limits import Level
from matmul_demo.machine.roofline import Machine
from matmul_demo.options import Settings
from matmul_demo.racing.disturbance import Spoiled
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.racing.sweep import BESIDE, SERIES, TALL, Sweep
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.charts import sweep as chart
from matmul_demo.web.teaching import cliffs
from matmul_demo.web.teaching.cliffs import Point, find
from matmul_demo.workloads import Workload

HOLDS = (("L1", 2**16), ("L2", 2**20))


def point(gflops, rows, inner=None, columns=None):
    workload = Workload(rows, inner or rows, columns or rows)
    return Point(workload, workload.flop / gflops / 1e9)


def causes(*points):
    return [cliff.cause for cliff in find("a lane", points, HOLDS)]


def test_speeds_that_grow_or_differ_little_are_no_cliff():
    assert causes(point(1, 64), point(4, 128), point(20, 256), point(15, 257)) == []


def test_rows_of_a_power_of_two_share_places_in_a_cache():
    (cause,) = causes(point(10, 1000), point(4, 1024), point(5, 1030))
    assert cause.startswith("probably because a row of B has 4,096 bytes, a multiple of 1,024")
    both = find("a lane", [point(9, 255), point(3, 256), point(9, 257)], HOLDS)
    assert [(x.slow.workload.rows, x.fast.workload.rows) for x in both] == [(256, 255), (256, 257)]
    assert both[0].sentence.startswith(
        "a lane is 3.00 times slower at 256 than at 255 (3.00 and 9.00 GFLOP/s): probably because"
    )


def test_columns_that_do_not_fill_a_vector_take_extra_work():
    (cause,) = causes(point(90, 256), point(30, 257))
    assert cause.startswith("probably because 257 columns are no multiple of the 16 numbers")


def test_leaving_a_cache_is_told_with_its_size():
    (cause,) = causes(point(20, 250), point(5, 400))  # 0.715 and 1.83 MiB
    assert cause == "probably because A, B and C, 1.83 MiB, do not fit into L2, 1.00 MiB, any more"
    (cause,) = causes(point(20, 300), point(5, 400))  # 1.03 MiB: left before
    assert cause == "these figures do not show why"


def test_the_price_of_a_call_is_told_where_more_work_takes_as_long():
    few, many = Workload(10, 784, 10), Workload(100, 784, 10)
    points = [Point(few, 8e-6), Point(many, 10e-6)]
    (cliff,) = find("a lane", points, HOLDS)
    assert "probably the call itself, which takes most of the 8.00 µs" in cliff.cause
    assert "10.0 times the arithmetic takes 10.0 µs" in cliff.cause
    assert causes(point(1, 16), point(10, 64)) == []  # 64 times the work in 6.4 times the time


def swept(*, spoiled=None, part=None):
    """A sweep of one lane over 255 and 256, whose second is four times slower."""
    sweep = Sweep(Settings(lanes="matmul_numpy"), (255, 256))
    reports = []
    for size, seconds in ((255, 1e-3), (256, 4e-3)):
        timing = Timing((seconds,) * 3, part or Part(size, size), 0.1)
        outcome = Outcome("matmul_numpy", "ok", timing, 0.0, spoiled=spoiled)
        machine = Machine("", 100.0, "", 10.0, "", levels=(Level("L2", 2**20, 9.0),))
        workload = Workload(size, size, size)
        reports.append(RaceReport(workload, 1, sweep.report.lanes, (outcome,), "done", machine))
    return replace(sweep.report, reports=tuple(reports), phase="done")


def test_the_page_tells_cliffs_of_samples_that_can_be_trusted():
    html = chart.section(swept())
    assert html.count("<li>A @ B (NumPy) is 3.95 times slower at 256 than at 255 (8.39 and") == 1
    assert "race-cliffs" not in chart.section(replace(swept(), phase="racing"))
    for doubtful in (swept(spoiled=Spoiled("busy", "So.")), swept(part=Part(9, 9))):
        assert cliffs.of_sweep(doubtful) == []
        assert "No two neighbouring sizes differ by a factor of 1.5" in chart.section(doubtful)


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_every_series_can_be_swept_and_labels_stand_apart(series):
    sweep = Sweep(series=series)
    assert [settings.shape for settings in sweep._settings] == [
        series.shape(size) for size in series.sizes
    ]
    ticks = chart._ticks(series.sizes)
    assert all(b > 1.2 * a for a, b in pairwise(ticks))
    assert f"n, of {series.product}" in chart.section(sweep.report)


def test_sizes_beside_powers_of_two_and_tall_products_are_offered():
    assert {255, 256, 257, 1000, 1024, 1030} <= set(BESIDE.sizes) & set(TALL.sizes)
    assert TALL.shape(1000) == "1000x784x10"
    assert chart._ticks(BESIDE.sizes) == (128, 256, 512, 1024)
