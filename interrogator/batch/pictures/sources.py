"""The reader: a folder, a list, a zip, Parquet or tar shards → items, one per picture, in order."""

from __future__ import annotations

import fnmatch
import glob
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from interrogator.batch.pictures.items import (
    Item,
    Wanted,
    fetch,
    in_parquet,
    in_tar,
    in_zip,
    read_file,
    refuse,
)
from interrogator.errors import InterrogatorError
from interrogator.images.sources import ADDRESS

PICTURES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic",
    ".heif",
)  # fmt: skip
LISTS = (".txt", ".lst", ".list")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MOST_NAME = 4096  # bytes of a path
READ = "a folder, a list (.txt), a .zip, a .parquet or a .tar, or a pattern of these in quotes"


@dataclass(frozen=True)
class Source:
    """Where pictures come from.

    Attributes:
        items: Yields them, in the same order each time.
        folder: The folder that their names begin in, where they are files.
    """

    items: Callable[[], Iterator[Item]]
    folder: Path | None = None


def open_source(text: str, patterns: Iterable[str] = (), without: Path | None = None) -> Source:
    """Return what a source's text means.

    Args:
        text: A folder, a .txt list, a .zip, .parquet or .tar, or a pattern of such files.
        patterns: Which files of a folder or an archive are meant: "*.png", "faces/*".
        without: A folder that is not looked into: where the results go.

    Raises:
        InterrogatorError: There is no such source, or it is of no kind that is read.
    """
    wanted = _wanted(tuple(patterns))
    path = Path(text)
    if path.is_dir():
        left_out = without.resolve() if without else None
        return Source(lambda: _folder(path, "", wanted, left_out, frozenset()), path)
    found = [text] if path.is_file() else sorted(glob.glob(text))  # noqa: PTH207  (any folder's)
    shards = [Path(one) for one in found]
    if not shards:
        raise InterrogatorError(f"There is no {text!r}. Name {READ}.")
    readers = [_reader(shard, wanted) for shard in shards]
    is_list = len(shards) == 1 and shards[0].name.lower().endswith((*LISTS, *PICTURES))
    folder = shards[0].parent if is_list else None
    return Source(lambda: (item for reader in readers for item in reader()), folder)


def _reader(path: Path, wanted: Wanted) -> Callable[[], Iterator[Item]]:
    kind = path.name.lower()
    if kind.endswith(LISTS):
        return lambda: _list(path)
    if kind.endswith(".zip"):
        return lambda: in_zip(path, wanted)
    if kind.endswith(".parquet"):
        return lambda: in_parquet(path)
    if kind.endswith(TARS):
        return lambda: in_tar(path, wanted)
    if kind.endswith(PICTURES):
        return lambda: iter([_of_file(path.name, path)])
    raise InterrogatorError(f"{path.name} is of no kind that is read: {READ}.")


def _wanted(patterns: tuple[str, ...]) -> Wanted:
    """Return what tells from its name whether a file of a folder or archive is meant."""

    def tell(name: str) -> bool:
        base = name.rpartition("/")[2]
        if base.startswith(".") or name.startswith("__MACOSX/"):
            return False
        if not patterns:
            return base.lower().endswith(PICTURES)
        return any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(base, p) for p in patterns)

    return tell


def _folder(
    folder: Path,
    prefix: str,
    wanted: Wanted,
    left_out: Path | None,
    above: frozenset[tuple[int, int]],
) -> Iterator[Item]:
    """Yield a folder's files, sorted by their names' bytes; links in circles are not followed."""
    try:
        here = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        yield Item(prefix.rstrip("/") or ".", "", refuse, (f"The folder: {reason}.",))
        return
    identity = here.st_dev, here.st_ino
    if identity in above or (left_out and prefix and folder.resolve() == left_out):
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            inner = above | {identity}
            yield from _folder(Path(entry.path), name + "/", wanted, left_out, inner)
        elif wanted(name):
            yield _of_file(name, Path(entry.path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _of_file(name: str, path: Path) -> Item:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "It cannot be read"
        return Item(name, "", refuse, (f"{reason}. Check the path.",), path)
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        return Item(name, "", refuse, ("It is not a file.",), path)
    stamp = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"
    return Item(name, stamp, read_file, (os.fspath(path),), path)


def _list(path: Path) -> Iterator[Item]:
    """Yield what a list names: a path or an address a line, or between null characters."""
    with path.open("rb") as file:
        by_null = b"\0" in file.read(2**20)
    with path.open("rb") as file:
        for raw in _pieces(file) if by_null else file:
            line = raw if by_null else raw.removeprefix(b"\xef\xbb\xbf").strip()
            if line and (by_null or not line.startswith(b"#")):
                yield _named(os.fsdecode(line), path.parent)


def _pieces(file: io.BufferedReader) -> Iterator[bytes]:
    rest = b""
    while block := file.read(2**16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    yield rest


def _named(text: str, folder: Path) -> Item:
    if text.lower().startswith(ADDRESS):
        return Item(text, "address", fetch, (text,))
    if len(os.fsencode(text)) > MOST_NAME:
        return Item(text[:MOST_NAME], "", refuse, ("No file can have such a name.",))
    return _of_file(text, folder / text)
