import asyncio
import threading

import pytest

from interrogator.serving.background import (
    Progress,
    in_background,
    off_the_loop,
    polled,
    wait_for,
)


def drained(events):
    """What a generator yields, and what it returns."""
    seen = []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as end:
            return seen, end.value


def test_progress_comes_before_the_result_and_only_the_latest_counts():
    def work(report):
        report("one", 0.1)
        report("two", 0.2)
        return 7

    seen, result = drained(in_background(work))
    assert result == 7
    assert Progress("two", 0.2) in seen


def test_nothing_new_is_said_at_once():
    hold = threading.Event()
    events = in_background(lambda report: hold.wait(20))
    assert next(events) is None
    hold.set()
    seen, result = drained(events)
    assert set(seen) <= {None}
    assert result is True


def test_work_that_nobody_waits_for_ends_at_its_next_progress():
    hold, ended, steps = threading.Event(), threading.Event(), []

    def work(report):
        try:
            hold.wait(20)
            for step in range(5):
                steps.append(step)
                report("step", step / 5)
        finally:
            ended.set()

    events = in_background(work)
    next(events)
    events.close()
    hold.set()
    assert ended.wait(20)
    assert steps == [0]


def test_an_error_of_the_work_is_raised_where_it_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        list(wait_for(lambda report: 1 / 0))


def test_no_step_of_what_is_taken_off_the_loop_runs_on_it():
    threads = []

    def steps():
        for step in (1, None, 3):
            threads.append(threading.current_thread())
            yield step
        raise ValueError("the end")

    seen = []

    async def take():
        threads.append(threading.current_thread())
        async for step in off_the_loop(steps()):
            seen.append(step)

    with pytest.raises(ValueError, match="the end"):
        asyncio.run(take())
    loop, *others = threads
    assert seen == [1, None, 3]
    assert len(others) == 3
    assert loop not in others


def test_what_is_asked_for_often_is_there_once_and_nothing_is_not_yielded():
    async def gathered():
        return [result async for result in polled(iter([None, 1, None, None, 0, None]))]

    assert asyncio.run(gathered()) == [1, 0]


def test_an_error_comes_through_while_it_is_asked_for():
    def failing():
        yield None
        raise ValueError("no")

    async def gathered():
        return [result async for result in polled(failing())]

    with pytest.raises(ValueError, match="no"):
        asyncio.run(gathered())
