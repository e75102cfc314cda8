"""The grammar of einsum expressions, as NumPy reads them: letters, commas, ellipses, an arrow.

The text is never evaluated.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from matmul_demo.errors import RaceError

MAX_OPERANDS = 6
ELLIPSIS = "..."

_AXES = r"[A-Za-z]*(?:\.{3}[A-Za-z]*)?"
_EXPRESSION = re.compile(rf"({_AXES}(?:,{_AXES})*)(?:->({_AXES}))?")


@dataclass(frozen=True)
class Expression:
    """Letters of each operand and of the result, all axes named."""

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


@dataclass(frozen=True)
class Pattern:
    """An expression as it is written: "..." stands for axes that shapes alone tell.

    Attributes:
        operands: letters of each operand, with at most one ellipsis each.
        result: letters of the result; None where NumPy is to choose.
    """

    operands: tuple[str, ...]
    result: str | None

    def expression(self, axes: Sequence[int]) -> Expression:
        """Name the axes of the ellipses, the last ones alike, and say what the result keeps.

        Args:
            axes: how many axes each operand has.

        Raises:
            RaceError: an operand has too few axes, or there are more than there are letters.
        """
        hidden = []
        for letters, count in zip(self.operands, axes, strict=True):
            hidden.append(count - len(letters.replace(ELLIPSIS, "")))
            if hidden[-1] < 0 or (hidden[-1] and ELLIPSIS not in letters):
                least = "at least " * (ELLIPSIS in letters)
                raise RaceError(
                    f"The operand {letters!r} has {least}{count - hidden[-1]} axes, but its shape "
                    f"has {count}; write one size for each letter."
                )
        free = [x for x in string.ascii_letters if x not in str(self)]
        most = max(hidden)
        if most > len(free):
            raise RaceError(f"The ellipsis stands for {most} axes, which is too many.")
        names = "".join(free[:most])
        operands = tuple(
            letters.replace(ELLIPSIS, names[most - count :])
            for letters, count in zip(self.operands, hidden, strict=True)
        )
        return Expression(operands, self._kept(names))

    def _kept(self, names: str) -> str:
        """Return the letters of the result; NumPy keeps what occurs once, by the alphabet."""
        if self.result is not None:
            return self.result.replace(ELLIPSIS, names)
        every = "".join(self.operands).replace(".", "")
        return names + "".join(sorted(x for x in set(every) if every.count(x) == 1))

    def __str__(self) -> str:
        arrow = "" if self.result is None else f"->{self.result}"
        return ",".join(self.operands) + arrow


def parse(text: str) -> Pattern:
    """Read an expression such as "ik,kj->ij", "ik,kj" or "...ij->...ji".

    Raises:
        RaceError: when it does not follow the grammar or names a result that cannot be.
    """
    squeezed = re.sub(r"\s", "", text) if isinstance(text, str) and len(text) <= 500 else ""
    match = _EXPRESSION.fullmatch(squeezed.replace("…", ELLIPSIS))
    if not match or not squeezed:
        raise RaceError(
            f"The expression {str(text)[:60]!r} cannot be read; write letters for the axes of "
            "each operand, commas between operands and the result after an arrow: ik,kj->ij."
        )
    operands = tuple(match[1].split(","))
    if len(operands) > MAX_OPERANDS:
        raise RaceError(f"{len(operands)} operands are too many; write at most {MAX_OPERANDS}.")
    if match[2] is not None:
        _check_result(match[2], match[1])
    return Pattern(operands, match[2])


def _check_result(result: str, operands: str) -> None:
    for letter in result.replace(".", ""):
        if letter not in operands:
            raise RaceError(f"The result has the letter {letter!r}, which no operand has.")
        if result.count(letter) > 1:
            raise RaceError(f"The result has the letter {letter!r} twice; write it once.")
    if ELLIPSIS in result and ELLIPSIS not in operands:
        raise RaceError("The result has an ellipsis, which no operand has.")
    if ELLIPSIS in operands and ELLIPSIS not in result:
        raise RaceError("An operand has an ellipsis, so the result needs one, too: ...ij->...ji.")
