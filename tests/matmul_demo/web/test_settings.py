"""Presets, the link that carries settings, and the page's fields."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from matmul_demo.errors import RaceError
from matmul_demo.lanes import gpu
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.processor import available_threads
from matmul_demo.web import fields
from matmul_demo.web.settings import PRESETS, Settings, read_query, runnable

CHOSEN = Settings(
    "3x784x7", ("naive_lists", "matmul_numpy"), "float64", "cpu", 1, 30.0, "cold", "matmul_numpy",
    "digits",
)  # fmt: skip


def query_of(settings):
    return dict(parse_qsl(settings.query().removeprefix("?"), strict_parsing=True))


@pytest.mark.parametrize("settings", [Settings(), CHOSEN, *(p.settings for p in PRESETS[:3])])
def test_a_link_restores_what_it_was_made_from(settings):
    found, complaints = read_query(query_of(settings))
    assert complaints == ()
    assert found == settings


def test_a_link_says_only_what_is_not_as_usual():
    assert Settings().query() == "?race=10x784x10"
    assert query_of(replace(CHOSEN, dtype="float32", budget=Settings.budget)) == {
        "race": "3x784x7", "lanes": "naive_lists,matmul_numpy", "threads": "1", "cache": "cold",
        "baseline": "matmul_numpy", "data": "digits",
    }  # fmt: skip


def test_a_link_of_something_else_is_not_for_the_race():
    assert read_query({"__theme": "dark", "lanes": "naive_lists"}) is None


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("race", "a lot", "cannot be read"),
        ("race", "0x1x1", "between 1 and"),
        ("race", "1000000x1x1000000", "GiB"),
        ("lanes", "fastest,<script>", "No lane of 'fastest,<script>' can run"),
        ("lanes", "", "No lane of ''"),
        ("dtype", "int4" * 1000, "choose one of float32, float64"),
        ("device", "tpu", "choose one of cpu, cuda"),
        ("threads", "0", "0 threads"),
        ("threads", "²", "'²' threads"),
        ("threads", "9" * 5000, "threads are not possible"),
        ("budget", "nan", "nan"),
        ("budget", "inf", "inf"),
        ("budget", "soon", "'soon' is not a number"),
        ("cache", "lukewarm", "warm, cold"),
        ("data", "cats", "auto, normal, digits"),
        ("baseline", "../../etc", "cannot run on this machine"),
    ],
)
def test_what_a_link_says_wrongly_is_a_sentence_and_the_rest_holds(name, value, complaint):
    query = {"race": "3x5x7", "seed": "1"} | {name: value}
    settings, complaints = read_query(query)
    assert len(complaints) == 1
    assert complaint in complaints[0]
    assert len(complaints[0]) < 300
    assert settings == Settings("10x784x10" if name == "race" else "3x5x7")
    settings.race()  # what is left can be raced


def test_values_that_only_together_are_too_much_fall_back_as_well():
    # 1.13 GB in float64, half of that in float32
    settings, complaints = read_query({"race": "1x1000000x140", "dtype": "float64"})
    assert settings.shape == "10x784x10"
    assert "GiB" in complaints[0]
    settings, complaints = read_query({"race": "3x5x7", "data": "digits"})
    assert settings == Settings(data="digits")
    assert "784 pixels" in complaints[0]


@pytest.mark.skipif(gpu.missing() is None, reason="the GPU is there")
def test_a_link_from_a_machine_with_a_gpu_says_that_there_is_none_here():
    settings, complaints = read_query({"race": "3x5x7", "device": "cuda"})
    assert settings.device == "cpu"
    assert "no CUDA GPU" in complaints[0]


def test_every_preset_is_a_race_of_known_lanes_with_its_baseline_among_them():
    assert [preset.name for preset in PRESETS] == [
        "The lesson", "Loop order", "Who is fastest at 1024³", "GPU clocks",
    ]  # fmt: skip
    known = {lane.key for lane in LADDER}
    for preset in PRESETS:
        assert set(preset.settings.lanes) <= known
        assert preset.settings.baseline in preset.settings.lanes
        assert preset.settings.race().workload.shape == preset.settings.shape
    clocks = {lane.key for lane in LADDER if lane.key.startswith("cuda_")}
    assert len(clocks) == 4
    assert clocks <= set(PRESETS[3].settings.lanes)
    assert [preset.missing() for preset in PRESETS[:3]] == [None] * 3
    assert PRESETS[3].missing() == gpu.missing()


def test_a_race_shows_the_lanes_that_cannot_run_but_does_not_choose_them():
    race = Settings(lanes=("matmul_numpy",)).race()
    missing = [lane.key for lane in LADDER if lane not in runnable()]
    assert [lane.key for lane in race.lanes] == ["matmul_numpy", *missing]
    with pytest.raises(RaceError, match="tick at least one"):
        Settings(lanes=()).race()


@pytest.mark.parametrize("settings", [CHOSEN, *(preset.settings for preset in PRESETS[:3])])
def test_the_pages_fields_hold_settings_and_give_them_back(settings):
    values = fields.to_fields(settings)
    assert len(values) == len(fields.FIELDS)
    assert fields.to_settings(*values) == settings
    assert values[0] == (settings.shape if settings.shape != "3x784x7" else None)


def test_fields_that_were_emptied_are_a_sentence():
    values = list(fields.to_fields(Settings()))
    values[1] = None
    with pytest.raises(RaceError, match="three whole numbers"):
        fields.to_settings(*values).race()
    values[1] = -4
    with pytest.raises(RaceError, match="three whole numbers"):
        fields.to_settings(*values).race()


def test_the_link_on_the_page_is_escaped():
    html = fields.link(*fields.to_fields(CHOSEN))
    assert 'href="?race=3x784x7&amp;lanes=naive_lists,matmul_numpy&amp;' in html
    assert f"threads={available_threads()}" not in fields.link(*fields.to_fields(Settings()))
