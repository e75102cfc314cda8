"""Caption + ranked phrases → prompt, and the rules that hold for every prompt.

By construction no prompt is over the token limit, names a phrase twice or one within another,
repeats what the caption says, holds a banned word, or names more artists than asked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from interrogator.errors import InterrogatorError
from interrogator.prompts.ranking import PLAUSIBLE, RankedPhrase
from interrogator.vocabulary.folding import WORD, padded, plain
from interrogator.vocabulary.lists import ARTISTS, MEDIUMS, MOVEMENTS

FAST_PHRASES = 32  # as many as clip-interrogator's fast mode takes
CLASSIC_FLAVORS = 3
MOST_PHRASES = 64
MOST_ARTISTS = 8

_ONE_EACH = (MEDIUMS, ARTISTS, "sites", MOVEMENTS)  # classic takes one of each, in order

Phrases = tuple[RankedPhrase, ...]


@dataclass(frozen=True)
class Prompt:
    """A composed prompt.

    Attributes:
        caption: The caption as it stands in the prompt; shortened where it alone is too long.
        phrases: What follows it, in order.
        claims: The exclusive categories of which the caption names one by itself.
    """

    caption: str
    phrases: tuple[RankedPhrase, ...] = ()
    claims: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The prompt as it is read by a model."""
        return ", ".join(filter(None, [self.caption, *(phrase.text for phrase in self.phrases)]))

    def without(self, phrase: RankedPhrase) -> str:
        """Return the text with one phrase left out."""
        rest = tuple(other for other in self.phrases if other is not phrase)
        return replace(self, phrases=rest).text


@dataclass(frozen=True)
class Budget:
    """How long a prompt may be for one CLIP: its token limit and its tokenizer's count."""

    limit: int
    count: Callable[[str], int]

    def fits(self, text: str) -> bool:
        """Tell whether a text is within the limit."""
        return self.count(text) <= self.limit


@dataclass(frozen=True)
class Rules:
    """What a person asks of a prompt.

    Attributes:
        fewest: Phrases that the search adds even where they do not help.
        most: Phrases at most, pinned ones included.
        artists: Artists named at most.
        daring: 0: only what the picture plausibly shows, and one movement and one medium; between,
            less plausible phrases too; 1: whatever makes the prompt more similar.
        pinned: Phrases that must stand in the prompt, right behind the caption.
        dropped: Phrases that must not, in just these words.
        banned: Words, or several in a row, that must not stand anywhere, the caption included.

    Raises:
        InterrogatorError: The numbers cannot be kept together.
    """

    fewest: int = 0
    most: int = FAST_PHRASES
    artists: int = 1
    daring: float = 0.0
    pinned: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.fewest > self.most:
            raise InterrogatorError(
                f"At least {self.fewest} and at most {self.most} phrases cannot both be had."
            )
        if len(self.pinned) > self.most:
            raise InterrogatorError(
                f"More phrases are pinned than are asked for: {len(self.pinned)} of at most "
                f"{self.most}."
            )
        for phrase in self.pinned:
            if not self.allows(phrase):
                raise InterrogatorError(f"“{phrase}” is both pinned and banned or dropped.")

    @property
    def least_confidence(self) -> float:
        """The confidence from which a phrase is a candidate."""
        return PLAUSIBLE * (1 - self.daring)

    @property
    def is_faithful(self) -> bool:
        """Whether what the picture shows counts, and not the similarity alone."""
        return self.daring < 1

    def most_like(self, phrase: RankedPhrase) -> int:
        """Return how many phrases of a phrase's list a prompt may have."""
        if phrase.category == ARTISTS:
            return self.artists
        return 1 if phrase.exclusive and self.is_faithful else self.most

    def allows(self, phrase: str) -> bool:
        """Tell whether a phrase may stand in a prompt at all."""
        if any(says(phrase, word) for word in self.banned):
            return False
        return phrase.casefold() not in {dropped.casefold() for dropped in self.dropped}

    def cleaned(self, caption: str) -> str:
        """Return a caption without the banned words; what is left may not form one anew."""
        while spans := [span for word in self.banned if (span := where(caption, word))]:
            first, last = spans[0]
            caption = " ".join(f"{caption[:first]} {caption[last:]}".split())
        return caption


