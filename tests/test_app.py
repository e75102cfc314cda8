"""The whole app under too many requests, or the disk is full."""

import errno
import threading
import time
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.utils import QueueError

import app
from interrogator.models.registry import ASSETS
from interrogator.pipeline import Interrogator
from interrogator.prompts import table
from interrogator.serving.service import Service
from matmul_demo.racing.race import Race

CAT = ASSETS / "examples" / "cat-pop-art.jpg"


@pytest.fixture
def crowded(own_cache, monkeypatch):
    """The app with places for two who wait, and a computation that lasts as long as it is held."""
    hold, began = threading.Event(), threading.Event()
    real = Service.interrogate

    def interrogate(self, *arguments):
        began.set()
        hold.wait(60)
        yield from real(self, *arguments)

    monkeypatch.setattr(Service, "interrogate", interrogate)
    monkeypatch.setattr(app, "MAX_WAITING", 2)
    blocks = app.build()
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, **{**app.launch_settings(blocks), "quiet": True}
    )
    yield url, hold, began
    hold.set()
    blocks.close()


def test_a_request_beyond_the_queue_is_refused_and_the_others_are_served(crowded):
    url, hold, began = crowded
    client = Client(url, verbose=False)

    def ask():
        return client.submit(handle_file(CAT), mode="fast", preset="demo", api_name="/interrogate")

    first = ask()
    assert began.wait(60)
    waiting = [ask(), ask()]
    while httpx.get(f"{url}healthz").json()["queue"]["waiting"] < 2:
        time.sleep(0.01)  # until the server has both in its queue
    with pytest.raises(QueueError, match="Queue is full"):
        ask().result(60)
    hold.set()
    assert all("cat" in job.result(60)["caption"] for job in (first, *waiting))


@pytest.mark.slow
def test_a_race_and_an_interrogation_never_overlap(app_url, monkeypatch):
    """All at once; from intervals that were noted where each of them computes."""
    intervals = []

    def noted(kind, real):
        def run(*arguments):
            start = time.monotonic()
            try:
                yield from real(*arguments)
            finally:
                intervals.append((start, time.monotonic(), kind))

        return run

    monkeypatch.setattr(Race, "run", noted("race", Race.run))
    monkeypatch.setattr(Interrogator, "steps", noted("prompt", Interrogator.steps))
    client = Client(app_url, verbose=False)

    def prompt():
        return client.submit(handle_file(CAT), preset="demo", api_name="/interrogate")

    def race():
        return client.submit(
            shape="16x16x16", lanes=["matmul_numpy"], budget=1, threads=1, api_name="/race"
        )

    jobs = [prompt(), race(), prompt(), prompt(), race(), prompt()]
    assert all(job.result(240) for job in jobs)
    intervals.sort()
    assert sorted(kind for *_, kind in intervals) == ["prompt"] * 4 + ["race"] * 2
    assert all(end <= start for (_, end, _), (start, *_) in pairwise(intervals))


def test_an_upload_to_a_full_disk_is_refused_with_a_sentence(app_url, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gradio.route_utils.NamedTemporaryFile", full)
        answer = httpx.post(f"{app_url}/gradio_api/upload", files={"files": b"a picture"})
    assert (answer.status_code, answer.text.split(".")[0]) == (
        507,
        "The disk of this server is full",
    )
    answer = httpx.post(f"{app_url}/gradio_api/upload", files={"files": b"a picture"})
    assert answer.status_code == 200


def test_a_full_disk_costs_no_prompt(demo, monkeypatch, tmp_path, caplog):
    def full(tensors, path):
        Path(path).write_bytes(b"some of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(table, "save_file", full)
    stored = table.table_for(demo.table.vocabulary, demo.models.clip, folder=tmp_path)
    assert len(stored.matrix) == len(demo.table.vocabulary.phrases)
    assert "could not be kept" in caplog.text
    assert list(tmp_path.iterdir()) == []
