"""Computations that take too long, run out of memory or lose their device."""

import threading
import weakref

import pytest
import torch

from interrogator.errors import InterrogatorError
from interrogator.serving import guard
from interrogator.serving.guard import DEVICE_LOST, NO_MEMORY, Guard


@pytest.fixture
def calls():
    return []


@pytest.fixture
def guarded(calls):
    """A guard that gives each computation a fifth of a second."""
    return Guard(0.2, lambda: calls.append("memory"), lambda: calls.append("device"))


def test_results_come_one_by_one_from_one_thread(guarded):
    threads = set()

    def work():
        for number in range(3):
            threads.add(threading.get_ident())
            yield number

    assert list(guarded.watch(work())) == [0, 1, 2]
    assert list(guarded.watch(work())) == [0, 1, 2]
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_loop_that_looks_at_no_clock_is_ended_with_a_sentence_and_the_next_runs(guarded):
    ended = threading.Event()

    def endless():
        try:
            yield 1
            while True:
                pass
        finally:
            ended.set()

    seen = []
    with pytest.raises(InterrogatorError, match=r"longer than the 0 seconds.*was ended"):
        seen.extend(guarded.watch(endless()))
    assert ended.wait(60)
    assert list(guarded.watch(iter([2]))) == [2]


def test_an_except_exception_of_a_library_does_not_keep_it(guarded):
    ended = threading.Event()

    def stubborn():
        try:
            while True:
                try:
                    sum(range(1000))
                except Exception:
                    continue
        finally:
            ended.set()
        yield

    with pytest.raises(InterrogatorError, match="was ended"):
        list(guarded.watch(stubborn()))
    assert ended.wait(60)


# CPython 3.11 loops for ever where functions are traced while an exception waits for a thread.
@pytest.mark.no_cover
def test_a_step_that_hangs_in_a_library_is_left_behind(guarded, monkeypatch):
    monkeypatch.setattr(guard, "GRACE_SECONDS", 0.05)
    hold, left = threading.Event(), threading.Event()

    def hanging():
        hold.wait()  # no bytecode runs: nothing can be raised here
        left.set()
        yield

    with pytest.raises(InterrogatorError, match="was ended"):
        list(guarded.watch(hanging()))
    assert list(guarded.watch(iter([3]))) == [3]
    hold.set()
    assert not left.wait(0.2)  # it ends before its next instruction


@pytest.mark.parametrize(
    ("error", "sentence", "mended"),
    [
        (MemoryError(), NO_MEMORY, "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), NO_MEMORY, "memory"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
            NO_MEMORY,
            "memory",
        ),
        (RuntimeError("CUDA error: out of memory"), NO_MEMORY, "memory"),
        (RuntimeError("CUDA error: unspecified launch failure"), DEVICE_LOST, "device"),
        (RuntimeError("cuBLAS: CUBLAS_STATUS_EXECUTION_FAILED"), DEVICE_LOST, "device"),
    ],
    ids=["python", "cpu", "cuda", "cuda error", "launch", "cublas"],
)
def test_a_failure_of_the_machine_is_a_sentence_and_memory_is_given_back(
    guarded, calls, error, sentence, mended
):
    held = []

    class Tensor:
        """Stands for what was being computed."""

    def failing():
        tensor = Tensor()
        held.append(weakref.ref(tensor))
        raise error
        yield

    with pytest.raises(InterrogatorError) as told:
        list(guarded.watch(failing()))
    assert str(told.value) == sentence
    assert calls == [mended]
    assert held[0]() is None
    assert list(guarded.watch(iter([4]))) == [4]


def test_memory_that_ran_out_while_loading_is_known_by_its_cause(guarded, calls):
    def failing():
        try:
            raise MemoryError
        except MemoryError as error:
            raise InterrogatorError("It cannot be loaded.") from error
        yield

    with pytest.raises(InterrogatorError, match="run out of memory"):
        list(guarded.watch(failing()))
    assert calls == ["memory"]


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), InterrogatorError("A mistake."), TimeoutError()]
)
def test_other_errors_stay_what_they_are(guarded, calls, error):
    def failing():
        raise error
        yield

    with pytest.raises(type(error)) as raised:
        list(guarded.watch(failing()))
    assert raised.value is error
    assert calls == []


def test_who_leaves_ends_the_computation(guarded):
    closed = threading.Event()

    def work():
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    results = guarded.watch(work())
    assert next(results) == 1
    results.close()
    assert closed.wait(60)
