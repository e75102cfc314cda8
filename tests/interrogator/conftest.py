"""Fixtures of the interrogator's tests."""

from types import SimpleNamespace

import pytest

from interrogator.cli import main
from interrogator.hub import download
from interrogator.options import parse
from interrogator.request import request_of
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.one_model import NAME, SIZE, WEIGHTS, use


@pytest.fixture
def handlers(service):
    """What the buttons and endpoints do; where nobody chooses, the embedded models."""
    from interrogator.models.registry import PRESETS
    from interrogator.models.store import DefaultModels
    from interrogator.web.handlers import Handlers

    # Fresh: after a while the hub would be asked again.
    service.defaults = DefaultModels(PRESETS["demo"], "The hub is not there.")
    return Handlers(service)


@pytest.fixture
def prepare(service):
    """Prepares an interrogator with the embedded models and these options."""

    def prepare(**values):
        request = request_of(parse({"preset": "demo", **values}), service.defaults.preset, True)
        return service.prepare(request)[0]

    return prepare


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


@pytest.fixture
def command(capsys):
    """The command line without a process of its own: its status, and what it printed."""

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=out, stderr=err)

    return run
