"""PNG, JPEG and WebP as a list of named pieces: what lies beside the pixels is read and rewritten.

No pixel is decoded: a copy with other metadata has the very bytes of the picture. PNG: chunks
(https://www.w3.org/TR/png-3/); JPEG: segments up to the first scan (ITU T.81, annex B), the rest as
one piece; WebP: RIFF chunks (https://developers.google.com/speed/webp/docs/riff_container).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import WebPImagePlugin

from interrogator.errors import InterrogatorError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
MAX_PIECES = 50_000
MAX_SEGMENT = 65_533  # bytes of a JPEG's segment, whose length has two
EXIF_FLAG, XMP_FLAG, ALPHA_FLAG = 0x08, 0x04, 0x10  # of WebP's header


@dataclass(frozen=True)
class Piece:
    """A chunk or segment: its name (a JPEG's: its marker as one byte) and its body."""

    name: bytes
    body: bytes


@dataclass(frozen=True)
class Pieces:
    """A file in pieces.

    Attributes:
        kind: "PNG", "JPEG" or "WEBP"; "" for every other file, which has none.
        pieces: In order; of a JPEG the last, named "", is all from its first scan on.
    """

    kind: str
    pieces: tuple[Piece, ...] = ()

    def joined(self) -> bytes:
        """Return the file.

        Raises:
            InterrogatorError: A piece is longer than the format allows, or a WebP is damaged.
        """
        return {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp}[self.kind](self.pieces)


def pieces_of(data: bytes) -> Pieces:
    """Return a file in pieces; a damaged one as far as it can be read."""
    if data.startswith(PNG_MAGIC):
        return Pieces("PNG", tuple(_png_pieces(data)))
    if data.startswith(b"\xff\xd8"):
        return Pieces("JPEG", tuple(_jpeg_pieces(data)))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Pieces("WEBP", tuple(_webp_pieces(data)))
    return Pieces("")


def _png_pieces(data: bytes) -> list[Piece]:
    pieces: list[Piece] = []
    place = len(PNG_MAGIC)
    while place + 12 <= len(data) and len(pieces) < MAX_PIECES:
        size, name = struct.unpack_from(">I4s", data, place)
        pieces.append(Piece(name, data[place + 8 : place + 8 + size]))
        place += size + 12
    return pieces


def _png(pieces: Sequence[Piece]) -> bytes:
    return PNG_MAGIC + b"".join(
        struct.pack(">I", len(p.body)) + p.name + p.body
        + struct.pack(">I", zlib.crc32(p.name + p.body)) for p in pieces
    )  # fmt: skip


def _jpeg_pieces(data: bytes) -> list[Piece]:
    pieces: list[Piece] = []
    place = 2
    while data[place : place + 1] == b"\xff" and len(pieces) < MAX_PIECES:
        while data[place + 1 : place + 2] == b"\xff":  # fill bytes
            place += 1
        code, size = data[place + 1 : place + 2], int.from_bytes(data[place + 2 : place + 4], "big")
        if code in (b"\xda", b"\xd9", b"") or size < 2:
            break
        pieces.append(Piece(code, data[place + 4 : place + 2 + size]))
        place += 2 + size
    return [*pieces, Piece(b"", data[place:])]


def _jpeg(pieces: Sequence[Piece]) -> bytes:
    if any(len(p.body) > MAX_SEGMENT for p in pieces if p.name):
        raise InterrogatorError(
            f"A JPEG has no room for more than {MAX_SEGMENT:,} bytes of a kind of metadata: "
            "shorten the prompt, or save the picture as PNG."
        )
    return b"\xff\xd8" + b"".join(
        b"\xff" + p.name + struct.pack(">H", len(p.body) + 2) + p.body if p.name else p.body
        for p in pieces
    )


def _webp_pieces(data: bytes) -> list[Piece]:
    pieces: list[Piece] = []
    place = 12
    while place + 8 <= len(data) and len(pieces) < MAX_PIECES:
        name, size = struct.unpack_from("<4sI", data, place)
        pieces.append(Piece(name, data[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    return pieces


def _webp(pieces: Sequence[Piece]) -> bytes:
    header, *rest = _extended(pieces)
    names = {p.name for p in rest}
    flags = header.body[0] & ~(EXIF_FLAG | XMP_FLAG)
    flags |= EXIF_FLAG * (b"EXIF" in names) | XMP_FLAG * (b"XMP " in names)
    whole = [Piece(b"VP8X", bytes([flags]) + header.body[1:]), *rest]
    return _riff(whole)


def _riff(pieces: Sequence[Piece]) -> bytes:
    body = b"WEBP" + b"".join(
        p.name + struct.pack("<I", len(p.body)) + p.body + bytes(len(p.body) % 2) for p in pieces
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _extended(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with a header of flags and size before them, as metadata wants it."""
    if pieces and pieces[0].name == b"VP8X":
        return list(pieces)
    simple = _riff([piece for piece in pieces if piece.name in (b"VP8 ", b"VP8L")])
    try:
        with WebPImagePlugin.WebPImageFile(io.BytesIO(simple)) as opened:
            (width, height), alpha = opened.size, opened.mode == "RGBA"
    except (OSError, SyntaxError) as error:
        raise InterrogatorError("The WebP is damaged: save it again and try again.") from error
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return [Piece(b"VP8X", bytes([ALPHA_FLAG * alpha, 0, 0, 0]) + size), *pieces]
