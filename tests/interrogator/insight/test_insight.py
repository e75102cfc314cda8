"""What is like a phrase, where it is, and several pictures: with the embedded models."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.insight.heatmap import HeatMap, heat_map, overlay
from interrogator.insight.nearest import nearest
from interrogator.insight.round_trip import NOT_HERE, obstacle, round_trip
from interrogator.insight.together import apart, together
from interrogator.models.registry import ASSETS
from interrogator.networks.clip import direction
from interrogator.prompts.ranking import rank
from interrogator.settings import Settings


def example(name):
    return decode.read(ASSETS / "examples" / f"{name}.jpg")


@pytest.fixture(scope="module")
def ranking(demo):
    pair = demo.models.clip.encode_pair(example("cat-pop-art"))
    return rank(direction(pair), demo.table, demo.models.clip.logit_scale, pair[0])


def test_others_like_a_phrase_are_of_its_list_and_in_order(demo, ranking):
    picture = example("cat-pop-art")
    found = nearest(demo, picture, "Pop Art", 5)
    phrases = demo.table.vocabulary.categories["movements"]
    vectors = demo.models.clip.encode_text(list(phrases)).numpy()
    cosines = dict(zip(phrases, vectors @ vectors[phrases.index("pop art")], strict=True))
    expected = sorted(set(phrases) - {"pop art"}, key=lambda p: -cosines[p])[:5]
    assert [phrase.text for phrase in found] == expected
    assert found[0] == ranking.named([expected[0]])[expected[0]]  # as it fits the picture
    assert len(nearest(demo, picture, "pop art", 50)) == len(phrases) - 1
    with pytest.raises(InterrogatorError, match="in no list"):
        nearest(demo, picture, "no such phrase")


def test_a_subject_is_found_where_it_was_painted(demo):
    """A boat in one corner of an empty canvas: the heat is there."""
    boat = example("boat-impressionism").resize((96, 96))
    for corner, quarter in (((0, 0), np.s_[:4, :4]), ((128, 128), np.s_[3:, 3:])):
        canvas = Image.new("RGB", (224, 224), (200, 200, 200))
        canvas.paste(boat, corner)
        found = heat_map(canvas, "two sailing boats on the sea", demo.models.clip)
        assert found.falls.shape == (7, 7)
        assert found.heat[quarter].sum() > 0.6 * found.heat.sum()
        assert found.strength > 0


def test_the_overlay_is_orange_where_the_heat_is():
    falls = np.zeros((7, 7), np.float32)
    falls[0, 0], falls[6, 6] = 0.2, -0.5
    over = overlay(Image.new("RGB", (70, 140), "white"), HeatMap("x", 0.3, falls))
    assert over.size == (70, 140)
    red, _, blue = over.getpixel((3, 6))
    assert red > 220 > 140 > blue
    assert over.getpixel((66, 130)) == (255, 255, 255)
    nothing = HeatMap("x", 0.3, -np.ones((7, 7), np.float32))
    assert nothing.heat.max() == 0
    with pytest.raises(InterrogatorError, match="no phrase"):
        heat_map(Image.new("RGB", (9, 9)), " ", None)


SAME = ("cat-pop-art", "moon-expressionism", "portrait-fauvism")


def test_one_prompt_for_all_says_only_what_is_plausible_in_each(demo):
    pictures = [example("cat-pop-art"), example("cat-pop-art").rotate(3, fillcolor="white")]
    done = together(demo, pictures, Settings("best"))
    assert done.finished
    assert "pop art" in done.prompt
    different = together(demo, [example(name) for name in SAME])
    said = {phrase.text for phrase in different.phrases}
    assert not said & {"pop art", "expressionism", "fauvism"}  # each true of one alone
    for phrase in different.phrases:
        for name in SAME:
            alone = demo.run(example(name), replace(Settings(), mode="classic"))
            group = {p.text: p for p in alone.ranked[phrase.category]}
            assert phrase.text not in group or group[phrase.text].confidence >= 0.5


def test_what_sets_one_apart_is_true_of_it_alone(demo):
    pictures = [example(name) for name in SAME]
    done = apart(demo, pictures, 0)
    said = [phrase.text for phrase in done.phrases]
    assert "pop art" in said
    assert not {"expressionism", "fauvism", "by Edvard Munch", "by Henri Matisse"} & set(said)
    assert done.notes[0] == "What sets picture 1 apart from the other 2."
    assert "fauvism" in [phrase.text for phrase in apart(demo, pictures, 2).phrases]
    twice = apart(demo, [pictures[0], pictures[0]], 0)
    assert twice.phrases == ()  # nothing


def test_too_few_and_too_many_get_a_sentence(demo):
    picture = Image.new("RGB", (9, 9))
    for count in (1, 13):
        with pytest.raises(InterrogatorError, match="2 to 12"):
            together(demo, [picture] * count)
    with pytest.raises(InterrogatorError, match="no picture 3"):
        apart(demo, [picture] * 2, 2)


def test_the_session_and_the_service_answer_too(service, demo, capsys):
    import functools

    import interrogator
    from interrogator.cli import main
    from interrogator.request import Request

    paths = [str(ASSETS / "examples" / f"{name}.jpg") for name in SAME]
    session = interrogator.load("demo")
    assert session.nearest(paths[0], "pop art")[0].category == "movements"
    assert session.where(paths[0], "a cat").falls.shape == (7, 7)
    assert "pop art" in session.apart(paths, 0).prompt
    assert session.together(paths).prompt == together(demo, [*map(example, SAME)]).prompt
    question = functools.partial(nearest, picture=example(SAME[0]), phrase="pop art")
    *_, answer = service.ask(Request(demo.models.names), question)
    assert [p.text for p in answer] == [p.text for p in session.nearest(paths[0], "pop art")]
    assert main([*paths, "--preset", "demo", "--together"]) == 0
    assert main([*paths, "--preset", "demo", "--apart"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].endswith(f": {session.together(paths).prompt}")
    assert lines[1].startswith(paths[0])
    assert "pop art" in lines[1]


def test_a_picture_is_drawn_from_the_prompt_and_compared(demo):
    cat, asked = example("cat-pop-art"), {}

    def pipeline(**given):  # answers as the pipelines of diffusers do
        asked.update(given)
        return SimpleNamespace(images=[cat.transpose(Image.Transpose.FLIP_TOP_BOTTOM)])

    done = round_trip(cat, "a cat", "a dog", demo.models.clip, pipeline)
    other = round_trip(example("city-art-deco"), "a cat", "", demo.models.clip, pipeline)
    assert asked["prompt"] == "a cat"
    assert asked["negative_prompt"] is None
    assert done.drawn.size == cat.size
    assert other.similarity < done.similarity < 0.9999
    twin = round_trip(cat, "", "", demo.models.clip, lambda **_: SimpleNamespace(images=[cat]))
    assert twin.similarity == pytest.approx(1, abs=1e-5)


def test_where_nothing_can_be_drawn_the_reason_is_said(monkeypatch):
    found = {"diffusers": None}
    monkeypatch.setattr("interrogator.insight.round_trip.find_spec", found.get)
    assert obstacle().endswith("here diffusers is missing.")
    found["diffusers"] = True
    for gpu, said in ((False, NOT_HERE.format("no GPU was found")), (True, "")):
        monkeypatch.setattr("torch.cuda.is_available", lambda gpu=gpu: gpu)
        assert obstacle() == said


@pytest.mark.slow
def test_a_pipeline_of_diffusers_draws(demo):
    painter = pytest.importorskip("tests.interrogator.small_painter").small_painter()
    done = round_trip(example("cat-pop-art"), "a cat", "a dog", demo.models.clip, painter)
    assert done.drawn.mode == "RGB"
    assert -1 <= done.similarity <= 1
