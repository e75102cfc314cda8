"""What may stand in a prompt: whose names, and which phrases, words, categories and groups not.

A policy marks rows of a vocabulary; nothing is encoded anew when it changes.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.artists import (
    FOLDER,
    Artist,
    NameFinder,
    name_finder,
    names_somebody,
    small_words,
)
from interrogator.vocabulary.folding import FoldedWords, WordSequences, fold
from interrogator.vocabulary.lists import ARTISTS, NEGATIVE, Vocabulary, bare, built_in

DEFAULT_NAMING = "all"
NAMING = {
    "all": "every artist of the lists",
    "public-domain": "artists who died more than 70 years ago",
    "no-living": "artists who are known to be dead",
    "none": "no artist, in no list",
}
PROTECTED_YEARS = 70  # after the end of the year of death, in most of the world
LONGEST_LIFE = 110  # years; who was born longer ago is dead
MAX_BANS = 1000
MAX_BAN = 200  # characters
SAFETY_SWITCH = "INTERROGATOR_SAFETY"  # "off" in the environment of one's own machine

NAMES_AN_ARTIST = "names an artist"
MAY_NAME_SOMEBODY = "may name somebody"
Rule = Callable[[str, str], str]  # category, phrase → why it is left out; ALLOWED where it is not
ALLOWED = ""
BANNED = "banned"
UNSAFE = "on the safety list"


@dataclass(frozen=True)
class Policy:
    """What may stand in a prompt.

    Attributes:
        naming: Which artists may be named, one of `NAMING`.
        bans: What may not: words, wherever they stand together; `"in quotes"`, a phrase as a
            whole; `category:NAME` and `group:NAME`, all of it.
        safety: Whether the safety list holds: sexual words, slurs, extremism, living celebrities.
        today: From when the public domain is computed.
    """

    naming: str = "all"
    bans: tuple[str, ...] = ()
    safety: bool = True
    today: date = field(default_factory=date.today)

    def __post_init__(self) -> None:
        if self.naming not in NAMING:
            raise InterrogatorError(
                f"There is no choice {self.naming!r} of artists; choose one of {', '.join(NAMING)}."
            )
        if len(self.bans) > MAX_BANS or any(len(ban) > MAX_BAN for ban in self.bans):
            raise InterrogatorError(
                f"Up to {MAX_BANS:,} bans are kept, each of up to {MAX_BAN} characters."
            )

    def allowed(self, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Return for every row [n] whether it may stand in a prompt.

        Raises:
            InterrogatorError: A ban names no category or group there is, or nothing is left.
        """
        reasons = self.reasons(vocabulary)
        kept = np.array([reason == ALLOWED for reason in reasons], dtype=bool)
        if not kept.any():
            raise InterrogatorError(
                "Nothing is left to rank: bans and the choice of artists leave out every phrase."
            )
        return kept

    def left_out(self, vocabulary: Vocabulary) -> Counter[str]:
        """Return reason → phrases that are left out for it."""
        return Counter(reason for reason in self.reasons(vocabulary) if reason != ALLOWED)

    def reasons(self, vocabulary: Vocabulary) -> list[str]:
        """Return for every row [n] why it is left out; "" where it is not."""
        rules = [ban_rule(self.bans, vocabulary)]
        if self.safety:
            rules.append(safety_rule())
        if self.naming != "all":
            rules.append(self._naming(vocabulary)[0])
        return [
            next(filter(None, (rule(category, phrase) for rule in rules)), ALLOWED)
            for category, group in vocabulary.categories.items()
            for phrase in group
        ]

    def may_be_named(self, artist: Artist) -> bool:
        """Tell whether an artist may be named. Of whom too little is known may only under "all"."""
        if self.naming in ("all", "none"):
            return self.naming == "all"
        died = artist.died
        if died is None:  # the latest possible year, if any is known
            since = artist.born if artist.born is not None else artist.active_until
            died = since + LONGEST_LIFE if since is not None else None
        if died is None:
            return False
        years = self.today.year - died
        if self.naming == "public-domain":
            return years > PROTECTED_YEARS
        return years > 0 or artist.died is not None

    def names_to_avoid(self, vocabulary: Vocabulary) -> NameFinder | None:
        """Return the finder of the artists who may not be named; None where all may."""
        return None if self.naming == "all" else self._naming(vocabulary)[1]

    def _naming(self, vocabulary: Vocabulary) -> tuple[Rule, NameFinder]:
        """Return the rule of who may be named, and a finder of those who may not.

        Dates are taken from our lists and the vocabulary's own.
        """
        ours = built_in()
        # A list without years is taken at ours, so that a name is all that it needs to give.
        known = _people(vocabulary) | _people(ours) | _people(vocabulary, dated=True)
        may = {key for key, artist in known.items() if self.may_be_named(artist)}
        refused = name_finder(
            (known[key].name for key in known.keys() - may), (known[key].name for key in may)
        )
        permitted = name_finder(known[key].name for key in may)
        plain, small = _plain_words(ours), small_words()

        def rule(category: str, phrase: str) -> str:
            if category == ARTISTS:
                return ALLOWED if fold(bare(ARTISTS, phrase)) in may else NAMES_AN_ARTIST
            if refused.found(phrase):
                return NAMES_AN_ARTIST
            if names_somebody(phrase, plain, small) and not permitted.found(phrase):
                return MAY_NAME_SOMEBODY
            return ALLOWED

        return rule, refused


