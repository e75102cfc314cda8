"""Presets, the link that carries settings, and the controls that hold them."""

from dataclasses import replace
from urllib.parse import parse_qsl

import gradio as gr
import pytest

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS, LADDER
from matmul_demo.machine.accelerator import missing_gpu
from matmul_demo.machine.processor import available_threads
from matmul_demo.options import Settings, default_settings, options
from matmul_demo.web.controls import SIZES, _control, build_form
from matmul_demo.web.links import link, read_query, write_query
from matmul_demo.web.presets import PRESETS
from matmul_demo.web.teaching.job import LESSON_STEPS, PageRace

CHOICE = Settings(
    "3x784x7", ("naive_lists", "matmul_numpy"), "float64", "cpu", 1, 30.0, "cold", "matmul_numpy",
    "digits",
)  # fmt: skip
PAGE = default_settings("page", Settings)


def query_of(settings):
    return dict(parse_qsl(write_query(settings).removeprefix("?"), strict_parsing=True))


@pytest.mark.parametrize("settings", [PAGE, CHOICE, *(p.settings for p in PRESETS[:4])])
def test_a_link_restores_what_it_was_written_from(settings):
    assert read_query(query_of(settings)) == (settings, ())


def test_a_link_says_only_what_is_not_as_usual():
    assert write_query(PAGE) == "?race=10x784x10"
    assert query_of(replace(CHOICE, dtype="float32", budget=PAGE.budget)) == {
        "race": "3x784x7", "lanes": "naive_lists,matmul_numpy", "threads": "1", "cache": "cold",
        "baseline": "matmul_numpy", "data": "digits",
    }  # fmt: skip


def test_a_link_of_something_else_is_not_for_the_race():
    assert read_query({"__theme": "dark", "lanes": "naive_lists"}) is None


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("race", "a lot", "cannot be read"),
        ("race", "1000000x1x1000000", "GiB"),
        ("lanes", "fastest,<script>", "No lane of 'fastest,<script>' can run"),
        ("lanes", "", "No lane of ''"),
        ("dtype", "int4" * 1000, "choose one of float32, float64"),
        ("threads", "0", "'0' of threads"),
        ("budget", "nan", "nan"),
        ("cache", "lukewarm", "warm, cold"),
        ("baseline", "../../etc", "can run on this machine"),
        ("data", "digits", "784 pixels"),
        ("thread", "1", "A link to a race has no 'thread'; it may have race, lanes, dtype"),
    ],
)
def test_what_a_link_says_wrongly_is_a_sentence_and_the_rest_holds(name, value, complaint):
    settings, complaints = read_query({"race": "3x5x7", "__theme": "dark"} | {name: value})
    assert len(complaints) == 1
    assert complaint in complaints[0]
    assert len(complaints[0]) < 300
    assert settings == replace(PAGE, shape="10x784x10" if name == "race" else "3x5x7")


def test_what_only_together_is_too_much_costs_the_later_part():
    # 1.13 GB in float64, half of that in float32
    settings, complaints = read_query({"race": "1x1000000x140", "dtype": "float64"})
    assert (settings.shape, settings.dtype) == ("1x1000000x140", "float32")
    assert "GiB" in complaints[0]


def test_an_unknown_lane_is_named_and_the_others_are_chosen():
    settings, complaints = read_query({"race": "3x5x7", "lanes": "numba_ijk,nope"})
    assert settings.lanes == ("numba_ijk",)
    assert complaints == ("There is no lane nope; the others were chosen.",)


def test_a_link_has_the_limits_of_the_page():
    settings, complaints = read_query({"race": "10x784x10", "budget": "2"})
    assert (settings.budget, complaints) == (2.0, ())
    with gr.Blocks():
        slider = build_form(PAGE).controls["budget"]
    assert (slider.minimum, slider.maximum, slider.value) == (1, 120, 15)


@pytest.mark.skipif(missing_gpu() is None, reason="the GPU is there")
def test_a_link_from_a_machine_with_a_gpu_says_that_there_is_none_here():
    settings, complaints = read_query({"race": "3x5x7", "device": "cuda"})
    assert settings.device == "cpu"
    assert "no CUDA GPU" in complaints[0]


def test_every_preset_is_a_race_with_its_baseline_among_its_lanes():
    assert [preset.name for preset in PRESETS] == [
        "The lesson", "All lanes", "Loop order", "Who is fastest at 1024³", "GPU clocks",
    ]  # fmt: skip
    for preset in PRESETS:
        assert preset.settings.baseline in (None, *(preset.settings.lanes or ()))
    assert PRESETS[0].settings.budget < PRESETS[1].settings.budget == 15.0
    clocks = {key for key in KEYS if key.startswith("cuda_")}
    assert len(clocks) == 4
    assert clocks <= set(PRESETS[4].settings.lanes)
    assert [preset.missing() for preset in PRESETS] == [None] * 4 + [missing_gpu()]


def test_a_race_has_the_lanes_that_were_chosen_and_the_lesson_all_its_steps_in_its_order():
    assert [lane.key for lane in PageRace(Settings(lanes=("matmul_numpy",))).report.lanes] == [
        "matmul_numpy"
    ]
    lesson = PageRace(PRESETS[0].settings).report
    assert tuple(lane.key for lane in lesson.lanes) == LESSON_STEPS
    assert (lesson.workload.shape, lesson.full.workload.shape) == ("10x784x10", "50000x784x10")
    every = PageRace(PRESETS[1].settings).report
    assert (every.lanes, every.full) == (LADDER, None)


@pytest.fixture(scope="module")
def form():
    with gr.Blocks():
        return build_form(PAGE)


@pytest.mark.parametrize("settings", [PAGE, CHOICE, *(preset.settings for preset in PRESETS[:4])])
def test_the_controls_hold_settings_and_give_them_back(form, settings):
    values = form.values(settings)
    assert set(values) == set(form.components)
    alone = available_threads() == 1  # then one thread is all that there are
    assert form.settings(values) == replace(settings, threads=None if alone else settings.threads)
    known = settings.shape if settings.shape != "3x784x7" else None
    assert values[form.controls["shape"]] == known


@pytest.mark.parametrize(
    ("size", "sentence"),
    [(None, "No number is given for rows; write a whole"), (-4, "three whole numbers")],
)
def test_a_size_that_is_no_size_is_a_sentence(form, size, sentence):
    values = form.values(PAGE) | {form.controls[SIZES[0]]: size}
    with pytest.raises(RaceError, match=sentence):
        form.settings(values)


def test_a_machine_with_one_thread_shows_no_slider_for_it():
    (threads,) = (one for one in options() if one.name == "threads")
    assert not _control(replace(threads, limits=(1, 1)), 1).visible


def test_the_link_on_the_page_is_escaped():
    assert 'href="?race=3x784x7&amp;lanes=naive_lists,matmul_numpy&amp;' in link(CHOICE)
    assert f"threads={available_threads()}" not in link(PAGE)
