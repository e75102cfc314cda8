"""The engine: items → outcomes, chunk by chunk, on this machine.

Threads read and decode ahead; the models see a chunk at once. A chunk is the next items of the
source that are not done, so that a run that was cut off and goes on makes the same chunks as one
that was not: not only the words but every digit is the same.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, TypeVar

import psutil
import torch

from interrogator.batch.manifest import Outcome, Row
from interrogator.batch.pictures.items import Item
from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.pipeline import Interrogator
from interrogator.prompts.table import cache_folder
from interrogator.request import Request
from interrogator.result import Interrogation
from interrogator.serving.together import Together, View
from interrogator.vocabulary.lists import Vocabulary

log = logging.getLogger(__name__)

AHEAD = 2  # chunks that are decoded while one is computed
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)  # pictures at once that are tried
GAIN = 1.05  # how much faster a larger size must be
MOST_SECONDS = 8.0  # of one trial
LEAST_FREE = 0.2  # share of the machine's memory that a larger size must leave

Result = TypeVar("Result")
Placed = tuple[int, Item]  # an item and its position in the source
Chunk = list[Placed]
IsKnown = Callable[[str], bool]


@dataclass(frozen=True)
class Loaded:
    """An item that was read.

    Attributes:
        position, item: Which.
        content: SHA-256 of its bytes; "" where they could not be read.
        key: Of its result.
        view: The picture as the models look at it; None where its result is known, or it failed.
        error: Why it failed.
    """

    position: int
    item: Item
    content: str
    key: str
    view: View | None = None
    error: str | None = None


def options_key(request: Request, vocabulary: Vocabulary) -> str:
    """Return a hash of all but the picture that a result depends on."""
    words = request.words.whole(vocabulary)
    policy = request.words.policy  # less the day: who is in the public domain changes once a year
    settings = replace(request.settings, target="")  # a result has the forms of all of them
    chosen = (policy.naming, policy.bans, policy.safety, settings, request.judge)
    parts = (request.names, chosen, words.sha256, sorted(words.artists.items()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def key_of(options: str, item: Item, content: str) -> str:
    """Return the key of an item's result: that of its contents, or of its name if unreadable.

    Args:
        options: The request's `options_key`.
        item: The item.
        content: SHA-256 of its bytes, or "".
    """
    what = content or f"\0{item.name}\0{item.stamp}"
    return hashlib.sha256(f"{options}{what}".encode("utf-8", "surrogateescape")).hexdigest()[:40]


class Works(Protocol):
    """What makes something of chunks of items."""

    def load(self, placed: Placed, is_known: IsKnown) -> Loaded:
        """Read and decode an item; it may run in several threads."""
        ...

    def finish(self, loaded: Sequence[Loaded], is_known: IsKnown) -> list[Outcome]:
        """Return what became of some items."""
        ...


class Worker:
    """Models that are loaded once, and what they make of chunks of items."""

    def __init__(
        self, interrogator: Interrogator, request: Request, key: str, captions: bool = True
    ) -> None:
        """Begin.

        Args:
            interrogator: Models and table.
            request: What is wanted.
            key: The request's `options_key`.
            captions: Whether they are to be written.
        """
        self.together = Together(interrogator, request.settings, captions)
        self.request, self.key = request, key

    def load(self, placed: Placed, is_known: IsKnown = lambda key: False) -> Loaded:
        """Read and decode an item, unless there is a result of the same contents.

        It may run in several threads. Whatever is wrong with the item is in what it returns.
        """
        return load_item(
            placed, self.key, is_known,
            lambda picture: self.together.view(picture.image, picture.notes),
        )  # fmt: skip

    def finish(
        self, loaded: Sequence[Loaded], is_known: IsKnown = lambda key: False
    ) -> list[Outcome]:
        """Return what became of some items, each as if it were alone."""
        start = time.perf_counter()
        views = {one.key: one.view for one in loaded if one.view and not is_known(one.key)}
        found = dict(zip(views, in_halves(self.together.run, list(views.values())), strict=True))
        each = (time.perf_counter() - start) / max(len(views), 1)
        rows = {key: row_of(result, each) for key, result in found.items()}
        outcomes = []
        for one in loaded:
            row: Row | None = {"error": one.error} if one.error else rows.get(one.key)
            outcomes.append(Outcome(one.item, one.position, one.content, one.key, row))
        return outcomes

    def best_size(self, views: Sequence[View]) -> int:
        """Return how many pictures at once are quickest on this machine.

        It is tried out once for models and mode, and kept in the cache: another run of the same
        job makes the same chunks.
        """
        models, settings = self.together.interrogator.models, self.together.settings
        parts = (models.describe(), settings.mode, settings.with_negative, settings.captioning)
        machine = (platform.node(), os.cpu_count(), torch.get_num_threads())
        name = hashlib.sha256(repr((parts, machine)).encode()).hexdigest()[:16]
        path = cache_folder() / f"batch-size-{name}"
        try:
            return int(path.read_text("ascii"))
        except (OSError, ValueError):  # not tried yet
            size = self._tried_size(views)
        with suppress(OSError):  # it is tried again, next time
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(size), "ascii")
        return size

    def _tried_size(self, views: Sequence[View]) -> int:
        best, rate = 1, 0.0
        for size in SIZES:
            start = time.perf_counter()
            self.together.run([views[i % len(views)] for i in range(size)])
            spent = time.perf_counter() - start
            if size / spent > rate * GAIN:
                best, rate = size, size / spent
            memory = psutil.virtual_memory()
            if spent > MOST_SECONDS / 2 or memory.available < LEAST_FREE * memory.total:
                break
        return best


def load_item(
    placed: Placed, options: str, is_known: IsKnown, view_of: Callable[[decode.Picture], View]
) -> Loaded:
    """Read and decode an item, unless there is a result of the same contents.

    Args:
        placed: The item.
        options: The request's `options_key`.
        is_known: Tells by its key whether there is a result.
        view_of: Returns the picture as the models look at it.
    """
    position, item = placed
    content, key = "", key_of(options, item, "")
    try:
        data = item.read()
        content = hashlib.sha256(data).hexdigest()
        key = key_of(options, item, content)
        if is_known(key):
            return Loaded(position, item, content, key)
        return Loaded(position, item, content, key, view_of(decode.read_picture(data)))
    except InterrogatorError as error:
        return Loaded(position, item, content, key, error=str(error))


def in_halves(
    run: Callable[[list[View]], Sequence[Result | Exception]], views: list[View]
) -> list[Result | Exception]:
    """Return what comes of pictures; in halves where not all at once can be done."""
    if not views:
        return []
    try:
        return list(run(views))
    except Exception as error:  # of all of them: out of memory, or one picture's fault
        if len(views) == 1:
            return [error]
        half = len(views) // 2
        return in_halves(run, views[:half]) + in_halves(run, views[half:])


def row_of(result: Interrogation | Exception, seconds: float = 0.0) -> Row:
    """Return a result as JSON; the seconds are a picture's share of its chunk's."""
    if isinstance(result, Interrogation):
        shared = {"total": seconds}
        return replace(result, seconds=shared).to_json()
    if isinstance(result, InterrogatorError):
        return {"error": str(result)}
    log.error("a picture could not be interrogated", exc_info=result)
    return {
        "error": f"It could not be interrogated ({type(result).__name__}); the log says more. "
        "The other pictures are done."
    }


def chunks_of(items: Iterable[Placed], size: int) -> Iterator[Chunk]:
    """Yield the items in chunks of a size, in their order."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


def run_here(
    worker: Works, chunks: Iterable[Chunk], is_known: IsKnown, threads: int
) -> Iterator[list[Outcome]]:
    """Yield what became of each chunk; the next ones are read meanwhile, a bounded number.

    Args:
        worker: What computes.
        chunks: Items in their order.
        is_known: Tells by its key whether there is a result; asked again when a chunk is computed.
        threads: How many read and decode.
    """
    waiting: deque[list[Future[Loaded]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        for chunk in chunks:
            waiting.append([pool.submit(worker.load, placed, is_known) for placed in chunk])
            if len(waiting) > AHEAD:
                yield worker.finish([future.result() for future in waiting.popleft()], is_known)
        while waiting:
            yield worker.finish([future.result() for future in waiting.popleft()], is_known)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
