"""What a visitor chooses for a race: presets, and the link that carries it all.

A link is written by us and edited by people, so whatever is wrong in one costs a sentence and the
default takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from matmul_demo.errors import RaceError
from matmul_demo.lanes import gpu
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.lanes.strategy import Strategy
from matmul_demo.machine.processor import available_threads
from matmul_demo.racing.race import Race, checked_budget, checked_threads, make_race
from matmul_demo.workloads import (
    CACHES,
    DATA,
    DEVICES,
    DTYPES,
    LESSON_BATCH,
    LESSON_FULL,
    Workload,
    one_of,
    parse_shape,
)

PAGE_BUDGET = 15.0  # seconds; with the start of the worker a race stays below twenty
SHAPE_KEY = "race"  # names the shape in a link, and tells the page that the link is for a race
LONGEST_QUOTE = 40  # characters of somebody's text that a sentence repeats


@dataclass(frozen=True)
class Settings:
    """A race as it is chosen on the page.

    Attributes:
        shape: ROWSxINNERxCOLUMNS.
        lanes: keys in ladder order; None for all that can run on this machine.
        dtype: type of the elements.
        device: "cpu", or "cuda" to add the GPU's lanes.
        threads: size of every thread pool; None for as many as may be used.
        budget: seconds for the whole race.
        cache: "warm" or "cold".
        baseline: key of the lane that speed-ups are over; None for the first right one.
        data: "auto", "normal" or "digits".
    """

    shape: str = LESSON_BATCH
    lanes: tuple[str, ...] | None = None
    dtype: str = DTYPES[0]
    device: str = DEVICES[0]
    threads: int | None = None
    budget: float = PAGE_BUDGET
    cache: str = CACHES[0]
    baseline: str | None = None
    data: str = DATA[0]

    def workload(self) -> Workload:
        """What is multiplied.

        Raises:
            RaceError: with a sentence about the first thing that cannot be.
        """
        return Workload(*parse_shape(self.shape), self.dtype, self.device, self.cache, self.data)

    def race(self) -> Race:
        """The race that was chosen; lanes that this machine cannot run are in it as well.

        Raises:
            RaceError: with a sentence about the first thing that cannot be.
        """
        lanes = self.lanes if self.lanes is not None else tuple(lane.key for lane in runnable())
        if not lanes:
            raise RaceError("No lane was chosen; tick at least one.")
        shown = [*lanes, *(lane.key for lane in LADDER if lane not in runnable())]
        return make_race(
            self.shape, shown, self.dtype, self.device, self.threads, self.budget,
            self.cache, self.baseline, self.data,
        )  # fmt: skip

    def query(self) -> str:
        """The settings as a link's query, without those that are as usual."""
        usual = Settings()
        fields = {SHAPE_KEY: self.shape}
        if self.lanes is not None and set(self.lanes) != {lane.key for lane in runnable()}:
            fields["lanes"] = ",".join(self.lanes)
        for name in ("dtype", "device", "threads", "budget", "cache", "baseline", "data"):
            value = getattr(self, name)
            if value is not None and value != getattr(usual, name):
                fields[name] = f"{value:g}" if name == "budget" else str(value)
        return "?" + urlencode(fields, safe=",")


@dataclass(frozen=True)
class Preset:
    """Settings with a name.

    Attributes:
        name: on the button.
        shows: one sentence on what to look for.
        settings: what the button chooses.
        missing: why the preset is of no use on this machine, or None.
    """

    name: str
    shows: str
    settings: Settings
    missing: Callable[[], str | None] = lambda: None


