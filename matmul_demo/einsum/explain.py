"""An einsum expression and the shapes of its operands → what it means and what it costs.

What may be written, and how large, is decided in `grammar`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matmul_demo.einsum.grammar import Expression, letter_sizes, parse, parse_shapes
from matmul_demo.racing import timing

TIME_BUDGET = 0.3  # seconds for each of the two ways
OPERAND_NAMES = "ABCDEF"  # operands in the loops

# What each one is called, the expression, and shapes to begin with.
PRESETS = (
    ("transpose", "ij->ji", "300x400"),
    ("trace", "ii->", "500x500"),
    ("inner product", "i,i->", "100000, 100000"),
    ("outer product", "i,j->ij", "500, 400"),
    ("Frobenius product", "ij,ij->", "400x300, 400x300"),
    ("matrix product", "ik,kj->ij", "200x300, 300x100"),
    ("batched product", "bik,bkj->bij", "16x64x64, 16x64x64"),
    ("attention scores", "bhqd,bhkd->bhqk", "2x4x64x32, 2x4x64x32"),
)

# The same without einsum, by the expression with its letters renamed in order of appearance.
PLAIN: dict[str, tuple[str, Callable[..., Any]]] = {
    "ab->ba": ("A.T.copy()", lambda a: a.T.copy()),
    "aa->": ("np.trace(A)", np.trace),
    "a,a->": ("np.dot(A, B)", np.dot),
    "a,b->ab": ("np.outer(A, B)", np.outer),
    "ab,ab->": ("(A * B).sum()", lambda a, b: (a * b).sum()),
    "ab,bc->ac": ("A @ B", np.matmul),
    "abc,acd->abd": ("A @ B", np.matmul),
    "abcd,abed->abce": ("A @ B.swapaxes(-1, -2)", lambda a, b: a @ b.swapaxes(-1, -2)),
}


@dataclass(frozen=True)
class Letter:
    """One index: its size, and its roles: kept, summed, diagonal, broadcast."""

    name: str
    size: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One contraction on the way: the expression, and its floating-point operations."""

    expression: str
    flop: int


