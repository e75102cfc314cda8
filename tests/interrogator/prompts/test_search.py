"""The search, on a landscape that can be searched by hand, and on the embedded CLIP."""

import itertools

import numpy as np
import pytest
import torch

from interrogator.prompts.ranking import RankedPhrase
from interrogator.prompts.rules import Prompt, Rules, overlap
from interrogator.prompts.scorer import TOO_LONG, Scorer
from interrogator.prompts.search import FRUGAL, FULL, REACH, Beam, Effort, Search, _Grown, moves


class Landscape:
    """A scorer made of numbers: each phrase has a worth, pairs have more or less together."""

    def __init__(self, worth, pairs=(), longest=99):
        self.worth, self.pairs, self.longest = worth, dict(pairs), longest
        self.phrases = tuple(worth)
        self.asked = 0
        self.several = []

    def value(self, text):
        parts = text.split(", ") if text else []
        if len(parts) > self.longest:
            return TOO_LONG
        value = sum(self.worth.get(part, 0.0) for part in parts)
        return value + sum(extra for pair, extra in self.pairs.items() if set(pair) <= set(parts))

    def scores(self, several):
        for start in range(0, len(several), 3):
            places = list(range(start, min(start + 3, len(several))))
            texts = [", ".join(self.phrases[i] for i in several[place]) for place in places]
            self.asked += len(texts)
            self.several += [several[place] for place in places]
            yield places, torch.tensor([self.value(text) for text in texts])


def candidates(scorer, **categories):
    return [
        RankedPhrase(text, categories.get(text, "styles"), 0.0, 1.0, 0.0) for text in scorer.phrases
    ]


def search(scorer, rules=Rules(), caption="start", **options):  # noqa: B008
    found = Search(caption, candidates(scorer), scorer, rules, **options)
    *_, last = found.run(options.pop("pinned", ()))
    return last


def texts(found):
    return [phrase.text for phrase in found.prompt.phrases]


def test_what_helps_is_added_and_what_harms_is_not():
    found = search(Landscape({"good": 0.3, "bad": -0.2, "better": 0.5}))
    assert sorted(texts(found)) == ["better", "good"]
    assert found.similarity == pytest.approx(0.8)
    assert found.prompt.text.startswith("start, ")


def test_two_phrases_that_only_help_together_are_found():
    """The greedy step would stop: each alone makes it worse."""
    land = Landscape({"a": -0.1, "b": -0.1, "c": 0.2}, {("a", "b"): 1.0})
    assert sorted(texts(search(land))) == ["a", "b", "c"]


def test_the_first_choice_can_be_taken_back():
    land = Landscape({"bait": 0.5, "x": 0.45, "z": 0.3}, {("bait", "z"): -0.1, ("bait", "x"): -0.6})
    assert sorted(texts(search(land, effort=Effort(9, (Beam(1, 9, 2),), 9)))) == ["x", "z"]
    assert sorted(texts(search(land, effort=Effort(9, (Beam(1, 9, 2),), 0)))) == ["bait", "z"]


def test_the_best_of_a_random_landscape_is_that_of_brute_force():
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        worth = dict(zip("abcdef", torch.randn(6, generator=generator).tolist(), strict=True))
        pairs = {
            pair: float(torch.randn(1, generator=generator))
            for pair in itertools.combinations("abcdef", 2)
        }
        land = Landscape(worth, pairs)
        every = [
            ", ".join(some) for size in range(7) for some in itertools.combinations("abcdef", size)
        ]
        for effort in (FULL, Effort(9, (Beam(8, 9, 8),), 9)):
            found = search(land, effort=effort)
            assert found.similarity == pytest.approx(max(map(land.value, every)))


@pytest.mark.parametrize(("fewest", "most"), [(0, 1), (2, 2), (3, 4), (0, 0)])
def test_as_many_phrases_as_asked(fewest, most):
    land = Landscape({"a": 0.4, "b": 0.3, "c": -0.1, "d": -0.2, "e": -0.3})
    found = search(land, Rules(fewest, most))
    assert len(texts(found)) == max(fewest, min(most, 2))
    assert texts(found)[:2] == ["a", "b"][:most]


def test_fewer_than_asked_where_there_are_no_more():
    assert len(texts(search(Landscape({"a": -0.1}), Rules(fewest=5)))) == 1
    assert texts(search(Landscape({}), Rules(fewest=5))) == []


def test_what_is_too_long_is_never_taken():
    land = Landscape(dict.fromkeys("abcdefgh", 0.1), longest=3)
    assert len(texts(search(land))) == 3
    assert len(texts(search(land, sign=-1, rules=Rules(fewest=8)))) == 3


def test_downhill_the_least_similar_are_taken():
    land = Landscape({"a": 0.4, "b": -0.3, "c": -0.1})
    found = search(land, caption="", sign=-1)
    assert sorted(texts(found)) == ["b", "c"]
    assert found.similarity == pytest.approx(-0.4)


def test_the_order_that_reads_best_is_found():
    """Each place has a favourite; greedily the best phrase alone comes first, and stays there."""
    land = Ordered(("a", "b", "c"))
    assert texts(search(land, effort=Effort(9, (Beam(1, 9, 2),), 0))) == ["c", "b", "a"]
    assert texts(search(land, effort=Effort(9, (Beam(1, 9, 2),), 9))) == ["a", "b", "c"]
    pinned = Search("start", candidates(land), land, Rules(pinned=("c",))).run((2,))
    assert texts(list(pinned)[-1]) == ["c", "a", "b"]


