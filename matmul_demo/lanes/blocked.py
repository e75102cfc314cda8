"""Our own fastest lanes: blocks for the caches, tiles for the registers, rows for the threads.

`numba_blocked` follows Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
(2008), for products with many columns; `numba_streamed` reads A once from memory and is for the
few columns of the lesson. Both are right for every shape. Threads take the next block when they
have done one, so that a neighbour who pauses one of them costs one block and not half the product.
"""

from __future__ import annotations

import functools
from threading import get_ident
from typing import NamedTuple

import numpy as np

from matmul_demo.lanes.tiles import (
    DOT_COLUMNS,
    DOT_ROWS,
    TILE_ROWS,
    TILE_VECTORS,
    copy_strip,
    copy_turned,
    dot_tile,
    outer_tile,
    take,
)
from matmul_demo.machine.compiler import VECTOR_BYTES, Array, jit, pool_size, prange
from matmul_demo.machine.compiler import missing_numba as missing_numba
from matmul_demo.machine.processor import caches
from matmul_demo.workloads import LINE, aligned

PACKED_ROWS = 8  # rows of B that are packed together
APART = LINE // 8  # counters of 8 bytes, each in a line of its own


class Blocks(NamedTuple):
    """How a product is divided.

    Attributes:
        threads: that share the work.
        width: columns of a strip of B, as many as a tile has.
        depth: inner steps of a block: a strip of packed B then leaves room for a tile's rows of A
            in the first-level cache.
        high: tiles in a block of rows: packed A then fills half a second-level cache.
        panel: columns of B that are packed at once: they then fill half the last cache.
    """

    threads: int
    width: int
    depth: int
    high: int
    panel: int


