"""Mistakes on the command line, and its end in the midst of the work."""

import json
import os

import pytest

from interrogator import cli
from interrogator.errors import InterrogatorError
from interrogator.serving.session import Session
from tests.interrogator.test_command import EXAMPLES

CAT = EXAMPLES / "cat-pop-art.jpg"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mode", "BEST"], "choose one of best, fast"),
        (["--phrases", "5"], "--phrases is LEAST-MOST"),
        (["--artists", "1e9"], "artists is from 0 to 8"),
        (["--caption", "\udce9"], "half of a character"),
    ],
)
def test_a_mistake_is_told_before_anything_is_loaded(command, monkeypatch, arguments, says):
    monkeypatch.setattr(cli, "_session", lambda values: pytest.fail("something was loaded"))
    done = command(CAT, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_several_bans_may_stand_in_one(command):
    done = command(CAT, "--preset", "demo", "--json", "--ban", "cat, pop art")
    line = json.loads(done.stdout)
    assert "cat" not in line["prompt"].split()
    assert "pop art" not in line["prompt"]


def test_a_negative_prompt_keeps_no_phrase_and_says_so(command):
    done = command(CAT, "--preset", "demo", "--mode", "negative", "--pin", "watermark")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unpin them" in done.stderr


def test_an_interrupt_ends_quietly_and_what_was_finished_stays(command, monkeypatch):
    real = Session.interrogate

    def interrogate(self, picture, **options):
        if "moon" in str(picture):
            raise KeyboardInterrupt
        return real(self, picture, **options)

    monkeypatch.setattr(Session, "interrogate", interrogate)
    done = command(CAT, EXAMPLES / "moon-expressionism.jpg", CAT, "--preset", "demo", "--json")
    assert done.returncode == 130
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [str(CAT)]
    assert "Traceback" not in done.stderr


def test_what_is_no_file_gets_its_line_and_never_hangs(command, tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    paths = [tmp_path / f"{name}.jpg" for name in ("loop", "folder", "pipe")]
    paths += ["/dev/zero", "/dev/null", "a" * 300, "a\nb"]
    done = command(*paths, "--preset", "demo", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [line["path"] for line in lines] == list(map(str, paths))
    assert all(line["error"].endswith(".") for line in lines)


def test_a_prompt_that_is_no_text_is_a_sentence(handlers):
    for prompt in (None, 7, ["a cat"]):
        with pytest.raises(InterrogatorError, match="prompt must be text"):
            handlers.score(str(CAT), prompt, {})
