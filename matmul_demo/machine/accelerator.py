"""The GPU's roof: what it copies, the best product found, and what its maker promises.

A library's product is no limit, and a datasheet's figure is a bound from above that no program
reaches; the two stand beside each other, labelled. The roof is measured once for each device and
then kept, as the processor's limits are.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from matmul_demo.machine.store import MeasurementFile
from matmul_demo.workloads import Workload

FORMAT = 1
SIZES = (2048, 4096, 8192)  # of the squares that are multiplied to find the best
KINDS = {
    "float32": (torch.float32, "highest"),
    "tf32": (torch.float32, "high"),
    "bfloat16": (torch.bfloat16, "highest"),
    "float16": (torch.float16, "highest"),
}
COPY_BYTES = 2**28
SECONDS = 0.15  # for each product and for the copy
MIN_RUNS = 3


def missing_gpu() -> str | None:
    """Why no lane of the GPU can run here; None when they can."""
    if os.environ.get("SPACES_ZERO_GPU"):
        # Its torch says that there is one; only what `spaces` runs has it, and a race would hold
        # it for longer than it is lent.
        return "A Space on ZeroGPU lends its GPU to the interrogator, not to races."
    if torch.cuda.is_available():
        return None
    return "There is no CUDA GPU that torch can use on this machine."


def event_clock() -> Callable[[], float]:
    """Seconds on the GPU's own clock, read when all work queued before is done."""
    start = torch.cuda.Event(enable_timing=True)
    start.record()

    def now() -> float:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        event.synchronize()
        return start.elapsed_time(event) / 1e3

    return now


@contextmanager
def float32_precision(precision: str) -> Iterator[None]:
    """Set what torch may do with float32 products, and set it back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@dataclass(frozen=True)
class Datasheet:
    """A maker's figures.

    Attributes:
        device: the words of the name that torch gives the device, all of which must be in it.
        memory_gbs: 10⁹ bytes per second.
        tflops: kind of number → 10¹² floating-point operations per second.
    """

    device: str
    memory_gbs: float
    tflops: dict[str, float]


def _sheet(device: str, memory: float, float32: float, half: float, **other: float) -> Datasheet:
    """Figures in GB/s and TFLOP/s; `half` is what tensor cores make of 16-bit numbers."""
    return Datasheet(device, memory, {"float32": float32, "float16": half, **other})


# The first that fits counts, so what has more words stands before what has fewer.
DATASHEETS = (
    _sheet("H200", 4800, 67, 989, bfloat16=989, tf32=494),
    _sheet("H100 NVL", 3900, 60, 835, bfloat16=835, tf32=417),
    _sheet("H100 PCIe", 2000, 51, 756, bfloat16=756, tf32=378),
    _sheet("H100", 3350, 67, 989, bfloat16=989, tf32=494),
    _sheet("A100 80GB PCIe", 1935, 19.5, 312, bfloat16=312, tf32=156),
    _sheet("A100 SXM4 80GB", 2039, 19.5, 312, bfloat16=312, tf32=156),
    _sheet("A100 40GB", 1555, 19.5, 312, bfloat16=312, tf32=156),
    _sheet("A10", 600, 31.2, 125, bfloat16=125, tf32=62.5),
    _sheet("L40S", 864, 91.6, 362, bfloat16=362, tf32=183),
    _sheet("L4", 300, 30.3, 121, bfloat16=121, tf32=60),
    _sheet("RTX A6000", 768, 38.7, 154.8, bfloat16=154.8, tf32=77.4),
    _sheet("V100 SXM2", 900, 15.7, 125),
    _sheet("T4", 320, 8.1, 65),
)


def datasheet(name: str) -> Datasheet | None:
    """The figures of a device by the name that torch gives it; None where we have none."""
    parts = set(_name_parts(name))
    return next(
        (sheet for sheet in DATASHEETS if parts.issuperset(_name_parts(sheet.device))), None
    )


def _name_parts(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())


class Cuda:
    """The GPU that torch uses; a fake one takes its place where there is none."""

    def __init__(self) -> None:
        self.name = torch.cuda.get_device_name()
        self.now = event_clock()

    def copying(self, size: int) -> Callable[[], object]:
        """A copy within the GPU's memory."""
        source = torch.zeros(size, dtype=torch.uint8, device="cuda")
        target = torch.empty_like(source)
        return lambda: target.copy_(source)

    def multiplying(self, numbers: str, side: int) -> Callable[[], object]:
        """A product by torch, with the precision that the kind of number asks for."""
        dtype, precision = KINDS[numbers]
        a, b = (torch.randn(side, side, device="cuda").to(dtype) for _ in range(2))

        def call() -> torch.Tensor:
            with float32_precision(precision):
                return a @ b

        return call


