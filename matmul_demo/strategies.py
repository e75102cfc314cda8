"""The ladder: one product, many ways to compute it, from a Python loop to the GPU's library.

A lane is a function (A, B) → C and a `Strategy` that says what it teaches. To add one, write the
function here (or in `kernels`) and add one entry to `LADDER`; tests, page and command line follow.
The page shows the function's own source, so a function holds the method and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from matmul_demo import kernels

Array = NDArray[np.floating]
Matrix = list[list[float]]
Product = torch.Tensor | Array | Matrix
Part = Literal["element", "row", "whole"]


@dataclass(frozen=True)
class Strategy:
    """One lane of the race.

    Attributes:
        key: the name on the command line and in JSON; also the function's name.
        title: the name on the page.
        library: what does the work, where the time is spent.
        teaches: one sentence: what this lane shows beside its neighbours.
        multiply: (A [rows, inner], B [inner, columns]) → C [rows, columns], in its own container.
        convert: puts a NumPy array into that container; not timed.
        part: the smallest part of C that stands for the whole: a lane whose time grows in
            proportion to the "element"s or "row"s of C may be measured on some of them and
            extrapolated; "whole" never is.
        device: "cpu" or "cuda".
    """

    key: str
    title: str
    library: str
    teaches: str
    multiply: Callable[[Any, Any], Any]
    convert: Callable[[Array], Any]
    part: Part = "whole"
    device: str = "cpu"

    @property
    def source(self) -> str:
        """The source text of the function that runs, with its decorator."""
        return inspect.getsource(getattr(self.multiply, "py_func", self.multiply))

    def unavailable(self, device: str) -> str | None:
        """Why this lane cannot run here in a race on `device`; None when it can."""
        if self.library == "numba" and not kernels.HAVE_NUMBA:
            return "numba is not installed; add it with: pip install numba"
        if self.device == "cuda" and not torch.cuda.is_available():
            return "There is no CUDA GPU that torch can use on this machine."
        if self.device == "cuda" and device != "cuda":
            return "This race is set to the processor; choose the device cuda to add the GPU."
        return None


def naive_lists(a: Matrix, b: Matrix) -> Matrix:
    """Add up C[i][j] = Σₖ A[i][k] · B[k][j], one product at a time, on lists."""
    rows, inner, columns = len(a), len(b), len(b[0])
    c = [[0.0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                c[i][j] += a[i][k] * b[k][j]
    return c


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


def einsum_numpy(a: Array, b: Array) -> Array:
    """Sum over the index that is missing on the right: k."""
    return np.einsum("ik,kj->ij", a, b)


def einsum_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sum over the index that is missing on the right: k."""
    return torch.einsum("ik,kj->ij", a, b)


def matmul_numpy(a: Array, b: Array) -> Array:
    """Call NumPy's BLAS."""
    return a @ b


def matmul_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Call torch's BLAS."""
    return a @ b


def matmul_cuda(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Call the GPU's BLAS and wait for the result."""
    c = a @ b  # returns as soon as the work is in the GPU's queue …
    torch.cuda.synchronize()  # … so wait until it is done
    return c


def _as_list(x: Array) -> Matrix:
    return x.tolist()


def _as_numpy(x: Array) -> Array:
    return x


def _on_gpu(x: Array) -> torch.Tensor:
    return torch.from_numpy(x).to("cuda")


LADDER: tuple[Strategy, ...] = (
    Strategy(
        "naive_lists", "Three loops on lists", "Python",
        "The definition, word for word; each of the steps costs the interpreter dozens of "
        "machine instructions, and each number is an object of its own.",
        naive_lists, _as_list, part="element",
    ),
    Strategy(
        "naive_numpy", "Three loops on NumPy scalars", "NumPy",
        "The same loops on a compact array are slower: every single element is wrapped into a "
        "Python object and unwrapped again.",
        naive_numpy, _as_numpy, part="element",
    ),
    Strategy(
        "naive_torch", "Three loops on torch elements", "torch",
        "One element of a tensor is itself a tensor, with shape, strides and dispatch: the "
        "container, not the arithmetic, decides the time.",
        naive_torch, torch.from_numpy, part="element",
    ),
    Strategy(
        "elementwise_numpy", "Product and sum in two loops", "NumPy",
        "The inner loop moves into compiled code: two calls for each element of the result "
        "instead of hundreds of interpreted steps.",
        elementwise_numpy, _as_numpy, part="element",
    ),
    Strategy(
        "elementwise_torch", "Product and sum in two loops", "torch",
        "The lesson's second step; a call into torch costs more than one into NumPy, so short "
        "rows gain less.",
        elementwise_torch, torch.from_numpy, part="element",
    ),
    Strategy(
        "broadcast_numpy", "Broadcasting in one loop", "NumPy",
        "A row is stretched over all of B without being copied, which removes a second loop; the "
        "products are still written to memory before they are summed.",
        broadcast_numpy, _as_numpy, part="element",
    ),
    Strategy(
        "broadcast_torch", "Broadcasting in one loop", "torch",
        "The lesson's third step: one call for each row of A.",
        broadcast_torch, torch.from_numpy, part="element",
    ),
    Strategy(
        "numba_ijk", "Three loops, compiled", "numba",
        "The same three loops in machine code: without the interpreter they are hundreds of "
        "times faster, and now it is the walk down the columns of B that slows them.",
        kernels.numba_ijk, _as_numpy, part="row",
    ),
    Strategy(
        "numba_ikj", "Three loops, inner two swapped", "numba",
        "The same arithmetic in another order: B and C are now read along their rows, as they "
        "lie in memory, and several columns fit into one instruction.",
        kernels.numba_ikj, _as_numpy, part="row",
    ),
    Strategy(
        "einsum_numpy", "np.einsum", "NumPy",
        "The sum is written as a formula and no loop is left in Python; without optimize=True "
        "NumPy runs its own loop and not the tuned library.",
        einsum_numpy, _as_numpy, part="row",
    ),
    Strategy(
        "numba_transposed", "Dot products, all threads", "numba",
        "Both operands are read along memory, sums may be reordered so that vector instructions "
        "apply, and the rows are shared among the threads.",
        kernels.numba_transposed, _as_numpy,
    ),
    Strategy(
        "einsum_torch", "torch.einsum", "torch",
        "The same formula; torch recognises a matrix product and calls the tuned library.",
        einsum_torch, torch.from_numpy,
    ),
    Strategy(
        "matmul_numpy", "A @ B", "NumPy",
        "One call into a library (BLAS) that people have tuned for decades: blocked for the "
        "caches, packed, vectorised and threaded.",
        matmul_numpy, _as_numpy,
    ),
    Strategy(
        "matmul_torch", "A @ B", "torch",
        "The same idea with another library behind it; which one wins depends on shape and "
        "processor.",
        matmul_torch, torch.from_numpy,
    ),
    Strategy(
        "matmul_cuda", "A @ B on the GPU", "torch",
        "Calling @ on the GPU only queues the work; timed honestly, with a wait for the result. "
        "A and B already lie in the GPU's memory.",
        matmul_cuda, _on_gpu, device="cuda",
    ),
)  # fmt: skip
BASELINE = LADDER[0].key


def to_numpy(c: Product) -> NDArray[np.float64]:
    """A lane's result in any container as a float64 array [rows, columns]."""
    return np.asarray(c.cpu() if isinstance(c, torch.Tensor) else c, np.float64)
