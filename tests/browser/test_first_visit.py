"""The first visitor of an app whose hub can be reached: the real names, downloaded and used."""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from docs.generate import ROOT
from interrogator.models.registry import ASSETS
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.small_models import write_hub

pytestmark = pytest.mark.slow
CAT = ASSETS / "examples" / "cat-pop-art.jpg"


@pytest.fixture
def hub(tmp_path):
    write_hub(tmp_path / "hub")
    with FakeHub(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def url(hub, tmp_path):
    """The app in a process of its own, with an empty cache and this hub."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")},
        "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "PORT": str(port),
        "INTERROGATOR_CACHE": str(tmp_path / "tables"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "tests.interrogator.through_hub", tmp_path / "shapes", "--serve",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("w") as log:
        served = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                assert served.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, "nothing is served"
                time.sleep(0.2)
        yield url
    finally:
        served.terminate()
        served.wait(30)


def test_quality_is_downloaded_shown_and_named(chromium, hub, url):
    page = chromium.new_page()
    page.goto(url)
    page.wait_for_selector("#active-models :text('Salesforce/blip-image-captioning-large')")
    assert "Demo models" not in page.inner_text("#active-models")
    assert not hub.got("model.safetensors"), "something is downloaded before it is needed"
    page.evaluate(
        """() => { window.lines = new Set(); new MutationObserver(
            () => window.lines.add(document.querySelector("#status").innerText)
        ).observe(document.body, {subtree: true, childList: true, characterData: true}) }"""
    )
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector("#status .status.done", timeout=120_000)
    assert any("Downloading" in line for line in page.evaluate("[...window.lines]"))
    assert page.input_value("#prompt textarea")
    for name in ("Salesforce/blip-image-captioning-large", "ViT-L-14/openai"):
        assert page.locator(f"[data-fold=models] :text('{name}')").count()
    assert hub.got("model.safetensors")
    page.close()
