"""The small app, served on loopback, and visitors who speak the queue's own protocol."""

import contextlib
import json
from types import SimpleNamespace

import httpx
import pytest

from tests.server import small_app

API = "/gradio_api"


class Visitor:
    """Joins the queue under a session, and reads its events."""

    def __init__(self, url, blocks, session="visitor", **headers):
        self.client = httpx.Client(base_url=url, timeout=60, headers=headers)
        self.numbers = {event.api_name: number for number, event in blocks.fns.items()}
        self.session = session

    def join(self, function, name):
        """Ask for something; return the answer."""
        body = {
            "data": [name], "fn_index": self.numbers[function], "session_hash": self.session,
        }  # fmt: skip
        return self.client.post(f"{API}/queue/join", json=body)

    def messages(self):
        """Yield what is told of this session."""
        parameters = {"session_hash": self.session}
        with self.client.stream("GET", f"{API}/queue/data", params=parameters) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def until(self, *kinds):
        """Read until a message of one of these kinds comes, and leave; return it."""
        with contextlib.closing(self.messages()) as messages:
            return next(message for message in messages if message["msg"] in kinds)

    def answer(self):
        """Return the whole of what completes the next request."""
        return self.until("process_completed")

    def cancel(self, function, event):
        body = {
            "session_hash": self.session, "fn_index": self.numbers[function], "event_id": event,
        }  # fmt: skip
        return self.client.post(f"{API}/cancel", json=body)


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """Serves the small app with what is given to its `build`."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    running = []

    def serve(**options):
        work = small_app.Work()
        blocks, operation = small_app.build(work, **options)
        _, url, _ = blocks.launch(prevent_thread_lock=True, **small_app.launch_settings(operation))
        running.append((blocks, work))
        blocks.server.config.timeout_graceful_shutdown = 1
        url = url.rstrip("/")
        visitor = lambda *names, **headers: Visitor(url, blocks, *names, **headers)  # noqa: E731
        return SimpleNamespace(
            url=url, work=work, blocks=blocks, turns=operation.turns, operation=operation,
            visitor=visitor,
        )  # fmt: skip

    yield serve
    for blocks, work in running:
        work.hold.set()
        blocks.close(verbose=False)
