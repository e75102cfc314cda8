"""A small app within the server: what it computes, it computes as long as it is told to.

`python -m tests.server.small_app PORT SECONDS` serves it in a process of its own.
"""

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import gradio as gr

from server import lifetime, uploads
from server.calls import sentences, within
from server.metrics import Metrics
from server.operation import Operation
from server.settings import Settings

QUEUE = "compute"


class RefusalError(Exception):
    """What a person causes."""


@dataclass
class Work:
    """What is computed, when it may end, and what has been."""

    hold: threading.Event = field(default_factory=threading.Event)
    began: list[str] = field(default_factory=list)
    intervals: list[tuple[str, float, float]] = field(default_factory=list)

    def held(self, name: str) -> str:
        """Compute until it is told to end."""
        start = time.monotonic()
        self.began.append(name)
        self.hold.wait(60)
        self.intervals.append((name, start, time.monotonic()))
        return f"done {name}"

    def steps(self, name: str):
        """Compute in steps, of which each lasts until it is told to end."""
        for step in range(3):
            yield self.held(f"{name}{step}")


def build(work, settings=None, most_waiting=3, memory=1e9, largest=1_000_000):
    """Return the app; its functions are called held, steps, fail, refuse and light."""

    def fail(name: str) -> str:
        raise RuntimeError(f"secret {name}")

    def refuse(name: str) -> str:
        raise RefusalError(f"It must not be {name}.")

    def held(name: str) -> str:
        return work.held(name)

    def steps(name: str):
        yield from work.steps(name)

    with gr.Blocks(analytics_enabled=False) as blocks:
        text, shown = gr.Textbox(), gr.HTML()
        gr.Image(type="filepath")
        for function in (held, steps, fail, refuse):
            gr.on(
                [], function, text, shown, api_name=function.__name__, concurrency_id=QUEUE,
                concurrency_limit=1,
            )  # fmt: skip
        gr.on([], lambda name: f"light {name}", text, shown, api_name="light")
    blocks.queue(max_size=most_waiting, api_open=False)
    metrics = Metrics((RefusalError,))
    operation = Operation(
        blocks, settings or Settings(), metrics, QUEUE, lambda: ["small"], memory, largest
    )
    for event in blocks.fns.values():
        if event.concurrency_id == QUEUE:
            watched = metrics.watched(event.fn.__name__, event.fn)
            event.fn = within(operation.turns.alone, watched)
    blocks.process_api = within(sentences((RefusalError,)), blocks.process_api)
    return blocks, operation


def launch_settings(operation):
    return {
        "show_error": False, "run_history": False, "ssr_mode": False, "enable_monitoring": False,
        "max_file_size": 500_000, "quiet": True, "state_session_capacity": operation.capacity,
        "app_kwargs": operation.app_kwargs(),
    }  # fmt: skip


class Timed(Work):
    """Work that lasts some seconds, and leaves a process that would last longer."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def held(self, name):
        subprocess.Popen(["sleep", "1000.25"])
        time.sleep(self.seconds)
        return f"done {name}"


if __name__ == "__main__":
    with uploads.own_folder():
        blocks, operation = build(Timed(float(sys.argv[2])))
        lifetime.serve(
            blocks, operation, server_port=int(sys.argv[1]), **launch_settings(operation)
        )
    lifetime.leave()
