"""One table of options: an entry is found on the page, in the API, the command and Python."""

import inspect

import gradio as gr
import pytest

from interrogator.cli import make_parser
from interrogator.errors import InterrogatorError
from interrogator.option import Option
from interrogator.options import OPTIONS, describe, options_of, parse, signature
from interrogator.request import request_of
from interrogator.web.components import component_of

GLOW = Option("glow", "whole", "How much it glows.", "Glow", "prompt", 2, 0, 9)
SCRATCH = (*OPTIONS, GLOW)
BY_NAME = {option.name: option for option in OPTIONS}


def test_an_option_of_a_scratch_table_is_found_everywhere():
    component = component_of(GLOW)
    assert isinstance(component, gr.Slider)
    assert (component.label, component.info, component.value) == ("Glow", "How much it glows.", 2)
    assert (component.minimum, component.maximum) == (0, 9)
    parameter = signature("interrogate", SCRATCH).parameters["glow"]
    assert (parameter.default, parameter.annotation) == (2, "float")
    assert "glow: How much it glows. From 0 to 9." in describe("interrogate", SCRATCH).splitlines()
    parser = make_parser(SCRATCH)
    assert parser.parse_args(["x.png", "--glow", "5"]).glow == "5"
    assert "how much it glows (2 if absent)" in " ".join(parser.format_help().split())
    assert parse({"glow": "5"}, "command", options=SCRATCH)["glow"] == 5
    assert parse({}, "python", options=SCRATCH)["glow"] == 2
    with pytest.raises(InterrogatorError, match=r"^glow is from 0 to 9, not 10\.$"):
        parse({"glow": 10}, "api", options=SCRATCH)
    with pytest.raises(InterrogatorError, match="no option 'glow'"):
        parse({"glow": 5})


def test_every_option_of_the_page_has_a_component_with_its_name_and_sentence():
    for option in options_of("page").values():
        component = component_of(option)
        assert component.label in (option.label, option.help.rstrip(".")), option.name
        if option.default not in (None, (), ""):
            assert component.value == option.default, option.name


def test_what_is_put_first_stays_first_for_programs_that_go_by_place():
    assert list(signature("interrogate").parameters)[:6] == [
        "picture", "mode", "preset", "caption", "with_negative", "artists",
    ]  # fmt: skip
    assert list(signature("analyze").parameters) == [
        "picture", "preset", "top", "caption_model", "clip",
    ]  # fmt: skip
    scored = signature("score", prompt=True)
    assert list(scored.parameters) == ["picture", "prompt", "preset", "clip"]
    needed = [n for n, p in scored.parameters.items() if p.default is inspect.Parameter.empty]
    assert needed == ["picture", "prompt"]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("artists", "2", 2),
        ("artists", 2.0, 2),
        ("artists", None, 1),
        ("seconds", 0, None),
        ("seconds", "1.5", 1.5),
        ("pinned", "greg rutkowski", ("greg rutkowski",)),
        ("pinned", [" a  cat ", "", "a cat"], ("a cat",)),
        ("pinned", None, ()),
        ("banned", "cat, pop art\nfog", ("cat", "pop art", "fog")),
        ("banned", ["cat, pop art", '"oil  painting"'], ("cat", "pop art", '"oil painting"')),
        ("with_negative", "true", True),
        ("with_negative", "No", False),
        ("mode", None, "fast"),
        ("preset", "", None),
        ("clip", " ViT-B-32/openai ", "ViT-B-32/openai"),
        ("caption", None, ""),
        ("own_files", ["a b.txt"], ("a b.txt",)),
    ],
)
def test_a_value_means_what_a_person_or_a_program_means_by_it(name, value, meant):
    assert BY_NAME[name].parse(value) == meant


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("artists", "three", "artists must be a number, not 'three'"),
        ("artists", float("nan"), "artists must be a number"),
        ("artists", float("inf"), "artists must be a number"),
        ("artists", [3], "artists must be a number"),
        ("artists", True, "artists must be a number"),
        ("artists", -1, "artists is from 0 to 8, not -1"),
        ("most", 65, "most is from 0 to 64, not 65"),
        ("seconds", -1, "seconds is from 0, not -1"),
        ("top", 0, "top is from 1 to 50, not 0"),
        ("mode", "slow", "no mode 'slow'; choose one of best, fast, classic, negative"),
        ("mode", 3, "mode must be text"),
        ("name_artists", "some", "choose one of all, public-domain, no-living, none"),
        ("pinned", 3, "pinned must be a list of texts"),
        ("pinned", [3], "pinned must be a list of texts"),
        ("with_negative", "perhaps", "with_negative must be true or false"),
        ("caption", {"a": 1}, "caption must be text"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence_that_names_the_option(name, value, says):
    with pytest.raises(InterrogatorError, match=says):
        BY_NAME[name].parse(value)


def test_nothing_that_visitors_reach_names_a_place_on_this_machine():
    for place in ("page", "api"):
        assert {"vocabulary", "add_vocabulary", "safety", "dtype"}.isdisjoint(options_of(place))


def test_every_option_changes_what_is_wanted(tmp_path):
    """An entry of the table that nobody uses would be accepted and do nothing."""
    (tmp_path / "styles.txt").write_text("fog")
    other = {
        "mode": "best", "preset": "light", "caption": "two words", "with_negative": True,
        "pinned": ["fog"], "dropped": ["fog"], "banned": "fog", "seconds": 5, "judge": "demo-judge",
        "name_artists": "none", "own_words": "fog", "own_files": [str(tmp_path / "styles.txt")],
        "caption_model": "org/model", "clip": "ViT-B-32/openai", "safety": False,
        "vocabulary": str(tmp_path), "add_vocabulary": str(tmp_path), "target": "flux",
            "caption_detail": "more",
    }  # fmt: skip
    for option in OPTIONS:
        if option.name in ("top", "dtype", "own_lists"):
            continue  # of the analysis, of the runtime; where own phrases go is tested with them
        value = other.get(option.name)
        if value is None:
            value = option.default + (1 if option.kind == "whole" else 0.5)
        changed = request_of(parse({option.name: value}), lambda: "demo")
        assert changed != request_of(parse({}), lambda: "demo"), option.name


def test_a_phrase_is_kept_once_however_it_is_written():
    pinned = options_of("api")["pinned"]
    assert pinned.parse(["Pop  Art", "fog", "pop art", " "]) == ("Pop Art", "fog")


@pytest.mark.parametrize(
    ("name", "sent", "meant"),
    [
        ("caption", "a\0cat\x1b[31m\ttwo", "a cat [31m\ttwo"),
        ("caption", "\u200b \u2060", ""),
        ("caption", "می\u200cخواهم 🐈", "می\u200cخواهم 🐈"),
        ("pinned", ["\0", "\u200b", "fog"], ("fog",)),
        ("banned", "\u200d, fog", ("fog",)),
    ],
)
def test_what_cannot_be_seen_is_no_word(name, sent, meant):
    assert parse({name: sent})[name] == meant


@pytest.mark.parametrize(
    "values", [{"caption": "a \ud800 cat"}, {"pinned": ["\udfff"]}, {"banned": "x\udc00"}]
)
def test_half_a_character_is_refused_as_no_answer_could_be_sent(values):
    with pytest.raises(InterrogatorError, match="half of a character"):
        parse(values)


def test_a_number_beyond_all_numbers_is_a_sentence():
    with pytest.raises(InterrogatorError, match="most must be a number"):
        parse({"most": 10**400})
