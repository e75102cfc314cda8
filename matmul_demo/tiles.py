"""The innermost tiles of our own fastest lanes, as vector instructions.

numba turns loops into machine code but leaves open which numbers stay in registers, and here that
decides everything. So each tile is written in LLVM's own terms through numba's `intrinsic`: its
running sums are vectors that never leave the registers while the inner dimension goes by. The
packing, blocking and threading around the tiles are plain loops, in `blocked`.
"""

# ruff: noqa: ANN401  (what numba and LLVM hand over has no types that could be named)

from __future__ import annotations

from typing import Any

from matmul_demo.kernels import HAVE_NUMBA

if HAVE_NUMBA:
    from llvmlite import binding, ir  # type: ignore[import-untyped]
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    _FEATURES = dict(binding.get_host_cpu_features())
else:
    _FEATURES = {}

    def intrinsic(function: Any) -> Any:  # noqa: D103  (the lanes are greyed without numba)
        return function


_AVX512 = _FEATURES.get("avx512f", False)
_X86 = "avx2" in _FEATURES  # named, with its value, on every x86 and on nothing else
VECTOR_BYTES = 64 if _AVX512 else 32 if _FEATURES.get("avx2") else 16
REGISTERS = 16 if _X86 and not _AVX512 else 32

TILE_ROWS = 14 if REGISTERS == 32 else 6
TILE_VECTORS = 2  # vectors of columns: 28 running sums in 32 registers, or 12 in 16
DOT_ROWS, DOT_COLUMNS = (4, 5) if REGISTERS == 32 else (2, 4)  # 20 running sums, or 8


class _Emitter:
    """Writes vector instructions for elements of one type into a function that numba compiles."""

    def __init__(self, context: Any, builder: Any, array: Any) -> None:
        self.builder = builder
        self.element = context.get_value_type(array.dtype)
        self.bytes = array.dtype.bitwidth // 8
        self.count = VECTOR_BYTES // self.bytes
        self.vector = ir.VectorType(self.element, self.count)
        self.lanes = ir.VectorType(ir.IntType(32), self.count)

    def sums(self, count: int) -> list[Any]:
        """Running sums that start at zero; LLVM keeps them in registers."""
        zero = ir.Constant(self.vector, [0.0] * self.count)
        return [cgutils.alloca_once_value(self.builder, zero) for _ in range(count)]

    def at(self, pointer: Any, *terms: Any) -> Any:
        """The address of an element: the pointer and a sum of offsets."""
        for term in terms:
            offset = ir.Constant(ir.IntType(64), term) if isinstance(term, int) else term
            pointer = self.builder.gep(pointer, [offset], source_etype=self.element)
        return pointer

    def load(self, address: Any) -> Any:
        """A vector, from an address that need not be aligned."""
        address = self.builder.bitcast(address, self.vector.as_pointer())
        return self.builder.load(address, align=self.bytes)

    def store(self, value: Any, address: Any) -> None:
        """A vector, to an address that need not be aligned."""
        address = self.builder.bitcast(address, self.vector.as_pointer())
        self.builder.store(value, address, align=self.bytes)

    def splat(self, address: Any) -> Any:
        """One element in all places of a vector."""
        scalar = self.builder.load(address)
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, scalar, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, empty, ir.Constant(self.lanes, [0] * self.count))

    def add_product(self, x: Any, y: Any, total: Any) -> None:
        """`total` += x · y in one instruction."""
        name = f"llvm.fma.v{self.count}f{self.bytes * 8}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, kind, name)
        product = self.builder.call(fma, [x, y, self.builder.load(total)])
        self.builder.store(product, total)

    def reduced(self, total: Any) -> Any:
        """The sum of a vector's elements, added in any order."""
        name = f"llvm.vector.reduce.fadd.v{self.count}f{self.bytes * 8}"
        kind = ir.FunctionType(self.element, [self.element, self.vector])
        reduce = cgutils.get_or_insert_function(self.builder.module, kind, name)
        start = ir.Constant(self.element, -0.0)
        value = self.builder.load(total)
        return self.builder.call(reduce, [start, value], fastmath=("fast",))


