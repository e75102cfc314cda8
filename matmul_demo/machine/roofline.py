"""The roof under which every lane runs: what this machine can do at best with a workload.

The roofline model (Williams, Waterman and Patterson, 2009): no method can be faster than its
arithmetic at the processor's peak, nor than its data at the bandwidth of the nearest cache, or
memory, that holds them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from matmul_demo.machine import accelerator, limits
from matmul_demo.machine.accelerator import Accelerator
from matmul_demo.machine.compiler import HAVE_NUMBA
from matmul_demo.machine.limits import Level, Limits
from matmul_demo.machine.processor import cpu_name
from matmul_demo.workloads import Workload

log = logging.getLogger(__name__)

NO_NUMBA = "not measured: numba is not installed"


@dataclass(frozen=True)
class Machine:
    """The processor and its limits for one workload's dtype, size and thread count.

    Attributes:
        name: the processor.
        peak_gflops: 10⁹ floating-point operations per second, None where not measured.
        peak_measured: how.
        bandwidth_gbs: 10⁹ bytes per second that can be read, None where not measured.
        bandwidth_measured: how.
        levels: the caches and the memory, nearest first, with the bandwidth of each.
        level: name of the one that holds the workload.
        gpu: the GPU and its own roof, where the workload is for it.
    """

    name: str
    peak_gflops: float | None
    peak_measured: str
    bandwidth_gbs: float | None
    bandwidth_measured: str
    levels: tuple[Level, ...] = ()
    level: str | None = None
    gpu: Accelerator | None = None

    def floor_seconds(self, workload: Workload) -> float | None:
        """The time that no method can beat: max(FLOP / peak, bytes / bandwidth), in seconds."""
        if not self.peak_gflops or not self.bandwidth_gbs:
            return None
        arithmetic = workload.flop / (self.peak_gflops * 1e9)
        traffic = workload.bytes_moved / (self.bandwidth_gbs * 1e9)
        return max(arithmetic, traffic)


def measure_machine(workload: Workload, threads: int) -> Machine:
    """Peak and bandwidths as they apply to a workload.

    Takes about two seconds the first time, then a fraction of one; see `limits`.
    """
    beside = _measure_gpu() if workload.device == "cuda" else None
    if not HAVE_NUMBA:
        return Machine(cpu_name(), None, NO_NUMBA, None, NO_NUMBA, gpu=beside)
    current = limits.processor_limits(workload.dtype, threads)
    level = holds(current.levels, workload)
    how = f"{threads} thread{'s' * (threads > 1)}, {_looks(current)}"
    return Machine(
        name=cpu_name(),
        peak_gflops=current.peak_gflops,
        peak_measured=f"independent chains of fused multiply-adds on {workload.dtype} vectors in "
        f"registers, {how}",
        bandwidth_gbs=level.gbs,
        bandwidth_measured=f"reading numbers that lie in {_place(level)}, "
        f"{_why(level, workload)}, {how}",
        levels=current.levels,
        level=level.name,
        gpu=beside,
    )


def _measure_gpu() -> Accelerator | None:
    """The GPU's roof; None where there is no GPU, or none that can be measured now."""
    if accelerator.missing_gpu():
        return None
    try:
        return accelerator.accelerator_limits(accelerator.Cuda())
    except RuntimeError as error:  # its memory is full, or the driver failed
        log.warning("The GPU's roof was not measured: %s", error)
        return None


def holds(levels: tuple[Level, ...], workload: Workload) -> Level:
    """The nearest level that holds A, B and C; the memory when the caches are emptied before."""
    fit = (level for level in levels if level.bytes and level.bytes >= workload.bytes_moved)
    return levels[-1] if workload.cache == "cold" else next(fit, levels[-1])


def _looks(current: Limits) -> str:
    races = "one look" if current.looks == 1 else f"{current.looks} looks"
    return f"best of many short runs in {races} since {current.since}"


def _place(level: Level) -> str:
    return f"the {level.name} cache" if level.bytes else "the memory"


def _why(level: Level, workload: Workload) -> str:
    size = bytes_text(workload.bytes_moved)
    if level.bytes:
        return f"which holds the {size} of A, B and C"
    return "from which each call begins" if workload.cache == "cold" else f"as {size} do"


def bytes_text(size: int) -> str:
    """A size in powers of 1,000: "159 MB"."""
    units = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"))
    scale, unit = next((u for u in units if size >= u[0]), (1.0, "bytes"))
    return f"{size / scale:.3g} {unit}"
