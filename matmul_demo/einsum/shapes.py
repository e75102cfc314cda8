"""Shapes as people write them → the size of every letter."""

from __future__ import annotations

import re

from matmul_demo.einsum.grammar import ELLIPSIS, Expression, Pattern
from matmul_demo.errors import RaceError

MAX_SIZE = 10**6  # of one axis
MAX_TEXT = 1000  # characters

Shape = tuple[int, ...]

_BRACKETS = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
_BETWEEN = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)
_FORMS = "write them such as 200x300, 300x100 or (200, 300), (300, 100)"


def parse_shapes(text: str, pattern: Pattern) -> tuple[Shape, ...]:
    """Read "200x300, 300x100", "2 x 3; 3 x 4", "(2, 3), (3, 4)": one shape for each operand.

    Raises:
        RaceError: when they cannot be read, or are more or fewer than the operands.
    """
    text = _BETWEEN.sub("x", str(text)[:MAX_TEXT]).strip()
    count = len(pattern.operands)
    parts = _in_brackets(text) if set(text) & set("()[]") else _between_commas(text, pattern)
    if len(parts) != count:
        given = "1 shape was" if len(parts) == 1 else f"{len(parts)} shapes were"
        operands = "1 operand" if count == 1 else f"{count} operands"
        raise RaceError(
            f"{pattern} has {operands} and {given} given; write one for each: {_FORMS}."
        )
    return tuple(_sizes(part) for part in parts)


def _in_brackets(text: str) -> list[str]:
    rest = _BRACKETS.sub("", text)
    if rest.strip(" ,;"):
        raise RaceError(f"The shapes {text[:60]!r} cannot be read; {_FORMS}.")
    return [match[1] if match[1] is not None else match[2] for match in _BRACKETS.finditer(text)]


def _between_commas(text: str, pattern: Pattern) -> list[str]:
    """Split at commas; at blanks, or not at all, where only that gives a shape for each operand."""
    parts = [part.strip() for part in re.split("[,;]", text)]
    if len(parts) == len(pattern.operands):
        return parts
    words = re.split(r"[,;\s]+", text)
    if len(words) == len(pattern.operands):
        return words
    if len(pattern.operands) == 1:
        return [text]
    letters = [len(letters) for letters in pattern.operands]
    is_whole = all(word.isdecimal() for word in words) and ELLIPSIS not in str(pattern)
    if is_whole and len(words) == sum(letters):  # "2,3,3,4": every size in its turn
        ends = [sum(letters[: n + 1]) for n in range(len(letters))]
        return [" ".join(words[e - n : e]) for e, n in zip(ends, letters, strict=True)]
    return parts


def _sizes(part: str) -> Shape:
    words = re.split(r"[x,;\s]+", part.strip(" ,"), flags=re.IGNORECASE) if part.strip(" ,") else []
    if not all(word.isdecimal() for word in words):
        raise RaceError(f"The shape {part[:40]!r} cannot be read; {_FORMS}.")
    sizes = tuple(int(word[:12]) for word in words)
    for size in sizes:
        if not 1 <= size <= MAX_SIZE:
            raise RaceError(
                f"The shape {part[:40]!r} has a size of {size}; each must lie between 1 and "
                f"{MAX_SIZE:,}."
            )
    return sizes


def letter_sizes(expression: Expression, shapes: tuple[Shape, ...]) -> dict[str, int]:
    """The size of each letter; a size of 1 is broadcast against a larger one.

    Raises:
        RaceError: when a letter has two sizes.
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
    return sizes
