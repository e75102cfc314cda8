"""A race to take home: JSON and CSV, as links that hold the whole file."""

from __future__ import annotations

import base64
import csv
import io
import json

from matmul_demo.racing.report import RaceReport

WAITING = "When the race is over, it can be saved here as JSON and CSV."


def json_text(report: RaceReport) -> str:
    """The race as on the command line and in the API, indented."""
    return json.dumps(report.to_json(), indent=2, allow_nan=False, ensure_ascii=False)


def csv_text(report: RaceReport) -> str:
    """A line for each lane: what was multiplied, then the fields of the JSON's `results`.

    Seconds, GFLOP/s and GB/s as in the JSON; a field without a value is empty.
    """
    race = report.to_json()
    common = {name: race[name] for name in ("shape", "dtype", "threads", "cache", "floor_seconds")}
    rows = [common | _flat(result) for result in race["results"]]
    if not rows:
        return ""
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\r\n")  # as RFC 4180 has it
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def links(report: RaceReport) -> str:
    """Two download links; they carry the files themselves, so nothing is kept on the server."""
    if not report.results or report.phase not in ("done", "stopped"):
        return f'<p class="race-files muted">{WAITING}</p>'
    name = f"race-{report.workload.shape}"
    return (
        '<p class="race-files">Save this race: '
        f"{_link(json_text(report), f'{name}.json', 'application/json', 'JSON')} "
        f"{_link(csv_text(report), f'{name}.csv', 'text/csv', 'CSV')}</p>"
    )


def _flat(result: dict[str, object]) -> dict[str, object]:
    """A result with the two quartiles in fields of their own."""
    quartiles = result.pop("quartile_seconds")
    low, high = quartiles if isinstance(quartiles, tuple) else (None, None)
    return result | {"lower_quartile_seconds": low, "upper_quartile_seconds": high}


def _link(text: str, file: str, kind: str, label: str) -> str:
    data = base64.b64encode(text.encode()).decode("ascii")
    return f'<a download="{file}" href="data:{kind};charset=utf-8;base64,{data}">{label}</a>'
