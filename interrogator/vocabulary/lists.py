"""Phrase lists by category, read from a folder: one `.csv` or `.txt` file per category.

The file's name is the category. What an entry turns into in a prompt is a template per category,
here and nowhere else. `python -m interrogator.vocabulary` counts our lists or checks a folder.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.vocabulary import cleaning
from interrogator.vocabulary.artists import Artist, artist_of, period_end
from interrogator.vocabulary.cleaning import CleanList
from interrogator.vocabulary.folding import FoldedWords, fold

FOLDER = Path(__file__).parent / "data"
ARTISTS = "artists"
MOVEMENTS = "movements"
MEDIUMS = "mediums"
EXCLUSIVE = (ARTISTS, MOVEMENTS, MEDIUMS)  # of these a picture usually has one
WITHHELD = (ARTISTS, MOVEMENTS)  # not named of a picture unlike all that a CLIP was taught
NEGATIVE = "negative"  # the category that never enters a positive prompt
NAMED = (ARTISTS, MOVEMENTS, "mediums", "sites", NEGATIVE)  # what modes take by their category
TEMPLATES = {ARTISTS: "by {}", "sites": "trending on {}"}  # every other category: as it stands
OWN = "own"  # the category of lines that somebody pasted
MAX_PHRASES = 250_000  # in 768 dimensions nearly 800 MB


@dataclass(frozen=True)
class Vocabulary:
    """Phrases to rank.

    Attributes:
        name: What the lists are called on the page.
        categories: Category → phrases, each category without duplicates, in the order of its file.
        artists: Phrase → the artist that it names, for the phrases of the artists' list.
        groups: Phrase → the group of its category that it belongs to, where there is one.
    """

    name: str
    categories: dict[str, tuple[str, ...]]
    artists: Mapping[str, Artist] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """All phrases, category after category."""
        return tuple(phrase for group in self.categories.values() for phrase in group)

    @cached_property
    def sha256(self) -> str:
        """Names the content: equal for equal phrases in equal categories and order."""
        lines = (f"{c}\t{p}" for c, group in self.categories.items() for p in group)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return name, size and hash, for reports."""
        return {"name": self.name, "phrases": len(self.phrases), "sha256": self.sha256}

    def slices(self) -> Iterator[tuple[str, slice]]:
        """Yield each category with its rows in `phrases`."""
        start = 0
        for category, group in self.categories.items():
            yield category, slice(start, start + len(group))
            start += len(group)

    def only(self, rows: Iterable[bool]) -> Vocabulary:
        """Return the phrases whose row is true; a category without any is gone."""
        kept = tuple(map(bool, rows))
        categories = {
            category: tuple(p for p, keep in zip(group, kept[of], strict=True) if keep)
            for (category, of), group in zip(self.slices(), self.categories.values(), strict=True)
        }
        categories = {category: group for category, group in categories.items() if group}
        return Vocabulary(self.name, categories, self.artists, self.groups)

    def plus(self, own: Vocabulary) -> Vocabulary:
        """Return these lists and one's own: equal categories are joined, ours first.

        What ours have already does not come twice; only the negative list may have it as well.
        """
        known = {
            (category == NEGATIVE, fold(phrase))
            for category, group in self.categories.items()
            for phrase in group
        }
        categories = dict(self.categories)
        for category, group in own.categories.items():
            new = tuple(p for p in group if (category == NEGATIVE, fold(p)) not in known)
            if new:
                categories[category] = (*categories.get(category, ()), *new)
        return Vocabulary(
            f"{self.name} + {own.name}",
            categories,
            {**own.artists, **self.artists},
            {**own.groups, **self.groups},
        )


@dataclass(frozen=True)
class Lists:
    """A vocabulary and what was cleaned to have it: file → its category and what is left of it."""

    vocabulary: Vocabulary
    files: Mapping[str, tuple[str, CleanList]]

    @property
    def cleaned(self) -> dict[str, CleanList]:
        """File → what is left of it, and what was changed on the way."""
        return {file: cleaned for file, (_, cleaned) in self.files.items()}

    @property
    def dropped(self) -> Counter[str]:
        """Reason → lines that were dropped for it, in all files."""
        return sum((c.dropped for c in self.cleaned.values()), Counter())

    @property
    def mended(self) -> Counter[str]:
        """Reason → lines that were mended for it, in all files."""
        return sum((c.mended for c in self.cleaned.values()), Counter())

    def summary(self) -> str:
        """Say in one line how much was taken, dropped and mended, and why."""
        parts = [counted(len(self.vocabulary.phrases), "phrase")]
        for verb, reasons in (("dropped", self.dropped), ("mended", self.mended)):
            if reasons:
                told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
                parts.append(f"{counted(reasons.total(), 'line')} {verb} ({told})")
        return "; ".join(parts)


