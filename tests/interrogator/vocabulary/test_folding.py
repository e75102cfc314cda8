import pytest

from interrogator.vocabulary.folding import WordSequences, fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Bird’s-eye VIEW", ("birds", "eye", "view")),
        ("bird's_eye  view!", ("birds", "eye", "view")),
        ("Cézanne, CE\u0301ZANNE", ("cezanne", "cezanne")),
        ("f/1.4", ("f", "1", "4")),
        ("浮世絵", ("浮世絵",)),
        ("...", ()),
    ],
)
def test_words_are_folded(text, folded):
    assert fold(text) == folded


def test_the_first_and_longest_sequence_is_found():
    sequences = WordSequences([("oil",), ("oil", "painting"), ("sea",), ()])
    assert sequences.within(("an", "oil", "painting", "of", "sea")) == ("oil", "painting")
    assert sequences.within(("deep", "sea", "oil")) == ("sea",)
    assert sequences.within(("painting", "seas")) == ()
    assert ("oil", "painting") in sequences
    assert () not in sequences
