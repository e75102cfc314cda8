"""A job from its source to its results, with the embedded models: each picture exactly once."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from interrogator.batch import engine
from interrogator.batch.job import Job, dry_run, duration, run
from interrogator.batch.manifest import FILE
from interrogator.batch.outputs import Sidecars
from interrogator.batch.pictures.items import Item
from interrogator.batch.pictures.sources import open_source
from interrogator.errors import InterrogatorError
from interrogator.models.registry import PRESETS
from interrogator.request import Request
from interrogator.settings import Settings


@pytest.fixture
def job(folder, tmp_path):
    place = tmp_path / "out"
    source = open_source(str(folder), without=place)
    request = Request(PRESETS["demo"])
    return Job(source, place, request, Sidecars(place), ("txt", "jsonl"), size=4, threads=2)


def lines(job):
    """The table's rows, without the times."""
    text = (job.place / "prompts.jsonl").read_text("utf-8")
    return [json.loads(line) | {"seconds": 0} for line in text.splitlines()]


@pytest.fixture
def computed(monkeypatch):
    """How many pictures each batch of the models had."""
    sizes, together = [], engine.Together.run
    monkeypatch.setattr(
        engine.Together,
        "run",
        lambda self, views: sizes.append(len(views)) or together(self, views),
    )
    return sizes


