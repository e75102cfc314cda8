"""The kinds of TIFF that Pillow misreads or refuses → an 8-bit picture, or the kind's name.

Pillow reads 8-bit channels well. It garbles planes of 16 bits, shows min-is-white 16-bit pictures
inverted and 12 bits in 16 nearly black, and knows no RGB of floating-point numbers. Such files are
given to it as 8-bit grey whose "pixels" are the samples' bytes: it unpacks them, whatever the
compression, and NumPy puts the samples together.
The tags: TIFF 6.0, Adobe 1992.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from interrogator.errors import InterrogatorError
from interrogator.images.metadata import SIZES, Directory, Entry, Tag, directory

MAX_SAMPLE_BYTES = 120_000_000  # of all samples, unpacked
MAX_MISSING_VALUES = 3  # that stand for "no data" at either end of the range
NEARLY_BLACK = "Its brightest value is {:,} of 65,535: it is read as nearly black."
DEPTHS = (10, 12, 14)  # bits of sensors, whose values are kept in 16

LOSSLESS = {1, 5, 8, 32773, 32946, 34925, 50000}  # compressions of bytes, not of pictures
COLOURS = {0: 1, 1: 1, 2: 3, 5: 4}  # photometric interpretation → channels of colour
KINDS = {1: "whole numbers", 2: "signed whole numbers", 3: "floating-point numbers"}


class _Samples(TiffImagePlugin.TiffImageFile):
    """Bytes of samples as pixels of grey: they were counted, and may be more than pixels may."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size).im
        ImageFile.ImageFile.load_prepare(self)


def is_raw_photo(tags: Directory) -> bool:
    """Tell whether a camera's raw data is meant: what stands first is a small preview of it."""
    cut = tags.data[8:10] == b"CR" or 50706 in tags.entries  # Canon's mark; DNG's version
    return bool(cut or tags.value(Tag.SUBFILE, 0) & 1 or tags.value(Tag.PHOTOMETRIC, 0) == 32803)


def is_plain(tags: Directory) -> bool:
    """Tell whether Pillow reads such a file right: up to 8 bits, unsigned, one depth for all."""
    bits = tags.values(Tag.BITS, (1,))
    return max(bits) <= 8 and set(tags.values(Tag.SAMPLE_FORMAT, (1,))) <= {1, 4}


def size(tags: Directory) -> tuple[int, int]:
    """Return width and height in pixels."""
    return tags.value(Tag.WIDTH, 0), tags.value(Tag.HEIGHT, 0)


def deep_picture(tags: Directory) -> tuple[Image.Image, tuple[str, ...]]:
    """Return an 8-bit picture of what is not plain, and notes on how its values were read.

    Raises:
        InterrogatorError: Its kind is not read; the sentence names it.
        ValueError, OSError, struct.error: It is damaged.
    """
    channels, bits, kind = _checked(tags)
    samples = _samples(tags, channels, bits, kind)  # [h, w, channels]
    photometric = tags.value(Tag.PHOTOMETRIC, 1)
    colours = COLOURS[photometric]
    extra = tags.values(Tag.EXTRA)[:1]  # 1: premultiplied, 2: not
    alpha = channels > colours and extra in ((1,), (2,))
    values, notes = _eight_bits(samples[..., : colours + alpha], tags, bits, kind, colours)
    if photometric == 0:
        values[..., 0] = 255 - values[..., 0]
    if colours == 4:
        return Image.frombytes("CMYK", size(tags), values[..., :4].tobytes()), notes
    if colours == 1 and not alpha:
        return Image.fromarray(values[..., 0]), notes
    if colours == 1:
        values = np.concatenate([np.repeat(values[..., :1], 3, -1), values[..., 1:]], -1)
    picture = Image.fromarray(values)
    if alpha and extra == (1,):  # the same bytes under the name of premultiplied colours
        picture = Image.frombytes("RGBa", picture.size, picture.tobytes())
    return picture, notes


def describe(tags: Directory) -> str:
    """Return what a TIFF keeps, in words: "3 planes of 32-bit floating-point numbers"."""
    channels, bits = tags.value(Tag.SAMPLES, 1), tags.values(Tag.BITS, (1,))[0]
    numbers = KINDS.get(tags.value(Tag.SAMPLE_FORMAT, 1), "numbers of another kind")
    packed = tags.value(Tag.COMPRESSION, 1)
    how = "" if packed == 1 else f", compression {packed}"
    unit = "channel" if tags.value(Tag.PLANAR, 1) == 1 else "plane"
    return f"{channels} {unit}{'s' * (channels != 1)} of {bits}-bit {numbers}{how}"


def unread(tags: Directory) -> InterrogatorError:
    """Return the sentence that names a kind of TIFF that is not read."""
    return InterrogatorError(
        f"The TIFF keeps {describe(tags)} (photometric {tags.value(Tag.PHOTOMETRIC, 0)}), which is "
        "not read. Save it as RGB with 8 or 16 bits a channel, or as PNG."
    )


