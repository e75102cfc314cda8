"""The command as a process: interrupted, killed at any moment, and what it answers."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interrogator.batch.cli import main

ROOT = Path(__file__).parents[3]


def command(*arguments, **options):
    line = [sys.executable, "-m", "interrogator.batch", *map(str, arguments), "--preset", "demo"]
    pipe = subprocess.PIPE

    def hear() -> None:  # tests that run in the background are deaf to Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        line, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, preexec_fn=hear, **options
    )


def finished(process):
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def results(place):
    """Return every file of a place but the manifest, without the times."""
    files = {}
    for path in sorted(place.rglob("*")):
        if path.is_file() and not path.name.startswith(".manifest"):
            text = path.read_text("utf-8")
            if path.suffix == ".jsonl":
                text = [json.loads(line) | {"seconds": 0} for line in text.splitlines()]
            files[path.relative_to(place).as_posix()] = text
    return files


@pytest.fixture(scope="module")
def many(painted, tmp_path_factory):
    """Sixty different pictures in a folder: bytes behind a picture's end do not change it."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(60):
        data = list(painted.values())[number % 12]
        (folder / f"{number:02}.png").write_bytes(data + bytes([number]))
    (folder / "broken.png").write_bytes(b"broken")
    return folder


def test_help_says_what_there_is(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for flag in ("--out", "--format", "--retry", "--dry-run", "--engine", "--mode", "--for"):
        assert flag in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "There is no 'nowhere'"),
        ([".", "--format", "xls"], "txt, copies, csv, jsonl, parquet"),
        ([".", "--extension", ".png"], "--extension"),
        ([".", "--mode", "odd"], "There is no mode 'odd'"),
    ],
)
def test_a_mistake_is_a_sentence_and_begins_nothing(tmp_path, capsys, arguments, sentence):
    assert main([*arguments, "--out", str(tmp_path / "out"), "--preset", "demo"]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(many, tmp_path):
    shared = "--format", "txt,csv,jsonl", "--batch-size", 4
    status, _, err = finished(command(many, "--out", tmp_path / "whole", *shared))
    assert (status, "61 pictures" in err, "1 failed" in err) == (1, True, True), err
    whole, rng, kills = results(tmp_path / "whole"), random.Random(5), 0
    while kills < 3:
        process = command(many, "--out", tmp_path / "cut", *shared)
        waited = _chunk_after(tmp_path / "cut", process, rng)
        process.send_signal(signal.SIGKILL)
        kills += finished(process)[0] == -signal.SIGKILL
        assert waited, "it ended before it was killed"
    status, _, err = finished(command(many, "--out", tmp_path / "cut", *shared))
    assert (status, "Traceback" in err) == (1, False), err
    assert results(tmp_path / "cut") == whole
    paths = [row["path"] for row in whole["prompts.jsonl"]]
    assert len(paths) == len(set(paths)) == 61


def _chunk_after(place, process, rng):
    """Wait until a few more texts lie there, and then a little; tell whether it still runs."""
    there, more = len(list(place.rglob("*.txt"))), rng.randrange(1, 12)
    while len(list(place.rglob("*.txt"))) < there + more:
        if _ended(process, 0.05):
            return False
    return not _ended(process, rng.random() / 20)


def _ended(process, seconds):
    """Tell whether a process ends within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_so_and_keeps_what_was_done(many, tmp_path, how):
    process = command(many, "--out", tmp_path, "--batch-size", 4, start_new_session=True)
    assert _chunk_after(tmp_path, process, random.Random(1))
    os.kill(process.pid, how)
    status, _, err = finished(process)
    assert (status, "Traceback" in err) == (130, False), err
    assert "Interrupted" in err
    rows = results(tmp_path)["prompts.jsonl"]
    assert 0 < len(rows) < 61


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_was_done_stays(many, tmp_path):
    """A small file system of its own, where this may be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        status, _, err = finished(command(many, "--out", place, "--batch-size", 4))
        assert (status, "Traceback" in err) == (2, False), err
        assert "What is done is kept" in err
        texts = list(place.rglob("*.txt"))
        assert texts
        assert all(path.stat().st_size for path in texts)
        subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)
        assert finished(command(many, "--out", place, "--batch-size", 4))[0] == 1
        assert len(results(place)["prompts.jsonl"]) == 61
    finally:
        subprocess.run(["umount", place], check=True)
