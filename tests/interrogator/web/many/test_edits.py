"""Prompts edited in bulk, and the zip of texts."""

import io
import json
import zipfile

import pytest

from interrogator.errors import InterrogatorError
from interrogator.web.many import edits, fold

ADD, REMOVE, REPLACE, TRIGGER = edits.EDITS


@pytest.mark.parametrize(
    ("action", "words", "other", "before", "after"),
    [
        (ADD, " blue ", "", "a cat, pop art", "a cat, pop art, blue"),
        (ADD, "Pop Art", "", "a cat, pop art", "a cat, pop art"),
        (ADD, "blue", "", "a cat --ar 3:2 --no red", "a cat, blue --ar 3:2 --no red"),
        (ADD, "blue", "", "", "blue"),
        (REMOVE, "pop art", "", "a cat, Pop Art, blue", "a cat, blue"),
        (REMOVE, "pop art", "", "a cat, (pop art:1.2), ((pop art))", "a cat"),
        (REMOVE, "cat", "", "a cat, catnip", "a cat, catnip"),
        (REMOVE, "a cat", "", "a cat --ar 1:1", "--ar 1:1"),
        (REPLACE, "CAT", r"dog\\1", "a cat, catnip", r"a dog\\1, dog\\1nip"),
        (REPLACE, ".", "!", "a. b", "a! b"),
        (REPLACE, ", pop art", "", "a cat, pop art", "a cat"),
        (TRIGGER, "sks cat", "", "a cat, blue", "sks cat, a cat, blue"),
        (TRIGGER, "sks cat", "", "SKS cat, a cat", "sks cat, a cat"),
    ],
)  # fmt: skip
def test_an_edit(action, words, other, before, after):
    assert edits.revise([before], action, words, other) == [after]
    if action != REPLACE:
        assert edits.revise([after], action, words, other) == [after]  # twice is as once


def test_what_cannot_be_meant_is_a_sentence():
    with pytest.raises(InterrogatorError, match="words first"):
        edits.revise(["a"], ADD, "  ", "")
    with pytest.raises(InterrogatorError, match="no edit 'Odd'"):
        edits.revise(["a"], "Odd", "a", "")
    for action, words, other in ((REPLACE, "a", "b" * 99), (ADD, "b" * 4001, "")):
        with pytest.raises(InterrogatorError, match="over 4,000 characters"):
            edits.revise(["a" * 99], action, words, other)


def row(name, prompt="a cat", error=None):
    return {"name": name, "prompt": prompt, "caption": "a cat", "error": error}


def packed(*rows):
    data, written = edits.pack(rows)
    archive = zipfile.ZipFile(io.BytesIO(data))
    texts = {name: archive.read(name).decode() for name in archive.namelist()}
    lines = [json.loads(line) for line in texts.pop("prompts.jsonl").splitlines()]
    assert written == len(texts)
    return texts, lines


def test_a_text_has_its_pictures_name_and_lies_where_the_picture_did():
    texts, lines = packed(
        row("sub/two\nlines.png", "a cat, blue"), row("猫.jpg"), row("b.png", None, "no")
    )
    assert texts == {"sub/two\nlines.txt": "a cat, blue\n", "猫.txt": "a cat\n"}
    assert [line["path"] for line in lines] == ["sub/two\nlines.png", "猫.jpg", "b.png"]
    assert [line["error"] for line in lines] == [None, None, "no"]
    assert lines[0]["prompt"] == "a cat, blue"


@pytest.mark.parametrize("name", ["../../a.png", "/a.png", "..\\..\\a.png", "a.png\0"])
def test_no_name_leads_out_of_the_zip(name):
    texts, _ = packed(row(name))
    (path,) = texts
    assert path.startswith("a.")


def test_two_pictures_that_would_have_one_text_are_told():
    texts, lines = packed(row("a.png", "one"), row("a.jpg", "two"))
    assert texts == {"a.txt": "one\n"}
    assert "called alike" in lines[1]["error"]
    assert lines[1]["prompt"] == "two"


def test_what_a_browser_should_not_send_is_no_traceback():
    for mail in (None, {}, {"rows": None}, {"rows": [1, {"name": 5, "prompt": ["a"]}]}, []):
        status, answer = fold.pack(mail)
        assert "no prompt yet" in status
        assert answer == {"zip": None}
    texts, _ = packed(row("a\ud800.png", "b\ud800"))
    assert texts == {"a���.txt": "b���\n"}
    for mail in (None, {}, {"prompts": None}, {"prompts": "text"}, []):
        assert fold.revise(mail, ADD, "blue", "")[1] == {"prompts": None}
    status, answer = fold.revise({"prompts": ["a", "blue"]}, ADD, "blue", None)
    assert "Added “blue”. Rows changed: 1 of 2." in status
    assert answer == {"prompts": ["a, blue", "blue"]}
