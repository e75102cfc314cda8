"""The whole app in a process of its own: hundreds of calls leave nothing in memory, log or disk."""

import asyncio
import json

import httpx
import pytest

from benchmarks.load import call, served

pytestmark = pytest.mark.slow
SECRET = "minkasecret"
WARM, CALLS = 150, 300
MOST_MB = 15  # before sessions were let go, each call took 0.3 MB: 90 MB


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """Its address, its process and its log, which is written as JSON."""
    log = tmp_path_factory.mktemp("log") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_FORMAT", "json")
        patch.setenv("TMPDIR", str(log.parent))
        patch.delenv("GRADIO_TEMP_DIR", raising=False)
        with served(log) as (url, process):
            yield url, process, log


def test_hundreds_of_calls_leave_memory_handles_threads_and_disk_as_they_were(app):
    url, process, log = app

    def level():
        (folder,) = log.parent.glob("uploads-*")
        files = sum(1 for path in folder.rglob("*") if path.is_file())
        memory = process.memory_info().rss / 1e6
        return memory, process.num_fds(), process.num_threads(), files

    asyncio.run(call(url, process, WARM))
    memory, handles, threads, files = level()
    asyncio.run(call(url, process, CALLS))
    after = level()
    assert after[0] < memory + MOST_MB
    assert after[1] <= handles + 10  # connections that are about to close
    assert after[2] <= threads + 2
    assert after[3] == files
    assert "app_sessions 0.0" in httpx.get(f"{url}/metrics").text


def test_the_log_is_lines_of_json_without_anybodys_content(app):
    url, _, log = app
    api = f"{url}/gradio_api"
    files = {"files": (f"{SECRET}.png", f"no picture, {SECRET}".encode())}
    path = httpx.post(f"{api}/upload", files=files).json()[0]
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for values in (
        {"picture": file, "preset": "demo"},
        {"picture": file, "preset": SECRET},
        {"picture": {"path": f"/{SECRET}.png"}, "caption": SECRET},
        {"picture": {"url": f"http://127.0.0.1/{SECRET}"}, "own_words": SECRET},
    ):
        joined = httpx.post(f"{api}/call/v2/interrogate", json=values)
        answer = httpx.get(f"{api}/call/interrogate/{joined.json()['event_id']}", timeout=60).text
        assert "event: error" in answer
    httpx.get(f"{url}/{SECRET}")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    ends = [line for line in lines if line["message"] == "a computation ended"]
    assert {"refused"} <= {line["outcome"] for line in ends} <= {"done", "refused"}
    assert SECRET not in log.read_text()
