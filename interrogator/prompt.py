"""Caption + ranked phrases → prompt. A new mode is a function here and a line in `MODES`.

By construction no prompt is over the token limit, names a phrase twice, or repeats what the
caption says already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from interrogator.ranking import RankedPhrase, merge
from interrogator.vocabulary import NEGATIVE

FAST_PHRASES = 32  # as many as clip-interrogator's fast mode takes
CLASSIC_FLAVORS = 3
# Standard deviations above the mean. With the embedded models 95 % of the true phrases are above
# it, and of 90 false ones fewer than one in two pictures.
LEAST_DEVIATIONS = 1.75
_NAMED_ONCE = ("mediums", "artists", "sites", "movements")  # classic takes one of each, in order
_NAMES = ("artists", "movements")  # better left out than named without ground

Ranked = dict[str, list[RankedPhrase]]


@dataclass(frozen=True)
class Prompt:
    """A composed prompt.

    Attributes:
        caption: The caption as it stands in the prompt; shortened where it alone is too long.
        phrases: What follows it, in order.
    """

    caption: str
    phrases: tuple[RankedPhrase, ...] = ()

    @property
    def text(self) -> str:
        """The prompt as it is read by a model."""
        return ", ".join(filter(None, [self.caption, *(phrase.text for phrase in self.phrases)]))

    def without(self, phrase: RankedPhrase) -> str:
        """Return the text with one phrase left out."""
        rest = tuple(other for other in self.phrases if other is not phrase)
        return Prompt(self.caption, rest).text


@dataclass(frozen=True)
class Budget:
    """How long a prompt may be for one CLIP: its token limit and its tokenizer's count."""

    limit: int
    count: Callable[[str], int]

    def fits(self, text: str) -> bool:
        """Tell whether a text is within the limit."""
        return self.count(text) <= self.limit


def classic(caption: str, ranked: Ranked, budget: Budget) -> Prompt:
    """Caption, then the best medium, artist, site and movement, then three of the other lists.

    clip-interrogator's mode, but an artist or a movement that does not stand out is not named.
    """
    chosen = []
    for category in _NAMED_ONCE:
        best = ranked.get(category, [])[:1]
        chosen += [p for p in best if p.stands_out or category not in _NAMES]
    others = {c: group for c, group in ranked.items() if c not in (*_NAMED_ONCE, NEGATIVE)}
    return compose(caption, [*chosen, *merge(others)[:CLASSIC_FLAVORS]], budget)


def fast(caption: str, ranked: Ranked, budget: Budget) -> Prompt:
    """Caption, then the 32 most similar phrases of all lists together.

    clip-interrogator's mode. Of a small vocabulary 32 would be a third, fitting or not, so only
    phrases are taken that stand well above the mean of all; in a large one the best 32 do.
    """
    phrases = merge({c: group for c, group in ranked.items() if c != NEGATIVE})
    chosen = [p for p in phrases[:FAST_PHRASES] if p.deviations >= LEAST_DEVIATIONS]
    return compose(caption, [p for p in chosen if p.stands_out or p.category not in _NAMES], budget)


MODES: dict[str, Callable[[str, Ranked, Budget], Prompt]] = {"fast": fast, "classic": classic}


def compose(caption: str, phrases: Iterable[RankedPhrase], budget: Budget) -> Prompt:
    """Add phrases in order, each if it says something new and still fits."""
    prompt = Prompt(fitted_caption(caption, budget))
    for phrase in phrases:
        longer = Prompt(prompt.caption, (*prompt.phrases, phrase))
        repeats = _says(prompt.text, phrase.text) or any(
            _says(phrase.text, chosen.text) for chosen in prompt.phrases
        )
        if not repeats and budget.fits(longer.text):
            prompt = longer
    return prompt


def fitted_caption(caption: str, budget: Budget) -> str:
    """Return the caption, cut at a clause, else at a word or a character, until it fits."""
    while caption and not budget.fits(caption):
        shorter = re.sub(r"(\s*[,;.:]\s*[^,;.:]*|\s+\S+)$", "", caption)
        caption = shorter if shorter not in ("", caption) else caption[:-1]
    return caption


def _says(text: str, phrase: str) -> bool:
    """Tell whether a text contains a phrase as whole words, whatever the case."""
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None
