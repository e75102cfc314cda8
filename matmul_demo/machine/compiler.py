"""Machine code from Python: numba's `jit` where numba is installed, and vector instructions.

numba turns loops into machine code but leaves open which numbers stay in registers, and here that
decides everything. What `lanes.tiles` and `machine.probe` write with an `Emitter`, in LLVM's own
terms, says so. Without numba, decorated functions stay plain Python.
"""

# ruff: noqa: ANN401  (what numba and LLVM hand over has no types that could be named)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import numba
    from llvmlite import binding  # type: ignore[import-untyped]
    from llvmlite import ir as ir
    from numba import prange as prange
    from numba.core import cgutils as cgutils
    from numba.core import types as types
    from numba.extending import intrinsic as intrinsic

    _FEATURES = dict(binding.get_host_cpu_features())
except ImportError:
    numba = ir = cgutils = types = None  # type: ignore[assignment]
    prange, _FEATURES = range, {}

    def intrinsic(function: Any) -> Any:  # noqa: D103  (nothing calls it without numba)
        return function


HAVE_NUMBA = numba is not None
Array = NDArray[np.floating]

_AVX512 = _FEATURES.get("avx512f", False)
_X86 = "avx2" in _FEATURES  # named, with its value, on every x86 and on nothing else
VECTOR_BYTES = 64 if _AVX512 else 32 if _FEATURES.get("avx2") else 16
REGISTERS = 16 if _X86 and not _AVX512 else 32
FIRST_CACHE, SECOND_CACHE = 3, 2  # where a prefetch puts a line, as LLVM counts


def missing_numba() -> str | None:
    """Why nothing can be compiled here; None when it can."""
    return None if HAVE_NUMBA else "numba is not installed; add it with: pip install numba"


def pool_size() -> int:
    """Threads among which numba shares a loop."""
    return numba.get_num_threads()


def jit(**options: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`numba.njit`, kept on disk between processes where a cache folder can be written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if numba is None:
            return function
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # "no locator available": neither our folder nor the user's
            return numba.njit(**options)(function)

    return decorate


class Emitter:
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

    def prefetch(self, address: Any, level: int) -> None:
        """Ask for the cache line of an address; `level` 3 is the first cache, 2 the second."""
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
        call = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        hints = [ir.Constant(ir.IntType(32), hint) for hint in (0, level, 1)]
        self.builder.call(call, [self.builder.bitcast(address, byte), *hints])

    def fused(self, x: Any, y: Any, z: Any, place: Any) -> None:
        """Store x · y + z, rounded once, in `place`."""
        name = f"llvm.fma.v{self.count}f{self.bytes * 8}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, kind, name)
        self.builder.store(self.builder.call(fma, [x, y, z]), place)

    def add_product(self, x: Any, y: Any, total: Any) -> None:
        """`total` += x · y in one instruction."""
        self.fused(x, y, self.builder.load(total), total)

    def reduced(self, total: Any) -> Any:
        """The sum of a vector's elements, added in any order."""
        name = f"llvm.vector.reduce.fadd.v{self.count}f{self.bytes * 8}"
        kind = ir.FunctionType(self.element, [self.element, self.vector])
        reduce = cgutils.get_or_insert_function(self.builder.module, kind, name)
        start = ir.Constant(self.element, -0.0)
        value = self.builder.load(total)
        return self.builder.call(reduce, [start, value], fastmath=("fast",))


def data_of(context: Any, builder: Any, signature: Any, args: Any, *places: int) -> list[Any]:
    """Addresses of the data of the arrays at these places among the arguments."""
    return [context.make_array(signature.args[i])(context, builder, args[i]).data for i in places]
