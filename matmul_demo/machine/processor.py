"""What this machine offers: the processor's name, the threads we may use, how to set them."""

from __future__ import annotations

import functools
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
CACHE_FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")
MIN_WATCH = 0.25  # seconds; the system counts in hundredths, which spoils shorter watches


def cpu_name() -> str:
    """The processor as the operating system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def available_threads(cgroup: Path = CGROUP) -> int:
    """Threads that can run at once: CPUs of our affinity mask, but no more than the quota.

    A container may see 64 CPUs and be allowed the time of two. More threads than that would be
    paused by the scheduler in the middle of a measurement.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _cpu_quota(cgroup)
    return max(1, min(cpus, int(quota) if quota else cpus))


def _cpu_quota(cgroup: Path) -> float | None:
    """CPUs' worth of time that the control group allows, or None for no limit."""
    try:
        if (cgroup / "cpu.max").exists():  # version 2: "quota period", or "max period"
            quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text(encoding="ascii").strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Cache:
    """A cache for data.

    Attributes:
        level: 1 for the one beside the arithmetic.
        bytes: how much one of them holds.
        processors: how many share one.
    """

    level: int
    bytes: int
    processors: int


DEFAULT_CACHES = (Cache(1, 2**15, 1), Cache(2, 2**19, 1), Cache(3, 2**25, 64))


@functools.cache
def caches(folder: Path = CACHE_FOLDER) -> tuple[Cache, ...]:
    """The processor's caches for data, nearest first; usual ones where the system does not tell."""
    by_level: dict[int, Cache] = {}
    try:
        for index in sorted(folder.glob("index*")):
            text = {
                name: (index / name).read_text(encoding="ascii").strip()
                for name in ("type", "level", "size", "shared_cpu_list")
            }
            if text["type"] != "Instruction":
                level = int(text["level"])
                shared = _count_cpus(text["shared_cpu_list"])
                by_level[level] = Cache(level, _size(text["size"]), shared)
    except (OSError, ValueError):
        return DEFAULT_CACHES
    if len(by_level) < 2:
        return DEFAULT_CACHES
    return tuple(by_level[level] for level in sorted(by_level))


def _size(text: str) -> int:
    unit = {"K": 2**10, "M": 2**20}.get(text[-1:], 1)
    return int(text.rstrip("KM")) * unit


def _count_cpus(text: str) -> int:
    """How many processors a list such as "0-3,8" names."""
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    return sum(end[-1] - end[0] + 1 for end in ends)


class NeighbourWatch:
    """Counts the processor time that other programs use from now on."""

    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._others = _others_seconds()
        self._stolen = _stolen_seconds()

    def busy(self) -> float:
        """Processors that others have kept busy since the beginning, on average."""
        wall = max(time.monotonic() - self._wall, MIN_WATCH)
        return max(0.0, _others_seconds() - self._others) / wall

    def stolen(self) -> float:
        """Processors that the hypervisor has given to other machines, on average."""
        wall = max(time.monotonic() - self._wall, MIN_WATCH)
        return max(0.0, _stolen_seconds() - self._stolen) / wall


def _others_seconds() -> float:
    """Processor seconds of the whole machine, less those of this process."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # guest time is counted in user time as well
    busy = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return busy - time.process_time()


def _stolen_seconds() -> float:
    """Processor seconds that the hypervisor kept from this machine; 0 where it is not told."""
    return getattr(psutil.cpu_times(), "steal", 0.0)


def thread_environment(threads: int) -> dict[str, str]:
    """Environment in which every thread pool of a new process has the same size.

    NumPy's BLAS, torch's OpenMP and numba keep separate pools: setting one leaves the others as
    wide as the machine, and the race would compare thread counts instead of methods. Libraries
    read these names when they are loaded, which may be late, so a call at the start misses some.
    """
    names = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
    # torch.compile would start a process for each processor, to compile kernels that we lack
    return {**dict.fromkeys(names, str(threads)), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
