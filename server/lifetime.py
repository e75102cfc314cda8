"""From start to a clean end: what runs is finished or told, and the process is gone within 10 s."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from concurrent.futures import TimeoutError as TooLong
from typing import Any

import psutil
from gradio import Blocks

from server.operation import Operation

log = logging.getLogger(__name__)

GRACE_SECONDS = 6.0  # that work in progress has to be done; 10 until the process is gone
CLOSE_SECONDS = 1  # that connections have to be closed
KEEP_ALIVE_SECONDS = 75  # longer than the clients', so that none sends into a closed connection


def serve(blocks: Blocks, operation: Operation, **launch: Any) -> None:  # noqa: ANN401
    """Serve until SIGTERM or SIGINT, then end in order; a second signal ends at once.

    Raises:
        SystemExit: The port is taken; in a sentence.
    """
    told = threading.Event()

    def tell(*_: object) -> None:
        if told.is_set():
            os._exit(1)
        told.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, tell)
    try:
        blocks.launch(prevent_thread_lock=True, **launch)
    except OSError as error:
        if "empty port" not in str(error):  # in Gradio's words; a page may be served there already
            raise
        sys.exit(f"Port {launch.get('server_port')} is taken. Choose another, as in PORT=7870.")
    web = blocks.server.config
    web.timeout_keep_alive, web.timeout_graceful_shutdown = KEEP_ALIVE_SECONDS, CLOSE_SECONDS
    while not told.wait(1):  # a wait without an end would not let a signal through everywhere
        pass
    finish(blocks, operation)


def finish(blocks: Blocks, operation: Operation) -> None:
    """Let what runs be done or say that it is not, and close everything."""
    log.warning("stopping: nothing more is accepted")
    if operation.loop:
        ending = asyncio.run_coroutine_threadsafe(
            operation.turns.finish(GRACE_SECONDS), operation.loop
        )
        try:
            ending.result(GRACE_SECONDS + 2)
        except TooLong:
            log.error("the event loop does not answer")
    blocks.close(verbose=False)
    for child in psutil.Process().children(recursive=True):  # a race's worker
        child.kill()


def leave() -> None:
    """End this process, whatever its threads still compute."""
    logging.shutdown()
    os._exit(0)
