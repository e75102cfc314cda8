"""What a download does on a disk that is full, damaged, or without links."""

import errno
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from interrogator.errors import InterrogatorError
from interrogator.hub import client, download
from interrogator.hub.client import Repository
from tests.interrogator.one_model import (
    FILES,
    NAME,
    SIZE,
    WEIGHTS,
    fetch,
    partials,
    weights,
)


def test_a_disk_without_room_is_told_before_the_first_byte(server, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=150_000_000))
    with pytest.raises(InterrogatorError, match=r"too full for org/model: 0\.0 GB.*0\.1 GB are"):
        fetch()
    assert server.got(WEIGHTS) == []


def test_what_is_stored_already_needs_no_room(server, monkeypatch):
    first = fetch()
    shutil.rmtree(first)  # another revision of the same weights comes to the same blobs
    usage = shutil.disk_usage(constants.HF_HUB_CACHE)._replace(free=download.SPARED)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    assert len(server.got(WEIGHTS)) == 1


def test_a_disk_that_runs_full_is_told_and_given_its_room_back(server, tmp_path, monkeypatch):
    real = download._stream

    def full(url, out, had, size, progress):
        if size == SIZE:
            out.write(b"x" * 1_000_000)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(url, out, had, size, progress)

    monkeypatch.setattr(download, "_stream", full)
    with pytest.raises(InterrogatorError, match=r"disk is full.*HF_HOME"):
        fetch()
    assert partials(tmp_path) == []
    monkeypatch.setattr(download, "_stream", real)
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_a_cache_that_cannot_be_written_is_told(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InterrogatorError, match="Point HF_HOME at a folder that can be written"):
        fetch()


def test_what_the_disk_damaged_is_removed_and_fetched_anew(server):
    folder = fetch()
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    assert download.remove_damaged(folder) == [WEIGHTS]
    assert download.remove_damaged(folder) == []
    assert client.cached_folder(Repository(NAME, FILES)) is None
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_what_has_no_usable_checksum_is_never_taken_for_damaged(server, monkeypatch):
    monkeypatch.setattr(server, "sha256", lambda path: "of-a-mirror-with-other-names")
    folder = fetch()
    assert download.remove_damaged(folder) == []
    assert (folder / WEIGHTS).read_bytes() == weights(server)


def test_a_checksum_that_is_a_path_stays_in_the_cache(server, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "sha256", lambda path: "../../../escaped")
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    assert not list(tmp_path.glob("**/escaped*"))


def no_links(*_):
    raise OSError(errno.EPERM, "Operation not permitted")


def test_where_there_are_no_links_a_file_is_copied_whole_or_not_at_all(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr(Path, "symlink_to", no_links)
    real = shutil.copyfile

    def cut(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:1000])
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(shutil, "copyfile", cut)
    with pytest.raises(InterrogatorError, match="cannot be stored"):
        fetch()
    assert list((tmp_path / "cache").glob("*/snapshots/*/*")) == []
    monkeypatch.setattr(shutil, "copyfile", real)
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", WEIGHTS]
    assert len(server.got(WEIGHTS)) == 1
