"""The prompt that is stored in a picture's file: read from there, and ours written into a copy.

Read are the texts of A1111 and its kin, ComfyUI, InvokeAI, NovelAI and SwarmUI, EXIF's comment and
description, XMP's and IPTC's description. They are somebody else's words: bounded in size, JSON
alone is parsed, nothing in them is run or looked up, and they are shown as text.

sd-parsers reads most of these too, but keeps the last picture's texts in a global of the process,
under a number that another visitor's picture may get next, and bounds nothing.
"""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from interrogator.errors import InterrogatorError
from interrogator.images import metadata
from interrogator.images.generators import StoredPrompt, prompts_in
from interrogator.images.pieces import Piece, Pieces, pieces_of

MAX_TEXT = 2 * 2**20  # bytes of one text; workflows of ComfyUI have hundreds of kilobytes
MAX_TEXTS = 8 * 2**20  # of all of them
MAX_CLAIMED = 4 * 2**20  # bytes that the entries of an EXIF block may claim in all

XMP_NAME = "XML:com.adobe.xmp"
_EXIF, _XMP, _IPTC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_GRAPH = re.compile(r"(prompt|workflow):", re.I)  # ComfyUI's way into EXIF
_OUR_XMP = (
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>'
    "</rdf:Description>"
)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
WRITABLE = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True)
class Stored:
    """What a file says of how it was made.

    Attributes:
        prompts: The most telling first; the same words come once.
        notes: Sentences on what was not read; usually none.
    """

    prompts: tuple[StoredPrompt, ...] = ()
    notes: tuple[str, ...] = ()


def read(source: str | Path | bytes) -> Stored:
    """Return the prompts stored in a picture's file; none where there are none, or it is damaged.

    Args:
        source: A path or the bytes of a file. Only PNG, JPEG and WebP are looked into.

    Raises:
        InterrogatorError: The file cannot be read.
    """
    texts, left_out = _bounded(_texts(pieces_of(_bytes(source))))
    found: dict[str, StoredPrompt] = {}
    for prompt in prompts_in(texts):
        found.setdefault(" ".join(prompt.prompt.split()), prompt)
    note = f"More than {MAX_TEXTS // 2**20} MB of metadata, or a text of more than "
    note += f"{MAX_TEXT // 2**20} MB, stands in the file: that was not read."
    return Stored(tuple(found.values()), (note,) if left_out else ())


def with_prompt(source: str | Path | bytes, prompt: str, negative: str = "") -> bytes:
    """Return a copy of a picture's file with a prompt in it; no pixel is touched.

    PNG gets the text `parameters`, JPEG and WebP the comment of EXIF, as A1111 writes them; all get
    the description of XMP. What else is stored stays, but for these.

    Raises:
        InterrogatorError: The file cannot be read, is of another format, or has no room.
    """
    file = pieces_of(_bytes(source))
    if file.kind not in WRITABLE:
        raise InterrogatorError(
            "A prompt can be written into PNG, JPEG and WebP: save the picture as one of them."
        )
    text = f"{prompt}\nNegative prompt: {negative}" if negative else prompt
    return {"PNG": _in_png, "JPEG": _in_jpeg, "WEBP": _in_webp}[file.kind](file, prompt, text)


def write_copy(source: Path, folder: Path, prompt: str, negative: str = "") -> Path:
    """Write a copy of a picture with a prompt in it into a folder, and return its path.

    Raises:
        InterrogatorError: As of `with_prompt`; or the copy is there already, or cannot be written.
    """
    place = folder / source.name
    copy = with_prompt(source, prompt, negative)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(copy)
    except FileExistsError as error:
        raise InterrogatorError(
            f"{place} is there already: name another folder for copies with their prompts."
        ) from error
    except OSError as error:
        raise InterrogatorError(f"{place} cannot be written: {error.strerror}.") from error
    return place


