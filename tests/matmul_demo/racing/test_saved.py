"""Saved races are read back; whatever else a file holds is a sentence."""

import json

import pytest

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing import saved
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.workloads import Workload

RIGHT = {"strategy": "matmul_numpy", "status": "ok", "seconds": 2e-6}
RACE = {"shape": "10x784x10", "dtype": "float64", "results": [RIGHT]}


def test_a_race_that_was_saved_comes_back():
    first, second = LADDER[0], LADDER[1]
    timing = Timing((1e-3, 2e-3, 3e-3), Part(10, 10), 0.1)
    outcomes = (Outcome(first.key, "ok", timing, 1e-7), Outcome(second.key, "wrong", timing, 1.0))
    machine = Machine("a processor", 100.0, "so", 10.0, "thus")
    report = RaceReport(Workload(10, 5, 10), 2, (first, second), outcomes, "done", machine)
    race = saved.read(json.dumps(report.to_json()))
    assert (race.shape, race.dtype, race.machine, race.threads) == (
        "10x5x10", "float32", "a processor", 2,
    )  # fmt: skip
    assert race.seconds == {first.key: pytest.approx(2e-3)}
    assert len(race.date) == 10


def test_devices_are_offered_by_name_and_what_cannot_be_read_is_left_out(tmp_path):
    record = {"device": "a GPU", "date": "2026-01-02", "races": [RACE, {**RACE, "shape": "8x8x8"}]}
    (tmp_path / "race-gpu.json").write_text(json.dumps(record))
    (tmp_path / "race-broken.json").write_text("{")
    (tmp_path / "race-binary.json").write_bytes(b"\xff\xfe")
    on_cpu = {**RACE, "machine": {"name": "a processor"}, "threads": 2}
    table = "a table\n\n" + json.dumps({"benchmark": "race", "races": [on_cpu]}) + "\n"
    (tmp_path / "bench_race.txt").write_text(table)
    (tmp_path / "bench_race_limit.txt").write_text('a table\n{"rows": []}\n')
    (tmp_path / "bench_race_none.txt").write_text("")
    (name, races), (processor, _) = saved.devices(tmp_path).items()
    assert (name, processor) == ("a GPU, 2026-01-02", "a processor, date not kept")
    assert [race.shape for race in races] == ["10x784x10", "8x8x8"]
    assert saved.devices(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[" * 100_000, "null", "3", "[]", "{}", '"race"', '{"races": 3}', '{"races": []}',
        json.dumps({**RACE, "shape": "0x1x1"}),
        json.dumps({**RACE, "shape": None}),
        json.dumps({**RACE, "shape": {"a": 1}}),
        json.dumps({**RACE, "results": "none"}),
        json.dumps({**RACE, "results": [None, 3, [], {}]}),
        *(
            json.dumps({**RACE, "results": [{**RIGHT, **wrong}]})
            for wrong in (
                {"seconds": None}, {"seconds": "1"}, {"seconds": True}, {"seconds": -1},
                {"seconds": float("nan")}, {"seconds": float("inf")}, {"seconds": 10**400},
                {"status": "wrong"}, {"strategy": "<b>"}, {"strategy": ["matmul_numpy"]},
            )
        ),
        " " * (saved.MAX_CHARACTERS + 1),
    ],
)  # fmt: skip
def test_any_other_file_is_a_sentence(content):
    with pytest.raises(RaceError, match=r"Choose a JSON file that the page"):
        saved.read(content)


def test_names_are_one_short_line():
    machine = {"name": "<b>\n\x00" + "x" * 1000}
    race = saved.read(json.dumps({**RACE, "machine": machine, "threads": -1, "date": 5}))
    assert race.machine.startswith("<b> xxx")  # whoever draws it escapes it
    assert len(race.machine) == saved.NAME_LENGTH
    assert (race.threads, race.date) == (None, "")
