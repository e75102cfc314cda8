"""What spoils samples: other programs, a throttled control group, a hypervisor, an uneven spread.

A thread that waits for a processor is counted by Linux (`schedstat`), and so is the time for which
a control group was paused because its quota was spent (`cpu.stat`). A sample during which either
took a tenth of the time is left out. A lane of which too little remains is spoiled, and says why.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matmul_demo.machine.processor import CGROUP

TASKS = Path("/proc/self/task")
LOST_SHARE = 0.1  # of a sample; it would take at most a ninth longer
NEIGHBOURS_NOTED = 0.25  # processors; below this the effect drowns in the usual spread
STOLEN_NOTED = 0.1  # processors that the hypervisor gave to other machines
MIN_CLEAN = 3  # samples; fits the quartiles
MOST_SPREAD = 0.5  # IQR over median


@dataclass(frozen=True)
class Loss:
    """Shares of a sample's time, from 0 to 1.

    Attributes:
        waiting: in which the thread of ours that waited longest waited for a processor.
        throttled: in which our control group was paused because its quota was spent.
    """

    waiting: float = 0.0
    throttled: float = 0.0

    @property
    def is_large(self) -> bool:
        """Whether either is more than a tenth."""
        return max(self.waiting, self.throttled) > LOST_SHARE


@dataclass(frozen=True)
class Spoiled:
    """Why a lane's samples cannot be trusted: a word, and a sentence."""

    cause: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The samples that count, how many were left out, and why they are spoiled; else None."""

    samples: tuple[float, ...]
    disturbed: int = 0
    spoiled: Spoiled | None = None


class LossMeter:
    """Reads what the threads of this process have lost; nothing where the system does not tell.

    Args:
        tasks: folder with a folder for each thread of this process.
        cgroup: folder of the control group.
        now: the clock, in seconds.
    """

    def __init__(
        self, tasks: Path = TASKS, cgroup: Path = CGROUP,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:  # fmt: skip
        self._tasks, self._cgroup, self._now = tasks, cgroup, now
        self._files: list[int] = []

    def refresh(self) -> None:
        """Look for the threads that there are now; libraries start theirs with the first call."""
        self.close()
        for path in self._tasks.glob("*/schedstat"):
            try:
                self._files.append(os.open(path, os.O_RDONLY))
            except OSError:
                pass  # that thread has just ended

    def close(self) -> None:
        """Close the files; `refresh` opens them again."""
        for file in self._files:
            os.close(file)
        self._files = []

    def watch(self, block: Callable[[], float]) -> tuple[float, Loss]:
        """What a block returns, and what was lost meanwhile."""
        before, paused, start = self._waits(), throttled_seconds(self._cgroup), self._now()
        seconds = block()
        wall = max(self._now() - start, 1e-9)
        waits = [after - earlier for earlier, after in zip(before, self._waits(), strict=True)]
        paused = throttled_seconds(self._cgroup) - paused
        return seconds, Loss(min(max(waits, default=0.0) / wall, 1.0), min(paused / wall, 1.0))

    def _waits(self) -> list[float]:
        """Seconds for which each thread has waited for a processor so far."""
        return [_waiting_seconds(file) for file in self._files]


def _waiting_seconds(file: int) -> float:
    """The second number of `schedstat` is nanoseconds in a queue; 0 for a thread that ended."""
    try:
        return int(os.pread(file, 100, 0).split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def throttled_seconds(cgroup: Path = CGROUP) -> float:
    """Seconds for which the control group has been paused so far; 0 where it is not told.

    Version 2 has `throttled_usec` in `cpu.stat`, version 1 `throttled_time` in nanoseconds.
    """
    for name, field, unit in (
        ("cpu.stat", "throttled_usec", 1e-6), ("cpu/cpu.stat", "throttled_time", 1e-9),
    ):  # fmt: skip
        try:
            lines = (cgroup / name).read_text(encoding="ascii").splitlines()
            counters = dict(line.split() for line in lines)
            return int(counters[field]) * unit
        except (OSError, ValueError, KeyError):
            continue
    return 0.0


def judge(
    samples: Sequence[float],
    losses: Sequence[Loss] = (),
    neighbours: float = 0.0,
    stolen: float = 0.0,
) -> Verdict:
    """Which samples count, and whether enough of them do.

    Args:
        samples: seconds.
        losses: of each sample; empty where they are not known.
        neighbours: processors that other programs kept busy. Without any, a thread that waits does
            so for its own kind, which belongs to the lane's time.
        stolen: processors that the hypervisor gave to other machines.
    """
    known = losses or [Loss()] * len(samples)
    waited = [neighbours >= NEIGHBOURS_NOTED and loss.waiting > LOST_SHARE for loss in known]
    paused = [loss.throttled > LOST_SHARE for loss in known]
    clean = tuple(
        s for s, w, p in zip(samples, waited, paused, strict=True) if not w and not p
    )  # fmt: skip
    disturbed = len(samples) - len(clean)
    if len(clean) < min(MIN_CLEAN, len(samples)):
        count = f"in {disturbed} of {len(samples)} sample{'s' * (len(samples) > 1)}"
        spoiled = _throttled(count) if any(paused) else _busy(count, neighbours)
        return Verdict(tuple(samples), disturbed, spoiled)
    return Verdict(clean, disturbed, _stolen(stolen) or _uneven(clean))


def _busy(count: str, neighbours: float) -> Spoiled:
    return Spoiled(
        "busy", f"Other programs kept {neighbours:.1f} processors busy, and {count} its threads "
        "waited for one.",
    )  # fmt: skip


def _throttled(count: str) -> Spoiled:
    return Spoiled("throttled", f"The container had used up its processor time {count}.")


def _stolen(stolen: float) -> Spoiled | None:
    if stolen < STOLEN_NOTED:
        return None
    return Spoiled("stolen", f"The host gave {stolen:.1f} of our processors to other machines.")


def _uneven(samples: Sequence[float]) -> Spoiled | None:
    if len(samples) < MIN_CLEAN:
        return None
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    if high - low <= MOST_SPREAD * median:
        return None
    spread = f"{100 * (high - low) / median:.0f} %"
    return Spoiled("uneven", f"The middle half of its samples spreads over {spread} of the median.")
