"""The queue: who is let in, when his turn comes, and that nothing is kept of those who were served.

Gradio's own keeps a set and a mailbox for each session for ever, a record of 10,000 requests that
it sums up after each one, and an average over all time, in which the first request, which loads
the models, never fades.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from statistics import fmean
from typing import Any

from anyio.to_thread import run_sync
from fastapi import HTTPException, Request
from gradio import Blocks
from gradio.block_function import BlockFunction
from gradio.context import LocalContext
from gradio.data_classes import PredictBodyInternal
from gradio.exceptions import Error
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import EstimationMessage, ProcessCompletedMessage
from gradio.utils import SyncToAsyncIterator

from server.limits import VisitorLimit

log = logging.getLogger(__name__)

RECENT = 10  # runs of a function that its next one is estimated from
MOST_OTHERS = 500  # waiting requests that compute nothing: greetings, descriptions, downloads
SLOTS = 1000  # requests in work at a time; all but one wait for something
ARRIVAL_SECONDS = 2.0  # that a request may be behind the wish to cancel it
KEPT_SECONDS = 120.0  # for how long an answer waits to be fetched
MOST_KEPT = 500  # answers that wait to be fetched; the oldest are dropped first

STOPPING = "This server is about to stop. Try again in a minute."
STOPPED = "This server was stopped before this was done. Try again in a minute."


class RecentTimes:
    """The mean of a function's latest durations, in seconds; it takes the place of ProcessTime."""

    def __init__(self) -> None:
        self._durations: deque[float] = deque(maxlen=RECENT)

    def add(self, duration: float) -> None:
        """Note another run."""
        self._durations.append(duration)

    @property
    def avg_time(self) -> float:
        """The mean, by which the wait of those behind is estimated."""
        return fmean(self._durations)


