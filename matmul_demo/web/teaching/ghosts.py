"""Saved races → pale marks over a new one: another machine, another day, another thread count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matmul_demo.racing import saved
from matmul_demo.racing.saved import SavedRace
from matmul_demo.workloads import Workload

COMMAND = "python benchmarks/bench_race_gpu.py"
Product = tuple[str, str]  # ROWSxINNERxCOLUMNS and the type of the numbers


@dataclass(frozen=True)
class Ghost:
    """Earlier races of one machine: its name, and product → lane → seconds."""

    name: str
    races: Mapping[Product, Mapping[str, float]]

    def seconds(self, workload: Workload) -> Mapping[str, float]:
        """Lane → seconds for the same sizes and type of numbers; empty where not raced."""
        return self.races.get((workload.shape, workload.dtype), {})

    def mismatch(self, workload: Workload) -> str:
        """A sentence where this ghost has no marks over a race of that product; else empty."""
        if self.seconds(workload):
            return ""
        products = ", ".join(f"{shape} in {dtype}" for shape, dtype in self.races)
        return (
            f"The ghost, {self.name}, multiplied {products}: its marks appear over a race of the "
            f"same sizes and number type, and this one is {workload.shape} in {workload.dtype}."
        )


def make_ghost(races: tuple[SavedRace, ...]) -> Ghost:
    """The ghost of a file's races, named by its machine, threads and date."""
    first = races[0]
    threads = f"{first.threads} thread{'s' * (first.threads > 1)}" if first.threads else ""
    parts = (first.machine or "another machine", threads, first.date)
    return Ghost(", ".join(filter(None, parts)), {(x.shape, x.dtype): x.seconds for x in races})


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
