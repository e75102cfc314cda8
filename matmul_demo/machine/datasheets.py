"""What makers promise of their GPUs: dense products without sparsity, and memory.

A promise is a bound from above that no program reaches; it is always labelled as the datasheet's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


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
