"""Trees of tokens: what begins alike stands in them once, and everyone sees its own text."""

import random

import pytest
import torch

from interrogator.token_tree import path, trees

MONET, MANET, CLAUDE = (1, 2, 7, 9), (1, 2, 8, 9), (1, 2, 6, 7, 9)


def seen(tree, leaf):
    """The text of a leaf, read off the table of who sees whom."""
    places = tree.sees[leaf].nonzero().flatten()
    places = places[tree.depths[places].argsort()]
    assert tree.depths[places].tolist() == list(range(len(places)))
    return tuple(tree.tokens[places].tolist())


def test_what_begins_alike_stands_there_once():
    ((places, tree),) = trees([MONET, MANET, CLAUDE], most=99)
    assert len(tree.tokens) == 2 + 2 + 2 + 3  # the beginning, then each its own
    assert [seen(tree, leaf) for leaf in tree.leaves] == [
        (MONET, MANET, CLAUDE)[place] for place in places
    ]


def test_equal_texts_share_their_leaf_and_a_text_may_begin_another():
    texts = [(1, 2), (1, 2), (1, 2, 3)]
    ((places, tree),) = trees(texts, most=99)
    assert len(tree.tokens) == 3
    assert [seen(tree, leaf) for leaf in tree.leaves] == [texts[place] for place in places]


@pytest.mark.parametrize("most", [1, 7, 40, 10_000])
def test_every_text_comes_once_in_trees_of_the_size(most):
    rng = random.Random(0)
    texts = [tuple(rng.choices(range(4), k=rng.randint(1, 9))) for _ in range(300)]
    found = {}
    for places, tree in trees(texts, most):
        assert len(tree.tokens) <= most or len(places) == 1
        assert tree.sees.shape == (len(tree.tokens), len(tree.tokens))
        for place, leaf in zip(places, tree.leaves.tolist(), strict=True):
            assert place not in found
            found[place] = seen(tree, leaf)
    assert [found[place] for place in range(300)] == texts


def test_no_texts_no_trees():
    assert list(trees([], most=5)) == []


def test_a_path_is_the_tree_of_one_text():
    tree = path(torch.tensor(CLAUDE))
    assert seen(tree, tree.leaves[0]) == CLAUDE
    assert tree.sees[0].tolist() == [True, False, False, False, False]
