"""Downloads from a hub on loopback that cuts, lies, is slow and refuses."""

import threading

import huggingface_hub
import pytest
from huggingface_hub import constants, try_to_load_from_cache

from interrogator.errors import InterrogatorError
from interrogator.hub import client, download
from tests.interrogator.fake_hub import COMMIT, Trouble
from tests.interrogator.one_model import (
    NAME,
    REPOSITORY,
    SIZE,
    WEIGHTS,
    cut_then,
    fetch,
    partials,
    weights,
)


def test_a_download_shows_its_size_and_fills_the_hubs_own_cache(server, tmp_path):
    news = []
    folder = fetch(report=lambda text, share: news.append((text, share)))
    assert news[-1] == ("Downloading org/model: 3 of 3 MB", 1.0)
    assert [share for _, share in news] == sorted(share for _, share in news)
    assert len(news) >= 3
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    # The hub's own client finds it, by the revision and by the commit.
    for revision in ("main", COMMIT):
        assert try_to_load_from_cache(
            NAME, WEIGHTS, cache_dir=constants.HF_HUB_CACHE, revision=revision
        ) == str(folder / WEIGHTS)
    report = huggingface_hub.scan_cache_dir(constants.HF_HUB_CACHE)
    assert [(repo.repo_id, repo.size_on_disk) for repo in report.repos] == [(NAME, SIZE + 2)]
    assert partials(tmp_path) == []


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
    assert client.cached_folder(REPOSITORY) is None
    folder = fetch()
    assert server.got(WEIGHTS) == [None, "bytes=1200000-"]
    assert (folder / WEIGHTS).read_bytes() == weights(server)


def test_a_complete_partial_file_is_checked_and_not_fetched(server, tmp_path):
    blobs = tmp_path / "cache" / "models--org--model" / "blobs"
    blobs.mkdir(parents=True)
    name = server.sha256(server.folder / NAME / WEIGHTS)
    (blobs / f"{name}.incomplete").write_bytes(weights(server))
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    assert server.got(WEIGHTS) == []


def test_a_hub_that_ignores_ranges_sends_all_again(server):
    server.trouble[WEIGHTS] = Trouble(cut_after=1_200_000, ignores_range=True, times=2)
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_in_trouble_is_tried_again_and_what_arrived_is_kept(server, status):
    server.trouble[WEIGHTS] = cut_then(Trouble(status=status, times=2))
    folder = fetch()
    assert server.got(WEIGHTS) == [None, *["bytes=1200000-"] * 3]
    assert (folder / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_tried_again_and_what_arrived_is_kept(server, tmp_path, status):
    server.trouble[WEIGHTS] = cut_then(Trouble(status=status, times=1))
    with pytest.raises(InterrogatorError, match="does not give out org/model"):
        fetch()
    assert [path.stat().st_size for path in partials(tmp_path)] == [1_200_000]
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    assert server.got(WEIGHTS) == [None, "bytes=1200000-", "bytes=1200000-"]


@pytest.mark.parametrize(
    "trouble", [Trouble(status=416, times=1), Trouble(wrong_range=True, times=1)]
)
def test_a_hub_that_cannot_resume_is_asked_for_all(server, trouble):
    server.trouble[WEIGHTS] = cut_then(Trouble(**vars(trouble)))
    folder = fetch()
    assert server.got(WEIGHTS) == [None, "bytes=1200000-", None]
    assert (folder / WEIGHTS).read_bytes() == weights(server)


def test_a_hub_that_always_cuts_and_never_resumes_is_given_up(server):
    trouble = None
    for _ in range(3 * download.ATTEMPTS):
        trouble = cut_then(Trouble(status=416, times=1, then=trouble))
    server.trouble[WEIGHTS] = trouble
    with pytest.raises(InterrogatorError, match="broke off"):
        fetch()
    assert len(server.got(WEIGHTS)) <= 2 * download.ATTEMPTS


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_that_stays_in_trouble_is_given_up_with_its_status(server, status):
    server.trouble[WEIGHTS] = Trouble(status=status)
    with pytest.raises(InterrogatorError, match=rf"broke off \(the hub answered {status}\)"):
        fetch()
    assert len(server.got(WEIGHTS)) == download.ATTEMPTS


def test_a_slow_hub_is_waited_for_and_shown(server):
    server.trouble[WEIGHTS] = Trouble(slow_after=2_000_000)
    shares, halfway = [], threading.Event()

    def hear(text, share):
        shares.append(share)
        if share and 0.5 < share < 1:
            halfway.set()

    fetching = threading.Thread(target=fetch, kwargs={"report": hear})
    fetching.start()
    assert halfway.wait(20), "what has come is shown while the rest is missing"
    server.released.set()
    fetching.join(20)
    assert shares[-1] == 1.0


def test_a_silent_hub_is_given_up_and_tried_again(server, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.2)
    server.trouble[WEIGHTS] = Trouble(silent=True, times=1)
    folder = fetch()
    assert len(server.got(WEIGHTS)) == 2
    assert (folder / WEIGHTS).read_bytes() == weights(server)


@pytest.mark.parametrize("trouble", [{"altered": True}, {"longer": True}], ids=["checksum", "size"])
@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_file_that_is_not_what_was_announced_is_thrown_away(server, tmp_path, trouble, name):
    server.trouble[name] = Trouble(**trouble, times=1)
    with pytest.raises(InterrogatorError, match="arrived damaged"):
        fetch()
    assert partials(tmp_path) == []
    assert client.cached_folder(REPOSITORY) is None
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_an_endless_answer_does_not_fill_the_disk(server):
    server.trouble[WEIGHTS] = Trouble(longer=True)
    news = []
    with pytest.raises(InterrogatorError, match="arrived damaged"):
        fetch(report=lambda text, share: news.append(text))
    assert news[-1] == "Downloading org/model: 3 of 3 MB"  # no more than a buffer beyond the size


def test_a_partial_file_of_something_else_does_not_last(server, tmp_path):
    blobs = tmp_path / "cache" / "models--org--model" / "blobs"
    blobs.mkdir(parents=True)
    name = server.sha256(server.folder / NAME / WEIGHTS)
    (blobs / f"{name}.incomplete").write_bytes(b"x" * 1_000_000)
    with pytest.raises(InterrogatorError, match="arrived damaged"):
        fetch()
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)


def test_a_checksum_that_is_a_path_stays_in_the_cache(server, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "sha256", lambda path: "../../../escaped")
    folder = fetch()
    assert (folder / WEIGHTS).read_bytes() == weights(server)
    assert not list(tmp_path.glob("**/escaped*"))


def test_a_repository_that_changes_while_it_is_surveyed_is_refused(server):
    config, large = client.survey([REPOSITORY])
    other = client.RemoteFile(NAME, WEIGHTS, SIZE, False, "f" * 40, large.checksum)
    with pytest.raises(InterrogatorError, match="changed on the hub"):
        download.download(REPOSITORY, [config, other], lambda text, share: None)
