"""Plausibility: worked examples, and lists and cosines as real CLIPs have them."""

import math

import numpy as np
import pytest

from benchmarks.simulated_clip import SIZES, World
from interrogator.prompts.plausibility import (
    FALSE_ALARM,
    KIN,
    Background,
    Calibration,
    above_hubs,
    background,
    load_calibrations,
    none_of_these,
    plausibility,
    save_calibrations,
    unexplained,
)

NOTHING = np.zeros((3, 1))  # neutral cosines that explain nothing


def test_a_calibrated_exclusive_list_is_a_contest_of_phrase_rival_and_none():
    # τ = 10, temperature 2: logits 20·(.5, .4, .1) = 10, 8, 2 and none 20·.3 = 6
    p = plausibility(np.array([0.5, 0.4, 0.1]), NOTHING, 10.0, True, Calibration(2.0, 0.3))
    first = math.exp(10) / (math.exp(10) + math.exp(8) + math.exp(6))
    second = math.exp(8) / (math.exp(8) + math.exp(10) + math.exp(6))
    third = math.exp(2) / (math.exp(2) + math.exp(10) + math.exp(6))
    assert p == pytest.approx([first, second, third], rel=1e-9)


def test_phrases_of_an_open_list_do_not_compete():
    p = plausibility(np.array([0.5, 0.4, 0.1]), NOTHING, 10.0, False, Calibration(2.0, 0.3))
    assert p == pytest.approx([1 / (1 + math.exp(-x)) for x in (4, 2, -4)], rel=1e-9)


def test_a_calibration_says_whether_its_list_is_exclusive():
    similarity = np.array([0.5, 0.5, 0.1])
    p = plausibility(similarity, NOTHING, 10.0, False, Calibration(2.0, 0.0, exclusive=True))
    assert p[0] == p[1] < 0.5


def test_what_is_near_every_picture_is_not_taken_for_a_match():
    usual = np.linspace(0.05, 0.2, 400)
    similarity = usual.copy()
    similarity[7] += 0.1  # the only one that has to do with the picture
    cosines = above_hubs(similarity, np.stack([usual, usual], axis=1))
    assert cosines.argmax() == 7
    assert similarity.argmax() != 7
    assert abs(np.delete(cosines, 7)).std() < 0.2 * similarity.std()


def test_neutral_pictures_that_agree_on_nothing_change_nothing():
    similarity = np.array([0.1, 0.3, 0.2])
    assert above_hubs(similarity, np.full((3, 4), 0.25)) == pytest.approx(similarity)


def test_none_rises_with_the_length_of_the_list_as_its_best_false_phrase_does():
    rng = np.random.default_rng(0)
    reached = []
    for size in (500, 5000):
        lists = rng.normal(0.13, 0.02, (400, size))
        none = [none_of_these(values, 100.0, True) for values in lists]
        reached.append(float(np.mean(lists.max(axis=1) > none)))
    assert reached == pytest.approx([FALSE_ALARM, FALSE_ALARM], abs=0.035)


def test_a_list_of_one_phrase_is_judged_by_the_whole_vocabulary():
    beside = Background(0.13, 0.02)
    p = [
        plausibility(np.array([x]), np.zeros((1, 1)), 100.0, True, None, beside)[0]
        for x in (0.13, 0.3)
    ]
    assert p[0] < 0.3 < 0.9 < p[1]


def test_an_empty_list_has_no_plausible_phrase():
    assert plausibility(np.empty(0), np.empty((0, 4)), 100.0, True).shape == (0,)


def test_synonyms_are_no_rivals():
    """Two ways to say the same share what speaks for them; two different phrases do not."""
    similarity = np.concatenate([[0.3, 0.299], np.random.default_rng(0).normal(0.12, 0.02, 500)])
    apart = np.eye(len(similarity))
    together = apart.copy()
    together[1] = [KIN + 0.05, math.sqrt(1 - (KIN + 0.05) ** 2), *np.zeros(500)]
    neutral = np.zeros((502, 1))
    alone, rivals = (
        plausibility(similarity, neutral, 100.0, True, features=f)[0] for f in (together, apart)
    )
    assert rivals == pytest.approx(1 / (1 + math.exp(-0.1)), abs=0.01)  # 100·(.3 − .299)
    assert alone > 0.95


def test_a_phrase_that_a_truer_one_explains_is_left_out():
    features = np.array([[1.0, 0, 0], [0.9, math.sqrt(1 - 0.81), 0], [0, 0, 1.0]])
    picture = np.array([0.3, 0.0, 0.25])
    cosines = features @ picture  # the second has .27, all of it from the first
    taken = unexplained(cosines, features, np.zeros(3), mean=0.0, least=0.1)
    assert taken == [0, 2]


def test_calibrations_are_read_as_they_were_stored(tmp_path):
    stored = {"artists": Calibration(1.5, 0.2, True), "styles": Calibration(1.0, 0.3)}
    save_calibrations(tmp_path, stored)
    assert load_calibrations(tmp_path) == stored
    assert load_calibrations(tmp_path / "none") == {}


def plausible(world, name, picture, logit_scale, beside):
    """Return the rows of a list that are more likely true than not."""
    texts = world.texts[name]
    p = plausibility(
        texts @ picture, texts @ world.neutral, logit_scale, name != "styles",
        beside=beside, features=texts,
    )  # fmt: skip
    return {(name, int(row)) for row in np.flatnonzero(p >= 0.5)}


@pytest.fixture(scope="module", params=[(0.125, 0.27, 100.0), (0.0, 0.145, 115.0)])
def seen(request):
    """Pictures of a simulated CLIP: what is true of each, and what is plausible."""
    usual, matching, logit_scale = request.param  # OpenAI's and LAION's; SigLIP's
    world = World(1, usual, matching)
    pictures = []
    for number in range(24):
        true = {("styles", int(row)) for row in world.rng.choice(4348, 8, replace=False)}
        for name in ("artists", "movements", "mediums"):
            if number % 2:
                true.add((name, int(world.rng.integers(SIZES[name]))))
        picture = world.picture(sorted(true))
        beside = background(np.concatenate([t @ picture for t in world.texts.values()]))
        found = {n: plausible(world, n, picture, logit_scale, beside) for n in SIZES}
        pictures.append((true, found))
    return pictures


def test_an_artist_a_movement_and_a_medium_are_named_where_true_and_only_there(seen):
    right = wrong = due = 0
    for true, found in seen:
        for name in ("artists", "movements", "mediums"):
            here = {t for t in true if t[0] == name}
            right += len(found[name] & here)
            wrong += len(found[name] - here)
            due += len(here)
    assert due == 36
    assert right >= 0.85 * due
    assert wrong <= 0.05 * 72


def test_styles_that_are_true_are_plausible_and_thousands_that_are_not_are_not(seen):
    right = sum(len(found["styles"] & true) for true, found in seen)
    every = sum(len(found["styles"]) for _, found in seen)
    assert right >= 0.85 * 8 * len(seen)
    assert every <= 30 * len(seen)
