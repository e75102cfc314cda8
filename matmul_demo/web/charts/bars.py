"""A race as HTML: the headline, a staircase of bars on a logarithmic axis, the table, the machine.

Every lane has its row from the start, so that nothing moves when a result arrives; a row opens and
shows the lane's code. Lanes that cannot run here are one folded line.
"""

from __future__ import annotations

import math
from html import escape

from matmul_demo import text
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.racing.report import RaceReport, Result, winner
from matmul_demo.web.charts import code, html
from matmul_demo.web.charts.plot import Axis, time_axis
from matmul_demo.web.teaching.ghosts import Ghost
from matmul_demo.web.teaching.job import PageReport, missing

WAITING = (
    "Press Race. Each lane gets its bar as soon as it is timed; click a lane to read its code."
)
FLOOR_NOTE = "the time that no method can beat on this machine"
PROCESSOR_NOTE = "the time that no method can beat on the processor"
MISSING = {"stopped": "stopped", "wrong": "wrong", "unavailable": "not here"}
TABLE_WIDTHS = (
    18,
    8,
    7,
    7,
    7,
    7,
    6,
    7,
    8,
    7,
    6,
    12,
)  # per cent; fixed, so that columns stay in place
SCROLLS = "The table is wider than this screen: it scrolls sideways."


def make_axis(report: RaceReport) -> Axis | None:
    """The decades of seconds that hold every time, ghost and floor; None while there are none."""
    times = [result.seconds for result in report.results if result.seconds]
    times += _ghost_seconds(report).values()
    if report.floor_seconds:
        times.append(report.floor_seconds)
    if not times:
        return None
    low = math.floor(math.log10(min(times) * 0.8))
    high = math.ceil(math.log10(max(times) * 1.05))
    return Axis(low, max(high, low + 3))


def board(report: RaceReport) -> str:
    """Headline, staircase, what is not here, legend and machine."""
    full = report.full if isinstance(report, PageReport) else None
    return (
        f'<div class="race" data-phase="{report.phase}">'
        f'<p class="race-headline" role="status">{escape(status(report))}</p>'
        f"{_chart(report)}{_full_set(report, full) if full else ''}{_absent(report)}"
        f"{_legend(report)}{_machine(report)}</div>"
    )


def status(report: RaceReport) -> str:
    """What to do, what happens now, or who won."""
    if report.phase == "waiting":
        return WAITING
    if report.phase == "queued":
        return "Waiting for other visitors' work on this server to end; then your race begins."
    if report.phase == "starting":
        return (
            "Starting a clean process, making the matrices and measuring this machine's limits: "
            "about four seconds."
        )
    full = report.full if isinstance(report, PageReport) else None
    under_way = full if full and full.phase != "waiting" else report
    done, lanes = _progress(under_way)
    where = f" on {_product(under_way)}" if full else ""
    if report.phase == "racing":
        now = f"; now: {under_way.lane_name(under_way.running)}" if under_way.running else ""
        return f"{done} of {lanes} lanes done{where}{now}."
    if report.phase == "stopped":
        return (
            f"Stopped: {done} of {lanes} lanes were timed{where}. A race that was not run to its "
            "end has no winner."
        )
    return f"{text.headline(report)}{_baseline_note(report)}{_ghost_text(report)}"


def _ghost_text(report: RaceReport) -> str:
    """How far the ghost's fastest lane is from this race's baseline; nothing without a ghost."""
    ghost, times = _ghost(report), _ghost_seconds(report)
    base = report.result(next((r.baseline for r in report.results if r.baseline), ""))
    if not ghost or not times or base is None or not base.seconds:
        return ""
    key = min(times, key=times.__getitem__)
    factor = text.three_digits(base.seconds / times[key])
    return (
        f" {ghost.name}: {report.lane_name(key)} took {text.seconds_text(times[key])}, {factor} "
        "times faster than the baseline here."
    )


def _progress(report: RaceReport) -> tuple[int, int]:
    """Lanes that were timed, and lanes that this machine can run."""
    lanes = {lane.key for lane in report.lanes if not _missing(report, lane)}
    skipped = [result.strategy for result in report.results if result.status == "stopped"]
    return len(lanes & {result.strategy for result in report.results} - set(skipped)), len(lanes)


def _missing(report: RaceReport, lane: Strategy) -> str | None:
    """Why a lane cannot run on this machine; None when it can."""
    result = report.result(lane.key)
    if result is None:
        return missing(lane.key, report.workload.device)
    return (result.reason or "") if result.status == "unavailable" else None