def counted(count: int, noun: str) -> str:
    """Return "1 phrase" or "1,200 phrases"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def built_in() -> Vocabulary:
    """Return our lists."""
    return read_folder(FOLDER, "built-in")


def read_folder(folder: Path | str, name: str | None = None) -> Vocabulary:
    """Return every list of a folder, cleaned; see `read_lists`."""
    return read_lists(folder, name).vocabulary


def read_lists(folder: Path | str, name: str | None = None) -> Lists:
    """Read and clean every list of a folder.

    Raises:
        InterrogatorError: No folder, no lists, no phrases, too many, or a file that is no list.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InterrogatorError(f"There is no folder {folder} with phrase lists.")
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in cleaning.SUFFIXES)
        if not files:
            raise InterrogatorError(
                f"{folder} has no phrase lists. Put in one .txt or .csv file per category, "
                "for example artists.txt with a name on each line."
            )
        return read_files(files, name or folder.name)
    except OSError as error:
        raise InterrogatorError(f"{folder} cannot be read: {error.strerror}.") from error


def read_files(files: Iterable[Path], name: str) -> Lists:
    """Read and clean lists, one category a file; see `read_lists`."""
    lists: dict[str, tuple[str, CleanList]] = {}
    for path in files:
        label = path.name if path.name not in lists else f"{path.name} ({len(lists) + 1})"
        lists[label] = (category_of(path), cleaning.read_list(path))
    return _gathered(name, lists)


def read_pasted(text: str, category: str = OWN) -> Lists:
    """Clean lines that somebody pasted, as one category; see `read_lists`."""
    return _gathered("your lines", {"your lines": (category, cleaning.pasted(text))})


def joined(lists: Iterable[Lists]) -> Lists:
    """Return several lists as one: equal categories are joined, and a phrase comes once."""
    files: dict[str, tuple[str, CleanList]] = {}
    names = []
    for one in lists:
        files |= one.files
        names.append(one.vocabulary.name)
    return _gathered(" + ".join(names), files)


def category_of(path: Path) -> str:
    """Return the category that a file's name means; AUTOMATIC1111's `flavors.top3.txt` too."""
    return re.sub(r"\.top\d+$", "", path.stem.casefold())


def _each_once(files: Mapping[str, tuple[str, CleanList]]) -> dict[str, tuple[str, CleanList]]:
    """Leave out what stands in two lists; one of a category that modes know by name keeps it.

    The negative list may have what another has.
    """
    seen: set[tuple[bool, FoldedWords]] = set()
    once: dict[str, tuple[str, CleanList]] = {}
    for file, (category, one) in sorted(files.items(), key=lambda item: item[1][0] not in NAMED):
        kept: set[int] = set()
        for entry in one.entries:
            key = (category == NEGATIVE, fold(phrase_for(category, entry.phrase)))
            if key not in seen:
                seen.add(key)
                kept.add(entry.line)
        once[file] = (category, one.only(kept))
    return {file: once[file] for file in files}


def _gathered(name: str, files: Mapping[str, tuple[str, CleanList]]) -> Lists:
    once = _each_once(files)
    categories: dict[str, dict[str, None]] = {}
    artists: dict[str, Artist] = {}
    groups: dict[str, str] = {}
    ends = {
        entry.phrase: period_end(entry.details.get("period", ""))
        for category, one in once.values()
        if category == MOVEMENTS
        for entry in one.entries
    }
    for category, one in once.values():
        for entry in one.entries:
            phrase = phrase_for(category, entry.phrase)
            categories.setdefault(category, {})[phrase] = None
            if category == ARTISTS:
                artists[phrase] = artist_of(bare(category, phrase), entry.details, ends)
            if entry.details.get("group"):
                groups[phrase] = entry.details["group"].strip()
    count = sum(map(len, categories.values()))
    if not count:
        raise InterrogatorError(f"{name}: the lists are empty, there is nothing to rank.")
    if count > MAX_PHRASES:
        raise InterrogatorError(f"{name} has {count:,} phrases; up to {MAX_PHRASES:,} are ranked.")
    return Lists(
        Vocabulary(name, {c: tuple(group) for c, group in categories.items()}, artists, groups),
        once,
    )


def phrase_for(category: str, entry: str) -> str:
    """Return what an entry of a category turns into in a prompt."""
    template = TEMPLATES.get(category, "{}")
    return template.format(bare(category, entry))


def bare(category: str, phrase: str) -> str:
    """Return a phrase without what its category's template puts before it."""
    before = TEMPLATES.get(category, "{}").partition("{}")[0]
    return phrase[len(before) :] if phrase.casefold().startswith(before) else phrase


def main(arguments: list[str] | None = None) -> int:
    """Print the counts of our lists or of a folder, and what of it would be cleaned.

    Returns:
        0; 2 if the folder cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m interrogator.vocabulary", description="Count and check phrase lists."
    )
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", help="a folder of lists; ours if absent"
    )
    folder = parser.parse_args(arguments).folder
    try:
        lists = read_lists(folder) if folder else read_lists(FOLDER, "built-in")
    except InterrogatorError as error:
        print(error, file=sys.stderr)
        return 2
    for name, cleaned in lists.cleaned.items():
        for change in cleaned.changes:
            became = "dropped" if change.after is None else f"→ {change.after}"
            print(f"{name}:{change.line}: {change.reason}: {change.before!r} {became}")
    for category, group in lists.vocabulary.categories.items():
        print(f"{category:12} {len(group):8,}")
        parts = Counter(lists.vocabulary.groups[p] for p in group if p in lists.vocabulary.groups)
        for part, count in parts.items():
            print(f"  {part:24} {count:6,}")
    print(lists.summary())
    return 0
