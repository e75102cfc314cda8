"""The roofline plot: each lane's speed over its arithmetic intensity, under the machine's roof.

All lanes that multiply the same kind of number do the same arithmetic on the same bytes, so their
dots stand above each other; the distance to the roof is what each of them leaves unused.
"""

from __future__ import annotations

from html import escape

from matmul_demo.machine.accelerator import Accelerator
from matmul_demo.machine.processor import caches
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.report import RaceReport, Result, winner
from matmul_demo.text import three_digits
from matmul_demo.web.charts import html, plot
from matmul_demo.web.teaching.job import PageReport

TITLE = "Roofline: how near each lane comes to what this machine can do"
X_NAME = "arithmetic intensity, FLOP/byte"
Y_NAME = "GFLOP/s"
LEVEL_COLUMNS = ("data in", "holds", "GB/s", "bend")
PRODUCT_COLUMNS = ("numbers", "best product found", "n", "datasheet")
SHEET_NOTE = "The datasheet's figures are the maker's, dense, and not measured here."
EMPTY_FRAME = plot.Frame(plot.Axis(-1, 3), plot.Axis(-3, 3), X_NAME, Y_NAME)
HEIGHT = 400.0  # pixels of the plot's area in the stylesheet
LABEL_GAP = 15.0  # pixels between two labels


def section(report: RaceReport) -> str:
    """Heading, plot and legend; an empty frame of the same size before the race.

    The lesson's second product has a plot of its own: it lies elsewhere under another roof.
    """
    full = report.full if isinstance(report, PageReport) else None
    second = ""
    if full and full.phase == "done":
        work = full.workload
        product = f"{work.rows}×{work.inner} · {work.inner}×{work.columns}"
        second = f"<h2>The same steps on the full set, {product}</h2>{_one(full)}"
    return f'<div class="race-roofline"><h2>{TITLE}</h2>{_one(report)}{second}</div>'


def _one(report: RaceReport) -> str:
    return (
        f"{_plot(report)}{_list(report)}"
        f'<p class="plot-note muted">{escape(_note(report))}</p>{limits_tables(report)}'
    )


def _plot(report: RaceReport) -> str:
    machine = report.machine
    if machine is None or not machine.peak_gflops or not machine.bandwidth_gbs:
        return EMPTY_FRAME.draw("The roofline plot, empty before a race.", "", "")
    peak, bandwidth = machine.peak_gflops, machine.bandwidth_gbs
    ridge = peak / bandwidth  # the intensity where the roof bends
    workload = report.workload
    dots = _dots(report)
    intensities = [_intensity(result) for result in dots] + [workload.flop / workload.bytes_moved]
    frame = plot.Frame(
        plot.spanning([*intensities, ridge], margin=4.0),
        plot.spanning([peak, *(result.gflops or peak for result in dots)]),
        X_NAME,
        Y_NAME,
    )
    lines, labels = _labels(report, dots, frame)
    low, high = frame.x.ends
    points = [(low, min(peak, low * bandwidth)), (ridge, peak), (high, peak)]
    lines += frame.line(points, "roof")
    marks = "".join(_dot(report, result, frame) for result in dots)
    description = f"{len(dots)} lanes under a roof of {_roof_text(machine)}."
    return frame.draw(description, lines, marks + labels)


def _list(report: RaceReport) -> str:
    """The names by the dots' numbers, for screens where only those fit; folded, so none jumps."""
    rates = (
        f"{report.lane_name(result.strategy)}, {three_digits(result.gflops or 0.0)} GFLOP/s"
        for result in _dots(report)
    )
    items = "".join(f"<li>{escape(rate)}</li>" for rate in rates)
    return (
        '<details class="plot-list"><summary>Which lane is which number</summary>'
        f"<ol>{items}</ol></details>"
    )


def _dots(report: RaceReport) -> list[Result]:
    """The processor's lanes with a right result, fastest first."""
    here = {lane.key for lane in report.lanes if lane.device == "cpu"}
    results = [r for r in report.results if r.strategy in here and r.gflops and r.gbs]
    return sorted(results, key=lambda result: -(result.gflops or 0.0))


def _intensity(result: Result) -> float:
    """FLOP for each byte that must be moved; both rates are over the same seconds."""
    return (result.gflops or 0.0) / (result.gbs or 1.0)


def _dot(report: RaceReport, result: Result, frame: plot.Frame) -> str:
    kinds = ["dot-reduced"] * result.reduced_precision + ["dot-estimate"] * result.estimated
    if result in winner(report).leaders:
        kinds.append("dot-best")
    about = "≈ " if result.estimated else ""
    text = (
        f"{report.lane_name(result.strategy)}: {about}{three_digits(result.gflops or 0)} GFLOP/s "
        f"at {three_digits(_intensity(result))} FLOP/byte"
    )
    return frame.mark((_intensity(result), result.gflops or 0.0), " ".join(kinds), text)


