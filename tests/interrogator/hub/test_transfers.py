"""Downloads that several ask for, in one program or in two."""

import threading
import time

import pytest

from interrogator.errors import InterrogatorError
from interrogator.hub import client, download, transfers
from interrogator.hub.cache import Store
from interrogator.hub.client import Needed, Repository
from tests.interrogator.fake_hub import Trouble
from tests.interrogator.one_model import (
    FILES,
    NAME,
    WEIGHTS,
)


def test_two_who_ask_for_the_same_share_one_download(server, monkeypatch):
    repository, hold = Repository(NAME, FILES), threading.Event()
    found, real = client.survey([repository]), download.download

    def held(*arguments):
        hold.wait(20)
        return real(*arguments)

    monkeypatch.setattr(transfers, "download", held)
    shared, told, folders = transfers.Transfers(), ([], []), []

    def ask(heard):
        folders.append(shared.fetch([repository], found, lambda text, share: heard(text)))

    askers = [threading.Thread(target=ask, args=(heard.append,)) for heard in told]
    for asker in askers:
        asker.start()
    hold.set()
    for asker in askers:
        asker.join(20)
    assert len(server.got(WEIGHTS)) == 1
    assert folders == [{NAME: client.cached_folder(repository)}] * 2
    assert [heard[-1] for heard in told] == ["Downloading org/model: 3 of 3 MB"] * 2


def test_a_failed_download_is_told_to_all_and_does_not_stand_in_the_way(server):
    repository, shared = Repository(NAME, FILES), transfers.Transfers()
    found = client.survey([repository])
    server.trouble[WEIGHTS] = Trouble(status=404)
    for _ in range(2):
        with pytest.raises(InterrogatorError, match="does not give out"):
            shared.fetch([repository], found, lambda text, share: None)
    server.trouble.clear()
    assert shared.fetch([repository], found, lambda text, share: None)[NAME].is_dir()


def test_who_has_no_patience_leaves_a_download_that_goes_on(server, monkeypatch):
    repository, hold, real = Repository(NAME, FILES), threading.Event(), download.download

    def held(repository, files, report):
        report("Downloading org/model: 1 of 3 MB", 0.3)
        hold.wait(20)
        return real(repository, files, report)

    monkeypatch.setattr(transfers, "download", held)
    shared, found = transfers.Transfers(), client.survey([repository])
    with pytest.raises(InterrogatorError, match=r"1 of 3 MB.*goes on without you"):
        shared.fetch([repository], found, lambda text, share: None, end=time.monotonic())
    hold.set()
    assert shared.fetch([repository], found, lambda text, share: None)[NAME].is_dir()
    assert len(server.got(WEIGHTS)) == 1


def test_another_process_that_downloads_is_waited_for(server, tmp_path):
    repository = Repository(NAME, (Needed((WEIGHTS,)),))
    found = client.survey([repository])
    lock = Store.of(repository).lock(found[0])
    told, waits = [], threading.Event()

    def hear(text, share):
        told.append(text)
        waits.set()

    with lock:
        worker = threading.Thread(target=lambda: download.download(repository, found, hear))
        worker.start()
        assert waits.wait(20)
    worker.join(20)
    assert told[0] == "Another program downloads org/model: waiting for it"
    assert client.cached_folder(repository) is not None
