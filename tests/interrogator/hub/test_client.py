"""What is asked of a hub on loopback, of its refusals and its silence, and of the cache."""

import pytest

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.hub.client import Needed, Repository
from tests.interrogator.fake_hub import COMMIT, TOKEN, FakeHub, Trouble
from tests.interrogator.one_model import (
    FILES,
    NAME,
    REPOSITORY,
    SIZE,
    WEIGHTS,
    fetch,
    use,
    weights,
)


def test_a_survey_finds_name_size_commit_and_checksum_of_every_file(server):
    config, large = client.survey([REPOSITORY])
    assert (config.name, config.size, config.commit, config.cached) == (
        "config.json", 2, COMMIT, False,
    )  # fmt: skip
    # git hash-object of a file with the contents {}
    assert config.checksum == "9e26dfeeb6e641a33dae4961196235bdb965b21b"
    assert (large.name, large.size, len(large.checksum)) == (WEIGHTS, SIZE, 64)
    assert client.read(config) == b"{}"
    fetch()
    assert [file.cached for file in client.survey([REPOSITORY])] == [True, True]


def test_optional_files_come_first_and_a_file_that_serves_two_needs_once(server):
    for name in ("tokenizer.json", "merges.txt"):
        (server.folder / NAME / name).write_text("{ }")
    files = (*FILES, Needed(("no.json", "tokenizer.json"), required=False), *FILES)
    files += (Needed(("absent.txt",), required=False), Needed(("merges.txt",), required=False))
    names = [file.name for file in client.survey([Repository(NAME, files)])]
    assert names == ["tokenizer.json", "merges.txt", "config.json", WEIGHTS]
    assert fetch(files=files) == client.cached_folder(Repository(NAME, files))


def test_cached_files_need_no_request(server):
    folder = fetch()
    server.asked.clear()
    assert client.cached_folder(REPOSITORY) == folder
    assert server.asked == []
    assert fetch() == folder
    assert {method for method, _, _ in server.asked} == {"HEAD"}


@pytest.mark.parametrize(
    ("name", "files", "says"),
    [
        ("nobody/nothing", FILES, "does not give out nobody/nothing"),
        (NAME, (Needed(("other.safetensors", "other.bin")),), "no other.safetensors or other.bin"),
        (f"{NAME}@v9", FILES, "no such revision of org/model@v9"),
    ],
)
def test_what_the_hub_does_not_have_is_refused_by_name(server, name, files, says):
    with pytest.raises(InterrogatorError, match=says):
        client.survey([Repository(name, files)])


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_survey_says_what_the_hub_answers(server, status):
    server.status = status
    says = "does not give out" if status < 500 else f"answered {status}"
    with pytest.raises(InterrogatorError, match=says):
        client.survey([REPOSITORY])


def test_a_server_without_sizes_is_refused_as_a_mirror(server, monkeypatch):
    about = client.get_hf_file_metadata(client.hf_hub_url(NAME, WEIGHTS))
    nothing = lambda *_, **__: type(about)(**{**vars(about), "size": None})  # noqa: E731
    monkeypatch.setattr(client, "get_hf_file_metadata", nothing)
    with pytest.raises(InterrogatorError, match="If HF_ENDPOINT names a mirror"):
        client.survey([REPOSITORY])


def test_a_hub_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.2)
    with FakeHub(tmp_path, hanging=True) as server:
        use(monkeypatch, server.url, tmp_path / "cache")
        with pytest.raises(InterrogatorError, match=r"did not answer|cannot be reached"):
            client.survey([REPOSITORY])
        assert server.asked, "no request was sent"
        assert not server.released.is_set(), "the answer was waited for"


def test_a_question_without_an_answer_is_given_up_and_a_refusal_beside_it_raised(monkeypatch):
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.1)
    hold = client.threading.Event()

    def refuse():
        raise InterrogatorError("refused")

    with pytest.raises(InterrogatorError, match="did not answer within 0 seconds"):
        client._answers([("a", lambda: 1), ("b", hold.wait)])
    monkeypatch.setattr(client, "ANSWER_SECONDS", 600)
    with pytest.raises(InterrogatorError, match="refused"):
        client._answers([("a", hold.wait), ("b", refuse)])
    assert client._answers([("a", lambda: 1), ("b", lambda: 2)]) == [1, 2]
    hold.set()


def test_a_revision_can_be_pinned(server):
    folder = fetch(f"{NAME}@v1")
    assert folder == client.cached_folder(Repository(f"{NAME}@v1", FILES))
    assert folder == client.cached_folder(Repository(f"{NAME}@{COMMIT}", FILES))
    assert client.cached_folder(REPOSITORY) is None  # main was never resolved
    surveyed = [path for method, path, _ in server.asked if method == "HEAD"]
    assert surveyed
    assert all("/resolve/v1/" in path for path in surveyed)


def test_a_token_opens_a_gated_repository_and_goes_to_no_other_host(server, monkeypatch):
    server.gated.add(NAME)
    with pytest.raises(InterrogatorError, match="accepted its terms"):
        fetch()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert (fetch() / WEIGHTS).read_bytes() == weights(server)
    sent = {
        path.split("/")[1]: headers.get("authorization")
        for method, path, headers in server.asked if method == "GET"
    }  # fmt: skip
    assert sent == {"org": f"Bearer {TOKEN}", "elsewhere": None}


def test_a_model_is_cached_only_with_its_optional_files(server):
    (server.folder / NAME / "tokenizer.json").write_text("{ }")
    files = (*FILES, Needed(("tokenizer.json",), required=False))
    server.trouble["tokenizer.json"] = Trouble(status=404, times=1)
    with pytest.raises(InterrogatorError, match="does not give out"):
        fetch(f"{NAME}@{COMMIT}", files)
    # Once all required files are here, nothing would fetch the rest.
    assert client.cached_folder(Repository(f"{NAME}@{COMMIT}", files)) is None
    assert (fetch(f"{NAME}@{COMMIT}", files) / "tokenizer.json").exists()
