"""Computations that end: in time, with a sentence, and with their memory given back.

A computation runs in a thread of its own. When its time is up, an exception is raised there,
wherever it is; Python delivers it before the next instruction, so that every loop ends, whether
or not it looks at a clock. What hangs within a library is left behind: the visitor gets the
sentence all the same, and the next computation a new thread.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar

import torch

from interrogator.errors import InterrogatorError

log = logging.getLogger(__name__)

Result = TypeVar("Result")

GRACE_SECONDS = 5.0  # for the step that runs when time is up
NO_MEMORY = (
    "This server has run out of memory for it; what it held was given back. Choose smaller models "
    "or fewer phrases of your own, or try again in a minute."
)
DEVICE_LOST = (
    "The GPU of this server has failed. From now on it computes on its processor, which is slower: "
    "try again. Whoever runs it can restart it to have the GPU back."
)
_END = object()


class TimeIsUpError(BaseException):
    """Raised within a computation that takes too long; no `except Exception` may keep it."""


class Guard:
    """Runs computations one after the other, each for a limited time.

    Args:
        seconds: That one may take, at most.
        on_no_memory: Gives back what is held, after memory ran out.
        on_lost_device: Leaves the GPU, after it failed.
    """

    def __init__(
        self,
        seconds: float,
        on_no_memory: Callable[[], None],
        on_lost_device: Callable[[], None],
    ) -> None:
        self.seconds = seconds
        self._on_no_memory, self._on_lost_device = on_no_memory, on_lost_device
        self._thread: _Worker | None = None
        self._lock = threading.Lock()

    def watch(self, results: Iterator[Result]) -> Iterator[Result]:
        """Yield what a computation does.

        Raises:
            InterrogatorError: It takes too long, memory runs out, or the device fails.
        """
        worker, end = self._worker(), monotonic() + self.seconds
        try:
            while (result := self._next(worker, results, end)) is not _END:
                yield result
        finally:
            close = getattr(results, "close", None)
            if close and worker is self._thread:
                worker.do(close)

    def _worker(self) -> _Worker:
        with self._lock:
            if self._thread is None:
                self._thread = _Worker()
            return self._thread

    def _next(self, worker: _Worker, results: Iterator[Any], end: float) -> Any:  # noqa: ANN401
        step = worker.do(lambda: next(results, _END))
        try:
            return step.result(max(0.0, end - monotonic()))
        except TimeoutError as error:
            if step.done():  # the computation's own
                raise
            self._end(worker, step)
            raise self._too_long() from error
        except Exception as error:
            sentence = self._sentence(error)
            if sentence is None:
                raise
            raise sentence from error

    def _end(self, worker: _Worker, step: Future[Any]) -> None:
        """End what takes too long, and let nobody else wait for that thread."""
        log.warning("a computation took over %.0f s and is ended", self.seconds)
        with self._lock:
            if self._thread is worker:
                self._thread = None
        worker.interrupt()
        try:
            step.exception(GRACE_SECONDS)
        except TimeoutError:
            log.error("a step does not end; its thread is left behind")

    def _too_long(self) -> InterrogatorError:
        return InterrogatorError(
            f"This took longer than the {self.seconds:.0f} seconds that one picture is given here, "
            "and was ended. Ask for less (a shorter caption, fewer beams, fewer phrases of your "
            "own), or choose smaller models. If phrases were being encoded, what is done is kept: "
            "try again, and it goes on from there."
        )

    def _sentence(self, error: Exception) -> InterrogatorError | None:
        """Return what a person is told of a failure of this machine; None for any other error."""
        for is_one, mend, text in (
            (is_device_lost, self._on_lost_device, DEVICE_LOST),
            (is_out_of_memory, self._on_no_memory, NO_MEMORY),
        ):
            if is_one(error) or (error.__cause__ and is_one(error.__cause__)):
                log.error("%s: %s", type(error).__name__, error)
                for one in (error, error.__cause__):
                    if one:
                        one.__traceback__ = None  # its frames hold what was being computed
                mend()
                return InterrogatorError(text)
        return None


class _Worker:
    """A thread that does one thing after the other."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="computation")
        self._thread.start()

    def do(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((future, work))
        return future

    def interrupt(self) -> None:
        """Raise `TimeIsUpError` in the thread, which ends with it or after it."""
        self._jobs.put(None)
        ident = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(TimeIsUpError))

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                future, work = job
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
                del future, work, job  # or the last result would be kept until the next
        except TimeIsUpError:
            pass  # it came late: the step was over


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is used up, of the machine or of a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text or "not enough memory" in text
    )


def is_device_lost(error: BaseException) -> bool:
    """Tell whether an error says that a GPU computes nothing any more."""
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    return any(sign in str(error) for sign in ("CUDA error", "CUBLAS_STATUS", "CUDNN_STATUS"))


def give_back() -> None:
    """Return freed memory to the machine and to the GPU."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
