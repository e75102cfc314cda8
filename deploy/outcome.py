"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        title: What was checked.
        details: What was found where all is well, in a few words.
        problems: What is wrong; the check failed if there is any.
        skipped: Why nothing could be found out.
    """

    title: str
    details: str = ""
    problems: tuple[str, ...] = ()
    skipped: str = ""

    def __str__(self) -> str:
        if self.problems:
            return "\n".join([f"WRONG    {self.title}", *(f"         {p}" for p in self.problems)])
        if self.skipped:
            return f"skipped  {self.title}: {self.skipped}"
        return f"ok       {self.title}: {self.details}"
