"""Caption + ranked phrases → prompt. A new mode is a function here and a line in `MODES`.

By construction no prompt is over the token limit, names a phrase twice, or repeats what the
caption says already.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from interrogator.ranking import RankedPhrase, merge
from interrogator.vocabulary import NEGATIVE

FAST_PHRASES = 32  # as many as clip-interrogator's fast mode takes
CLASSIC_FLAVORS = 3
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
        return ", ".join([self.caption, *(phrase.text for phrase in self.phrases)])

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
    phrases more than one standard deviation above the mean are taken; in a large one the best 32
    are far above that.
    """
    phrases = merge({c: group for c, group in ranked.items() if c != NEGATIVE})
    if len(phrases) < 2:
        return compose(caption, phrases, budget)
    values = [phrase.similarity for phrase in phrases]
    least = statistics.fmean(values) + statistics.pstdev(values)
    chosen = [p for p in phrases[:FAST_PHRASES] if p.similarity >= least]
    return compose(caption, [p for p in chosen if p.stands_out or p.category not in _NAMES], budget)


MODES: dict[str, Callable[[str, Ranked, Budget], Prompt]] = {"fast": fast, "classic": classic}


def compose(caption: str, phrases: Iterable[RankedPhrase], budget: Budget) -> Prompt:
    """Add phrases in order, each if it says something new and still fits."""
    prompt = Prompt(fitted_caption(caption, budget))
    for phrase in phrases:
        longer = Prompt(prompt.caption, (*prompt.phrases, phrase))
        if not _says(prompt.text, phrase.text) and budget.fits(longer.text):
            prompt = longer
    return prompt


def fitted_caption(caption: str, budget: Budget) -> str:
    """Return the caption, cut at a clause, or else at a word, until it fits by itself."""
    while caption and not budget.fits(caption):
        caption = re.sub(r"(\s*[,;.:]\s*[^,;.:]*|\s+\S+|\S+)$", "", caption)
    return caption


def _says(text: str, phrase: str) -> bool:
    """Tell whether a text contains a phrase as whole words, whatever the case."""
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None
