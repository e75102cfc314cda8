"""What passes between the app and its worker process, besides `report.Outcome`.

A module of its own, because the worker's main module has another name inside the worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from matmul_demo.machine.roofline import Machine
from matmul_demo.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """What the worker is to do.

    Attributes:
        workload: what to multiply.
        lanes: keys of the lanes, in order.
        ladder: the module whose `LADDER` holds them.
        threads: size of every thread pool.
        deadline: on the clock of `time.monotonic`, which all processes share; the lanes divide
            the time until then among themselves.
        earlier: lanes that an earlier worker of this race has timed in full, with their seconds.
        limits: the machine's limits where an earlier worker of this race has measured them.
    """

    workload: Workload
    lanes: tuple[str, ...]
    ladder: str
    threads: int
    deadline: float
    limits: Machine | None = None
    earlier: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class RaceStart:
    """Matrices are made, limits measured; the race begins."""

    limits: Machine
    data: str


@dataclass(frozen=True)
class LaneStart:
    """A lane begins."""

    strategy: str


@dataclass(frozen=True)
class NeighbourLoad:
    """Processors that other programs kept busy since the first lane began, on average."""

    busy: float


@dataclass(frozen=True)
class Podium:
    """The leaders timed once more in turns: lane → seconds for each call."""

    samples: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Refusal:
    """The race cannot begin for a reason that a person can mend."""

    message: str
