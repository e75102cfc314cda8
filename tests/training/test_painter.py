import numpy as np
import pytest

from training.painter import Spec, choose, handle, paint, vocabulary
from training.painter.mediums import COLOURLESS, MEDIUMS
from training.painter.palettes import NAMES as PALETTES
from training.painter.spec import ABSTRACTION, MOVEMENTS, NOTHING
from training.painter.subjects import SUBJECTS

ASKED_MOVEMENTS = {
    "pointillism": "Georges Seurat", "impressionism": "Claude Monet",
    "post-impressionism": "Vincent van Gogh", "neoplasticism": "Piet Mondrian",
    "suprematism": "Kazimir Malevich", "op art": "Bridget Riley", "color field": "Mark Rothko",
    "pop art": "Roy Lichtenstein", "abstract expressionism": "Jackson Pollock",
    "cubism": "Georges Braque", "orphism": "Robert Delaunay", "ukiyo-e": "Katsushika Hokusai",
    "fauvism": "Henri Matisse", "minimalism": "Frank Stella", "bauhaus": "Wassily Kandinsky",
}  # fmt: skip


def pixels(picture):
    return np.asarray(picture, dtype=float)


def test_the_painter_knows_what_it_was_asked_to_know():
    for movement, artist in ASKED_MOVEMENTS.items():
        assert artist in [m.artist for m in MOVEMENTS[movement].manners]
    assert (len(MOVEMENTS), len(SUBJECTS), len(MEDIUMS), len(PALETTES)) == (20, 12, 12, 8)


@pytest.mark.parametrize("movement", MOVEMENTS)
def test_every_manner_paints_in_every_medium_and_palette_that_it_may(movement):
    subject = ABSTRACTION if MOVEMENTS[movement].shows else "cat"
    for manner in MOVEMENTS[movement].manners:
        for medium in manner.mediums:
            palette = "monochromatic" if medium in COLOURLESS else manner.palettes[-1]
            spec = Spec(7, subject, 0, movement, manner.artist, medium, palette)
            picture = paint(spec, 48)
            assert (picture.mode, picture.size) == ("RGB", (48, 48))
            assert pixels(picture).std() > 3, f"{manner.artist} in {medium} painted nothing"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_two_variants_of_a_subject_differ(subject):
    first, second = (
        pixels(paint(Spec(3, subject, v, None, None, "vector art", "natural"), 64)) for v in (0, 1)
    )
    assert np.abs(first - second).mean() > 4


def test_the_same_seed_is_the_same_picture_and_another_is_another():
    a, b, c = (np.asarray(paint(choose(seed), 64)) for seed in (11, 11, 12))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_large_picture_is_the_small_one_with_more_pixels():
    """The composition does not depend on the size: shrunk, the large one is close to the small."""
    for seed in range(20):
        spec = choose(seed)
        if spec.movement is None and spec.medium in ("vector art", "screen print"):
            small = pixels(paint(spec, 64))
            large = pixels(paint(spec, 256).resize((64, 64)))
            assert np.abs(small - large).mean() < 20


def test_what_is_true_is_in_the_vocabulary():
    words = vocabulary()
    for seed in range(400):
        spec = choose(seed)
        for category, phrase in spec.phrases.items():
            assert phrase in words[category]
        assert (spec.artist is None) == (spec.movement is None)
    assert len({p for group in words.values() for p in group}) == sum(map(len, words.values()))


def test_captions_read_as_a_captioner_writes():
    spec = Spec(0, "sailing boat", 1, None, None, "oil painting", "natural")
    assert spec.caption == "an oil painting of two sailing boats on the sea"
    spec = Spec(0, ABSTRACTION, 0, "op art", "Bridget Riley", "screen print", "natural")
    assert spec.caption == "a screen print of an abstract composition of optical patterns"
    assert Spec(0, NOTHING[0]).caption == "random noise"


def test_a_handled_picture_has_the_models_size_and_resembles_the_painted_one():
    rng = np.random.default_rng(0)
    picture = paint(Spec(5, "lighthouse", 0, None, None, "vector art", "natural"), 160)
    plain = pixels(picture.resize((96, 96)))
    for _ in range(25):
        handled = handle(picture, rng, 96)
        assert handled.size == (96, 96)
        assert np.abs(pixels(handled) - plain).mean() < 80
