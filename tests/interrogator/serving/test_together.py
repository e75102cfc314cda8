"""Pictures that are interrogated together get what each gets alone."""

import dataclasses

import pytest
import torch
from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.networks.captioning import Captioning
from interrogator.prompts.rules import Rules
from interrogator.serving.together import Rounds, Together
from interrogator.settings import Settings
from training.dataset import HELD_OUT, training_picture


@pytest.fixture(scope="module")
def pictures():
    painted = [Image.fromarray(training_picture(HELD_OUT + seed)) for seed in range(39, 45)]
    return [*painted[:5], painted[5].crop((0, 0, 96, 54))]  # one is wide, as its forms tell


def difference(one, other):
    """Return the largest difference of numbers in two JSON values; all else must be equal."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return max((difference(one[k], other[k]) for k in one), default=0)
    if isinstance(one, list):
        assert len(one) == len(other), (one, other)
        return max((difference(*pair) for pair in zip(one, other, strict=True)), default=0)
    if isinstance(one, float):
        return abs(one - other)
    assert one == other
    return 0


@pytest.mark.parametrize(
    "settings",
    [
        Settings("fast"),
        Settings("best"),
        Settings("classic", with_negative=True),
        Settings("negative"),
        Settings("fast", "a typed caption", Rules(pinned=("fog", "oil painting"), fewest=3)),
        Settings("best", rules=Rules(daring=1, most=5), captioning=Captioning(beams=1, most=6)),
    ],
    ids=["fast", "best", "classic", "negative", "pinned", "daring"],
)
def test_together_is_as_alone(demo, pictures, settings):
    together = Together(demo, settings)
    views = [together.view(picture, (f"note {n}",)) for n, picture in enumerate(pictures)]
    for place, (picture, result) in enumerate(zip(pictures, together.run(views), strict=True)):
        alone = demo.run(picture, settings).after((f"note {place}",))
        theirs, mine = ({**one.to_json(), "seconds": 0} for one in (result, alone))
        assert result.finished
        assert difference(mine, theirs) <= 1e-5


def test_a_clip_whose_tower_is_not_causal_does_so_too(demo, pictures):
    clip = dataclasses.replace(demo.models.clip)
    vars(clip)["tower"] = None
    models = dataclasses.replace(demo.models, clip=clip)
    whole = dataclasses.replace(demo, models=models)
    settings = Settings("best", rules=Rules(most=3))
    together = Together(whole, settings)
    for picture, result in zip(
        pictures, together.run([*map(together.view, pictures)]), strict=True
    ):
        assert result.prompt == whole.run(picture, settings).prompt


def test_the_same_pictures_give_the_same_digits_whatever_came_before(demo, pictures):
    together = Together(demo, Settings("best"))
    views = [together.view(picture) for picture in pictures]
    first = [result.to_json() | {"seconds": 0} for result in together.run(views[:3])]
    together.run(views[3:])
    assert [result.to_json() | {"seconds": 0} for result in together.run(views[:3])] == first


def test_the_number_of_threads_is_the_same_afterwards(demo, pictures):
    """Each of them sets it for itself, and they do not end in the order in which they began."""
    together, before = Together(demo, Settings("fast")), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        together.run([together.view(picture) for picture in pictures[:3]])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_what_is_asked_is_answered_in_one_batch():
    asked = []

    def answer(texts):
        asked.append(texts)
        return torch.tensor([[len(text)] for text in texts])

    rounds = Rounds(answer)

    def work(*questions):
        def run():
            return [int(rounds.turn.ask((question, "all"))[0]) for question in questions]

        return run

    assert rounds.run([work("a", "bb"), work("ccc"), work()]) == [[1, 2], [3], []]
    assert asked == [("a", "all", "ccc"), ("bb", "all")]
    assert rounds.turn is None


def test_one_that_fails_leaves_the_others_alone():
    rounds = Rounds(lambda texts: torch.ones(len(texts), 1))

    def fail():
        rounds.turn.ask(("a",))
        raise InterrogatorError("No.")

    def succeed():
        return [rounds.turn.ask(("b",)).item() for _ in range(3)]

    error, result = rounds.run([fail, succeed])
    assert str(error) == "No."
    assert result == [1, 1, 1]


def test_what_cannot_be_answered_ends_all_of_them():
    def answer(texts):
        raise RuntimeError("out of memory")

    rounds, ended = Rounds(answer), []

    def work():
        try:
            rounds.turn.ask(("a",))
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="out of memory"):
        rounds.run([work, work])
    assert ended == [True, True]
