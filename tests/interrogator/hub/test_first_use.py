"""The command line against a hub on loopback: small weights under the real names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from interrogator.networks.libraries import open_clip
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.one_model import use
from tests.interrogator.small_models import (
    BORROWING,
    shape_borrowing,
    shrink_clips,
    write_hub,
)

ROOT = Path(__file__).parents[3]
QUALITY = {
    "preset": "quality",
    "caption": "Salesforce/blip-image-captioning-large",
    "clip": "ViT-L-14/openai",
    "embedded": False,
    "device": "cpu",
    "dtype": "float32",
}


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder)
    return folder


@pytest.fixture
def hub(repositories, tmp_path, monkeypatch):
    """A hub with the repositories of the presets, an empty cache, and CLIPs made small."""
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    paths = list(open_clip.factory._MODEL_CONFIG_PATHS)
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", paths)
    shrink_clips(tmp_path / "shapes")
    shape_borrowing(tmp_path / "shapes")
    with FakeHub(repositories) as server:
        use(monkeypatch, server.url, tmp_path / "cache")
        yield server


@pytest.fixture
def inputs(tmp_path):
    """A picture and a short list of words, with numbers that are the same on every machine."""
    Image.new("RGB", (40, 30), "red").save(tmp_path / "red.png")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "mine.txt").write_text("dots\nstripes\nink drawing\nfog\n")
    return [
        str(tmp_path / "red.png"), "--vocabulary", str(tmp_path / "words"), "--dtype", "float32",
        "--json",
    ]  # fmt: skip


def test_quality_is_the_default_from_the_hub_and_later_from_its_cache(hub, command, inputs):
    first = command(*inputs)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["models"] == QUALITY
    got = [path for method, path, _ in hub.asked if method == "GET"]
    assert any("vit_large_patch14_clip_224.openai" in path for path in got)
    assert any("blip-image-captioning-large/model.safetensors" in path for path in got)
    assert "Downloading Salesforce/blip-image-captioning-large" in first.stderr
    hub.vanish()
    again = command(*inputs)
    assert again.returncode == 0, again.stderr
    assert "Downloading" not in again.stderr
    first, second = json.loads(first.stdout), json.loads(again.stdout)
    for key in ("prompt", "caption", "models", "vocabulary", "tokens"):
        assert first[key] == second[key]
    assert first["similarity"] == pytest.approx(second["similarity"], abs=1e-4)


def test_without_hub_and_cache_the_demo_starts_and_says_why(hub, command, inputs):
    hub.vanish()
    done = command(*inputs)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"]["embedded"] is True
    assert "Demo models are active" in done.stderr
    assert "The model hub cannot be reached" in done.stderr
    assert "choose the preset light or quality" in done.stderr


def test_a_named_preset_that_cannot_be_had_is_refused_and_not_replaced(hub, command, inputs):
    hub.vanish()
    done = command(*inputs, "--preset", "light")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'light' are not on this machine" in done.stderr
    assert "choose the preset demo" in done.stderr


def test_an_unknown_repository_is_refused_by_name(hub, command, inputs):
    done = command(*inputs, "--caption-model", "nobody/nothing", "--clip", "ViT-B-32/openai")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody/nothing" in done.stderr


def test_the_offline_switch_is_honoured(hub, command, inputs, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = command(*inputs, "--preset", "light")
    assert done.returncode == 2
    assert "HF_HUB_OFFLINE forbids" in done.stderr
    assert hub.asked == []


def test_a_clip_that_borrows_its_tokenizer_needs_the_hub_once_and_a_revision_can_be_pinned(
    hub, command, inputs
):
    arguments = (
        *inputs, "--caption", "a red wall", "--clip", f"{BORROWING}@v1",
        "--caption-model", "Salesforce/blip-image-captioning-base@v1",
    )  # fmt: skip
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert any("/roberta-base/resolve/" in path for _, path, _ in hub.asked)
    pinned = [path for _, path, _ in hub.asked if "laion" in path or "Salesforce" in path]
    assert pinned
    assert not any("/resolve/main/" in path for path in pinned)
    hub.asked.clear()
    hub.hanging = True
    again = command(*arguments)
    assert again.returncode == 0, again.stderr
    assert hub.asked == []
    assert json.loads(again.stdout)["models"]["clip"] == f"{BORROWING}@v1"


@pytest.mark.slow
def test_a_new_process_takes_hub_and_cache_from_its_environment(hub, tmp_path, inputs):
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    arguments = [tmp_path / "small", inputs[0], "--dtype", "float32", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.interrogator.through_hub", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"] == QUALITY
    assert "Downloading Salesforce/blip-image-captioning-large" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "hf" / "hub").glob("*/snapshots/*/model.safetensors"))
