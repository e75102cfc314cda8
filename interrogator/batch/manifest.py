"""The manifest: what is done, in one SQLite file beside the results; it alone decides.

A result has a key: the picture's contents, the options and the models. So a renamed picture is
not done twice, and one with other options is done anew. What a chunk of pictures brought is
committed at once and synced to disk, and with it every file that is still to be written: after
`kill -9`, at whatever moment, the next run writes those and goes on behind the last chunk.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from interrogator.batch.pictures.items import Item
from interrogator.errors import InterrogatorError

FILE = ".manifest.sqlite"
VERSION = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY, row BLOB NOT NULL, failed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    name BLOB NOT NULL, stamp TEXT NOT NULL, content TEXT NOT NULL, key TEXT NOT NULL,
    run INTEGER NOT NULL, position INTEGER NOT NULL, trouble TEXT, PRIMARY KEY (name, stamp)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS order_of_items ON items (run, position);
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, name BLOB NOT NULL, key TEXT NOT NULL, style TEXT NOT NULL, base BLOB,
    data BLOB NOT NULL, done INTEGER NOT NULL
) WITHOUT ROWID;
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of one item.

    Attributes:
        item: The item.
        position: Its place in the source.
        content: SHA-256 of its bytes; "" where they could not be read.
        key: Of its result.
        row: The result as JSON, {"error": …} if it failed; None where the manifest has it.
        trouble: Why its file cannot be written.
    """

    item: Item
    position: int
    content: str
    key: str
    row: Row | None
    trouble: str | None = None


@dataclass(frozen=True)
class PlannedFile:
    """A file that is to lie somewhere.

    Attributes:
        path: Where.
        name: The item that it belongs to.
        key: Of the result that it is written from.
        style: A hash of how it is written.
        base: What somebody else had written there before, or None.
        data: Its contents.
    """

    path: Path
    name: str
    key: str
    style: str
    base: bytes | None
    data: bytes

    def is_of(self, name: str, key: str, style: str) -> bool:
        """Tell whether it is the file of an item's result in a style."""
        return (self.name, self.key, self.style) == (name, key, style)


