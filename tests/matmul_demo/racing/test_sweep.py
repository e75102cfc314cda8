"""Sweeps in a real worker process, and how they are drawn."""

import os
import re
import signal

import pytest

from matmul_demo.errors import RaceError
from matmul_demo.options import Settings
from matmul_demo.racing.sweep import Sweep
from matmul_demo.web.charts import sweep as sweep_chart

PAIR = ("matmul_numpy", "numba_ikj")


def test_every_size_is_raced_in_one_worker(threads):
    *_, last = Sweep(Settings(lanes=PAIR, budget=2), (8, 16)).run()
    assert threads.started == 1
    assert last.phase == "done"
    assert [report.workload.shape for report in last.reports] == ["8x8x8", "16x16x16"]
    for report in last.reports:
        assert report.phase == "done"
        assert {r.strategy: r.status for r in report.results} == dict.fromkeys(PAIR, "ok")
    html = sweep_chart.section(last)
    assert html.count("plot-mark") == 4
    assert html.count("series series-") == 2
    assert "2 of 2 sizes done" in html


@pytest.mark.slow
def test_stop_ends_a_sweep_and_what_was_measured_stays():
    sweep = Sweep(Settings(lanes="naive_torch,matmul_numpy", budget=4), (8, 1024))
    for report in sweep.run():
        if len(report.reports) == 2 and report.reports[1].running:
            process = sweep._worker.process
            sweep.stop()
    assert process.returncode == -signal.SIGKILL
    assert report.phase == "stopped"
    assert report.reports[0].phase == "done"
    assert "Stopped: 1 of 2 sizes done" in sweep_chart.status(report)


@pytest.mark.slow
def test_a_dead_worker_costs_one_lane_and_the_sweep_goes_on():
    sweep = Sweep(Settings(lanes=PAIR, budget=2), (8, 16))
    killed = False
    for report in sweep.run():
        if not killed and report.reports and report.reports[-1].running:
            os.kill(sweep._worker.process.pid, signal.SIGKILL)
            killed = True
    assert report.phase == "done"
    statuses = [r.status for race in report.reports for r in race.results]
    assert sorted(statuses) == ["ok", "ok", "ok", "stopped"]


@pytest.mark.slow
def test_leaving_the_page_ends_the_worker():
    sweep = Sweep(Settings(lanes=PAIR), (8, 16))
    reports = sweep.run()
    next(report for report in reports if report.reports and report.reports[-1].running)
    process = sweep._worker.process
    reports.close()
    assert process.poll() is not None


def test_a_sweep_takes_no_more_lanes_than_can_be_told_apart():
    with pytest.raises(RaceError, match="1 to 6 lanes, and 39 were chosen"):
        Sweep(Settings())


def test_before_a_sweep_the_plot_has_its_place_and_every_size_its_label():
    html = sweep_chart.section(Sweep().report)
    ticks = re.findall(r'style="left:[\d.]+%">([\d,]+)<', html)
    assert ticks == ["16", "32", "64", "128", "256", "512", "1,024"]
    assert "plot-mark" not in html
    assert html.count("plot-key") == 6