def _bytes(source: str | Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise InterrogatorError(f"{Path(source).name} cannot be read. Check the path.") from error


# ----- Reading


def _bounded(texts: Iterator[tuple[str, str | None]]) -> tuple[dict[str, str], bool]:
    """Return the first text of each name within limits, and whether any was left out."""
    kept: dict[str, str] = {}
    room, left_out = MAX_TEXTS, False
    for name, text in texts:
        if text is None or len(text) > room:
            left_out = True
        elif text.strip("\0 \r\n\t"):
            room -= len(text)
            kept.setdefault(name, text.strip("\0 \r\n\t"))
    return kept, left_out


def _texts(file: Pieces) -> Iterator[tuple[str, str | None]]:
    """Yield what each text is called and the text; None for one that is too long."""
    for piece in file.pieces:
        name, body = piece.name, piece.body
        if name in (b"tEXt", b"zTXt", b"iTXt"):
            key, text = _png_text(name, body)
            yield from [(key, text)] if key != XMP_NAME or text is None else _xmp(text)
        elif name in (b"eXIf", b"EXIF") or (name == b"\xe1" and body.startswith(_EXIF)):
            yield from _exif(body.removeprefix(_EXIF))
        elif name == b"XMP " or (name == b"\xe1" and body.startswith(_XMP)):
            yield from _xmp(_text(body.removeprefix(_XMP)) or "")
        elif name == b"\xed" and body.startswith(_IPTC):
            yield from _iptc(body)
        elif name == b"\xfe":
            yield "comment", _text(body)


def _text(data: bytes) -> str | None:
    """Return bytes as text, UTF-8 or else Latin-1; None for more than are read."""
    if len(data) > MAX_TEXT:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _png_text(name: bytes, body: bytes) -> tuple[str, str | None]:
    key, _, rest = body.partition(b"\0")
    packed = name == b"zTXt"
    if name == b"zTXt":
        rest = rest[1:]
    elif name == b"iTXt":
        packed = rest[:1] == b"\1"
        *_, rest = rest[2:].split(b"\0", 2)  # the language, the key in it, the text
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, MAX_TEXT + 1)
        except zlib.error:
            rest = b""
    return key.decode("latin-1"), _text(rest)


def _exif(block: bytes) -> Iterator[tuple[str, str | None]]:
    first = metadata.directory(block)
    if first is None:
        return
    try:
        for tag in (Base.ImageDescription, Base.Make, Base.Model):
            text = _text(first.raw(tag))
            if text and (graph := _GRAPH.match(text)):
                yield graph[1].lower(), text[graph.end() :]
            elif tag == Base.ImageDescription:
                yield "EXIF description", text
        yield "XP comment", first.raw(Base.XPComment)[:MAX_TEXT].decode("utf-16-le", "ignore")
        place = first.value(IFD.Exif, 0)
        at = block[:4] + struct.pack(first.order + "I", place) + block[8:]
        inner = metadata.directory(at) if place else None
        if inner:
            yield "EXIF comment", _comment(inner.raw(Base.UserComment), first.order)
    except (ValueError, struct.error):
        return


def _comment(raw: bytes, order: str) -> str | None:
    """Return EXIF's comment: eight bytes name its encoding, and programs differ on UTF-16's."""
    if len(raw) > MAX_TEXT:
        return None
    code, text = raw[:8], raw[8:]
    if code.rstrip(b"\0") == b"UNICODE":
        big, little = (text.decode(f"utf-16-{end}", "ignore") for end in ("be", "le"))
        spaces = [t.count(" ") + t.count(",") for t in (big, little)]
        if spaces[0] != spaces[1]:
            return big if spaces[0] > spaces[1] else little
        return little if order == "<" else big
    return _text(text if code.rstrip(b"\0") in (b"ASCII", b"") else raw)


def _xmp(packet: str) -> Iterator[tuple[str, str | None]]:
    if len(packet) > MAX_TEXT:
        yield "XMP description", None
        return
    start, end = _description(packet)
    item = packet.find("<rdf:li", start, end)
    begin = packet.find(">", item, end) + 1
    last = packet.find("</rdf:li>", begin, end)
    if item >= 0 < begin and last >= 0:
        text = packet[begin:last].removeprefix("<![CDATA[").removesuffix("]]>")
        yield "XMP description", html.unescape(text)


