"""The command line; where a process of its own makes a difference, in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "assets" / "examples"


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "interrogator", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip


def test_a_line_of_json_per_picture_and_the_bad_ones_do_not_stop_the_good(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    good = EXAMPLES / "cat-pop-art.jpg"
    done = run(text, good, empty, tmp_path / "none.png", good, "--preset", "demo", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [line["path"] for line in lines] == [
        str(path) for path in (text, good, empty, tmp_path / "none.png", good)
    ]
    assert ["error" in line for line in lines] == [True, False, True, True, False]
    assert "not a picture" in lines[0]["error"]
    assert "empty" in lines[2]["error"]
    assert "pop art" in lines[1]["prompt"]
    assert {**lines[1], "seconds": 0} == {**lines[4], "seconds": 0}
    assert "load" in lines[1]["seconds"]
    assert "load" not in lines[4]["seconds"]
    assert "Traceback" not in done.stderr


def test_the_same_picture_gives_the_same_json_under_every_hash_seed():
    asked = (
        EXAMPLES / "cat-pop-art.jpg", "--preset", "demo", "--json", "--mode", "best",
        "--with-negative",
    )  # fmt: skip
    first, second = (json.loads(run(*asked, PYTHONHASHSEED=seed).stdout) for seed in ("1", "2"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert len(first["negative_prompt"].split(", ")) >= 8


def test_text_is_a_prompt_per_picture_in_the_mode_asked_for(command):
    picture = EXAMPLES / "moon-expressionism.jpg"
    done = command(picture, "--preset", "demo", "--mode", "classic", "--caption", "two words")
    assert done.returncode == 0, done.stderr
    path, _, prompt = done.stdout.strip().partition(": ")
    assert path.endswith("moon-expressionism.jpg")
    assert prompt.startswith("two words, ")


def test_a_vocabulary_of_ones_own(command, tmp_path):
    (tmp_path / "colours.txt").write_text("warm colors\nneon colors\n")
    picture = EXAMPLES / "cat-pop-art.jpg"
    done = command(picture, "--preset", "demo", "--vocabulary", tmp_path, "--json")
    line = json.loads(done.stdout)
    assert set(line["ranked"]) == {"colours"}
    assert line["vocabulary"]["phrases"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mode", "slow"], "choose one of best, fast, classic, negative"),
        (["--preset", "huge"], "choose one of quality, light, demo"),
        (["--clip", "huge"], "There is no CLIP"),
        (["--preset", "demo", "--vocabulary", "/none"], "no folder"),
    ],
)
def test_a_mistake_in_an_option_is_a_sentence_and_status_2(command, arguments, says):
    done = command(EXAMPLES / "cat-pop-art.jpg", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_gets_the_command_for_folders_and_does_not_stop_the_pictures(command, tmp_path):
    (tmp_path / "my pictures").mkdir()
    named = f"python -m interrogator.batch '{tmp_path / 'my pictures'}' --out RESULTS"
    alone = command(tmp_path / "my pictures", "--preset", "demo")
    assert alone.returncode == 2
    assert named in alone.stderr
    both = command(tmp_path / "my pictures", EXAMPLES / "cat-pop-art.jpg", "--preset", "demo")
    assert both.returncode == 1
    assert named in both.stderr
    assert "pop art" in both.stdout
