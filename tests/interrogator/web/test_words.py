"""Whose names, bans and own lists, chosen on the page and through the API."""

import re

import pytest
from gradio.data_classes import FileData, ListFiles
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from interrogator.errors import InterrogatorError
from interrogator.models.registry import ASSETS
from interrogator.web.components import unread_lists

CAT = ASSETS / "examples" / "cat-pop-art.jpg"


@pytest.fixture(scope="module")
def client(app_url):
    return Client(app_url, verbose=False)


def asked(client, **values):
    return client.predict(handle_file(CAT), mode="fast", **values, api_name="/interrogate")


def test_no_artist_is_named_where_none_may_be(client):
    assert "by Roy Lichtenstein" in asked(client)["prompt"]
    done = asked(client, name_artists="none")
    assert "by " not in done["prompt"]
    assert "artists" not in done["ranked"]


def test_bans_leave_out_a_phrase_or_a_list(client):
    done = asked(client, banned='"pop art", category:palettes')
    assert "palettes" not in done["ranked"]
    assert "pop art" not in [phrase["text"] for phrase in done["ranked"]["movements"]]
    assert "pop art" not in done["prompt"]


def test_own_phrases_and_files_are_ranked_and_not_kept(client, own_cache, tmp_path):
    path = tmp_path / "creatures.txt"
    path.write_text("(a cat:1.3)\n\na dragon\n")
    before = set(own_cache.iterdir())
    done = asked(client, own_words="bright dots\nBright Dots", own_files=[handle_file(path)])
    assert [p["text"] for p in done["ranked"]["creatures"]] == ["a cat", "a dragon"]
    assert [p["text"] for p in done["ranked"]["own"]] == ["bright dots"]
    assert "movements" in done["ranked"]
    alone = asked(client, own_files=[handle_file(path)], own_lists="replace")
    assert alone["ranked"].keys() == {"creatures"}
    assert alone["vocabulary"]["phrases"] == 2
    assert set(own_cache.iterdir()) == before


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name_artists": "some"}, "some"),
        ({"banned": "group:mood"}, "no group 'mood' to ban"),
        ({"own_words": "\n".join(f"phrase {n}" for n in range(2001))}, "up to 2,000 are read here"),
        ({"own_words": "...\n"}, "nothing to rank"),
    ],
)
def test_a_mistake_gets_a_sentence(client, values, says):
    with pytest.raises(AppError, match=says):
        asked(client, **values)


def test_a_binary_list_gets_a_sentence(client, tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(CAT.read_bytes())
    with pytest.raises(AppError, match="not text in UTF-8"):
        asked(client, own_files=[handle_file(path)])


def test_only_uploaded_lists_are_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    with pytest.raises(InterrogatorError, match="Upload the lists"):
        unread_lists(ListFiles(root=[FileData(path=str(secret))]))
    assert unread_lists(None) == []


def test_what_a_choice_means_is_counted(handlers):
    chosen = {"preset": "demo", "name_artists": "none", "banned": "category:palettes"}
    told = handlers.describe_words({**chosen, "own_words": "fog\nfog"})
    assert "Your lists: 1 phrase; 1 line dropped (duplicate 1)" in told
    assert "left out: 46 (names an artist 38, banned 8)" in told
    assert "no name artists &#x27;some&#x27;" in handlers.describe_words(
        {"preset": "demo", "name_artists": "some"}
    )


@pytest.mark.parametrize("switch", ["", "off"])
def test_only_this_machines_settings_switch_the_safety_list_off(client, monkeypatch, switch):
    monkeypatch.setenv("INTERROGATOR_SAFETY", switch)
    if switch:
        done = asked(client, own_words="nude cat\ncalm cat", own_lists="replace")
        assert {p["text"] for p in done["ranked"]["own"]} == {"nude cat", "calm cat"}
    else:
        done = asked(client, own_words="nude cat\ncalm cat", own_lists="replace")
        assert {p["text"] for p in done["ranked"]["own"]} == {"calm cat"}


def test_the_words_counted_are_those_of_the_clip_that_ranks(handlers):
    taught = handlers.describe_words({"preset": "demo"})
    ours = handlers.describe_words({"preset": "demo", "clip": "ViT-B-32/openai"})
    ranked = [int(re.search(r"Ranked: ([\d,]+)", t)[1].replace(",", "")) for t in (taught, ours)]
    assert ranked[0] < 200
    assert ranked[1] > 9_000
