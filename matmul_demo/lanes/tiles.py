"""The innermost tiles of our own fastest lanes, as vector instructions.

Each tile's running sums are vectors that never leave the registers while the inner dimension goes
by. The packing, blocking and threading around the tiles are plain loops, in `blocked`.
"""

# ruff: noqa: ANN401  (what numba and LLVM hand over has no types that could be named)

from __future__ import annotations

from typing import Any

from matmul_demo.machine.compiler import (
    FIRST_CACHE,
    REGISTERS,
    SECOND_CACHE,
    VECTOR_BYTES,
    Emitter,
    cgutils,
    data_of,
    intrinsic,
    ir,
    types,
)
from matmul_demo.workloads import LINE

TILE_ROWS = 14 if REGISTERS == 32 else 6
TILE_VECTORS = 2  # vectors of columns: 28 running sums in 32 registers, or 12 in 16
UNROLLED = 4  # steps of a tile that are written out, with one prefetch for all of them
# Ten columns, as the lesson has them, take one pass over A: 20 running sums, which with two vectors
# of A leave registers for what is read ahead of B; or 10.
DOT_ROWS, DOT_COLUMNS = (2, 10) if REGISTERS == 32 else (2, 5)


@intrinsic
def take(typing: Any, counters: Any, index: Any) -> Any:
    """Count up counters[index] (int64) and return what it was; no two threads get the same."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (data,) = data_of(context, builder, signature, args, 0)
        address = builder.gep(data, [args[1]], source_etype=ir.IntType(64))
        return builder.atomic_rmw("add", address, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counters, index), emit


@intrinsic
def copy_strip(typing: Any, source: Any, at_source: Any, target: Any, at_target: Any) -> Any:
    """Copy TILE_VECTORS vectors from one offset to another."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emitter = Emitter(context, builder, source)
        pointers = data_of(context, builder, signature, args, 0, 2)
        start, end = emitter.at(pointers[0], args[1]), emitter.at(pointers[1], args[3])
        steps = [v * emitter.count for v in range(TILE_VECTORS)]
        values = [emitter.load(emitter.at(start, step)) for step in steps]
        for step, value in zip(steps, values, strict=True):
            emitter.store(value, emitter.at(end, step))
        return context.get_dummy_value()

    return types.void(source, at_source, target, at_target), emit


