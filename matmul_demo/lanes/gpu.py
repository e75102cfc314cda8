"""Lanes of the GPU: the library, our own kernels in numba and Triton, and the four clocks.

A product on a GPU is queued, then computed, then perhaps copied back; which of these a figure
includes decides it by a factor of hundreds. `cuda_launch` stops the clock when the work is queued,
`cuda_kernel` reads the kernel's time from the GPU, `cuda_result_copy` waits for the result in the
computer's own memory, and `cuda_input_copy` sends A and B to the GPU first.
"""

# ruff: noqa: ANN401  (numba.cuda and Triton may be missing, and have no types)

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from matmul_demo.machine.accelerator import float32_precision as float32_precision
from matmul_demo.machine.accelerator import missing_gpu

Tensor = torch.Tensor
Array = NDArray[np.floating]


def _optional(module: str) -> Any:
    """A module, or None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


cuda = _optional("numba.cuda")
triton = _optional("triton")
tl = _optional("triton.language")

TILE = 16  # threads of a block along each axis of C, in the numba kernels


def matmul_cuda(a: Tensor, b: Tensor) -> Tensor:
    """Call the GPU's BLAS and wait for the result."""
    c = a @ b  # returns as soon as the work is in the GPU's queue …
    torch.cuda.synchronize()  # … so wait until it is done
    return c


def matmul_cuda_tf32(a: Tensor, b: Tensor) -> Tensor:
    """Multiply float32 with torch.set_float32_matmul_precision("high"): TF32."""
    c = a @ b
    torch.cuda.synchronize()
    return c


def matmul_cuda_bfloat16(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices of bfloat16."""
    c = a @ b
    torch.cuda.synchronize()
    return c


def matmul_cuda_float16(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices of float16."""
    c = a @ b
    torch.cuda.synchronize()
    return c


def cuda_launch(a: Tensor, b: Tensor) -> Tensor:
    """Queue the product; the clock stops before it is computed."""
    return a @ b


def cuda_kernel(a: Tensor, b: Tensor) -> Tensor:
    """Queue the product; CUDA events in the GPU's own queue are the clock."""
    return a @ b


def cuda_result_copy(a: Tensor, b: Tensor) -> Tensor:
    """Multiply and bring the result back."""
    return (a @ b).cpu()


def cuda_input_copy(a: Tensor, b: Tensor) -> Tensor:
    """Send A and B, multiply, and bring the result back."""
    return (a.cuda() @ b.cuda()).cpu()


def naive_kernel(a: Array, b: Array, c: Array) -> None:
    """One thread for each element of C; neighbours in a row are neighbours in memory."""
    j, i = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = a[i, 0] * b[0, j]
        for k in range(1, a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


def tiled_kernel(a: Array, b: Array, c: Array) -> None:
    """Threads of a block load tiles of A and B together and share them."""
    tile_a = cuda.shared.array((TILE, TILE), a.dtype)
    tile_b = cuda.shared.array((TILE, TILE), b.dtype)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = a[0, 0] * 0
    for k in range(0, a.shape[1], TILE):
        tile_a[y, x] = a[i, k + x] if i < a.shape[0] and k + x < a.shape[1] else 0
        tile_b[y, x] = b[k + y, j] if k + y < b.shape[0] and j < b.shape[1] else 0
        cuda.syncthreads()  # the tiles are complete …
        for step in range(TILE):
            total += tile_a[y, step] * tile_b[step, x]
        cuda.syncthreads()  # … and no thread needs them any more
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@functools.cache
def _compiled(kernel: Callable[..., None]) -> Any:
    return cuda.jit(kernel)


def launch(kernel: Callable[..., None], a: Tensor, b: Tensor) -> Tensor:
    """Run a numba kernel with TILE × TILE threads for each tile of C, and wait for it."""
    c = torch.empty(len(a), b.shape[1], dtype=a.dtype, device=a.device)
    grid = math.ceil(c.shape[1] / TILE), math.ceil(c.shape[0] / TILE)
    _compiled(kernel)[grid, (TILE, TILE)](*(cuda.as_cuda_array(x) for x in (a, b, c)))
    cuda.synchronize()
    return c


def numba_cuda_naive(a: Tensor, b: Tensor) -> Tensor:
    """Compute each element of C in a thread of its own."""
    return launch(naive_kernel, a, b)


def numba_cuda_tiled(a: Tensor, b: Tensor) -> Tensor:
    """Compute tiles of C from tiles of A and B in shared memory."""
    return launch(tiled_kernel, a, b)


def triton_kernel(
    a: Any, b: Any, c: Any, rows: int, inner: int, columns: int,
    HIGH: tl.constexpr, WIDE: tl.constexpr, DEEP: tl.constexpr,  # type: ignore[name-defined] # noqa: N803
) -> None:  # fmt: skip
    """One tile [HIGH, WIDE] of C; Triton's compiler arranges the threads and shared memory."""
    i = tl.program_id(0) * HIGH + tl.arange(0, HIGH)
    j = tl.program_id(1) * WIDE + tl.arange(0, WIDE)
    total = tl.zeros((HIGH, WIDE), tl.float32)
    for start in range(0, inner, DEEP):
        k = start + tl.arange(0, DEEP)
        inside_a = (i[:, None] < rows) & (k[None, :] < inner)
        inside_b = (k[:, None] < inner) & (j[None, :] < columns)
        tile_a = tl.load(a + i[:, None].to(tl.int64) * inner + k[None, :], inside_a, 0.0)
        tile_b = tl.load(b + k[:, None].to(tl.int64) * columns + j[None, :], inside_b, 0.0)
        total = tl.dot(tile_a, tile_b, total, input_precision="tf32")
    inside = (i[:, None] < rows) & (j[None, :] < columns)
    tl.store(c + i[:, None].to(tl.int64) * columns + j[None, :], total, inside)


@functools.cache
def _jitted() -> Any:
    return triton.jit(triton_kernel)


def triton_tiled(a: Tensor, b: Tensor) -> Tensor:
    """Launch one program for each tile of C, and wait."""
    rows, inner, columns = *a.shape, b.shape[1]
    c = torch.empty(rows, columns, device=a.device)
    grid = math.ceil(rows / 64), math.ceil(columns / 64)
    _jitted()[grid](a, b, c, rows, inner, columns, HIGH=64, WIDE=64, DEEP=32)
    torch.cuda.synchronize()
    return c


def missing_numba_cuda() -> str | None:
    """Why our numba kernels cannot run here."""
    if (why := missing_gpu()) or cuda is None:
        return why or "numba's support for CUDA is not installed: pip install numba-cuda"
    return None if cuda.is_available() else "numba finds no CUDA driver."


def missing_triton() -> str | None:
    """Why the Triton kernel cannot run here."""
    return missing_gpu() or (
        None if triton else "Triton is not installed; torch for CUDA brings it."
    )