def unread_kind(data: bytes) -> InterrogatorError | None:
    """Return the sentence on a file that Pillow could not open; None where its tags are damaged."""
    tags = directory(data)
    try:
        return unread(tags) if tags else None
    except ValueError:
        return None


def _checked(tags: Directory) -> tuple[int, int, int]:
    """Return channels, bits of each and the kind of their numbers, where they are read here."""
    bits = tags.values(Tag.BITS, (1,))
    kinds = tags.values(Tag.SAMPLE_FORMAT, (1,))
    channels, photometric = tags.value(Tag.SAMPLES, 1), tags.value(Tag.PHOTOMETRIC, 1)
    known = {1: (12, 16, 32), 2: (8, 16, 32), 3: (16, 32, 64)}.get(kinds[0], ())
    width, height = size(tags)
    fits = (
        bits[0] in known
        and len({*bits}) == len({*kinds}) == 1
        and COLOURS.get(photometric, 99) <= channels <= 8
        and tags.value(Tag.COMPRESSION, 1) in LOSSLESS
        and tags.value(Tag.PREDICTOR, 1) in ((1, 2) if kinds[0] != 3 else (1, 2, 3))
        and not (
            bits[0] == 12 and (tags.value(Tag.PREDICTOR, 1) > 1 or Tag.TILE_WIDTH in tags.entries)
        )
    )
    if not fits:
        raise unread(tags)
    if width * height * channels * bits[0] // 8 > MAX_SAMPLE_BYTES:
        raise InterrogatorError(
            f"The TIFF is too large: {width:,} × {height:,} pixels with {describe(tags)} unpack to "
            f"over {MAX_SAMPLE_BYTES // 10**6} MB. Save it with 8 bits a channel or smaller."
        )
    return channels, bits[0], kinds[0]


def _samples(tags: Directory, channels: int, bits: int, kind: int) -> NDArray[Any]:
    """Return all samples, [h, w, channels], in their own type."""
    if tags.value(Tag.PLANAR, 1) == 1:
        return _plane(tags, channels, bits, kind, {})
    offsets, counts = (
        (Tag.TILE_OFFSETS, Tag.TILE_COUNTS)
        if Tag.TILE_WIDTH in tags.entries
        else (Tag.OFFSETS, Tag.COUNTS)
    )
    planes = [
        _plane(
            tags, 1, bits, kind, {t: _share(tags, t, plane, channels) for t in (offsets, counts)}
        )
        for plane in range(channels)
    ]
    return np.concatenate(planes, axis=-1)


def _share(tags: Directory, tag: int, plane: int, planes: int) -> Entry:
    """Return the entry for one plane's part of a tag that lists all planes' strips or tiles."""
    kind, count, field = tags.entries[tag]
    count //= planes
    unit, skip = SIZES.get(kind, 1), plane * count * SIZES.get(kind, 1)
    place = "Q" if tags.big else "I"
    if unit * count <= len(field):
        return kind, count, tags.raw(tag)[skip : skip + unit * count].ljust(len(field), b"\0")
    (start,) = struct.unpack(tags.order + place, field)
    return kind, count, struct.pack(tags.order + place, start + skip)


