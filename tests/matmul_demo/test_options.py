"""The table of options: what it accepts, and that an entry of it is found everywhere."""

import inspect
from dataclasses import dataclass

import pytest

from matmul_demo import cli
from matmul_demo.errors import RaceError
from matmul_demo.machine.processor import available_threads
from matmul_demo.options import Settings, default_settings, option, options


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"shape": None}, "value None of shape is not possible here; write text"),
        ({"shape": "10x2000000x10"}, "2000000 inner; each of the three sizes"),
        ({"shape": "8x8x8", "data": "digits"}, "784 pixels"),
        ({"lanes": ["fastest"]}, "'fastest' of lanes is not possible here; choose some of naive_l"),
        ({"lanes": []}, "choose at least one"),
        ({"lanes": " "}, "choose at least one"),
        ({"lanes": 7}, "value 7 of lanes"),
        ({"dtype": "int8"}, "'int8' of dtype is not possible here; choose one of float32, float64"),
        ({"dtype": "int4" * 1000}, "of dtype is not possible here; choose one of float32"),
        ({"device": "tpu"}, "cpu, cuda"),
        ({"threads": 0}, f"value 0 of threads .*from 1 to {available_threads()}"),
        ({"threads": 1.5}, r"value 1\.5 of threads"),
        ({"threads": True}, "value True of threads"),
        ({"threads": "two"}, "'two' of threads"),
        ({"threads": "²"}, "'²' of threads"),
        ({"threads": "9" * 5000}, "of threads is not possible"),
        ({"budget": 0.1}, "from 1 to 120"),
        ({"budget": float("nan")}, "value nan of budget"),
        ({"budget": "inf"}, "'inf' of budget"),
        ({"budget": [5]}, r"value \[5\] of budget"),
        ({"cache": "hot"}, "warm, cold"),
        ({"data": "cats"}, "auto, normal, digits"),
        ({"baseline": "fastest"}, "'fastest' of baseline is not possible"),
        (
            {"lanes": ["naive_lists"], "baseline": "matmul_numpy"},
            "baseline matmul_numpy is not among the lanes naive_lists",
        ),
    ],
)
def test_what_is_not_possible_is_a_sentence(values, complaint):
    with pytest.raises(RaceError, match=complaint) as refusal:
        Settings(**values)
    assert len(str(refusal.value)) < 1200


def test_numbers_and_lists_may_be_written_as_text():
    settings = Settings("3 × 784*7", "matmul_numpy", threads="1", budget=" 2.5 ", baseline="")
    assert settings == Settings("3x784x7", ("matmul_numpy",), threads=1, budget=2.5)
    assert settings.shape == "3x784x7"
    assert Settings(lanes="naive_lists, zip_lists").lanes == ("naive_lists", "zip_lists")
    assert Settings(lanes=["naive_lists"]).lanes == ("naive_lists",)
    assert Settings(threads=1.0).threads == 1
    assert type(Settings(budget=30).budget) is float


def test_the_budget_is_as_each_place_needs_it():
    assert [default_settings(place, Settings).budget for place in ("page", "api", "command")] == [
        15.0, 10.0, 20.0,
    ]  # fmt: skip


@dataclass(frozen=True)
class More(Settings):
    """A table with one entry more."""

    rounds: int = option(
        3, "times that everything is run, at most 9", limits=(1, 9), label="Rounds"
    )


def test_an_entry_of_the_table_is_a_flag_of_the_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"], More)
    assert "--rounds" in (text := " ".join(capsys.readouterr().out.split()))
    assert "times that everything is run, at most 9 (default 3)" in text
    assert cli.main(["--rounds", "12"], More) == 2
    assert "12' of rounds is not possible here; choose a number from 1 to 9" in (
        capsys.readouterr().err
    )


def test_an_entry_of_the_table_is_an_argument_of_the_endpoint():
    from matmul_demo.web.endpoints import make_race_endpoint, race

    endpoint = make_race_endpoint(More)
    argument = inspect.signature(endpoint).parameters["rounds"]
    assert (argument.default, argument.annotation) == (3, int)
    assert "    rounds: times that everything is run, at most 9.\n" in endpoint.__doc__
    with pytest.raises(RaceError, match="0 of rounds"):
        endpoint("10x784x10", rounds=0)
    assert list(inspect.signature(race).parameters) == [
        "shape", "lanes", "dtype", "device", "threads", "budget", "cache", "baseline", "data",
    ]  # fmt: skip


def test_an_entry_of_the_table_is_a_control_of_the_page_and_a_part_of_the_link():
    import gradio as gr

    from matmul_demo.web.controls import build_form
    from matmul_demo.web.links import read_query, write_query

    with gr.Blocks():
        form = build_form(default_settings("page", More))
    slider = form.controls["rounds"]
    assert isinstance(slider, gr.Slider)
    assert (slider.minimum, slider.maximum, slider.value, slider.label) == (1, 9, 3, "Rounds")
    settings = More("3x5x7", rounds=5, budget=15)
    assert form.settings(form.values(settings)) == settings
    assert write_query(settings) == "?race=3x5x7&rounds=5"
    assert read_query({"race": "3x5x7", "rounds": "5"}, More) == (settings, ())


def test_every_option_says_what_it_decides_and_is_on_the_page():
    for one in options():
        assert one.help
        assert one.label
        assert not one.help.endswith(".")
