import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from interrogator.prompts.ranking import extreme_rows, rank
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


def test_a_phrase_that_stands_far_above_its_list_is_plausible_and_the_crowd_is_not():
    angles = torch.linspace(80, 100, 50).tolist()
    names = [f"p{i}" for i in range(50)]
    table = made(Vocabulary("v", {"styles": ("x", *names)}), unit(60, *angles), unit(270))
    ranking = rank(unit(0)[0], table, 100.0)
    assert [p.text for p in ranking.plausible(0.5, 10)] == ["x"]
    first, second = ranking.overall(2)
    assert first.stands_out
    assert not second.stands_out


def test_where_too_few_are_plausible_the_most_plausible_follow():
    angles = torch.linspace(80, 100, 50).tolist()
    names = [f"p{i}" for i in range(50)]
    table = made(Vocabulary("v", {"styles": ("x", *names)}), unit(60, *angles), unit(270))
    phrases = rank(unit(0)[0], table, 100.0).plausible(0.5, 10, at_least=3)
    assert [p.text for p in phrases] == ["x", "p0", "p1"]


def test_of_two_rivals_in_an_exclusive_list_at_most_one_is_plausible():
    angles = [60, 61, *torch.linspace(80, 100, 50).tolist()]
    names = [f"p{i}" for i in range(50)]
    table = made(Vocabulary("v", {"movements": ("x", "y", *names)}), unit(*angles), unit(270))
    apart = [p.text for p in rank(unit(0)[0], table, 100.0).plausible(0.5, 9)]
    assert len(apart) <= 1


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


def test_phrases_alike_are_the_nearest_of_their_own_list():
    vocabulary = Vocabulary("v", {"a": ("x", "far", "near", "opposite"), "b": ("x too",)})
    table = made(vocabulary, unit(0, 60, 20, 180, 0), unit(270))
    ranking = rank(unit(90)[0], table, 10.0)
    phrase = ranking.named(["x"])["x"]
    near, far = ranking.alike(phrase, 2)
    assert (near.text, far.text) == ("near", "far")
    assert near.similarity == pytest.approx(math.sin(math.radians(20)))
    assert [p.text for p in ranking.alike(phrase, 9)] == ["near", "far", "opposite"]
    assert ranking.alike(replace(phrase, category="pinned"), 2) == []
