"""What a file is by its first bytes, and which of its bytes are the picture.

Beside a picture lie texts, previews, films and whatever anybody put behind it. They are of no use
here, and reading them is where programs run out of time and memory: they are cut off first.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from interrogator.errors import InterrogatorError
from interrogator.images import metadata

FORMATS_TEXT = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
MAX_SCANS = 100  # of a progressive JPEG, which has about ten; each costs a pass over all pixels
MAX_PIECES = 100_000  # segments, chunks or blocks; a file of 30 MB has some thousands
MAX_PROFILE_BYTES = 2**20  # of a colour profile in a PNG, unpacked; Pillow refuses more
MAX_CLAIMED_BYTES = 2**26  # by the entries of an EXIF block in a file that Pillow opens as it is
MAX_REPAIRED_BYTES = 100_000_000  # of a cut PNG, unpacked
MAX_RLE_PIXELS = 10_000_000  # of a BMP in runs, which Pillow unpacks in Python

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
SAVE = "Save or export it as JPEG or PNG and try again."
RAW = "a camera's raw photo"
FRAME = "Save one of its frames as JPEG or PNG."
# First bytes, where they stand, what such a file is, and what to do with it.
OTHERS = (
    (b"\xff\x0a", 0, "a JPEG XL picture", SAVE),
    (b"\0\0\0\x0cJXL ", 0, "a JPEG XL picture", SAVE),
    (b"\0\0\0\x0cjP  ", 0, "a JPEG 2000 picture", SAVE),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture", SAVE),
    (b"FUJIFILMCCD-RAW", 0, RAW, SAVE),
    *((mark, 0, RAW, SAVE) for mark in (b"IIRO", b"IIRS", b"MMOR", b"IIU\0")),
    (b"HEAPCCDR", 6, RAW, SAVE),
    (b"\0MRM", 0, RAW, SAVE),
    (b"FOVb", 0, RAW, SAVE),
    (b"ftypcrx ", 4, RAW, SAVE),
    (b"8BPS", 0, "a Photoshop file", SAVE),
    (b"gimp xcf", 0, "a GIMP file", SAVE),
    (b"\x76\x2f\x31\x01", 0, "an OpenEXR picture", SAVE),
    (b"#?RADIANCE", 0, "a Radiance HDR picture", SAVE),
    (b"DDS ", 0, "a DDS texture", SAVE),
    (b"II\xbc", 0, "a JPEG XR picture", SAVE),
    (b"\0\0\1\0", 0, "an icon", SAVE),
    (b"%PDF", 0, "a PDF document", "Export the page or the picture in it as JPEG or PNG."),
    (b"%!PS", 0, "a PostScript document", "Export it as JPEG or PNG."),
    (b"PK\3\4", 0, "a ZIP archive", "Unpack it and send one of its pictures."),
    (b"\x1aE\xdf\xa3", 0, "a film", FRAME),
    (b"ftyp", 4, "a film", FRAME),
    (b"RIFF", 0, "a film or a sound", FRAME),
)
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
AVIF_BRANDS = {b"avif", b"avis"}

# In a JPEG's compressed data 0xFF 0x00 is a byte, 0xFF 0xD0–0xD7 a restart: these end it.
_MARKER = re.compile(rb"\xff([\xc4\xd9-\xdd\xe0-\xef\xfe])")
_ANY_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:=["\']|>)([1-8])')
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by type of colour


@dataclass(frozen=True)
class PictureFile:
    """A file's own picture.

    Attributes:
        data: A file of the picture and what decoding it needs, no more.
        kind: "JPEG", "PNG", "GIF", "TIFF", "AVIF", "HEIC", "BMP" or "WEBP".
        orientation: 1 to 8, as EXIF counts.
        scans: Passes over the picture, of a JPEG.
        missing: Share of the picture that the file ends before; None where it ends somewhere that
            only decoding tells.
    """

    data: bytes
    kind: str
    orientation: int = 1
    scans: int = 1
    missing: float | None = 0.0


def picture_file(data: bytes) -> PictureFile:
    """Return the picture of a file without what lies beside it.

    Raises:
        InterrogatorError: It is no picture that is read, or built to cost too much; in a sentence.
        ValueError, IndexError, zlib.error: It is damaged.
    """
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(PNG_MAGIC):
        return _png(data)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return PictureFile(_gif(data), "GIF")
    if tags := metadata.directory(data):
        return PictureFile(tags.with_entries({}), "TIFF", metadata.orientation(data))
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        raise ValueError("a TIFF whose directory is not there")
    if data[4:8] == b"ftyp":
        return PictureFile(data, _box_kind(data))
    if data.startswith(b"BM"):
        _check_runs(data)
        return PictureFile(data, "BMP")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return PictureFile(data, "WEBP")
    raise refusal(data)


def refusal(data: bytes) -> InterrogatorError:
    """Return the sentence that names what a file is instead of a picture that is read."""
    for magic, place, name, advice in OTHERS:
        if data.startswith(magic, place):
            return InterrogatorError(f"The file is {name}, which is not read. {advice}")
    start = data[:4096].lower()
    if b"<svg" in start:
        return InterrogatorError(
            "SVG is a drawing, not a picture of pixels. Export it as PNG and try again."
        )
    if b"<html" in start or b"<!doctype html" in start:
        return InterrogatorError(
            "The file is a web page, not a picture. Save the picture that the page shows."
        )
    return InterrogatorError(f"The file is not a picture that can be read. Use {FORMATS_TEXT}.")


def _box_kind(data: bytes) -> str:
    """Return "HEIC" or "AVIF" for a file built of boxes, whose first box lists its brands."""
    size = min(int.from_bytes(data[:4], "big"), 1024)
    brands = {data[place : place + 4] for place in (8, *range(16, size - 3, 4))}
    if not brands & (HEIC_BRANDS | AVIF_BRANDS | {b"mif1", b"msf1"}) or data[8:12] == b"crx ":
        raise refusal(data)
    for block in re.finditer(rb"II\x2a\0|MM\0\x2a", data):  # their readers read all of its EXIF
        if metadata.claimed(data[block.start() :]) > MAX_CLAIMED_BYTES:
            raise _built_to_cost("The notes (EXIF) in the file claim more than it has")
    avif = data[8:12] in AVIF_BRANDS or (brands & AVIF_BRANDS and not brands & HEIC_BRANDS)
    return "AVIF" if avif else "HEIC"


def _built_to_cost(how: str) -> InterrogatorError:
    return InterrogatorError(f"{how}. Save the picture again and try again.")


# ----- JPEG: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B


def _jpeg(data: bytes) -> PictureFile:
    kept, notes = [data[:2]], {b"Exif\0\0": b"", b"http:": b""}
    place, scans, whole = 2, 0, False
    for _ in range(MAX_PIECES):
        marker = _ANY_MARKER.search(data, place)
        if not marker:
            break
        code, start = marker[1][0], marker.end()
        if code == 0xD9:
            whole = True
            break
        if code == 1 or 0xD0 <= code <= 0xD8:  # they stand alone
            place = start
            continue
        place = start + int.from_bytes(data[start : start + 2], "big")
        if place > len(data) or place < start + 2:
            break
        segment = data[start + 2 : place]
        if code == 0xE1:
            for name, already in notes.items():
                if segment.startswith(name) and not already:
                    notes[name] = segment
        elif code == 0xDA:
            scans += 1
            end = _MARKER.search(data, place)
            place = end.start() if end else len(data)
        if _is_needed(code, segment):
            kept.append(data[marker.start() : place])
    else:
        raise _built_to_cost("The JPEG is built of too many pieces")
    if scans > MAX_SCANS:
        raise _built_to_cost("The JPEG is built of too many passes over the picture")
    if not scans:
        raise ValueError("no compressed data")
    own = b"".join([*kept, b"\xff\xd9"])
    return PictureFile(own, "JPEG", _orientation(*notes.values()), scans, 0.0 if whole else None)


def _is_needed(code: int, segment: bytes) -> bool:
    if 0xE0 <= code <= 0xEF or code == 0xFE:
        names = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
        return code in names and segment.startswith(names[code])
    return True


def _orientation(exif: bytes, xmp: bytes) -> int:
    """Return the orientation that EXIF states, or else XMP."""
    found = _XMP_ORIENTATION.search(xmp)
    return metadata.orientation(exif, int(found[1]) if found else 1)


# ----- PNG: https://www.w3.org/TR/png-3/


def _png(data: bytes) -> PictureFile:
    chunks: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    place, whole, xmp = len(PNG_MAGIC), True, b""
    for _ in range(MAX_PIECES):
        size, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        body, check = data[place + 8 : place + 8 + size], data[place + 8 + size : place + 12 + size]
        whole = len(check) == 4
        place += 12 + size
        if name == b"IDAT":
            pixels.append(body)
        elif name == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
            xmp = body
        elif name in (b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf"):
            chunks.setdefault(name, body)
        if name == b"IEND" or not whole:
            break
        if name in (b"IHDR", b"PLTE", b"IDAT") and zlib.crc32(name + body).to_bytes(4) != check:
            raise ValueError("a chunk's checksum is wrong")
    else:
        raise _built_to_cost("The PNG is built of too many pieces")
    if not _profile_fits(chunks.get(b"iCCP", b"")):
        del chunks[b"iCCP"]
    packed, missing = b"".join(pixels), 0.0
    if not whole:
        packed, missing = _filled(chunks[b"IHDR"], packed)
    orientation = _orientation(chunks.pop(b"eXIf", b""), xmp)
    parts = [*chunks.items(), (b"IDAT", packed), (b"IEND", b"")]
    parts.sort(key=lambda part: b"IHDR iCCP PLTE tRNS IDAT IEND".index(part[0]))
    own = PNG_MAGIC + b"".join(_chunk(*part) for part in parts)
    return PictureFile(own, "PNG", orientation, missing=missing)


def _chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def _profile_fits(body: bytes) -> bool:
    """Tell whether a packed colour profile unpacks to a size that is read."""
    packed = body.partition(b"\0")[2][1:]
    try:
        return len(zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES)) < MAX_PROFILE_BYTES
    except zlib.error:
        return not body


def _filled(header: bytes, packed: bytes) -> tuple[bytes, float]:
    """Return a cut PNG's pixels, filled up with black, and the share missing; not if interlaced."""
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    bits, colour = header[8], header[9]
    size = (-(-width * bits * _PNG_CHANNELS[colour] // 8) + 1) * height
    if not 0 < size <= MAX_REPAIRED_BYTES:
        raise ValueError("cut, and not to be mended")
    pixels = zlib.decompressobj().decompress(packed, size)
    return zlib.compress(pixels.ljust(size, b"\0"), 1), 1 - len(pixels) / size


# ----- GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt, and BMP


def _gif(data: bytes) -> bytes:
    """Return the first picture of a GIF; a comment of megabytes would take Pillow minutes."""
    place = 13 + _table_bytes(data[10])
    head, control = data[:place], b""
    for _ in range(MAX_PIECES):
        start, kind = place, data[place]
        if kind == 0x2C:
            place += 10 + _table_bytes(data[place + 9]) + 1
            end = _after_blocks(data, place)
            return head + control + data[start:end] + b";"
        if kind != 0x21:
            raise ValueError("neither a picture nor an extension")
        place = _after_blocks(data, place + 2)
        if data[start + 1] == 0xF9:  # how long it is shown, and which colour is transparent
            control = data[start:place]
    raise _built_to_cost("The GIF is built of too many pieces")


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, place: int) -> int:
    for _ in range(10 * MAX_PIECES):
        if not data[place]:
            return place + 1
        place += data[place] + 1
    raise _built_to_cost("The GIF is built of too many pieces")


def _check_runs(data: bytes) -> None:
    """Refuse a large BMP in runs: unpacking it would take more time or memory than there is."""
    runs = int.from_bytes(data[14:18], "little") >= 40 and data[30] in (1, 2)
    width, height = (
        abs(int.from_bytes(data[place : place + 4], "little", signed=True)) for place in (18, 22)
    )
    if runs and (width * height > MAX_RLE_PIXELS or width > 2**16 or len(data) > 2**21):
        raise _built_to_cost("The BMP is packed in runs and too large for that: save it as PNG")
