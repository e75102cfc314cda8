"""Token buckets, worked out by hand."""

import pytest

from server import limits
from server.limits import VisitorLimit, visitor


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_visitor_begins_so_many_a_minute_and_others_are_not_touched():
    clock = Clock()
    limit = VisitorLimit(6, clock)  # one every ten seconds
    assert [limit.seconds_to_wait("192.0.2.1") for _ in range(7)] == [0] * 6 + [10]
    assert limit.seconds_to_wait("192.0.2.2") == 0
    clock.now = 7
    assert limit.seconds_to_wait("192.0.2.1") == 3
    clock.now = 10
    assert [limit.seconds_to_wait("192.0.2.1") for _ in range(2)] == [0, 10]
    clock.now = 10_000  # no more than a minute's worth is saved up
    assert [limit.seconds_to_wait("192.0.2.1") for _ in range(7)] == [0] * 6 + [10]
    assert "6 computations and uploads a minute. Try again in 10 seconds" in limit.sentence(10)


def test_without_a_limit_nobody_waits():
    limit = VisitorLimit(None)
    assert not any(limit.seconds_to_wait("192.0.2.1") for _ in range(1000))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::9", True),  # one network of 64 bits
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("testclient", "testclient", True),
    ],
)
def test_whose_addresses_are_one_visitors(one, other, same):
    assert (visitor(one) == visitor(other)) is same


def test_addresses_without_end_take_no_memory_without_end(monkeypatch):
    monkeypatch.setattr(limits, "MOST_BUCKETS", 3)
    limit = VisitorLimit(1, Clock())
    for last in range(10):
        limit.seconds_to_wait(f"192.0.2.{last}")
    assert len(limit._buckets) == 3
