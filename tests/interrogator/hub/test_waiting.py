"""One download for all who want it: threads of one program, and processes of one machine."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from interrogator.errors import InterrogatorError
from interrogator.hub import client, download
from interrogator.hub.client import Needed, Repository
from tests.interrogator.fake_hub import Trouble
from tests.interrogator.one_model import NAME, REPOSITORY, WEIGHTS

ROOT = Path(__file__).parents[3]
WAITING = "Another program downloads org/model: waiting for it"


def test_two_threads_share_one_download(server, monkeypatch):
    hold, real = threading.Event(), download.download
    found = client.survey([REPOSITORY])

    def held(*arguments):
        hold.wait(20)
        return real(*arguments)

    monkeypatch.setattr(download, "download", held)
    transfers, news, folders = download.Transfers(), ([], []), []

    def wait(heard):
        folders.append(transfers.fetch([REPOSITORY], found, lambda text, share: heard(text)))

    threads = [threading.Thread(target=wait, args=(heard.append,)) for heard in news]
    for thread in threads:
        thread.start()
    hold.set()
    for thread in threads:
        thread.join(20)
    assert len(server.got(WEIGHTS)) == 1
    assert folders == [{NAME: client.cached_folder(REPOSITORY)}] * 2
    assert [heard[-1] for heard in news] == ["Downloading org/model: 3 of 3 MB"] * 2


def test_a_failed_download_does_not_prevent_the_next(server):
    transfers, found = download.Transfers(), client.survey([REPOSITORY])
    server.trouble[WEIGHTS] = Trouble(status=404, times=2)
    for _ in range(2):
        with pytest.raises(InterrogatorError, match="does not give out"):
            transfers.fetch([REPOSITORY], found, lambda text, share: None)
    assert transfers.fetch([REPOSITORY], found, lambda text, share: None)[NAME].is_dir()


def test_who_waits_no_longer_leaves_a_download_that_goes_on(server, monkeypatch):
    hold, real = threading.Event(), download.download

    def held(repository, files, report):
        report("Downloading org/model: 1 of 3 MB", 0.3)
        hold.wait(20)
        return real(repository, files, report)

    monkeypatch.setattr(download, "download", held)
    transfers, found = download.Transfers(), client.survey([REPOSITORY])
    with pytest.raises(InterrogatorError, match=r"1 of 3 MB.*goes on without you"):
        transfers.fetch([REPOSITORY], found, lambda text, share: None, end=time.monotonic())
    hold.set()
    end = time.monotonic() + 600
    assert transfers.fetch([REPOSITORY], found, lambda text, share: None, end)[NAME].is_dir()
    assert len(server.got(WEIGHTS)) == 1


def test_a_file_that_the_hubs_own_client_downloads_is_waited_for(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "POLL_SECONDS", 0.01)
    repository = Repository(NAME, (Needed((WEIGHTS,)),))
    found = client.survey([repository])
    locks = tmp_path / "cache" / ".locks" / "models--org--model"
    locks.mkdir(parents=True)
    news, waits = [], threading.Event()

    def hear(text, share):
        news.append(text)
        waits.set()

    with FileLock(locks / f"{found[0].checksum}.lock"):  # as the hub's client names it
        worker = threading.Thread(target=download.download, args=(repository, found, hear))
        worker.start()
        assert waits.wait(20)
    worker.join(20)
    assert news[0] == WAITING
    assert client.cached_folder(repository) is not None


@pytest.mark.slow
def test_two_processes_download_one_file_once(server, tmp_path):
    server.trouble[WEIGHTS] = Trouble(slow_after=2_000_000)
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    environment |= {"HF_ENDPOINT": server.url, "HF_HUB_CACHE": str(tmp_path / "cache")}

    def start():
        return subprocess.Popen(
            [sys.executable, "-m", "tests.interrogator.one_model"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    with start() as first:
        assert any("2 of 3 MB" in line for line in first.stdout), "the first one downloads"
        with start() as second:
            assert any(WAITING in line for line in second.stdout), "the second one waits"
            server.released.set()
            folders = [process.stdout.read().splitlines()[-1] for process in (first, second)]
    assert folders == [str(client.cached_folder(REPOSITORY))] * 2
    assert server.got(WEIGHTS) == [None]
