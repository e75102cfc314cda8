"""What a lane of the race is: a function (A, B) → C and what there is to say about it.

Nothing heavy is imported until a lane is converted, run or shown.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating]

SmallestPart = Literal["element", "row", "whole"]
Container = Literal["lists", "arrays", "tensors", "GPU tensors", "int8 tensors"]
Clock = Literal["call", "launch", "kernel"]
TORCH_DTYPES = {"tf32": "float32", "float32 as bfloat16": "float32"}  # others are their own


@dataclass(frozen=True)
class Strategy:
    """One lane of the race.

    Attributes:
        key: the name on the command line and in JSON; also the function's name.
        title: the name on the page.
        library: what does the work, where the time is spent.
        teaches: one sentence: what this lane shows beside its neighbours.
        module: where the function is, and the functions that the fields below name.
        container: what holds A and B; putting them into it is not timed.
        smallest_part: the smallest part of C that stands for the whole: a lane whose time grows
            in proportion to the "element"s or "row"s of C may be measured on some of them and
            extrapolated; "whole" never is.
        device: "cpu" or "cuda".
        numbers: the kind of number that is multiplied where it is not the workload's own; its
            rounding decides how exact the result must be, see `workloads.tolerance`.
        precision: what torch may do with float32 products while the lane is timed; empty for
            what it usually does.
        missing: the function that says why the lane cannot run on this machine; empty for a lane
            that runs everywhere.
        clock: "call" until the function returns, "launch" the same without waiting for the GPU
            between two calls, "kernel" by events on the GPU.
        helpers: functions that do the work for this one, shown with it.
    """

    key: str
    title: str
    library: str
    teaches: str
    module: str
    container: Container
    smallest_part: SmallestPart = "whole"
    device: str = "cpu"
    numbers: str | None = None
    precision: str = ""
    missing: str = ""
    clock: Clock = "call"
    helpers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Title and library, which together are said of no other lane."""
        return f"{self.title} ({self.library})"

    @property
    def multiply(self) -> Callable[[Any, Any], Any]:
        """(A [rows, inner], B [inner, columns]) → C [rows, columns], in the lane's container."""
        return self._function(self.key)

    @property
    def source(self) -> str:
        """The source text of the function that runs, after that of its helpers."""
        functions = map(self._function, (*self.helpers, self.key))
        return "\n\n".join(inspect.getsource(getattr(f, "py_func", f)) for f in functions)

    def convert(self, a: Array, b: Array) -> tuple[Any, Any]:
        """A and B in the lane's container and kind of number."""
        if self.container == "arrays":
            return a, b
        if self.container == "lists":
            return a.tolist(), b.tolist()
        if self.container == "int8 tensors":
            return self._function("quantize")(a, 1), self._function("quantize")(b, 0)
        import torch

        numbers = TORCH_DTYPES.get(self.numbers or "", self.numbers)
        dtype = getattr(torch, numbers) if numbers else None
        place = "cuda" if self.container == "GPU tensors" else "cpu"
        return torch.from_numpy(a).to(place, dtype), torch.from_numpy(b).to(place, dtype)

    def setting(self) -> AbstractContextManager[None]:
        """What is switched while the lane is timed, and back afterwards."""
        if not self.precision:
            return nullcontext()
        return self._function("float32_precision")(self.precision)

    def unavailable(self, device: str) -> str | None:
        """Why this lane cannot run here in a race on `device`; None when it can."""
        reason = self._function(self.missing)() if self.missing else None
        if reason is None and self.device == "cuda" and device != "cuda":
            return "This race is set to the processor; choose the device cuda to add the GPU."
        return reason

    def _function(self, name: str) -> Callable[..., Any]:
        return getattr(importlib.import_module(self.module), name)


def to_numpy(c: Any) -> NDArray[np.float64]:  # noqa: ANN401
    """A lane's result in any container as a float64 array [rows, columns]."""
    import numpy as np

    return np.asarray(c.double().cpu() if hasattr(c, "cpu") else c, np.float64)
