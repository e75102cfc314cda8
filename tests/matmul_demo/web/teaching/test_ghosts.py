"""Saved races as ghosts: what they are called, and for which product."""

import json

import pytest

from matmul_demo.errors import RaceError
from matmul_demo.racing import saved
from matmul_demo.web.teaching import ghosts

RACE = {
    "shape": "3x4x5", "threads": 2, "machine": {"name": "a processor"}, "date": "2026-01-02",
    "results": [{"strategy": "naive_lists", "status": "ok", "seconds": 0.5}],
}  # fmt: skip


def test_a_saved_race_is_named_by_machine_threads_and_date():
    ghost = ghosts.read_file(json.dumps(RACE).encode())
    assert ghost.name == "a processor, 2 threads, float32, 2026-01-02"
    assert ghost.seconds("3x4x5") == {"naive_lists": 0.5}
    assert ghost.seconds("5x4x3") == {}


def test_bytes_that_are_no_text_are_a_sentence():
    with pytest.raises(RaceError, match="not JSON"):
        ghosts.read_file(b"\xff\xfe")


def test_races_of_real_devices_are_found_by_name(tmp_path, monkeypatch):
    text = json.dumps({"device": "A GPU", "races": [RACE, {**RACE, "shape": "6x7x8"}]})
    (tmp_path / "race-a-gpu.json").write_text(text)
    devices = saved.devices
    monkeypatch.setattr(saved, "devices", lambda: devices(tmp_path))
    (name,) = saved.devices()
    assert "A GPU" in name
    assert set(ghosts.device_ghost(name).races) == {"3x4x5", "6x7x8"}
    assert ghosts.device_ghost("../../etc/passwd") is None