@intrinsic
def outer_tile(
    typing: Any, a: Any, at_a: Any, b: Any, at_b: Any, c: Any, at_c: Any, stride: Any, depth: Any
) -> Any:
    """C tile [TILE_ROWS, TILE_VECTORS vectors] += packed A · packed B over `depth` steps.

    Packed A holds the rows of the tile for step 0, then for step 1, …; packed B its columns
    likewise. `at_` are offsets in elements, `stride` is the length of a row of C.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = _pointers(context, builder, signature, args)
        _, at_a, _, at_b, _, at_c, stride, depth = args
        _emit_outer(_Emitter(context, builder, a), pointers, (at_a, at_b, at_c), stride, depth)
        return context.get_dummy_value()

    return types.void(a, at_a, b, at_b, c, at_c, stride, depth), emit


def _pointers(context: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
    """Addresses of the data of the three arrays among the arguments."""
    return [
        context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 2, 4)
    ]


def _emit_outer(emit: _Emitter, pointers: list[Any], starts: Any, stride: Any, depth: Any) -> None:
    builder = emit.builder
    a, b, c = (emit.at(pointer, start) for pointer, start in zip(pointers, starts, strict=True))
    sums = emit.sums(TILE_ROWS * TILE_VECTORS)
    with cgutils.for_range(builder, depth) as loop:
        step_a = emit.at(a, builder.mul(loop.index, depth.type(TILE_ROWS)))
        step_b = emit.at(b, builder.mul(loop.index, depth.type(TILE_VECTORS * emit.count)))
        columns = [emit.load(emit.at(step_b, v * emit.count)) for v in range(TILE_VECTORS)]
        for row in range(TILE_ROWS):
            x = emit.splat(emit.at(step_a, row))
            for v, y in enumerate(columns):
                emit.add_product(x, y, sums[row * TILE_VECTORS + v])
    for row in range(TILE_ROWS):
        line = emit.at(c, builder.mul(stride, stride.type(row)))
        for v in range(TILE_VECTORS):
            address = emit.at(line, v * emit.count)
            total = builder.load(sums[row * TILE_VECTORS + v])
            emit.store(builder.fadd(emit.load(address), total), address)


@intrinsic
def dot_tile(
    typing: Any, a: Any, at_a: Any, stride: Any, bt: Any, at_b: Any, padded: Any, c: Any, steps: Any
) -> Any:
    """C [DOT_ROWS, DOT_COLUMNS] = rows of A · rows of Bᵀ over `steps` vectors of the inner axis.

    `stride` is the length of a row of A in elements, `padded` that of a row of Bᵀ; C is a small
    array of its own.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3, 6)
        ]
        _, at_a, stride, _, at_b, padded, _, steps = args
        emitter = _Emitter(context, builder, a)
        starts = emitter.at(arrays[0], at_a), emitter.at(arrays[1], at_b)
        _emit_dot(emitter, starts, (stride, padded), arrays[2], steps)
        return context.get_dummy_value()

    return types.void(a, at_a, stride, bt, at_b, padded, c, steps), emit


def _emit_dot(emit: _Emitter, starts: Any, strides: Any, c: Any, steps: Any) -> None:
    builder = emit.builder
    stride, padded = strides
    rows = [emit.at(starts[0], builder.mul(stride, stride.type(r))) for r in range(DOT_ROWS)]
    columns = [emit.at(starts[1], builder.mul(padded, padded.type(j))) for j in range(DOT_COLUMNS)]
    sums = emit.sums(DOT_ROWS * DOT_COLUMNS)
    with cgutils.for_range(builder, steps) as loop:
        inner = builder.mul(loop.index, steps.type(emit.count))
        xs = [emit.load(emit.at(row, inner)) for row in rows]
        for j, column in enumerate(columns):
            y = emit.load(emit.at(column, inner))
            for r, x in enumerate(xs):
                emit.add_product(x, y, sums[r * DOT_COLUMNS + j])
    for cell, total in enumerate(sums):
        builder.store(emit.reduced(total), emit.at(c, cell), align=emit.bytes)
