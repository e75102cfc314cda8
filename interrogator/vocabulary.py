"""Phrase lists by category, read from a folder: one `.csv` or `.txt` file per category.

A `.csv` has a header and keeps its entries in the first column; a `.txt` has one entry a line.
The file's name is the category. What an entry turns into in a prompt is a template per category.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from interrogator.catalogue import EMBEDDED, ModelNames
from interrogator.errors import InterrogatorError

FOLDER = Path(__file__).parent / "vocabulary"
TEMPLATES = {"artists": "by {}", "sites": "trending on {}"}  # every other category: as it stands
NEGATIVE = "negative"  # the category that never enters a positive prompt
MAX_FILE_BYTES = 20 * 2**20
MAX_PHRASES = 1_000_000


@dataclass(frozen=True)
class Vocabulary:
    """Phrases to rank.

    Attributes:
        name: What the lists are called on the page.
        categories: Category → phrases, each category without duplicates, in the order of its file.
    """

    name: str
    categories: dict[str, tuple[str, ...]]

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """All phrases, category after category."""
        return tuple(phrase for group in self.categories.values() for phrase in group)

    @cached_property
    def sha256(self) -> str:
        """Names the content: equal for equal phrases in equal categories and order."""
        lines = (f"{c}\t{p}" for c, group in self.categories.items() for p in group)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def slices(self) -> Iterator[tuple[str, slice]]:
        """Yield each category with its rows in `phrases`."""
        start = 0
        for category, group in self.categories.items():
            yield category, slice(start, start + len(group))
            start += len(group)


def vocabulary_for(names: ModelNames) -> Vocabulary:
    """Return our lists; for the embedded models, the words that they were taught."""
    if names.embedded:
        return read_folder(EMBEDDED / "vocabulary", "demo")
    return read_folder(FOLDER, "built-in")


def read_folder(folder: Path | str, name: str | None = None) -> Vocabulary:
    """Read every list of a folder.

    Raises:
        InterrogatorError: No folder, no lists, no phrases, or a file that is not text.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InterrogatorError(f"There is no folder {folder} with phrase lists.")
    files = sorted(p for p in folder.iterdir() if p.suffix in (".csv", ".txt"))
    if not files:
        raise InterrogatorError(
            f"{folder} has no phrase lists. Put in one .txt or .csv file per category, "
            "for example artists.txt with a name on each line."
        )
    categories = {path.stem: _phrases(path) for path in files}
    categories = {category: group for category, group in categories.items() if group}
    count = sum(map(len, categories.values()))
    if not count:
        raise InterrogatorError(f"The lists in {folder} are empty.")
    if count > MAX_PHRASES:
        raise InterrogatorError(
            f"{folder} has {count:,} phrases; up to {MAX_PHRASES:,} are ranked."
        )
    return Vocabulary(name or folder.name, categories)


def _phrases(path: Path) -> tuple[str, ...]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InterrogatorError(f"{path.name} is over {MAX_FILE_BYTES // 2**20} MB.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InterrogatorError(f"{path.name} is not text in UTF-8.") from error
    if "\0" in text:
        raise InterrogatorError(f"{path.name} is not text in UTF-8.")
    lines = text.splitlines()
    is_table = path.suffix == ".csv"
    entries = [row[0] for row in csv.reader(lines[1:]) if row] if is_table else lines
    template = TEMPLATES.get(path.stem, "{}")
    clean = (" ".join(unicodedata.normalize("NFC", entry).split()) for entry in entries)
    return tuple(dict.fromkeys(template.format(entry) for entry in clean if entry))
