"""Compiled lanes: the loops of the naive product, in machine code made by numba.

Without numba the functions stay plain Python and `strategies` marks their lanes unavailable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import numba
    from numba import prange as prange
except ImportError:
    numba, prange = None, range

HAVE_NUMBA = numba is not None
Array = NDArray[np.floating]


def missing() -> str | None:
    """Why the compiled lanes cannot run here; None when they can."""
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


@jit()
def compiled_dot(x: Array, y: Array) -> float:
    """Add up the products of two vectors [inner]."""
    total = x[0] * y[0]
    for k in range(1, len(x)):
        total += x[k] * y[k]
    return total


@jit()
def numba_ijk(a: Array, b: Array) -> Array:
    """Compile the three loops as they stand."""
    rows, inner = a.shape
    columns = b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                c[i, j] += a[i, k] * b[k, j]
    return c


@jit()
def numba_ikj(a: Array, b: Array) -> Array:
    """Compile the three loops with the inner two swapped."""
    rows, inner = a.shape
    columns = b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for k in range(inner):
            for j in range(columns):
                c[i, j] += a[i, k] * b[k, j]
    return c


@jit(fastmath=True, parallel=True)
def numba_transposed(a: Array, b: Array) -> Array:
    """Compile dot products of rows, sums reordered, rows shared among threads."""
    rows, inner = a.shape
    columns = b.shape[1]
    bt = np.ascontiguousarray(b.T)
    c = np.empty((rows, columns), a.dtype)
    for i in prange(rows):
        for j in range(columns):
            total = a[i, 0] * bt[j, 0]
            for k in range(1, inner):
                total += a[i, k] * bt[j, k]
            c[i, j] = total
    return c
