"""Density: worked examples, and what the embedded CLIP was and was not taught."""

import math

import numpy as np
import pytest
from PIL import Image

from interrogator.models.loading import load
from interrogator.models.registry import ASSETS, PRESETS
from interrogator.networks.runtime import Runtime
from interrogator.prompts.density import Density, load_density


def small(limits=(0.5, 1.0)):
    """A density that was taught the first axis, twice, and knows the third for no painting."""
    return Density(
        seen=np.array([[1, 0, 0], [1, 0, 0], [0.6, 0.8, 0]], np.float32),
        inner=np.array([[0, 0, 4]], np.float32),
        inner_bias=np.zeros(1, np.float32),
        outer=np.ones(1, np.float32),
        outer_bias=np.zeros(1, np.float32),
        limits=np.array(limits, np.float32),
    )


def test_the_distance_is_that_to_the_second_nearest_in_units_of_its_limit():
    assert small((0.5, 9.0)).distance(np.array([0.0, 1.0, 0.0])) == pytest.approx(1 / 0.5)


def test_what_the_classifier_takes_for_no_painting_is_unlike_however_near_it_is():
    density = small((9.0, 1.0))
    vector = np.array([0.8, 0.0, 0.6])  # logit 4·.6 = 2.4
    expected = math.log1p(math.exp(2.4)) / math.log1p(math.exp(1.0))
    assert density.distance(vector) == pytest.approx(expected, rel=1e-5)
    assert density.is_unlike(vector)
    assert not density.is_unlike(np.array([1.0, 0.0, 0.0]))


def test_a_density_is_read_as_it_was_stored(tmp_path):
    small().save(tmp_path)
    stored = load_density(tmp_path)
    assert stored is not None
    for name, value in vars(small()).items():
        assert vars(stored)[name] == pytest.approx(value, abs=1e-3)
    assert load_density(tmp_path / "none") is None


def test_the_embedded_clip_knows_paintings_from_noise_and_plain_colour():
    import torch

    clip = load(PRESETS["demo"], Runtime(torch.device("cpu"), torch.float32)).clip
    density = load_density(ASSETS / "models" / "clip")
    assert density is not None
    examples = [Image.open(path) for path in sorted((ASSETS / "examples").glob("*.jpg"))]
    noise = np.random.default_rng(5).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    vectors = clip.encode_images([*examples, Image.fromarray(noise)]).numpy()
    *painted, drawn = (density.is_unlike(vector) for vector in vectors)
    assert sum(painted) <= 1
    assert drawn
