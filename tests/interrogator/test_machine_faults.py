"""Faults of the machine in the midst of an interrogation: a sentence, and nothing for the next."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.models.registry import ASSETS, PRESETS
from interrogator.models.store import DefaultModels
from interrogator.networks.captioner import Captioner
from interrogator.networks.clip import Clip
from interrogator.networks.runtime import Runtime
from interrogator.prompts import table
from interrogator.serving.service import Service
from interrogator.web.handlers import Handlers

CAT = str(ASSETS / "examples" / "cat-pop-art.jpg")
CPU = Runtime(torch.device("cpu"), torch.float32)


@pytest.fixture
def alone():
    """Handlers with a service of their own, whose models may be lost."""
    service = Service(CPU)
    service.defaults = DefaultModels(PRESETS["demo"], "The hub is not there.")
    return Handlers(service)


@pytest.fixture
def broken(monkeypatch):
    """Makes a step of every interrogation raise an error until it is mended."""

    def break_it(owner, name, error):
        def fail(*_, **__):
            raise error

        patch = pytest.MonkeyPatch()
        patch.setattr(owner, name, fail)
        patches.append(patch)
        return patch.undo

    patches: list[pytest.MonkeyPatch] = []
    yield break_it
    for patch in patches:
        patch.undo()


MEMORY = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to")


@pytest.mark.parametrize(
    ("owner", "step", "error", "says"),
    [
        (Captioner, "candidates", MemoryError(), "run out of memory"),
        (Captioner, "candidates", torch.OutOfMemoryError("CUDA out of memory."), "out of memory"),
        (Clip, "encode_pair", MEMORY, "run out of memory"),
        (Clip, "encode_text", MEMORY, "run out of memory"),
        (Clip, "encode_pair", RuntimeError("CUDA error: device-side assert"), "GPU.*has failed"),
    ],
    ids=["caption", "caption on a GPU", "picture", "phrases", "GPU lost"],
)
def test_a_fault_of_the_machine_is_a_sentence_and_the_next_visitor_notices_nothing(
    alone, broken, owner, step, error, says
):
    before = alone.interrogate(CAT, {})
    mend = broken(owner, step, error)
    with pytest.raises(InterrogatorError, match=says):
        alone.interrogate(CAT, {})
    *_, drawn = alone.draw(CAT, alone.request({}))
    assert 'role="alert"' in drawn.status
    assert not alone.service.store.is_loaded(PRESETS["demo"])  # its memory was given back
    mend()
    after = alone.interrogate(CAT, {})
    assert (after["prompt"], after["similarity"]) == (before["prompt"], before["similarity"])


def test_after_a_gpu_is_lost_the_processor_computes(alone, broken):
    alone.service.store._runtime = Runtime(torch.device("cpu"), torch.float16)  # stands for a GPU
    mend = broken(Captioner, "candidates", RuntimeError("CUDA error: unspecified launch failure"))
    with pytest.raises(InterrogatorError, match="processor"):
        alone.interrogate(CAT, {})
    mend()
    assert alone.service.store.runtime == CPU
    assert alone.interrogate(CAT, {})["models"]["device"] == "cpu"


def test_a_warm_up_that_dies_leaves_nothing_behind(alone, broken, caplog):
    mend = broken(Clip, "encode_text", MemoryError())
    alone.service._warm_up()
    assert "nothing was loaded ahead" in caplog.text
    assert alone.service.warming is None
    mend()
    assert "cat" in alone.interrogate(CAT, {})["caption"]


def test_a_step_that_takes_for_ever_is_ended_and_the_next_visitor_is_served(alone, monkeypatch):
    alone.interrogate(CAT, {})
    alone.service._guard.seconds = 0.5
    ended = threading.Event()

    def endless(*_):
        try:
            while True:
                pass
        finally:
            ended.set()

    with monkeypatch.context() as patch:
        patch.setattr(Captioner, "candidates", endless)
        with pytest.raises(InterrogatorError, match="was ended"):
            alone.interrogate(CAT, {})
    assert ended.wait(60)
    alone.service._guard.seconds = 300
    assert "cat" in alone.interrogate(CAT, {})["caption"]


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_clock_that_jumps_ends_nothing_and_holds_nothing(alone, monkeypatch, jump):
    real = time.time
    calls = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + (next(calls) % 2) * jump)
    done = alone.interrogate(CAT, {"mode": "best", "seconds": 30})
    assert 0 <= done["seconds"]["total"] < 3600
    assert not any("ended by the time" in note for note in done["notes"])


def test_two_processes_that_build_one_table_both_get_it_whole(demo, tmp_path, monkeypatch):
    """The second finishes between the first's last word and its move into place."""
    vocabulary, clip = demo.table.vocabulary, demo.models.clip
    real, others = table.save_file, []

    def slow(tensors, path):
        if not others:
            others.append(None)
            others[0] = table.table_for(vocabulary, clip, folder=tmp_path)
        real(tensors, path)

    monkeypatch.setattr(table, "_load_shipped", lambda *_: None)
    monkeypatch.setattr(table, "save_file", slow)
    first = table.table_for(vocabulary, clip, folder=tmp_path)
    torch.testing.assert_close(first.matrix, others[0].matrix, rtol=0, atol=0)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


@pytest.mark.parametrize("how", ["cut", "replaced"])
def test_a_table_changed_under_its_reader_changes_nothing_for_it(demo, tmp_path, monkeypatch, how):
    """A mapped file that is cut would end the whole server (SIGBUS)."""
    vocabulary, clip = demo.table.vocabulary, demo.models.clip
    monkeypatch.setattr(table, "_load_shipped", lambda *_: None)
    table.table_for(vocabulary, clip, folder=tmp_path)
    read = table.table_for(vocabulary, clip, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    if how == "cut":
        os.truncate(path, 100)
    else:
        (tmp_path / "other").write_bytes(b"something else")
        (tmp_path / "other").replace(path)
    torch.testing.assert_close(read.matrix, demo.table.matrix)
    again = table.table_for(vocabulary, clip, folder=tmp_path)  # and is made anew
    torch.testing.assert_close(again.matrix, read.matrix)


def test_a_list_that_vanished_from_the_server_is_a_sentence(alone, tmp_path):
    for path in (tmp_path / "gone.txt", tmp_path, Path("/dev/zero"), "a\0b"):
        with pytest.raises(InterrogatorError, match=r"no such file\. Send the list again"):
            alone.interrogate(CAT, {"own_files": [str(path)]})
    with pytest.raises(InterrogatorError, match="1,000 files; up to 100"):
        alone.interrogate(CAT, {"own_files": ["x.txt"] * 1000})


def test_a_full_disk_costs_no_picture(alone, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("INTERROGATOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.mkstemp", full)
    assert "cat" in alone.interrogate(CAT, {"own_words": "fog"})["caption"]


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 1), (2, 3), (4096, 5)])
def test_pictures_of_odd_shapes_get_a_prompt(alone, tmp_path, size):
    Image.new("RGB", size, (200, 30, 90)).save(tmp_path / "odd.png")
    done = alone.interrogate(str(tmp_path / "odd.png"), {})
    assert done["prompt"]
    assert -1 <= done["similarity"] <= 1