@dataclass(frozen=True)
class Explanation:
    """Everything about one expression; see `explain`.

    Attributes:
        expression: as it was understood, without blanks.
        shapes: of the operands.
        result_shape: of the result.
        letters: every index in order of appearance.
        loops: the Python loops that the expression stands for.
        flop: floating-point operations of these loops.
        bytes_moved: of operands and result in float32, each touched once.
        path: contractions in the order that NumPy's optimizer chooses.
        example: the first element of the result, worked out with small numbers.
        plain: the equivalent without einsum.
        seconds: median of one call with np.einsum.
        plain_seconds: median of one call of `plain`.
    """

    expression: str
    shapes: tuple[tuple[int, ...], ...]
    result_shape: tuple[int, ...]
    letters: tuple[Letter, ...]
    loops: str
    flop: int
    bytes_moved: int
    path: tuple[Step, ...]
    example: str
    plain: str
    seconds: float | None = None
    plain_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON types."""
        return asdict(self)


def flop(expression: Expression, sizes: dict[str, int]) -> int:
    """Multiplications between operands, and an addition where something is summed."""
    each = len(expression.operands) - 1 + bool(expression.summed)
    return each * math.prod(sizes[letter] for letter in expression.letters)


def explain(text: str, shapes_text: str, with_times: bool = True) -> Explanation:
    """Explain an expression for operands of these shapes, and time it when `with_times`.

    Raises:
        RaceError: a sentence about the first thing that is wrong.
    """
    expression = parse(text)
    shapes = parse_shapes(shapes_text, expression)
    sizes = letter_sizes(expression, shapes)
    result_shape = tuple(sizes[letter] for letter in expression.result)
    plain, function = _plain(expression, shapes)
    seconds, plain_seconds = _times(expression, shapes, function) if with_times else (None, None)
    return Explanation(
        str(expression),
        shapes,
        result_shape,
        tuple(Letter(x, sizes[x], _roles(x, expression, shapes, sizes)) for x in sizes),
        loops(expression, sizes),
        flop(expression, sizes),
        4 * (sum(map(math.prod, shapes)) + math.prod(result_shape)),
        contraction_path(expression, shapes, sizes),
        example(expression),
        plain,
        seconds,
        plain_seconds,
    )


def _roles(
    letter: str,
    expression: Expression,
    shapes: tuple[tuple[int, ...], ...],
    sizes: dict[str, int],
) -> tuple[str, ...]:
    roles = ["kept" if letter in expression.result else "summed"]
    if any(operand.count(letter) > 1 for operand in expression.operands):
        roles.append("diagonal")
    pairs = zip(expression.operands, shapes, strict=True)
    stretched = any(
        1 == size < sizes[letter]
        for operand, shape in pairs
        for name, size in zip(operand, shape, strict=True)
        if name == letter
    )
    return (*roles, "broadcast") if stretched else tuple(roles)


def loops(expression: Expression, sizes: dict[str, int]) -> str:
    """The Python loops that the expression stands for."""
    lines: list[str] = []
    for letter in expression.result:
        lines.append(f"{'    ' * len(lines)}for {letter} in range({sizes[letter]}):")
    outer = "    " * len(lines)
    lines.append(f"{outer}total = 0")
    indent = outer
    for letter in expression.summed:
        lines.append(f"{indent}for {letter} in range({sizes[letter]}):")
        indent += "    "
    factors = [_cell(n, x) for n, x in zip(OPERAND_NAMES, expression.operands, strict=False)]
    lines.append(f"{indent}total += {' * '.join(factors)}")
    return "\n".join([*lines, f"{outer}{_cell('result', expression.result)} = total"])


def _cell(name: str, letters: str) -> str:
    return f"{name}[{', '.join(letters)}]" if letters else name


def contraction_path(
    expression: Expression, shapes: tuple[tuple[int, ...], ...], sizes: dict[str, int]
) -> tuple[Step, ...]:
    """The pairwise contractions that `np.einsum_path` chooses, without allocating the operands."""
    stand_ins = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
    path = np.einsum_path(str(expression), *stand_ins, optimize="optimal")[0][1:]
    operands, steps = list(expression.operands), []
    for positions in path:
        taken = tuple(operands[position] for position in positions)
        operands = [x for n, x in enumerate(operands) if n not in positions]
        wanted = {*"".join(operands), *expression.result}
        kept = "".join(x for x in dict.fromkeys("".join(taken)) if x in wanted)
        step = Expression(taken, kept if operands else expression.result)
        operands.append(step.result)
        steps.append(Step(str(step), flop(step, sizes)))
    return tuple(steps)


def example(expression: Expression) -> str:
    """The result's first element when all sizes are 2 and the operands count 1, 2, 3 and so on."""
    arrays = [_counting(len(letters)) for letters in expression.operands]
    terms, values = [], []
    for step in np.ndindex(*(2,) * len(expression.summed)):
        where = {
            **dict.fromkeys(expression.result, 0),
            **dict(zip(expression.summed, step, strict=True)),
        }
        cells = [
            a[tuple(where[x] for x in y)] for a, y in zip(arrays, expression.operands, strict=True)
        ]
        terms.append("·".join(str(cell) for cell in cells))
        values.append(math.prod(int(cell) for cell in cells))
    summands = terms if len(terms) <= 8 else [*terms[:7], "…"]
    name = _cell("result", "0" * len(expression.result))
    return f"{name} = {' + '.join(summands)} = {sum(values)}"


def _counting(axes: int) -> NDArray[np.int64]:
    return np.arange(1, 2**axes + 1).reshape((2,) * axes)


def _plain(
    expression: Expression, shapes: tuple[tuple[int, ...], ...]
) -> tuple[str, Callable[..., Any]]:
    """The equivalent without einsum, or with the optimizer where we know none."""
    names = dict(zip(expression.letters, "abcdefghijklmnopqrstuvwxyz" * 2, strict=False))
    renamed = "".join(names.get(character, character) for character in str(expression))
    sizes = [dict(zip(x, y, strict=True)) for x, y in zip(expression.operands, shapes, strict=True)]
    stretched = any(x.get(k, v) != v for x in sizes for y in sizes for k, v in y.items())
    if renamed in PLAIN and not stretched:
        return PLAIN[renamed]
    text = str(expression)
    return "np.einsum(…, optimize=True)", lambda *xs: np.einsum(text, *xs, optimize=True)


def _times(
    expression: Expression, shapes: tuple[tuple[int, ...], ...], plain: Callable[..., Any]
) -> tuple[float, float]:
    """Median seconds of np.einsum and of the equivalent, on seeded random numbers."""
    rng = np.random.default_rng(0)
    operands = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    text = str(expression)
    whole = timing.Part(1, 1)

    def median(call: Callable[[], Any]) -> float:
        samples = timing.measure(lambda _: call, whole, TIME_BUDGET, whole).samples
        return float(np.median(samples))

    return median(lambda: np.einsum(text, *operands)), median(lambda: plain(*operands))