def _baseline_note(report: RaceReport) -> str:
    """A sentence when the chosen baseline is not what the speed-ups are over."""
    used = next((result.baseline for result in report.results if result.baseline), None)
    if report.baseline is None or used in (None, report.baseline):
        return ""
    names = {lane.key: lane.name for lane in report.lanes}
    if report.baseline not in names:
        return f" The chosen baseline was not raced: speed-ups are over {names[used or '']}."
    return (
        f" The chosen baseline, {names[report.baseline]}, has no right result: speed-ups are over "
        f"{names[used or '']}."
    )


def _product(report: RaceReport) -> str:
    workload = report.workload
    return f"{workload.rows}×{workload.inner} · {workload.inner}×{workload.columns}"


def _ghost(report: RaceReport) -> Ghost | None:
    return report.ghost if isinstance(report, PageReport) else None


def _ghost_seconds(report: RaceReport) -> dict[str, float]:
    """Lane → seconds of the ghost that belongs to this product, for the lanes of this race."""
    ghost = _ghost(report)
    times = ghost.seconds(report.workload) if ghost else {}
    lanes = (lane for lane in report.lanes if lane.clock != "launch")  # no time of a product
    return {lane.key: times[lane.key] for lane in lanes if lane.key in times}


def _chart(report: RaceReport) -> str:
    """The rows under their axis; each lane's step before is the row above."""
    axis, ghosts = make_axis(report), _ghost_seconds(report)
    here = [lane for lane in report.lanes if lane.key in ghosts or _missing(report, lane) is None]
    before = [None, *here]
    rows = "".join(
        _lane(report, lane, step, axis) for lane, step in zip(here, before, strict=False)
    )
    return f'<div class="race-chart">{time_axis(axis)}<div class="bars">{rows}</div></div>'


def _full_set(report: RaceReport, full: RaceReport) -> str:
    """The lesson's second product, folded; its line says what came out."""
    said = "follows" if full.phase == "waiting" else "under way"
    if full.phase == "done":
        said = text.headline(full)
    elif full.phase == "stopped" or report.phase == "stopped":
        said = "stopped"
    return (
        '<details class="race-full" data-keep="full"><summary>The same steps on the full set, '
        f"{_product(full)}: {escape(said)}</summary>{_chart(full)}</details>"
    )


def _absent(report: RaceReport) -> str:
    """One folded line for the lanes that this machine cannot run."""
    ghosts = _ghost_seconds(report)
    lanes = [(lane, _missing(report, lane)) for lane in report.lanes if lane.key not in ghosts]
    absent = [(lane, reason) for lane, reason in lanes if reason is not None]
    if not absent:
        return ""
    gpu = all(lane.device == "cuda" for lane, _ in absent)
    verb = ("want" if gpu else "cannot run here") + "s" * (gpu and len(absent) == 1)
    count = f"{len(absent)} lane{'s' * (len(absent) > 1)} {verb}{' a CUDA GPU' * gpu}"
    items = "".join(f"<li>{escape(f'{lane.name}: {reason}')}</li>" for lane, reason in absent)
    return (
        f'<details class="race-absent" data-keep="absent"><summary>{count}</summary>'
        f"<ul>{items}</ul></details>"
    )


def _lane(report: RaceReport, lane: Strategy, before: Strategy | None, axis: Axis | None) -> str:
    """One row: name, track with bar, whisker, ghost and floor line, time and factors; its code."""
    result = report.result(lane.key)
    state = result.status if result else "running" if report.running == lane.key else "waiting"
    track = _track(report, result, axis) if axis else ""
    ghost = _ghost_mark(report, lane, axis) if axis else ""
    decades = axis.high - axis.low if axis else 1
    name = f'{escape(lane.title)} <span class="muted">{lane.library}</span>'
    if result and result.spoiled:
        why = escape(f"{result.spoiled}: {result.spoiled_reason}")
        name += f' <span class="race-badge race-spoiled" title="{why}">spoiled</span>'
    elif result and text.is_busy(result):
        hint = f"Other programs kept {result.neighbours:.1f} processors busy while this lane ran."
        name += f' <span class="race-badge" title="{hint}">busy</span>'
    step = report.result(before.key) if before else None
    keep = f"lanes-{report.workload.shape}"
    return (
        f'<details class="race-lane race-{state}" name="{keep}" data-keep="{keep} {lane.key}" '
        f'data-lane="{lane.key}">'
        f'<summary class="bar"><span class="bar-label">{name}</span>'
        f'<span class="bar-track" style="--decades:{decades}">{track}{ghost}</span>'
        f'<span class="bar-value">{_value(result, state)}</span>{_factors(step, result)}</summary>'
        f"{_samples(result)}{code.panel(lane.key, before.key if before else None)}</details>"
    )


def _samples(result: Result | None) -> str:
    said = text.samples_text(result) if result else ""
    return f'<p class="race-samples">{escape(said)}</p>' if said else ""


