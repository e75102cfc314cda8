"""Trees of tokens: what begins alike stands in them once, and everyone sees its own text."""

import random

import pytest

from interrogator.networks.token_tree import Trie, trees

MONET, MANET, CLAUDE = (1, 2, 7, 9), (1, 2, 8, 9), (1, 2, 6, 7, 9)


def at_most(tokens):
    return lambda own, known: own <= tokens


def read(tree, kept):
    """The texts of a tree, read off the table of who sees whom; `kept` has what is known."""
    ids = [*(kept[slot] for slot in tree.known.tolist()), *tree.tokens.tolist()]
    texts = []
    for leaf in tree.leaves.tolist():
        seen = tree.sees[leaf].nonzero().flatten().tolist()
        own = [place - len(tree.known) for place in seen if place >= len(tree.known)]
        assert tree.depths[own].tolist() == list(range(len(seen) - len(own), len(seen)))
        texts.append(tuple(ids[place] for place in seen))
    return texts


def keep(tree, kept):
    kept.update(zip(tree.slots.tolist(), tree.tokens[tree.kept].tolist(), strict=True))


def test_what_begins_alike_stands_there_once():
    ((places, tree),) = trees([MONET, MANET, CLAUDE], at_most(99))
    assert len(tree.tokens) == 2 + 2 + 2 + 3  # the beginning, then each its own
    assert read(tree, {}) == [(MONET, MANET, CLAUDE)[place] for place in places]


def test_equal_texts_share_their_leaf_and_a_text_may_begin_another():
    texts = [(1, 2), (1, 2), (1, 2, 3)]
    ((places, tree),) = trees(texts, at_most(99))
    assert len(tree.tokens) == 3
    assert read(tree, {}) == [texts[place] for place in places]


def test_what_is_known_is_gone_on_from():
    trie, kept = Trie(99), {}
    ((_, tree),) = trees([MONET], at_most(99), trie)
    keep(tree, kept)
    assert kept == {0: 1, 1: 2, 2: 7}  # nothing stands behind the end
    texts = [MANET, MONET, (1, 2, 7, 5, 9)]
    ((places, tree),) = trees(texts, at_most(99), trie)
    assert sorted(tree.tokens.tolist()) == [5, 8, 9, 9, 9]
    assert read(tree, kept) == [texts[place] for place in places]


@pytest.mark.parametrize("slots", [0, 5, 40, 10_000])
@pytest.mark.parametrize("most", [1, 7, 40, 10_000])
def test_every_text_comes_once_in_trees_of_the_size(most, slots):
    rng, trie, kept = random.Random(0), Trie(slots), {}
    for _ in range(3):
        texts = [tuple(rng.choices(range(4), k=rng.randint(1, 9))) for _ in range(300)]
        found = {}
        for places, tree in trees(texts, at_most(most), trie):
            assert len(tree.tokens) <= most or len(places) == 1
            for place, text in zip(places, read(tree, kept), strict=True):
                assert place not in found
                found[place] = text
            keep(tree, kept)
            assert len(trie.before) <= slots
        assert [found[place] for place in range(300)] == texts


def test_as_many_known_tokens_as_fit():
    trie = Trie(99)
    next(trees([(1, 2, 3), (4, 5, 6)], at_most(99), trie))
    asked = []

    def fits(own, known):
        asked.append((own, known))
        return False

    assert len(list(trees([(1, 2, 7), (4, 5, 7)], fits, trie))) == 2
    assert asked == [(2, 4)]


def test_no_texts_no_trees():
    assert list(trees([], at_most(5))) == []
