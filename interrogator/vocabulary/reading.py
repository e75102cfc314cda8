"""A list's file → its rows: the text in its own letters, a table by its own columns.

Where a file does not say how it is written, what it can be is worked out from its contents; what
remains open is not guessed but dropped, with the reason.
"""

from __future__ import annotations

import csv
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from interrogator.errors import InterrogatorError

COLUMNS = ("phrase", "name", "artist", "text")  # where a table keeps its phrases; the first found
DELIMITERS = (",", ";", "\t", "|")
MAX_FILE_BYTES = 20 * 2**20
MAX_ROW_LINES = 100  # of one row of a table, whose cells may have several lines
CONTROL_SHARE = 0.01  # of a text; more control characters than that are not text

ENCODING = "damaged encoding"
OPEN_QUOTE = "open quote"
UNSURE_LETTERS = "letters of an unknown encoding; save the list as UTF-8"

# What old editors wrote: Western, Turkish, Central European (Windows, ISO), Cyrillic, Greek.
_ENCODINGS = ("cp1252", "cp1254", "cp1250", "iso8859-2", "cp1251", "cp1253")
_LETTERS = ("Lu", "Ll", "Lo")
_WITHIN = {"’", "–", "·"}  # signs that are not ASCII and may stand in a word
_AROUND = "’‘“”„–—…«»·•®©™°§€£\u00a0\"'()[]{}<>,.:;!?/*_-+&#"  # and before or behind it
_FOREIGN = re.compile(r"[^\W\d_\x00-\x7f]{3}")
_ACCENTS = re.compile(r"[^\W\d_\x00-\x7f]{5}")  # hardly ever on end in Latin letters


@dataclass(frozen=True)
class Row:
    """An entry of a list as it stands.

    Attributes:
        line: Its number in the file, from 1.
        text: The phrase, or what was read of it.
        details: The other columns of a table.
        fault: What was wrong with it, if anything was: `ENCODING`, `OPEN_QUOTE` or
            `UNSURE_LETTERS`; the phrase is of no use with the last.
    """

    line: int
    text: str
    details: Mapping[str, str]
    fault: str = ""


def rows(path: Path) -> list[Row]:
    """Return the rows of a `.txt` (an entry a line) or `.csv` (a header, an entry a row).

    Raises:
        InterrogatorError: The file is too large, not text, or a table without its column.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InterrogatorError(
            f"{path.name} is over {MAX_FILE_BYTES // 2**20} MB: that is more phrases than can be "
            "ranked. Split it, or leave out what you do not need."
        )
    text, faults = _decoded(path.read_bytes(), path.name)
    if path.suffix.lower() != ".csv":
        return [Row(n, line, {}, faults.get(n, "")) for n, line in enumerate(text.splitlines(), 1)]
    try:
        return list(_table(re.split(r"\r\n|\r|\n", text), path.name, faults))
    except csv.Error as error:
        raise InterrogatorError(f"{path.name} is not a table that can be read: {error}.") from error


# ----- tables


def _table(lines: list[str], name: str, faults: Mapping[int, str]) -> Iterator[Row]:
    """Yield the rows of a table, separated by whatever separates the columns' names."""
    first = 1 if lines[0].startswith("sep=") else 0  # Excel's own line
    for delimiter in DELIMITERS:
        header = [
            c.strip().casefold() for c in next(csv.reader(lines[first:], delimiter=delimiter), [])
        ]
        if column := next((c for c in COLUMNS if c in header), None):
            break
    else:
        raise InterrogatorError(
            f"{name} has no column {' or '.join(COLUMNS[:2])}: its first line must name the "
            "columns. A list without columns is a .txt with an entry on each line."
        )
    place = first + 1
    last = len(lines) - (not lines[-1])
    while place < last:
        cells, count, fault = _row(lines, place, delimiter, header.index(column))
        # A row may be shorter or longer than the header; what is missing is empty.
        details = dict(zip(header, cells, strict=False))
        found = (faults.get(n) for n in range(place + 1, place + count + 1))
        yield Row(place + 1, details.get(column, ""), details, next(filter(None, found), fault))
        place += count


def _row(lines: list[str], place: int, delimiter: str, column: int) -> tuple[list[str], int, str]:
    """Return a row's cells, its lines, and `OPEN_QUOTE` where a quote was never closed.

    A cell may go on over several lines, but a phrase does not: there the quote stands for itself.
    """
    line = lines[place]
    if line.count('"') % 2 == 0:
        return next(csv.reader([line], delimiter=delimiter), []), 1, ""
    several = (f"{one}\n" for one in lines[place : place + MAX_ROW_LINES])
    reader = csv.reader(several, delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
        if "\n" not in "".join(cells[column : column + 1]):
            return cells, reader.line_num, ""
    except csv.Error:
        pass  # it was not closed, or something stands behind it
    plain = csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return [cell.strip().strip('"') for cell in next(plain, [])], 1, OPEN_QUOTE


# ----- encodings


def _decoded(data: bytes, name: str) -> tuple[str, dict[int, str]]:
    """Return a file's text, and by line the faults of its encoding."""
    faults: dict[int, str] = {}
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text, faults = _line_by_line(data)
    odd = sum(text.count(chr(code)) for code in range(32) if chr(code) not in "\t\n\v\f\r")
    if "\0" in text or odd > CONTROL_SHARE * len(text):
        raise InterrogatorError(
            f"{name} is not text in UTF-8. Save the list as plain text, one entry a line."
        )
    return text, faults


def _line_by_line(data: bytes) -> tuple[str, dict[int, str]]:
    """Read each line as UTF-8, or else as what all such lines of the file can be."""
    lines: list[str] = []
    others: dict[int, bytes] = {}
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError:
            others[number] = line
            lines.append(line.decode("ascii", errors="replace"))
    possible = [e for e in _ENCODINGS if all(_is_plausible(_as(o, e)) for o in others.values())]
    faults = {}
    for number, line in others.items():
        read = {_as(line, e) for e in possible or _ENCODINGS}
        sure = [text for text in read if possible or _is_plausible(text)]
        faults[number] = ENCODING if len(sure) == 1 else UNSURE_LETTERS
        if len(sure) == 1:
            lines[number - 1] = sure[0]
    return "\n".join(lines), faults


def _as(line: bytes, encoding: str) -> str:
    return line.decode(encoding, errors="replace")


def _is_plausible(line: str) -> bool:
    """Tell whether words could be spelled so: no signs or capitals amid them, one script each."""
    words = [word for word in line.split() if not word.isascii()]
    foreign = any(c.isalpha() and _script(c) != "LATIN" for word in words for c in word)
    return all(map(_is_spelled, words)) and (not foreign or bool(_FOREIGN.search(line)))


def _is_spelled(word: str) -> bool:
    inner = word.strip(_AROUND)
    signs = {c for c in inner if not c.isascii() and unicodedata.category(c) not in _LETTERS}
    capitals = (b for a, b in itertools.pairwise(inner) if a.isalpha() and b.isupper())
    scripts = {_script(c) for c in inner if c.isalpha()}
    return (
        signs <= _WITHIN
        and (inner.isupper() or all(c.isascii() for c in capitals))
        and len(scripts) <= 1
        and not (scripts == {"LATIN"} and _ACCENTS.search(inner))
    )


def _script(letter: str) -> str:
    """Return the first word of a letter's name: "LATIN", "CYRILLIC", …."""
    return unicodedata.name(letter, "").partition(" ")[0]
