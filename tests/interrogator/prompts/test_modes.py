"""What every mode promises, whatever the words and the wishes."""

import itertools

import pytest
import torch

from interrogator.errors import InterrogatorError
from interrogator.pipeline import Interrogator
from interrogator.prompts.modes import MODES, claims_of
from interrogator.prompts.ranking import rank
from interrogator.prompts.rules import ARTISTS, Rules, overlap, says
from interrogator.prompts.table import table_for
from interrogator.result import Interrogation
from interrogator.settings import Settings
from interrogator.vocabulary.lists import Vocabulary, bare
from training.examples import example
from training.painter import paint

LISTS = {
    "artists": ("by Claude Monet", "by Roy Lichtenstein", "by Henri Matisse"),
    "styles": (
        "soft light", "light", "浮世絵", "رسم زيتي", "🌊", "🎨 paint", "!!!",
        "very " * 100 + "long", "<end_of_text>", "'s", "neon colors", "neon", "a" * 300, "x",
    ),
    "negative": ("blurry", "low quality", "noise", "bad", "ugly", "dull", "flat", "cut off"),
}  # fmt: skip
ONE_WORD = {"styles": ("ink",)}


@pytest.fixture(scope="module")
def picture():
    return paint(example("cat-pop-art"), 128)


@pytest.fixture(scope="module")
def with_lists(demo, tmp_path_factory):
    def made(lists):
        folder = tmp_path_factory.mktemp("tables")
        table = table_for(Vocabulary("own", lists), demo.models.clip, folder=folder)
        return Interrogator(demo.models, table)

    return made


@pytest.fixture(scope="module")
def odd(with_lists):
    return with_lists(LISTS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "caption", ["", "word " * 120, "🌊", "浮世絵の波", "a <end_of_text> b", "A cat!"]
)
@pytest.mark.parametrize(
    "rules", [Rules(), Rules(artists=0), Rules(9, 12, 2), Rules(most=0), Rules(daring=1.0)]
)
def test_no_prompt_breaks_a_rule(odd, picture, mode, caption, rules):
    done = odd.run(picture, Settings(mode, caption, rules, with_negative=mode == "best"))
    clip = odd.models.clip
    assert isinstance(done, Interrogation)
    assert clip.token_count(done.prompt) == done.tokens <= done.token_limit
    assert len(done.phrases) <= rules.most
    assert sum(phrase.category == ARTISTS for phrase in done.phrases) <= rules.artists
    texts = [phrase.text for phrase in done.phrases]
    assert not any(overlap(one, other) for one, other in itertools.combinations(texts, 2))
    exact = float(clip.encode_text([done.prompt])[0] @ clip.encode_picture(picture))
    assert done.similarity == pytest.approx(exact, abs=1e-5)
    if mode == "best":
        assert clip.token_count(done.negative_prompt) <= done.token_limit
        if not rules.is_faithful:  # what is true may cost a little similarity
            assert done.similarity >= max(other.similarity for other in done.compared) - 1e-6


@pytest.mark.parametrize("mode", ["best", "fast", "classic"])
def test_one_phrase_is_a_vocabulary_too(with_lists, picture, mode):
    done = with_lists(ONE_WORD).run(picture, Settings(mode))
    assert {phrase.text for phrase in done.phrases} <= {"ink"}


@pytest.mark.parametrize("mode", ["best", "fast", "classic"])
def test_pinned_phrases_stand_behind_the_caption_and_banned_words_nowhere(odd, picture, mode):
    rules = Rules(pinned=("my own words", "LIGHT"), banned=("neon", "cat"), dropped=("x",))
    done = odd.run(picture, Settings(mode, rules=rules))
    assert [phrase.text for phrase in done.phrases][:2] == ["my own words", "light"]
    assert done.phrases[0].category == "pinned"
    assert not says(done.prompt, "neon")
    assert not says(done.prompt, "cat")
    assert "x" not in [phrase.text for phrase in done.phrases]


def test_pinned_phrases_that_are_too_long_are_a_sentence(odd, picture):
    rules = Rules(
        pinned=tuple(f"{word} " * 15 for word in ("one", "two", "six", "ten", "red", "old"))
    )
    for mode in ("best", "fast"):
        with pytest.raises(InterrogatorError, match="longer than the model reads"):
            odd.run(picture, Settings(mode, rules=rules))


