"""Compiled lanes: the loops of the naive product, in machine code by numba."""

from __future__ import annotations

import numpy as np

from matmul_demo.machine.compiler import Array, jit, prange
from matmul_demo.machine.compiler import missing_numba as missing_numba


@jit()
def compiled_dot(x: Array, y: Array) -> float:
    """Add up the products of two vectors [inner]."""
    total = x[0] * y[0]
    for k in range(1, len(x)):
        total += x[k] * y[k]
    return total


def dot_numba(a: Array, b: Array) -> Array:
    """Call a dot product of our own, compiled, for each element of C."""
    rows, columns = len(a), b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for j in range(columns):
            c[i, j] = compiled_dot(a[i, :], b[:, j])
    return c


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
