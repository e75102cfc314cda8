"""Work in a thread of its own, so that whoever waits for it can show its progress and leave."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from queue import Queue
from typing import TypeVar, cast

from interrogator.hub.client import ProgressCallback

Result = TypeVar("Result")

FIRST_POLL_SECONDS = 0.005
POLL_SECONDS = 0.1  # how often the thread that works is asked for progress


@dataclass(frozen=True)
class Progress:
    """What happens now, and the share done in 0..1 where it is known."""

    text: str
    share: float | None = None


class _NobodyWaitsError(Exception):
    """Whoever wanted the work has left."""


def in_background(
    work: Callable[[ProgressCallback], Result], pause: float = 0.0
) -> Generator[Progress | None, None, Result]:
    """Do work in a thread; yield its latest progress, or None where there is nothing new.

    Where the generator is closed before its end, the work ends when it next reports progress.

    Args:
        work: Called once with a function that takes its progress.
        pause: For how many seconds the caller is kept each time, or until the work is over.

    Returns:
        What the work returned.

    Raises:
        Exception: Whatever the work raised.
    """
    progress: Queue[Progress] = Queue()
    results: list[Result] = []
    errors: list[Exception] = []
    left, over = threading.Event(), threading.Event()

    def report(text: str, share: float | None) -> None:
        if left.is_set():
            raise _NobodyWaitsError
        progress.put(Progress(text, share))

    def run() -> None:
        try:
            results.append(work(report))
        except Exception as error:  # carried over to the caller's thread and raised there
            errors.append(error)
        finally:
            over.set()

    threading.Thread(target=run, daemon=True).start()
    try:
        while not over.wait(pause) or not progress.empty():
            latest = None
            while not progress.empty():  # only the latest is worth drawing
                latest = progress.get()
            yield latest
    finally:
        left.set()
    if errors:
        raise errors[0]
    return results[0]


def wait_for(work: Callable[[ProgressCallback], Result]) -> Generator[Progress, None, Result]:
    """As `in_background`, but keep the caller waiting while there is nothing new."""
    events = in_background(work, POLL_SECONDS)
    while True:
        try:
            progress = next(events)
        except StopIteration as end:
            return end.value
        if progress:
            yield progress


async def off_the_loop(results: Iterator[Result]) -> AsyncIterator[Result]:
    """Yield what an iterator yields, of which no step holds up the event loop."""
    end = object()
    while (result := await asyncio.to_thread(next, results, end)) is not end:
        yield cast("Result", result)


async def polled(results: Iterator[Result | None]) -> AsyncIterator[Result]:
    """Yield what there is, off the loop; where there is nothing new, no thread waits for it.

    The first pauses are short: most of what is asked for is there at once.
    """
    pause = FIRST_POLL_SECONDS
    async for result in off_the_loop(results):
        if result is not None:
            yield result
        else:
            await asyncio.sleep(pause)
            pause = min(2 * pause, POLL_SECONDS)


def show_progress(text: str, share: float | None) -> None:
    """Show progress on stderr; on a terminal in one line, elsewhere its beginning and end."""
    done = "" if share is None else f" {share:.0%}"
    end = "\r" if os.isatty(2) and share not in (None, 1.0) else "\n"
    if os.isatty(2) or share in (None, 1.0):
        print(text + done, file=sys.stderr, end=end, flush=True)
