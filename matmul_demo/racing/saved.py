"""A saved race, read back to be laid over a new one.

The file is somebody's own and may hold anything: only a shape, a number type, short names and
finite times of our lanes are taken from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS
from matmul_demo.workloads import Workload, parse_shape

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"  # absent in an installed package
MAX_CHARACTERS = 2_000_000  # a race of all lanes has 30,000
MAX_RACES = 50  # in one file
NAME_LENGTH = 80  # characters
HOW = "Choose a JSON file that the page, the command or benchmarks/bench_race_gpu.py wrote."


@dataclass(frozen=True)
class SavedRace:
    """The times of a race that is over.

    Attributes:
        shape: ROWSxINNERxCOLUMNS.
        dtype: float32 or float64.
        machine: the GPU or processor; "" where the file does not say.
        threads: size of every thread pool; None where the file does not say.
        date: as the file has it; "" where it has none.
        seconds: lane → median seconds of the whole product, for each right result.
    """

    shape: str
    dtype: str
    machine: str
    threads: int | None
    date: str
    seconds: Mapping[str, float]


def read(text: str) -> SavedRace:
    """The race of a file; the first of several.

    Raises:
        RaceError: when it holds no race with a right time.
    """
    return read_all(text)[0]


def read_all(text: str) -> tuple[SavedRace, ...]:
    """Every race of a file: that of the page or the command, or those of a benchmark.

    Raises:
        RaceError: when it holds no race with a right time.
    """
    if len(text) > MAX_CHARACTERS:
        raise RaceError(f"A saved race has at most {MAX_CHARACTERS:,} characters. {HOW}")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise RaceError(f"This file is not JSON. {HOW}") from None
    found = _mapping(record).get("races", [record])
    races = found[:MAX_RACES] if isinstance(found, list) else []
    saved = tuple(filter(None, (_read(_mapping(race), _mapping(record)) for race in races)))
    if not saved:
        raise RaceError(f"This file holds no race with the right time of a lane. {HOW}")
    return saved


def devices(folder: Path = RESULTS) -> dict[str, tuple[SavedRace, ...]]:
    """The races that benchmarks have kept of real devices, by device and date.

    A GPU's are files of JSON, a processor's the last line of what `bench_race.py` printed. A file
    that cannot be read is left out.
    """
    found: dict[str, tuple[SavedRace, ...]] = {}
    for path in [*sorted(folder.glob("race-*.json")), *sorted(folder.glob("bench_race*.txt"))]:
        try:
            text = path.read_text(encoding="utf-8")
            races = read_all(text if path.suffix == ".json" else text.splitlines()[-1])
        except (OSError, ValueError, IndexError, RaceError):
            continue
        found[f"{races[0].machine or path.stem}, {races[0].date or 'date not kept'}"] = races
    return found


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401
    return value if isinstance(value, dict) else {}


def _read(race: dict[str, Any], record: dict[str, Any]) -> SavedRace | None:
    """One race of a record; None where it has no shape or no time."""
    try:
        shape = Workload(*parse_shape(str(race.get("shape"))[:NAME_LENGTH])).shape
    except RaceError:
        return None
    results = race.get("results")
    times = map(_time, results if isinstance(results, list) else [])
    seconds = {key: time for key, time in times if time}
    machine, threads = _mapping(race.get("machine")), race.get("threads")
    on_gpu = race.get("device") == "cuda"
    name = _mapping(machine.get("gpu")).get("name") if on_gpu else machine.get("name")
    if race is not record:  # a benchmark names its device once
        name = record.get("device") or name
    counted = isinstance(threads, int) and not isinstance(threads, bool) and 0 < threads < 10**5
    if not seconds:
        return None
    return SavedRace(
        shape,
        "float64" if race.get("dtype") == "float64" else "float32",
        _line(name),
        threads if counted else None,
        _line(race.get("date") or record.get("date")),
        seconds,
    )


def _time(result: Any) -> tuple[str, float]:  # noqa: ANN401
    """Lane and seconds of a right result; no seconds for anything else."""
    result = _mapping(result)
    key, seconds = result.get("strategy"), result.get("seconds")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if result.get("status") != "ok" or key not in KEYS or not is_number:
        return "", 0.0
    return (key, float(seconds)) if 0 < seconds < 1e12 and math.isfinite(seconds) else ("", 0.0)


def _line(value: Any) -> str:  # noqa: ANN401
    """Text as one short line; "" for anything else."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:NAME_LENGTH]
