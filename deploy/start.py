"""The app, started as a Space starts it: its files, its variables, its user, its two processors.

A Gradio Space runs as user 1000 whose home, with the app in it, is all that it can write
(https://huggingface.co/docs/hub/spaces-sdks-docker#permissions), with 2 processors and 16 GB on
the smallest hardware (https://huggingface.co/docs/hub/spaces-overview#hardware-resources).
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from gradio_client import Client, handle_file  # type: ignore[import-untyped]

from deploy.files import tracked
from deploy.outcome import ROOT, Outcome

USER = 1000
PROCESSORS = 2
MEMORY = 16 * 2**30  # bytes
START_SECONDS = 30.0  # until the page must answer
EXAMPLE = "assets/examples/cat-pop-art.jpg"
EXPECTED = ("cat", "pop art")  # in its prompt


@dataclass(frozen=True)
class Started:
    """An app that answers.

    Attributes:
        url: Where.
        seconds: From its start to its first answer.
        process: Its process.
    """

    url: str
    seconds: float
    process: psutil.Process

    def memory(self) -> int:
        """Return the bytes that the app and the processes below it hold."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(process.memory_info().rss for process in family)


def environment(home: Path, port: int) -> dict[str, str]:
    """Return the variables of a Space, and no others but the path of programs."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home.parent.parent / "tmp"),  # a container's own, empty
        "SYSTEM": "spaces",
        "SPACE_ID": "someone/prompt-interrogator",
        "SPACE_HOST": "someone-prompt-interrogator.hf.space",
        "SPACE_AUTHOR_NAME": "someone",
        "SPACE_REPO_NAME": "prompt-interrogator",
        "SPACE_TITLE": "Prompt Interrogator and Matmul Race",
        "ACCELERATOR": "none",
        "CPU_CORES": str(PROCESSORS),
        "MEMORY": "16Gi",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_NUM_PORTS": "1",
        "GRADIO_ALLOW_FLAGGING": "never",
        "GRADIO_THEME": "huggingface",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",  # this check's own: a Space reaches the hub, this machine may not
    }


@contextmanager
def started(root: Path = ROOT) -> Iterator[Started]:
    """Start the tracked files in a home of their own, and end them.

    Raises:
        RuntimeError: It does not answer in time; with the end of its log.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home", "user")
        _copy(root, home / "app")
        Path(folder, "tmp").mkdir()
        _give(Path(folder))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = Path(folder, "log")
        begin = time.monotonic()
        with log.open("w") as out:
            process = subprocess.Popen(
                [*as_user(), sys.executable, "app.py"], cwd=home / "app",
                env=environment(home, port), stdout=out, stderr=out, preexec_fn=_limit,
                start_new_session=True,
            )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, begin + START_SECONDS, log)
            yield Started(url, time.monotonic() - begin, psutil.Process(process.pid))
        finally:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _copy(root: Path, target: Path) -> None:
    for name in tracked(root):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, path)


def _give(folder: Path) -> None:
    """Let the Space's user have its home, where this process may give things away."""
    if os.geteuid() == 0 and as_user() == _REAL:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER)


_REAL = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
_MAPPED = ["unshare", "--user", f"--map-user={USER}", f"--map-group={USER}"]


def as_user() -> list[str]:
    """Return what starts a program as the Space's user, as far as this machine lets it."""
    if os.geteuid() != 0:
        return []  # nobody of importance, like the Space's user
    for way in (_REAL, _MAPPED):  # the interpreter may lie where only root can read
        try:
            tried = subprocess.run([*way, sys.executable, "-c", ""], capture_output=True)
        except OSError:
            continue
        if tried.returncode == 0:
            return way
    return []


def _limit() -> None:
    """Before the program begins: two processors, 16 GB of address space."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSORS])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _wait(url: str, process: subprocess.Popen[bytes], deadline: float, log: Path) -> None:
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/config", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(
        f"/config did not answer within {START_SECONDS:.0f} seconds; the log ends with: "
        + " | ".join(log.read_text().splitlines()[-5:])
    )


def check() -> Outcome:
    """Start the app and have an example read, as the first visitor would."""
    title = "a start as on a Space"
    wrong = []
    try:
        with started() as app:
            client = Client(app.url, verbose=False)
            picture = handle_file(ROOT / EXAMPLE)
            done = client.predict(picture, preset="demo", api_name="/interrogate")
            memory = app.memory()
    except (RuntimeError, OSError) as error:
        return Outcome(title, problems=(str(error),))
    prompt = done["prompt"]
    wrong += [
        f"the example's prompt lacks {word!r}: {prompt}" for word in EXPECTED if word not in prompt
    ]
    if memory > MEMORY:
        wrong.append(f"it holds {memory / 2**30:.1f} GB")
    user = {tuple(_REAL): f"user {USER}", tuple(_MAPPED): f"user {USER} of a namespace"}
    details = (
        f"answers after {app.seconds:.1f} s as {user.get(tuple(as_user()), 'this user')}, holds "
        f"{memory / 2**30:.1f} GB with the demo models; the example gives {prompt!r}"
    )
    return Outcome(title, details, tuple(wrong))
