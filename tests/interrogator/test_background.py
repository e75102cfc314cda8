import threading

import pytest

from interrogator.background import Done, Progress, in_background, waiting


def test_news_come_before_the_result_and_only_the_latest_counts():
    def work(report):
        report("one", 0.1)
        report("two", 0.2)
        return 7

    seen = [one for one in in_background(work) if one]
    assert seen[-1] == Done(7)
    assert Progress("two", 0.2) in seen


def test_nothing_new_is_told_at_once():
    hold = threading.Event()
    told = in_background(lambda report: hold.wait(20))
    assert next(told) is None
    hold.set()
    assert [one for one in told if one] == [Done(True)]


def test_work_that_nobody_waits_for_ends_at_its_next_news():
    hold, ended, steps = threading.Event(), threading.Event(), []

    def work(report):
        try:
            hold.wait(20)
            for step in range(5):
                steps.append(step)
                report("step", step / 5)
        finally:
            ended.set()

    told = in_background(work)
    next(told)
    told.close()
    hold.set()
    assert ended.wait(20)
    assert steps == [0]


def test_what_the_work_raised_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        list(waiting(lambda report: 1 / 0))
