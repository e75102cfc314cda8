"""Meaning: the embedded models name what our painter painted, through the code the app runs."""

import itertools
import json
import re
from dataclasses import replace

import pytest

from interrogator.errors import InterrogatorError
from interrogator.explanation import Judge
from interrogator.images import decode
from interrogator.models.registry import ASSETS
from interrogator.networks.captioner import Caption
from interrogator.prompts.rules import Rules, says
from interrogator.settings import Settings
from training.dataset import HELD_OUT
from training.examine import subject_words
from training.examples import EXAMPLES, example
from training.painter import choose, paint

CONTRACT = {
    "prompt", "negative_prompt", "caption", "mode", "similarity", "tokens", "token_limit",
    "phrases", "ranked", "models", "vocabulary", "seconds", "compared", "notes", "tried",
    "other_captions", "target", "written",
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
    done = demo.run(decode.read(ASSETS / "examples" / f"{name}.jpg"))
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


def test_the_best_prompt_fits_better_than_caption_classic_and_fast(demo, read):
    for spec, done in read[:6]:
        best = demo.run(paint(spec, 128), Settings("best"), features=done.features)
        similarity = {c.name: c.similarity for c in best.compared}
        assert best.similarity == similarity["best"] >= max(similarity.values()) - 1e-6
        assert similarity["fast"] == pytest.approx(done.similarity, abs=1e-5)


def test_no_movement_is_named_where_there_is_nothing_to_see(demo):
    from PIL import Image

    for colour in ("black", "white", (90, 120, 140)):
        done = demo.run(Image.new("RGB", (64, 64), colour), Settings("fast"))
        assert [p for p in done.phrases if p.category in ("artists", "movements")] == []


@pytest.mark.parametrize("mode", ["best", "fast", "classic"])
def test_the_similarity_told_is_the_similarity_of_the_string_told(demo, mode):
    picture = paint(example("cat-pop-art"), 128)
    done = demo.run(picture, Settings(mode))
    clip = demo.models.clip
    image = clip.encode_picture(picture)

    def score(text):
        return float(clip.encode_text([text])[0] @ image)

    assert done.similarity == pytest.approx(score(done.prompt), abs=1e-5)
    for other in done.compared:
        assert other.similarity == pytest.approx(score(other.prompt), abs=1e-5)
    assert done.phrases
    for i, phrase in enumerate(done.phrases):
        rest = [p.text for j, p in enumerate(done.phrases) if j != i]
        without = ", ".join([done.caption, *rest])
        assert phrase.contribution == pytest.approx(done.similarity - score(without), abs=1e-5)
        assert phrase.similarity == pytest.approx(score(phrase.text), abs=1e-5)


def test_steps_come_one_after_the_other(demo):
    first, second, *found, last = demo.steps(paint(example("cat-pop-art"), 128), Settings("best"))
    assert (first.caption != "", first.ranked, first.prompt) == (True, {}, "")
    assert (second.ranked != {}, second.prompt) == (True, "")
    similarities = [state.similarity for state in found]
    # The search climbs; what is true and costs next to nothing is added at last.
    *climb, _ = similarities
    assert all(after >= before - 1e-6 for before, after in itertools.pairwise(climb))
    assert len(set(similarities)) > 2
    assert all(state.prompt.startswith(last.caption) for state in [*found, last])
    assert last.similarity == pytest.approx(similarities[-1], abs=1e-5)
    assert list(first.seconds) == ["caption", "total"]
    assert list(last.seconds) == ["caption", "image", "rank", "search", "explain", "total"]
    parts = [value for step, value in last.seconds.items() if step != "total"]
    assert last.seconds["total"] == pytest.approx(sum(parts))


def test_json_is_the_contract(demo):
    done = demo.run(paint(example("cat-pop-art"), 128), prepared={"load": 1.5}).to_json()
    assert set(done) == CONTRACT
    assert set(done["phrases"][0]) == {
        "text",
        "category",
        "similarity",
        "contribution",
        "confidence",
    }
    assert set(done["ranked"]) == {"artists", "mediums", "movements", "palettes", "subjects"}
    assert all(len(group) == 5 for group in done["ranked"].values())
    assert set(done["ranked"]["artists"][0]) == {
        "text", "similarity", "confidence", "above_neutral", "stands_out",
    }  # fmt: skip
    assert [c["name"] for c in done["compared"]] == ["caption", "classic", "fast"]
    assert set(done["compared"][0]) == {"name", "prompt", "similarity", "judged"}
    assert done["models"] == {
        "preset": "demo", "caption": "embedded", "clip": "embedded", "embedded": True,
        "device": "cpu", "dtype": "float32",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{64}", done["vocabulary"]["sha256"])
    assert done["seconds"]["load"] == 1.5
    assert done["tokens"] <= done["token_limit"] == 77
    assert json.loads(json.dumps(done)) == done


def test_a_caption_of_ones_own_takes_the_place_of_the_models(demo):
    done = demo.run(paint(example("cat-pop-art"), 128), Settings(caption="  my own\n words "))
    assert done.caption == "my own words"
    assert done.prompt.startswith("my own words")
    assert "caption" not in done.seconds


@pytest.mark.parametrize("caption", ["word " * 300, "浮世絵 " * 100, "🌊" * 200])
def test_a_caption_over_the_limit_is_shortened_and_said_so(demo, caption):
    done = demo.run(paint(example("cat-pop-art"), 128), Settings(caption=caption))
    assert any(note.startswith("The caption was shortened: ") for note in done.notes)
    assert 2 < done.tokens <= done.token_limit
    assert done.prompt[0] == caption[0]


def test_a_detailed_caption_leaves_room_for_phrases(demo, monkeypatch):
    told = "a cat on a chair, seen from the front, " + "in a room with a window, " * 9
    models = replace(demo.models, captioner=Telling(demo.models.captioner, told))
    done = replace(demo, models=models).run(paint(example("cat-pop-art"), 128))
    assert len(done.phrases) > 1
    kept = done.prompt.partition(f", {done.phrases[0].text}")[0]
    assert told.startswith(kept)
    assert told[len(kept)] == ","  # cut at a clause
    assert demo.models.clip.token_count(kept) <= 2 / 3 * done.token_limit
    assert any(note.startswith("The caption was shortened: ") for note in done.notes)


class Telling:
    """A captioner that always says the same."""

    def __init__(self, captioner, text):
        self.captioner, self.text = captioner, text

    def candidates(self, picture, how):
        return (Caption(self.text),)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"mode": "slow"}, "choose one of best, fast, classic, negative"),
        ({"caption": "x" * 5000}, "characters"),
        ({"seconds": 0}, "above 0"),
        ({"seconds": -1.5}, "above 0"),
        ({"seconds": float("nan")}, "above 0"),
    ],
)
def test_what_a_person_gets_wrong_is_a_sentence(wrong, sentence):
    with pytest.raises(InterrogatorError, match=sentence):
        Settings(**wrong)


