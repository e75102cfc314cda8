"""The writer: files as trainers read them, whole or not at all, and tables."""

import csv
import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow import parquet

from interrogator.batch.manifest import Manifest, Outcome
from interrogator.batch.outputs import Sidecars, write_file, write_tables
from interrogator.batch.pictures.items import Item, refuse
from interrogator.errors import InterrogatorError

ROW = {
    "prompt": "a cat, oil painting, warm", "caption": "a cat", "negative_prompt": "blurry",
    "phrases": [{"text": "oil painting"}, {"text": "warm"}], "mode": "fast", "similarity": 0.5,
    "tokens": 9, "token_limit": 77, "notes": [], "target": "", "written": {"flux": "A cat."},
}  # fmt: skip


def item(name, path=None):
    return Item(name, "1", refuse, ("",), path)


@pytest.fixture
def manifest(tmp_path):
    with Manifest(tmp_path / "out") as manifest:
        yield manifest


def written(manifest, sidecars, one, key="k", row=ROW):
    """Do with an item what a job does; return its file's text, or None where none is written."""
    file = sidecars.plan(one, key, lambda: row, manifest)
    manifest.commit([Outcome(one, 0, "c", key, row)], [file] if file else [])
    if file is None:
        return None
    manifest.written([(file, write_file(file))])
    return file.path.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "a cat, oil painting, warm\n"),
        ({"text": "caption"}, "a cat\n"),
        ({"text": "phrases"}, "oil painting, warm\n"),
        ({"target": "flux", "trigger": "sks"}, "sks, A cat.\n"),
        ({"target": "flux", "text": "caption"}, "a cat\n"),
        ({"text": "negative_prompt"}, "blurry\n"),
        ({"trigger": "sks cat"}, "sks cat, a cat, oil painting, warm\n"),
        ({"prefix": "photo of ", "suffix": ", 4k"}, "photo of a cat, oil painting, warm, 4k\n"),
    ],
)
def test_a_text_has_its_parts_in_order(manifest, tmp_path, options, text):
    assert written(manifest, Sidecars(tmp_path, **options), item("a.png")) == text


def test_names_are_those_of_the_pictures_as_trainers_look_for_them(tmp_path):
    here = Sidecars(tmp_path, extension=".caption")
    assert here.path(item("sub/a.b.png")) == tmp_path / "sub" / "a.b.caption"
    picture = Path("/elsewhere/a.png")
    assert Sidecars(tmp_path, beside=True).path(item("x/a.png", picture)) == Path(
        "/elsewhere/a.txt"
    )
    with pytest.raises(InterrogatorError, match="beside"):
        Sidecars(tmp_path, beside=True).path(item("a.png"))