def test_a_long_caption_makes_room_for_what_is_pinned(odd, picture):
    done = odd.run(picture, Settings("best", "word " * 120, Rules(pinned=("my own words",))))
    assert says(done.prompt, "my own words")
    assert done.tokens <= done.token_limit


def test_at_least_as_many_phrases_as_asked(odd, picture):
    assert len(odd.run(picture, Settings("best", rules=Rules(fewest=5))).phrases) >= 5


def test_negative_words_are_eight_and_the_least_similar(odd, picture):
    done = odd.run(picture, Settings("negative"))
    assert len(done.phrases) >= 8
    assert {phrase.category for phrase in done.phrases} <= {"negative", "styles"}
    image = odd.models.clip.encode_picture(picture)
    alone = odd.models.clip.encode_text([done.phrases[0].text])[0] @ image
    assert done.similarity < float(alone)


def test_a_vocabulary_without_faults_is_told(with_lists, picture):
    with pytest.raises(InterrogatorError, match="negative prompt"):
        with_lists({"artists": ("by Claude Monet",)}).run(picture, Settings("negative"))


def test_best_is_never_less_similar_than_the_greedy_chain(demo, picture):
    """The chain that clip-interrogator builds, with every phrase tried at every step."""
    clip, image = demo.models.clip, demo.models.clip.encode_picture(picture)
    done = demo.run(picture, Settings("best", rules=Rules(artists=9, daring=1)))
    prompt = best_prompt = done.caption
    phrases = [p for c, g in demo.table.vocabulary.categories.items() if c != "negative" for p in g]
    best = score = float(clip.encode_text([prompt])[0] @ image)
    for step in range(32):
        longer = [f"{prompt}, {phrase}" for phrase in phrases]
        scores = clip.encode_text(longer) @ image
        place = int(scores.argmax())
        if float(scores[place]) <= score and step >= 8:
            break
        prompt, score = longer[place], float(scores[place])
        phrases.pop(place)
        if score > best:
            best, best_prompt = score, prompt
        if clip.token_count(prompt) >= clip.token_limit:
            break
    assert done.similarity >= best - 1e-5, (done.prompt, best_prompt)


def test_the_encoding_is_done_once_for_positive_and_negative(demo, picture, monkeypatch):
    looked = []
    encode = type(demo.models.clip).encode_pixels

    def counted(self, pixels):
        looked.append(len(pixels))
        return encode(self, pixels)

    monkeypatch.setattr(type(demo.models.clip), "encode_pixels", counted)
    demo.run(picture, Settings("best", with_negative=True))
    assert looked == [2]  # the picture and its mirror image
    assert torch.is_tensor(demo.table.matrix)


def test_a_negative_prompt_has_its_eight_phrases_when_there_is_no_time(odd, picture):
    done = odd.run(picture, Settings("best", with_negative=True, seconds=1e-9))
    assert done.negative_prompt.count(", ") >= 7


def test_a_phrase_pinned_in_two_ways_stands_there_once(odd, picture):
    rules = Rules(pinned=("light", "LIGHT", "my own", "My own"))
    done = odd.run(picture, Settings("fast", rules=rules))
    assert [phrase.text.casefold() for phrase in done.phrases][:2] == ["light", "my own"]
    assert done.prompt.casefold().count("my own") == 1


def test_what_a_caption_claims_is_found_as_by_looking_for_each_phrase(demo, picture):
    """The likeliest of what it says of each exclusive list; the first of equals."""
    clip = demo.models.clip
    ranking = rank(clip.encode_picture(picture), demo.table, clip.logit_scale)
    lists = demo.table.vocabulary.categories
    for caption in (
        "an oil painting of a cat", "Expressionism and abstract expressionism, by Monet", "nothing",
        "a watercolor, pop art and a cubism of oil paintings", "pop", "art pop-art (pop art)!", "",
    ):  # fmt: skip
        expected = {}
        for category, phrases in lists.items():
            likely = ranking.confidence_of(category)
            said = [p for p in phrases if says(caption, bare(category, p))]
            if said and demo.table.is_exclusive(category):
                likeliest = max(said, key=likely.__getitem__)
                expected[likeliest] = likely[likeliest]
        assert claims_of(caption, ranking) == expected
