"""Who the artists of a list were, and a finder of their names in phrases.

Found are "painted by Claude Monet", "klimt style", "Rembrandt lighting". A name counts in full
wherever it stands. A family name counts by itself where it means nothing else; where it is an
ordinary word too (Church, Wood), only written large behind "by".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from interrogator.vocabulary.folding import FoldedWords, WordSequences, fold

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
class Artist:
    """Who an artist was; years before the common era are negative, unknown ones are None.

    Attributes:
        name: As it is written.
        born: Year of birth.
        died: Year of death.
        active_until: When the movements of an artist without years were over.
    """

    name: str
    born: int | None = None
    died: int | None = None
    active_until: int | None = None


def artist_of(name: str, details: Mapping[str, str], ends: Mapping[str, int | None]) -> Artist:
    """Return the artist of a table's row.

    Args:
        name: As it stands in the row, cleaned.
        details: The row, by column: `born`, `died`, and `movements` joined by semicolons.
        ends: Movement → the last year of its period, or None.
    """
    born, died = (_year(details.get(column) or "") for column in ("born", "died"))
    until = None
    if born is None and died is None:
        theirs = [ends.get(m.strip()) for m in (details.get("movements") or "").split(";")]
        known = [end for end in theirs if end is not None]
        until = max(known) if len(known) == len(theirs) else None
    return Artist(name, born, died, until)


def period_end(period: str) -> int | None:
    """Return the last year of "15th–16th century", "1920s–1930s" or "618–907"; None if open.

    What ended before the common era ends with the year 0.
    """
    if not re.match(r"(about |around |early |mid-|late )*\d", period):
        return None
    before, _, common = period.rpartition("BC")
    common = common.removeprefix("E")
    centuries = [int(c) * 100 for c in re.findall(r"\b(\d\d?)(?:st|nd|rd|th)\b", common)]
    years = [int(y) + 9 * bool(s) for y, s in re.findall(r"\b(\d{3,4})(s?)\b", common)]
    return max([*centuries, *years], default=0 if before else None)


def _year(cell: str) -> int | None:
    return int(cell) if re.fullmatch(r"\s*-?\d{1,4}\s*", cell) else None


@dataclass(frozen=True)
class NameFinder:
    """NameFinder to find, as folded words.

    Attributes:
        whole: NameFinder in full.
        family: NameFinder of one word that count by themselves.
        large: NameFinder of one word that are ordinary words too.
    """

    whole: WordSequences
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
                if word[0].isupper() and self.large.intersection(fold(word)):
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


def name_finder(people: Iterable[str], others: Iterable[str] = ()) -> NameFinder:
    """Return a finder of some people, leaving out family names that others bear as well."""
    ordinary, called = _word_list("ordinary.txt"), _word_list("known_as.txt")
    forms = {form for name in people for form in _forms(name)}
    bearers = {form for name in others for form in _forms(name)}
    taken = {word for form in bearers for word in _single_words(form, called)}
    single = {word for form in forms for word in _single_words(form, called)} - taken
    family = {word for word in single if len(word) >= SHORTEST and word not in ordinary}
    whole = {form for form in forms - bearers if len(form) > 1}
    return NameFinder(WordSequences(whole), frozenset(family), frozenset(single - family))


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


def _parts(phrase: str) -> FoldedWords:
    return fold(re.sub(r"['’]s\b", "", phrase))


def _forms(name: str) -> set[FoldedWords]:
    """Return a name in full: as it stands, without "the Elder", and with "JMW" for "J M W"."""
    full = fold(name)
    short = full
    while len(short) > 1 and short[-1] in _ADDITIONS:
        short = short[:-1]
    forms = {full, short}
    initials = next((i for i, word in enumerate(short) if len(word) > 1), 0)
    if initials > 1:
        forms.add(("".join(short[:initials]), *short[initials:]))
    return {form for form in forms if form}


def _single_words(form: FoldedWords, called: frozenset[str]) -> set[str]:
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
