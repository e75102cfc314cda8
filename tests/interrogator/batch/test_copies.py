"""Copies of pictures with their prompts in them: beside no original, whole, and once."""

import json
import shutil
from dataclasses import replace

import pytest
from PIL import Image

from interrogator.batch.cli import main
from interrogator.batch.job import Job, dry_run, run
from interrogator.batch.manifest import Manifest
from interrogator.batch.outputs import Sidecars
from interrogator.batch.pictures.sources import open_source
from interrogator.images import stored
from interrogator.models.registry import PRESETS
from interrogator.request import Request
from interrogator.settings import Settings


@pytest.fixture
def job(folder, tmp_path):
    place = tmp_path / "out"
    return Job(
        open_source(str(folder), without=place), place, Request(PRESETS["demo"]), Sidecars(place),
        ("copies", "jsonl"), size=4, threads=2,
    )  # fmt: skip


def rows(job):
    text = (job.place / "prompts.jsonl").read_text("utf-8")
    return {row["path"]: row for row in map(json.loads, text.splitlines())}


def prompt_in(path):
    return stored.read(path).prompts[0].prompt


def states(place):
    """When each copy was written, and in which file."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in place.rglob("*.png")}


def test_every_picture_has_a_copy_with_its_prompt_in_it_and_stays_as_it_is(job, service, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(job, service).failed == 1  # the broken one
    found = rows(job)
    assert len(found) == 13
    for name, row in found.items():
        if "error" not in row:
            copy = job.place / name
            assert prompt_in(copy) == row["prompt"]
            assert Image.open(copy).tobytes() == Image.open(folder / name).tobytes()
    assert len(list(job.place.rglob("*.png"))) == 12
    assert not list(job.place.rglob("*.txt"))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_copy_is_written_once_and_one_that_was_deleted_comes_back(job, service):
    run(job, service)
    written = states(job.place)
    run(job, service)
    assert states(job.place) == written
    (job.place / "p01.png").unlink()
    run(job, service)
    assert {p for p, state in states(job.place).items() if state != written[p]} == {
        job.place / "p01.png"
    }


def test_another_options_copy_takes_the_place_of_ours(job, service):
    run(job, service)
    before = {path: path.read_bytes() for path in states(job.place)}
    settings = Settings("classic", target="midjourney", with_negative=True)
    request, sidecars = (
        replace(job.request, settings=settings),
        replace(job.sidecars, target="midjourney"),
    )
    other = replace(job, request=request, sidecars=sidecars)
    assert run(other, service).failed == 1
    for path, data in before.items():
        assert path.read_bytes() != data
        name = path.relative_to(job.place).as_posix()
        assert rows(job)[name]["written"]["midjourney"] in path.read_bytes().decode("latin-1")


def test_a_format_that_holds_no_prompt_has_its_sentence_and_its_prompt_all_the_same(
    job, service, folder
):
    Image.open(folder / "p01.png").save(folder / "moving.gif")
    assert run(job, service).failed == 2
    row = rows(job)["moving.gif"]
    assert "can be written into PNG, JPEG and WebP" in row["error"]
    assert row["prompt"]
    assert not (job.place / "moving.gif").exists()
    both = replace(job, formats=("txt", "copies", "jsonl"))
    shutil.copy(folder / "p01.png", folder / "moving.png")
    run(both, service)
    error = rows(job)["moving.gif"]["error"]  # its text was first; the other one's is refused
    assert "PNG, JPEG and WebP" in error
    assert "already the text" not in error
    assert "already the text" in rows(job)["moving.png"]["error"]
    assert prompt_in(job.place / "moving.png") == row["prompt"]


def test_what_is_no_copy_of_ours_is_not_written_over(job, service):
    job.place.mkdir()
    (job.place / "p01.png").write_bytes(b"somebody's")
    assert run(job, service).failed == 2
    assert "is no copy of this picture" in rows(job)["p01.png"]["error"]
    (job.place / "p02.png").write_bytes(b"edited by hand")
    assert run(job, service).failed == 3
    assert (job.place / "p01.png").read_bytes() == b"somebody's"
    assert (job.place / "p02.png").read_bytes() == b"edited by hand"


def test_no_copy_takes_the_place_of_its_picture(job, service, folder, capsys):
    """In the same folder, or in one that is the same by a link."""
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    line = [str(folder), "--out", str(folder), "--format", "copies", "--preset", "demo"]
    assert main(line) == 2
    assert "Copies would lie where their pictures are" in capsys.readouterr().err
    job.place.mkdir()
    (job.place / "sub").symlink_to(folder / "sub")
    assert run(job, service).failed == 5
    assert "where it lies itself" in rows(job)["sub/p00.png"]["error"]
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_copies_that_were_not_kept_in_mind_are_known_by_their_bytes(job, service, monkeypatch):
    """As after `kill -9` between a copy and the manifest's note of it."""

    def killed(self, outcomes):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "copied", killed)
        with pytest.raises(KeyboardInterrupt):
            run(job, service)
    written = states(job.place)
    assert len(written) == 3  # of the first chunk
    assert run(job, service).failed == 1
    assert {path: state for path, state in states(job.place).items() if path in written} == written
    assert len(states(job.place)) == 12


def test_no_space_for_a_copy_ends_the_run_and_the_next_one_goes_on(job, service, monkeypatch):
    from interrogator.batch import copies

    written = []

    def full(path, data):
        written.append(path)
        if len(written) == 6:
            raise OSError(28, "No space left on device")
        return place(path, data)

    place = copies.place_bytes
    with monkeypatch.context() as patch:
        patch.setattr(copies, "place_bytes", full)
        with pytest.raises(Exception, match=r"No space left on device.*make room"):
            run(job, service)
    assert run(job, service).failed == 1
    assert len(states(job.place)) == 12


def test_a_dry_run_counts_their_bytes(job, service):
    text = dry_run(job, service)
    assert int(text.partition("Disk: ≈ ")[2].partition(" MiB")[0].replace(",", "")) >= 0
    assert not job.place.exists()
