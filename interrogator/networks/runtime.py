"""Chooses the device and the number format, once per process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Runtime:
    """Where, in what numbers and with how many threads the models compute.

    Attributes:
        device: The device.
        dtype: The format of the weights.
        threads: Threads of an operation on the processor; None for as many as torch has.
    """

    device: torch.device
    dtype: torch.dtype
    threads: int | None = None

    @property
    def dtype_name(self) -> str:
        """The format as it is written in reports: float32, bfloat16 or float16."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def precision(self) -> str:
        """The format in open_clip's words; normalisation layers stay in float32."""
        return {torch.float16: "fp16", torch.bfloat16: "bf16"}.get(self.dtype, "fp32")

    @contextmanager
    def in_threads(self) -> Iterator[None]:
        """Let what this thread computes have no more threads than these."""
        before = torch.get_num_threads()
        torch.set_num_threads(min(before, self.threads or before))
        try:
            yield
        finally:
            torch.set_num_threads(before)


def choose_runtime(dtype: str | None = None) -> Runtime:
    """Return CUDA in float16, else MPS in float32, else the CPU in its faster format.

    Args:
        dtype: float32, bfloat16 or float16, in place of that format.
    """
    chosen = _fastest_runtime()
    return replace(chosen, dtype=getattr(torch, dtype)) if dtype else chosen


def _fastest_runtime() -> Runtime:
    if torch.cuda.is_available():
        return Runtime(torch.device("cuda"), torch.float16)
    if torch.backends.mps.is_available():
        return Runtime(torch.device("mps"), torch.float32)
    faster = bfloat16_gain() > 1.3
    return Runtime(torch.device("cpu"), torch.bfloat16 if faster else torch.float32)


def bfloat16_gain(size: int = 384, repeats: int = 5) -> float:
    """Return how many times faster this CPU multiplies in bfloat16 than in float32.

    About 20 ms: where the instructions are missing, bfloat16 is emulated and slower, so it is
    asked of the machine and not read from its name. Both formats alternate, so that a busy
    neighbour meets both.
    """
    single = torch.ones(size, size)
    half = single.bfloat16()
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(repeats + 1):
        for matrix in (single, half):
            start = time.perf_counter()
            matrix @ matrix
            seconds[matrix.dtype].append(time.perf_counter() - start)
    # The first product of each format warms its kernels up and does not count.
    single_time, half_time = (statistics.median(times[1:]) for times in seconds.values())
    return single_time / half_time
