"""Saved races → pale marks over a new one: another machine, another day, another thread count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matmul_demo.racing import saved
from matmul_demo.racing.saved import SavedRace

COMMAND = "python benchmarks/bench_race_gpu.py"


@dataclass(frozen=True)
class Ghost:
    """Earlier races of one machine: its name, and product → lane → seconds."""

    name: str
    races: Mapping[str, Mapping[str, float]]

    def seconds(self, shape: str) -> Mapping[str, float]:
        """Lane → seconds for the product ROWSxINNERxCOLUMNS; empty where it was not raced."""
        return self.races.get(shape, {})


def make_ghost(races: tuple[SavedRace, ...]) -> Ghost:
    """The ghost of a file's races, named by its machine, threads, number type and date."""
    first = races[0]
    threads = f"{first.threads} thread{'s' * (first.threads > 1)}" if first.threads else ""
    parts = (first.machine or "another machine", threads, first.dtype, first.date)
    return Ghost(", ".join(filter(None, parts)), {race.shape: race.seconds for race in races})


def read_file(content: bytes) -> Ghost:
    """The ghost of an uploaded file.

    Raises:
        RaceError: when it holds no race with a right time, or is too large.
    """
    return make_ghost(saved.read_all(content.decode("utf-8", "replace")))


def device_ghost(name: str) -> Ghost | None:
    """The ghost of a device that benchmarks have kept; None for any other name."""
    races = saved.devices().get(name)
    return make_ghost(races) if races else None
