"""A report as HTML: the headline, bars on a logarithmic axis, the table, the machine.

Every lane has its row from the start, so that nothing moves when a result arrives.
"""

from __future__ import annotations

import math
from html import escape

from matmul_demo import text
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.racing.report import RaceReport, Result
from matmul_demo.web.charts import html
from matmul_demo.web.charts.plot import Axis

WAITING = (
    "Choose a shape and lanes, then press Race. Each lane gets a bar here as soon as it is timed; "
    "the slowest takes a hundred thousand times as long as the fastest, or more."
)
FLOOR_NOTE = "the time that no method can beat on this machine"
PROCESSOR_NOTE = "the time that no method can beat on the processor"
MISSING = {"unavailable": "not here", "stopped": "stopped", "wrong": "wrong"}
TABLE_WIDTHS = (20, 8, 7, 7, 7, 7, 8, 8, 7, 6, 15)  # per cent; fixed, so that columns stay in place


def make_axis(report: RaceReport) -> Axis | None:
    """The decades of seconds that hold every time and the floor; None while there are none."""
    times = [result.seconds for result in report.results if result.seconds]
    if report.floor_seconds:
        times.append(report.floor_seconds)
    if not times:
        return None
    low = math.floor(math.log10(min(times) * 0.8))
    high = math.ceil(math.log10(max(times) * 1.05))
    return Axis(low, max(high, low + 3))


def board(report: RaceReport) -> str:
    """Headline, bars, legend and machine."""
    axis = make_axis(report)
    rows = "".join(_lane(report, lane, axis) for lane in report.lanes)
    return (
        f'<div class="race" data-phase="{report.phase}">'
        f'<p class="race-headline" role="status">{escape(status(report))}</p>'
        f'<div class="race-chart">{_axis(axis)}<div class="bars">{rows}</div>{_axis(axis)}</div>'
        f"{_legend(report)}{_machine(report)}</div>"
    )


def status(report: RaceReport) -> str:
    """One sentence: what to do, what happens now, or who won."""
    if report.phase == "waiting":
        return WAITING
    if report.phase == "queued":
        return "Waiting for other visitors' work on this server to end; then your race begins."
    if report.phase == "starting":
        return (
            "Starting a clean process, making the matrices and measuring this machine's limits: "
            "about four seconds."
        )
    if report.phase == "racing":
        count = f"{len(report.results)} of {len(report.lanes)} lanes done"
        return (
            f"{count}; now: {report.lane_name(report.running)}." if report.running else f"{count}."
        )
    if report.phase == "stopped":
        return f"Stopped. {text.headline(report) if report.ranking() else ''}"
    return text.headline(report)


def _axis(axis: Axis | None) -> str:
    """Labelled decades; every third is kept where there is little space."""
    if axis is None:
        return '<div class="race-axis" aria-hidden="true"><div></div></div>'
    ticks = []
    for exponent in range(int(axis.low), int(axis.high) + 1):
        kind = "race-tick" if exponent % 3 == 0 else "race-tick race-tick-minor"
        left = axis.percent(10.0**exponent)
        ticks.append(f'<span class="{kind}" style="left:{left:.2f}%">{_decade(exponent)}</span>')
    return f'<div class="race-axis" aria-hidden="true"><div>{"".join(ticks)}</div></div>'


def _decade(exponent: int) -> str:
    unit, power = next(
        (u, p) for u, p in (("s", 0), ("ms", -3), ("µs", -6), ("ns", -99)) if exponent >= p
    )
    return f"{10 ** (exponent - max(power, -9)):,} {unit}"


def _lane(report: RaceReport, lane: Strategy, axis: Axis | None) -> str:
    """One row: name, track with bar, whisker and floor line, time."""
    result = report.result(lane.key)
    state = result.status if result else "running" if report.running == lane.key else "waiting"
    track = _track(report, result, axis) if axis else ""
    decades = axis.high - axis.low if axis else 1
    name = f'{escape(lane.title)} <span class="muted">{lane.library}</span>'
    if result and text.is_busy(result):
        hint = f"Other programs kept {result.neighbours:.1f} processors busy while this lane ran."
        name += f' <span class="race-badge" title="{hint}">busy</span>'
    return (
        f'<div class="bar race-lane race-{state}" data-lane="{lane.key}">'
        f'<div class="bar-label">{name}</div>'
        f'<div class="bar-track" style="--decades:{decades}">{track}</div>'
        f'<div class="bar-value">{_value(result, state)}</div></div>'
    )


