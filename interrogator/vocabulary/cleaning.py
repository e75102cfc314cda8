"""A list as somebody has it → clean phrases, and for every line that was changed or dropped, why.

Lists that go round for image generators come with damaged encodings, weights, model tags,
wildcards and duplicates. What can be mended is mended, the rest is dropped, and both are told.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ftfy

from interrogator.vocabulary.folding import fold
from interrogator.vocabulary.reading import ENCODING, UNSURE_LETTERS, Row, rows

SUFFIXES = (".txt", ".csv")
LONGEST = 200  # characters of a phrase; the usual CLIP reads about 300 in all

# Dropped:
BLANK = "blank line"
COMMENT = "comment"
DAMAGED = "damaged characters that cannot be mended"
DUPLICATE = "duplicate"
EMPTY = "no letters or digits"
TEMPLATE = "wildcard of a prompt generator"
TOO_LONG = f"longer than {LONGEST} characters"
WEB_ADDRESS = "web address"
# Mended, beside an encoding and an open quote:
PUNCTUATION = "stray punctuation"
WEIGHT = "weight syntax"

_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[ '-][A-Za-z0-9]+)*")
_WILDCARD = re.compile(r"__[\w/*-]+__|\{[^{}]*\|[^{}]*\}")
_MARKUP = (
    re.compile(r"<\w+:[^<>]*>"),  # <lora:name:0.8>
    re.compile(r"\s-{2}\w.*$"),  # --ar 16:9
    re.compile(r"::\s*-?\d*\.?\d*"),  # cat::2
    re.compile(r"(?<![\d\s])\s*:\s*[-+]?\d*\.?\d+\s*(?=[)\]}])"),  # (cat:1.2), not (16:9)
    re.compile(r"(?<![\d\s])\s*:\s*[-+]?\d*\.\d+\s*$"),  # cat:1.2, not 1:1.85
    re.compile(r"(?<=\d{3})\s*:\s*[-+]?\d?\.?\d{1,2}\s*(?=[)\]}])"),  # (2049:1.2)
    re.compile(r"[()\[\]{}]"),
)
_ODD = re.compile(r'[|"“”„«»*_;`^~=<>]+|\s*!{2,}|\s[!?]+')
_EDGES = " \t,.:'’‘/#-–—+&@•·…"
_JOINERS = "\u200c\u200d"  # Persian and Indian words are written with them
_ABBREVIATED = re.compile(r"(?:^|\W)(?:[A-Z]|Jr|Sr)\.$")
_NAMED_BY_SIGNS = re.compile(r"(?:^|\s)(?:[A-Za-z]|\d+)[+#]{1,2}$")  # C++, F#, 18+


@dataclass(frozen=True)
class Change:
    """A line that is not taken as it stands.

    Attributes:
        line: Its number in the file, from 1.
        before: The line.
        after: The phrase it became; None when it was dropped.
        reason: Why, in a few words.
    """

    line: int
    before: str
    after: str | None
    reason: str


@dataclass(frozen=True)
class Entry:
    """A clean phrase, what else a table says of it by column, and the number of its line."""

    phrase: str
    details: Mapping[str, str]
    line: int


@dataclass(frozen=True)
class CleanList:
    """What is left of a list, in its order, and what was changed or dropped on the way."""

    entries: tuple[Entry, ...]
    changes: tuple[Change, ...]

    @property
    def dropped(self) -> Counter[str]:
        """Reason → lines that were dropped for it."""
        return Counter(change.reason for change in self.changes if change.after is None)

    @property
    def mended(self) -> Counter[str]:
        """Reason → lines that were mended for it."""
        return Counter(change.reason for change in self.changes if change.after is not None)

    def only(self, kept: Collection[int]) -> CleanList:
        """Return the list with the entries of some lines; another list has what is left out."""
        twice = [entry for entry in self.entries if entry.line not in kept]
        if not twice:
            return self
        gone = {entry.line for entry in twice}
        changes = [change for change in self.changes if change.line not in gone]
        changes += [Change(entry.line, entry.phrase, None, DUPLICATE) for entry in twice]
        return CleanList(
            tuple(entry for entry in self.entries if entry.line in kept),
            tuple(sorted(changes, key=lambda change: change.line)),
        )


def read_list(path: Path) -> CleanList:
    """Read and clean one `.txt` (an entry a line) or `.csv` (a header, an entry a row).

    Raises:
        InterrogatorError: The file is too large, not text, or a table without its column.
    """
    return clean(rows(path))


def clean(entries: Iterable[Row]) -> CleanList:
    """Clean the rows of a list; a phrase comes once."""
    kept: list[Entry] = []
    changes: list[Change] = []
    seen: set[tuple[str, ...]] = set()
    for row in entries:
        after, reason = mend(row.text)
        if row.fault == UNSURE_LETTERS:
            after, reason = None, UNSURE_LETTERS
        if after is not None:
            reason = row.fault or reason
            key = fold(after)
            if key in seen:
                after, reason = None, DUPLICATE
            else:
                seen.add(key)
                kept.append(Entry(after, row.details, row.line))
        if reason:
            changes.append(Change(row.line, row.text.strip(), after, reason))
    return CleanList(tuple(kept), tuple(changes))


def pasted(text: str) -> CleanList:
    """Clean lines that somebody typed or pasted."""
    return clean(Row(number, line, {}) for number, line in enumerate(text.splitlines(), 1))


def mend(raw: str) -> tuple[str | None, str]:
    """Return a line's phrase, or None where nothing is left of it, and why it was touched.

    The reason is "" where at most spaces and the composition of accents were changed.
    """
    text = " ".join(raw.split())
    if _PLAIN.fullmatch(text) and len(text) <= LONGEST:  # nearly all lines: spare them the rest
        return text, ""
    for reason, unfit in (
        (BLANK, not text),
        (COMMENT, text.startswith(("# ", "//"))),
        (WEB_ADDRESS, "://" in text or text.startswith("www.")),
        (TEMPLATE, _WILDCARD.search(text)),
        (TOO_LONG, len(text) > LONGEST),
    ):
        if unfit:
            return None, reason
    composed = unicodedata.normalize("NFC", text)
    decoded = composed if composed.isascii() else _fixed(composed)
    if "\ufffd" in decoded:
        return None, DAMAGED
    tidy, before = decoded, ""
    while tidy != before:  # taking one sign away may lay another bare
        bare = _without_stray_punctuation(_without_markup(tidy))
        before, tidy = tidy, unicodedata.normalize("NFC", bare)
    if not fold(tidy):
        return None, EMPTY
    reasons = ((ENCODING, decoded != composed), (WEIGHT, _without_markup(decoded) != decoded))
    touched = next((reason for reason, happened in reasons if happened), PUNCTUATION)
    return tidy, touched if tidy != composed else ""


def _fixed(text: str) -> str:
    """Undo text that was read in the wrong encoding; quotes become straight, signs are kept."""
    fixed = ftfy.fix_text(text, uncurl_quotes=False, fix_character_width=False)
    invisible = ("Cc", "Cf", "Co", "Cs")
    return "".join(c for c in fixed if c in _JOINERS or unicodedata.category(c) not in invisible)


def _without_markup(text: str) -> str:
    without = re.sub(r"\\(?=[()\[\]{}])", "", text)  # \( is a parenthesis that is no weight
    for pattern in _MARKUP:
        without = pattern.sub(" ", without)
    return text if without == text else " ".join(without.split())


def _without_stray_punctuation(text: str) -> str:
    text = _ODD.sub(" ", text.replace("\\", ""))
    text = re.sub(r"\s+(?=[,.:])|(?<=,)(?=,)", "", text)
    text = re.sub(r",{2,}", ",", " ".join(text.split())).lstrip(_EDGES)
    while (
        text
        and text[-1] in _EDGES
        and not (_ABBREVIATED.search(text) or _NAMED_BY_SIGNS.search(text))
    ):
        text = text[:-1]
    return text
