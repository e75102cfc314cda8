"""Fixtures of the interrogator's tests."""

import pytest

from interrogator import download
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.one_model import NAME, SIZE, WEIGHTS, use


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub with one repository, an empty cache, and no pauses between attempts."""
    folder = tmp_path / "hub" / NAME
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / WEIGHTS).write_bytes(bytes(range(250)) * (SIZE // 250))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with FakeHub(tmp_path / "hub") as server:
        use(monkeypatch, server.url, tmp_path / "cache")
        yield server
