"""Uploads, and what is in uploaded zips → items with their thumbnails; limits, in sentences."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interrogator.batch.pictures.items import Item, close_zips, damaged, in_zip, read_file, refuse
from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.web.several.work import NamedFile, thumbnail

MOST_PICTURES = 60
MOST_DIRECTORY = 2**20  # bytes of a zip's list of contents: some ten thousand names
TOO_MANY = (
    f"These are more than {MOST_PICTURES} pictures, which is all that is taken at a time. Choose "
    "fewer; the command in docs/batch.md takes any number."
)
LONG_ZIP = (
    "The zip lists far too many files. Pack only the pictures that you want prompts for, up to "
    f"{MOST_PICTURES}."
)
EMPTY_ZIP = "There is nothing in this zip."


@dataclass(frozen=True)
class Look:
    """What is seen of an item before anything is computed.

    Attributes:
        name: As it can be shown.
        thumbnail: A JPEG as data: URL; "" where there is no picture.
        error: Why there is none.
    """

    name: str
    thumbnail: str = ""
    error: str | None = None


@contextmanager
def zips_closed() -> Iterator[None]:
    """Hold no zip open afterwards: it is a visitor's, and is to be gone when it is deleted."""
    try:
        yield
    finally:
        close_zips()


def items_of(files: Sequence[NamedFile]) -> list[Item]:
    """Return the pictures of uploads, in their order; what cannot be read is an item, too.

    Raises:
        InterrogatorError: They are more than `MOST_PICTURES`.
    """
    found = itertools.chain.from_iterable(map(_items, files))
    items = list(itertools.islice(found, MOST_PICTURES + 1))
    if len(items) > MOST_PICTURES:
        raise InterrogatorError(TOO_MANY)
    return items


def _items(file: NamedFile) -> Iterator[Item]:
    path = Path(file.path)
    if not file.name.lower().endswith(".zip"):
        yield Item(file.name, "", read_file, (file.path,), path)
        return
    try:
        _check_directory(path)
        first = None
        for first in in_zip(path, _is_meant):
            yield first
        if first is None:
            raise InterrogatorError(EMPTY_ZIP)
    except InterrogatorError as error:
        yield Item(file.name, "", refuse, (str(error).replace(path.name, file.name),))


def _is_meant(name: str) -> bool:
    """Tell whether somebody packed a file on purpose; what is no picture gets a sentence."""
    parts = name.replace("\\", "/").split("/")
    return not parts[-1].startswith(".") and "__MACOSX" not in parts and parts[-1] != "Thumbs.db"


def _check_directory(path: Path) -> None:
    """Refuse a zip whose list of contents alone would take much memory.

    `zipfile` reads all of the list at once. Its own private reader of the zip's end is asked for
    the length: any other reader could be told another one.
    """
    with path.open("rb") as file:
        try:
            end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise damaged(path) from error
    if not end:
        raise damaged(path)
    if end[zipfile._ECD_SIZE] > MOST_DIRECTORY:  # type: ignore[attr-defined]
        raise InterrogatorError(LONG_ZIP)


def look_at(item: Item) -> Look:
    """Read an item, and return its thumbnail or the sentence on it."""
    try:
        return Look(item.shown, thumbnail(decode.read(item.read())))
    except InterrogatorError as error:
        return Look(item.shown, error=str(error))