def divide(rows: int, inner: int, itemsize: int, threads: int) -> Blocks:
    """Blocks for this processor's caches, as even as they can be."""
    first, second, *_, last = (cache.bytes for cache in caches())
    width = TILE_VECTORS * VECTOR_BYTES // itemsize
    depth = _evenly(inner, first * 3 // 4 // (width * itemsize))
    depth = -(-depth // PACKED_ROWS) * PACKED_ROWS  # whole rounds of a tile's loop
    most = max(1, second // 2 // (TILE_ROWS * depth * itemsize))
    tiles = -(-rows // TILE_ROWS)
    rounds = -(-tiles // (threads * most))
    panel = max(1, last // 2 // (inner * itemsize * width)) * width
    return Blocks(threads, width, depth, -(-tiles // (threads * rounds)), panel)


def _evenly(length: int, most: int) -> int:
    """The length of equal parts that are at most so long."""
    return -(-length // -(-length // most))


@functools.lru_cache(maxsize=4)
def workspace(name: str, shape: tuple[int, ...], dtype: np.dtype, thread: int) -> Array:
    """Memory to pack into, kept for the next product of this size, as the libraries keep theirs.

    The system hands out new memory a page at a time, which takes longer than the packing.
    """
    return aligned(shape, dtype)


def numba_blocked(a: Array, b: Array) -> Array:
    """Divide the work for the caches; the compiled loops do it."""
    rows, inner, columns = *a.shape, b.shape[1]
    blocks = divide(rows, inner, a.itemsize, pool_size())
    c = np.empty((rows, columns), a.dtype)
    wide = -(-min(columns, blocks.panel) // blocks.width) * blocks.width
    packed_b = workspace("B", (inner * wide,), a.dtype, get_ident())
    size = blocks.high * TILE_ROWS * blocks.depth
    packed_a = workspace("A", (blocks.threads, size), a.dtype, get_ident())
    multiply_blocks(a, b, c, packed_a, packed_b, blocks)
    return c


@jit(parallel=True)
def multiply_blocks(
    a: Array, b: Array, c: Array, packed_a: Array, packed_b: Array, blocks: Blocks
) -> None:
    """Pack a panel of B, all threads together, then multiply blocks of rows by it."""
    for left in range(0, b.shape[1], blocks.panel):
        counters = np.zeros(2 * APART, np.int64)
        for _ in prange(blocks.threads):
            pack_rows_of_b(b, left, packed_b, counters, blocks)
        for thread in prange(blocks.threads):
            multiply_rows(a, packed_a[thread], packed_b, c, left, counters, blocks)


@jit()
def pack_rows_of_b(b: Array, left: int, packed: Array, counters: Array, blocks: Blocks) -> None:
    """Copy rows into strips [strip, depth, width] of their block, zero-padded."""
    inner, columns = b.shape
    width = blocks.width
    right = min(columns, left + blocks.panel)
    strips = -(-(right - left) // width)
    whole = (right - left) // width
    first = take(counters, 0) * PACKED_ROWS
    while first < inner:
        for k in range(first, min(first + PACKED_ROWS, inner)):
            start = k // blocks.depth * blocks.depth
            depth = min(blocks.depth, inner - start)
            at = start * strips * width + (k - start) * width
            for s in range(whole):
                copy_strip(b, k * columns + left + s * width, packed, at + s * depth * width)
            for j in range((strips - whole) * width):
                column = left + whole * width + j
                packed[at + whole * depth * width + j] = b[k, column] if column < right else 0
        first = take(counters, 0) * PACKED_ROWS


@jit()
def multiply_rows(
    a: Array, packed_a: Array, packed_b: Array, c: Array, left: int, counters: Array, blocks: Blocks
) -> None:
    """Multiply one block of rows of A after another by the packed panel."""
    rows, inner = a.shape
    block = take(counters, APART)
    while block * blocks.high * TILE_ROWS < rows:
        first = block * blocks.high * TILE_ROWS
        count = min(rows - first, blocks.high * TILE_ROWS)
        for k in range(0, inner, blocks.depth):
            depth = min(blocks.depth, inner - k)
            pack_block_of_a(a, first, count, k, depth, packed_a)
            multiply_block(packed_a, packed_b, c, (first, count, k, depth, left), blocks)
        block = take(counters, APART)


@jit()
def pack_block_of_a(a: Array, first: int, count: int, k: int, depth: int, packed: Array) -> None:
    """Copy `count` rows into tiles [tile, depth, TILE_ROWS], zero-padded."""
    for t in range(0, count, TILE_ROWS):
        row, at = first + t, t * depth
        if t + TILE_ROWS <= count:
            copy_turned(a, row * a.shape[1] + k, a.shape[1], packed, at, depth)
            continue
        for d in range(depth):
            for r in range(TILE_ROWS):
                inside = t + r < count
                packed[at + d * TILE_ROWS + r] = a[row + r, k + d] if inside else 0


@jit()
def multiply_block(
    packed_a: Array, packed_b: Array, c: Array, where: tuple[int, ...], blocks: Blocks
) -> None:
    """Multiply a packed block by all strips; at the edges of C through a small array."""
    first, count, k, depth, left = where
    columns, width = c.shape[1], blocks.width
    right = min(columns, left + blocks.panel)
    strips = -(-(right - left) // width)
    corner = np.empty((TILE_ROWS, width), c.dtype)
    last = (k * strips + (strips - 1) * depth) * width
    for s in range(strips):
        at_b = (k * strips + s * depth) * width
        fetched = at_b + depth * width if s + 1 < strips else at_b  # of the next strip, so far
        column = left + s * width
        wide = min(width, right - column)
        for t in range(0, count, TILE_ROWS):
            high = min(TILE_ROWS, count - t)
            at_edge = high < TILE_ROWS or wide < width
            target, at_c, stride = c, (first + t) * columns + column, columns
            if at_edge:
                target, at_c, stride = corner, 0, width
            outer_tile(
                packed_a, t * depth, packed_b, at_b, target, at_c, stride, depth,
                at_edge or k == 0, fetched,
            )  # fmt: skip
            if at_edge:
                add_corner(corner, c, (first + t, column, high, wide), k == 0)
            fetched = min(fetched + depth, last)


@jit()
def add_corner(corner: Array, c: Array, where: tuple[int, int, int, int], fresh: bool) -> None:
    """Copy the part of a tile that lies inside C, or add it where C has been begun."""
    row, column, high, wide = where
    for r in range(high):
        for j in range(wide):
            before = 0 if fresh else c[row + r, column + j]
            c[row + r, column + j] = before + corner[r, j]


def numba_streamed(a: Array, b: Array) -> Array:
    """Divide the rows into blocks of an eighth of the second-level cache."""
    rows, inner, columns = *a.shape, b.shape[1]
    if rows < DOT_ROWS:
        a = np.concatenate([a, np.zeros((DOT_ROWS - rows, inner), a.dtype)])
    lane = VECTOR_BYTES // a.itemsize
    passes, steps = -(-columns // DOT_COLUMNS), inner // lane
    whole = np.zeros((steps * lane, passes * DOT_COLUMNS), a.dtype)
    whole[:, :columns] = b[: steps * lane]
    packed = aligned((passes, steps, DOT_COLUMNS, lane), a.dtype)
    packed[:] = whole.reshape(steps, lane, passes, DOT_COLUMNS).transpose(2, 0, 3, 1)
    tiles = max(1, caches()[1].bytes // 8 // (DOT_ROWS * inner * a.itemsize))
    c = np.empty((len(a), columns), a.dtype)
    multiply_stream(a, b, packed, c, tiles * DOT_ROWS, pool_size())
    return c[:rows]


@jit(parallel=True)
def multiply_stream(a: Array, b: Array, packed: Array, c: Array, high: int, threads: int) -> None:
    """Dot products of a few rows with a few columns at a time; A comes from memory only once."""
    counters = np.zeros(APART, np.int64)
    for _ in prange(threads):
        stream_rows(a, b, packed, c, high, counters)


@jit()
def stream_rows(a: Array, b: Array, packed: Array, c: Array, high: int, counters: Array) -> None:
    """Multiply one block of rows after another; the next one is fetched meanwhile."""
    rows, inner = a.shape
    passes, steps = packed.shape[:2]
    corner = np.empty((DOT_ROWS, DOT_COLUMNS), a.dtype)
    blocks = max(1, rows // high)  # the last one may be up to twice as high
    block = take(counters, 0)
    while block < blocks:
        after = take(counters, 0)
        first, stop = block * high, rows if block + 1 == blocks else (block + 1) * high
        line = after * high if after < blocks else first
        for turn in range(passes):
            left, at_b = turn * DOT_COLUMNS, turn * packed[0].size
            wide = min(DOT_COLUMNS, c.shape[1] - left)
            for i in range(first, stop, DOT_ROWS):
                row = min(i, rows - DOT_ROWS)  # the last tile may do some rows again
                target, at_c, stride = c, row * c.shape[1] + left, c.shape[1]
                if wide < DOT_COLUMNS:
                    target, at_c, stride = corner, 0, DOT_COLUMNS
                later = min(line, rows - DOT_ROWS) if turn == 0 else row  # fetched once
                dot_tile(
                    a, row * inner, packed, at_b, inner, steps, target, at_c, stride,
                    later * inner,
                )  # fmt: skip
                if wide < DOT_COLUMNS:
                    add_corner(corner, c, (row, left, DOT_ROWS, wide), True)
                line += DOT_ROWS
        add_rest(a, b, c, first, stop)
        block = after


@jit()
def add_rest(a: Array, b: Array, c: Array, first: int, stop: int) -> None:
    """Add the products of the inner steps that do not fill a vector."""
    inner = a.shape[1]
    lane = VECTOR_BYTES // a.itemsize
    for i in range(first, stop):
        for j in range(c.shape[1]):
            for k in range(inner // lane * lane, inner):
                c[i, j] += a[i, k] * b[k, j]
