"""Files that are small and claim, unpack to or consist of far more than a picture may."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from benchmarks.picture_files import exif_block, png, png_chunk, saved, tiff, whole_files


def _exif_bomb(size: int) -> bytes:
    return exif_block(20_000, size // 2) + bytes(size)


def _jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    """Return a JPEG with further segments before its own."""
    parts = (bytes((255, code)) + struct.pack(">H", len(s) + 2) + s for code, s in segments)
    return b"\xff\xd8" + b"".join(parts) + whole_files()["jpeg"][2:]


def _gif_with_comment(size: int, block: int) -> bytes:
    data = whole_files()["gif"]
    head = 13 + (3 << (data[10] & 7) + 1)
    comment = (bytes([block]) + b"x" * block) * (size // (block + 1))
    return data[:head] + b"\x21\xfe" + comment + b"\0" + data[head:]


def bmp_runs(width: int, height: int, body: bytes) -> bytes:
    """Return a BMP of 256 black colours whose pixels are packed in runs (RLE8)."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024) + head + (
        bytes(1024) + body
    )  # fmt: skip


def _webp_with(name: bytes, body: bytes) -> bytes:
    part = name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    whole = whole_files()["webp"]
    return b"RIFF" + struct.pack("<I", len(whole) - 8 + len(part)) + whole[8:] + part


def _avif_with_exif_bomb(claims: int) -> bytes:
    exif = Image.Exif()
    for tag in range(0xD000, 0xE800):
        exif[tag] = bytes(16)
    exif[0xFFFF] = bytes(claims)
    whole = saved(Image.new("RGB", (16, 16)), "AVIF", exif=exif)
    return whole.replace(struct.pack(">HI", 1, 16), struct.pack(">HI", 1, claims))


def _jpeg_of(width: int, height: int, **options: object) -> bytes:
    return saved(Image.new("L", (width, height)), "JPEG", quality=30, **options)


def _tiff_directory(entries: int, size: int) -> bytes:
    rows = (struct.pack("<HHII", tag, 7, size, 8) for tag in range(entries))
    body = bytes(size)
    return b"II*\0" + struct.pack("<I", 8 + size) + body + (
        struct.pack("<H", entries) + b"".join(rows) + bytes(4)
    )  # fmt: skip


def _tiff_with_long_tags(values: int) -> bytes:
    """Return a TIFF whose tags all have as many values, which are the same bytes."""
    data = whole_files()["tiff u1"]
    place = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack_from("<H", data, place)[0]
    rows = bytearray(data[place + 2 : place + 2 + 12 * count])
    for start in range(0, len(rows), 12):
        if struct.unpack_from("<H", rows, start)[0] not in (256, 257, 259, 262, 277, 284):
            struct.pack_into("<HII", rows, start + 2, 3, values, 8)
    body = data[8:place] + bytes(2 * values)
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    return head + body + struct.pack("<H", count) + rows + bytes(4)


_EXIF_PARTS = tuple(
    (0xE1, b"Exif\0\0" + _exif_bomb(2**21)[n * 65_000 : (n + 1) * 65_000]) for n in range(35)
)
_SCAN = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"
BOMBS: dict[str, Callable[[], bytes]] = {
    "png of 100 megapixels": lambda: png(10_000, 10_000),
    "png of 49 megapixels, 64 bits each": lambda: png(7_000, 7_000, depth=16, colour=6),
    "png of 2**31 pixels in a row": lambda: png(2**31 - 1, 1)[:10_000],
    "png, text": lambda: png(
        9, 9, *[png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9_000_000), 9))] * 200
    ),
    "png, profile": lambda: png(
        9, 9, png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(500_000_000), 9)), colour=2, depth=8
    ),
    "png, exif": lambda: png(9, 9, png_chunk(b"eXIf", _exif_bomb(20_000_000))),
    "png, empty pieces": lambda: png(9, 9, *[png_chunk(b"IDAT", b"")] * 2_000_000),
    "png cut, large": lambda: png(9_000, 5_500, depth=8)[:-20],
    "jpeg, exif in parts": lambda: _jpeg_with(*_EXIF_PARTS),
    "jpeg, empty segments": lambda: _jpeg_with(*[(0xE5, b"")] * 3_000_000),
    "jpeg, scans": lambda: whole_files()["jpeg"][:-2] + _SCAN * 3_000_000,
    "jpeg of 2**32 pixels": lambda: whole_files()["jpeg"].replace(
        b"\xff\xc0\0\x11\x08\0\x30\0\x30", b"\xff\xc0\0\x11\x08\xff\xff\xff\xff"
    ),
    "jpeg of 200 megapixels": lambda: _jpeg_of(16_300, 12_200),
    "jpeg of 200 megapixels, a strip": lambda: _jpeg_of(65_000, 3_000),
    "jpeg of 64 megapixels, progressive": lambda: _jpeg_of(8_000, 8_000, progressive=True),
    "jpeg of 49 megapixels, progressive": lambda: _jpeg_of(7_000, 7_000, progressive=True),
    "gif, comment": lambda: _gif_with_comment(30_000_000, 255),
    "gif, comment in bytes": lambda: _gif_with_comment(30_000_000, 1),
    "gif, frames": lambda: whole_files()["gif"][:-1] * 2_000,
    "bmp, runs upwards": lambda: bmp_runs(40_000_000, 1, b"\0\2\0\xff" * 5),
    "bmp, many runs": lambda: bmp_runs(4_000, 4_000, b"\1\0" * 10_000_000),
    "bmp, ends of lines": lambda: bmp_runs(65_000, 700, b"\1\0\0\0" * 700),
    "webp, exif": lambda: _webp_with(b"EXIF", _exif_bomb(20_000_000)),
    "webp of 49 megapixels": lambda: saved(Image.new("RGB", (7_000, 7_000)), "WEBP", method=0),
    "webp of 49 megapixels, clear": lambda: saved(
        Image.new("RGBA", (7_000, 7_000)), "WEBP", method=0, lossless=True
    ),
    "avif, exif": lambda: _avif_with_exif_bomb(2_000_000),
    "avif of 49 megapixels": lambda: saved(Image.new("RGB", (7_000, 7_000)), "AVIF", speed=10),
    "tiff, directory": lambda: _tiff_directory(65_000, 20_000_000),
    "tiff, long tags": lambda: _tiff_with_long_tags(14_000_000),
    "tiff of 49 megapixels": lambda: saved(
        Image.new("RGBA", (7_000, 7_000)), "TIFF", compression="tiff_adobe_deflate"
    ),
    "tiff of 29 megapixels, floating": lambda: tiff(
        np.zeros((5_400, 5_400, 1), np.float32), 1, packed=True
    ),
    "tiff of 40 megapixels, CMYK": lambda: saved(
        Image.new("CMYK", (6_300, 6_300)), "TIFF", compression="tiff_lzw"
    ),
    "zeros": lambda: bytes(30_000_000),
    "markers": lambda: b"\xff\xd8" + b"\xff\xfe" * 15_000_000,
}
