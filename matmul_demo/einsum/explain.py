"""An einsum expression and the shapes of its operands → what it means, what it costs, its time.

`grammar` says what may be written, `price` what may be run: what is dearer is explained all the
same, and timed on smaller shapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from matmul_demo.einsum import forms
from matmul_demo.einsum.grammar import Expression, parse
from matmul_demo.einsum.price import FLOAT32, Price, Step, affordable, cheapest_order, flop, price
from matmul_demo.einsum.shapes import Shape, letter_sizes, parse_shapes
from matmul_demo.einsum.stopwatch import LIMIT, Job, time_calls
from matmul_demo.text import seconds_text

IN_PAIRS = "np.einsum(…, optimize=True)"
TERMS = 8  # of the example's sum, at most
SUMMED_TERMS = 4096  # up to which the example's sum is added up
LARGEST_INTEGER = 2**53  # beyond which JSON's readers round

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


@dataclass(frozen=True)
class Letter:
    """One index: its size, and its roles: kept, summed, diagonal, broadcast."""

    name: str
    size: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Everything about one expression; see `explain`.

    Attributes:
        expression: as it was understood: every axis has a letter, and the result is written.
        shapes: of the operands.
        result_shape: of the result.
        letters: every index in order of appearance.
        loops: the Python loops that the expression stands for.
        broadcasting: the same as one product with all axes, summed; "" where there is none.
        einops: the same for einops; "" where there is none.
        flop: floating-point operations of these loops.
        bytes_moved: of operands and result in float32, each touched once.
        path: the contractions in pairs that take the fewest operations.
        price: what a call takes at most.
        example: the first element of the result, worked out with small numbers.
        plain: the equivalent without einsum.
        seconds: median of one call with np.einsum on `timed_shapes`.
        plain_seconds: median of one call of `plain` on them.
        timed_shapes: the shapes, or smaller ones where these would be too dear.
        note: what is to be said of the times.
    """

    expression: str
    shapes: tuple[Shape, ...]
    result_shape: Shape
    letters: tuple[Letter, ...]
    loops: str
    broadcasting: str
    einops: str
    flop: int
    bytes_moved: int
    path: tuple[Step, ...]
    price: Price
    example: str
    plain: str
    seconds: float | None = None
    plain_seconds: float | None = None
    timed_shapes: tuple[Shape, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON types."""
        return _without_long_integers(asdict(self))


def explain(text: str, shapes_text: str, with_times: bool = True) -> Explanation:
    """Explain an expression for operands of these shapes, and time it when `with_times`.

    Raises:
        RaceError: a sentence about the first thing that is wrong.
    """
    pattern = parse(text)
    shapes = parse_shapes(shapes_text, pattern)
    expression = pattern.expression([len(shape) for shape in shapes])
    sizes = letter_sizes(expression, shapes)
    result_shape = tuple(sizes[letter] for letter in expression.result)
    named = forms.plain(expression, shapes)
    explanation = Explanation(
        str(expression),
        shapes,
        result_shape,
        tuple(Letter(x, sizes[x], _roles(x, expression, shapes, sizes)) for x in sizes),
        forms.loops(expression, sizes),
        forms.broadcasting(expression),
        forms.einops(expression),
        flop(expression, sizes),
        FLOAT32 * (sum(map(math.prod, shapes)) + math.prod(result_shape)),
        cheapest_order(expression, sizes),
        price(expression, shapes),
        example(expression),
        forms.PLAIN[named][0] if named else IN_PAIRS,
    )
    return _timed(explanation, expression, named) if with_times else explanation


def _timed(explanation: Explanation, expression: Expression, named: str) -> Explanation:
    """Return the explanation with times, of smaller shapes where the price is too high."""
    shapes = affordable(expression, explanation.shapes)
    order = tuple(step.positions for step in explanation.path)
    found = time_calls(Job(str(expression), shapes, named, order))
    note = ""
    if shapes != explanation.shapes:
        whole = explanation.price
        note = (
            f"One call would take up to {seconds_text(whole.seconds)} and "
            f"{whole.bytes / 1e6:,.3g} MB, so it was timed on {shapes_text(shapes)}."
        )
    if found is None:
        note = f"Its timing was ended after {LIMIT:g} s: this machine is busy. Try again."
    seconds, plain_seconds = found or (None, None)
    times = {"seconds": seconds, "plain_seconds": plain_seconds, "timed_shapes": shapes}
    return Explanation(**{**vars(explanation), **times, "note": note})


def shapes_text(shapes: tuple[Shape, ...]) -> str:
    """Return shapes as they are written."""
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def _roles(
    letter: str, expression: Expression, shapes: tuple[Shape, ...], sizes: dict[str, int]
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


def example(expression: Expression) -> str:
    """The result's first element when all sizes are 2 and the operands count 1, 2, 3 and so on."""
    count = 2 ** len(expression.summed)
    name = forms.cell("result", "0" * len(expression.result))
    written = range(count if count <= TERMS else TERMS - 1)
    terms = ["·".join(map(str, _factors(expression, number))) for number in written]
    more = [f"… ({count:,} terms)"] if count > TERMS else []
    text = f"{name} = {' + '.join([*terms, *more])}"
    if count > SUMMED_TERMS:
        return text
    return f"{text} = {sum(math.prod(_factors(expression, n)) for n in range(count)):,}"


def _factors(expression: Expression, number: int) -> Iterator[int]:
    """Yield what each operand contributes to a term: its elements count 1, 2, 3, axis by axis."""
    summed = expression.summed
    where = dict.fromkeys(expression.result, 0)
    where |= {x: number >> place & 1 for place, x in enumerate(reversed(summed))}
    for operand in expression.operands:
        yield 1 + sum(where[x] << place for place, x in enumerate(reversed(operand)))


def _without_long_integers(value: Any) -> Any:  # noqa: ANN401  (whatever JSON holds)
    if isinstance(value, dict):
        return {name: _without_long_integers(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_long_integers(one) for one in value]
    is_long = isinstance(value, int) and value > LARGEST_INTEGER
    return float(value) if is_long else value