@pytest.mark.parametrize(
    "name", ["../../up.png", "/etc/up.png", "a/../../up.png", "https://h/up.png"]
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    path = Sidecars(tmp_path).path(item(name))
    assert path.resolve().is_relative_to(tmp_path)
    assert path.name == "up.txt"


@pytest.mark.parametrize("extension", ["txt", "", ".png", "./x", ".t/xt"])
def test_an_extension_is_a_texts(tmp_path, extension):
    with pytest.raises(InterrogatorError, match="--extension"):
        Sidecars(tmp_path, extension=extension)


def test_what_somebody_wrote_is_kept_or_added_to_or_overwritten(manifest, tmp_path):
    for name in ("keep", "append", "overwrite"):
        (tmp_path / f"{name}.txt").write_text("my words\n")
    texts = {
        name: written(manifest, Sidecars(tmp_path, existing=name), item(f"{name}.png"), name)
        for name in ("keep", "append", "overwrite")
    }
    assert texts["keep"] is None
    assert (tmp_path / "keep.txt").read_text() == "my words\n"
    assert texts["append"] == "my words, a cat, oil painting, warm\n"
    assert texts["overwrite"] == "a cat, oil painting, warm\n"


def test_what_was_appended_is_not_appended_twice(manifest, tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    sidecars = Sidecars(tmp_path, existing="append")
    assert written(manifest, sidecars, item("a.png")) == "mine, a cat, oil painting, warm\n"
    assert written(manifest, sidecars, item("a.png")) is None  # it is there
    other = written(manifest, sidecars, item("a.png"), "other options", {**ROW, "prompt": "new"})
    assert other == "mine, new\n"


def test_our_own_text_is_replaced_and_one_that_was_changed_is_not(manifest, tmp_path):
    sidecars = Sidecars(tmp_path)
    written(manifest, sidecars, item("a.png"))
    assert written(manifest, sidecars, item("a.png"), "2", {**ROW, "prompt": "b"}) == "b\n"
    (tmp_path / "a.txt").write_text("changed by hand")
    assert written(manifest, sidecars, item("a.png"), "3", {**ROW, "prompt": "c"}) is None
    (tmp_path / "a.txt").unlink()
    assert written(manifest, sidecars, item("a.png"), "3", {**ROW, "prompt": "c"}) == "c\n"


def test_two_pictures_cannot_have_one_text(manifest, tmp_path):
    written(manifest, Sidecars(tmp_path), item("a.png"))
    with pytest.raises(InterrogatorError, match=r"a\.txt is already the text of another"):
        written(manifest, Sidecars(tmp_path), item("a.jpg"))


def test_what_cannot_be_written_says_so_and_leaves_nothing(manifest, tmp_path):
    (tmp_path / "a.txt").mkdir()
    (tmp_path / "a.txt" / "inside").touch()
    with pytest.raises(InterrogatorError, match="Is a directory"):
        Sidecars(tmp_path).plan(item("a.png"), "k", lambda: ROW, manifest)
    (tmp_path / "file").touch()
    with pytest.raises(InterrogatorError, match="Not a directory"):
        Sidecars(tmp_path / "file").plan(item("b.png"), "k", lambda: ROW, manifest)
    long = Sidecars(tmp_path, extension=".caption")
    file = replace(
        long.plan(item("c.png"), "k", lambda: ROW, manifest), path=tmp_path / ("x" * 300)
    )
    assert "cannot be written: File name too long" in write_file(file)
    assert not list(tmp_path.glob(".interrogator*"))


def test_no_space_is_not_one_pictures_fault(manifest, tmp_path, monkeypatch):
    file = Sidecars(tmp_path).plan(item("a.png"), "k", lambda: ROW, manifest)

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_file(file)
    monkeypatch.undo()
    assert write_file(file) is None


def test_tables_have_a_row_for_each_picture_in_order(manifest, tmp_path):
    manifest.commit([
        Outcome(item("b\n.png"), 1, "c2", "k2", {"error": "It is broken."}),
        Outcome(item("a\udce9.png"), 0, "c1", "k1", ROW),
    ])  # fmt: skip
    paths = write_tables(manifest, tmp_path, ("csv", "txt", "jsonl", "parquet"))
    assert [path.name for path in paths] == ["prompts.csv", "prompts.jsonl", "prompts.parquet"]
    lines = [json.loads(line) for line in paths[1].read_text("utf-8").splitlines()]
    assert lines == [
        {"path": "a\\xe9.png", "sha256": "c1", **ROW},
        {"path": "b\n.png", "sha256": "c2", "error": "It is broken."},
    ]
    with paths[0].open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["path"], first["phrases"]) == ("a\\xe9.png", "oil painting; warm")
    assert (second["path"], second["error"], second["prompt"]) == ("b\n.png", "It is broken.", "")
    columns = parquet.read_table(paths[2]).to_pydict()
    assert columns["phrases"] == [["oil painting", "warm"], []]
    assert columns["similarity"] == [0.5, None]
    assert columns["written"] == ["a cat, oil painting, warm", None]
    (path,) = write_tables(manifest, tmp_path, ("csv",), "flux")
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["written"] for row in csv.DictReader(file)] == ["A cat.", ""]
    assert columns["error"] == [None, "It is broken."]


def test_a_table_that_cannot_be_finished_leaves_the_old_one(manifest, tmp_path, monkeypatch):
    (tmp_path / "prompts.csv").write_text("old")
    manifest.commit([Outcome(item("a.png"), 0, "c", "k", ROW)])

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_tables(manifest, tmp_path, ("csv",))
    assert [path.name for path in tmp_path.glob("*prompts*")] == ["prompts.csv"]
    assert (tmp_path / "prompts.csv").read_text() == "old"
