"""The grammar of einsum expressions: letters, commas and an arrow, with limits on every size.

The text is never evaluated, and every size is bounded before anything is allocated.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from matmul_demo.errors import RaceError

MAX_OPERANDS = 6
MAX_STEPS = 10**9  # rounds of the innermost loop; NumPy's own loop takes about a second
MAX_BYTES = 2**28  # operands and result together, in float32

_EXPRESSION = re.compile(r"([A-Za-z]*(?:,[A-Za-z]*)*)(?:->([A-Za-z]*))?")
_SHAPE = re.compile(r"\d{1,9}(?:[x×*]\d{1,9})*", re.IGNORECASE)


@dataclass(frozen=True)
class Expression:
    """Letters of each operand and of the result."""

    operands: tuple[str, ...]
    result: str

    @property
    def letters(self) -> str:
        """Every letter once, in order of appearance."""
        return "".join(dict.fromkeys("".join(self.operands)))

    @property
    def summed(self) -> str:
        """The letters that the result lacks."""
        return "".join(letter for letter in self.letters if letter not in self.result)

    def __str__(self) -> str:
        return f"{','.join(self.operands)}->{self.result}"


def parse(text: str) -> Expression:
    """Read an expression such as "ik,kj->ij".

    Raises:
        RaceError: when it does not follow the grammar or names a result that cannot be.
    """
    squeezed = re.sub(r"\s", "", text) if isinstance(text, str) and len(text) <= 500 else ""
    if "." in squeezed:
        raise RaceError("An ellipsis is not read here; write a letter for each axis.")
    match = _EXPRESSION.fullmatch(squeezed)
    if not match or not squeezed:
        raise RaceError(
            f"The expression {str(text)[:60]!r} cannot be read; write letters for the axes of "
            "each operand, commas between operands and the result after an arrow: ik,kj->ij."
        )
    operands = tuple(match[1].split(","))
    if len(operands) > MAX_OPERANDS:
        raise RaceError(f"{len(operands)} operands are too many; write at most {MAX_OPERANDS}.")
    if match[2] is None:
        once = sorted(x for x in set(match[1]) - {","} if match[1].count(x) == 1)
        raise RaceError(
            f"The expression {squeezed!r} does not say what is kept; write the result after an "
            f"arrow, for example {match[1]}->{''.join(once)}."
        )
    _check_result(match[2], match[1])
    return Expression(operands, match[2])


def _check_result(result: str, operands: str) -> None:
    for letter in result:
        if letter not in operands:
            raise RaceError(f"The result has the letter {letter!r}, which no operand has.")
        if result.count(letter) > 1:
            raise RaceError(f"The result has the letter {letter!r} twice; write it once.")


def parse_shapes(text: str, expression: Expression) -> tuple[tuple[int, ...], ...]:
    """Read "200x300, 300x100", one shape for each operand.

    Raises:
        RaceError: when they do not fit the expression.
    """
    parts = [part.strip() for part in str(text)[:500].split(",")]
    if len(parts) != len(expression.operands):
        raise RaceError(
            f"{expression} has {len(expression.operands)} operands and {len(parts)} shapes were "
            "given; write one for each, with commas between them: 200x300, 300x100."
        )
    shapes = []
    for part, letters in zip(parts, expression.operands, strict=True):
        if part and not _SHAPE.fullmatch(part):
            raise RaceError(f"The shape {part[:40]!r} cannot be read; write sizes such as 200x300.")
        shape = tuple(int(size) for size in re.findall(r"\d+", part))
        if len(shape) != len(letters):
            raise RaceError(
                f"The operand {letters!r} has {len(letters)} axes, but its shape {part!r} "
                f"has {len(shape)}; write one size for each letter."
            )
        if 0 in shape:
            raise RaceError(f"The shape {part!r} has a size of 0; each must be at least 1.")
        shapes.append(shape)
    return tuple(shapes)


def letter_sizes(expression: Expression, shapes: tuple[tuple[int, ...], ...]) -> dict[str, int]:
    """The size of each letter; a size of 1 is broadcast against a larger one.

    Raises:
        RaceError: when a letter has two sizes, or everything together is too large.
    """
    sizes: dict[str, int] = {}
    for letters, shape in zip(expression.operands, shapes, strict=True):
        for letter in dict.fromkeys(letters):
            own = {size for name, size in zip(letters, shape, strict=True) if name == letter}
            if len(own) > 1:
                raise RaceError(
                    f"The operand {letters!r} has the letter {letter!r} twice, so these sizes must "
                    f"be equal; in its shape they are {' and '.join(map(str, sorted(own)))}."
                )
            size = own.pop()
            earlier = sizes.setdefault(letter, size)
            if earlier != size and 1 not in (earlier, size):
                raise RaceError(
                    f"The letter {letter!r} has the sizes {earlier} and {size}; "
                    "they must agree, or one of them must be 1."
                )
            sizes[letter] = max(earlier, size)
    steps = math.prod(sizes.values())
    if steps > MAX_STEPS:
        raise RaceError(
            f"{expression} takes {steps:.2g} steps of the innermost loop; at most {MAX_STEPS:.0e} "
            "are allowed. Choose smaller sizes."
        )
    size = 4 * (sum(map(math.prod, shapes)) + math.prod(sizes[x] for x in expression.result))
    if size > MAX_BYTES:
        raise RaceError(
            f"{expression} needs {size / 2**30:,.1f} GiB for its operands and result; at most "
            f"{MAX_BYTES / 2**30:g} GiB is allowed. Choose smaller sizes."
        )
    return sizes
