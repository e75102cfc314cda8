"""Saved races as ghosts: what is read of them, and what is refused."""

import json

import pytest

from matmul_demo.errors import RaceError
from matmul_demo.web.teaching import ghosts

RACE = {
    "shape": "3x4x5", "threads": 2, "machine": {"name": "a processor"},
    "results": [
        {"strategy": "naive_lists", "status": "ok", "seconds": 0.5},
        {"strategy": "matmul_numpy", "status": "wrong", "seconds": 0.1},
        {"strategy": "a lane of tomorrow", "status": "ok", "seconds": 0.1},
    ],
}  # fmt: skip


def test_a_saved_race_gives_the_times_of_its_right_lanes():
    ghost = ghosts.read_ghost(json.dumps(RACE))
    assert ghost == ghosts.Ghost("a processor, 2 threads", {"3x4x5": {"naive_lists": 0.5}})
    assert ghost.seconds("5x4x3") == {}


@pytest.mark.parametrize(
    "text",
    [
        "", "<script>", "[]", "null", "7", "{}", "[" * 100_000, '{"races": []}', '{"races": 4}',
        json.dumps({**RACE, "shape": "large"}),
        json.dumps({**RACE, "results": [{"strategy": ["x"], "status": "ok", "seconds": 1}]}),
        json.dumps({**RACE, "results": [{**RACE["results"][0], "seconds": "soon"}]}),
        json.dumps({**RACE, "results": [{**RACE["results"][0], "seconds": -1}]}),
        json.dumps({**RACE, "results": [{**RACE["results"][0], "seconds": float("inf")}]}),
    ],
)  # fmt: skip
def test_what_is_no_race_is_a_sentence(text):
    with pytest.raises(RaceError, match="saved race"):
        ghosts.read_ghost(text)


def test_a_file_that_is_too_large_is_not_read():
    with pytest.raises(RaceError, match="at most 2 MB"):
        ghosts.read_file(b" " * (ghosts.MAX_BYTES + 1))


def test_races_of_real_devices_are_offered_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(ghosts, "RESULTS", tmp_path / "none")
    assert ghosts.device_races() == {}
    text = json.dumps({"benchmark": "race_gpu", "device": "A GPU", "races": [RACE]})
    (tmp_path / "race-a-gpu.json").write_text(text)
    monkeypatch.setattr(ghosts, "RESULTS", tmp_path)
    assert list(ghosts.device_races()) == ["A GPU"]
    assert ghosts.device_ghost("A GPU").seconds("3x4x5") == {"naive_lists": 0.5}
    assert ghosts.device_ghost("../../etc/passwd") is None
