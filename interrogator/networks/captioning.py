"""How a caption is written: beams, lengths, repeats. Nothing is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interrogator.errors import InterrogatorError

MOST_BEAMS = 10
MOST_TOKENS = 200
MOST_NO_REPEAT = 10
# How much is said of a picture → what that means, for captioners that can be asked.
DETAILS = {
    "short": "one plain sentence",
    "detailed": "two or three sentences, up to 100 tokens",
    "more": "a paragraph, up to 200 tokens",
}
LONGEST = {"short": 0, "detailed": 100, "more": MOST_TOKENS}  # tokens, where more than `most`


@dataclass(frozen=True)
class Captioning:
    """How a caption is written.

    Attributes:
        beams: How many captions are followed at a time, 1 to 10; 1 is greedy.
        fewest: Tokens at least.
        most: Tokens at most, 1 to 200.
        no_repeat: No run of so many tokens is said twice, or BLIP may say "the jungle jungle
            jungle …"; 0 lets it.
        detail: A key of `DETAILS`; captioners that cannot be asked, as BLIP and GIT, ignore it.

    Raises:
        InterrogatorError: The fewest are more than the most, or there is no such detail.
    """

    beams: int = 3
    fewest: int = 0
    most: int = 40
    no_repeat: int = 3
    detail: str = "short"

    def __post_init__(self) -> None:
        if self.fewest > self.most:
            raise InterrogatorError(
                f"A caption of at least {self.fewest} and at most {self.most} tokens cannot be had."
            )
        if self.detail not in DETAILS:
            raise InterrogatorError(
                f"There is no detail {self.detail!r}; choose one of {', '.join(DETAILS)}."
            )

    def for_generate(self, room: int) -> dict[str, Any]:
        """Return the arguments of transformers' `generate`, for a model with room for tokens."""
        return {
            "num_beams": self.beams,
            "min_new_tokens": min(self.fewest, room) or None,
            "max_new_tokens": min(max(self.most, LONGEST[self.detail]), room),
            "no_repeat_ngram_size": self.no_repeat,
            "do_sample": False,
        }


DEFAULT_CAPTIONING = Captioning()
