"""Three lines of Python to a prompt."""

import pytest
from PIL import Image

import interrogator
from interrogator.errors import InterrogatorError
from interrogator.models.registry import ASSETS

CAT = ASSETS / "examples" / "cat-pop-art.jpg"


@pytest.fixture(scope="module")
def session():
    return interrogator.load("demo")


def test_a_picture_is_a_path_bytes_or_an_image(session):
    prompts = {
        session.interrogate(picture).prompt
        for picture in (str(CAT), CAT, CAT.read_bytes(), Image.open(CAT))
    }
    (prompt,) = prompts
    assert "pop art" in prompt


def test_options_hold_for_a_picture_or_for_all(session):
    done = session.interrogate(CAT, mode="best", name_artists="none", with_negative=True)
    assert done.mode == "best"
    assert "artists" not in done.ranked
    assert len(done.negative_prompt.split(", ")) >= 8
    assert "artists" in session.interrogate(CAT).ranked
    nameless = interrogator.load("demo", name_artists="none", mode="classic")
    done = nameless.interrogate(CAT)
    assert (done.mode, "artists" in done.ranked) == ("classic", False)


def test_loading_counts_for_the_first_picture_alone():
    session = interrogator.load("demo")
    first, second = (session.interrogate(CAT) for _ in range(2))
    assert "load" in first.seconds
    assert "load" not in second.seconds


def test_analyze_and_score(session):
    ranked = session.analyze(CAT, top=2).ranked
    assert {len(group) for group in ranked.values()} == {2}
    assert ranked["movements"][0].text == "pop art"
    score = session.score(CAT, "a cat, pop art")
    assert [part.text for part in score.parts] == ["a cat", "pop art"]
    assert score.similarity > session.score(CAT, "snowy mountains").similarity


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mod": "best"}, "no option 'mod'; there are mode, preset"),
        ({"top": 3}, "no option 'top'"),
        ({"mode": "slow"}, "choose one of best"),
    ],
)
def test_a_mistake_is_a_sentence(session, options, says):
    with pytest.raises(InterrogatorError, match=says):
        session.interrogate(CAT, **options)