def test_every_picture_has_a_row_and_a_text_and_a_broken_one_its_sentence(job, service, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    summary = run(job, service)
    assert (summary.items, summary.computed, summary.failed) == (13, 13, 1)
    rows = lines(job)
    assert [row["path"] for row in rows] == [
        "broken.jpg", *(f"p{n:02}.png" for n in range(12) if n % 3),
        *(f"sub/p{n:02}.png" for n in range(0, 12, 3)),
    ]  # fmt: skip
    assert "not a picture" in rows[0]["error"]
    for row in rows[1:]:
        text = (job.place / row["path"]).with_suffix(".txt").read_text("utf-8")
        assert text == row["prompt"] + "\n"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_row_is_what_the_pipeline_says_of_that_picture(job, service, demo, painted):
    run(job, service)
    row = next(row for row in lines(job) if row["path"] == "p04.png")
    alone = demo.run(engine.decode.read(painted["p04.png"])).to_json()
    assert row["prompt"] == alone["prompt"]
    assert row["similarity"] == pytest.approx(alone["similarity"], abs=1e-5)
    assert set(row) == {"path", "sha256", *alone}


def test_what_is_done_is_not_done_again(job, service, computed):
    first, rows = run(job, service), lines(job)
    again = run(job, service)
    assert (first.computed, again.computed, again.items) == (13, 0, 13)
    assert computed == [3, 4, 4, 1]  # the broken one takes a place of the first chunk
    assert lines(job) == rows


def test_a_renamed_picture_and_a_copy_are_not_done_again(job, service, folder, computed):
    run(job, service)
    done = sum(computed)
    (folder / "p01.png").rename(folder / "z renamed.png")
    shutil.copy(folder / "p02.png", folder / "sub" / "copy.png")
    summary = run(job, service)
    assert (sum(computed) - done, summary.items) == (0, 14)
    prompts = {row["path"]: row.get("prompt") for row in lines(job)}
    assert "p01.png" not in prompts
    assert prompts["sub/copy.png"] == prompts["p02.png"]
    assert (job.place / "z renamed.txt").read_text() == prompts["z renamed.png"] + "\n"
    assert (job.place / "sub" / "copy.txt").exists()


def test_a_changed_picture_and_a_changed_option_are_done_anew(job, service, folder, computed):
    run(job, service)
    done = sum(computed)
    shutil.copy(folder / "p04.png", folder / "p02.png")
    (folder / "p04.png").write_bytes((folder / "sub" / "p00.png").read_bytes() + b" ")
    run(job, service)
    assert sum(computed) - done == 1  # p02 is p04 as it was
    done = sum(computed)
    classic = replace(job, request=replace(job.request, settings=Settings("classic")))
    run(classic, service)
    assert sum(computed) - done == 12
    assert {row["mode"] for row in lines(job) if "mode" in row} == {"classic"}
    run(job, service)
    assert sum(computed) - done == 12  # what was done with the first options is still known


def test_what_failed_is_tried_again_only_if_asked(job, service, monkeypatch):
    together = engine.Together.run

    def fail(self, views):
        results = together(self, views)
        return [InterrogatorError("No luck."), *results[1:]]

    monkeypatch.setattr(engine.Together, "run", fail)
    assert run(job, service).failed == 5
    errors = [row["error"] for row in lines(job) if "error" in row]
    assert errors[1:] == ["No luck."] * 4  # of four chunks; the first is the broken one
    monkeypatch.setattr(engine.Together, "run", together)
    assert run(job, service).failed == 5
    retried = run(replace(job, retry=True), service)
    assert (retried.failed, retried.computed) == (1, 5)
    assert sum("error" in row for row in lines(job)) == 1


def test_a_bug_costs_one_picture(job, service, monkeypatch, caplog, painted):
    view, run_together = engine.Together.view, engine.Together.run
    odd = []

    def marked(self, picture, notes=()):
        found = view(self, picture, notes)
        if not odd:
            odd.append(found)
        return found

    def break_down(self, views):
        if any(one is odd[0] for one in views):
            raise RuntimeError("a bug")
        return run_together(self, views)

    monkeypatch.setattr(engine.Together, "view", marked)
    monkeypatch.setattr(engine.Together, "run", break_down)
    assert run(replace(job, threads=1), service).failed == 2
    assert "a bug" in caplog.text
    (row,) = [row for row in lines(job) if "RuntimeError" in row.get("error", "")]
    assert row["path"] == "p01.png"


class Interrupted:
    """Presses Ctrl-C after some chunks."""

    def __init__(self, chunks):
        self.chunks = chunks

    def __call__(self, progress):
        self.chunks -= 1
        self.done = progress.done
        if not self.chunks:
            raise KeyboardInterrupt


def test_a_run_that_was_cut_off_goes_on_and_ends_alike(job, service, tmp_path):
    whole = replace(job, place=tmp_path / "whole", sidecars=Sidecars(tmp_path / "whole"))
    run(whole, service)
    for chunks in (1, 2, 1):
        interrupted = Interrupted(chunks)
        with pytest.raises(KeyboardInterrupt):
            run(job, service, report=interrupted)
        assert len(lines(job)) == interrupted.done  # what was done is written
    assert run(job, service).items == 13
    assert lines(job) == lines(whole)
    for path in whole.place.rglob("*.txt"):
        assert (job.place / path.relative_to(whole.place)).read_text() == path.read_text()


def test_texts_beside_the_pictures_are_no_pictures(job, service, folder):
    beside = replace(job, sidecars=Sidecars(job.place, beside=True, existing="append"))
    (folder / "p01.txt").write_text("mine")
    run(beside, service)
    run(beside, service)
    row = next(row for row in lines(job) if row["path"] == "p01.png")
    assert (folder / "p01.txt").read_text() == f"mine, {row['prompt']}\n"
    assert (folder / "sub" / "p03.txt").exists()
    assert not list(job.place.glob("*.txt"))


def test_two_pictures_of_one_name_are_told_apart(job, service, folder):
    shutil.copy(folder / "p01.png", folder / "p02.jpg")
    summary = run(job, service)
    assert summary.failed == 2
    (row,) = [row for row in lines(job) if "already the text" in row.get("error", "")]
    assert row["path"] in ("p02.jpg", "p02.png")
    assert row["prompt"]  # it is known all the same


def test_another_form_costs_no_computing(job, service, computed):
    run(job, service)
    done = sum(computed)
    settings = Settings(target="midjourney")
    other = replace(job, sidecars=replace(job.sidecars, target="midjourney"))
    run(replace(other, request=replace(job.request, settings=settings)), service)
    assert sum(computed) == done
    for row in lines(job)[1:]:
        text = (job.place / row["path"]).with_suffix(".txt").read_text("utf-8")
        assert row["target"] == "midjourney"
        assert text == row["written"]["midjourney"] + "\n" != row["prompt"] + "\n"
        assert text.endswith(" --ar 1:1\n")


def test_a_text_that_was_deleted_comes_back(job, service):
    run(job, service)
    (job.place / "p01.txt").unlink()
    run(job, service)
    assert (job.place / "p01.txt").exists()


def test_a_dry_run_says_what_it_takes_and_writes_nothing(job, service):
    text = dry_run(job, service)
    assert text.startswith("13 pictures. A sample of 13 was tried; 1 of it failed.")
    for word in ("pictures a second", "Memory", "Disk", "Nothing was written"):
        assert word in text
    assert not job.place.exists()


def test_an_empty_source_is_said_to_be(job, service, tmp_path):
    (tmp_path / "empty").mkdir()
    empty = replace(job, source=open_source(str(tmp_path / "empty")))
    with pytest.raises(InterrogatorError, match="no pictures"):
        dry_run(empty, service)
    assert run(empty, service).items == 0


def test_no_space_is_told_and_what_was_done_stays(job, service, monkeypatch):
    written = []

    def full(file):
        written.append(file)
        if len(written) == 6:
            raise OSError(28, "No space left on device")
        return write(file)

    from interrogator.batch import job as module

    write = module.write_file
    monkeypatch.setattr(module, "write_file", full)
    with pytest.raises(InterrogatorError, match=r"No space left on device.*make room"):
        run(job, service)
    monkeypatch.undo()
    assert (job.place / FILE).exists()
    assert run(job, service).failed == 1
    assert len(list(job.place.rglob("*.txt"))) == 12


ODD_NAMES = (
    "猫.png", "кошка.png", "قطة.png", "חתול.png", "แมว.png", "बिल्ली.png", "naïve é.png", "🐈.png",
    "two\nlines.png", "tab\there.png", "quo\"te,;'.png", "-rf.png", "a  b .png", "%00.png",
    "UP.PNG", os.fsdecode(b"caf\xe9.png"),
)  # fmt: skip


@pytest.fixture
def odd(painted, tmp_path):
    """A folder of all that is odd: its root, and how many of its items are broken."""
    root, data = tmp_path / "odd", list(painted.values())
    (root / "shut").mkdir(parents=True)
    for number, name in enumerate(ODD_NAMES):
        folder = root / f"folder {number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data[number % len(data)] + bytes([number]))
    for copy in range(4):
        shutil.copy(root / "folder 0" / ODD_NAMES[0], root / f"copy {copy}.png")
    (root / "folder 1" / "round").symlink_to(root)
    (root / "self.png").symlink_to("self.png")
    (root / "shut" / "inside.png").write_bytes(data[0])
    (root / "cut\n.png").write_bytes(data[0][:60])
    return root, 2  # and each a tenth of all


def test_whatever_is_odd_about_a_folder_it_is_finished_and_nothing_is_lost(
    job, service, odd, monkeypatch
):
    """Every name once, in table and text; originals as they were; what cannot be had is told."""
    root, broken = odd
    scan = os.scandir

    def refuse(folder):  # as for a user who may not look into it; root may
        if os.fspath(folder).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    before = contents(root)
    monkeypatch.setattr(os, "scandir", refuse)
    job = replace(job, source=open_source(str(root), without=job.place))
    summary = run(job, service)
    rows = {row["path"]: row for row in lines(job)}
    assert len(rows) == summary.items == len(ODD_NAMES) + 4 + broken + 1
    assert summary.failed == broken + 1
    failed = {name for name, row in rows.items() if row.get("error")}
    assert failed == {"self.png", "cut\n.png", "shut"}
    assert "Permission denied" in rows["shut"]["error"]
    shown = {Item(name, "", bytes, ()).shown for name in ODD_NAMES}
    assert {name.split("/")[-1] for name in rows if name.startswith("folder")} == shown
    good = [item for item in job.source.items() if item.shown not in failed]
    for item in good:
        assert job.sidecars.path(item).read_text("utf-8") == rows[item.shown]["prompt"] + "\n"
    assert len({rows[f"copy {copy}.png"]["prompt"] for copy in range(4)}) == 1
    again = run(job, service)  # what could not be read at all may be readable now
    assert (again.computed, again.items, again.failed) == (2, summary.items, summary.failed)
    monkeypatch.undo()
    assert contents(root) == before


def test_texts_that_may_not_be_written_are_told_and_come_when_they_may(job, service, monkeypatch):
    """Beside pictures in a place that is read-only, which it is not for root by itself."""
    write = Path.write_bytes
    beside = replace(job, sidecars=replace(job.sidecars, beside=True))
    folder = job.source.folder

    def refuse(path, data):
        if path.is_relative_to(folder):
            raise OSError(errno.EROFS, "Read-only file system")
        return write(path, data)

    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        summary = run(beside, service)
    assert contents(folder) == before
    assert summary.failed == summary.items == 13
    rows = lines(job)
    assert sum("Read-only file system" in row["error"] for row in rows) == 12
    assert all(row["prompt"] for row in rows if "Read-only" in row["error"])
    assert run(beside, service).failed == 1
    assert len(list(folder.rglob("*.txt"))) == 12


def contents(folder):
    """Every file's bytes, and where every link leads."""
    paths = [Path(at) / name for at, _, names in os.walk(folder) for name in names]
    return {p: p.readlink() if p.is_symlink() else p.read_bytes() for p in paths}


@pytest.mark.parametrize(
    ("seconds", "text"), [(4, "4 s"), (600, "10 min"), (12600, "3.5 h"), (1e6, "11.6 days")]
)
def test_durations_are_said_as_people_do(seconds, text):
    assert duration(seconds) == text
