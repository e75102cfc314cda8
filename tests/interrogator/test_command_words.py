"""Whose names, bans and own lists, chosen on the command line."""

import json

import pytest

from tests.interrogator.test_command import EXAMPLES

PICTURE = EXAMPLES / "cat-pop-art.jpg"


def test_artists_bans_and_own_lists(command, tmp_path):
    (tmp_path / "own.txt").write_text("(a cat in bright dots:1.3)\n\nfog\nFog\n")
    done = command(
        PICTURE, "--preset", "demo", "--mode", "fast", "--json", "--name-artists", "none",
        "--ban", '"pop art"', "--ban", "group:mood", "--ban", "category:palettes",
        "--add-vocabulary", tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "no group 'mood' to ban" in done.stderr
    done = command(
        PICTURE, "--preset", "demo", "--mode", "fast", "--json", "--name-artists", "none",
        "--ban", '"pop art"', "--ban", "category:palettes", "--add-vocabulary", tmp_path,
    )  # fmt: skip
    line = json.loads(done.stdout)
    ranked = {c: [phrase["text"] for phrase in group] for c, group in line["ranked"].items()}
    assert ranked.keys() == {"mediums", "movements", "subjects", "own"}
    assert set(ranked["own"]) == {"a cat in bright dots", "fog"}
    assert "pop art" not in ranked["movements"]
    assert "by " not in line["prompt"]
    assert "2 phrases; 2 lines dropped (blank line 1, duplicate 1); 1 line mended" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--name-artists", "some"], "choose one of all, public-domain, no-living, none"),
        (["--add-vocabulary", "/none"], "There is no folder"),
        (["--ban", "category:x"], "no category 'x' to ban; there are: artists, mediums"),
    ],
)
def test_a_mistake_is_a_sentence(command, arguments, says):
    done = command(PICTURE, "--preset", "demo", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_what_ours_have_already_is_counted(command, tmp_path):
    (tmp_path / "own.txt").write_text("pop art\nfog\n")
    done = command("none.png", "--preset", "demo", "--add-vocabulary", tmp_path)
    assert "2 phrases. Of these, 1 stands in the other lists already." in done.stderr


def test_a_file_whose_name_is_no_text_has_its_line(command, tmp_path):
    """Linux lets a name be any bytes; Python keeps those that are no UTF-8 as halves of pairs."""
    done = command(tmp_path / "caf\udce9.jpg", PICTURE, "--preset", "demo", "--json")
    first, second = done.stdout.encode().splitlines()  # it is UTF-8
    assert json.loads(first)["path"].endswith("caf\udce9.jpg")
    assert "No such file" in json.loads(first)["error"]
    assert "cat" in json.loads(second)["caption"]
    done = command(tmp_path / "caf\udce9.jpg", "--preset", "demo")
    assert "caf\\udce9.jpg: No such file" in done.stderr
