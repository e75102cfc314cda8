"""Items: where a picture's bytes are, and how they are read there; archives and data sets → items.

An item says in which file and where in it its bytes are, so that whoever gets it, on whatever
machine, can read them alone; only a packed tar, which is read forwards, hands them over.
"""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.images import sources
from interrogator.images.decode import MAX_BYTES

NAME_COLUMNS = ("path", "file_name", "filename", "name", "__key__", "key", "id", "url")
BYTES_COLUMNS = ("image", "picture", "bytes", "jpg", "png", "webp")
ADDRESS_COLUMNS = ("url", "URL", "image_url")

Wanted = Callable[[str], bool]


@dataclass(frozen=True)
class Item:
    """One picture of a source, not read yet.

    Attributes:
        name: What it is called there, a path with slashes; bytes that are no UTF-8 are surrogates,
            as `os.fsdecode` has them.
        stamp: Changes when its contents may have; what has the same is not read again. "" for what
            cannot be read. Name and stamp together are unique.
        get: Returns its bytes, given `where`; a function of a module, so that it can be sent.
        where: What it needs for that.
        path: The picture's own file, where it is one.
    """

    name: str
    stamp: str
    get: Callable[..., bytes]
    where: tuple[Any, ...]
    path: Path | None = None

    @property
    def shown(self) -> str:
        """The name as it can be written anywhere: bytes that are no UTF-8 by their numbers."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            InterrogatorError: It cannot be read, or is too large; in a sentence.
        """
        try:
            return self.get(*self.where)
        except InterrogatorError:
            raise
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise InterrogatorError(f"{reason}. Check the file and its permissions.") from error
        except Exception as error:  # archives raise whatever their bytes lead them to
            raise InterrogatorError(
                "It cannot be read: its archive is damaged or encrypted."
            ) from error


def refuse(sentence: str) -> bytes:
    """Take the place of what reads, for what is known to be unreadable."""
    raise InterrogatorError(sentence)


def read_file(path: str) -> bytes:
    """Return a file's bytes, up to what is read."""
    with Path(path).open("rb") as file:
        return _limited(file)


def fetch(address: str) -> bytes:
    """Return the bytes at an address on the public network."""
    with tempfile.TemporaryDirectory(prefix="interrogator-") as folder:
        return asyncio.run(sources.fetch(address, Path(folder))).read_bytes()


def _limited(file: Any) -> bytes:  # noqa: ANN401  (files and members of archives)
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InterrogatorError(
            f"The file has over {MAX_BYTES // 2**20} MB; no more are read. "
            "Save it smaller or as JPEG."
        )
    return data


def _mark(path: Path) -> str:
    found = path.stat()
    return f"{path.name}-{found.st_size}-{found.st_mtime_ns}"


def damaged(path: Path) -> InterrogatorError:
    """Return the sentence on an archive that cannot be opened."""
    return InterrogatorError(f"{path.name} is damaged, encrypted or of another kind than it says.")


# Zip


def in_zip(path: Path, wanted: Wanted) -> Iterator[Item]:
    """Yield the pictures of a zip, in its order."""
    mark = _mark(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise damaged(path) from error
    for number, member in enumerate(members):
        if not member.is_dir() and wanted(member.filename):
            stamp = f"{mark}-{number}-{member.CRC:08x}"
            yield Item(member.filename, stamp, read_zip, (os.fspath(path), number))


def read_zip(path: str, number: int) -> bytes:
    """Return the bytes of a zip's member, by its number."""
    archive = _opened_zip(path, Path(path).stat().st_mtime_ns)
    with archive.open(archive.infolist()[number]) as file:
        return _limited(file)


@lru_cache(maxsize=4)
def _opened_zip(path: str, changed: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)  # several threads may read it at a time


def close_zips() -> None:
    """Let go of the zips that were read last; one that is being read is closed afterwards."""
    _opened_zip.cache_clear()


# Tar, as WebDataset has them


def in_tar(path: Path, wanted: Wanted) -> Iterator[Item]:
    """Yield the pictures of a tar; what else there is of a sample is not looked at."""
    mark, plain = _mark(path), path.name.lower().endswith(".tar")
    try:
        with tarfile.open(path, "r:" if plain else "r|*") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # or it keeps them all
                if member.isfile() and wanted(member.name):
                    stamp = f"{mark}-{member.offset}"
                    yield Item(member.name, stamp, *_of_member(path, plain, archive, member))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise damaged(path) from error


def _of_member(
    path: Path, plain: bool, archive: tarfile.TarFile, member: tarfile.TarInfo
) -> tuple[Callable[..., bytes], tuple[Any, ...]]:
    if plain:
        return read_part, (os.fspath(path), member.offset_data, member.size)
    file = archive.extractfile(member)
    assert file is not None  # it is a file
    return _checked, (file.read(MAX_BYTES + 1),)


def _checked(data: bytes) -> bytes:
    return _limited(io.BytesIO(data))


def read_part(path: str, start: int, size: int) -> bytes:
    """Return the bytes of a tar's member."""
    with Path(path).open("rb") as file:
        file.seek(start)
        return _checked(file.read(min(size, MAX_BYTES + 1)))


# Parquet


def in_parquet(path: Path) -> Iterator[Item]:
    """Yield the pictures of a Parquet file, by the column that has their bytes or addresses."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path) from error
    with file:
        names = file.schema_arrow.names
        column = picture_column(file.schema_arrow)
        key = next((name for name in NAME_COLUMNS if name in names and name != column), None)
        mark, row = _mark(path), 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            called = file.read_row_group(group, [key])[0].to_pylist() if key else [None] * count
            for place, name in enumerate(called):
                text = f"{path.stem}/{row:08d}" if name in (None, "") else str(name)
                where = os.fspath(path), column, group, place
                yield Item(text, f"{mark}-{row}", read_parquet, where)
                row += 1


def picture_column(schema: Any) -> str:  # noqa: ANN401  (pyarrow is not typed)
    """Return the column of a Parquet's schema that pictures stand in.

    Raises:
        InterrogatorError: There is none.
    """
    import pyarrow as pa

    def fits(kind: Any) -> bool:  # noqa: ANN401
        if pa.types.is_struct(kind):
            return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    found = [field.name for field in schema if fits(field.type)]
    named = [name for name in BYTES_COLUMNS if name in found]
    addresses = [name for name in ADDRESS_COLUMNS if name in schema.names]
    for choice in (*named, *found, *addresses):
        return choice
    raise InterrogatorError(
        "The Parquet file has no column of pictures: one with their bytes, with a struct of bytes "
        f"and path, or “url” is looked for; it has {', '.join(schema.names)}."
    )


def read_parquet(path: str, column: str, group: int, place: int) -> bytes:
    """Return the bytes of a row's picture."""
    value = _row_group(path, Path(path).stat().st_mtime_ns, column, group)[place].as_py()
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, str):
        return fetch(value)
    if value is None:
        raise InterrogatorError("The row has no picture.")
    return _checked(value)


@lru_cache(maxsize=2)
def _row_group(path: str, changed: int, column: str, group: int) -> Any:  # noqa: ANN401
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return file.read_row_group(group, [column])[0]
