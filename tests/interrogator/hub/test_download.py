"""Downloads from a hub on loopback that cuts, lies, hangs and refuses."""

import threading

import huggingface_hub
import pytest
from huggingface_hub import constants, try_to_load_from_cache

from interrogator.errors import InterrogatorError
from interrogator.hub import client, download
from interrogator.hub.client import Needed, Repository
from tests.interrogator.fake_hub import COMMIT, TOKEN, Trouble
from tests.interrogator.one_model import (
    FILES,
    NAME,
    SIZE,
    WEIGHTS,
    cut_then,
    fetch,
    partials,
    weights,
)


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
    assert client.cached_folder(Repository(NAME, FILES)) == folder
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
    assert client.cached_folder(Repository(NAME, FILES)) is None
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


def test_a_slow_hub_is_waited_for_and_shown(server):
    server.trouble[WEIGHTS] = Trouble(slow_after=2_000_000)
    shares, halfway = [], threading.Event()

    def hear(text, share):
        shares.append(share)
        if share and 0.5 < share < 1:
            halfway.set()

    fetching = threading.Thread(target=fetch, kwargs={"report": hear})
    fetching.start()
    assert halfway.wait(20), "what has come is told while the rest is missing"
    assert shares[-1] < 1
    server.released.set()
    fetching.join(20)
    assert shares[-1] == 1
    assert len(server.got(WEIGHTS)) == 1


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
    assert client.cached_folder(Repository(NAME, FILES)) is None
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
        client.survey([Repository(NAME, FILES)])


def test_a_revision_can_be_pinned(server):
    folder = fetch(f"{NAME}@v1")
    assert folder == client.cached_folder(Repository(f"{NAME}@v1", FILES))
    assert folder == client.cached_folder(Repository(f"{NAME}@{COMMIT}", FILES))
    assert client.cached_folder(Repository(NAME, FILES)) is None  # main was never asked for
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


def test_what_a_pinned_model_can_do_without_comes_before_what_it_cannot(server):
    (server.folder / NAME / "tokenizer.json").write_text("{ }")
    files = (*FILES, Needed(("tokenizer.json",), required=False))
    server.trouble["tokenizer.json"] = Trouble(status=404, times=1)
    with pytest.raises(InterrogatorError, match="does not give out"):
        fetch(f"{NAME}@{COMMIT}", files)
    # Once all that is required is here, nobody would ask for the rest.
    assert client.cached_folder(Repository(f"{NAME}@{COMMIT}", files)) is None
    assert (fetch(f"{NAME}@{COMMIT}", files) / "tokenizer.json").exists()