class Manifest:
    """The state of one place; used by one process at a time."""

    def __init__(self, place: Path) -> None:
        """Open it, or begin one.

        Raises:
            InterrogatorError: It is in use, damaged, or cannot be written.
        """
        self._mutex = threading.RLock()
        self._lock = FileLock(place / (FILE + ".lock"))
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._base = sqlite3.connect(place / FILE, check_same_thread=False)
            self._base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES)
            with self._base:
                self._base.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (VERSION,))
        except Timeout as error:
            raise InterrogatorError(
                f"Another run writes to {place}. Wait for it, or name another place."
            ) from error
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise InterrogatorError(
                f"{place} cannot be written ({error}), or its {FILE} is damaged. Name another "
                "place, or delete that file to begin anew."
            ) from error
        if self.note("version") != VERSION:
            self.close()
            raise InterrogatorError(f"{place / FILE} is another version's. Name another place.")
        self.run = int(self.note("run") or 0) + 1

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; another process may open it then."""
        with self._mutex:
            self._base.close()
        self._lock.release()

    # What is known

    def note(self, name: str) -> str | None:
        """Return what was noted under a name."""
        found = self._one("SELECT value FROM meta WHERE name = ?", (name,))
        return found[0] if found else None

    def put_note(self, name: str, value: str) -> None:
        """Note something under a name."""
        with self._mutex, self._base:
            self._base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def content_of(self, item: Item) -> str | None:
        """Return the hash of an item's bytes, where they were read since they last changed."""
        if not item.stamp:
            return None
        place = os.fsencode(item.name), item.stamp
        found = self._one("SELECT content FROM items WHERE name = ? AND stamp = ?", place)
        return found[0] if found else None

    def state(self, key: str) -> bool | None:
        """Return whether a result failed, or None where there is none."""
        found = self._one("SELECT failed FROM results WHERE key = ?", (key,))
        return bool(found[0]) if found else None

    def row(self, key: str) -> Row:
        """Return a result.

        Raises:
            KeyError: There is none.
        """
        found = self._one("SELECT row FROM results WHERE key = ?", (key,))
        if found is None:
            raise KeyError(key)
        return _unpacked(found[0])

    def rows(self) -> Iterator[tuple[str, str, Row, str | None]]:
        """Yield name, content, result and what went wrong with its file, of all of this run."""
        with self._mutex:
            cursor = self._base.execute(
                "SELECT name, content, row, trouble FROM items JOIN results USING (key) "
                "WHERE run = ? ORDER BY position", (self.run,)
            )  # fmt: skip
        for name, content, row, trouble in cursor:
            yield os.fsdecode(name), content, _unpacked(row), trouble

    def count(self) -> tuple[int, int]:
        """Return how many items this run has seen, and how many of them failed."""
        found = self._one(
            "SELECT count(*), coalesce(sum(failed OR trouble IS NOT NULL), 0) FROM items "
            "JOIN results USING (key) WHERE run = ?", (self.run,)
        )  # fmt: skip
        return int(found[0]), int(found[1])

    # What is added

    def commit(self, outcomes: Iterable[Outcome], files: Iterable[PlannedFile] = ()) -> None:
        """Keep what became of some items, and what is to be written, at once and for good."""
        with self._mutex, self._base:
            self._base.execute("INSERT OR REPLACE INTO meta VALUES ('run', ?)", (str(self.run),))
            for outcome in outcomes:
                if outcome.row is not None:
                    packed = zlib.compress(json.dumps(outcome.row).encode())
                    self._base.execute(
                        "INSERT INTO results VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                        "row = excluded.row, failed = excluded.failed WHERE failed",
                        (outcome.key, packed, "error" in outcome.row),
                    )
                self._base.execute(
                    "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        os.fsencode(outcome.item.name), outcome.item.stamp, outcome.content,
                        outcome.key, self.run, outcome.position, outcome.trouble,
                    ),
                )  # fmt: skip
            for file in files:
                self._base.execute(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, 0)",
                    (
                        os.fsencode(file.path), os.fsencode(file.name), file.key, file.style,
                        file.base, file.data,
                    ),
                )  # fmt: skip

    # Files

    def file(self, path: Path) -> tuple[PlannedFile, bool] | None:
        """Return what is to lie at a path, and whether it was written."""
        found = self._one(
            "SELECT name, key, style, base, data, done FROM files WHERE path = ?",
            (os.fsencode(path),),
        )
        if found is None:
            return None
        name, key, style, base, data, done = found
        return PlannedFile(path, os.fsdecode(name), key, style, base, data), bool(done)

    def in_this_run(self, name: str) -> bool:
        """Tell whether an item was seen in this run."""
        query = "SELECT 1 FROM items WHERE name = ? AND run = ?"
        return self._one(query, (os.fsencode(name), self.run)) is not None

    def unwritten(self) -> list[PlannedFile]:
        """Return the files that are to be written yet."""
        with self._mutex:
            found = self._base.execute(
                "SELECT path, name, key, style, base, data FROM files WHERE NOT done"
            ).fetchall()
        return [
            PlannedFile(Path(os.fsdecode(path)), os.fsdecode(name), key, style, base, data)
            for path, name, key, style, base, data in found
        ]

    def written(self, outcomes: Iterable[tuple[PlannedFile, str | None]]) -> None:
        """Keep that files lie in their places, or what sentence says why not."""
        with self._mutex, self._base:
            for file, trouble in outcomes:
                self._base.execute(
                    "UPDATE files SET done = ? WHERE path = ?",
                    (trouble is None, os.fsencode(file.path)),
                )
                if trouble:
                    self._add_trouble(file.name, trouble)

    def copied(self, outcomes: Iterable[tuple[Item, PlannedFile | None, str | None]]) -> None:
        """Keep that copies of items lie in their places, or what sentences say why not."""
        with self._mutex, self._base:
            for item, file, trouble in outcomes:
                if file:
                    self._base.execute(
                        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, NULL, ?, 1)",
                        (
                            os.fsencode(file.path), os.fsencode(file.name), file.key, file.style,
                            file.data,
                        ),
                    )  # fmt: skip
                if trouble:
                    self._add_trouble(item.name, trouble)

    def _add_trouble(self, name: str, sentence: str) -> None:
        """Add to what went wrong with an item's files."""
        self._base.execute(
            "UPDATE items SET trouble = coalesce(trouble || ' ', '') || ? "
            "WHERE name = ? AND run = ?", (sentence, os.fsencode(name), self.run),
        )  # fmt: skip

    def _one(self, query: str, values: tuple[Any, ...]) -> Any:  # noqa: ANN401
        with self._mutex:
            return self._base.execute(query, values).fetchone()


def _unpacked(packed: bytes) -> Row:
    return json.loads(zlib.decompress(packed))
