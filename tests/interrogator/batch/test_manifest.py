"""What is done is known, by contents and options, and only one process writes it."""

import sqlite3

import pytest

from interrogator.batch.manifest import FILE, Manifest, Outcome, PlannedFile
from interrogator.batch.pictures.items import Item, refuse
from interrogator.errors import InterrogatorError


def item(name, stamp="1"):
    return Item(name, stamp, refuse, ("",))


def test_what_was_committed_is_there_for_the_next_run(tmp_path):
    with Manifest(tmp_path) as manifest:
        row = {"prompt": "猫", "odd": "\udce9"}
        manifest.commit([Outcome(item("a\udce9\n.png"), 7, "c", "k", row)])
        assert (manifest.state("k"), manifest.row("k")) == (False, row)
        assert manifest.count() == (1, 0)
    with Manifest(tmp_path) as manifest:
        assert manifest.content_of(item("a\udce9\n.png")) == "c"
        assert manifest.content_of(item("a\udce9\n.png", "2")) is None
        assert manifest.state("k") is False
        assert manifest.state("other options") is None
        assert manifest.count() == (0, 0)  # of this run
        manifest.commit([Outcome(item("b.png"), 0, "c", "k", None)])
        assert [(name, content) for name, content, *_ in manifest.rows()] == [("b.png", "c")]


def test_a_result_is_kept_once_and_only_a_failure_is_replaced(tmp_path):
    with Manifest(tmp_path) as manifest:
        manifest.commit([Outcome(item("a.png"), 0, "c", "k", {"error": "No."})])
        assert (manifest.state("k"), manifest.count()) == (True, (1, 1))
        manifest.commit([Outcome(item("a.png"), 0, "c", "k", {"prompt": "one"})])
        manifest.commit([Outcome(item("a.png"), 0, "c", "k", {"prompt": "two"})])
        assert manifest.row("k") == {"prompt": "one"}
        assert manifest.count() == (1, 0)


def test_what_cannot_be_kept_whole_is_not_kept_at_all(tmp_path):
    with Manifest(tmp_path) as manifest:
        manifest._base.execute("PRAGMA max_page_count = 20")
        rows = [
            Outcome(item(f"{n}"), n, "c", f"k{n}", {"prompt": f"{n**99}" * 40}) for n in range(999)
        ]
        with pytest.raises(sqlite3.OperationalError, match="full"):
            manifest.commit(rows)
        assert manifest.count() == (0, 0)
        manifest.commit(rows[:1])
        assert manifest.count() == (1, 0)


def test_a_file_that_was_planned_is_written_by_the_next_run(tmp_path):
    file = PlannedFile(tmp_path / "a.txt", "a.png", "k", "style", None, b"data")
    with Manifest(tmp_path) as manifest:
        manifest.commit([Outcome(item("a.png"), 0, "c", "k", {})], [file])
        assert manifest.file(file.path) == (file, False)
    with Manifest(tmp_path) as manifest:
        assert manifest.unwritten() == [file]
        manifest.written([(file, None)])
        assert manifest.unwritten() == []
        assert manifest.file(file.path) == (file, True)


def test_a_place_is_one_process_s(tmp_path):
    with Manifest(tmp_path), pytest.raises(InterrogatorError, match="Another run"):
        Manifest(tmp_path)
    Manifest(tmp_path).close()


@pytest.mark.parametrize("contents", [b"no database, but long enough to be one" * 99])
def test_a_damaged_one_says_what_to_do(tmp_path, contents):
    (tmp_path / FILE).write_bytes(contents)
    with pytest.raises(InterrogatorError, match=f"its {FILE} is damaged"):
        Manifest(tmp_path)
    (tmp_path / FILE).unlink()
    Manifest(tmp_path).close()


def test_a_place_that_cannot_be_had_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InterrogatorError, match="cannot be written"):
        Manifest(tmp_path / "file" / "inside")
