"""Downloads from a hub on loopback that cuts, lies, hangs and refuses."""

import errno
import shutil
import threading
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, try_to_load_from_cache

from interrogator import download, hub, transfers
from interrogator.errors import InterrogatorError
from interrogator.hub import Needed, Repository
from interrogator.hub_cache import Store
from tests.interrogator.fake_hub import COMMIT, TOKEN, FakeHub, Trouble

WEIGHTS = "model.safetensors"
NAME = "org/model"
FILES = (Needed(("config.json",)), Needed((WEIGHTS,)))
SIZE = 3_000_000  # bytes of the weights; a chunk is a million


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
    return download.download(repository, hub.survey([repository]), report)


def cut_then(trouble):
    """A download that is cut, and what its next attempt meets."""
    return Trouble(cut_after=1_200_000, times=1, then=trouble)


def weights(server):
    return (server.folder / NAME / WEIGHTS).read_bytes()


def partials(tmp_path):
    return list((tmp_path / "cache").rglob("*.incomplete"))


def test_a_download_shows_its_size_and_fills_the_hubs_own_cache(server, tmp_path):
    told = []
    folder = fetch(report=lambda text, share: told.append((text, share)))
    assert told[-1] == ("Downloading org/model: 3 of 3 MB", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert len(told) >= 3
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    # The hub's own client finds it, by the revision and by the commit.
    for revision in ("main", COMMIT):
        assert try_to_load_from_cache(
            NAME, WEIGHTS, cache_dir=constants.HF_HUB_CACHE, revision=revision
        ) == str(folder / WEIGHTS)
    report = huggingface_hub.scan_cache_dir(constants.HF_HUB_CACHE)
    assert [(repo.repo_id, repo.size_on_disk) for repo in report.repos] == [(NAME, SIZE + 2)]
    assert partials(tmp_path) == []


def test_what_is_cached_is_not_asked_for_again(server):
    folder = fetch()
    server.asked.clear()
    assert hub.cached_folder(Repository(NAME, FILES)) == folder
    assert server.asked == []
    assert fetch() == folder
    assert {method for method, _, _ in server.asked} == {"HEAD"}


def test_a_download_that_is_cut_goes_on_within_one_call(server):
    server.trouble[WEIGHTS] = Trouble(cut_after=1_200_000, times=2)
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    assert server.got(WEIGHTS) == [None, "bytes=1200000-", "bytes=2400000-"]


def test_a_download_that_was_given_up_goes_on_at_the_next_call(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.trouble[WEIGHTS] = Trouble(cut_after=1_200_000, times=1)
    with pytest.raises(InterrogatorError, match="it goes on where it stopped"):
        fetch()
    assert [path.stat().st_size for path in partials(tmp_path)] == [1_200_000]
    assert hub.cached_folder(Repository(NAME, FILES)) is None
    folder = fetch()
    assert server.got(WEIGHTS) == [None, "bytes=1200000-"]
    assert (folder / WEIGHTS).read_bytes() == weights(server)


def test_a_hub_that_knows_no_ranges_sends_all_again(server):
    server.trouble[WEIGHTS] = Trouble(cut_after=1_200_000, deaf=True, times=2)
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_arrived_outlasts_a_hub_in_trouble(server, status):
    server.trouble[WEIGHTS] = cut_then(Trouble(status=status, times=2))
    folder = fetch()
    assert server.got(WEIGHTS) == [None, *["bytes=1200000-"] * 3]
    assert (folder / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("status", [401, 403])
def test_what_arrived_outlasts_a_refusal(server, tmp_path, status):
    server.trouble[WEIGHTS] = cut_then(Trouble(status=status, times=1))
    with pytest.raises(InterrogatorError, match="does not give out org/model"):
        fetch()
    assert [path.stat().st_size for path in partials(tmp_path)] == [1_200_000]
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    assert server.got(WEIGHTS) == [None, "bytes=1200000-", "bytes=1200000-"]


@pytest.mark.parametrize("trouble", [Trouble(status=416, times=1), Trouble(astray=True, times=1)])
def test_a_hub_that_cannot_go_on_is_asked_for_all(server, trouble):
    server.trouble[WEIGHTS] = cut_then(Trouble(**vars(trouble)))
    folder = fetch()
    assert server.got(WEIGHTS) == [None, "bytes=1200000-", None]
    assert (folder / WEIGHTS).read_bytes() == weights(server)


def test_a_hub_that_always_cuts_and_never_goes_on_is_given_up(server):
    trouble = None
    for _ in range(3 * download.ATTEMPTS):
        trouble = cut_then(Trouble(status=416, times=1, then=trouble))
    server.trouble[WEIGHTS] = trouble
    with pytest.raises(InterrogatorError, match="broke off"):
        fetch()


def test_a_silent_hub_is_given_up_and_asked_again(server, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.2)
    server.trouble[WEIGHTS] = Trouble(silent=True, times=1)
    folder = fetch()
    assert len(server.got(WEIGHTS)) == 2
    assert (folder / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (Trouble(altered=True, times=1), "arrived damaged"),
        (Trouble(longer=True, times=1), "arrived damaged"),
    ],
    ids=["checksum", "size"],
)
@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_file_that_is_not_what_was_announced_is_thrown_away(
    server, tmp_path, trouble, says, name
):
    server.trouble[name] = Trouble(**vars(trouble))
    with pytest.raises(InterrogatorError, match=says):
        fetch()
    assert partials(tmp_path) == []
    assert hub.cached_folder(Repository(NAME, FILES)) is None
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_a_partial_file_of_something_else_does_not_last(server, tmp_path):
    blobs = tmp_path / "cache" / "models--org--model" / "blobs"
    blobs.mkdir(parents=True)
    name = server.sha256(server.folder / NAME / WEIGHTS)
    (blobs / f"{name}.incomplete").write_bytes(b"x" * 1_000_000)
    with pytest.raises(InterrogatorError, match="arrived damaged"):
        fetch()
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_in_trouble_is_asked_again_and_then_told_by_its_status(server, status):
    server.trouble[WEIGHTS] = Trouble(status=status)
    with pytest.raises(InterrogatorError, match=rf"broke off \(the hub answered {status}\)"):
        fetch()
    assert len(server.got(WEIGHTS)) == download.ATTEMPTS
    server.trouble.clear()
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_asked_again(server, status):
    server.trouble[WEIGHTS] = Trouble(status=status)
    with pytest.raises(InterrogatorError, match="does not give out org/model"):
        fetch()
    assert len(server.got(WEIGHTS)) == 1


@pytest.mark.parametrize(
    ("name", "files", "says"),
    [
        ("nobody/nothing", FILES, "does not give out nobody/nothing"),
        (NAME, (Needed(("other.safetensors", "other.bin")),), "no other.safetensors or other.bin"),
        (f"{NAME}@v9", FILES, "no such revision of org/model@v9"),
    ],
)
def test_what_the_hub_does_not_have_is_told(server, name, files, says):
    with pytest.raises(InterrogatorError, match=says):
        fetch(name, files)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_survey_tells_what_the_hub_answers(server, status):
    server.status = status
    says = "does not give out" if status < 500 else f"answered {status}"
    with pytest.raises(InterrogatorError, match=says):
        hub.survey([Repository(NAME, FILES)])


def test_a_revision_can_be_pinned(server):
    folder = fetch(f"{NAME}@v1")
    assert folder == hub.cached_folder(Repository(f"{NAME}@v1", FILES))
    assert folder == hub.cached_folder(Repository(f"{NAME}@{COMMIT}", FILES))
    assert hub.cached_folder(Repository(NAME, FILES)) is None  # main was never asked for
    surveyed = [path for method, path, _ in server.asked if method == "HEAD"]
    assert surveyed
    assert all("/resolve/v1/" in path for path in surveyed)


def test_a_token_opens_a_gated_repository_and_goes_to_no_other_host(server, monkeypatch):
    server.gated.add(NAME)
    with pytest.raises(InterrogatorError, match="accepted its terms"):
        fetch()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    told = {
        path.split("/")[1]: headers.get("authorization")
        for method, path, headers in server.asked if method == "GET"
    }  # fmt: skip
    assert told == {"org": f"Bearer {TOKEN}", "elsewhere": None}


def test_a_disk_without_room_is_told_before_the_first_byte(server, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=150_000_000))
    with pytest.raises(InterrogatorError, match=r"too full for org/model: 0\.0 GB.*0\.1 GB are"):
        fetch()
    assert server.got(WEIGHTS) == []


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
    assert hub.cached_folder(Repository(NAME, FILES)) is None
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_a_checksum_that_is_a_path_stays_in_the_cache(server, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "sha256", lambda path: "../../../escaped")
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    assert not list(tmp_path.glob("**/escaped*"))


def test_what_a_pinned_model_can_do_without_comes_before_what_it_cannot(server):
    (server.folder / NAME / "tokenizer.json").write_text("{ }")
    files = (*FILES, Needed(("tokenizer.json",), required=False))
    server.trouble["tokenizer.json"] = Trouble(status=404, times=1)
    with pytest.raises(InterrogatorError, match="does not give out"):
        fetch(f"{NAME}@{COMMIT}", files)
    # Once all that is required is here, nobody would ask for the rest.
    assert hub.cached_folder(Repository(f"{NAME}@{COMMIT}", files)) is None
    assert (fetch(f"{NAME}@{COMMIT}", files) / "tokenizer.json").exists()


def test_what_is_stored_already_needs_no_room(server, monkeypatch):
    first = fetch()
    shutil.rmtree(first)  # another revision of the same weights comes to the same blobs
    usage = shutil.disk_usage(constants.HF_HUB_CACHE)._replace(free=download.SPARED)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    assert len(server.got(WEIGHTS)) == 1


def test_what_has_no_usable_checksum_is_never_taken_for_damaged(server, monkeypatch):
    monkeypatch.setattr(server, "sha256", lambda path: "of-a-mirror-with-other-names")
    folder = fetch()
    assert download.remove_damaged(folder) == []
    assert (folder / WEIGHTS).read_bytes() == weights(server)


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


def test_two_who_ask_for_the_same_share_one_download(server, monkeypatch):
    repository, hold = Repository(NAME, FILES), threading.Event()
    found, real = hub.survey([repository]), download.download

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
    assert folders == [{NAME: hub.cached_folder(repository)}] * 2
    assert [heard[-1] for heard in told] == ["Downloading org/model: 3 of 3 MB"] * 2


def test_a_failed_download_is_told_to_all_and_does_not_stand_in_the_way(server):
    repository, shared = Repository(NAME, FILES), transfers.Transfers()
    found = hub.survey([repository])
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
    shared, found = transfers.Transfers(), hub.survey([repository])
    with pytest.raises(InterrogatorError, match=r"1 of 3 MB.*goes on without you"):
        shared.fetch([repository], found, lambda text, share: None, patience=0.0)
    hold.set()
    assert shared.fetch([repository], found, lambda text, share: None)[NAME].is_dir()
    assert len(server.got(WEIGHTS)) == 1


def test_another_process_that_downloads_is_waited_for(server, tmp_path):
    repository = Repository(NAME, (Needed((WEIGHTS,)),))
    found = hub.survey([repository])
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
    assert hub.cached_folder(repository) is not None
