import pytest

from interrogator.prompt import Budget, classic, compose, fast, fitted_caption
from interrogator.ranking import RankedPhrase

WIDE = Budget(1000, lambda text: len(text.split()))


def phrase(text, category="styles", similarity=0.5, stands_out=True):
    return RankedPhrase(text, category, similarity, 0.5, stands_out)


def ranked(**groups):
    return {category: [phrase(*row) for row in rows] for category, rows in groups.items()}


def test_classic_takes_one_of_each_list_in_order_and_three_of_the_others():
    found = classic(
        "a cat",
        {
            "artists": [phrase("by A", "artists"), phrase("by B", "artists")],
            "mediums": [phrase("oil painting", "mediums")],
            "movements": [phrase("cubism", "movements")],
            "sites": [phrase("trending on X", "sites")],
            "styles": [phrase(f"s{i}", similarity=0.5 - i / 10) for i in range(5)],
            "negative": [phrase("blurry", "negative", 0.99)],
        },
        WIDE,
    )
    assert found.text == "a cat, oil painting, by A, trending on X, cubism, s0, s1, s2"


def test_classic_names_no_artist_and_no_movement_that_does_not_stand_out():
    found = classic(
        "a cat",
        {
            "artists": [phrase("by A", "artists", stands_out=False)],
            "mediums": [phrase("ink", "mediums", stands_out=False)],
            "movements": [phrase("cubism", "movements", stands_out=False)],
        },
        WIDE,
    )
    assert found.text == "a cat, ink"


def test_fast_takes_the_best_of_all_lists_merged():
    table = {
        "mediums": [phrase("ink", "mediums", 0.9), phrase("oil", "mediums", 0.1)],
        "styles": [phrase("soft light", "styles", 0.8)]
        + [phrase(f"s{i}", "styles", 0.1) for i in range(8)],
        "negative": [phrase("blurry", "negative", 0.99)],
    }
    assert fast("a cat", table, WIDE).text == "a cat, ink, soft light"


def test_fast_takes_at_most_32():
    # Half the table lies far above the mean: 40 phrases would pass by similarity.
    high = [phrase(f"h{i}", similarity=0.9 - i / 1000) for i in range(40)]
    low = [phrase(f"l{i}", similarity=0.1) for i in range(200)]
    assert [p.text for p in fast("a cat", {"styles": high + low}, WIDE).phrases] == [
        f"h{i}" for i in range(32)
    ]


def test_a_phrase_that_the_prompt_contains_is_not_added_again():
    words = [
        phrase(t) for t in ("Oil Painting", "oil", "oil painting", "light", "soft light", "lights")
    ]
    found = compose("an oil painting of a cat", words, WIDE)
    assert [p.text for p in found.phrases] == ["light", "soft light", "lights"]


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
