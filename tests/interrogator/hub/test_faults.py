"""Faults injected: a hub that is gone, disks that are full or without links, damaged caches."""

import errno
import mmap
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from interrogator.errors import InterrogatorError
from interrogator.hub import client, download
from tests.interrogator.fake_hub import FakeHub, Trouble
from tests.interrogator.one_model import (
    NAME,
    REPOSITORY,
    WEIGHTS,
    fetch,
    partials,
    use,
    weights,
)


def test_a_hub_gone_in_mid_download_is_reported_and_resumed_when_it_is_back(
    server, tmp_path, monkeypatch
):
    server.trouble[WEIGHTS] = Trouble(cut_after=1_200_000, vanishes=True)
    with pytest.raises(InterrogatorError, match=r"download of org/model broke off.*where it stop"):
        fetch()
    assert [path.stat().st_size for path in partials(tmp_path)] == [1_200_000]
    with pytest.raises(InterrogatorError, match="cannot be reached"):
        fetch()
    with FakeHub(server.folder) as back:
        use(monkeypatch, back.url, tmp_path / "cache")
        assert (fetch() / WEIGHTS).read_bytes() == weights(server)
        assert back.got(WEIGHTS) == ["bytes=1200000-"]


def test_a_disk_without_space_is_refused_before_the_first_byte(server, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=150_000_000))
    with pytest.raises(InterrogatorError, match=r"too full for org/model: 0\.0 GB.*0\.1 GB are"):
        fetch()
    assert server.got(WEIGHTS) == []


def test_what_is_stored_already_needs_no_space(server, monkeypatch):
    first = fetch()
    shutil.rmtree(first)  # another revision of the same weights comes to the same blobs
    usage = shutil.disk_usage(constants.HF_HUB_CACHE)._replace(free=download.SPARE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    assert len(server.got(WEIGHTS)) == 1


def test_a_disk_full_while_caching_is_reported_and_given_its_space_back(server, tmp_path):
    blobs = tmp_path / "cache" / "models--org--model" / "blobs"
    blobs.mkdir(parents=True)
    partial = blobs / f"{server.sha256(server.folder / NAME / WEIGHTS)}.incomplete"
    partial.symlink_to("/dev/full")  # every write there finds no space left on the device
    with pytest.raises(InterrogatorError, match=r"disk is full.*HF_HOME"):
        fetch()
    assert partials(tmp_path) == []
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_a_cache_that_cannot_be_written_is_reported(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InterrogatorError, match="Point HF_HOME at a folder that can be written"):
        fetch()


def change(path):
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")


def cut(path):
    with path.open("r+b") as file:
        file.truncate(1000)


def remove(path):
    path.resolve().unlink()


@pytest.mark.parametrize("damage", [change, cut, remove])
def test_a_cache_file_that_was_changed_cut_or_removed_is_fetched_anew(server, damage):
    folder = fetch()
    damage(folder / WEIGHTS)
    assert client.remove_damaged(folder) == [WEIGHTS]
    assert client.remove_damaged(folder) == []
    assert client.cached_folder(REPOSITORY) is None
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_a_reader_keeps_the_file_it_opened_while_the_cache_replaces_it(server):
    """Weights are mapped into memory: a file that is cut under its reader would end the process."""
    folder = fetch()
    change(folder / WEIGHTS)
    with (folder / WEIGHTS).open("rb") as file:
        reader = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    before = bytes(reader)
    assert client.remove_damaged(folder) == [WEIGHTS]
    fetch()
    assert bytes(reader) == before
    assert (folder / WEIGHTS).read_bytes() == weights(server) != before
    reader.close()


def test_a_reader_sees_all_of_a_file_or_none(server, tmp_path):
    seen = []

    def look(text, share):
        seen.append(client.cached_folder(REPOSITORY))
        for path in (tmp_path / "cache").glob("*/snapshots/*/" + WEIGHTS):
            assert path.read_bytes() == weights(server)

    server.trouble[WEIGHTS] = Trouble(cut_after=1_200_000, times=2)
    folder = fetch(report=look)
    assert len(seen) > 3
    assert set(seen) == {None}
    assert client.cached_folder(REPOSITORY) == folder


def test_what_has_no_usable_checksum_is_never_taken_for_damaged(server, monkeypatch):
    monkeypatch.setattr(server, "sha256", lambda path: "of-a-mirror-with-other-names")
    folder = fetch()
    assert client.remove_damaged(folder) == []
    assert (folder / WEIGHTS).read_bytes() == weights(server)


def no_links(*_):
    raise OSError(errno.EPERM, "Operation not permitted")


def test_where_there_are_no_links_a_file_is_copied_whole_or_not_at_all(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr(Path, "symlink_to", no_links)
    real = shutil.copyfile

    def interrupted(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:1000])
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(shutil, "copyfile", interrupted)
    with pytest.raises(InterrogatorError, match="cannot be stored"):
        fetch()
    assert list((tmp_path / "cache").glob("*/snapshots/*/*")) == []
    monkeypatch.setattr(shutil, "copyfile", real)
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", WEIGHTS]
    assert len(server.got(WEIGHTS)) == 1
