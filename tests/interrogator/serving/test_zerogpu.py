"""The same work where a GPU is lent: with the real package `spaces` and a lender on loopback."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from interrogator.errors import InterrogatorError
from interrogator.models.registry import ASSETS
from interrogator.request import Request
from interrogator.serving import zerogpu
from interrogator.serving.zerogpu import GPU_MOST_SECONDS, GPU_SECONDS, gpu_seconds
from interrogator.settings import Settings

ROOT = Path(__file__).parents[3]
CAT = ASSETS / "examples" / "cat-pop-art.jpg"


class _Lender(BaseHTTPRequestHandler):
    """What `spaces` asks: a GPU for some seconds, leave for a process to use it, its return."""

    def do_POST(self):
        url = urlparse(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.asked.append((url.path, asked))
        answer, status = b"", 200
        if url.path == "/schedule":
            lent = {"idle": len(self.server.asked) > 1, "nvidiaIndex": 0, "nvidiaUUID": "x"}
            answer = json.dumps({**lent, "allowToken": "t"}).encode()
            if self.server.refuses:
                answer, status = json.dumps({"left": 3, "wait": 3600}).encode(), 429
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def lender():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Lender)
    server.asked, server.refuses = [], False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def on_space(lender, tmp_path):
    """Run the jobs of `on_zerogpu` as on such a Space, in a process of their own."""
    if importlib.util.find_spec("spaces") is None:
        pytest.skip("the package spaces is not installed")
    environment = {
        **os.environ,
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{lender.server_port}",
        "HOME": str(tmp_path),
        "INTERROGATOR_CACHE": str(tmp_path / "tables"),
        "OMP_NUM_THREADS": "1",  # after a fork, threads that spin are slow on busy processors
    }
    return lambda: subprocess.run(
        [sys.executable, "-m", "tests.interrogator.on_zerogpu", str(CAT)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_a_lent_gpu_gives_the_same_words_and_the_apps_process_loads_nothing(on_space, lender, demo):
    done = on_space()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    from interrogator.images import decode

    picture = decode.read(CAT)
    for mode in ("fast", "best"):
        expected = demo.run(picture, Settings(mode)).to_json()
        for words in ("prompt", "caption", "tokens", "models", "vocabulary"):
            assert told[mode][words] == expected[words]
        assert told[mode]["similarity"] == pytest.approx(expected["similarity"], abs=1e-4)
    assert told["again"]["prompt"] == told["best"]["prompt"]
    assert "caption" not in told["again"]["seconds"], "what was seen did not reach the process"
    assert told["score"]["prompt"] == "a cat"
    assert "There is no CLIP 'nothing'" in told["refused"]
    assert told["main"] == {"loaded": False, "runtime": None}
    paths = [path for path, _ in lender.asked]
    assert paths.count("/schedule") == paths.count("/release") == 7
    assert paths.count("/allow") < 7, "every job forked a process of its own"
    seconds = [
        float(asked["durationSeconds"]) for path, asked in lender.asked if path == "/schedule"
    ]
    assert seconds[2] > seconds[0]  # best searches longer than fast


def test_a_refusal_of_the_space_is_told_in_its_words(on_space, lender):
    lender.refuses = True
    done = on_space()
    assert done.returncode == 1
    assert "InterrogatorError: This Space lends no GPU for it now: " in done.stderr
    assert "GPU limit" in done.stderr or "quota" in done.stderr


def test_elsewhere_work_is_left_as_it_is(monkeypatch):
    def work(job):
        yield job

    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert zerogpu.with_gpu(work, lambda job: 1) is work
    for value, lent in (("true", True), ("1", True), ("false", False), ("", False)):
        monkeypatch.setenv("SPACES_ZERO_GPU", value)
        assert zerogpu.on_zerogpu() is lent


def test_a_gpu_is_asked_for_by_mode_and_never_for_long():
    def seconds(**settings):
        return gpu_seconds(None, Request(None, Settings(**settings)), None)

    assert seconds(mode="fast") == seconds(mode="classic") == GPU_SECONDS
    assert seconds(mode="best") == seconds(mode="negative") > GPU_SECONDS
    assert seconds(mode="best", with_negative=True) > seconds(mode="best")
    assert seconds(mode="best", seconds=5) == GPU_SECONDS + 5
    assert seconds(mode="fast", seconds=80) == seconds(mode="fast")  # it searches nothing
    assert seconds(mode="best", seconds=9999) == GPU_MOST_SECONDS


def test_an_error_of_gradio_is_told_and_a_bug_stays_one():
    class QuotaError(Exception):
        message = "no GPU is free"

    for begun, says in ((False, "lends no GPU for it now"), (True, "took its GPU back")):
        told = zerogpu._in_a_sentence(QuotaError(), begun)
        assert isinstance(told, InterrogatorError)
        assert says in str(told)
    bug = ZeroDivisionError()
    assert zerogpu._in_a_sentence(bug, False) is bug
