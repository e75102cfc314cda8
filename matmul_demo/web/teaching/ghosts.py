"""A saved race → pale marks over a new one: another machine, another day, another thread count.

The file is a person's own and may hold anything, so only a shape, names and times are taken from
it, and all of them are checked.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS
from matmul_demo.workloads import parse_shape

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
MAX_BYTES = 2_000_000  # a race of all lanes takes 30 kB
NAME_LENGTH = 60  # characters of a machine's name that are shown
COMMAND = "python benchmarks/bench_race_gpu.py"
NOT_A_RACE = (
    "This file is not a saved race. Choose a JSON file that was saved here with "
    "“Save this race” or written by python -m matmul_demo --json."
)


@dataclass(frozen=True)
class Ghost:
    """Earlier races of one machine: its name, and product → lane → seconds."""

    name: str
    races: dict[str, dict[str, float]]

    def seconds(self, shape: str) -> dict[str, float]:
        """Lane → seconds for the product ROWSxINNERxCOLUMNS; empty where it was not raced."""
        return self.races.get(shape, {})


def read_ghost(text: str) -> Ghost:
    """The times of a saved race's right results, or of the races of a benchmark's file.

    Args:
        text: the JSON of a race, or of `COMMAND`.

    Raises:
        RaceError: when the text is neither, or holds no time.
    """
    try:
        saved = json.loads(text)
        races = saved.get("races", [saved])
        times = {_shape(race): _seconds(race) for race in races}
        name = _name(saved, races[0])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, RaceError) as error:
        raise RaceError(NOT_A_RACE) from error
    times = {shape: seconds for shape, seconds in times.items() if seconds}
    if not times:
        raise RaceError("This saved race holds no lane with a time; choose another file.")
    return Ghost(name, times)


def _shape(race: dict[str, Any]) -> str:
    return "x".join(map(str, parse_shape(race["shape"])))


def _name(saved: dict[str, Any], race: dict[str, Any]) -> str:
    """What ran it: the device, or the processor and its threads; and when, if the file says so."""
    device = saved.get("device") if "races" in saved else (race.get("machine") or {}).get("name")
    threads = 0 if "races" in saved else int(race.get("threads") or 0)
    count = f"{threads} thread{'s' * (threads > 1)}" if threads > 0 else ""
    parts = (str(device or "another machine"), count, str(saved.get("date") or ""))
    return ", ".join(part[:NAME_LENGTH] for part in parts if part)


def _seconds(race: dict[str, Any]) -> dict[str, float]:
    """Lane → seconds, without lanes that we do not have or that have no right result."""
    right = [one for one in race["results"] if one["status"] == "ok" and one["strategy"] in KEYS]
    times = {one["strategy"]: float(one["seconds"]) for one in right}
    return {key: time for key, time in times.items() if math.isfinite(time) and time > 0}


def read_file(content: bytes) -> Ghost:
    """The ghost of an uploaded file.

    Raises:
        RaceError: when it is too large or not the JSON of a race.
    """
    if len(content) > MAX_BYTES:
        raise RaceError(f"{NOT_A_RACE} It may have at most {MAX_BYTES // 1_000_000} MB.")
    return read_ghost(content.decode("utf-8", "replace"))


def device_races() -> dict[str, Path]:
    """The files that `COMMAND` wrote for real GPUs, by the device's name."""
    files = sorted(RESULTS.glob("race-*.json")) if RESULTS.is_dir() else []
    return {read_ghost(path.read_text("utf-8")).name: path for path in files}


def device_ghost(name: str) -> Ghost | None:
    """The ghost of a device of `device_races`; None for any other name."""
    path = device_races().get(name)
    return read_ghost(path.read_text("utf-8")) if path else None