@dataclass(frozen=True)
class BestProduct:
    """The fastest product of a kind of number: 10⁹ FLOP per second, and the side of the squares."""

    numbers: str
    gflops: float
    side: int


@dataclass(frozen=True)
class Accelerator:
    """A GPU and its roof.

    Attributes:
        name: as torch names it.
        copy_gbs: 10⁹ bytes per second read and written while it copies.
        products: the best that were found, by kind of number.
        datasheet: its maker's figures where we have them.
    """

    name: str
    copy_gbs: float
    products: tuple[BestProduct, ...]
    datasheet: Datasheet | None = None

    def best(self, numbers: str) -> float | None:
        """The fastest product of a kind of number that was found, in 10⁹ FLOP per second."""
        return {each.numbers: each.gflops for each in self.products}.get(numbers)

    def floor_seconds(self, workload: Workload, numbers: str, itemsize: int) -> float | None:
        """The time below which the datasheet lets no product of this kind of number be.

        None where we have no datasheet: the best that was found is no limit.
        """
        sheet = self.datasheet
        if sheet is None or numbers not in sheet.tflops:
            return None
        arithmetic = workload.flop / (sheet.tflops[numbers] * 1e12)
        return max(arithmetic, workload.elements * itemsize / (sheet.memory_gbs * 1e9))


def accelerator_limits(device: Cuda, folder: Path | None = None) -> Accelerator:
    """The roof of a device, measured now if it never was."""
    file = MeasurementFile(
        {"format": FORMAT, "gpu": device.name, "torch": torch.__version__}, folder
    )
    stored = _stored(device.name, file.read())
    if stored:
        return stored
    roof = measure(device)
    fields = asdict(roof)
    fields.pop("datasheet")  # ours, and perhaps better known tomorrow
    file.write(fields, time.time())
    return roof


def measure(device: Cuda, sizes: Sequence[int] = SIZES) -> Accelerator:
    """Copy, then multiply squares of each kind of number; the best of each counts."""
    copied = 2 * COPY_BYTES / fastest_seconds(device.copying(COPY_BYTES), device.now) / 1e9
    products = []
    for numbers in KINDS:
        rates = {
            side: 2 * side**3 / fastest_seconds(device.multiplying(numbers, side), device.now) / 1e9
            for side in sizes
        }
        side = max(rates, key=rates.__getitem__)
        products.append(BestProduct(numbers, rates[side], side))
    return Accelerator(device.name, copied, tuple(products), datasheet(device.name))


def fastest_seconds(call: Callable[[], object], now: Callable[[], float]) -> float:
    """Seconds of the fastest of some calls, after one that warms up."""
    call()
    start = last = now()
    seconds: list[float] = []
    while len(seconds) < MIN_RUNS or last - start < SECONDS:
        call()
        before, last = last, now()
        seconds.append(last - before)
    return min(seconds)


def _stored(name: str, stored: Any) -> Accelerator | None:  # noqa: ANN401
    """What was stored, as a roof; None when it is not what we could have measured."""
    try:
        products = tuple(BestProduct(**product) for product in stored["products"])
        rates = [stored["copy_gbs"], *(product.gflops for product in products)]
        possible = all(isinstance(rate, float) and 0 < rate < math.inf for rate in rates)
        if not possible or [product.numbers for product in products] != list(KINDS):
            return None
        return Accelerator(name, stored["copy_gbs"], products, datasheet(name))
    except (TypeError, KeyError):
        return None
