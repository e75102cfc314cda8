"""Our own fastest lanes: blocks for the caches, tiles for the registers, rows for the threads.

`numba_blocked` follows Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
(2008), for products with many columns; `numba_streamed` reads A once from memory and is for the
few columns of the lesson. Both are right for every shape.
"""

from __future__ import annotations

import numpy as np

from matmul_demo.kernels import Array, jit, pool_size, prange
from matmul_demo.tiles import (
    DOT_COLUMNS,
    DOT_ROWS,
    TILE_ROWS,
    TILE_VECTORS,
    VECTOR_BYTES,
    dot_tile,
    outer_tile,
)

DEPTH = 384  # inner steps in a block: a strip of packed B then fits the first-level cache
BLOCK_ROWS = 18 * TILE_ROWS  # rows in a block: packed A then fills half a second-level cache


@jit()
def pack_strips(x: Array, start: int, stop: int, packed: Array) -> None:
    """Copy columns of x [depth, columns] into packed [strips, depth, width], zero-padded."""
    _, depth, width = packed.shape
    for s in range(start, stop):
        first = s * width
        count = min(width, x.shape[1] - first)
        for k in range(depth):
            for j in range(count):
                packed[s, k, j] = x[k, first + j]
            for j in range(count, width):
                packed[s, k, j] = 0


def numba_blocked(a: Array, b: Array) -> Array:
    """Give each thread its own rows of C."""
    return multiply_blocks(a, b, pool_size())


@jit(parallel=True)
def multiply_blocks(a: Array, b: Array, threads: int) -> Array:
    """Multiply blocks of A and B, packed in the order in which the tiles read them."""
    rows, inner = a.shape
    columns = b.shape[1]
    width = TILE_VECTORS * VECTOR_BYTES // a.itemsize
    strips = -(-columns // width)
    blocks = threads * -(-rows // (threads * BLOCK_ROWS))
    high = -(-rows // (blocks * TILE_ROWS))  # tiles in a block, the same for all threads
    c = np.zeros((blocks * high * TILE_ROWS, strips * width), a.dtype)
    for k in range(0, inner, DEPTH):
        depth = min(DEPTH, inner - k)
        packed_b = np.empty((strips, depth, width), a.dtype)
        for s in prange(strips):
            pack_strips(b[k : k + depth], s, s + 1, packed_b)
        for block in prange(blocks):
            first = block * high * TILE_ROWS
            packed_a = np.zeros((high, depth, TILE_ROWS), a.dtype)
            part = a[first : first + high * TILE_ROWS, k : k + depth].T
            pack_strips(part, 0, -(-part.shape[1] // TILE_ROWS), packed_a)
            for s in range(strips):
                for t in range(high):
                    corner = (first + t * TILE_ROWS) * c.shape[1] + s * width
                    outer_tile(
                        packed_a, t * depth * TILE_ROWS, packed_b, s * depth * width,
                        c, corner, c.shape[1], depth,
                    )  # fmt: skip
    return c[:rows, :columns]


@jit(parallel=True)
def numba_streamed(a: Array, b: Array) -> Array:
    """Dot products of a few rows and columns at a time; A is read from memory only once."""
    rows, inner = a.shape
    columns = b.shape[1]
    lane = VECTOR_BYTES // a.itemsize
    steps = inner // lane
    groups = -(-columns // DOT_COLUMNS)
    bt = np.zeros((groups * DOT_COLUMNS, inner), a.dtype)
    bt[:columns] = b.T
    c = np.empty((rows, columns), a.dtype)
    for i in prange(-(-rows // DOT_ROWS)):
        first = i * DOT_ROWS
        count = min(DOT_ROWS, rows - first)
        few = a[first : first + count]
        if count < DOT_ROWS:
            few = np.zeros((DOT_ROWS, inner), a.dtype)
            few[:count] = a[first : first + count]
        tile = np.empty((DOT_ROWS, DOT_COLUMNS), a.dtype)
        for g in range(groups):
            dot_tile(few, 0, inner, bt, g * DOT_COLUMNS * inner, inner, tile, steps)
            for r in range(count):
                for j in range(min(DOT_COLUMNS, columns - g * DOT_COLUMNS)):
                    column = g * DOT_COLUMNS + j
                    total = tile[r, j]
                    for k in range(steps * lane, inner):
                        total += few[r, k] * bt[column, k]
                    c[first + r, column] = total
    return c
