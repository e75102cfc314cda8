"""Captioner and CLIP in turns: the same rows, and never both in memory."""

import gc
import json
import shutil
import weakref
from dataclasses import replace

import pytest
import torch

from interrogator.batch import engine, turns
from interrogator.batch.job import Job, dry_run, run
from interrogator.batch.outputs import Sidecars
from interrogator.batch.pictures.sources import open_source
from interrogator.models import memory, store
from interrogator.models.registry import PRESETS
from interrogator.networks.captioner import Captioner
from interrogator.networks.runtime import Runtime
from interrogator.request import Request
from interrogator.serving.service import Service
from interrogator.settings import Settings


@pytest.fixture
def job(folder, tmp_path):
    shutil.copy(folder / "p01.png", folder / "zz copy.png")
    place = tmp_path / "out"
    return Job(
        open_source(str(folder), without=place), place, Request(PRESETS["demo"]), Sidecars(place),
        ("txt", "jsonl"), size=4, threads=2,
    )  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    """A service in a memory that has room for one model, and what was loaded, in its order."""
    loaded, alive = [], []
    monkeypatch.setattr(memory, "needed", lambda *names, **kinds: float(len(set(names))))
    monkeypatch.setattr(memory, "limit", lambda: 1.5)
    monkeypatch.setattr(turns, "GROUP", 8)

    def watched(kind, load, model_of):
        def checked(*arguments):
            gc.collect()
            assert [kind for kind, model in alive if model() is not None] == [], "both in memory"
            found = load(*arguments)
            alive.append((kind, weakref.ref(model_of(found))))
            loaded.append(kind)
            return found

        return checked

    for name, kind, model_of in (
        ("load_captioner", "captioner", lambda captioner: captioner.model),
        ("load_without_captioner", "clip", lambda models: models.clip.model),
    ):
        monkeypatch.setattr(store, name, watched(kind, getattr(store, name), model_of))
    return Service(Runtime(torch.device("cpu"), torch.float32)), loaded


def rows(job):
    text = (job.place / "prompts.jsonl").read_text("utf-8")
    return [json.loads(line) | {"seconds": 0} for line in text.splitlines()]


@pytest.mark.parametrize("mode", ["fast", pytest.param("best", marks=pytest.mark.slow)])
def test_in_turns_the_rows_are_the_same(job, service, small, tmp_path, mode):
    request = replace(job.request, settings=Settings(mode))
    place = tmp_path / "both"
    both = replace(job, request=request, place=place, sidecars=Sidecars(place))
    assert run(both, service).failed == 1
    slow, loaded = small
    assert run(replace(job, request=request), slow).failed == 1
    assert loaded == ["captioner", "clip"] * 2  # groups of 8, of 14 items
    assert rows(job) == rows(both)
    assert run(job, slow).items == 14


def test_what_is_done_loads_nothing(job, small):
    service, loaded = small
    run(job, service)
    before = len(loaded)
    assert run(job, service).computed == 0
    assert len(loaded) == before


def test_a_caption_that_is_given_needs_no_captioner(job, small):
    service, loaded = small
    run(
        replace(job, request=replace(job.request, settings=Settings(caption="a typed one"))),
        service,
    )
    assert set(loaded) == {"clip"}
    assert all(row["caption"] == "a typed one" for row in rows(job) if "caption" in row)


def test_a_picture_that_cannot_be_described_costs_the_others_nothing(job, small, monkeypatch):
    service, _ = small
    logged = []  # and not pytest's log, which would keep the error, and with it the model
    monkeypatch.setattr(engine.log, "error", lambda text, exc_info: logged.append(str(exc_info)))
    candidates = Captioner.candidates_of
    odd = []

    def break_down(self, inputs, how):
        odd[:] = odd or [inputs[0]["pixel_values"]]
        if any(one["pixel_values"] is odd[0] for one in inputs):
            raise RuntimeError("a bug")
        return candidates(self, inputs, how)

    monkeypatch.setattr(Captioner, "candidates_of", break_down)
    assert run(job, service).failed == 3  # the broken one, this, and its copy
    assert logged == ["a bug"]
    assert [row["path"] for row in rows(job) if "RuntimeError" in row.get("error", "")] == [
        "p01.png", "zz copy.png",
    ]  # fmt: skip


def test_a_picture_that_changes_between_the_turns_says_so(job, small, folder, monkeypatch):
    service, _ = small
    rank = turns.Turns._rank

    def changed(self, group, known, is_known, threads):
        (folder / "p02.png").write_bytes((folder / "p04.png").read_bytes() + b"!")
        return rank(self, group, known, is_known, threads)

    monkeypatch.setattr(turns.Turns, "_rank", changed)
    assert run(job, service).failed == 2
    (row,) = [row for row in rows(job) if row["path"] == "p02.png"]
    assert row["error"] == turns.CHANGED
    monkeypatch.undo()


def test_a_dry_run_takes_turns_too(job, small):
    service, loaded = small
    assert dry_run(job, service).startswith(
        "14 pictures. A sample of 14 was tried; 1 of it failed."
    )
    assert set(loaded) == {"captioner", "clip"}
    assert not job.place.exists()