def _description(packet: str) -> tuple[int, int]:
    """Return where the description stands in a packet; (0, 0) where there is none.

    Without a pattern: one that looks for an end from every beginning takes hours on a packet of
    beginnings.
    """
    start = packet.find("<dc:description")
    end = packet.find("</dc:description>", start)
    return (start, end + len("</dc:description>")) if 0 <= start < end else (0, 0)


def _iptc(body: bytes) -> Iterator[tuple[str, str | None]]:
    """Yield the caption (2:120) of IPTC's records."""
    place = body.find(b"\x1c\x02\x78")
    if place >= 0:
        size = int.from_bytes(body[place + 3 : place + 5], "big")
        yield "IPTC caption", _text(body[place + 5 : place + 5 + size])


# ----- Writing


def _in_png(file: Pieces, prompt: str, text: str) -> bytes:
    ours = PngInfo()
    ours.add_text("parameters", text)
    known = [_png_text(p.name, p.body)[1] or "" for p in file.pieces if _is_text(p, XMP_NAME)]
    ours.add_itxt(XMP_NAME, _described("".join(known[:1]), prompt))
    first, *rest = file.pieces
    rest = [p for p in rest if not _is_text(p, "parameters", XMP_NAME)]
    added = [Piece(chunk[0], chunk[1]) for chunk in ours.chunks]
    return Pieces("PNG", (first, *added, *rest)).joined()


def _is_text(piece: Piece, *keys: str) -> bool:
    key = piece.body.partition(b"\0")[0].decode("latin-1")
    return piece.name in (b"tEXt", b"zTXt", b"iTXt") and key in keys


def _in_jpeg(file: Pieces, prompt: str, text: str) -> bytes:
    exif = xmp = b""
    rest = []
    for piece in file.pieces:
        if piece.name == b"\xe1" and piece.body.startswith(_EXIF):
            exif = exif or piece.body
        elif piece.name == b"\xe1" and piece.body.startswith(_XMP):
            xmp = xmp or piece.body.removeprefix(_XMP)
        else:
            rest.append(piece)
    ours = [
        Piece(b"\xe1", _EXIF + _commented(exif, text)),
        Piece(b"\xe1", _XMP + _described(_text(xmp) or "", prompt).encode()),
    ]
    start = sum(piece.name == b"\xe0" for piece in rest[:1])  # JFIF's header stands first
    return Pieces("JPEG", (*rest[:start], *ours, *rest[start:])).joined()


def _in_webp(file: Pieces, prompt: str, text: str) -> bytes:
    bodies = {p.name: p.body for p in reversed(file.pieces)}
    exif = Piece(b"EXIF", _commented(bodies.get(b"EXIF", b""), text))
    packet = _described(_text(bodies.get(b"XMP ", b"")) or "", prompt)
    rest = [p for p in file.pieces if p.name not in (b"EXIF", b"XMP ")]
    return Pieces("WEBP", (*rest, exif, Piece(b"XMP ", packet.encode()))).joined()


def _commented(block: bytes, text: str) -> bytes:
    """Return an EXIF block, without its name, with a comment; of one built to cost, the angle."""
    block = block.removeprefix(_EXIF)
    exif = Image.Exif()
    if metadata.claimed(block) <= MAX_CLAIMED:
        try:
            exif.load(block)
            exif.get_ifd(IFD.Exif)
        except Exception:  # damaged notes, of which Pillow raises whatever it meets
            exif = Image.Exif()
    if not exif and (angle := metadata.orientation(block)) != 1:
        exif[Base.Orientation] = angle
    exif.get_ifd(IFD.Exif)[Base.UserComment] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif.tobytes().removeprefix(_EXIF)


def _described(packet: str, prompt: str) -> str:
    """Return an XMP packet with a description: the one that there is, or a new one."""
    ours = _OUR_XMP.format(html.escape(_valid(prompt)))
    start, last = _description(packet)
    packet = packet[:start] + packet[last:]
    before, end, after = packet.rpartition("</rdf:RDF>")
    return f"{before}{ours}{end}{after}" if end else _PACKET.format(ours)


def _valid(text: str) -> str:
    """Return a text without the signs that XML has not."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
