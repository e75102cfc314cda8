"""The limits that were measured, as HTML: the caches and the memory, and the GPU's roof."""

from __future__ import annotations

from html import escape

from matmul_demo.machine.accelerator import Accelerator
from matmul_demo.machine.processor import caches
from matmul_demo.racing.report import RaceReport
from matmul_demo.text import three_digits

LEVEL_COLUMNS = ("data in", "holds", "GB/s", "bend")
PRODUCT_COLUMNS = ("numbers", "best product found", "n", "datasheet")
SHEET_NOTE = "The datasheet's figures are the maker's, dense, and not measured here."


def tables(report: RaceReport) -> str:
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
        rows = "".join(_row("", name, "–", "–", "–") for name in names)
        return _table(caption, LEVEL_COLUMNS, rows)
    rows = ""
    for level in machine.levels:
        ridge = three_digits((machine.peak_gflops or 0.0) / level.gbs)
        holds = _binary(level.bytes) if level.bytes else "all"
        kind = ' class="race-level"' if level.name == machine.level else ""
        rows += _row(kind, level.name, holds, three_digits(level.gbs), ridge)
    return _table(caption, LEVEL_COLUMNS, rows)


def _gpu(device: Accelerator) -> str:
    sheet = device.datasheet
    promised = sheet.tflops if sheet else {}
    rows = "".join(
        _row(
            "",
            product.numbers,
            _tflops(product.gflops / 1e3),
            f"{product.side:,}",
            _tflops(promised.get(product.numbers)),
        )
        for product in device.products
    )
    memory = f"{three_digits(sheet.memory_gbs)} GB/s" if sheet else "–"
    rows += _row("", "copy", f"{three_digits(device.copy_gbs)} GB/s", "", memory)
    note = SHEET_NOTE if sheet else "We have no datasheet of this device."
    return _table(f"{device.name}. {note}", PRODUCT_COLUMNS, rows)


def _binary(size: int) -> str:
    """The size of a cache as makers give it: "512 KiB"."""
    return f"{size / 2**20:,.3g} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"


def _tflops(rate: float | None) -> str:
    return f"{three_digits(rate)} TFLOP/s" if rate else "–"


def _table(caption: str, columns: tuple[str, ...], rows: str) -> str:
    head = "".join(f"<th scope='col'>{name}</th>" for name in columns)
    return (
        f'<p class="muted">{escape(caption)}</p><div class="race-table"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(kind: str, name: str, *cells: str) -> str:
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr{kind}><th scope='row'>{escape(name)}</th>{texts}</tr>"
