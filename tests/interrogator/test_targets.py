"""One interrogation in every target's form; the texts and counts were written by hand."""

import json
from dataclasses import replace

import pytest

from interrogator.result import Interrogation, PromptPhrase
from interrogator.targets import (
    TARGETS,
    a1111_quoted,
    aspect_ratio,
    clip_tokens,
    comfyui_quoted,
    t5_tokens,
    texts,
    written,
)
from interrogator.web.chips import words_of


def phrase(text, category, contribution=0.0):
    return PromptPhrase(text, category, 0.3, contribution, 0.9)


PHRASES = (
    phrase("oil painting", "mediums", 0.02),
    phrase("pop art", "movements", 0.04),
    phrase("by Andy Warhol", "artists", 0.0),
    phrase("soft light (warm)", "styles", -0.01),
    phrase("sharp focus", "styles", 0.01),
)
DONE = Interrogation(
    "fast", {}, {},
    caption="a cat on a chair, asleep.",
    prompt="a cat on a chair, asleep, oil painting, pop art, by Andy Warhol, soft light (warm), "
    "sharp focus",
    negative_prompt="blurry, [low] resolution",
    phrases=PHRASES, size=(1920, 1080),
)  # fmt: skip
CAPTION = "a cat on a chair, asleep, "
PLAIN = DONE.prompt


@pytest.mark.parametrize(
    ("target", "text", "negative"),
    [
        ("sd1", PLAIN, "blurry, [low] resolution"),
        ("sd2", PLAIN, "blurry, [low] resolution"),
        ("sdxl", PLAIN, "blurry, [low] resolution"),
        (
            "sd3",
            "A cat on a chair, asleep, oil painting, in the style of pop art, by Andy Warhol. "
            "Details: soft light (warm) and sharp focus.",
            "blurry, [low] resolution",
        ),
        (
            "flux",
            "A cat on a chair, asleep, oil painting, in the style of pop art, by Andy Warhol. "
            "Details: soft light (warm) and sharp focus.",
            None,
        ),
        ("midjourney", f"{PLAIN} --no blurry, [low] resolution --ar 16:9", None),
        (
            "tags",
            "cat on a chair, asleep, oil painting, pop art, by Andy Warhol, soft light (warm), "
            "sharp focus",
            "blurry, [low] resolution",
        ),
        (
            "a1111",
            CAPTION + r"(oil painting:1.1), (pop art:1.2), by Andy Warhol, "
            r"(soft light \(warm\):0.95), (sharp focus:1.05)",
            r"blurry, \[low\] resolution",
        ),
        (
            "comfyui",
            CAPTION + r"(oil painting:1.1), (pop art:1.2), by Andy Warhol, "
            r"(soft light \(warm\):0.95), (sharp focus:1.05)",
            "blurry, [low] resolution",
        ),
    ],
)
def test_every_target_has_its_form(target, text, negative):
    got = written(DONE, target)
    assert (got.text, got.negative, got.target) == (text, negative, target)


def test_every_target_is_in_the_json_and_nothing_is_before_there_is_a_prompt():
    got = replace(DONE, target="flux").to_json()
    assert got["target"] == "flux"
    assert list(got["written"]) == list(TARGETS)
    assert got["written"]["midjourney"].endswith("--ar 16:9")
    json.dumps(got)
    assert texts(replace(DONE, prompt="", phrases=())) == {}


def test_what_does_not_fit_is_left_out_from_the_end_and_said():
    count = lambda text: 2 + len(text.split())  # noqa: E731
    long = tuple(phrase(" ".join([f"w{n}"] * 30), "styles") for n in range(3))
    prompt = ", ".join(["a cat", *(p.text for p in long)])
    got = written(replace(DONE, caption="a cat", prompt=prompt, phrases=long), "sdxl", count)
    assert got.text == f"a cat, {long[0].text}, {long[1].text}"
    assert [(n.reader.name, n.tokens, n.reader.limit) for n in got.lengths] == [
        ("CLIP ViT-L", 64, 77), ("CLIP ViT-bigG", 64, 77),
    ]  # fmt: skip
    assert got.notes == (f"Left out, because SDXL does not read so much: {long[2].text}.",)


