"""One option: what it is, and what the values mean that a page, a program or a person sets."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from interrogator.errors import InterrogatorError

Kind = Literal[
    "text", "whole", "share", "seconds", "switch", "choice", "phrases", "bans", "files", "folder"
]
Operation = Literal["interrogate", "analyze", "score"]
Place = Literal["page", "api", "command", "python"]

EVERYWHERE: tuple[Place, ...] = ("page", "api", "command", "python")

_HALVES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # but line breaks and tabs

# What Gradio's documentation and MCP read as the type of an argument.
_TYPES: dict[Kind, str] = {
    "text": "str", "whole": "float", "share": "float", "seconds": "float | None",
    "switch": "bool", "choice": "str",
    "phrases": "list[str] | None", "bans": "str", "files": "list[str] | None", "folder": "str",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """One thing that a person can set.

    Attributes:
        name: The argument of the API and of Python; the flag is this name with dashes.
        kind: What it is: "whole" a whole number, "phrases" and "bans" several texts, "folder" a
            folder on this machine.
        help: What it does, in one sentence or two.
        label: What it is called on the page.
        section: The fold of the page and the group of the command's help that it stands in.
        default: Its value where nobody sets it.
        least: The smallest number.
        most: The largest number, or None.
        choices: Value → what it means; "" is the value of nothing chosen.
        free: Whether a choice may also be another text.
        tasks: What it is an option of.
        places: Where it can be set.
        flag: The command's flag, where it is called otherwise there; "" where there is none.
        metavar: What the command's help calls its value.
        placeholder: What the page shows in an empty field.
    """

    name: str
    kind: Kind
    help: str
    label: str = ""
    section: str = "prompt"
    default: Any = None
    least: float = 0
    most: float | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    free: bool = False
    tasks: tuple[Operation, ...] = ("interrogate",)
    places: tuple[Place, ...] = EVERYWHERE
    flag: str | None = None
    metavar: str | None = None
    placeholder: str | None = None

    @property
    def command_flag(self) -> str:
        """The command's flag, "" if it has none."""
        return f"--{self.name.replace('_', '-')}" if self.flag is None else self.flag

    @property
    def annotation(self) -> str:
        """Its type, as the API's documentation shows it."""
        return "str | None" if self.kind == "choice" and self.default is None else _TYPES[self.kind]

    def parse(self, value: Any) -> Any:  # noqa: ANN401
        """Return the value that a page, a program or a person means.

        Numbers written as text are numbers, one text for several is one of them, and None and ""
        mean the default.

        Raises:
            InterrogatorError: It cannot be meant; the sentence names the option and its limits.
        """
        if isinstance(value, str) and self.kind == "text":
            value = readable(self.name, value)
        if value is None or value == "":
            return self.parse(self.default) if self.default not in (None, "") else self._empty
        if self.kind in ("whole", "share", "seconds"):
            return self._number(value)
        if self.kind in ("phrases", "bans", "files"):
            return self._several(value)
        if self.kind == "switch":
            return self._switch(value)
        if not isinstance(value, str):
            raise self._wrong(value, "text")
        value = value.strip()
        if self.kind == "choice" and not self.free and value not in self.choices:
            raise InterrogatorError(
                f"There is no {self.name.replace('_', ' ')} {value!r}; "
                f"choose one of {', '.join(filter(None, self.choices))}."
            )
        return value

    @property
    def _empty(self) -> Any:  # noqa: ANN401
        if self.kind in ("phrases", "bans", "files"):
            return ()
        return self.default

    def _number(self, value: Any) -> float | int | None:  # noqa: ANN401
        try:
            number = float(value) if isinstance(value, str | int | float) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number) or isinstance(value, bool):
            raise self._wrong(value, "a number")
        if self.kind == "seconds" and number == 0:
            return None  # no limit
        if number < self.least or (self.most is not None and number > self.most):
            upper = "" if self.most is None else f" to {self.most:g}"
            raise InterrogatorError(f"{self.name} is from {self.least:g}{upper}, not {number:g}.")
        return int(number) if self.kind == "whole" else number

    def _several(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401
        texts = (value,) if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(t, str) for t in texts):
            raise self._wrong(value, "a list of texts")
        if self.kind == "files":
            return tuple(texts)
        texts = [readable(self.name, text) for text in texts]
        if self.kind == "bans":
            texts = [part for text in texts for part in text.replace("\n", ",").split(",")]
        once: dict[str, str] = {}  # "Fog" and "fog" are one phrase
        for phrase in filter(None, (" ".join(text.split()) for text in texts)):
            once.setdefault(phrase.casefold(), phrase)
        return tuple(once.values())

    def _switch(self, value: Any) -> bool:  # noqa: ANN401
        known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        switched = known.get(str(value).strip().lower())
        if switched is None:
            raise self._wrong(value, "true or false")
        return switched

    def _wrong(self, value: object, wanted: str) -> InterrogatorError:
        return InterrogatorError(f"{self.name} must be {wanted}, not {str(value)[:60]!r}.")


def readable(name: str, text: str) -> str:
    """Return a text without control characters; "" where nothing in it can be seen.

    Joiners stay where there is something to join: Persian is written with them.

    Args:
        name: What the text is, for the sentence.
        text: As somebody sent it.

    Raises:
        InterrogatorError: It holds half of a surrogate pair, which no answer could be written with.
    """
    if _HALVES.search(text):
        raise InterrogatorError(f"{name} holds half of a character, which is no text. Send UTF-8.")
    text = _CONTROLS.sub(" ", text)
    return text if any(unicodedata.category(c)[0] in "LMNPS" for c in text) else ""
