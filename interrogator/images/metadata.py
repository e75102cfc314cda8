"""The tags of a TIFF, and of EXIF, which is built alike, read within limits.

Pillow reads a whole directory as soon as it is asked for one tag: a file of a few megabytes may
list 65,535 entries that each claim all of it. Here an entry's values are read when they are needed,
and Pillow is given files whose directories have been cut down to what decoding needs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

MAX_VALUES = 1_000_000  # of one tag; strips of one row in the tallest picture are fewer

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
         16: 8, 17: 8, 18: 8}  # fmt: skip
FORMATS = {3: "H", 4: "I", 16: "Q"}


class Tag(IntEnum):
    """The tags that are looked at, by their numbers (TIFF 6.0, Adobe 1992)."""

    SUBFILE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    COUNTS = 279
    MAX_VALUE = 281
    PLANAR = 284
    PREDICTOR = 317
    COLOUR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_COUNTS = 325
    EXTRA = 338
    SAMPLE_FORMAT = 339
    ICC = 34675


# What decoding needs; all else (notes, previews, directories in directories) is left out.
NEEDED = {*Tag} - {Tag.SUBFILE, Tag.ORIENTATION, Tag.MAX_VALUE} | {
    266, 278, 292, 293, 332, 347, 529, 530, 532  # order of bits, rows, options, JPEG tables, YCbCr
}  # fmt: skip
# Of the tags that may have many; the others describe a pixel or a row.
MOST_VALUES = dict.fromkeys(
    (Tag.OFFSETS, Tag.COUNTS, Tag.TILE_OFFSETS, Tag.TILE_COUNTS, Tag.ICC, 347), MAX_VALUES
)
Entry = tuple[int, int, bytes]  # type, count, the last field: the values or where they are


@dataclass(frozen=True)
class Directory:
    """The first directory of a TIFF, or of an EXIF block, which is built alike.

    Attributes:
        data: The whole file.
        order: "<" or ">", the order of bytes.
        big: Whether it is a BigTIFF, whose places have 8 bytes.
        entries: Tag → entry.
    """

    data: bytes
    order: str
    big: bool
    entries: dict[int, Entry]

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return a tag's whole numbers; the default where it is absent or of another type."""
        kind, count, _ = self.entries.get(tag, (0, 0, b""))
        if kind not in FORMATS or not 0 < count <= MAX_VALUES:
            return default
        return struct.unpack(f"{self.order}{count}{FORMATS[kind]}", self.raw(tag))

    def value(self, tag: int, default: int) -> int:
        """Return the first whole number of a tag."""
        return self.values(tag, (default,))[0]

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a tag's values.

        Raises:
            ValueError: The file ends before them.
        """
        kind, count, field = self.entries.get(tag, (1, 0, b""))
        size = SIZES.get(kind, 1) * count
        if size <= len(field):
            return field[:size]
        (place,) = struct.unpack(self.order + ("Q" if self.big else "I"), field)
        if place + size > len(self.data):
            raise ValueError("a tag's values lie behind the end of the file")
        return self.data[place : place + size]

    def is_sound(self, tag: int) -> bool:
        """Tell whether a tag has no more values than it may, and the file has all of them."""
        try:
            return len(self.raw(tag)) <= SIZES[16] * MOST_VALUES.get(tag, 4096)
        except ValueError:
            return False

    def with_entries(self, changed: dict[int, int | Entry]) -> bytes:
        """Return the file with a directory of `changed` and of what decoding needs, no more."""
        sound = filter(self.is_sound, NEEDED & self.entries.keys() - changed.keys())
        kept: dict[int, Entry] = {tag: self.entries[tag] for tag in sound}
        place = "Q" if self.big else "I"
        for tag, new in changed.items():
            kept[tag] = new if isinstance(new, tuple) else (
                4, 1, struct.pack(self.order + "I", new).ljust(8 if self.big else 4, b"\0")
            )  # fmt: skip
        entries = b"".join(
            struct.pack(f"{self.order}HH{place}", tag, kind, count) + field
            for tag, (kind, count, field) in sorted(kept.items())
        )
        length = struct.pack(self.order + ("Q" if self.big else "H"), len(kept))
        data = self.data + bytes(len(self.data) % 2)
        start = struct.pack(self.order + place, len(data))
        header = data[: 8 if self.big else 4] + start
        return header + data[len(header) :] + length + entries + bytes(len(start))


def directory(data: bytes) -> Directory | None:
    """Return the first directory of a TIFF file or EXIF block; None where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    magic = struct.unpack(order + "H", data[2:4])[0]
    if magic not in (42, 43) or (magic == 43 and len(data) < 16):
        return None
    big = magic == 43
    place = struct.unpack(order + ("Q" if big else "I"), data[8:16] if big else data[4:8])[0]
    head, entry, unit = (8, "HHQ8s", 20) if big else (2, "HHI4s", 12)
    if place + head > len(data):
        return None
    count = min(struct.unpack_from(order + ("Q" if big else "H"), data, place)[0], 65_535)
    count = min(count, (len(data) - place - head) // unit)
    fields = (
        struct.unpack_from(order + entry, data, place + head + unit * n) for n in range(count)
    )
    return Directory(data, order, big, {tag: tuple(rest) for tag, *rest in fields})


def orientation(exif: bytes, default: int = 1) -> int:
    """Return 1 to 8, how the camera was held, from an EXIF block, or else the default."""
    found = directory(exif.removeprefix(b"Exif\0\0"))
    try:
        value = found.value(Tag.ORIENTATION, default) if found else default
    except ValueError:
        return default
    return value if 1 <= value <= 8 else default


def claimed(data: bytes) -> int:
    """Return how many bytes the entries of an EXIF block claim in all, however they overlap."""
    found = directory(data)
    return sum(SIZES.get(k, 1) * n for k, n, _ in found.entries.values()) if found else 0
