"""Lanes that call a library for the whole product, in several kinds of numbers."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from matmul_demo.machine.accelerator import float32_precision as float32_precision

Array = NDArray[np.floating]
Tensor = torch.Tensor


def einsum_numpy(a: Array, b: Array) -> Array:
    """Sum over the index that is missing on the right: k."""
    return np.einsum("ik,kj->ij", a, b)


def einsum_numpy_optimized(a: Array, b: Array) -> Array:
    """The same formula; NumPy may choose how to compute it."""
    return np.einsum("ik,kj->ij", a, b, optimize=True)


def einsum_torch(a: Tensor, b: Tensor) -> Tensor:
    """Sum over the index that is missing on the right: k."""
    return torch.einsum("ik,kj->ij", a, b)


def matmul_numpy(a: Array, b: Array) -> Array:
    """Call NumPy's BLAS."""
    return a @ b


def matmul_torch(a: Tensor, b: Tensor) -> Tensor:
    """Call torch's BLAS."""
    return a @ b


def matmul_torch_high(a: Tensor, b: Tensor) -> Tensor:
    """Multiply float32 with torch.set_float32_matmul_precision("high")."""
    return a @ b


def matmul_torch_medium(a: Tensor, b: Tensor) -> Tensor:
    """Multiply float32 with torch.set_float32_matmul_precision("medium")."""
    return a @ b


def matmul_torch_float64(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices of float64."""
    return a @ b


def matmul_torch_float16(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices of float16."""
    return a @ b


def matmul_torch_bfloat16(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices of bfloat16."""
    return a @ b


class Quantized(NamedTuple):
    """A matrix as int8 [rows, columns] times a float32 scale for each row or column."""

    values: Tensor
    scale: Tensor


def matmul_torch_int8(a: Quantized, b: Quantized) -> Tensor:
    """Multiply whole numbers into int32, then scale the rows and columns back."""
    return torch._int_mm(a.values, b.values) * (a.scale * b.scale)


@functools.cache
def compiled_matmul() -> Callable[[Tensor, Tensor], Tensor]:
    """The product, traced and compiled by torch's inductor when it is first called."""
    return torch.compile(lambda a, b: a @ b, dynamic=False)


def matmul_torch_compiled(a: Tensor, b: Tensor) -> Tensor:
    """Call the compiled function."""
    return compiled_matmul()(a, b)


def quantize(x: Array, axis: int) -> Quantized:
    """Each row (axis 1) or column (axis 0) over its own largest magnitude, in 127 steps."""
    values = torch.from_numpy(x).float()
    largest = values.abs().amax(dim=axis, keepdim=True)
    scale = torch.where(largest > 0, largest, 1.0) / 127
    return Quantized((values / scale).round().to(torch.int8), scale)


def missing_int8() -> str | None:
    """Why torch cannot multiply int8 here; None when it can."""
    if hasattr(torch, "_int_mm"):
        return None
    return "This version of torch has no product of int8 matrices."


def missing_compiler() -> str | None:
    """Why torch.compile cannot be used here; None when it can."""
    if os.environ.get("SPACES_ZERO_GPU"):
        return "Spaces on ZeroGPU do not support torch.compile."
    if importlib.util.find_spec("torch._inductor") is None:
        return "This build of torch has no compiler."
    dynamo = importlib.import_module("torch._dynamo")
    if not dynamo.is_dynamo_supported():
        return "torch.compile does not support this version of Python."
    return None
