"""Rules that leave phrases out: what a person bans, and the safety list."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.folding import Sequences, Words, words
from interrogator.vocabulary.lists import NEGATIVE, Vocabulary, bare
from interrogator.vocabulary.names import FOLDER

Rule = Callable[[str, str], str]  # category, phrase → why it is left out; ALLOWED where it is not
ALLOWED = ""
BANNED = "banned"
UNSAFE = "on the safety list"


def ban_rule(bans: Iterable[str], vocabulary: Vocabulary) -> Rule:
    """Return the rule of a person's bans; `Policy.bans` says how they are written.

    Raises:
        InterrogatorError: A ban names no category or group of the vocabulary.
    """
    categories, groups = set[str](), set[str]()
    exact, anywhere = set[Words](), list[Words]()
    for ban in bans:
        kind, _, name = (part.strip() for part in ban.partition(":"))
        if kind == "category":
            categories.add(_known(kind, name, vocabulary.categories))
        elif kind == "group":
            groups.add(_known(kind, name, vocabulary.groups.values()))
        elif len(ban) > 1 and ban[0] == ban[-1] == '"':
            exact.add(words(ban))
        else:
            anywhere.append(words(ban))
    sequences = Sequences(anywhere)

    def rule(category: str, phrase: str) -> str:
        folded = words(phrase)
        banned = (
            category in categories
            or vocabulary.groups.get(phrase) in groups
            or folded in exact
            or words(bare(category, phrase)) in exact
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
        listed = [(words(row["phrase"]), row["reason"]) for row in csv.DictReader(file)]
    everywhere = _with_plurals(sequence for sequence, _ in listed)
    in_negative = _with_plurals(sequence for sequence, reason in listed if reason != "sexual")

    def rule(category: str, phrase: str) -> str:
        unsafe = in_negative if category == NEGATIVE else everywhere
        return UNSAFE if unsafe.within(words(phrase)) else ALLOWED

    return rule


def _with_plurals(sequences: Iterable[Words]) -> Sequences:
    listed = set(sequences)
    return Sequences(listed | {(*s[:-1], s[-1] + "s") for s in listed})
