"""The app's end of a worker process, and the messages that pass between the two.

The process is started when it is first needed, and anyone may end it at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import TypedDict

from matmul_demo.machine.processor import thread_environment
from matmul_demo.machine.roofline import Machine
from matmul_demo.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """What the worker is to do.

    Attributes:
        workload: what to multiply.
        lanes: keys of the lanes, in order.
        ladder: the module whose `LADDER` holds them.
        threads: size of every thread pool.
        deadline: on the clock of `time.monotonic`, which all processes share; the lanes divide
            the time until then among themselves.
        earlier: lanes that an earlier worker of this race has timed in full, with their seconds.
        limits: the machine's limits where an earlier worker of this race has measured them.
    """

    workload: Workload
    lanes: tuple[str, ...]
    ladder: str
    threads: int
    deadline: float
    limits: Machine | None = None
    earlier: tuple[tuple[str, float], ...] = ()


class Progress(TypedDict, total=False):
    """Fields of the report that are new; beside it an `Outcome` or a `RaceError` may come."""

    machine: Machine
    data: str
    running: str | None
    neighbours: float
    turns: dict[str, tuple[float, ...]]


class Worker:
    """One worker process at a time, for one race after another.

    Args:
        threads: size of every thread pool in the process.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.stopped = False
        self.process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._lock = Lock()  # between starting a process and stopping it

    def connect(self) -> Connection | None:
        """Our end of the connection to the process; None once the worker was stopped."""
        with self._lock:
            if self.stopped:
                return None
            if self.process is None:
                self._start()
            return self._connection

    def stop(self) -> None:
        """End the process now and start no other; does nothing when that was done."""
        with self._lock:
            self.stopped = True
            if self.process:
                self.process.kill()

    def end(self, at_once: bool) -> int:
        """Make sure that the process is gone; `connect` starts another one.

        Args:
            at_once: kill it, because exiting in order would take longer.

        Returns:
            Its exit code, negative for a signal.
        """
        with self._lock:
            process, self.process = self.process, None
            connection, self._connection = self._connection, None
        if connection:
            connection.close()  # tells the process to exit
        if process is None:
            return 0
        if at_once:
            process.kill()
        try:
            return process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        package_parent = str(Path(__file__).resolve().parents[2])
        search_path = os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH")]))
        threads = thread_environment(self.threads)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "matmul_demo.racing.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for the app, which then ends this process
                stdout=2,  # what a library prints must not mix with our own output
                env={**os.environ, **threads, "PYTHONPATH": search_path},
            )


def describe_exit(exit_code: int, racing: bool) -> str:
    """A sentence on how the worker ended, in a lane or before the first one."""
    when = "while this lane ran" if racing else "before the first lane began"
    if exit_code == -signal.SIGKILL:
        return (
            f"The worker process was killed from outside {when}; "
            "often that means that memory ran out."
        )
    if exit_code < 0:
        return f"The worker process crashed ({signal.Signals(-exit_code).name}) {when}."
    return f"The worker process ended {when} (exit status {exit_code}); the log says why."
