"""Meaning: the embedded models name what our painter painted, through the code the app runs."""

import json
import re

import pytest

from interrogator import images
from interrogator.catalogue import ASSETS
from interrogator.errors import InterrogatorError
from training.dataset import HELD_OUT
from training.examine import subject_words
from training.examples import EXAMPLES, example
from training.painter import choose, paint

CONTRACT = {
    "prompt", "negative_prompt", "caption", "mode", "similarity", "tokens", "token_limit",
    "phrases", "ranked", "models", "vocabulary", "seconds",
}  # fmt: skip
UNSEEN = range(HELD_OUT + 500_000, HELD_OUT + 500_060)  # not even those of the examination


@pytest.fixture(scope="module")
def read(demo):
    """Unseen pictures with what was said of them."""
    painted = [(spec, paint(spec, 128)) for spec in map(choose, UNSEEN)]
    return [(spec, demo.run(picture)) for spec, picture in painted]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_named(demo, name):
    spec = example(name)
    done = demo.run(images.read(ASSETS / "examples" / f"{name}.jpg"))
    assert subject_words(spec) in done.caption
    movements = [p.text for p in done.phrases if p.category == "movements"]
    assert spec.movement in movements[:3]
    assert spec.movement in done.prompt


def test_unseen_pictures_get_the_right_words(read):
    """At least 88 % of every kind; the full examination is benchmarks/bench_embedded.py."""
    for category, plural in (
        ("movement", "movements"), ("artist", "artists"), ("medium", "mediums"),
        ("palette", "palettes"), ("subject", "subjects"),
    ):  # fmt: skip
        asked = [(s.phrases[category], d) for s, d in read if category in s.phrases]
        right = [done.ranked[plural][0].text == truth for truth, done in asked]
        assert sum(right) >= 0.88 * len(right), category


def test_pictures_described_together_are_described_as_if_alone(demo):
    pictures = [paint(choose(seed), 96) for seed in UNSEEN[:6]]
    captioner = demo.models.captioner
    assert captioner.captions(pictures) == [captioner.caption(picture) for picture in pictures]


def test_unseen_captions_name_the_subject(read):
    named = [subject_words(spec) in done.caption for spec, done in read]
    assert sum(named) >= 0.9 * len(named)


def test_the_prompt_fits_better_than_the_caption_alone(read):
    better = [done.similarity > done.caption_similarity for _, done in read if done.phrases]
    assert sum(better) >= 0.9 * len(better)


def test_no_movement_is_named_where_there_is_nothing_to_see(demo):
    from PIL import Image

    for colour in ("black", "white", (90, 120, 140)):
        done = demo.run(Image.new("RGB", (64, 64), colour))
        assert [p for p in done.phrases if p.category in ("artists", "movements")] == []


@pytest.mark.parametrize("mode", ["fast", "classic"])
def test_the_similarity_told_is_the_similarity_of_the_string_told(demo, mode):
    picture = paint(example("cat-pop-art"), 128)
    done = demo.run(picture, mode)
    clip = demo.models.clip
    image = clip.encode_images([picture])[0]

    def score(text):
        return float(clip.encode_text([text])[0] @ image)

    assert done.similarity == pytest.approx(score(done.prompt), abs=1e-5)
    assert done.caption_similarity == pytest.approx(score(done.caption), abs=1e-5)
    assert done.phrases
    for i, phrase in enumerate(done.phrases):
        rest = [p.text for j, p in enumerate(done.phrases) if j != i]
        without = ", ".join([done.caption, *rest])
        assert phrase.contribution == pytest.approx(done.similarity - score(without), abs=1e-5)
        assert phrase.similarity == pytest.approx(score(phrase.text), abs=1e-5)


def test_steps_come_one_after_the_other(demo):
    first, second, third = demo.steps(paint(example("cat-pop-art"), 128))
    assert (first.caption != "", first.ranked, first.prompt) == (True, {}, "")
    assert (second.ranked != {}, second.prompt) == (True, "")
    assert third.prompt.startswith(first.caption)
    assert list(first.seconds) == ["caption", "total"]
    assert list(third.seconds) == ["caption", "image", "rank", "search", "explain", "total"]
    parts = [value for step, value in third.seconds.items() if step != "total"]
    assert third.seconds["total"] == pytest.approx(sum(parts))


def test_json_is_the_contract(demo):
    done = demo.run(paint(example("cat-pop-art"), 128), prepared={"load": 1.5}).to_json()
    assert set(done) == CONTRACT
    assert set(done["phrases"][0]) == {"text", "category", "similarity", "contribution"}
    assert set(done["ranked"]) == {"artists", "mediums", "movements", "palettes", "subjects"}
    assert all(len(group) == 5 for group in done["ranked"].values())
    assert set(done["ranked"]["artists"][0]) == {"text", "similarity", "confidence"}
    assert done["models"] == {
        "preset": "demo", "caption": "embedded", "clip": "embedded", "embedded": True,
        "device": "cpu", "dtype": "float32",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{64}", done["vocabulary"]["sha256"])
    assert done["seconds"]["load"] == 1.5
    assert done["tokens"] <= done["token_limit"] == 77
    assert json.loads(json.dumps(done)) == done


def test_a_caption_of_ones_own_takes_the_place_of_the_models(demo):
    done = demo.run(paint(example("cat-pop-art"), 128), caption="  my own\n words ")
    assert done.caption == "my own words"
    assert done.prompt.startswith("my own words")
    assert "caption" not in done.seconds


@pytest.mark.parametrize("caption", ["word " * 300, "浮世絵 " * 100, "🌊" * 200])
def test_a_caption_over_the_limit_is_shortened_and_said_so(demo, caption):
    done = demo.run(paint(example("cat-pop-art"), 128), caption=caption)
    assert done.caption_shortened
    assert 2 < done.tokens <= done.token_limit
    assert done.prompt[0] == caption[0]


def test_what_a_person_gets_wrong_is_a_sentence(demo):
    picture = paint(example("cat-pop-art"), 128)
    with pytest.raises(InterrogatorError, match="choose one of fast, classic"):
        demo.run(picture, "slow")
    with pytest.raises(InterrogatorError, match="characters"):
        demo.run(picture, caption="x" * 5000)
