import math

import numpy as np
import pytest
import torch

from interrogator.prompts.ranking import extreme_rows, merge, rank
from interrogator.prompts.rules import FAST_PHRASES, Budget, Rules, fast
from interrogator.prompts.table import Table
from interrogator.vocabulary.lists import Vocabulary


def unit(*angles):
    """Unit vectors [n, 2] at these angles, in degrees."""
    return torch.tensor([[math.cos(math.radians(a)), math.sin(math.radians(a))] for a in angles])


def made(phrases, matrix, neutral):
    """A table whose phrases met the neutral pictures' vectors [m, 2]."""
    return Table(phrases, matrix, matrix @ neutral.T)


def by_category(image, table, logit_scale, top):
    return rank(image, table, logit_scale).by_category(top)


def test_the_closest_phrases_come_first_with_their_cosine():
    vocabulary = Vocabulary("v", {"a": ("far", "near", "opposite"), "b": ("right",)})
    table = made(vocabulary, unit(60, 30, 180, 90), unit(270))
    ranked = by_category(unit(0)[0], table, logit_scale=10.0, top=2)
    assert [p.text for p in ranked["a"]] == ["near", "far"]
    assert abs(ranked["a"][0].similarity - math.sqrt(3) / 2) < 1e-6
    assert abs(ranked["b"][0].similarity) < 1e-6


def test_top_k_is_exact_over_a_long_sorted_list():
    angles = torch.linspace(0, 90, 5000).tolist()
    vocabulary = Vocabulary("v", {"a": tuple(f"p{i}" for i in range(5000))})
    ranked = by_category(unit(90)[0], made(vocabulary, unit(*angles), unit(270)), 1.0, 100)
    assert [p.text for p in ranked["a"]] == [f"p{4999 - i}" for i in range(100)]


def test_equal_similarities_keep_the_order_of_the_list():
    vocabulary = Vocabulary("v", {"a": ("x", "y", "z")})
    ranked = by_category(unit(0)[0], made(vocabulary, unit(10, 10, 10), unit(270)), 1.0, 3)
    assert [p.text for p in ranked["a"]] == ["x", "y", "z"]


def test_confidence_is_a_softmax_that_leaves_room_for_none_of_these():
    vocabulary = Vocabulary("v", {"a": ("x", "y")})
    # The neutral picture lies at 60°: its best phrase is y, cos(60° − 90°) = cos 30°.
    table = made(vocabulary, unit(0, 90), unit(60))
    x, y = by_category(unit(0)[0], table, logit_scale=2.0, top=2)["a"]
    weights = [math.exp(2.0), math.exp(0.0), math.exp(2.0 * math.cos(math.radians(30)))]
    assert abs(x.confidence - weights[0] / sum(weights)) < 1e-6
    assert abs(y.confidence - weights[1] / sum(weights)) < 1e-6
    # Of all similarities, 1 and 0, the mean is a half and the standard deviation too.
    assert abs(x.deviations - 1) < 1e-6
    assert abs(y.deviations + 1) < 1e-6
    assert x.stands_out
    assert not y.stands_out


def test_merge_sorts_all_categories_together():
    vocabulary = Vocabulary("v", {"a": ("x", "y"), "b": ("z",)})
    ranked = by_category(unit(0)[0], made(vocabulary, unit(10, 50, 30), unit(270)), 1.0, 5)
    assert [p.text for p in merge(ranked)] == ["x", "z", "y"]


def test_fast_takes_32_of_a_large_list_and_few_of_a_small_one():
    """Through the ranking as the pipeline calls it, which hands on only the best of each list."""
    angles = torch.randn(20_000, generator=torch.Generator().manual_seed(0)) * 10 + 90
    vocabulary = Vocabulary("v", {"styles": tuple(f"p{i}x" for i in range(20_000))})
    table = made(vocabulary, unit(*angles.tolist()), unit(270))
    ranked = by_category(unit(0)[0], table, 1.0, FAST_PHRASES)
    wide = Budget(10_000, len)
    best = angles.argsort()[:FAST_PHRASES].tolist()
    assert [p.text for p in fast("c", ranked, wide, Rules()).phrases] == [f"p{i}x" for i in best]
    small = Vocabulary("v", {"styles": tuple("abcdefghij")})
    table = made(small, unit(10, *range(80, 98, 2)), unit(270))
    assert [
        p.text for p in fast("c", by_category(unit(0)[0], table, 1.0, 32), wide, Rules()).phrases
    ] == ["a"]


def test_least_similar_come_first_in_reverse():
    vocabulary = Vocabulary("v", {"a": ("far", "near"), "negative": ("blurry",), "b": ("back",)})
    table = made(vocabulary, unit(60, 30, 175, 180), unit(270))
    compared = rank(unit(0)[0], table, 1.0)
    assert [p.text for p in compared.overall(2, least=True)] == ["back", "far"]
    assert [p.text for p in compared.overall(9)] == ["near", "far", "back"]
    assert [p.text for p in compared.by_category(1, least=True)["a"]] == ["far"]
    assert [p.category for p in compared.overall(9, without=("a", "b"))] == ["negative"]
    assert compared.overall(9, without=("a", "b", "negative")) == []


def test_a_phrase_is_compared_with_its_own_average_over_neutral_pictures():
    table = made(Vocabulary("v", {"a": ("x",)}), unit(0), unit(60, 90))
    (x,) = rank(unit(0)[0], table, 1.0).overall(1)
    assert abs(x.above_neutral - (1 - (0.5 + 0) / 2)) < 1e-6


def test_phrases_are_found_by_name_whatever_their_case():
    vocabulary = Vocabulary("v", {"a": ("Ink", "Oil"), "b": ("ink",)})
    found = rank(unit(0)[0], made(vocabulary, unit(0, 10, 20), unit(270)), 1.0).named(["INK", "z"])
    assert {key: (p.text, p.category) for key, p in found.items()} == {"ink": ("Ink", "a")}


@pytest.mark.parametrize("rows", [1, 2, 333, 334, 5000, 300_000])
@pytest.mark.parametrize("order", ["shuffled", "sorted", "many equal"])
@pytest.mark.parametrize("least", [False, True])
def test_extreme_rows_are_those_of_brute_force(rows, order, least):
    generator = torch.Generator().manual_seed(rows)
    scores = torch.randn(rows, generator=generator)
    if order == "sorted":
        scores = scores.sort().values
    if order == "many equal":
        scores = (scores * 3).round()
    values = scores.tolist()
    sign = 1 if least else -1
    expected = sorted(range(rows), key=lambda row: (sign * values[row], row))
    for count in (1, 8, 2048):
        assert extreme_rows(scores.numpy(), count, least) == expected[:count]


def test_nothing_is_the_extreme_of_nothing():
    assert extreme_rows(np.empty(0), 5) == []
    assert extreme_rows(np.ones(3), 0) == []
