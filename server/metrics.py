"""What is counted and timed, for Prometheus. Labels are fixed words: nothing that was sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psutil
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from server.calls import within
from server.logs import FIELDS

log = logging.getLogger(__name__)

SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300)  # edges of the histograms


class Metrics:
    """The numbers of one app, in a registry of its own.

    Args:
        refusals: The errors that a person causes; all others are ours.
    """

    def __init__(self, refusals: tuple[type[Exception], ...]) -> None:
        self.registry = CollectorRegistry()
        self._refusals = refusals
        keep: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter(
            "app_requests", "Computations by how they ended.", ["work", "outcome"], **keep
        )
        self._seconds = Histogram(
            "app_request_seconds", "What a computation took.", ["work"], buckets=SECONDS, **keep
        )
        self._steps = Histogram(
            "app_step_seconds", "What a step of it took.", ["step"], buckets=SECONDS, **keep
        )
        self._turned_away = Counter(
            "app_turned_away", "Requests that were not accepted.", ["reason"], **keep
        )
        ProcessCollector(registry=self.registry)  # memory, handles, processor time
        PlatformCollector(registry=self.registry)
        self.gauge("app_threads", "Threads of this process.", psutil.Process().num_threads)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a number that is read when it is asked for."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def turned_away(self, reason: str) -> None:
        """Count a request that was not accepted: full, limit, stopping, password."""
        self._turned_away.labels(reason).inc()

    def watched(self, work: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function or generator function that counts and times its calls."""
        return within(lambda: self._watching(work), function)

    @contextmanager
    def _watching(self, work: str) -> Iterator[None]:
        start, outcome = time.perf_counter(), "failed"
        try:
            yield
            outcome = "done"
        except GeneratorExit:
            outcome = "left"
            raise
        except self._refusals:
            outcome = "refused"
            raise
        finally:
            seconds = time.perf_counter() - start
            self._requests.labels(work, outcome).inc()
            self._seconds.labels(work).observe(seconds)
            fields = {"work": work, "outcome": outcome, "seconds": round(seconds, 3)}
            log.info("a computation ended", extra={FIELDS: fields})

    def steps(
        self, work: Callable[..., Generator[Any]], seconds: Callable[[Any], Mapping[str, float]]
    ) -> Callable[..., Generator[Any]]:
        """Return a generator function that notes what each step took, as its last value says."""

        def run(*values: Any, **named: Any) -> Generator[Any]:  # noqa: ANN401
            last = None
            with closing(work(*values, **named)) as results:
                for last in results:
                    yield last
            for step, spent in seconds(last).items():
                self._steps.labels(step).observe(spent)

        return run

    def text(self) -> tuple[bytes, str]:
        """Return everything in Prometheus' text format, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