class Ordered(Landscape):
    """A scorer that likes its phrases in their order, the last of them most."""

    def __init__(self, order):
        super().__init__({phrase: 1.0 + place / 10 for place, phrase in enumerate(order)})

    def value(self, text):
        parts = [part for part in text.split(", ") if part in self.worth]
        in_order = sum(one < other for one, other in itertools.pairwise(parts))
        return super().value(text) + in_order / 100


def test_every_move_of_one_phrase_is_tried_once_and_the_first_ones_stay():
    assert moves((1, 2, 3), 2) == [(2, 1, 3), (1, 3, 2)]
    assert moves((9, 1, 2), 2, fixed=1) == [(9, 2, 1)]
    assert moves((1,), 1) == []
    assert len(moves(tuple(range(6)), 3)) == 5


def test_a_long_prompt_is_improved_at_its_end():
    """Its order costs no more than that of a short one."""
    words = [f"p{i:02}" for i in range(30)]
    asked = {}
    for count in (REACH, 30):
        land = Landscape(dict.fromkeys(words[:count], 0.1))
        run = Search("start", candidates(land), land, Rules(fewest=count))
        grown = _Grown(tuple(range(count)), np.zeros(count))
        run._known[grown.chosen], run._best = 0.1 * count, grown.chosen
        for _ in run._reordered(grown, 0):
            pass
        asked[count] = land.asked
    assert asked[REACH] == asked[30] == (REACH - 1) ** 2


def test_a_frugal_search_tries_a_few_hundred_prompts():
    land = Landscape({f"p{i}": 0.1 - i / 1000 for i in range(2000)}, longest=12)
    assert len(texts(search(land, effort=FRUGAL))) == 12
    assert land.asked < 350


def test_pinned_phrases_stay_and_are_neither_dropped_nor_moved():
    land = Landscape({"pin": -5.0, "a": 0.4})
    run = Search("start", candidates(land), land, Rules(pinned=("pin",)))
    *_, found = run.run((0,))
    assert texts(found) == ["pin", "a"]


def test_no_phrase_is_taken_that_says_another_and_no_artist_more_than_asked():
    land = Landscape({"oil": 0.5, "oil paint": 0.6, "by A": 0.3, "by B": 0.4})
    kinds = {"by A": "artists", "by B": "artists"}
    *_, found = Search("start", candidates(land, **kinds), land, Rules(artists=1)).run()
    assert sorted(texts(found)) == ["by B", "oil paint"]


def test_every_step_is_the_best_so_far_and_nothing_is_scored_twice():
    land = Landscape({f"p{i}": 0.1 - i / 100 for i in range(30)})
    found = list(Search("start", candidates(land), land, Rules()).run())
    values = [step.similarity for step in found]
    assert values == sorted(values)
    assert len(found) > 10
    assert len(set(land.several)) == len(land.several) == found[-1].tried


def test_time_that_is_up_ends_it_after_one_batch():
    land = Landscape({f"p{i}": 0.1 for i in range(300)})
    found = search(land, is_over=lambda: True)
    assert found.cut_short
    assert land.asked == 1
    assert not search(Landscape({"a": 0.1})).cut_short


def test_a_search_that_is_closed_asks_nothing_more():
    land = Landscape({f"p{i}": 0.1 for i in range(300)})
    run = Search("start", candidates(land), land, Rules()).run()
    next(run)
    next(run)
    run.close()
    assert land.asked == 1 + 3


def test_the_similarity_found_is_that_of_the_text(demo):
    clip = demo.models.clip
    image = clip.encode_text(["a screen print of a cat, pop art, neon colors"])[0]
    phrases = [
        RankedPhrase(text, category, 0.0, 1.0, 0.0)
        for category, group in demo.table.vocabulary.categories.items()
        for text in group
    ]
    scorer = Scorer(clip, image, "a picture", tuple(phrase.text for phrase in phrases))
    *_, found = Search("a picture", phrases, scorer, Rules()).run()
    exact = float(clip.encode_text([found.prompt.text])[0] @ image)
    assert found.similarity == pytest.approx(exact, abs=1e-5)
    assert {"pop art", "neon colors"} <= set(texts(found))
    assert clip.token_count(found.prompt.text) <= clip.token_limit
    pairs = itertools.combinations(texts(found), 2)
    assert not any(overlap(one, other) for one, other in pairs)
    assert isinstance(found.prompt, Prompt)


def test_a_prompt_of_as_many_phrases_as_asked_is_improved_too():
    """The best is one phrase, but three are asked for: the chain's third is replaced."""
    pairs = {("b", "c"): -9.0, ("a", "e"): 0.3, ("b", "e"): 0.2}
    land = Landscape({"a": 0.5, "b": -0.1, "c": -0.15, "d": -0.2, "e": -0.6}, pairs)
    found = search(land, Rules(fewest=3), effort=Effort(9, (Beam(1, 1, 1),), 9))
    every = itertools.combinations("abcde", 3)
    assert found.similarity == pytest.approx(max(land.value(", ".join(some)) for some in every))
