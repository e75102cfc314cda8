"""What a lane of the race is: a function (A, B) → C and what there is to say about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.floating]
Matrix = list[list[float]]
Product = torch.Tensor | Array | Matrix
Part = Literal["element", "row", "whole"]
Clock = Literal["call", "launch", "kernel"]


def _never() -> None:
    """Nothing is missing: the lane runs everywhere."""


@dataclass(frozen=True)
class Strategy:
    """One lane of the race.

    Attributes:
        key: the name on the command line and in JSON; also the function's name.
        title: the name on the page.
        library: what does the work, where the time is spent.
        teaches: one sentence: what this lane shows beside its neighbours.
        multiply: (A [rows, inner], B [inner, columns]) → C [rows, columns], in its own container.
        convert: puts A into that container; not timed.
        convert_b: likewise for B; None when it is done as for A.
        part: the smallest part of C that stands for the whole: a lane whose time grows in
            proportion to the "element"s or "row"s of C may be measured on some of them and
            extrapolated; "whole" never is.
        device: "cpu" or "cuda".
        numbers: the kind of number that is multiplied where it is not the workload's own; its
            rounding decides how exact the result must be, see `report.tolerance`.
        setting: what is switched while the lane is timed, and back afterwards.
        missing: why the lane cannot run on this machine, or None.
        clock: "call" until the function returns, "launch" the same without waiting for the GPU
            between two calls, "kernel" by events on the GPU.
        helpers: functions that do the work for `multiply`, shown with it.
    """

    key: str
    title: str
    library: str
    teaches: str
    multiply: Callable[[Any, Any], Any]
    convert: Callable[[Array], Any]
    convert_b: Callable[[Array], Any] | None = None
    part: Part = "whole"
    device: str = "cpu"
    numbers: str | None = None
    setting: Callable[[], AbstractContextManager[Any]] = nullcontext
    missing: Callable[[], str | None] = _never
    clock: Clock = "call"
    helpers: tuple[Callable[..., Any], ...] = ()

    @property
    def source(self) -> str:
        """The source text of the function that runs, after that of its helpers."""
        functions = (*self.helpers, self.multiply)
        return "\n\n".join(inspect.getsource(getattr(f, "py_func", f)) for f in functions)

    def unavailable(self, device: str) -> str | None:
        """Why this lane cannot run here in a race on `device`; None when it can."""
        reason = self.missing()
        if reason is None and self.device == "cuda" and device != "cuda":
            return "This race is set to the processor; choose the device cuda to add the GPU."
        return reason
