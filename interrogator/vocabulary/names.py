"""Finds artists' names in phrases: "painted by Claude Monet", "klimt style", "Rembrandt lighting".

A name counts in full wherever it stands. A family name counts by itself where it means nothing
else; where it is an ordinary word too (Church, Wood), only written large behind "by".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from interrogator.vocabulary.folding import Sequences, Words, words

FOLDER = Path(__file__).parent / "data" / "policy"
SHORTEST = 4  # letters of a family name that is looked for by itself
_LEAD = re.compile(r"(?<!\w)(?:by|(?:style|manner|works?|art) of)\s+", re.IGNORECASE)
_LED_TO = re.compile(
    r"(?:[\w-]+ed\s+)?(?:by|after|(?:in\s+)?(?:the\s+)?(?:style|manner)\s+of)\s+(?:the\s+)?(?:artist\s+)?$",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BEHIND = 4  # words behind "by" that may be a name
_ADDITIONS = ("jr", "sr", "ii", "iii", "the", "elder", "younger")


@dataclass(frozen=True)
class Names:
    """Names to find, as folded words.

    Attributes:
        whole: Names in full.
        family: Names of one word that count by themselves.
        large: Names of one word that are ordinary words too.
    """

    whole: Sequences
    family: frozenset[str]
    large: frozenset[str]

    def found(self, phrase: str) -> str:
        """Return the name that a phrase names, folded; "" where it names nobody."""
        parts = _parts(phrase)
        whole = self.whole.within(parts)
        if whole:
            return " ".join(whole)
        for word in parts:
            if word.removesuffix("esque") in self.family:
                return word
        for behind in _LEAD.split(phrase)[1:]:
            for word in behind.split()[:_BEHIND]:
                if word[0].isupper() and self.large.intersection(words(word)):
                    return word.casefold()
        return ""

    def removed(self, text: str) -> str:
        """Return a text without its names, and without the "by" or "in the style of" before."""
        while name := self.found(text):
            before, found, after = _split(text, name)
            if not found:
                break
            text = _LED_TO.sub("", before).rstrip(" ,") + after
        return text.strip(" ,")


def names_of(people: Iterable[str], others: Iterable[str] = ()) -> Names:
    """Return a finder of some people, leaving out family names that others bear as well."""
    ordinary, called = _word_list("ordinary.txt"), _word_list("known_as.txt")
    forms = {form for name in people for form in _forms(name)}
    bearers = {form for name in others for form in _forms(name)}
    taken = {word for form in bearers for word in _single_words(form, called)}
    single = {word for form in forms for word in _single_words(form, called)} - taken
    family = {word for word in single if len(word) >= SHORTEST and word not in ordinary}
    whole = {form for form in forms - bearers if len(form) > 1}
    return Names(Sequences(whole), frozenset(family), frozenset(single - family))


def names_somebody(phrase: str, plain: Collection[str], small: Collection[str]) -> bool:
    """Tell whether "by" or "in the style of" leads to a word that is none of the plain ones.

    It is most likely the name of somebody whom no list has.

    Args:
        phrase: As it would stand in a prompt.
        plain: Folded words that mean something.
        small: Folded words that may stand before others and mean nothing, `small_words()`.
    """
    for behind in _LEAD.split(phrase)[1:]:
        next_two = [word for word in _parts(behind) if word not in small][:2]
        if any(word not in plain and not word.isdigit() for word in next_two):
            return True
    return False


def _split(text: str, name: str) -> tuple[str, str, str]:
    """Return what stands before a folded name in a text, the name as it is written, the rest."""
    tokens = list(_TOKEN.finditer(text))
    folded = [" ".join(_parts(token.group())) for token in tokens]
    for start, first in enumerate(tokens):
        for end in range(start, len(tokens)):
            if " ".join(filter(None, folded[start : end + 1])) == name:
                last = tokens[end]
                return text[: first.start()], text[first.start() : last.end()], text[last.end() :]
    return text, "", ""


def _parts(phrase: str) -> Words:
    return words(re.sub(r"['’]s\b", "", phrase))


def _forms(name: str) -> set[Words]:
    """Return a name in full: as it stands, without "the Elder", and with "JMW" for "J M W"."""
    full = words(name)
    short = full
    while len(short) > 1 and short[-1] in _ADDITIONS:
        short = short[:-1]
    forms = {full, short}
    initials = next((i for i, word in enumerate(short) if len(word) > 1), 0)
    if initials > 1:
        forms.add(("".join(short[:initials]), *short[initials:]))
    return {form for form in forms if form}


def _single_words(form: Words, called: frozenset[str]) -> set[str]:
    """Return by which single words somebody is known: the last, and first names that suffice."""
    if form[0] == "master":  # of the Housebook: a description
        return set()
    last = form[-1:] if form[-1] not in _ADDITIONS else ()
    return {*last, *called.intersection(form)}


def small_words() -> frozenset[str]:
    """Return articles, pronouns and the like, folded."""
    return _word_list("small_words.txt")


def _word_list(name: str) -> frozenset[str]:
    return frozenset((FOLDER / name).read_text(encoding="utf-8").split())
