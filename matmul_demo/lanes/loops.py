"""Lanes that loop in Python: from the definition, word for word, to one call for each row."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.floating]
Matrix = list[list[float]]


def naive_lists(a: Matrix, b: Matrix) -> Matrix:
    """Add up C[i][j] = Σₖ A[i][k] · B[k][j], one product at a time, on lists."""
    rows, inner, columns = len(a), len(b), len(b[0])
    c = [[0.0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                c[i][j] += a[i][k] * b[k][j]
    return c


def zip_lists(a: Matrix, b: Matrix) -> Matrix:
    """Walk a row and a column hand in hand; Python's sum() adds the products."""
    columns = list(zip(*b, strict=True))
    return [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in a
    ]


def naive_numpy(a: Array, b: Array) -> Array:
    """The same three loops, one element of a NumPy array at a time."""
    rows, inner, columns = *a.shape, b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                c[i, j] += a[i, k] * b[k, j]
    return c


def naive_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The same three loops, one element of a tensor at a time."""
    rows, inner, columns = *a.shape, b.shape[1]
    c = torch.zeros(rows, columns, dtype=a.dtype)
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                c[i, j] += a[i, k] * b[k, j]
    return c


def elementwise_numpy(a: Array, b: Array) -> Array:
    """Multiply a row by a column and sum, for each element of C."""
    rows, columns = len(a), b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for j in range(columns):
            c[i, j] = (a[i, :] * b[:, j]).sum()
    return c


def elementwise_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply a row by a column and sum, for each element of C."""
    rows, columns = len(a), b.shape[1]
    c = torch.zeros(rows, columns, dtype=a.dtype)
    for i in range(rows):
        for j in range(columns):
            c[i, j] = (a[i, :] * b[:, j]).sum()
    return c


def dot_numpy(a: Array, b: Array) -> Array:
    """Call NumPy's dot product for each element of C."""
    rows, columns = len(a), b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for j in range(columns):
            c[i, j] = np.dot(a[i, :], b[:, j])
    return c


def dot_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Call torch's dot product for each element of C."""
    rows, columns = len(a), b.shape[1]
    c = torch.zeros(rows, columns, dtype=a.dtype)
    for i in range(rows):
        for j in range(columns):
            c[i, j] = torch.dot(a[i, :], b[:, j])
    return c


def broadcast_numpy(a: Array, b: Array) -> Array:
    """Stretch a row of A over all columns of B; sum over the inner axis."""
    c = np.zeros((len(a), b.shape[1]), a.dtype)
    for i in range(len(a)):
        c[i] = (a[i, :, None] * b).sum(axis=0)
    return c


def broadcast_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Stretch a row of A over all columns of B; sum over the inner axis."""
    c = torch.zeros(len(a), b.shape[1], dtype=a.dtype)
    for i in range(len(a)):
        c[i] = (a[i, :, None] * b).sum(dim=0)
    return c
