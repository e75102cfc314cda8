"""The writer: a text file for each picture, as trainers read them; tables of all of them.

Every file is written beside its place and moved there: who looks sees the old one or the new one,
whole. Pictures themselves are never opened for writing.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from interrogator.batch.manifest import Manifest, PlannedFile, Row
from interrogator.batch.pictures.items import Item
from interrogator.batch.pictures.sources import PICTURES
from interrogator.errors import InterrogatorError

TABLES = {"csv": "prompts.csv", "jsonl": "prompts.jsonl", "parquet": "prompts.parquet"}
FORMATS = ("txt", "copies", *TABLES)
TEXTS = ("prompt", "caption", "phrases", "negative_prompt")
EXISTING = ("keep", "append", "overwrite")
COLUMNS = (
    "path", "sha256", "error", "prompt", "target", "written", "negative_prompt", "caption", "mode",
    "similarity", "tokens", "token_limit", "phrases", "notes",
)  # fmt: skip
PARQUET_ROWS = 1000  # in one group
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Sidecars:
    """How a picture's text file is written: sky.txt for sky.jpg, as kohya and OneTrainer read it.

    Attributes:
        place: The folder in which they lie as their pictures do in the source.
        beside: Whether they lie beside the pictures instead.
        extension: In place of the picture's.
        text: What is written, one of `TEXTS`; "phrases" is the prompt without its caption.
        target: Whose form the prompt has there, a key of `targets.TARGETS`; "": as it is.
        prefix, suffix: Written before and behind it as they are.
        trigger: Words that stand first, and a comma behind them.
        existing: What becomes of a text that somebody else wrote there: it is kept, ours is
            appended behind a comma, or it is overwritten.

    Raises:
        InterrogatorError: The extension is none, or a picture's.
    """

    place: Path
    beside: bool = False
    extension: str = ".txt"
    text: str = "prompt"
    target: str = ""
    prefix: str = ""
    suffix: str = ""
    trigger: str = ""
    existing: str = "keep"

    def __post_init__(self) -> None:
        plain = self.extension[1:].replace("-", "").replace("_", "").isalnum()
        if self.extension[:1] != "." or not plain or self.extension.lower() in PICTURES:
            raise InterrogatorError(
                f"--extension is that of a text file, such as .txt or .caption, not "
                f"{self.extension!r}."
            )

    @property
    def style(self) -> str:
        """A hash of all that makes a difference to the contents."""
        parts = (self.text, self.target, self.prefix, self.suffix, self.trigger, self.existing)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def content(self, row: Row) -> bytes:
        """Return what is written of a result."""
        text = row.get(self.text) or ""
        if self.text == "prompt":
            text = written_for(self.target, row)
        if self.text == "phrases":
            text = ", ".join(phrase["text"] for phrase in row["phrases"])
        first = f"{self.trigger}, " if self.trigger else ""
        return f"{self.prefix}{first}{text}{self.suffix}\n".encode()

    def path(self, item: Item) -> Path:
        """Return where an item's file lies.

        Raises:
            InterrogatorError: It should lie beside a picture that is in an archive.
        """
        if not self.beside:
            stem = os.path.splitext(inner_path(item.name))[0]  # noqa: PTH122  (as trainers do)
            return self.place / (stem + self.extension)
        if item.path is None:
            raise InterrogatorError(
                "Only pictures that are files have room for a text beside them."
            )
        return Path(os.path.splitext(item.path)[0] + self.extension)  # noqa: PTH122

    def plan(
        self, item: Item, key: str, row: Callable[[], Row], manifest: Manifest
    ) -> PlannedFile | None:
        """Return the file that is to be written, or None where it is there or stays as it is.

        Raises:
            InterrogatorError: The file is another picture's too, or cannot be read.
        """
        path = self.path(item)
        known = manifest.file(path)
        if known and known[0].name != item.name and manifest.in_this_run(known[0].name):
            raise shared_name(path)
        as_is = known and known[1] and known[0].is_of(item.name, key, self.style)
        if known and as_is and size_of(path) == len(known[0].data):
            return None
        result = row()
        if "error" in result:
            return None
        there = contents(path)
        ours = known is not None and there in (known[0].data, None)
        base = known[0].base if known and ours else there
        if base is not None and self.existing == "keep":
            return None
        data = self.content(result)
        if base is not None and self.existing == "append":
            data = base.rstrip() + b", " + data if base.strip() else data
        return PlannedFile(path, item.name, key, self.style, base, data)


def shared_name(path: Path) -> InterrogatorError:
    """Return the sentence on a file that two pictures would have."""
    return InterrogatorError(
        f"{path.name} is already the text of another picture, which is called alike but for its "
        "ending. Rename one of them."
    )


def written_for(target: str, row: Row) -> str:
    """Return the prompt of a result in a target's form; without one, as it is."""
    return row["written"].get(target, row["prompt"])


