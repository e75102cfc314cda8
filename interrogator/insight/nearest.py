"""A phrase of a prompt → others like it, of its own list: what to swap it for."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.networks.clip import direction
from interrogator.pipeline import Interrogator, features_of
from interrogator.prompts.ranking import RankedPhrase, Ranking, extreme_rows, rank
from interrogator.result import PictureFeatures

NEAREST = 8
MOST_NEAREST = 50


@dataclass(frozen=True)
class Neighbour:
    """A phrase that is like another.

    Attributes:
        phrase: As it fits the picture: its `similarity` is that with the picture.
        nearness: Its cosine with the other phrase.
    """

    phrase: RankedPhrase
    nearness: float


def nearest_in(
    interrogator: Interrogator,
    picture: Image.Image,
    phrase: str,
    count: int = NEAREST,
    features: PictureFeatures | None = None,
) -> list[Neighbour]:
    """Return what `nearest` does for a picture; with its features it is not looked at anew."""
    clip, known = interrogator.models.clip, features_of(picture, features).pairs
    pair = known[clip.fingerprint] if clip.fingerprint in known else clip.encode_pair(picture)
    ranking = rank(direction(pair), interrogator.table, clip.logit_scale, pair[0])
    return nearest(ranking, phrase, count)


def nearest(ranking: Ranking, phrase: str, count: int = NEAREST) -> list[Neighbour]:
    """Return the other phrases of a phrase's list that are most like it, the nearest first.

    Args:
        ranking: The picture beside the vocabulary.
        phrase: One of a list, in any case.
        count: How many, up to `MOST_NEAREST`.

    Raises:
        InterrogatorError: The phrase is in no list.
    """
    table = ranking.table
    known = ranking.named([phrase]).get(phrase.casefold())
    if known is None:
        raise InterrogatorError(f"“{phrase}” is in no list: only phrases of a list have others.")
    rows = dict(table.vocabulary.slices())[known.category]
    phrases = table.vocabulary.categories[known.category]
    matrix = table.matrix[rows].numpy()
    own = phrases.index(known.text)
    cosines = matrix @ matrix[own]
    cosines[own] = -2.0  # last, whatever else there is
    count = min(count, MOST_NEAREST, len(phrases) - 1)
    places = extreme_rows(cosines, count)
    found = ranking.named([phrases[place] for place in places])
    return [Neighbour(found[phrases[p].casefold()], float(cosines[p])) for p in places]