@intrinsic
def copy_turned(
    typing: Any, a: Any, at_a: Any, stride: Any, packed: Any, at_packed: Any, depth: Any
) -> Any:
    """Copy TILE_ROWS rows of `depth` elements, `stride` apart, so that columns lie together."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emitter = Emitter(context, builder, a)
        source, target = data_of(context, builder, signature, args, 0, 3)
        _, at_a, stride, _, at_packed, depth = args
        start, end = emitter.at(source, at_a), emitter.at(target, at_packed)
        rows = [emitter.at(start, builder.mul(stride, stride.type(r))) for r in range(TILE_ROWS)]
        with cgutils.for_range(builder, depth) as loop:
            column = emitter.at(end, builder.mul(loop.index, depth.type(TILE_ROWS)))
            for r, row in enumerate(rows):
                builder.store(builder.load(emitter.at(row, loop.index)), emitter.at(column, r))
        return context.get_dummy_value()

    return types.void(a, at_a, stride, packed, at_packed, depth), emit


@intrinsic
def outer_tile(
    typing: Any, a: Any, at_a: Any, b: Any, at_b: Any, c: Any, at_c: Any, stride: Any, depth: Any,
    fresh: Any, ahead: Any,
) -> Any:  # fmt: skip
    """C tile [TILE_ROWS, TILE_VECTORS vectors] += packed A · packed B over `depth` steps.

    Packed A holds the rows of the tile for step 0, then for step 1, …; packed B its columns
    likewise. `at_` are offsets in elements, `stride` is the length of a row of C. A `fresh` tile is
    written without being read. Meanwhile `depth` elements of B are fetched from the offset `ahead`.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = data_of(context, builder, signature, args, 0, 2, 4)
        _, at_a, _, at_b, _, at_c, stride, depth, fresh, ahead = args
        emitter = Emitter(context, builder, a)
        starts = [emitter.at(x, at) for x, at in zip(pointers, (at_a, at_b, at_c), strict=True)]
        lines = [
            emitter.at(starts[2], builder.mul(stride, stride.type(r))) for r in range(TILE_ROWS)
        ]
        cells = [emitter.at(line, v * emitter.count) for line in lines for v in range(TILE_VECTORS)]
        for cell in cells[:: max(1, LINE // VECTOR_BYTES)]:
            emitter.prefetch(cell, FIRST_CACHE)
        sums = _emit_outer(emitter, starts, depth, emitter.at(pointers[1], ahead))
        _emit_result(emitter, cells, sums, fresh)
        return context.get_dummy_value()

    return types.void(a, at_a, b, at_b, c, at_c, stride, depth, fresh, ahead), emit


def _emit_outer(emit: Emitter, starts: Any, depth: Any, ahead: Any) -> list[Any]:
    """The sums of a tile, and what is fetched for the next strip of B."""
    builder = emit.builder
    sums = emit.sums(TILE_ROWS * TILE_VECTORS)
    rounds = builder.udiv(depth, depth.type(UNROLLED))
    done = builder.mul(rounds, depth.type(UNROLLED))
    with cgutils.for_range(builder, rounds) as loop:
        first = builder.mul(loop.index, depth.type(UNROLLED))
        emit.prefetch(emit.at(ahead, first), SECOND_CACHE)
        for step in range(UNROLLED):
            _emit_step(emit, starts, builder.add(first, depth.type(step)), sums)
    with cgutils.for_range(builder, builder.sub(depth, done)) as loop:
        _emit_step(emit, starts, builder.add(done, loop.index), sums)
    return sums


def _emit_step(emit: Emitter, starts: Any, step: Any, sums: list[Any]) -> None:
    """Add the products of one step of the inner dimension to a tile's sums."""
    a = emit.at(starts[0], emit.builder.mul(step, step.type(TILE_ROWS)))
    b = emit.at(starts[1], emit.builder.mul(step, step.type(TILE_VECTORS * emit.count)))
    columns = [emit.load(emit.at(b, v * emit.count)) for v in range(TILE_VECTORS)]
    for row in range(TILE_ROWS):
        x = emit.splat(emit.at(a, row))
        for v, y in enumerate(columns):
            emit.add_product(x, y, sums[row * TILE_VECTORS + v])


def _emit_result(emit: Emitter, cells: list[Any], sums: list[Any], fresh: Any) -> None:
    """Write the sums of a tile to C, or add them to it."""
    builder = emit.builder
    with builder.if_else(fresh) as (write, add):
        with write:
            for cell, total in zip(cells, sums, strict=True):
                emit.store(builder.load(total), cell)
        with add:
            for cell, total in zip(cells, sums, strict=True):
                emit.store(builder.fadd(emit.load(cell), builder.load(total)), cell)


@intrinsic
def dot_tile(
    typing: Any, a: Any, at_a: Any, b: Any, at_b: Any, inner: Any, steps: Any, c: Any, at_c: Any,
    stride: Any, ahead: Any,
) -> Any:  # fmt: skip
    """C [DOT_ROWS, DOT_COLUMNS] = rows of A · columns of B over `steps` vectors of the inner axis.

    Packed B holds a vector of each column for step 0, then for step 1, …: one address, and no
    register for each column. `at_` are offsets in elements, `inner` is the length of a row of A,
    `stride` that of C.
    Meanwhile as much of A as these rows is fetched from the offset `ahead`.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = data_of(context, builder, signature, args, 0, 2, 6)
        _, at_a, _, at_b, inner, steps, _, at_c, stride, ahead = args
        emitter = Emitter(context, builder, a)
        starts = [emitter.at(x, at) for x, at in zip(arrays, (at_a, at_b, at_c), strict=True)]
        sums = _emit_dot(emitter, starts, inner, steps, emitter.at(arrays[0], ahead))
        for row in range(DOT_ROWS):
            line = emitter.at(starts[2], builder.mul(stride, stride.type(row)))
            for column in range(DOT_COLUMNS):
                total = emitter.reduced(sums[row * DOT_COLUMNS + column])
                builder.store(total, emitter.at(line, column), align=emitter.bytes)
        return context.get_dummy_value()

    return types.void(a, at_a, b, at_b, inner, steps, c, at_c, stride, ahead), emit


def _emit_dot(emit: Emitter, starts: Any, inner: Any, steps: Any, ahead: Any) -> list[Any]:
    """The sums of a tile, as vectors still to be added up."""
    builder = emit.builder
    rows, later = (
        [emit.at(start, builder.mul(inner, inner.type(r))) for r in range(DOT_ROWS)]
        for start in (starts[0], ahead)
    )
    sums = emit.sums(DOT_ROWS * DOT_COLUMNS)
    with cgutils.for_range(builder, steps) as loop:
        place = builder.mul(loop.index, steps.type(emit.count))
        for row in later:
            emit.prefetch(emit.at(row, place), SECOND_CACHE)
        columns = emit.at(starts[1], builder.mul(place, place.type(DOT_COLUMNS)))
        xs = [emit.load(emit.at(row, place)) for row in rows]
        for j in range(DOT_COLUMNS):
            y = emit.load(emit.at(columns, j * emit.count))
            for r, x in enumerate(xs):
                emit.add_product(x, y, sums[r * DOT_COLUMNS + j])
    return sums
