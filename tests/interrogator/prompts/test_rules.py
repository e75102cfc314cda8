import pytest

from interrogator.errors import InterrogatorError
from interrogator.prompts.ranking import RankedPhrase
from interrogator.prompts.rules import (
    Budget,
    Rules,
    classic,
    compose,
    fast,
    fitted_caption,
    overlap,
    says,
)

WIDE = Budget(1000, lambda text: len(text.split()))


def phrase(text, category="styles", similarity=0.5, confidence=0.9):
    exclusive = category in ("artists", "movements", "mediums")
    return RankedPhrase(text, category, similarity, confidence, 0.1, exclusive)


def ranked(**groups):
    return {category: [phrase(*row) for row in rows] for category, rows in groups.items()}


def test_classic_takes_one_of_each_list_in_order_and_three_of_the_others():
    found = classic(
        "a cat",
        [
            phrase("by A", "artists"),
            phrase("by B", "artists"),
            phrase("cubism", "movements"),
            phrase("oil painting", "mediums"),
            phrase("trending on X", "sites"),
            *(phrase(f"s{i}") for i in range(5)),
        ],
        WIDE,
        Rules(),
    )
    assert found.text == "a cat, oil painting, by A, trending on X, cubism, s0, s1, s2"


@pytest.mark.parametrize("write", [fast, classic])
def test_what_may_not_stand_in_a_prompt_takes_nobodys_place(write):
    likely = [phrase("fog"), *(phrase(f"s{i}") for i in range(3)), phrase("haze")]
    rules = Rules(banned=("fog",), dropped=("s1",))
    assert write("a cat", likely, WIDE, rules).text == "a cat, s0, s2, haze"


def test_one_movement_and_one_medium_unless_it_is_daring():
    both = [phrase("ink", "mediums"), phrase("oil", "mediums"), phrase("fog"), phrase("dawn")]
    assert compose("a cat", both, WIDE).text == "a cat, ink, fog, dawn"
    assert compose("a cat", both, WIDE, Rules(daring=1)).text == "a cat, ink, oil, fog, dawn"
    claimed = compose("an etching of a cat", both, WIDE, claims=frozenset({"mediums"}))
    assert claimed.text == "an etching of a cat, fog, dawn"


def test_fast_takes_at_most_32():
    high = [phrase(f"h{i}", similarity=0.9 - i / 1000) for i in range(40)]
    found = fast("a cat", high, WIDE, Rules())
    assert [p.text for p in found.phrases] == [f"h{i}" for i in range(32)]


def test_no_phrase_contains_another():
    words = [
        phrase(t) for t in ("Oil Painting", "oil", "oil painting", "light", "soft light", "lights")
    ]
    found = compose("an oil painting of a cat", words, WIDE)
    assert [p.text for p in found.phrases] == ["light", "lights"]


@pytest.mark.parametrize("limit", range(1, 12))
def test_no_prompt_is_over_the_limit(limit):
    budget = Budget(limit, lambda text: len(text.replace(",", " ,").split()))
    words = [phrase("very fine"), phrase("golden hour light"), phrase("x")]
    found = compose("a cat on a mat, in the sun", words, budget)
    assert budget.count(found.text) <= limit


def test_a_phrase_that_does_not_fit_leaves_room_for_a_shorter_one():
    budget = Budget(4, lambda text: len(text.replace(",", " ,").split()))
    assert compose("a cat", [phrase("very long one"), phrase("x")], budget).text == "a cat, x"


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        (8, "a cat on a mat, in the sun"),
        (7, "a cat on a mat"),
        (4, "a cat on a"),
        (1, "a"),
        (0, ""),
    ],
)
def test_a_caption_that_is_too_long_is_cut_at_a_clause_then_at_a_word(limit, kept):
    assert (
        fitted_caption("a cat on a mat, in the sun", Budget(limit, lambda t: len(t.split())))
        == kept
    )


@pytest.mark.parametrize("caption", ["浮世絵の波と富士山", "castle,tower,sea", "🌊🌊🌊🌊🌊"])
def test_a_long_caption_without_spaces_is_cut_and_never_lost(caption):
    budget = Budget(4, len)
    kept = fitted_caption(caption, budget)
    assert caption.startswith(kept)
    assert 0 < len(kept) <= 4


def test_a_prompt_without_a_caption_starts_with_its_first_phrase():
    assert compose("", [phrase("ink"), phrase("haze")], WIDE).text == "ink, haze"


def test_a_caption_loses_its_full_stop():
    assert compose("A cat. ", [phrase("ink")], WIDE).text == "A cat, ink"


@pytest.mark.parametrize(("artists", "named"), [(0, ""), (1, ", by A"), (2, ", by A, by B")])
def test_as_many_artists_are_named_as_asked(artists, named):
    both = [phrase("by A", "artists"), phrase("by B", "artists")]
    assert compose("a cat", both, WIDE, Rules(artists=artists)).text == f"a cat{named}"


def test_banned_words_and_dropped_phrases_are_left_out():
    texts = ("soft light", "Light", "lighting", "oil", "oil paint")
    rules = Rules(banned=("light",), dropped=("OIL",))
    found = compose("a cat", [phrase(t) for t in texts], WIDE, rules)
    assert [p.text for p in found.phrases] == ["lighting", "oil paint"]
    assert rules.cleaned("A light cat, in lightning. Light!") == "A cat, in lightning. !"


def test_pinned_phrases_come_first_whatever_the_caption_says():
    pinned = (phrase("a cat"), phrase("haze"))
    found = compose("a cat", [phrase("ink"), phrase("haze")], WIDE, Rules(most=3), pinned)
    assert found.text == "a cat, a cat, haze, ink"


@pytest.mark.parametrize(
    "wrong",
    [
        {"fewest": 5, "most": 3},
        {"pinned": ("a", "b"), "most": 1}, {"pinned": ("ink wash",), "banned": ("ink",)},
        {"pinned": ("ink",), "dropped": ("Ink",)},
    ],
)  # fmt: skip
def test_rules_that_cannot_be_kept_are_refused_in_a_sentence(wrong):
    with pytest.raises(InterrogatorError, match=r"\w+ .*\."):
        Rules(**wrong)


@pytest.mark.parametrize(
    ("text", "phrase", "said"),
    [
        ("an Oil-Painting of a cat", "oil painting", True),
        ("lighthouse", "light", False),
        ("浮世絵", "浮世絵", True),
        ("🌊 at dawn", "🌊", True),
        ("a cat", "🌊", False),
        ("🌊", "🎨", False),
        ("one, two", "one two", True),
    ],
)
def test_a_phrase_is_said_as_whole_words(text, phrase, said):
    assert says(text, phrase) is said
    assert overlap(phrase, text) is said


@pytest.mark.parametrize(
    ("banned", "caption", "left"),
    [
        (("red car", "big"), "a red big car", "a"),
        (("new york",), "new-york at night, New  York", "at night,"),
        (("big",), "a bigger cat", "a bigger cat"),
    ],
)
def test_what_is_left_of_a_caption_says_nothing_banned(banned, caption, left):
    assert Rules(banned=banned).cleaned(caption) == left