def default_policy(
    naming: str = "all", bans: Iterable[str] = (), safety: bool | None = None
) -> Policy:
    """Return a policy; the safety list holds unless this machine's settings say "off"."""
    if safety is None:
        safety = os.environ.get(SAFETY_SWITCH, "").strip().casefold() != "off"
    return Policy(naming, tuple(dict.fromkeys(filter(None, map(str.strip, bans)))), safety)


def _people(vocabulary: Vocabulary, dated: bool = False) -> dict[FoldedWords, Artist]:
    """Return the artists of a vocabulary, or those with years, by their folded names."""
    people = vocabulary.artists.values()
    return {fold(a.name): a for a in people if not dated or a.born or a.died}


def _plain_words(ours: Vocabulary) -> frozenset[str]:
    """Return every word of our lists but the artists': none of them is a name."""
    return frozenset(
        word
        for category, group in ours.categories.items()
        if category != ARTISTS
        for phrase in group
        for word in fold(phrase)
    )


def ban_rule(bans: Iterable[str], vocabulary: Vocabulary) -> Rule:
    """Return the rule of a person's bans; `Policy.bans` says how they are written.

    Raises:
        InterrogatorError: A ban names no category or group of the vocabulary.
    """
    categories, groups = set[str](), set[str]()
    exact, anywhere = set[FoldedWords](), list[FoldedWords]()
    for ban in bans:
        kind, _, name = (part.strip() for part in ban.partition(":"))
        if kind == "category":
            categories.add(_known(kind, name, vocabulary.categories))
        elif kind == "group":
            groups.add(_known(kind, name, vocabulary.groups.values()))
        elif len(ban) > 1 and ban[0] == ban[-1] == '"':
            exact.add(fold(ban))
        else:
            anywhere.append(fold(ban))
    sequences = WordSequences(anywhere)

    def rule(category: str, phrase: str) -> str:
        folded = fold(phrase)
        banned = (
            category in categories
            or vocabulary.groups.get(phrase) in groups
            or folded in exact
            or fold(bare(category, phrase)) in exact
            or sequences.within(folded)
        )
        return BANNED if banned else ALLOWED

    return rule


def _known(kind: str, name: str, known: Iterable[str]) -> str:
    if name not in known:
        there = ", ".join(dict.fromkeys(known)) or "none"
        raise InterrogatorError(f"There is no {kind} {name!r} to ban; there are: {there}.")
    return name


def safety_rule() -> Rule:
    """Return the rule of the safety list: sexual words, slurs, extremism, living celebrities.

    A negative prompt keeps out what it names, so it may name what is sexual.
    """
    with (FOLDER / "safety.csv").open(encoding="utf-8", newline="") as file:
        listed = [(fold(row["phrase"]), row["reason"]) for row in csv.DictReader(file)]
    everywhere = _with_plurals(sequence for sequence, _ in listed)
    in_negative = _with_plurals(sequence for sequence, reason in listed if reason != "sexual")

    def rule(category: str, phrase: str) -> str:
        unsafe = in_negative if category == NEGATIVE else everywhere
        return UNSAFE if unsafe.within(fold(phrase)) else ALLOWED

    return rule


def _with_plurals(sequences: Iterable[FoldedWords]) -> WordSequences:
    listed = set(sequences)
    return WordSequences(listed | {(*s[:-1], s[-1] + "s") for s in listed})


def is_plain(ban: str) -> bool:
    """Tell whether a ban is words alone, so that it holds for captions too."""
    return ":" not in ban and '"' not in ban