class Turns(Queue):
    """Gradio's queue, bounded in all that it keeps.

    Args:
        blocks: The app, after `Blocks.queue()`.
        computing: The concurrency id of what computes: one at a time, and `max_size` wait.
        limit: How much a visitor may begin.
        turned_away: Called with the reason when a request is not accepted.
    """

    def __init__(
        self,
        blocks: Blocks,
        computing: str,
        limit: VisitorLimit,
        turned_away: Callable[[str], None],
    ) -> None:
        was = blocks._queue
        super().__init__(
            was.live_updates, was.max_thread_count, was.update_intervals, None, blocks,
            was.default_concurrency_limit,
        )  # fmt: skip
        self.computing = computing
        self.most_waiting = was.max_size
        self.limit = limit
        self.stopping = False
        self._turned_away = turned_away
        self._ended: dict[str, tuple[str, float]] = {}  # event → its session, and when it ended
        self._readers: Counter[str] = Counter()  # streams that are open, by session or event
        self.process_time_per_fn = defaultdict(RecentTimes)  # type: ignore[arg-type]
        self._computed: defaultdict[BlockFunction, RecentTimes] = defaultdict(RecentTimes)
        self._computes: tuple[BlockFunction, float] | None = None  # now, and since when
        self.sleep_when_free = 0.01  # seconds; a thousand looks a second are taken from the models
        self._alone = threading.Lock()  # given back in whichever thread closes a generator
        self.ANALYTICS_MAX_EVENTS = 0  # no records: there are metrics

    def waiting(self) -> int:
        """Return how many wait for their turn to compute."""
        turn = self._turn()
        return len(turn.queue) + max(0, turn.current_concurrency - 1) if turn else 0

    def running(self) -> int:
        """Return how many compute: none or one."""
        turn = self._turn()
        return min(1, turn.current_concurrency) if turn else 0

    def _turn(self) -> EventQueue | None:
        return self.event_queue_per_concurrency_id.get(self.computing)

    def start(self) -> None:
        """Begin; downloads that last must not take the places of what passes quickly."""
        super().start()
        self.active_jobs = [None] * SLOTS

    def create_event_queue_for_fn(self, block_fn: BlockFunction) -> None:
        """Let one request more in than computes: its values are read while the other computes."""
        super().create_event_queue_for_fn(block_fn)
        if (turn := self._turn()) and turn.concurrency_limit == 1:
            turn.concurrency_limit = 2

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Compute one at a time, whoever has been let in.

        Gradio lets the next in as soon as a request is cancelled, while its thread still computes
        the step in which it was.
        """
        with self._alone:
            number = LocalContext.event_id.get(None)
            event = self.event_ids_to_events.get(number or "")
            if number and not (event and event.alive):
                raise Error("Nobody waits for this any more.", print_exception=False)
            start = time.monotonic()
            self._computes = (event.fn, start) if event else None
            try:
                yield
            finally:
                self._computes = None
                if event:
                    self._computed[event.fn].add(time.monotonic() - start)

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """Tell those who wait for their turn when they will have their answer, from what is known.

        Gradio's estimate knows nothing of those who are let in and wait.
        """
        turn = self._turn()
        if concurrency_id != self.computing or turn is None:
            super().broadcast_estimations(concurrency_id, after)
            return
        before, ahead = max(0, turn.current_concurrency - 1), self._seconds_of_those_let_in()
        for rank, event in enumerate(turn.queue):
            ahead += self._expected(event.fn)
            if after is None or rank >= after:
                eta = ahead if self._computed else None
                message = EstimationMessage(
                    rank=rank + before, rank_eta=eta, queue_size=len(turn.queue) + before
                )
                self.send_message(event, message)

    def _expected(self, function: BlockFunction) -> float:
        """Return what a function takes; one that never ran, what the others take."""
        if function in self._computed:
            return self._computed[function].avg_time
        known = [one.avg_time for one in self._computed.values()]
        return fmean(known) if known else 0.0

    def _seconds_of_those_let_in(self) -> float:
        let_in = [event.fn for job in self.active_jobs if job for event in job]
        seconds = sum(self._expected(fn) for fn in let_in if fn.concurrency_id == self.computing)
        if self._computes:
            function, since = self._computes
            seconds -= min(self._expected(function), time.monotonic() - since)
        return seconds

    async def push(
        self, body: PredictBodyInternal, request: Request, username: str | None
    ) -> tuple[bool, Any, Any]:
        """Let a request in, or refuse it with a sentence.

        Raises:
            HTTPException: 503 when the server is about to stop, 429 when this visitor has begun
                too much.
        """
        if self.stopping:
            self._turned_away("stopping")
            raise HTTPException(503, STOPPING, {"Retry-After": "60"})
        function = self.blocks.fns.get(body.fn_index or 0)
        if function and function.concurrency_id == self.computing:
            if self.most_waiting is not None and self.waiting() >= self.most_waiting:
                self._turned_away("full")
                return False, self._full(), "queue_full"
            self._take_token(request)
        elif len(self) - self.waiting() >= MOST_OTHERS:
            self._turned_away("full")
            return False, self._full(), "queue_full"
        return await super().push(body, request, username)

    def _full(self) -> str:
        waiting = turn.queue if (turn := self._turn()) else []
        wanted = self._seconds_of_those_let_in() + sum(self._expected(one.fn) for one in waiting)
        seconds = max(1, round(wanted))
        return (
            f"{self.waiting()} requests wait for their turn, which is all that this server lets "
            f"wait. Try again in about {seconds} second{'s' * (seconds != 1)}."
        )

    def _take_token(self, request: Request) -> None:
        seconds = self.limit.seconds_to_wait(request.client.host if request.client else "")
        if seconds:
            self._turned_away("limit")
            sentence = self.limit.sentence(seconds)
            raise HTTPException(429, sentence, {"Retry-After": str(seconds)})

    async def process_events(
        self, events: list[Event], batch: bool, begin_time: float, fn: BlockFunction
    ) -> None:
        """Do the work, and forget it."""
        try:
            await super().process_events(events, batch, begin_time, fn)
        finally:
            for event in events:
                self._end(event)

    async def reset_iterators(self, event_id: str) -> None:
        """Close the generator of a request that is over, in a thread: that may take its time."""
        app = self.server_app
        wrapper = app.iterators.get(event_id) if app else None
        if isinstance(wrapper, SyncToAsyncIterator):
            await _close(wrapper.iterator)
        await super().reset_iterators(event_id)

    async def remove_from_queue(self, event_id: str) -> None:
        """Take out an event that is cancelled before its turn."""
        event = self.event_ids_to_events.get(event_id)
        await super().remove_from_queue(event_id)
        if event and event_id not in self.event_ids_to_events:
            self._end(event)

    async def clean_events(
        self, *, session_hash: str | None = None, event_id: str | None = None
    ) -> None:
        """Take out what a visitor who has left had asked for."""
        await super().clean_events(session_hash=session_hash, event_id=event_id)
        if session_hash:
            ids = self.pending_event_ids_session.get(session_hash, set())
            ids -= self._ended.keys()  # nobody fetches these any more
            self._close(session_hash)

    @contextmanager
    def listening(self, listener: str) -> Iterator[None]:
        """Keep a mailbox while somebody reads from it.

        A browser whose answers were quick may begin to read when there is nothing left: what it
        asks for next comes this way.
        """
        self._readers[listener] += 1
        server = self.server_app
        known = server is not None and listener in server.state_holder.session_data
        if known and listener not in self.pending_messages_per_session:
            self.pending_messages_per_session[listener] = asyncio.Queue()
            self.pending_event_ids_session.setdefault(listener, set())
        try:
            yield
        finally:
            self._readers[listener] -= 1
            if not self._readers[listener]:
                del self._readers[listener]
                self._close(listener)

    async def asked(self, session: str, function: int) -> str:
        """Return the event of a session's request to a function, which may be on its way still."""
        end = time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < end:
            for number in self.pending_event_ids_session.get(session, ()):
                event = self.event_ids_to_events.get(number)
                if event and event.alive and event.fn._id == function:
                    return number
            await asyncio.sleep(0.02)
        return ""

    async def leave(self, listener: str) -> None:
        """Give up what the reader of a stream had asked for: of a session, or one event."""
        event = self.event_ids_to_events.get(listener)
        await self.clean_events(session_hash=event.session_hash if event else listener)

    def _end(self, event: Event) -> None:
        """Note that an event is over, and let go of all that nobody will ask for again."""
        server, session = self.server_app, event.session_hash
        if server is not None:
            server.iterators_to_reset.discard(event._id)
            if session == event._id:  # a call of the API, which named no session
                server.state_holder.forget(session)
        if not event.alive:
            self.pending_event_ids_session.get(session, set()).discard(event._id)
        self._ended[event._id] = (session, time.monotonic())
        self.forget_old()

    def forget_old(self) -> None:
        """Drop the mailboxes of answers that were fetched, or will not be."""
        oldest = time.monotonic() - KEPT_SECONDS
        over = len(self._ended) - MOST_KEPT
        for place, (event, (session, when)) in enumerate(list(self._ended.items())):
            pending = self.pending_event_ids_session.get(session, set())
            if event in pending and when > oldest and place >= over:
                continue
            pending.discard(event)
            del self._ended[event]
            self._close(session)

    def _close(self, session: str) -> None:
        """Drop a session's mailbox, unless something is on its way there, or somebody reads."""
        if session not in self._readers and not self.pending_event_ids_session.get(session):
            self.pending_event_ids_session.pop(session, None)
            self.pending_messages_per_session.pop(session, None)

    async def finish(self, seconds: float) -> None:
        """Accept nothing more, work on for some seconds, and tell those who wait still."""
        self.stopping = True
        end = time.monotonic() + seconds
        while self._at_work() and time.monotonic() < end:
            await asyncio.sleep(0.05)
        waiting = [turn.queue for turn in self.event_queue_per_concurrency_id.values()]
        for event in chain.from_iterable([*waiting, *filter(None, self.active_jobs)]):
            output = {"error": STOPPED}
            self.send_message(event, ProcessCompletedMessage(output=output, success=False))
        end = time.monotonic() + 1
        while any(self.pending_event_ids_session.values()) and time.monotonic() < end:
            await asyncio.sleep(0.05)

    def _at_work(self) -> bool:
        return bool(len(self) or self.get_active_worker_count())


async def _close(generator: Any) -> None:  # noqa: ANN401
    """Close a generator as soon as the step is done in which it is."""
    while True:
        try:
            await run_sync(generator.close)
            return
        except ValueError:  # a thread computes in it still
            await asyncio.sleep(0.05)
        except Exception:
            log.exception("a request did not end in order")
            return
