"""How long each step of an interrogation took."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Result = TypeVar("Result")


class Clock:
    """Times steps. The total is their sum: time in which a page draws is not counted."""

    def __init__(self, prepared: Mapping[str, float]) -> None:
        self.seconds: dict[str, float] = dict(prepared)

    def timed(self, step: str, work: Callable[[], Result]) -> Result:
        """Do some work and add its time to a step's."""
        start = time.perf_counter()
        try:
            return work()
        finally:
            spent = time.perf_counter() - start
            self.seconds[step] = self.seconds.get(step, 0.0) + spent

    def each(self, step: str, results: Iterator[Result]) -> Iterator[Result]:
        """Yield what an iterator yields and add up the time that it takes."""
        while True:
            try:
                result = self.timed(step, lambda: next(results))
            except StopIteration:
                return
            yield result

    def so_far(self) -> dict[str, float]:
        """Return the seconds of every step and their sum."""
        return {**self.seconds, "total": sum(self.seconds.values())}


class Deadline:
    """When the search must end, counted from its start; never, where there are no seconds."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds, self._end = seconds, math.inf

    def start(self) -> None:
        """Let the time run from now on."""
        if self._seconds is not None:
            self._end = time.monotonic() + self._seconds

    def is_over(self) -> bool:
        """Tell whether time is up."""
        return time.monotonic() >= self._end
