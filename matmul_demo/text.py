"""A report as text: figures with units, the table for a terminal, the headline sentence."""

from __future__ import annotations

from matmul_demo.digits import PIXELS
from matmul_demo.machine.accelerator import Accelerator
from matmul_demo.machine.processor import cpu_name
from matmul_demo.racing.disturbance import NEIGHBOURS_NOTED
from matmul_demo.racing.report import RaceReport, Result, winner
from matmul_demo.workloads import Workload

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds_text(seconds: float | None) -> str:
    """A time with three digits and its unit: "3.31 ms"; minutes and hours above 120 s."""
    if seconds is None:
        return "–"
    if seconds >= 7200:
        return f"{seconds / 3600:,.3g} h"
    if seconds >= 120:
        return f"{seconds / 60:.3g} min"
    scale, unit = next((u for u in UNITS if seconds >= u[0] * 0.9995), UNITS[-1])
    return f"{three_digits(seconds / scale)} {unit}"


def three_digits(number: float) -> str:
    """Three significant digits without an exponent: 0.0123, 4.56, 78.9, 1,234,000."""
    if number == 0:
        return "0"
    if abs(number) < 1e-4:
        return f"{number:.2e}"
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:#.3g}"


def times_text(factor: float | None) -> str:
    """A factor: "1,234×"."""
    return "–" if factor is None else f"{three_digits(factor)}×"


def percent_text(fraction: float | None) -> str:
    """A fraction of one in per cent, with enough digits to differ from nothing."""
    if fraction is None:
        return "–"
    percent = 100 * fraction
    if percent < 1e-3:
        return "< 0.001 %"
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.2g} %"


def row_texts(result: Result) -> tuple[str, ...]:
    """The figures of one lane, in the order of `COLUMNS`."""
    error = result.relative_error
    return (
        seconds_text(result.seconds),
        seconds_text(result.fastest_seconds),
        seconds_text(result.iqr_seconds),
        "–" if result.gflops is None else three_digits(result.gflops),
        "–" if result.gbs is None else three_digits(result.gbs),
        percent_text(result.floor_fraction),
        times_text(result.speedup),
        "–" if error is None else f"{error:.1e}",
        "–" if result.processors is None else f"{result.processors:.1f}",
        how_text(result),
    )


def how_text(result: Result) -> str:
    """Measured in full, estimated from so many rows, or what else became of the lane."""
    if result.status != "ok":
        return result.status
    busy = ", busy" if is_busy(result) else ""
    busy = f", spoiled: {result.spoiled}" if result.spoiled else busy
    if not result.estimated:
        return f"measured{busy}"
    rows = "rows" if result.rows_measured > 1 else "row"
    return f"estimate, {result.rows_measured:,} {rows}{busy}"


def samples_text(result: Result) -> str:
    """The fastest sample beside the median, what was left out, and why the rest is spoiled."""
    if result.status != "ok" or not result.seconds:
        return ""
    samples = f"{result.samples} sample{'s' * (result.samples > 1)}"
    said = (
        f"Median {seconds_text(result.seconds)}, fastest {seconds_text(result.fastest_seconds)} "
        f"of {samples}."
    )
    if result.spoiled:
        return f"{said} Spoiled: {result.spoiled_reason} Only the fastest sample counts."
    if result.disturbed:
        said += f" {result.disturbed} more were left out, because others disturbed them."
    return said


def is_busy(result: Result) -> bool:
    """Whether other programs used the processor while this lane was timed."""
    return (result.neighbours or 0.0) >= NEIGHBOURS_NOTED


COLUMNS = (
    "time", "fastest", "IQR", "GFLOP/s", "GB/s", "of the floor", "speed-up", "error", "threads",
    "how",
)  # fmt: skip