def classic(
    caption: str,
    likely: Sequence[RankedPhrase],
    budget: Budget,
    rules: Rules,
    pinned: Phrases = (),
    claims: frozenset[str] = frozenset(),
) -> Prompt:
    """Caption, then the best medium, artist, site and movement, then three of the other lists.

    clip-interrogator's mode, but of the plausible phrases alone, the most similar first.
    """
    allowed = [phrase for phrase in likely if rules.allows(phrase.text)]
    chosen = [[p for p in allowed if p.category == category][:1] for category in _ONE_EACH]
    flavors = [p for p in allowed if p.category not in _ONE_EACH and not says(caption, p.text)]
    phrases = [*itertools.chain(*chosen), *flavors[:CLASSIC_FLAVORS]]
    return compose(caption, phrases, budget, rules, pinned, claims)


def fast(
    caption: str,
    likely: Sequence[RankedPhrase],
    budget: Budget,
    rules: Rules,
    pinned: Phrases = (),
    claims: frozenset[str] = frozenset(),
) -> Prompt:
    """Caption, then the plausible phrases of all lists together, up to 32, the most similar first.

    clip-interrogator's mode, which takes the 32 most similar ones.
    """
    allowed = [phrase for phrase in likely if rules.allows(phrase.text)]
    return compose(caption, allowed[:FAST_PHRASES], budget, rules, pinned, claims)


def compose(
    caption: str,
    phrases: Iterable[RankedPhrase],
    budget: Budget,
    rules: Rules = Rules(),
    pinned: Phrases = (),
    claims: frozenset[str] = frozenset(),
) -> Prompt:
    """Add phrases in order behind the pinned ones, each if it is new, allowed and still fits."""
    prompt = Prompt(fitted_caption(caption, budget), pinned, claims)
    for phrase in phrases:
        longer = replace(prompt, phrases=(*prompt.phrases, phrase))
        if may_follow(prompt, phrase, rules) and budget.fits(longer.text):
            prompt = longer
    return prompt


def may_follow(prompt: Prompt, phrase: RankedPhrase, rules: Rules) -> bool:
    """Tell whether the rules let a phrase be added; its length is not looked at."""
    if len(prompt.phrases) >= rules.most or not rules.allows(phrase.text):
        return False
    of_its_kind = sum(chosen.category == phrase.category for chosen in prompt.phrases)
    of_its_kind += rules.is_faithful and phrase.category in prompt.claims
    if of_its_kind >= rules.most_like(phrase):
        return False
    return not says(prompt.caption, phrase.text) and not any(
        overlap(chosen.text, phrase.text) for chosen in prompt.phrases
    )


def fitted_caption(caption: str, budget: Budget) -> str:
    """Return the caption without a full stop, cut at a clause, word or character until it fits."""
    caption = caption.strip().rstrip(" .,;:")
    while caption and not budget.fits(caption):
        shorter = re.sub(r"(\s*[,;.:]\s*[^,;.:]*|\s+\S+)$", "", caption)
        caption = shorter if shorter not in ("", caption) else caption[:-1]
    return caption


def where(text: str, phrase: str) -> tuple[int, int] | None:
    """Return from where to where a text first says a phrase, or None."""
    wanted = [plain(word) for word in WORD.findall(phrase)]
    if not wanted:
        place = text.find(phrase)
        return (place, place + len(phrase)) if phrase and place >= 0 else None
    found = list(WORD.finditer(text))
    for start in range(len(found) - len(wanted) + 1):
        run = found[start : start + len(wanted)]
        if [plain(word.group()) for word in run] == wanted:
            return run[0].start(), run[-1].end()
    return None


def says(text: str, phrase: str) -> bool:
    """Tell whether a text contains a phrase as whole words, whatever case and accents."""
    return padded(phrase) in padded(text)


def overlap(one: str, other: str) -> bool:
    """Tell whether one phrase says the other."""
    return says(one, other) or says(other, one)
