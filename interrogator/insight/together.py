"""Several pictures: one prompt for what they share, and what sets one apart from the others.

Both are the search of one picture in another direction. What is shared lies along the mean of the
pictures' unit vectors, and a phrase is as plausible as it is in the picture where it is least so.
What sets one apart lies along the difference of its vector and the mean of the others', and a
phrase is as plausible as it is here and in none of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from interrogator.clock import Clock, Deadline
from interrogator.errors import InterrogatorError
from interrogator.explanation import explain
from interrogator.networks.clip import direction
from interrogator.pipeline import Interrogator
from interrogator.prompts.modes import MODES, Task, claims_of
from interrogator.prompts.ranking import PLAUSIBLE, Ranking, rank
from interrogator.result import Interrogation, PromptScore
from interrogator.settings import DEFAULT_SETTINGS, Settings

MOST_PICTURES = 12
_NO_CAPTION = "No caption is true of them all."


@dataclass(frozen=True)
class JointRanking(Ranking):
    """Several pictures beside a vocabulary.

    Attributes:
        present: The rankings of the pictures in which a phrase must be plausible.
        absent: Those of the pictures in which it must not.
    """

    present: tuple[Ranking, ...] = ()
    absent: tuple[Ranking, ...] = ()

    @cached_property
    def _confidence(self) -> NDArray[np.float64]:
        """How likely each phrase is true of all that must show it, and of none of the others."""
        likely = np.min([_confidences(one) for one in self.present], axis=0)
        if self.absent:
            likely = likely * (1 - np.max([_confidences(one) for one in self.absent], axis=0))
        return likely


def _confidences(ranking: Ranking) -> NDArray[np.float64]:
    every = [ranking.confidence_of(c).values() for c in ranking.table.vocabulary.categories]
    return np.array([confidence for some in every for confidence in some])


@dataclass(frozen=True)
class Shared:
    """One prompt for several pictures.

    Attributes:
        found: The prompt; its similarity is that with the mean of the pictures' vectors. It is
            not finished while the search goes on.
        each: The finished prompt beside each picture, unless it is empty: a part that adds less
            than nothing does not fit that picture.
    """

    found: Interrogation
    each: tuple[PromptScore, ...] = ()


def together(
    interrogator: Interrogator,
    pictures: Sequence[Image.Image],
    settings: Settings = DEFAULT_SETTINGS,
) -> Interrogation:
    """Return one prompt for all pictures, as `shared` does, alone."""
    return shared(interrogator, pictures, settings).found


def shared(
    interrogator: Interrogator,
    pictures: Sequence[Image.Image],
    settings: Settings = DEFAULT_SETTINGS,
) -> Shared:
    """Return one prompt for all pictures, and how it fits each; the last of `shared_steps`."""
    *_, done = shared_steps(interrogator, pictures, settings)
    return done


def shared_steps(
    interrogator: Interrogator,
    pictures: Sequence[Image.Image],
    settings: Settings = DEFAULT_SETTINGS,
) -> Iterator[Shared]:
    """Yield the best prompt for all pictures so far, then the finished one and how it fits each.

    The caption is the person's, or the picture's own that is most similar to the picture that it
    fits least. Where it claims what is not plausible in every picture, the prompt does without, if
    it is nearer to the mean so.

    Args:
        interrogator: Ready to read pictures.
        pictures: 2 to 12, RGB.
        settings: As of one picture; a judge scores nothing here.

    Raises:
        InterrogatorError: There are too few or too many pictures.
    """
    clock = Clock({})
    vectors, rankings = _seen(interrogator, pictures, clock)
    mean = F.normalize(vectors.sum(dim=0), dim=0)
    clip, captioner = interrogator.models.clip, interrogator.models.captioner
    caption = " ".join(settings.caption.split())
    if not caption:
        captions = clock.timed(
            "caption", lambda: captioner.captions(list(pictures), settings.captioning)
        )
        fits = (clip.encode_text(captions) @ vectors.T).amin(dim=1)
        caption = captions[int(fits.argmax())]
    ranking = JointRanking(
        interrogator.table, _cosines(interrogator, mean), clip.logit_scale,
        any(one.unlike for one in rankings), rankings,
    )  # fmt: skip
    note = f"One prompt for {len(pictures)} pictures: its similarity is that with their mean."
    compose = functools.partial(_composed, interrogator, ranking, mean, vectors)
    for found in compose(caption, settings, clock, note):
        if not found.finished:
            yield Shared(found)
    doubted = any(likely < PLAUSIBLE for likely in claims_of(caption, ranking).values())
    if doubted and not settings.caption:
        for plain in compose("", settings, clock, note):
            is_better = plain.prompt and (plain.similarity or 0) > (found.similarity or 0)
            if is_better and not plain.finished:
                yield Shared(plain)
        if is_better:
            found = replace(plain, notes=(note, _NO_CAPTION, *plain.notes[1:]))
    each = interrogator.scores(vectors, found.prompt) if found.prompt else []
    yield Shared(found, tuple(each))


def apart(
    interrogator: Interrogator,
    pictures: Sequence[Image.Image],
    place: int,
    settings: Settings = DEFAULT_SETTINGS,
) -> Interrogation:
    """Return the phrases that are true of one picture and of none of the others, as a prompt.

    It has no caption but a person's; its similarity is that with the difference of the vectors.

    Args:
        interrogator: Ready to read pictures.
        pictures: 2 to 12, RGB.
        place: Which of them, from 0.
        settings: As of one picture.

    Raises:
        InterrogatorError: There are too few or too many pictures, or none at this place.
    """
    if not 0 <= place < len(pictures):
        raise InterrogatorError(f"There is no picture {place + 1}; there are {len(pictures)}.")
    clock = Clock({})
    vectors, rankings = _seen(interrogator, pictures, clock)
    others = [number for number in range(len(pictures)) if number != place]
    difference = F.normalize(vectors[place] - vectors[others].mean(dim=0), dim=0)
    ranking = JointRanking(
        interrogator.table, _cosines(interrogator, difference),
        interrogator.models.clip.logit_scale, rankings[place].unlike, (rankings[place],),
        tuple(rankings[number] for number in others),
    )  # fmt: skip
    note = f"What sets picture {place + 1} apart from the other {len(others)}."
    views = torch.stack([difference, difference])
    *_, done = _composed(
        interrogator, ranking, difference, views, settings.caption, settings, clock, note
    )
    return done


def _seen(
    interrogator: Interrogator, pictures: Sequence[Image.Image], clock: Clock
) -> tuple[torch.Tensor, tuple[Ranking, ...]]:
    """Return the unit vectors [n, d] of the pictures and how each stands to the vocabulary."""
    if not 2 <= len(pictures) <= MOST_PICTURES:
        raise InterrogatorError(
            f"Several pictures are 2 to {MOST_PICTURES}, not {len(pictures)}: choose some more, "
            "or fewer."
        )
    clip = interrogator.models.clip
    pairs = clock.timed("image", lambda: [clip.encode_pair(picture) for picture in pictures])
    rankings = tuple(
        rank(direction(pair), interrogator.table, clip.logit_scale, pair[0]) for pair in pairs
    )
    return torch.stack([direction(pair) for pair in pairs]), rankings


def _cosines(interrogator: Interrogator, vector: torch.Tensor) -> NDArray[np.float32]:
    return (interrogator.table.matrix @ vector).numpy()


def _composed(
    interrogator: Interrogator,
    ranking: Ranking,
    vector: torch.Tensor,
    views: torch.Tensor,
    caption: str,
    settings: Settings,
    clock: Clock,
    note: str,
) -> Iterator[Interrogation]:
    """Yield the interrogation along a unit vector [d], seen in views [n, d]; the finished last."""
    models, rules = interrogator.models, settings.rules
    cleaned = rules.cleaned(caption)
    if interrogator.forbidden_names and not settings.caption:
        cleaned = interrogator.forbidden_names.removed(cleaned)
    deadline = Deadline(settings.seconds)
    task = Task(cleaned, vector, ranking, models.clip, rules, views, deadline.is_over)
    deadline.start()
    for best in clock.each("search", MODES[settings.mode].compose(task)):
        state = Interrogation(
            settings.mode, models.describe(), interrogator.table.vocabulary.describe(), caption,
            prompt=best.prompt.text, negative_prompt=None, similarity=best.similarity,
            token_limit=models.clip.token_limit, ranked=task.ranked, tried=best.tried,
            target=settings.target,
        )  # fmt: skip
        yield state
    done = clock.timed(
        "explain", lambda: explain(state, best, task, Image.new("RGB", (1, 1)), None)
    )
    yield replace(
        done, notes=(note, *done.notes), seconds=clock.so_far(), finished=True
    )  # fmt: skip