def text_table(report: RaceReport) -> str:
    """The whole race for a terminal: machine, one line for each lane, remarks, headline."""
    head = ("lane", *COLUMNS)
    lines = [(result.strategy, *row_texts(result)) for result in report.results]
    widths = [max(len(row[i]) for row in [head, *lines]) for i in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "  ".join(cells)

    remarks = [
        f"{r.strategy}: {why}"
        for r in report.results
        for why in (r.reason, r.spoiled_reason)
        if why
    ]
    parts = [machine_text(report), "", line(head), *map(line, lines), "", *remarks]
    return "\n".join([*parts, "", *filter(None, [podium_text(report)]), headline(report)])


def podium_text(report: RaceReport) -> str:
    """The leaders, run once more in turns; empty before that."""
    places = report.podium()
    if len(places) < 2:
        return ""
    leaders = [
        f"{place}. {report.lane_name(r.strategy)} {seconds_text(r.podium_seconds)} (fastest "
        f"{seconds_text(r.fastest_seconds)}{', spoiled' if r.spoiled else ''})"
        for place, r in enumerate(places, 1)
    ]
    first = winner(report).leaders
    names = [one for one in first[1:] if first[0] in places]
    others = "first two" if len(names) == 1 else "first three"
    tie = f" A tie: the {others} differ by less than their spread." if names else ""
    return f"The leaders once more, in turns: {', '.join(leaders)}.{tie}"


def machine_text(report: RaceReport) -> str:
    """What was multiplied, on what, and how fast that machine can be."""
    workload = report.workload
    sizes = f"{workload.rows}×{workload.inner} · {workload.inner}×{workload.columns}"
    what = f"{sizes}, {workload.dtype}; {report.data or expected_data(workload)}"
    machine = report.machine
    threads = f"{report.threads} thread{'s' * (report.threads > 1)}"
    if machine is None:
        return f"{what}\n{cpu_name()}, {threads}; its limits are measured when the race begins"
    limits = "limits not measured"
    if machine.peak_gflops and machine.bandwidth_gbs:
        limits = (
            f"peak {three_digits(machine.peak_gflops)} GFLOP/s, "
            f"{three_digits(machine.bandwidth_gbs)} GB/s, "
            f"floor {seconds_text(report.floor_seconds)}"
        )
    beside = f"\n{gpu_text(machine.gpu)}" if machine.gpu else ""
    return f"{what}\n{machine.name}, {threads}; {limits}{beside}{_neighbours_text(report)}"


def expected_data(workload: Workload) -> str:
    """What the matrices will be, before they are filled."""
    if workload.data == "normal" or workload.inner != PIXELS:
        return "seeded normal random numbers"
    return "pictures of digits times normal numbers"


def gpu_text(device: Accelerator) -> str:
    """The GPU's roof in a line: what was found, and what the datasheet says."""
    tflops = device.datasheet.tflops if device.datasheet else {}
    products = [
        f"{product.numbers} {three_digits(product.gflops / 1e3)}"
        + (f" (datasheet {three_digits(sheet)})" if (sheet := tflops.get(product.numbers)) else "")
        for product in device.products
    ]
    memory = f" (datasheet {three_digits(device.datasheet.memory_gbs)})" if device.datasheet else ""
    return (
        f"{device.name}: copies {three_digits(device.copy_gbs)} GB/s{memory}; best products found, "
        f"in TFLOP/s: {', '.join(products)}"
    )


def _neighbours_text(report: RaceReport) -> str:
    """A warning when other programs used the processor; nothing when it was ours."""
    if report.neighbours is None or report.neighbours < NEIGHBOURS_NOTED:
        return ""
    return (
        f"\nOther programs kept {report.neighbours:.1f} processors busy meanwhile: "
        "expect slower and uneven times."
    )


def _floor_text(report: RaceReport, best: Result) -> str:
    """How near the winner comes to the limit, or that the limit was measured too low."""
    if not best.floor_fraction or not best.seconds:
        return ""
    floor = seconds_text(best.floor_fraction * best.seconds)
    times = three_digits(1 / best.floor_fraction)
    if any(lane.key == best.strategy and lane.device != "cpu" for lane in report.lanes):
        return f" By its datasheet this GPU needs {floor}: the winner takes {times} times as long."
    if best.floor_fraction > 1:
        return (
            f" The floor was measured as {floor}, but the winner was faster: something slowed "
            "the machine down while its limits were measured."
        )
    return f" The floor of this machine is {floor}: the winner takes {times} times as long."


def spoiled_text(report: RaceReport) -> str:
    """That spoiled lanes are ranked by their fastest samples, and what spoils them; or nothing."""
    spoiled = [r for r in report.results if r.status == "ok" and r.spoiled]
    if not spoiled:
        return ""
    causes = ", ".join(sorted({r.spoiled or "" for r in spoiled}))
    names = " and ".join(report.lane_name(r.strategy) for r in spoiled)
    if len(spoiled) == 1:
        return (
            f" The samples of {names} are spoiled ({causes}): its fastest one counts, "
            "and it may be faster."
        )
    count = names if len(spoiled) == 2 else f"{len(spoiled)} lanes"
    return (
        f" The samples of {count} are spoiled ({causes}): their fastest ones count, and they may "
        "be faster."
    )


def headline(report: RaceReport) -> str:
    """One sentence on who won and by how much; honest on estimates and on the limit."""
    if report.phase == "stopped":
        return "A race that was not run to its end has no winner."
    won = winner(report)
    if not won.leaders:
        return "No lane finished with a right result."
    best, baseline = won.leaders[0], won.baseline
    names = " and ".join(report.lane_name(one.strategy) for one in won.leaders)
    tie, floor = "tie: each " if won.is_tie else "", _floor_text(report, best)
    floor += spoiled_text(report)
    if baseline is None:
        return f"{names} {tie}takes {seconds_text(best.counted_seconds)}.{floor}"
    estimate = " (an estimate)" if best.estimated or baseline.estimated else ""
    about = "about " if estimate or best.spoiled or baseline.spoiled else ""
    return (
        f"{names} {tie}is {about}{three_digits(won.factor or 1.0)} times faster than "
        f"{report.lane_name(baseline.strategy)}{estimate}.{floor}"
    )
