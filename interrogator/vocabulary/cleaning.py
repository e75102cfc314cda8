"""A list as somebody has it → clean phrases, and for every line that was changed or dropped, why.

Lists that go round for image generators come with damaged encodings, weights, model tags,
wildcards and duplicates. What can be mended is mended, the rest is dropped, and both are told.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import ftfy

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.folding import fold

SUFFIXES = (".txt", ".csv")
COLUMNS = ("phrase", "name", "artist", "text")  # where a table keeps its phrases; the first found
MAX_FILE_BYTES = 20 * 2**20
LONGEST = 200  # characters of a phrase; the usual CLIP reads about 300 in all
CONTROL_SHARE = 0.01  # of a text; more control characters than that are not text

# Dropped:
BLANK = "blank line"
COMMENT = "comment"
DAMAGED = "damaged characters that cannot be mended"
DUPLICATE = "duplicate"
EMPTY = "no letters or digits"
TEMPLATE = "wildcard of a prompt generator"
TOO_LONG = f"longer than {LONGEST} characters"
WEB_ADDRESS = "web address"
# Mended:
ENCODING = "damaged encoding"
PUNCTUATION = "stray punctuation"
WEIGHT = "weight syntax"

_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[ '-][A-Za-z0-9]+)*")
_WILDCARD = re.compile(r"__[\w/*-]+__|\{[^{}]*\|[^{}]*\}")
_MARKUP = (
    re.compile(r"<\w+:[^<>]*>"),  # <lora:name:0.8>
    re.compile(r"\s-{2}\w.*$"),  # --ar 16:9
    re.compile(r"::\s*-?\d*\.?\d*"),  # cat::2
    re.compile(r"(?<!\d)\s*:\s*[-+]?\d*\.?\d+\s*(?=[)\]}])"),  # (cat:1.2), not (16:9)
    re.compile(r"\s*:\s*[-+]?\d*\.\d+\s*$"),  # cat:1.2
    re.compile(r"[()\[\]{}]"),
)
_ODD = re.compile(r'[|"“”„«»*_;`^~=<>]+|\s*!{2,}|\s[!?]+')
_EDGES = " \t,.:'’‘/#-–—+&@•·…"
_JOINERS = "\u200c\u200d"  # Persian and Indian words are written with them
_ABBREVIATED = re.compile(r"(?:^|\W)(?:[A-Z]|Jr|Sr)\.$")

Row = tuple[int, str, Mapping[str, str]]  # number of the line, its text, its other columns


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
    """A clean phrase, and what else a table says of it, by column."""

    phrase: str
    details: Mapping[str, str]


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


def read_list(path: Path) -> CleanList:
    """Read and clean one `.txt` (an entry a line) or `.csv` (a header, an entry a row).

    Raises:
        InterrogatorError: The file is too large, not text, or a table without its column.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InterrogatorError(
            f"{path.name} is over {MAX_FILE_BYTES // 2**20} MB: that is more phrases than can be "
            "ranked. Split it, or leave out what you do not need."
        )
    text, guessed = _decoded(path.read_bytes(), path.name)
    rows = _table_rows(text, path.name) if path.suffix.lower() == ".csv" else _lines(text)
    return clean(rows, guessed)


def clean(rows: Iterable[Row], guessed: frozenset[int] = frozenset()) -> CleanList:
    """Clean rows of line number, text and further columns; `guessed` lines were not UTF-8."""
    entries: list[Entry] = []
    changes: list[Change] = []
    seen: set[tuple[str, ...]] = set()
    for number, raw, details in rows:
        after, reason = mend(raw)
        if after is not None and number in guessed:
            reason = ENCODING
        if after is not None:
            key = fold(after)
            if key in seen:
                after, reason = None, DUPLICATE
            else:
                seen.add(key)
                entries.append(Entry(after, details))
        if reason:
            changes.append(Change(number, raw.strip(), after, reason))
    return CleanList(tuple(entries), tuple(changes))


def pasted(text: str) -> CleanList:
    """Clean lines that somebody typed or pasted."""
    return clean(_lines(text))


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
    while text and text[-1] in _EDGES and not _ABBREVIATED.search(text):
        text = text[:-1]
    return text


def _lines(text: str) -> Iterator[Row]:
    return ((number, line, {}) for number, line in enumerate(text.splitlines(), 1))


def _table_rows(text: str, name: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""))
    rows: list[Row] = []
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        column = next((c for c in COLUMNS if c in header), None)
        if column is None:
            raise InterrogatorError(
                f"{name} has no column {' or '.join(COLUMNS[:2])}: its first line must name the "
                "columns. A list without columns is a .txt with an entry on each line."
            )
        for row in reader:
            # A row may be shorter or longer than the header; what is missing is empty.
            cells = dict(zip(header, row, strict=False))
            rows.append((reader.line_num, cells.get(column, ""), cells))
    except csv.Error as error:
        raise InterrogatorError(
            f"{name} is not a table that can be read: line {reader.line_num}, {error}."
        ) from error
    return rows


def _decoded(data: bytes, name: str) -> tuple[str, frozenset[int]]:
    """Return a file's text, and the lines for which UTF-8 was not the encoding."""
    guessed = frozenset[int]()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text, guessed = _line_by_line(data)
    odd = sum(text.count(chr(code)) for code in range(32) if chr(code) not in "\t\n\v\f\r")
    if "\0" in text or odd > CONTROL_SHARE * len(text):
        raise InterrogatorError(
            f"{name} is not text in UTF-8. Save the list as plain text, one entry a line."
        )
    return text, guessed


def _line_by_line(data: bytes) -> tuple[str, frozenset[int]]:
    """Read the lines that are not UTF-8 as Windows-1252, which old editors wrote."""
    lines, guessed = [], set()
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8-sig"))
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", errors="replace"))
            guessed.add(number)
    return "\n".join(lines), frozenset(guessed)
