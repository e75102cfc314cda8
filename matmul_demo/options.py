"""Every option of a race, declared once.

`Settings` is the table: a field with its type, its default and an `Option` that holds the rest.
The page's controls, the endpoint's signature and documentation, links, the command's flags and the
Python API are all built from it, and all of them check values here. A new option is one field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS
from matmul_demo.machine.processor import available_threads
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL, Workload, parse_shape

BUDGET = (1.0, 120.0)  # seconds, the least and the most
QUOTE_LENGTH = 40  # characters of a value that a sentence repeats
T = TypeVar("T", bound="Settings")


@dataclass(frozen=True)
class Option:
    """What there is to say of one option beside its type.

    Attributes:
        help: what it decides, in a phrase; for the command and the API.
        choices: the values that are possible; empty for any.
        limits: the smallest and the largest number.
        label: on the page; empty for an option that the page does not show.
        info: a remark below the label.
        flag: of the command.
        metavar: what the command's help writes for a value.
        parameter: the name in a link.
        defaults: values that stand for the default in one place: "page", "api" or "command".
        name, type, many, default: from the field itself; `type` is int, float or str, `many` says
            that there may be several values, and the default None leaves it to the race.
    """

    help: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    label: str = ""
    info: str = ""
    flag: str = ""
    metavar: str | None = None
    parameter: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    type: type = str
    many: bool = False
    default: Any = None

    def check(self, value: Any) -> Any:  # noqa: ANN401  (of any type)
        """The value in the option's type; a number may be written as text, a list as "a,b".

        Raises:
            RaceError: when it is not possible; the sentence names the option and what is.
        """
        if value is None and self.default is None:
            return None
        blank = isinstance(value, str) and not value.strip()
        if self.many:
            items = value.split(",") if isinstance(value, str) else value
            if not isinstance(items, (list, tuple)):
                raise self._refusal(value)
            return () if blank else tuple(self._one(item) for item in items)
        return None if blank and self.default is None else self._one(value)

    def _one(self, value: Any) -> Any:  # noqa: ANN401
        text = value.strip() if isinstance(value, str) else value
        if self.type is str:
            if not isinstance(text, str) or (self.choices and text not in self.choices):
                raise self._refusal(value)
            return text
        try:
            number = self.type(text) if not isinstance(text, bool) else math.nan
        except (TypeError, ValueError, OverflowError):
            raise self._refusal(value) from None
        low, high = self.limits or (-math.inf, math.inf)
        whole = self.type is float or isinstance(text, str) or number == text
        if not whole or not low <= number <= high:
            raise self._refusal(value)
        return number

    def _refusal(self, value: Any) -> RaceError:  # noqa: ANN401
        text = repr(value)
        text = text if len(text) <= QUOTE_LENGTH else f"{text[:QUOTE_LENGTH]}…"
        allowed = "write text"
        if self.choices:
            allowed = f"choose {'some' if self.many else 'one'} of {', '.join(self.choices)}"
        elif self.limits:
            low, high = self.limits
            allowed = f"choose a number from {low:g} to {high:g}"
        return RaceError(f"The value {text} of {self.name} is not possible here; {allowed}.")


def option(default: Any, help: str, **details: Any) -> Any:  # noqa: ANN401, A002
    """A field of `Settings`; the details are those of `Option`."""
    return field(default=default, metadata={"option": Option(help, **details)})


@dataclass(frozen=True)
class Settings:
    """The options of one race; every value is possible, alone and together.

    Raises:
        RaceError: with a sentence about the first thing that is not possible.
    """

    shape: str = option(
        LESSON_BATCH,
        f"sizes of the product as ROWSxINNERxCOLUMNS; the lesson's are {LESSON_BATCH} and "
        f"{LESSON_FULL}",
        label="Shape", metavar="ROWSxINNERxCOLUMNS", parameter="race",
    )  # fmt: skip
    lanes: tuple[str, ...] | None = option(
        None, "names of the lanes to run, for example naive_lists,matmul_numpy; all of them when "
        "left out",
        choices=KEYS, label="Lanes", flag="--only", metavar="a,b",
    )  # fmt: skip
    dtype: str = option(
        "float32", "type of the numbers", choices=("float32", "float64"), label="Number type"
    )
    device: str = option(
        "cpu", "cpu, or cuda to add the lanes of the GPU", choices=("cpu", "cuda"), label="Device"
    )
    threads: int | None = option(
        None, "size of every library's thread pool; as many as this machine allows when left out",
        limits=(1, available_threads()), label="Threads", metavar="N",
    )  # fmt: skip
    budget: float = option(
        20.0, "seconds for the whole race, about; from {:g} to {:g}".format(*BUDGET), limits=BUDGET,
        label="Seconds for the race, about", metavar="SECONDS",
        defaults={"page": 15.0, "api": 10.0},  # with the worker's start below twenty seconds
    )  # fmt: skip
    cache: str = option(
        "warm", "warm, or cold to empty the processor's caches before each call",
        choices=("warm", "cold"), label="Caches of the processor",
        info="cold: emptied before each call",
    )  # fmt: skip
    baseline: str | None = option(
        None, "name of the lane that the speed-ups are over; the first right one when left out",
        choices=KEYS, label="Speed-up over", info="also after the race", metavar="LANE",
    )  # fmt: skip
    data: str = option(
        "auto", "normal for seeded random numbers, digits for pictures of digits (inner size 784 "
        "only), or auto for digits where they fit",
        choices=("auto", "normal", "digits"), label="Data",
        info="digits have 784 pixels; auto takes them for that inner size, else normal",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for one in options(type(self)):
            object.__setattr__(self, one.name, one.check(getattr(self, one.name)))
        if self.lanes == ():
            raise RaceError("No lane was chosen; choose at least one.")
        if self.lanes and self.baseline and self.baseline not in self.lanes:
            raise RaceError(
                f"The baseline {self.baseline} is not among the lanes {', '.join(self.lanes)}; "
                "add it to them, or choose one of them."
            )
        object.__setattr__(self, "shape", self.workload().shape)

    def workload(self) -> Workload:
        """What is multiplied."""
        sizes = parse_shape(self.shape)
        return Workload(*sizes, self.dtype, self.device, self.cache, self.data)


def options(table: type[Settings] = Settings) -> tuple[Option, ...]:
    """The options of a table, in the order in which it declares them."""
    hints = get_type_hints(table)
    return tuple(_complete(each, hints[each.name]) for each in fields(table))


def _complete(declared: Field[Any], hint: Any) -> Option:  # noqa: ANN401
    """The option of a field with what the field itself says of it."""
    parts = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (kind,) = (part for part in parts if part is not NoneType)
    many, name, details = get_origin(kind) is tuple, declared.name, declared.metadata["option"]
    return replace(
        details, name=name, type=get_args(kind)[0] if many else kind, many=many,
        default=declared.default, flag=details.flag or f"--{name}",
        parameter=details.parameter or name,
    )  # fmt: skip


def default_settings(place: str, table: type[T]) -> T:
    """What applies where no option is given on the "page", in the "api" or the "command"."""
    own = {one.name: one.defaults[place] for one in options(table) if place in one.defaults}
    return table(**own)