def _plane(
    tags: Directory, channels: int, bits: int, kind: int, strips: dict[int, Entry]
) -> NDArray[Any]:
    """Return samples that lie side by side, [h, w, channels]: Pillow unpacks, NumPy reads."""
    width, height = size(tags)
    row = -(-width * channels * bits // 8)  # bytes
    changed: dict[int, int | Entry] = {
        **strips,
        **dict.fromkeys((Tag.SAMPLES, Tag.PHOTOMETRIC, Tag.PLANAR, Tag.PREDICTOR), 1),
        Tag.SAMPLE_FORMAT: 1,
        Tag.WIDTH: row,
        Tag.BITS: 8,
    }
    tile = tags.value(Tag.TILE_WIDTH, width)
    if Tag.TILE_WIDTH in tags.entries:
        changed[Tag.TILE_WIDTH] = tile * channels * bits // 8
    entries = {
        t: e for t, e in tags.entries.items() if t not in (Tag.EXTRA, Tag.COLOUR_MAP, Tag.ICC)
    }
    file = Directory(tags.data, tags.order, tags.big, entries).with_entries(changed)
    with _Samples(io.BytesIO(file)) as picture:
        packed = np.array(picture, dtype=np.uint8)  # [h, row]
    if bits == 12:
        return _from_twelve(packed, width * channels).reshape(height, width, channels)
    numbers = np.dtype(f"{tags.order}{'uif'[kind - 1]}{bits // 8}")
    predictor = tags.value(Tag.PREDICTOR, 1)
    if predictor == 1:
        return packed.view(numbers).reshape(height, width, channels)
    whole = np.empty((height, width, channels), numbers.newbyteorder("="))
    for start in range(0, width, tile):  # each row of a tile was predicted by itself
        end = min(start + tile, width)
        part = packed[:, start * channels * bits // 8 : end * channels * bits // 8]
        whole[:, start:end] = _summed(part, end - start, tile, channels, numbers, predictor)
    return whole


def _summed(
    part: NDArray[np.uint8], width: int, tile: int, channels: int, numbers: np.dtype[Any], by: int
) -> NDArray[Any]:
    """Undo a predictor: each sample was kept as its difference from its left neighbour."""
    height, size = len(part), numbers.itemsize
    if by == 2:
        words = np.dtype(f"{numbers.byteorder}u{size}")
        steps = np.ascontiguousarray(part).view(words).astype(words.newbyteorder("="))
        summed = np.cumsum(steps.reshape(height, width, channels), axis=1, dtype=steps.dtype)
        return summed.view(numbers.newbyteorder("="))
    if width != tile:  # the bytes of a row are sorted over the whole tile, of which a part is cut
        raise ValueError("an incomplete tile")
    steps = part.reshape(height, -1, channels)
    flat = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(height, size, width * channels)
    ordered = np.ascontiguousarray(flat.transpose(0, 2, 1))  # the highest byte comes first
    return ordered.view(np.dtype(f">f{size}")).reshape(height, width, channels)


def _from_twelve(packed: NDArray[np.uint8], count: int) -> NDArray[np.uint16]:
    """Return numbers of 12 bits, of which two lie in three bytes, [h, count]."""
    padded = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 3))).astype(np.uint16)
    first, middle, last = padded[:, ::3], padded[:, 1::3], padded[:, 2::3]
    pairs = np.stack([first << 4 | middle >> 4, (middle & 15) << 8 | last], -1)
    return pairs.reshape(len(packed), -1)[:, :count]


def _eight_bits(
    samples: NDArray[Any], tags: Directory, bits: int, kind: int, colours: int
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return samples as 8 bits, and notes on what black and white were taken to be."""
    if kind == 1 and bits <= 16:
        most = int(samples[..., :colours].max())
        full, notes = _full_scale(most, tags.value(Tag.MAX_VALUE, 0), bits)
        table = np.minimum(np.arange(2**16) * (255 / full) + 0.5, 255).astype(np.uint8)
        scaled = np.empty(samples.shape, np.uint8)
        for row in range(0, len(samples), 256):  # NumPy writes each index out in eight bytes
            scaled[row : row + 256] = table[samples[row : row + 256]]
        if samples.shape[-1] > colours:  # how opaque it is has its own scale
            scaled[..., colours:] = samples[..., colours:] >> (bits - 8)
        return scaled, notes
    values = samples.astype(np.float32)
    low, high, notes = _range(values, colours)
    with np.errstate(over="ignore", invalid="ignore"):  # those that stand for missing values
        values -= low
        values *= 255 / ((high - low) or 1.0)
    return np.clip(np.nan_to_num(values) + 0.5, 0, 255).astype(np.uint8), notes


def _full_scale(most: int, stated: int, bits: int) -> tuple[int, tuple[str, ...]]:
    """Return which value is white, from the greatest one and from what the file states."""
    whole = 2**bits - 1
    if most <= stated < whole and stated:
        return stated, ()
    if most < 2 ** (DEPTHS[0] - 1) and most > 0 and bits == 16:
        return whole, (NEARLY_BLACK.format(most),)
    depth = next((d for d in DEPTHS if most < 2**d), bits)
    if bits != 16 or not most or depth == bits:
        return whole, ()
    note = f"Its values fill {depth} of 16 bits and are read as such: {2**depth - 1:,} is white."
    return 2**depth - 1, (note,)


def _range(values: NDArray[np.float32], colours: int) -> tuple[float, float, tuple[str, ...]]:
    """Return which values are black and white, without those that stand for missing ones."""
    finite = values[..., :colours][np.isfinite(values[..., :colours])]
    if not finite.size:
        raise ValueError("no value is a number")
    notes: tuple[str, ...] = ()
    for sign in (1, -1):
        for _ in range(MAX_MISSING_VALUES):
            ends = float(finite.min() if sign == 1 else finite.max())
            rest = finite[finite != ends]
            low, high = (float(rest.min()), float(rest.max())) if rest.size else (0.0, 0.0)
            gap = low - ends if sign == 1 else ends - high
            if not high > low or gap <= 10 * (high - low):
                break
            finite, notes = rest, (*notes, f"Its value {ends:g} is taken to mean “no data”.")
    low, high = float(finite.min()), float(finite.max())
    if low >= 0 and high <= 1 and (colours > 1 or low == high):  # as colours are meant
        return 0.0, 1.0, notes
    if (low, high) == (0.0, 1.0):
        return low, high, notes
    return low, high, (*notes, f"Its values are read with {low:g} as black and {high:g} as white.")