PRESETS = (
    Preset(
        "The lesson",
        "The steps of fast.ai's lesson, from three loops to a library: a hundred thousand times.",
        Settings(
            lanes=(
                "naive_lists", "naive_numpy", "naive_torch", "elementwise_torch", "dot_torch",
                "dot_numba", "broadcast_torch", "einsum_torch", "matmul_numpy", "matmul_torch",
            ),
            baseline="naive_lists",
        ),
    ),
    Preset(
        "Loop order",
        "One thread, the same arithmetic; only the order of three loops and the layout differ.",
        Settings(
            "1024x1024x1024",
            ("naive_lists", "numba_ijk", "numba_ikj", "numba_transposed", "numba_blocked"),
            threads=1,
            baseline="numba_ijk",
        ),
    ),
    Preset(
        "Who is fastest at 1024³",
        "The libraries, our own kernels and every kind of number.",
        Settings(
            "1024x1024x1024",
            (
                "einsum_numpy_optimized", "numba_transposed", "numba_streamed", "numba_blocked",
                "einsum_torch", "matmul_torch_compiled", "matmul_numpy", "matmul_torch",
                "matmul_torch_high", "matmul_torch_medium", "matmul_torch_float64",
                "matmul_torch_float16", "matmul_torch_bfloat16", "matmul_torch_int8",
            ),
            baseline="matmul_numpy",
        ),
    ),
    Preset(
        "GPU clocks",
        "The same product on the GPU by four clocks: queued, computed, copied back, copied in too.",
        Settings(
            LESSON_FULL,
            (
                "matmul_torch", "matmul_cuda", "cuda_launch", "cuda_kernel", "cuda_result_copy",
                "cuda_input_copy",
            ),
            device="cuda",
            baseline="matmul_torch",
        ),
        gpu.missing,
    ),
)  # fmt: skip


def runnable() -> tuple[Strategy, ...]:
    """The lanes that this machine can run, in ladder order."""
    return tuple(lane for lane in LADDER if not lane.unavailable("cuda"))


def read_query(query: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]] | None:
    """The settings that a link carries.

    Args:
        query: names and values as they stand in the link.

    Returns:
        The settings, and a sentence for each value that was ignored; None when the link is not
        about a race.
    """
    if SHAPE_KEY not in query:
        return None
    settings, complaints = Settings(), list[str]()
    readers: dict[str, Callable[[str], Any]] = {
        SHAPE_KEY: _read_shape, "lanes": _read_lanes, "dtype": _read_choice("dtype", DTYPES),
        "device": _read_device, "threads": _read_threads, "budget": _read_budget,
        "cache": _read_choice("cache", CACHES), "baseline": _read_baseline,
        "data": _read_choice("data", DATA),
    }  # fmt: skip
    for name, read in readers.items():
        if name not in query:
            continue
        try:
            field = "shape" if name == SHAPE_KEY else name
            settings = replace(settings, **{field: read(query[name])})
        except RaceError as error:
            complaints.append(f"{error} What the link says of {name} was ignored.")
    try:
        settings.workload()
    except RaceError as error:  # each value is possible, but not all of them together
        complaints.append(f"{error} What the link says of {SHAPE_KEY} was ignored.")
        settings = replace(settings, shape=LESSON_BATCH)
    return settings, tuple(complaints)


def _read_shape(text: str) -> str:
    return Workload(*parse_shape(text)).shape


def _read_lanes(text: str) -> tuple[str, ...]:
    asked = {key.strip() for key in text.split(",")}
    known = tuple(lane.key for lane in runnable() if lane.key in asked)
    if not known:  # names of another machine's lanes beside known ones are left out in silence
        raise RaceError(f"No lane of {text[:LONGEST_QUOTE]!r} can run on this machine.")
    return known


def _read_choice(name: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    return lambda text: one_of(name, text[:LONGEST_QUOTE], allowed)


def _read_device(text: str) -> str:
    device = one_of("device", text[:LONGEST_QUOTE], DEVICES)
    reason = gpu.missing() if device == "cuda" else None
    if reason:
        raise RaceError(reason)
    return device


def _read_threads(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise RaceError(
            f"{text[:LONGEST_QUOTE]!r} threads are not possible here; "
            f"choose a number from 1 to {available_threads()}."
        )
    return checked_threads(int(text))


def _read_budget(text: str) -> float:
    try:
        return checked_budget(float(text))
    except ValueError as error:
        if isinstance(error, RaceError):
            raise
        raise RaceError(
            f"A budget of {text[:LONGEST_QUOTE]!r} is not a number of seconds."
        ) from error


def _read_baseline(text: str) -> str:
    if text not in [lane.key for lane in runnable()]:
        raise RaceError(f"The lane {text[:LONGEST_QUOTE]!r} cannot run on this machine.")
    return text
