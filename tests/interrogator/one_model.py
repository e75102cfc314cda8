"""One small repository on a hub on loopback, and how the tests of downloads fetch it.

Run as a process of its own, it fetches the repository and prints the progress, then the folder.
"""

from huggingface_hub import constants

from interrogator.hub import client, download
from interrogator.hub.client import Needed, Repository
from tests.interrogator.fake_hub import Trouble

WEIGHTS = "model.safetensors"
NAME = "org/model"
FILES = (Needed(("config.json",)), Needed((WEIGHTS,)))
REPOSITORY = Repository(NAME, FILES)
SIZE = 3_000_000  # bytes of the weights; a chunk is a million


def use(monkeypatch, endpoint, cache):
    """Point the hub's client, which read its settings when it was imported, elsewhere."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.delenv("HF_TOKEN", raising=False)


def fetch(name=NAME, files=FILES, report=lambda text, share: None):
    repository = Repository(name, files)
    return download.download(repository, client.survey([repository]), report)


def cut_then(trouble):
    """A download that is cut, and what its next attempt meets."""
    return Trouble(cut_after=1_200_000, times=1, then=trouble)


def weights(server):
    return (server.folder / NAME / WEIGHTS).read_bytes()


def partials(tmp_path):
    return list((tmp_path / "cache").rglob("*.incomplete"))


if __name__ == "__main__":
    print(fetch(report=lambda text, share: print(text, flush=True)))