def test_a_negative_prompt_names_eight_phrases_and_none_that_is_asked_for(demo):
    picture = paint(example("cat-pop-art"), 128)
    only = demo.run(picture, Settings("negative"))
    assert only.prompt == only.negative_prompt
    assert len(only.phrases) >= 8
    assert only.similarity < 0
    both = demo.run(picture, Settings("best", with_negative=True))
    assert both.similarity > 0
    wanted = [both.caption, *(phrase.text for phrase in both.phrases)]
    for phrase in both.negative_prompt.split(", "):
        assert not any(says(text, phrase) or says(phrase, text) for text in wanted)


def test_a_second_search_looks_at_nothing_again(demo):
    picture = paint(example("cat-pop-art"), 128)
    first = demo.run(picture)
    dropped = first.phrases[0].text
    rules = Rules(pinned=("soft haze",), dropped=(dropped,))
    second = demo.run(picture, Settings("best", rules=rules), features=first.features)
    assert not {"caption", "image"} & set(second.seconds)
    assert second.caption == first.caption
    assert second.phrases[0].text == "soft haze"
    assert dropped not in [phrase.text for phrase in second.phrases]
    other = demo.run(paint(example("moon-expressionism"), 128), features=first.features)
    assert {"caption", "image"} <= set(other.seconds)
    assert "moon" in other.caption


def test_a_search_ends_when_its_time_is_up_and_says_so(demo):
    picture = paint(example("cat-pop-art"), 128)
    done = demo.run(picture, Settings("best", seconds=1e-9))
    assert "The search was ended by the time that it was given." in done.notes
    assert done.prompt.startswith(done.caption)
    assert demo.run(picture).notes == ()


def test_a_judge_scores_what_was_written(demo):
    from dataclasses import replace

    picture = paint(example("cat-pop-art"), 128)
    judged = replace(demo, judge=Judge("itself", demo.models.clip)).run(picture)
    assert judged.models["judge"] == "itself"
    assert [c.judged for c in judged.compared] == pytest.approx(
        [c.similarity for c in judged.compared], abs=1e-5
    )


def test_a_banned_word_is_in_no_part_of_the_prompt(demo):
    picture = paint(example("cat-pop-art"), 128)
    done = demo.run(picture, Settings("best", rules=Rules(banned=("cat", "pop art"))))
    assert not says(done.prompt, "cat")
    assert not says(done.prompt, "pop art")
    assert "Banned words and names were taken out of the caption." in done.notes


def test_analysis_ranks_and_writes_nothing(demo):
    analysis = demo.analyze(paint(example("cat-pop-art"), 128), 7).to_json()
    assert "cat" in analysis["caption"]
    assert analysis["ranked"]["movements"][0]["text"] == "pop art"
    assert len(analysis["ranked"]["movements"]) == 7
    assert "prompt" not in analysis


def test_a_prompt_is_scored_with_its_parts(demo):
    picture = paint(example("cat-pop-art"), 128)
    scored = demo.score(picture, "a screen print of the face of a cat, pop art")
    clip = demo.models.clip
    image = clip.encode_picture(picture)
    first, second = (float(v @ image) for v in clip.encode_text([p.text for p in scored.parts]))
    contributions = [part.contribution for part in scored.parts]
    expected = [scored.similarity - second, scored.similarity - first]
    assert contributions == pytest.approx(expected, abs=1e-5)
    assert not scored.cut
    assert demo.score(picture, "a " * 200).cut
    for nothing in ("", " , ,"):
        with pytest.raises(InterrogatorError, match="no prompt"):
            demo.score(picture, nothing)


def test_a_prompt_of_many_parts_is_scored_as_far_as_it_is_read(demo):
    cat = paint(example("cat-pop-art"), 128)
    scored = demo.score(cat, "fog," * 500)
    assert len(scored.parts) == 500
    assert {part.contribution for part in scored.parts[demo.models.clip.token_limit :]} == {0.0}
    with pytest.raises(InterrogatorError, match="half of a character"):
        demo.score(cat, "a \ud800 cat")
