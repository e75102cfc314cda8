"""What is added to an app before it is launched, and what that needs while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psutil
from gradio import Blocks
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server import uploads
from server.limits import VisitorLimit
from server.logs import adopt_web_server
from server.metrics import Metrics
from server.middleware import Door, SecurityHeaders, disk_is_full, wrong_call
from server.page import KeptPage
from server.sessions import Sessions, capacity
from server.settings import Settings
from server.turns import Turns

SWEEP_SECONDS = 600.0


class Operation:
    """The server around one app.

    Args:
        blocks: The app, after `Blocks.queue()`.
        settings: What is set in the environment.
        metrics: Where is counted.
        computing: The concurrency id of what computes.
        models: Returns the names of the models that are in memory.
        memory: How many bytes this process may use.
        largest: How many bytes a request may have.
    """

    def __init__(
        self,
        blocks: Blocks,
        settings: Settings,
        metrics: Metrics,
        computing: str,
        models: Callable[[], Sequence[str]],
        memory: float,
        largest: int,
    ) -> None:
        self.settings, self.metrics = settings, metrics
        self.limit = VisitorLimit(settings.visitor_limit)
        self.turns = Turns(blocks, computing, self.limit, metrics.turned_away)
        self.capacity = capacity(memory)
        self.sessions = Sessions(blocks)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._models, self._process = models, psutil.Process()
        self._largest = largest
        blocks._queue = self.turns
        metrics.gauge("app_queue_waiting", "Requests that wait for their turn.", self.turns.waiting)
        metrics.gauge("app_queue_running", "Requests that compute.", self.turns.running)
        metrics.gauge("app_sessions", "Sessions that are kept.", self.sessions.__len__)
        metrics.gauge("app_disk_free_bytes", "Room for uploads.", uploads.disk_free)

    def app_kwargs(self) -> dict[str, Any]:
        """Return what `Blocks.launch` passes on to the web application."""
        headers = Middleware(SecurityHeaders, self.settings.frame_ancestors)
        door = Middleware(
            Door, self.settings.password, self.limit, self._largest, self.metrics.turned_away,
            self.turns.listening, self.turns.leave, self.turns.asked,
        )  # fmt: skip
        return {
            "routes": [Route("/healthz", self.healthz), Route("/metrics", self.show_metrics)],
            "middleware": [headers, door, Middleware(KeptPage)],
            "lifespan": self.lifespan,
            "exception_handlers": {
                OSError: disk_is_full,
                KeyError: wrong_call,
                TypeError: wrong_call,
            },
        }

    @asynccontextmanager
    async def lifespan(self, app: App) -> AsyncIterator[None]:
        """Take over what Gradio has set up, before the first request comes."""
        self.loop = asyncio.get_running_loop()
        self.sessions.set_blocks(app.get_blocks())
        app.state_holder = self.sessions
        if self.settings.json_log:
            adopt_web_server()
        sweeping = asyncio.create_task(self._sweep())
        yield
        sweeping.cancel()

    async def _sweep(self) -> None:
        """Drop what time makes useless, where no request comes that would."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.turns.forget_old()
            uploads.delete_empty_folders(SWEEP_SECONDS)

    async def healthz(self, _: Request) -> Response:
        """Say whether requests are accepted, and what is in memory."""
        stopping = self.turns.stopping
        health = {
            "status": "stopping" if stopping else "up",
            "models": list(self._models()),
            "queue": {
                "running": self.turns.running(),
                "waiting": self.turns.waiting(),
                "most_waiting": self.turns.most_waiting,
            },
            "memory_bytes": self._process.memory_info().rss,
            "disk_free_bytes": uploads.disk_free(),
        }
        return JSONResponse(health, 503 if stopping else 200, {"Cache-Control": "no-store"})

    async def show_metrics(self, _: Request) -> Response:
        """Return all numbers as text for Prometheus."""
        text, kind = self.metrics.text()
        return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})
