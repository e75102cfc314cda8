"""What a service is asked to do with one picture, and what it says while it does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Queue
from typing import Generic, Literal, TypeVar

from PIL import Image

from interrogator.hub.client import ProgressCallback
from interrogator.models.registry import ModelNames
from interrogator.pipeline import Settings
from interrogator.result import PictureFeatures
from interrogator.vocabulary.lists import Vocabulary
from interrogator.vocabulary.policy import Policy

Result = TypeVar("Result")

POLL_SECONDS = 0.1  # how often the thread that works is asked for news


@dataclass(frozen=True)
class Job:
    """One picture's work; it can be sent to another process.

    Attributes:
        picture: RGB, as `images.read` returns it.
        names: Which models.
        task: What is to be done with the picture.
        settings: Of an interrogation: mode, caption and rules.
        seen: Of an interrogation: what an earlier one saw.
        lists: Phrase lists in place of ours.
        own: Phrase lists to add.
        policy: What may stand in a prompt; the default one if absent.
        keep: Whether the tables of lists that are not ours may be kept on disk.
        judge: The name of a second CLIP, to score the finished prompts.
        top: Of an analysis: how many phrases of each list.
        prompt: What is to be scored.
    """

    picture: Image.Image
    names: ModelNames
    task: Literal["interrogate", "analyze", "score"] = "interrogate"
    settings: Settings = field(default_factory=Settings)
    seen: PictureFeatures | None = None
    lists: Vocabulary | None = None
    own: Vocabulary | None = None
    policy: Policy | None = None
    keep: bool = False
    judge: str | None = None
    top: int = 5
    prompt: str = ""


@dataclass(frozen=True)
class Progress:
    """What happens now, and the share done in 0..1 where it is known."""

    text: str
    share: float | None = None


@dataclass(frozen=True)
class Done(Generic[Result]):
    """What work in the background gave."""

    result: Result


class _NobodyWaitsError(Exception):
    """Whoever asked for the work has left."""


def in_background(
    work: Callable[[ProgressCallback], Result],
) -> Iterator[Progress | Done[Result] | None]:
    """Do work in a thread of its own; yield its latest news, or None, and at last what it gave.

    Where this is closed before, the work ends when it next has news.

    Args:
        work: Called once with a function that takes its news.

    Raises:
        Exception: Whatever the work raised.
    """
    news: Queue[Progress] = Queue()
    ended: Queue[Done[Result] | Exception] = Queue()
    left = threading.Event()

    def tell(text: str, share: float | None) -> None:
        if left.is_set():
            raise _NobodyWaitsError
        news.put(Progress(text, share))

    def run() -> None:
        try:
            ended.put(Done(work(tell)))
        except Exception as error:  # carried over to the caller's thread and raised there
            ended.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        while ended.empty() or not news.empty():
            latest = None
            while not news.empty():  # only the latest is worth drawing
                latest = news.get()
            yield latest
    finally:
        left.set()
    end = ended.get()
    if isinstance(end, Exception):
        raise end
    yield end


def waiting(work: Callable[[ProgressCallback], Result]) -> Iterator[Progress | Done[Result]]:
    """As `in_background`, but keep the caller waiting while there is no news."""
    pause = threading.Event()
    for told in in_background(work):
        if told is None:
            pause.wait(POLL_SECONDS)
        else:
            yield told
