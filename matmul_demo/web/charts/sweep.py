"""A sweep as HTML: speed over size on logarithmic axes, a legend, and the figures."""

from __future__ import annotations

import math
from html import escape

from matmul_demo.lanes.strategy import Strategy
from matmul_demo.racing.report import Result
from matmul_demo.racing.sweep import SweepReport
from matmul_demo.text import seconds_text, three_digits
from matmul_demo.web.charts import html, plot
from matmul_demo.web.teaching import cliffs

WAITING = (
    "Choose up to six lanes and the sizes, and press Sweep: one size after the other, in about "
    "twenty seconds."
)
Y_NAME = "GFLOP/s"
TICK_GAP = 1.3  # factor between two sizes that are both labelled
EMPTY_AXIS = plot.Axis(-3, 3)


def section(sweep: SweepReport) -> str:
    """What happens now, the plot, its legend, and the figures to unfold."""
    return (
        f'<div class="race-sweep" data-phase="{sweep.phase}">'
        f'<p class="race-summary" role="status">{escape(status(sweep))}</p>'
        f"{_plot(sweep)}{_cliffs(sweep)}{_legend(sweep)}{_figures(sweep)}</div>"
    )


def status(sweep: SweepReport) -> str:
    """One sentence: what to do, what happens now, or what came out."""
    if sweep.phase == "waiting":
        return WAITING
    if sweep.phase == "queued":
        return "Waiting for other visitors' work on this server to end; then your sweep begins."
    if sweep.phase == "starting":
        return "Starting a clean process: about three seconds."
    finished = sum(report.phase == "done" for report in sweep.reports)
    count = f"{finished} of {len(sweep.sizes)} sizes done"
    if sweep.phase == "racing":
        return f"{count}; now n = {sweep.sizes[len(sweep.reports) - 1]:,}."
    end = "Stopped: " if sweep.phase == "stopped" else ""
    return f"{end}{count}. {_winners(sweep)}".strip()


def _winners(sweep: SweepReport) -> str:
    """Who was fastest at the smallest and the largest size."""
    ranked = [report for report in sweep.reports if report.ranking()]
    if not ranked:
        return "No lane finished with a right result."
    first, last = ranked[0], ranked[-1]
    names = [report.lane_name(report.ranking()[0].strategy) for report in (first, last)]
    if first is last or names[0] == names[1]:
        return f"Fastest: {names[-1]}."
    return (
        f"Fastest at n = {first.workload.rows:,}: {names[0]}; "
        f"at n = {last.workload.rows:,}: {names[1]}."
    )


def _plot(sweep: SweepReport) -> str:
    rates = [r.gflops for report in sweep.reports for r in report.results if r.gflops]
    peaks = [r.machine.peak_gflops for r in sweep.reports if r.machine and r.machine.peak_gflops]
    values = [*rates, *peaks]
    frame = plot.Frame(
        plot.Axis(math.log10(sweep.sizes[0] / 1.3), math.log10(sweep.sizes[-1] * 1.3)),
        plot.spanning(values, least=3) if values else EMPTY_AXIS,
        f"n, of {sweep.series.product}",
        Y_NAME,
        _ticks(sweep.sizes),
    )
    lines = marks = ""
    if peaks:
        peak = max(peaks)
        lines += frame.line([(frame.x.ends[0], peak), (frame.x.ends[1], peak)], "roof")
    for index, lane in enumerate(sweep.lanes):
        points = [(size, result) for size, result in _results(sweep, lane) if result.gflops]
        places = [(float(size), result.gflops or 0.0) for size, result in points]
        lines += frame.line(places, f"series series-{index}") if len(places) > 1 else ""
        for (size, result), place in zip(points, places, strict=True):
            kind = f"series-{index}" + " dot-estimate" * result.estimated
            marks += frame.mark(place, kind, f"{lane.name}, n = {size:,}: {_rate(result)}")
    description = f"Speed of {len(sweep.lanes)} lanes over {len(sweep.sizes)} sizes."
    return frame.draw(description, lines, marks)


def _ticks(sizes: tuple[int, ...]) -> tuple[float, ...]:
    """The sizes to label: of those beside each other the power of two, or the last."""
    groups: list[list[int]] = []
    for size in sizes:
        if groups and size < TICK_GAP * groups[-1][0]:
            groups[-1].append(size)
        else:
            groups.append([size])
    powers = ([size for size in group if size & (size - 1) == 0] for group in groups)
    return tuple(float((power or group)[-1]) for power, group in zip(powers, groups, strict=True))


def _cliffs(sweep: SweepReport) -> str:
    """The largest cliffs, each in a sentence, when all sizes are done; its room is not kept."""
    if sweep.phase not in ("done", "stopped") or not sweep.reports:
        return ""
    found = cliffs.of_sweep(sweep)
    if not found:
        note = f"No two neighbouring sizes differ by a factor of {cliffs.FACTOR:g} or more."
        return f'<p class="race-cliffs">{note}</p>'
    items = "".join(f"<li>{escape(cliff.sentence)}</li>" for cliff in found)
    return f'<div class="race-cliffs"><h3>Cliffs</h3><ul>{items}</ul></div>'


def _results(sweep: SweepReport, lane: Strategy) -> list[tuple[int, Result]]:
    pairs = ((report.workload.rows, report.result(lane.key)) for report in sweep.reports)
    return [(size, result) for size, result in pairs if result]


def _rate(result: Result) -> str:
    about = "≈ " if result.estimated else ""
    return f"{about}{three_digits(result.gflops or 0.0)} GFLOP/s, {seconds_text(result.seconds)}"


def _legend(sweep: SweepReport) -> str:
    items = "".join(
        f'<span><i class="plot-key series-{index}"></i>{escape(lane.name)}</span>'
        for index, lane in enumerate(sweep.lanes)
    )
    return (
        f'<p class="race-legend plot-legend">{items}<span><i class="race-key-roof"></i>'
        f"peak of {sweep.threads} thread{'s' * (sweep.threads > 1)}, {sweep.dtype}</span>"
        "<span>pale: estimated from a part of the rows</span></p>"
    )


def _figures(sweep: SweepReport) -> str:
    rows = []
    for lane in sweep.lanes:
        by_size = dict(_results(sweep, lane))
        rows.append(html.row(lane.name, *(_cell(by_size.get(size)) for size in sweep.sizes)))
    columns = ("lane", *(f"n = {size:,}" for size in sweep.sizes))
    return f"<details><summary>Figures, in GFLOP/s</summary>{html.table(columns, rows)}</details>"


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    if not result.gflops:
        return result.status
    return ("≈ " if result.estimated else "") + three_digits(result.gflops)