def _factors(step: Result | None, result: Result | None) -> str:
    """How many times faster than the step before, and than the baseline."""
    over_step = ""
    right = step and result and step.status == result.status == "ok"
    if right and step and result and step.alone_seconds and result.alone_seconds:
        over_step = text.times_text(step.alone_seconds / result.alone_seconds)
    over_first = text.times_text(result.speedup) if result and result.speedup else ""
    return f'<span class="race-step">{over_step}</span><span class="race-total">{over_first}</span>'


def _ghost_mark(report: RaceReport, lane: Strategy, axis: Axis) -> str:
    """A pale mark where the ghost's bar would end."""
    ghost, seconds = _ghost(report), _ghost_seconds(report).get(lane.key)
    if ghost is None or seconds is None:
        return ""
    title = escape(f"{ghost.name}: {text.seconds_text(seconds)}")
    return f'<i class="race-ghost" style="left:{axis.percent(seconds):.2f}%" title="{title}"></i>'


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
        parts.append(f'<i class="race-floor" style="left:{left:.2f}%"></i>')
    if result and result.status != "ok":
        reason = escape(result.reason or "")
        parts.append(f'<span class="race-reason" title="{reason}">{reason}</span>')
    elif result and result.seconds:
        kinds = ["bar-fill"]
        kinds += ["race-estimate"] * result.estimated
        kinds += ["race-doubtful"] * (result.spoiled is not None)
        kinds += ["race-best"] * (result in winner(report).leaders)
        end = axis.percent(result.seconds)
        parts.append(f'<span class="{" ".join(kinds)}" style="width:{end:.2f}%"></span>')
        parts.append(_whisker(result, axis))
    return "".join(parts)


def _whisker(result: Result, axis: Axis) -> str:
    """The middle half of the samples, and the fastest of them."""
    fastest = ""
    if result.fastest_seconds:
        hint = f"fastest sample: {text.seconds_text(result.fastest_seconds)}"
        at = axis.percent(result.fastest_seconds)
        fastest = f'<i class="race-fastest" style="left:{at:.2f}%" title="{hint}"></i>'
    if not result.quartile_seconds:
        return fastest
    left, right = (axis.percent(seconds) for seconds in result.quartile_seconds)
    width = right - left
    return (
        f'<span class="race-whisker" style="left:{left:.2f}%;width:{width:.2f}%"></span>{fastest}'
    )


def _legend(report: RaceReport) -> str:
    floor = ""
    if report.floor_seconds:
        note = FLOOR_NOTE if report.workload.device == "cpu" else PROCESSOR_NOTE
        floor = f" {text.seconds_text(report.floor_seconds)}, {note}"
    ghost = _ghost(report)
    pale = ""
    if ghost:
        said = ghost.mismatch(report.workload) or ghost.name
        pale = f'<span><i class="race-key-ghost"></i>{escape(said)}</span>'
    return (
        '<p class="race-legend"><span><i class="race-key"></i>measured</span>'
        '<span><i class="race-key race-estimate"></i>estimated from a part of the rows</span>'
        '<span><i class="race-key race-best"></i>fastest</span>'
        '<span><i class="race-key-whisker"></i>interquartile range</span>'
        '<span><i class="race-key-fastest"></i>fastest sample</span>'
        f'<span><i class="race-key-floor"></i>floor{floor}</span>{pale}</p>'
    )


def table(report: RaceReport) -> str:
    """The figures of every lane; a lane without a time says why instead."""
    here = [lane for lane in report.lanes if _missing(report, lane) is None]
    rows = (_table_row(lane, report.result(lane.key)) for lane in here)
    figures = html.table(
        ("lane", "library", *text.COLUMNS), rows, "race-table race-figures", TABLE_WIDTHS
    )
    return (
        '<details class="race-all-figures" data-keep="figures"><summary>All figures</summary>'
        f'<p class="race-scrolls muted">{SCROLLS}</p>{figures}</details>'
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
    podium = text.podium_text(report) if report.phase == "done" else ""
    sentences = [*text.machine_text(report).splitlines(), podium]
    lines = [escape(sentence) for sentence in sentences if sentence]
    how = ""
    if report.machine:
        how = (
            '<details data-keep="how"><summary>How the limits were measured</summary><p>Peak: '
            f"{escape(report.machine.peak_measured)}.</p><p>Bandwidth: "
            f"{escape(report.machine.bandwidth_measured)}.</p><p>Floor: the larger of the "
            "operations at that peak and the bytes of A, B and C at that bandwidth.</p></details>"
        )
    return f'<div class="race-machine muted">{"<br>".join(lines)}{how}</div>'
