"""One einsum in other words: loops, broadcasting, einops, and what NumPy has a name for."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from matmul_demo.einsum.grammar import Expression
from matmul_demo.einsum.shapes import Shape

NAMES = "ABCDEF"  # the operands

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


def loops(expression: Expression, sizes: dict[str, int]) -> str:
    """Return the Python loops that the expression stands for."""
    lines: list[str] = []
    for letter in expression.result:
        lines.append(f"{'    ' * len(lines)}for {letter} in range({sizes[letter]}):")
    outer = "    " * len(lines)
    lines.append(f"{outer}total = 0")
    indent = outer
    for letter in expression.summed:
        lines.append(f"{indent}for {letter} in range({sizes[letter]}):")
        indent += "    "
    factors = [cell(n, x) for n, x in zip(NAMES, expression.operands, strict=False)]
    lines.append(f"{indent}total += {' * '.join(factors)}")
    return "\n".join([*lines, f"{outer}{cell('result', expression.result)} = total"])


def cell(name: str, letters: str) -> str:
    """Return an element as it is written in Python."""
    return f"{name}[{', '.join(letters)}]" if letters else name


def broadcasting(expression: Expression) -> str:
    """Return one product of all operands with an axis for every letter, summed; "" for diagonals.

    It holds an element for every step of the loops.
    """
    if any(len(set(operand)) < len(operand) for operand in expression.operands):
        return ""
    order = expression.result + expression.summed
    factors = [
        _spread(name, operand, order)
        for name, operand in zip(NAMES, expression.operands, strict=False)
    ]
    product = " * ".join(factors)
    axes = range(len(expression.result), len(order))
    if not axes:
        return product
    summed = str(axes[0]) if len(axes) == 1 else str(tuple(axes))
    return f"({product}).sum({summed})"


def _spread(name: str, operand: str, order: str) -> str:
    """Return an operand with its axes in an order, and an axis of size 1 for each other letter."""
    places = [operand.index(letter) for letter in order if letter in operand]
    text = name if places == sorted(places) else f"{name}.transpose({', '.join(map(str, places))})"
    if len(operand) == len(order):
        return text
    return f"{text}[{', '.join(':' if x in operand else 'None' for x in order)}]"


def einops(expression: Expression) -> str:
    """Return the call of einops, whose axes may have words for names; "" for diagonals."""
    if any(len(set(operand)) < len(operand) for operand in expression.operands):
        return ""
    taken = ", ".join(" ".join(operand) for operand in expression.operands)
    names = ", ".join(NAMES[: len(expression.operands)])
    return f'einops.einsum({names}, "{taken} -> {" ".join(expression.result)}")'


def plain(expression: Expression, shapes: tuple[Shape, ...]) -> str:
    """Return the key in `PLAIN` of what NumPy has a name for; "" where it has none."""
    names = dict(zip(expression.letters, string.ascii_lowercase * 2, strict=False))
    renamed = "".join(names.get(character, character) for character in str(expression))
    sizes = [dict(zip(x, y, strict=True)) for x, y in zip(expression.operands, shapes, strict=True)]
    stretched = any(x.get(k, v) != v for x in sizes for y in sizes for k, v in y.items())
    return renamed if renamed in PLAIN and not stretched else ""
