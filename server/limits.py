"""How much one visitor may ask for: a token bucket for each address."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_BUCKETS = 10_000  # addresses that are remembered; the longest unseen are forgotten first
IPV6_NETWORK = 64  # bits that one visitor's addresses share: he may choose the rest freely


class VisitorLimit:
    """Lets each visitor begin so many things a minute, all of them at once if he likes.

    Args:
        per_minute: How many; None for any number.
        clock: Seconds that only grow.
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def seconds_to_wait(self, address: str) -> int:
        """Take a token of this address and return 0, or the seconds until there is one."""
        if self.per_minute is None:
            return 0
        now, rate, key = self._clock(), self.per_minute / 60, visitor(address)
        tokens, then = self._buckets.pop(key, (float(self.per_minute), now))
        tokens = min(self.per_minute, tokens + (now - then) * rate)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - allowed, now)
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - tokens) / rate)

    def sentence(self, seconds: int) -> str:
        """Say what is allowed, and when to come back."""
        return (
            f"This server lets each visitor begin {self.per_minute} computations and uploads a "
            f"minute. Try again in {seconds} second{'s' * (seconds != 1)}."
        )


def visitor(address: str) -> str:
    """Return what is the same for all addresses that one visitor can take."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))