def _labels(report: RaceReport, dots: list[Result], frame: plot.Frame) -> tuple[str, str]:
    """Names on both sides of the dots, in turn, each tied to its dot by a thin line."""
    lines, texts = "", ""
    if not dots:
        return lines, texts
    places = [frame.place((_intensity(result), result.gflops or 0.0)) for result in dots]
    sides = {"left": min(x for x, _ in places) - 4, "right": max(x for x, _ in places) + 4}
    for turn, (side, x) in enumerate(sides.items()):
        mine = list(zip(range(1, len(dots) + 1), dots, places, strict=True))[turn::2]
        wanted = [y * HEIGHT / 100 for _, _, (_, y) in mine]
        heights = plot.spread(wanted, LABEL_GAP, HEIGHT)
        for (rank, result, (dot_x, dot_y)), height in zip(mine, heights, strict=True):
            y = 100 * height / HEIGHT
            lines += f'<polyline class="leader" points="{dot_x:.2f},{dot_y:.2f} {x:.2f},{y:.2f}"/>'
            space = x if side == "left" else 100 - x
            anchor = f"right:{100 - x:.2f}%" if side == "left" else f"left:{x:.2f}%"
            name = escape(report.lane_name(result.strategy))
            texts += (
                f'<span class="plot-label plot-label-{side}" title="{name}" '
                f'style="{anchor};top:{y:.2f}%;max-width:{space:.2f}%">'
                f'<span class="plot-rank">{rank}</span><span class="plot-name">{name}</span></span>'
            )
    return lines, texts


def _roof_text(machine: Machine) -> str:
    return (
        f"{three_digits(machine.peak_gflops or 0)} GFLOP/s and "
        f"{three_digits(machine.bandwidth_gbs or 0)} GB/s"
    )


def _note(report: RaceReport) -> str:
    if report.machine is None:
        return "The roof is measured when a race begins; each lane adds its dot when it is timed."
    if not report.machine.peak_gflops:
        return f"No roof: the limits were {report.machine.peak_measured}."
    return (
        f"Dashed: the roof of {report.workload.dtype} numbers as measured, "
        f"{_roof_text(report.machine)} for data of this size. Pale dots are estimates; hollow dots "
        "are of less exact numbers, which have a higher roof of their own."
    )


def limits_tables(report: RaceReport) -> str:
    """The table of the levels, empty before a race; then that of the GPU where there is one."""
    device = report.machine.gpu if report.machine else None
    return f'<div class="race-limits">{_levels(report)}{_gpu(device) if device else ""}</div>'


def _levels(report: RaceReport) -> str:
    machine = report.machine
    threads = f"{report.threads} thread{'s' * (report.threads > 1)}"
    caption = (
        f"What {threads} can read, measured, and the FLOP/byte at which the roof bends for it. "
        "Marked: where A, B and C of this race lie."
    )
    if machine is None or not machine.levels:
        names = [*(f"L{cache.level}" for cache in caches()), "memory"]
        empty = [html.row(name, "–", "–", "–") for name in names]
        return _with_caption(caption, html.table(LEVEL_COLUMNS, empty))
    rows = []
    for level in machine.levels:
        ridge = three_digits((machine.peak_gflops or 0.0) / level.gbs)
        holds = _binary(level.bytes) if level.bytes else "all"
        kind = "race-level" if level.name == machine.level else ""
        rows.append(html.row(level.name, holds, three_digits(level.gbs), ridge, kind=kind))
    return _with_caption(caption, html.table(LEVEL_COLUMNS, rows))


def _gpu(device: Accelerator) -> str:
    sheet = device.datasheet
    tflops = sheet.tflops if sheet else {}
    rows = [
        html.row(
            product.numbers,
            _tflops(product.gflops / 1e3),
            f"{product.side:,}",
            _tflops(tflops.get(product.numbers)),
        )
        for product in device.products
    ]
    memory = f"{three_digits(sheet.memory_gbs)} GB/s" if sheet else "–"
    rows.append(html.row("copy", f"{three_digits(device.copy_gbs)} GB/s", "", memory))
    note = SHEET_NOTE if sheet else "We have no datasheet of this device."
    return _with_caption(f"{device.name}. {note}", html.table(PRODUCT_COLUMNS, rows))


def _binary(size: int) -> str:
    """The size of a cache as makers give it: "512 KiB"."""
    return f"{size / 2**20:,.3g} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"


def _tflops(rate: float | None) -> str:
    return f"{three_digits(rate)} TFLOP/s" if rate else "–"


def _with_caption(caption: str, table: str) -> str:
    return f'<p class="muted">{escape(caption)}</p>{table}'
