"""Shape, dtype and seed → the two matrices that every lane multiplies."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matmul_demo import digits
from matmul_demo.errors import RaceError

LESSON_BATCH = "10x784x10"  # ten pictures against ten classes
LESSON_FULL = "50000x784x10"  # MNIST's training set, as the lesson splits it

MAX_SIDE = 1_000_000
MAX_BYTES = 2**30  # matrices, two results and the float64 reference together
MAX_FLOP = 2e11  # admits 4096 cubed; the float64 reference of that takes seconds
LINE = 64  # bytes that travel between the caches together

# Twice the rounding of a factor. Whole numbers up to 127 for a row whose peak is 5 times its root
# mean square, as in a normal row of a million: 2 · √2 · 5 / (127 · √12).
FACTOR_ROUNDING = {
    "tf32": 2**-9,
    "float16": 2**-9,
    "bfloat16": 2**-6,
    "float32 as bfloat16": 2**-6,
    "int8": 0.032,
}
ERROR_MARGIN = 8.0  # times the rounding error that a random walk of the sum would gather

_SHAPE = re.compile(r"\s*(\d{1,12})\s*[x×*]\s*(\d{1,12})\s*[x×*]\s*(\d{1,12})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Workload:
    """One matrix product: A [rows, inner] times B [inner, columns].

    Attributes:
        rows: rows of A and of the result.
        inner: columns of A, rows of B: the dimension that is summed over.
        columns: columns of B and of the result.
        dtype: "float32" or "float64", the type of the elements of A and B.
        device: "cpu" races the processor's lanes; "cuda" adds the lanes of the GPU.
        cache: "warm" repeats a call on what the last one left in the caches; "cold" empties the
            processor's caches before each call.
        data: "normal" for seeded normal random numbers, "digits" for pictures of digits times
            normal weights; "auto" takes the digits where they fit, at an inner size of 784.
        seed: of the random numbers in A and B.

    Raises:
        RaceError: when a size is outside what is allowed, or the data do not fit the sizes.
    """

    rows: int
    inner: int
    columns: int
    dtype: str = "float32"
    device: str = "cpu"
    cache: str = "warm"
    data: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rows", "inner", "columns"):
            if not 1 <= getattr(self, name) <= MAX_SIDE:
                raise RaceError(
                    f"The shape {self.shape} has {getattr(self, name)} {name}; "
                    f"each of the three sizes must lie between 1 and {MAX_SIDE:,}."
                )
        if self.data == "digits" and self.inner != digits.PIXELS:
            raise RaceError(
                f"Pictures of digits have {digits.PIXELS} pixels, and the shape {self.shape} an "
                f"inner size of {self.inner}; set it to {digits.PIXELS}, or choose other data."
            )
        if self.memory_bytes > MAX_BYTES:
            raise RaceError(
                f"The shape {self.shape} in {self.dtype} needs "
                f"{self.memory_bytes / 2**30:,.1f} GiB with its reference; "
                f"at most {MAX_BYTES / 2**30:g} GiB is allowed. Choose smaller sizes."
            )
        if self.flop > MAX_FLOP:
            raise RaceError(
                f"The shape {self.shape} takes {self.flop:.2g} floating-point operations; "
                f"at most {MAX_FLOP:.0e} are allowed. Choose smaller sizes."
            )

    @property
    def shape(self) -> str:
        """ROWSxINNERxCOLUMNS, as the command line takes it."""
        return f"{self.rows}x{self.inner}x{self.columns}"

    @property
    def flop(self) -> int:
        """Floating-point operations: one multiplication and one addition per inner step."""
        return 2 * self.rows * self.inner * self.columns

    @property
    def bytes_moved(self) -> int:
        """Bytes that any method must move at least: A and B read once, C written once."""
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def elements(self) -> int:
        """Numbers in A, B and C together."""
        return self.rows * self.inner + self.inner * self.columns + self.rows * self.columns

    @property
    def memory_bytes(self) -> int:
        """Bytes to hold at once: A, B, C, one more result, and the reference with its error."""
        result = self.rows * self.columns
        return self.bytes_moved + result * (np.dtype(self.dtype).itemsize + 2 * 8)


@dataclass(frozen=True)
class Matrices:
    """A [rows, inner] and B [inner, columns], and a sentence on their origin.

    Both are C-contiguous and begin with a cache line, as libraries like them.
    """

    a: NDArray[np.floating]
    b: NDArray[np.floating]
    data: str


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read "ROWSxINNERxCOLUMNS" ("x", "×" or "*" between the sizes).

    Returns:
        (rows, inner, columns).

    Raises:
        RaceError: when the text is not three whole numbers.
    """
    match = _SHAPE.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise RaceError(
            f"The shape {str(text)[:60]!r} cannot be read; write three whole numbers as "
            f"ROWSxINNERxCOLUMNS, for example {LESSON_BATCH}."
        )
    rows, inner, columns = (int(size) for size in match.groups())
    return rows, inner, columns


def make_matrices(workload: Workload) -> Matrices:
    """Fill A and B for a workload, the same for the same seed.

    Digits are 28×28 pictures as rows of A, values 0 to 1, and B is the weight matrix of a linear
    classifier, as in the lesson; otherwise both are drawn from a normal distribution.

    Raises:
        RaceError: when `MNIST_DIR` is set and holds no readable pictures.
    """
    rng = np.random.default_rng(workload.seed)
    shape_a, shape_b = (workload.rows, workload.inner), (workload.inner, workload.columns)
    b = _normal(rng, shape_b, workload.dtype)
    if workload.data == "normal" or workload.inner != digits.PIXELS:
        return Matrices(_normal(rng, shape_a, workload.dtype), b, "seeded normal random numbers")
    try:
        pictures, source = digits.load(workload.rows, workload.seed)
    except digits.DigitsError as error:
        raise RaceError(str(error)) from error
    a = aligned(shape_a, np.dtype(workload.dtype))
    np.divide(pictures, np.asarray(255, workload.dtype), out=a)
    return Matrices(a, b, source)


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
    """An empty array that begins where a cache line does; no vector then lies across two."""
    memory = np.empty(math.prod(shape) + LINE // dtype.itemsize, dtype)
    start = -memory.ctypes.data % LINE // dtype.itemsize
    return memory[start : start + math.prod(shape)].reshape(shape)


def _normal(rng: np.random.Generator, shape: tuple[int, int], dtype: str) -> NDArray[np.floating]:
    numbers = aligned(shape, np.dtype(dtype))
    return rng.standard_normal(shape, np.dtype(dtype).type, numbers)


def tolerance(workload: Workload, numbers: str | None = None) -> float:
    """The largest relative Frobenius error that rounding explains.

    Rounding errors of a sum of n terms grow like a random walk, √n · ε (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, section 2.8), in whatever order it is summed. Factors
    of a `numbers` type of fewer digits are rounded first, which adds about one ε of that type; they
    are summed in float32.
    """
    rounded = FACTOR_ROUNDING.get(numbers or "", 0.0)
    kind = "float32" if rounded else numbers or workload.dtype
    return ERROR_MARGIN * math.sqrt(workload.inner) * float(np.finfo(kind).eps) + rounded
