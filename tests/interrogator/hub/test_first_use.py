"""The real loading code against a hub on loopback: small weights under the real names."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from interrogator.hub import client
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.small_models import BORROWING, write_hub

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder)
    return folder


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "red.png"
    Image.new("RGB", (40, 30), "red").save(path)
    return path


def interrogate(tmp_path, endpoint, *arguments, **environment):
    """Run the command line in a new process with a hub and an empty cache of its own."""
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")},
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(tmp_path / "hf"),
        "INTERROGATOR_CACHE": str(tmp_path / "tables"),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.interrogator.through_hub", tmp_path / "shapes", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_quality_is_the_default_where_the_hub_has_it_then_where_its_cache_has_it(
    tmp_path, repositories, picture
):
    with FakeHub(repositories) as server:
        done = interrogate(tmp_path, server.url, str(picture), "--json")
        assert done.returncode == 0, done.stderr
        got = [path for method, path, _ in server.asked if method == "GET"]
    first = json.loads(done.stdout)
    assert first["models"] | {"device": "", "dtype": ""} == {
        "preset": "quality",
        "caption": "Salesforce/blip-image-captioning-large",
        "clip": "ViT-L-14/openai",
        "embedded": False,
        "device": "",
        "dtype": "",
    }
    assert any("vit_large_patch14_clip_224.openai" in path for path in got)
    assert any("blip-image-captioning-large/model.safetensors" in p for p in got)
    assert "Downloading Salesforce/blip-image-captioning-large" in done.stderr
    # The server is gone; what was downloaded is enough, and the answer is the same.
    again = interrogate(tmp_path, server.url, str(picture), "--json")
    assert again.returncode == 0, again.stderr
    assert "Downloading" not in again.stderr
    second = json.loads(again.stdout)
    for key in ("prompt", "caption", "models", "vocabulary", "tokens"):
        assert first[key] == second[key]
    assert first["similarity"] == pytest.approx(second["similarity"], abs=1e-4)


def test_without_hub_and_cache_the_demo_starts_and_says_why(tmp_path, picture):
    done = interrogate(tmp_path, "http://127.0.0.1:9", str(picture), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"]["embedded"] is True
    assert "Demo models are active" in done.stderr
    assert "The model hub cannot be reached" in done.stderr
    assert "choose the preset light or quality" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_named_preset_that_cannot_be_had_is_refused_and_not_replaced(tmp_path, picture):
    done = interrogate(tmp_path, "http://127.0.0.1:9", str(picture), "--preset", "light")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'light' are not on this machine" in done.stderr
    assert "choose the preset demo" in done.stderr


def test_the_offline_switch_is_honoured(tmp_path, repositories, picture):
    with FakeHub(repositories) as server:
        done = interrogate(
            tmp_path, server.url, str(picture), "--preset", "light", HF_HUB_OFFLINE="1"
        )
        assert server.asked == []
    assert done.returncode == 2
    assert "HF_HUB_OFFLINE forbids" in done.stderr


def test_a_hub_that_hangs_is_given_up_in_time(tmp_path, repositories, monkeypatch):
    needed = client.Repository("org/name", (client.Needed(("config.json",)),))
    monkeypatch.setattr(client.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with FakeHub(repositories, hanging=True) as server:
        monkeypatch.setattr(
            client,
            "hf_hub_url",
            lambda name, file, revision: f"{server.url}/{name}/resolve/{revision}/{file}",
        )
        start = time.monotonic()
        with pytest.raises(client.InterrogatorError, match=r"did not answer|cannot be reached"):
            client.survey([needed])
        assert time.monotonic() - start < client.ANSWER_SECONDS + 1
        assert server.asked, "the hub was never asked"


def test_an_unknown_repository_is_told_as_such(repositories, tmp_path, picture):
    with FakeHub(repositories) as server:
        done = interrogate(tmp_path, server.url, str(picture), "--caption-model", "nobody/nothing")
    assert done.returncode == 2
    assert "nobody/nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clip_that_borrows_its_tokenizer_needs_the_hub_once_and_a_revision_can_be_pinned(
    tmp_path, repositories, picture
):
    arguments = (
        str(picture), "--json", "--caption", "a red wall", "--clip", f"{BORROWING}@v1",
        "--caption-model", "Salesforce/blip-image-captioning-base@v1",
    )  # fmt: skip
    with FakeHub(repositories) as server:
        done = interrogate(tmp_path, server.url, *arguments)
        assert done.returncode == 0, done.stderr
        assert any("/roberta-base/resolve/" in path for _, path, _ in server.asked)
        pinned = [path for _, path, _ in server.asked if "laion" in path or "Salesforce" in path]
        assert pinned
        assert not any("/resolve/main/" in path for path in pinned)
    with FakeHub(repositories, hanging=True) as server:
        again = interrogate(tmp_path, server.url, *arguments)
        assert again.returncode == 0, again.stderr
        assert server.asked == []
    assert json.loads(again.stdout)["models"]["clip"] == f"{BORROWING}@v1"
