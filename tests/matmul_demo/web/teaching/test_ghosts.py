"""Saved races as ghosts: what they are called, and for which product."""

import json

import pytest

from matmul_demo.errors import RaceError
from matmul_demo.racing import saved
from matmul_demo.web.teaching import ghosts
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL, Workload

RACE = {
    "shape": "3x4x5", "threads": 2, "machine": {"name": "a processor"}, "date": "2026-01-02",
    "results": [{"strategy": "naive_lists", "status": "ok", "seconds": 0.5}],
}  # fmt: skip


def test_a_saved_race_is_named_by_machine_threads_and_date():
    ghost = ghosts.read_file(json.dumps(RACE).encode())
    assert ghost.name == "a processor, 2 threads, 2026-01-02"
    assert ghost.seconds(Workload(3, 4, 5)) == {"naive_lists": 0.5}
    assert ghost.mismatch(Workload(3, 4, 5)) == ""


@pytest.mark.parametrize(
    ("other", "this"),
    [(Workload(5, 4, 3), "5x4x3 in float32"), (Workload(3, 4, 5, "float64"), "3x4x5 in float64")],
)
def test_a_ghost_of_other_sizes_or_numbers_has_no_marks_and_says_so(other, this):
    ghost = ghosts.read_file(json.dumps(RACE).encode())
    assert ghost.seconds(other) == {}
    assert "a processor, 2 threads, 2026-01-02, multiplied 3x4x5 in float32:" in ghost.mismatch(
        other
    )
    assert ghost.mismatch(other).endswith(f"and this one is {this}.")


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
    races = {("3x4x5", "float32"), ("6x7x8", "float32")}
    assert set(ghosts.device_ghost(name).races) == races
    assert ghosts.device_ghost("../../etc/passwd") is None


def test_the_processor_of_our_benchmarks_is_offered_with_the_lessons_products():
    """As `bench_race.py` printed it."""
    kept = [ghosts.device_ghost(name) for name in saved.devices()]
    (processor,) = (
        ghost for ghost in kept if "naive_lists" in ghost.seconds(Workload(10, 784, 10))
    )
    assert {(LESSON_BATCH, "float32"), (LESSON_FULL, "float32")} <= set(processor.races)
    assert " threads" in processor.name
