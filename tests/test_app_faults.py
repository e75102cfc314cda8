"""What programs send that is no upload, and refusals, through the whole app over HTTP."""

import base64
import json

import httpx
import pytest

from interrogator.errors import InterrogatorError
from interrogator.models.registry import ASSETS

CAT = ASSETS / "examples" / "cat-pop-art.jpg"
TEXT = base64.b64encode(CAT.read_bytes()).decode()


def answer(app_url, endpoint, **values):
    """What an endpoint says over plain HTTP: the event's name, and its data."""
    call = f"{app_url}/gradio_api/call/v2/{endpoint}"
    written = {"content": json.dumps(values), "headers": {"Content-Type": "application/json"}}
    asked = httpx.post(call, **written, timeout=60)
    assert asked.status_code == 200, asked.text
    told = httpx.get(f"{app_url}/gradio_api/call/{endpoint}/{asked.json()['event_id']}", timeout=60)
    event, data = told.text.strip().split("\n")[-2:]  # before them, that it is still at work
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@pytest.mark.parametrize("text", [TEXT, f"data:image/jpeg;base64,{TEXT}"], ids=["base64", "data:"])
def test_a_picture_may_be_a_plain_text(app_url, text):
    event, data = answer(app_url, "interrogate", picture=text, preset="demo")
    assert event == "complete"
    assert "cat" in data[0]["caption"]


def test_a_picture_may_be_a_plain_address(app_url, monkeypatch):
    async def fetch(address, folder):
        if "large" in address:
            raise InterrogatorError("The file at the address has over 30 MB.")
        (folder / "by-address").mkdir(parents=True, exist_ok=True)
        (folder / "by-address" / "cat.jpg").write_bytes(CAT.read_bytes())
        return folder / "by-address" / "cat.jpg"

    monkeypatch.setattr("interrogator.images.sources.fetch", fetch)
    event, data = answer(app_url, "analyze", picture="https://example.org/cat.jpg", preset="demo")
    assert (event, "cat" in data[0]["caption"]) == ("complete", True)
    event, data = answer(app_url, "analyze", picture="https://example.org/large", preset="demo")
    assert (event, data["error"]) == ("error", "The file at the address has over 30 MB.")


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (None, "no picture yet"),
        ("", "no picture yet"),
        ("http://127.0.0.1:1/cat.jpg", "Send the file itself"),
        ("/etc/passwd", "other files are not read"),
        ("a cat", "other files are not read"),
        (7, "`picture` must be an uploaded file, an address"),
        ([TEXT], "`picture` must be an uploaded file, an address"),
        ({"path": 7}, "`picture` must be an uploaded file, an address"),
        ({"path": None, "url": ["x"]}, "`picture` must be an uploaded file, an address"),
    ],
    ids=["null", "empty", "private", "path", "words", "number", "list", "odd path", "odd url"],
)
def test_what_is_no_picture_gets_a_sentence(app_url, picture, says):
    event, data = answer(app_url, "interrogate", picture=picture, preset="demo")
    assert event == "error"
    assert says in data["error"]


def test_a_refusal_of_a_race_is_a_sentence(app_url):
    event, data = answer(app_url, "race", lanes="no_such_lane")
    assert event == "error"
    assert "no_such_lane" in data["error"]
    event, data = answer(app_url, "explain_einsum", expression="ii->", shapes="1x3")
    assert event == "error"
    assert "repeated letter" in data["error"] or "letter" in data["error"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"caption": "a \ud800 cat"}, "half of a character"),
        ({"most": 10**400}, "maximum value 64"),
        ({"pinned": {"a": 1}}, "pinned must be a list of texts"),
        ({"own_words": "(" * 9000}, "nothing to rank"),
        ({"own_files": ["/etc/passwd"]}, ""),
    ],
    ids=["half a character", "number", "dict", "no words", "file of the server"],
)
def test_hostile_values_get_a_sentence_and_the_next_is_served(app_url, values, says):
    event, data = answer(app_url, "interrogate", picture=TEXT, preset="demo", **values)
    assert event == "error"
    assert says in str((data or {}).get("error") or "")
    event, _ = answer(app_url, "interrogate", picture=TEXT, preset="demo")
    assert event == "complete"
