"""The roofline plot: each lane's speed over its arithmetic intensity, under the machine's roof.

All lanes that multiply the same kind of number do the same arithmetic on the same bytes, so their
dots stand above each other; the distance to the roof is what each of them leaves unused.
"""

from __future__ import annotations

from html import escape

from matmul_demo.machine.roofline import Machine
from matmul_demo.racing.report import RaceReport, Result
from matmul_demo.text import three_digits
from matmul_demo.web.charts import limits as limits_table
from matmul_demo.web.charts import plot

TITLE = "Roofline: how near each lane comes to what this machine can do"
X_NAME = "arithmetic intensity, FLOP/byte"
Y_NAME = "GFLOP/s"
EMPTY_FRAME = plot.Frame(plot.Axis(-1, 3), plot.Axis(-3, 3), X_NAME, Y_NAME)
HEIGHT = 400.0  # pixels of the plot's area in the stylesheet
LABEL_GAP = 15.0  # pixels between two labels


def section(report: RaceReport) -> str:
    """Heading, plot and legend; an empty frame of the same size before the race."""
    return (
        f'<div class="race-roofline"><h3>{TITLE}</h3>{_plot(report)}{_list(report)}'
        f'<p class="plot-note muted">{escape(_note(report))}</p>{limits_table.tables(report)}</div>'
    )


def _plot(report: RaceReport) -> str:
    machine = report.machine
    if machine is None or not machine.peak_gflops or not machine.bandwidth_gbs:
        return EMPTY_FRAME.draw("The roofline plot, empty before a race.", "", "")
    roof = _Roof(machine.peak_gflops, machine.bandwidth_gbs)
    workload = report.workload
    dots = _dots(report)
    intensities = [_intensity(result) for result in dots] + [workload.flop / workload.bytes_moved]
    frame = plot.Frame(
        plot.spanning([*intensities, roof.ridge], margin=4.0),
        plot.spanning([roof.peak, *(result.gflops or roof.peak for result in dots)]),
        X_NAME,
        Y_NAME,
    )
    lines, labels = _labels(report, dots, frame)
    low, high = frame.x.ends
    points = [(low, roof.at(low)), (roof.ridge, roof.peak), (high, roof.peak)]
    lines += frame.line(points, "roof")
    marks = "".join(_dot(report, result, frame) for result in dots)
    description = f"{len(dots)} lanes under a roof of {_roof_text(machine)}."
    return frame.draw(description, lines, marks + labels)


def _list(report: RaceReport) -> str:
    """The names by the dots' numbers, for screens where only those fit; folded, so none jumps."""
    rates = (
        f"{_name(report, result)}, {three_digits(result.gflops or 0.0)} GFLOP/s"
        for result in _dots(report)
    )
    items = "".join(f"<li>{escape(rate)}</li>" for rate in rates)
    return (
        '<details class="plot-list"><summary>Which lane is which number</summary>'
        f"<ol>{items}</ol></details>"
    )


class _Roof:
    """Peak in GFLOP/s, bandwidth in GB/s, and the intensity in FLOP/byte where they meet."""

    def __init__(self, peak: float, bandwidth: float) -> None:
        self.peak, self.bandwidth, self.ridge = peak, bandwidth, peak / bandwidth

    def at(self, intensity: float) -> float:
        """GFLOP/s that can be reached at an intensity in FLOP/byte."""
        return min(self.peak, intensity * self.bandwidth)


def _dots(report: RaceReport) -> list[Result]:
    """The processor's lanes with a right result, fastest first."""
    here = {lane.key for lane in report.lanes if lane.device == "cpu"}
    shown = [r for r in report.results if r.strategy in here and r.gflops and r.gbs]
    return sorted(shown, key=lambda result: -(result.gflops or 0.0))


def _intensity(result: Result) -> float:
    """FLOP for each byte that must be moved; both rates are over the same seconds."""
    return (result.gflops or 0.0) / (result.gbs or 1.0)


def _dot(report: RaceReport, result: Result, frame: plot.Frame) -> str:
    kinds = ["dot-reduced"] * result.reduced_precision + ["dot-estimate"] * result.estimated
    if report.phase != "racing" and report.ranking()[:1] == [result]:
        kinds.append("dot-best")
    about = "≈ " if result.estimated else ""
    text = (
        f"{_name(report, result)}: {about}{three_digits(result.gflops or 0)} GFLOP/s "
        f"at {three_digits(_intensity(result))} FLOP/byte"
    )
    return frame.mark((_intensity(result), result.gflops or 0.0), " ".join(kinds), text)


def _name(report: RaceReport, result: Result) -> str:
    title = next(lane.title for lane in report.lanes if lane.key == result.strategy)
    return f"{title} ({result.library})"


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
            room = x if side == "left" else 100 - x
            anchor = f"right:{100 - x:.2f}%" if side == "left" else f"left:{x:.2f}%"
            name = escape(_name(report, result))
            texts += (
                f'<span class="plot-label plot-label-{side}" title="{name}" '
                f'style="{anchor};top:{y:.2f}%;max-width:{room:.2f}%">'
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
