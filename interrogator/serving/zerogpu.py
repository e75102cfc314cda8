"""A GPU that is lent for one computation at a time: Spaces on ZeroGPU, guarded in this one place.

On such a Space the app's own process has no GPU. What is marked by `spaces.GPU` runs in a process
forked off it, which has one until the work is done, and may be used again for the next work. So
(https://huggingface.co/docs/hub/spaces-zerogpu):

- the work chooses its device and loads its models itself; the app's process only downloads them.
  What the fork inherits, or an earlier work left in it, is used; else it is read from disk.
- what goes in and out is packed here, because torch would pass tensors as shared memory whose
  owner may be gone before they are read.
- sentences come back as values: `spaces` replaces every error by its class's name.

Elsewhere nothing of this happens, and the package `spaces` is not needed.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

from interrogator.errors import InterrogatorError
from interrogator.prompts.modes import MODES
from interrogator.request import Request

Result = TypeVar("Result")

# For how long a GPU is wanted where one is lent: loading and a search, with room. Estimates.
GPU_SECONDS = 40
GPU_SEARCH_SECONDS = 20
GPU_MOST_SECONDS = 120


def on_zerogpu() -> bool:
    """Tell whether this is a Space whose GPU is lent; `spaces` reads the same variable."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def with_gpu(
    work: Callable[..., Iterator[Result]], seconds: Callable[..., int]
) -> Callable[..., Iterator[Result]]:
    """Return work that has a GPU while it runs, where one must be borrowed; elsewhere, as it is.

    Args:
        work: Computes one result after the other. Its arguments and results can be pickled.
        seconds: For how long a GPU is wanted for these arguments, at most; less waits less.

    Raises:
        InterrogatorError: When the work is called and no GPU is to be had, in the Space's words.
    """
    if not on_zerogpu():
        return work
    import spaces  # there on ZeroGPU alone

    def compute(_seconds: int, packed: bytes) -> Iterator[bytes]:
        try:
            for result in work(*pickle.loads(packed)):
                yield pickle.dumps(result)
        except InterrogatorError as error:
            yield pickle.dumps(error)

    borrowed = spaces.GPU(duration=lambda seconds, _packed: seconds)(compute)

    def run(*arguments: object) -> Iterator[Result]:
        begun = False
        try:
            with closing(borrowed(seconds(*arguments), pickle.dumps(arguments))) as results:
                for packed in results:
                    begun = True
                    result = pickle.loads(packed)
                    if isinstance(result, InterrogatorError):
                        raise result
                    yield result
        except Exception as error:
            raise _in_a_sentence(error, begun) from error

    return run


def _in_a_sentence(error: Exception, begun: bool) -> Exception:
    """Return a refusal of the Space as ours: no GPU is free, or the visitor's share is used up."""
    said = getattr(error, "message", None)  # of gradio.Error, which this room does not import
    if said is None:
        return error
    if begun:
        return InterrogatorError(f"This Space took its GPU back before the work was done: {said}")
    return InterrogatorError(f"This Space lends no GPU for it now: {said}")


def gpu_seconds(picture: object, request: Request, *_: object) -> int:
    """Return for how long a GPU is wanted for an interrogation, where one is lent."""
    settings = request.settings
    searches = MODES[settings.mode].searches + settings.with_negative
    extra = GPU_SEARCH_SECONDS * searches
    if extra and settings.seconds:
        extra = round(settings.seconds)
    return min(GPU_SECONDS + extra, GPU_MOST_SECONDS)