def _value(result: Result | None, state: str) -> str:
    if result is None:
        return "…" if state == "running" else ""
    if result.status != "ok":
        return MISSING[result.status]
    return ("≈ " if result.estimated else "") + text.seconds_text(result.seconds)


def _track(report: RaceReport, result: Result | None, axis: Axis) -> str:
    """Floor line, and the bar of a right result or the reason why there is none."""
    parts = []
    if report.floor_seconds and not (result and result.reason and result.status != "ok"):
        left = axis.percent(report.floor_seconds)
        parts.append(f'<span class="race-floor" style="left:{left:.2f}%"></span>')
    if result and result.status != "ok":
        reason = escape(result.reason or "")
        parts.append(f'<span class="race-reason" title="{reason}">{reason}</span>')
    elif result and result.seconds:
        kinds = ["bar-fill"]
        kinds += ["race-estimate"] * result.estimated
        kinds += ["race-best"] * (report.phase != "racing" and result is report.ranking()[0])
        end = axis.percent(result.seconds)
        parts.append(f'<span class="{" ".join(kinds)}" style="width:{end:.2f}%"></span>')
        parts.append(_whisker(result, axis))
    return "".join(parts)


def _whisker(result: Result, axis: Axis) -> str:
    """The middle half of the samples, from the lower quartile to the upper one."""
    if not result.quartile_seconds:
        return ""
    left, right = (axis.percent(seconds) for seconds in result.quartile_seconds)
    return f'<span class="race-whisker" style="left:{left:.2f}%;width:{right - left:.2f}%"></span>'


def _legend(report: RaceReport) -> str:
    floor = ""
    if report.floor_seconds:
        note = FLOOR_NOTE if report.workload.device == "cpu" else PROCESSOR_NOTE
        floor = f" {text.seconds_text(report.floor_seconds)}, {note}"
    return (
        '<p class="race-legend"><span><i class="race-key"></i>measured</span>'
        '<span><i class="race-key race-estimate"></i>estimated from a part of the rows</span>'
        '<span><i class="race-key race-best"></i>fastest</span>'
        '<span><i class="race-key-whisker"></i>interquartile range</span>'
        f'<span><i class="race-key-floor"></i>floor{floor}</span></p>'
    )


def table(report: RaceReport) -> str:
    """The figures of every lane; a lane without a time says why instead."""
    rows = (_table_row(lane, report.result(lane.key)) for lane in report.lanes)
    return html.table(
        ("lane", "library", *text.COLUMNS), rows, "race-table race-figures", TABLE_WIDTHS
    )


def _table_row(lane: Strategy, result: Result | None) -> str:
    if result is None:
        return html.row(lane.title, lane.library, *[""] * len(text.COLUMNS))
    if result.status != "ok":
        why = html.Cell(result.reason or "", columns=len(text.COLUMNS) - 1, kind="race-why")
        kind = f"race-{result.status}"
        return html.row(lane.title, lane.library, why, text.how_text(result), kind=kind)
    return html.row(lane.title, lane.library, *text.row_texts(result), title=result.reason or "")


def _machine(report: RaceReport) -> str:
    sentences = [*text.machine_text(report).splitlines(), text.podium_text(report)]
    lines = [escape(sentence) for sentence in sentences if sentence]
    how = ""
    if report.machine:
        how = (
            f"<details><summary>How the limits were measured</summary><p>Peak: "
            f"{escape(report.machine.peak_measured)}.</p><p>Bandwidth: "
            f"{escape(report.machine.bandwidth_measured)}.</p><p>Floor: the larger of the "
            "operations at that peak and the bytes of A, B and C at that bandwidth.</p></details>"
        )
    return f'<div class="race-machine muted">{"<br>".join(lines)}{how}</div>'