def test_a_long_caption_is_kept_whole_where_there_is_room_and_cut_at_a_clause_where_not():
    caption = "a cat on a chair, " + "with a very long tail and stripes, " * 12 + "asleep"
    cut = replace(DONE, caption=caption, prompt="a cat on a chair, pop art", phrases=PHRASES[1:2])
    assert written(cut, "sd1").text == "a cat on a chair, pop art"
    whole = written(cut, "flux")
    assert whole.text == f"A{caption[1:]}, in the style of pop art."
    assert [n.fits for n in whole.lengths] == [True, False]  # CLIP reads the beginning
    alone = replace(DONE, caption=caption, prompt=caption, phrases=())
    shorter = written(alone, "sd1")
    assert caption.startswith(shorter.text)
    assert shorter.text.endswith("stripes")
    assert clip_tokens(shorter.text) <= 77 < clip_tokens(caption)


def test_a_prompt_that_was_edited_is_taken_as_it_stands():
    edited = replace(DONE, prompt="my own words --chaos 9, a::2", negative_prompt=None)
    assert written(edited, "a1111").text == "my own words --chaos 9, a::2"
    assert written(edited, "midjourney").text == "my own words -chaos 9, a:2 --ar 16:9"
    assert written(edited, "sd3").text == "My own words --chaos 9, a::2."


def test_what_a_picture_is_not_is_no_prompt_for_midjourney():
    faults = (phrase("blurry", "negative"), phrase("a house", "subjects"))
    text = "blurry, a house"
    done = replace(
        DONE, mode="negative", prompt=text, negative_prompt=text, phrases=faults, size=None
    )
    assert written(done, "midjourney").text == "--no blurry, a house"
    assert written(done, "flux").text == written(done, "tags").text == text
    assert written(done, "sd1").negative is None


@pytest.mark.parametrize(
    ("width", "height", "ratio"),
    [(512, 512, "1:1"), (1920, 1080, "16:9"), (1080, 1920, "9:16"), (4000, 3000, "4:3"),
     (1365, 2048, "2:3"), (2560, 1080, "19:8"), (3440, 20, "172:1"), (1000, 1001, "1:1")],
)  # fmt: skip
def test_a_ratio_has_small_whole_numbers(width, height, ratio):
    assert aspect_ratio(width, height) == ratio


def test_brackets_that_are_no_weights_are_escaped():
    assert a1111_quoted(r"a (b) [c] \d {e}") == r"a \(b\) \[c\] \\d {e}"
    assert comfyui_quoted(r"a (b) [c] \d {e|f}") == r"a \(b\) [c] \\d \{e|f\}"


def test_tokens_are_counted_as_clip_counts_them_and_reckoned_for_t5(demo):
    text = "a screen print of the face of a cat, pop art!"
    assert clip_tokens(text) == demo.models.clip.token_count(text) == 15
    assert clip_tokens("word " * 100) == 102
    assert t5_tokens("ten words " * 5) == 15


def test_the_pipeline_knows_the_size_and_what_is_wanted(session_of_the_command):
    line = session_of_the_command("--for", "midjourney", "--with-negative")
    assert line.count("\n") == 1
    assert " --no " in line
    assert line.endswith(" --ar 1:1\n")


@pytest.fixture
def session_of_the_command(capsys):
    from interrogator.cli import main
    from interrogator.models.registry import ASSETS

    def run(*arguments):
        picture = str(ASSETS / "examples" / "cat-pop-art.jpg")
        assert main([picture, "--preset", "demo", *arguments]) == 0
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("target", ["sd1", "midjourney", "a1111", "comfyui"])
def test_the_words_of_a_form_are_those_of_the_prompt(target):
    assert words_of(written(DONE, target).text, target) == PLAIN


@pytest.mark.parametrize(
    ("target", "text", "words"),
    [
        ("a1111", r"(a cat \(asleep\):1.1), [fog]", "a cat (asleep), [fog]"),
        ("comfyui", "(soft: light:0.9), fog", "soft: light, fog"),
        ("a1111", "(a cat), (fog:x)", "(a cat), (fog:x)"),
        ("a1111", "(" * 5000 + "a" * 5000, "(" * 5000 + "a" * 5000),
        ("midjourney", "a well-lit cat -- asleep --ar 1:1 --no x, y", "a well-lit cat -- asleep"),
        ("midjourney", "--ar 1:1", ""),
        ("", "(a cat:1.2) --ar 1:1", "(a cat:1.2) --ar 1:1"),
    ],
)  # fmt: skip
def test_weights_and_parameters_are_no_words(target, text, words):
    assert words_of(text, target) == words
