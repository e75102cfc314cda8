"""The GPU's roof: what it copies, the best product found, and what its maker promises.

A library's product is no limit, so beside it stands the datasheet's figure where the device is
known, labelled. Measured once for each device, then kept, as the processor's limits are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from matmul_demo.lanes import gpu, libraries
from matmul_demo.machine.datasheets import Datasheet, datasheet
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


class Device(Protocol):
    """What is measured; a fake one takes its place where there is no GPU."""

    name: str

    def copying(self, size: int) -> Callable[[], object]:
        """A call that copies so many bytes within the device's memory."""

    def multiplying(self, numbers: str, side: int) -> Callable[[], object]:
        """A call that multiplies two squares of a kind of number."""

    def now(self) -> float:
        """Seconds on the device's clock when all that was asked for before is done."""


class Cuda:
    """The GPU that torch uses."""

    def __init__(self) -> None:
        self.name = torch.cuda.get_device_name()
        self.now = gpu.event_clock()

    def copying(self, size: int) -> Callable[[], object]:
        """A copy within the GPU's memory."""
        source = torch.zeros(size, dtype=torch.uint8, device="cuda")
        target = torch.empty_like(source)
        return lambda: target.copy_(source)

    def multiplying(self, numbers: str, side: int) -> Callable[[], object]:
        """A product by torch, with the precision that the kind of number asks for."""
        dtype, precision = KINDS[numbers]
        a, b = (torch.randn(side, side, device="cuda").to(dtype) for _ in range(2))
        setting = libraries.float32_precision(precision)

        def call() -> torch.Tensor:
            with setting():
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
        return next((found.gflops for found in self.products if found.numbers == numbers), None)

    def floor_seconds(self, workload: Workload, numbers: str, itemsize: int) -> float | None:
        """The time below which the datasheet lets no product of this kind of number be.

        None where we have no datasheet: the best that was found is no limit.
        """
        sheet = self.datasheet
        if sheet is None or numbers not in sheet.tflops:
            return None
        arithmetic = workload.flop / (sheet.tflops[numbers] * 1e12)
        return max(arithmetic, workload.elements * itemsize / (sheet.memory_gbs * 1e9))


def accelerator_limits(device: Device, folder: Path | None = None) -> Accelerator:
    """The roof of a device, measured now if it never was."""
    file = MeasurementFile(
        {"format": FORMAT, "gpu": device.name, "torch": torch.__version__}, folder
    )
    stored = _stored(device.name, file.read())
    if stored:
        return stored
    found = measure(device)
    fields = asdict(found)
    fields.pop("datasheet")  # ours, and perhaps better known tomorrow
    file.write(fields, time.time())
    return found


def measure(device: Device, sizes: Sequence[int] = SIZES) -> Accelerator:
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
