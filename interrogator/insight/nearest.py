"""A phrase of a prompt → others like it, of its own list: what to swap it for."""

from __future__ import annotations

from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.networks.clip import direction
from interrogator.pipeline import Interrogator, features_of
from interrogator.prompts.ranking import RankedPhrase, rank
from interrogator.result import PictureFeatures

NEAREST = 8
MOST_NEAREST = 50


def nearest(
    interrogator: Interrogator,
    picture: Image.Image,
    phrase: str,
    count: int = NEAREST,
    features: PictureFeatures | None = None,
) -> list[RankedPhrase]:
    """Return the other phrases of a phrase's list that are most like it, the nearest first.

    Args:
        interrogator: Has the lists.
        picture: What their similarities are with.
        phrase: One of a list, in any case.
        count: How many, up to `MOST_NEAREST`.
        features: What an earlier interrogation saw in the picture; it is not looked at anew.

    Raises:
        InterrogatorError: The phrase is in no list.
    """
    clip, known = interrogator.models.clip, features_of(picture, features).pairs
    pair = known[clip.fingerprint] if clip.fingerprint in known else clip.encode_pair(picture)
    ranking = rank(direction(pair), interrogator.table, clip.logit_scale, pair[0])
    found = ranking.named([phrase]).get(phrase.casefold())
    if found is None:
        raise InterrogatorError(f"“{phrase}” is in no list: only phrases of a list have others.")
    return ranking.alike(found, min(count, MOST_NEAREST))