def inner_path(name: str) -> str:
    """Return a relative path that stays inside whatever folder it is put in."""
    parts = name.replace("://", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "_"


def size_of(path: Path) -> int | None:
    """Return how many bytes a file has; None where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def contents(path: Path) -> bytes | None:
    """Return a file's bytes; None where there is none.

    Raises:
        InterrogatorError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InterrogatorError(f"{path.name}: {error.strerror}.") from error


def write_file(file: PlannedFile) -> str | None:
    """Write a file as it is planned; return a sentence where that is not allowed.

    Raises:
        OSError: There is no space left.
    """
    return place_bytes(file.path, file.data)


def place_bytes(path: Path, data: bytes) -> str | None:
    """Let a file have these bytes; return a sentence where that is not allowed.

    Raises:
        OSError: There is no space left.
    """
    try:
        if size_of(path) == len(data) and contents(path) == data:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        mark = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        partial = path.with_name(f".interrogator-{mark}.partial")  # the same each time
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
    except InterrogatorError as error:
        return str(error)
    except OSError as error:
        if error.errno in FULL:
            raise
        return f"{path.name} cannot be written: {error.strerror or error}."
    return None


# Tables


def write_tables(
    manifest: Manifest, place: Path, formats: tuple[str, ...], target: str = ""
) -> list[Path]:
    """Write the tables of all that this run has seen, each at once; return their paths.

    Args:
        manifest: Knows the rows.
        place: The folder that they go to.
        formats: Those of `TABLES` are written.
        target: As the sidecars'.

    Raises:
        OSError: A table cannot be written; the old one is still there.
    """
    paths = [place / TABLES[name] for name in formats if name in TABLES]
    with ExitStack() as stack:
        adders = [stack.enter_context(_WRITERS[path.suffix](path)) for path in paths]
        for name, content, row, trouble in manifest.rows():
            shown = Item(name, "", bytes, ()).shown
            whole = {"path": shown, "sha256": content or None, **row}
            if "prompt" in row:
                whole["target"] = target
            if trouble:
                whole["error"] = trouble
            for add in adders:
                add(whole)
    return paths


@contextmanager
def _moved(path: Path) -> Iterator[Path]:
    """Give the path of a file beside, which takes the place of this one when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _plain(row: Row) -> Row:
    """Return the columns of a result."""
    return {
        **{name: row.get(name) for name in COLUMNS},
        "written": written_for(row["target"], row) if "prompt" in row else None,
        "phrases": [phrase["text"] for phrase in row.get("phrases", ())],
        "notes": list(row.get("notes", ())),
    }


@contextmanager
def _json_lines(path: Path) -> Iterator[Callable[[Row], None]]:
    with _moved(path) as partial, _text(partial) as file:
        yield lambda row: print(json.dumps(row, ensure_ascii=False), file=file)


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[Row], None]]:
    with _moved(path) as partial, _text(partial) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()

        def add(row: Row) -> None:
            plain = _plain(row)
            lists = {name: "; ".join(plain[name]) for name in ("phrases", "notes")}
            writer.writerow({**plain, **lists})

        yield add


def _text(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[Row], None]]:
    import pyarrow as pa
    from pyarrow import parquet

    kinds: dict[str, Any] = dict.fromkeys(COLUMNS, pa.string())
    kinds |= {"similarity": pa.float64(), "tokens": pa.int32(), "token_limit": pa.int32()}
    kinds |= dict.fromkeys(("phrases", "notes"), pa.list_(pa.string()))
    schema, rows = pa.schema(kinds), list[Row]()
    with _moved(path) as partial, parquet.ParquetWriter(partial, schema) as writer:

        def flush() -> None:
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows.clear()

        def add(row: Row) -> None:
            rows.append(_plain(row))
            if len(rows) == PARQUET_ROWS:
                flush()

        yield add
        flush()


_WRITERS = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
