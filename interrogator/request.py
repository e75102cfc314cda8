"""What a visitor or a program asks, from the values of a page or an API call."""

from __future__ import annotations

from dataclasses import dataclass, field

from interrogator.errors import InterrogatorError
from interrogator.networks.captioning import DEFAULT_CAPTIONING, Captioning
from interrogator.pipeline import Settings
from interrogator.prompts.rules import Rules
from interrogator.vocabulary.policy import default_policy
from interrogator.vocabulary.selection import Words, is_plain, split_bans, words_of

LARGEST = 10**6  # of the numbers that a request may name


@dataclass(frozen=True)
class Request:
    """What a visitor or a program asks.

    Attributes:
        picture: A file's path or bytes.
        preset: A preset's name, or None for the best that can be had.
        settings: Mode, caption and rules.
        caption_model: A captioner in place of the preset's, or "".
        clip: A CLIP in place of the preset's, or "".
        judge: The name of a second CLIP, or "".
        words: Whose names, bans and lists.
    """

    picture: str | bytes | None
    preset: str | None
    settings: Settings
    caption_model: str = ""
    clip: str = ""
    judge: str = ""
    words: Words = field(default_factory=lambda: Words(default_policy()))

    @staticmethod
    def of(
        picture: str | bytes | None,
        mode: str,
        preset: str | None,
        caption: str | None,
        with_negative: bool,
        artists: float,
        fewest: float,
        most: float,
        pinned: list[str] | None,
        dropped: list[str] | None,
        banned: str | None,
        seconds: float | None,
        judge: str | None,
        name_artists: str | None = None,
        own_words: str | None = None,
        own_files: list[str] | None = None,
        own_lists: str | None = None,
        caption_model: str | None = None,
        clip: str | None = None,
        caption_beams: float = DEFAULT_CAPTIONING.beams,
        caption_fewest: float = DEFAULT_CAPTIONING.fewest,
        caption_most: float = DEFAULT_CAPTIONING.most,
        caption_no_repeat: float = DEFAULT_CAPTIONING.no_repeat,
    ) -> Request:
        """Return what the page's and the API's values mean.

        Raises:
            InterrogatorError: They contradict each other.
        """
        rules = Rules(
            whole(fewest, "least number of phrases"),
            whole(most, "greatest number of phrases"),
            whole(artists, "number of artists"),
            _cleaned(pinned),
            _cleaned(dropped),
            tuple(ban for ban in split_bans(banned) if is_plain(ban)),
        )
        how = Captioning(
            whole(caption_beams, "number of beams"),
            whole(caption_fewest, "least length of the caption"),
            whole(caption_most, "greatest length of the caption"),
            whole(caption_no_repeat, "length of what is not repeated"),
        )
        settings = Settings(mode, caption or "", rules, with_negative, seconds or None, how)
        words = words_of(name_artists, banned, own_words, own_files, own_lists)
        captioner, ranking, second = ((name or "").strip() for name in (caption_model, clip, judge))
        return Request(picture, preset or None, settings, captioner, ranking, second, words)


def _cleaned(phrases: list[str] | None) -> tuple[str, ...]:
    """Return phrases without needless spaces, and none that is empty."""
    return tuple(filter(None, (" ".join(phrase.split()) for phrase in phrases or ())))


def whole(value: object, name: str) -> int:
    """Return a whole number; a program may send anything."""
    if not isinstance(value, int | float) or value != value or abs(value) > LARGEST:
        raise InterrogatorError(f"The {name} must be a number, not {value!r}.")
    return int(value)
