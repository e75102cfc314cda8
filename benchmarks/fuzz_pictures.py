"""Odd and hostile picture files, one after another: each must be a picture or a sentence.

`python -m benchmarks.fuzz_pictures --minutes N [--seed S] [--keep DIR] [--json]` makes files from
seeds (every format with metadata, cut, flipped, spliced, glued to others, and bombs of pixels,
zlib, EXIF, ICC, frames and pieces), reads each in a worker and prints how many were read or
refused, what the longest took and how far memory rose. A file that crashes the worker, takes over
5 seconds or 1 GB, or raises anything but a sentence is a failure and is kept in DIR; exit status 1.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import multiprocessing
import random
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from interrogator.errors import InterrogatorError
from interrogator.images import decode

MAX_SECONDS = 5.0
MAX_RISE = 2**30  # bytes of memory above what the worker had before
GENERATION_SECONDS = 10.0  # a bomb takes a while to build
BOMBS_SHARE = 0.05
CLEAR_PEAK = "5"  # written to clear_refs: the peak of memory is counted from now on


@dataclass(frozen=True)
class Outcome:
    """What one file came to: the sentence of a refusal, "" for a picture, and its cost."""

    recipe: str
    said: str
    seconds: float
    rise: int  # bytes
    failure: str = ""


# ----- files


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """Return a picture as a file."""
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def exif_block(entries: int, claims: int) -> bytes:
    """Return an EXIF block with an orientation and entries that claim `claims` bytes each."""
    rows = [struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)]
    rows += [struct.pack("<HHII", 0x9000 + n, 7, claims, 8) for n in range(entries)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG with its length and checksum."""
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(width: int, height: int, *chunks: bytes, depth: int = 1, colour: int = 0) -> bytes:
    """Return a black PNG that has further chunks before its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    packer, row = zlib.compressobj(9), bytes(-(-width * depth * channels // 8) + 1)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    parts = (png_chunk(b"IHDR", head), *chunks, png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(
    samples: np.ndarray, photometric: int, planar: bool = False, order: str = "<",
    packed: bool = False, tile: int = 0, more: dict[int, int] | None = None,
) -> bytes:  # fmt: skip
    """Return a TIFF of samples [h, w, channels] in one strip, in one for each plane, or in tiles.

    Args:
        samples: Of any type of NumPy's.
        photometric: 0 min-is-white, 1 min-is-black, 2 RGB, 5 CMYK.
        planar: Whether each channel has its own plane.
        order: "<" or ">", the order of bytes.
        packed: Whether strips are deflated.
        tile: Pixels of a tile's side; 0 for strips.
        more: Further tags with a number each, or other numbers for these.
    """
    height, width, channels = samples.shape
    planes = [samples[..., c : c + 1] for c in range(channels)] if planar else [samples]
    parts = [part for plane in planes for part in _tiles(plane, tile)]
    data = [part.astype(f"{order}{part.dtype.str[1:]}").tobytes() for part in parts]
    data = [zlib.compress(part) for part in data] if packed else data
    places = [8 + sum(map(len, data[:n])) for n in range(len(data))]
    sizes = list(map(len, data))
    tags = {
        256: [width], 257: [height], 258: [8 * samples.dtype.itemsize] * channels,
        259: [8 if packed else 1], 262: [photometric], 277: [channels], 284: [1 + planar],
        339: [{"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * channels,
    }  # fmt: skip
    tags |= (
        {322: [tile], 323: [tile], 324: places, 325: sizes}
        if tile
        else {273: places, 278: [height], 279: sizes}
    )
    tags |= {tag: [value] * len(tags.get(tag, [0])) for tag, value in (more or {}).items()}
    return _tiff_file(b"".join(data), tags, order)


def _tiles(plane: np.ndarray, tile: int) -> list[np.ndarray]:
    """Return a plane's tiles, those at its edges filled up; the plane itself for 0."""
    if not tile:
        return [plane]
    height, width, _ = plane.shape
    padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)), mode="edge")
    return [
        padded[y : y + tile, x : x + tile]
        for y in range(0, height, tile)
        for x in range(0, width, tile)
    ]


def _tiff_file(data: bytes, tags: dict[int, list[int]], order: str) -> bytes:
    start, extra, rows = 8 + len(data), b"", []
    for tag, values in sorted(tags.items()):
        body = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place = struct.pack(order + "I", start + len(extra))
            extra, body = extra + body, place
        rows.append(struct.pack(order + "HHI", tag, 4, len(values)) + body)
    directory = struct.pack(order + "H", len(rows)) + b"".join(rows) + bytes(4)
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return mark + struct.pack(order + "I", start + len(extra)) + data + extra + directory


@functools.cache
def whole_files() -> dict[str, bytes]:
    """Return a small, good file of every kind, with metadata."""
    ramp = np.linspace(0, 1, 48)
    values = np.stack(
        [np.broadcast_to(v, (48, 48)) for v in (ramp, ramp[:, None], 0.25 + ramp)], -1
    )
    picture = Image.fromarray((np.minimum(values, 1) * 255).astype(np.uint8))
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    notes = {"exif": b"Exif\0\0" + exif_block(3, 16), "icc_profile": icc}
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a cat, " * 500, zip=True)
    frames = {"save_all": True, "append_images": [picture.rotate(90)] * 3}
    files = {
        "jpeg": saved(picture, "JPEG", **notes),
        "jpeg progressive": saved(picture, "JPEG", progressive=True, **notes),
        "jpeg cmyk": saved(picture.convert("CMYK"), "JPEG"),
        "jpeg grey": saved(picture.convert("L"), "JPEG"),
        "png": saved(picture, "PNG", pnginfo=text, **notes),
        "png animated": saved(picture, "PNG", **frames),
        "webp": saved(picture, "WEBP", **notes),
        "webp lossless": saved(picture.convert("RGBA"), "WEBP", lossless=True),
        "webp animated": saved(picture, "WEBP", **frames),
        "gif": saved(picture, "GIF", comment=b"a comment", **frames),
        "avif": saved(picture, "AVIF", **notes),
    }
    for mode in ("1", "L", "P", "LA", "RGBA", "I;16"):
        files[f"png {mode}"] = saved(picture.convert("L").convert("I;16") if mode == "I;16"
                                     else picture.convert(mode), "PNG")  # fmt: skip
    for mode in ("1", "L", "P", "RGB"):
        files[f"bmp {mode}"] = saved(picture.convert(mode), "BMP")
    for packing in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate"):
        files[f"tiff {packing}"] = saved(picture, "TIFF", compression=packing, icc_profile=icc)
    for kind in ("u1", "u2", "f4", "i2", "f2"):
        scale = np.iinfo(kind).max if kind[0] != "f" else 1
        for planar in (False, True):
            samples = (np.minimum(values, 1) * scale).astype(kind)
            name = f"tiff {kind}{' planar' * planar}"
            files[name] = tiff(samples, 2, planar, "<>"[planar], packed=kind == "u2")
    return files | _heic(picture)


def _heic(picture: Image.Image) -> dict[str, bytes]:
    try:
        import pillow_heif
    except ImportError:
        return {}
    stream = io.BytesIO()
    pillow_heif.from_pillow(picture).save(stream, quality=80)
    return {"heic": stream.getvalue()}


# ----- what is done to them


def cut(data: bytes, rng: random.Random) -> bytes:
    """Leave the end away: a few bytes or nearly all."""
    return data[: rng.choice((len(data) - rng.randint(1, 20), rng.randrange(len(data))))]


def flip(data: bytes, rng: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 10, 100))):
        changed[rng.randrange(len(changed))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(changed)


def inflate(data: bytes, rng: random.Random) -> bytes:
    """Write a huge, zero or negative number somewhere, most often where headers are."""
    place = rng.randrange(min(len(data), rng.choice((64, 400, len(data)))))
    number = rng.choice((0, 1, 0x7FFF, 0xFFFF, 10**5, 0x7FFFFFFF, 0xFFFFFFFF))
    body = struct.pack(rng.choice("<>") + "I", number)[: rng.choice((2, 4))]
    return data[:place] + body + data[place + len(body) :]


def splice(data: bytes, rng: random.Random) -> bytes:
    """Repeat, remove or move a part."""
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    part = data[start:end]
    return rng.choice((
        data[:end] + part * rng.randint(1, 50) + data[end:], data[:start] + data[end:],
        part + data,
    ))  # fmt: skip


def glue(data: bytes, rng: random.Random) -> bytes:
    """Put another file behind it, before it, or into it: a polyglot."""
    other = rng.choice([*whole_files().values(), b"%PDF-1.7\n", b"PK\3\4", b"<svg/>", b"<html>"])
    place = rng.choice((0, len(data), rng.randrange(len(data))))
    return data[:place] + other + data[place:]


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, flip, inflate, splice, glue)


# ----- bombs


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


def _bmp_runs(width: int, height: int, body: bytes) -> bytes:
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
    "bmp, runs upwards": lambda: _bmp_runs(40_000_000, 1, b"\0\2\0\xff" * 5),
    "bmp, many runs": lambda: _bmp_runs(4_000, 4_000, b"\1\0" * 10_000_000),
    "bmp, ends of lines": lambda: _bmp_runs(65_000, 700, b"\1\0\0\0" * 700),
    "webp, exif": lambda: _webp_with(b"EXIF", _exif_bomb(20_000_000)),
    "webp of 49 megapixels": lambda: saved(Image.new("RGB", (7_000, 7_000)), "WEBP", method=0),
    "webp of 49 megapixels, clear": lambda: saved(
        Image.new("RGBA", (7_000, 7_000)), "WEBP", method=0, lossless=True
    ),
    "avif, exif": lambda: _avif_with_exif_bomb(2_000_000),
    "avif of 49 megapixels": lambda: saved(Image.new("RGB", (7_000, 7_000)), "AVIF", speed=10),
    "tiff, directory": lambda: _tiff_directory(65_000, 20_000_000),
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


def make_file(seed: int) -> tuple[str, bytes]:
    """Return the odd file of a seed, always the same, and how it was made."""
    rng = random.Random(seed)
    if rng.random() < BOMBS_SHARE:
        name = rng.choice(sorted(BOMBS))
        return name, BOMBS[name]()
    name, data = rng.choice(sorted(whole_files().items()))
    recipe = [name]
    for change in rng.choices(CHANGES, k=rng.choice((1, 1, 1, 2, 3))):
        data = change(data, rng) or b"\0"
        recipe.append(change.__name__)
    return ", ".join(recipe), data


# ----- reading them


def outcome(recipe: str, data: bytes) -> Outcome:
    """Read a file as a visitor's, and return what came of it."""
    said, failure = "", ""
    before, started = _clear_peak(), time.perf_counter()
    try:
        image = decode.read(data)
        if image.mode != "RGB" or not 0 < max(image.size) <= decode.MAX_SIDE:
            failure = f"not a safe picture: {image.mode}, {image.size}"
    except InterrogatorError as error:
        said = str(error)
        if not said.endswith("."):
            failure = f"not a sentence: {said}"
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    seconds, rise = time.perf_counter() - started, _peak() - before
    if seconds > MAX_SECONDS or rise > MAX_RISE:
        failure = failure or f"{seconds:.1f} s, {rise / 2**20:.0f} MB"
    return Outcome(recipe, said, seconds, rise, failure)


def _peak() -> int:
    """Return the most memory that this process has had, in bytes; 0 where nobody tells."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _clear_peak() -> int:
    try:
        Path("/proc/self/clear_refs").write_text(CLEAR_PEAK)
    except OSError:
        pass  # not Linux: the peak of the whole process is counted
    return _peak()


def _work(pipe: Connection) -> None:
    whole_files()
    decode.read(whole_files()["jpeg"])
    while (seed := pipe.recv()) is not None:
        recipe, data = make_file(seed)
        pipe.send("made")
        pipe.send(outcome(recipe, data))


class Worker:
    """A process that reads files, begun anew when one of them ends or stops it."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def read(self, seed: int) -> Outcome:
        """Return what came of the file of a seed."""
        try:
            self.pipe.send(seed)
            if not self.pipe.poll(60 + GENERATION_SECONDS):
                raise TimeoutError("the file was not made")
            self.pipe.recv()
            if not self.pipe.poll(3 * MAX_SECONDS):
                raise TimeoutError("it hangs")
            read: Outcome = self.pipe.recv()
        except (EOFError, OSError, TimeoutError) as error:
            self.process.kill()
            self.process.join()
            status = self.process.exitcode
            self._begin()
            return Outcome(make_file(seed)[0], "", 0.0, 0, f"{error!r}, exit status {status}")
        return read


def main(arguments: list[str] | None = None) -> int:
    """Read odd files for some minutes and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--files", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    parser.add_argument("--keep", type=Path, help="a folder for the files that failed")
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    asked = parser.parse_args(arguments)
    worker, until, outcomes = Worker(), time.monotonic() + 60 * asked.minutes, []
    failures: list[dict[str, object]] = []
    for seed in range(asked.seed, asked.seed + asked.files):
        if time.monotonic() > until:
            break
        read = worker.read(seed)
        outcomes.append(read)
        if read.failure:
            failures.append({"seed": seed, "recipe": read.recipe, "failure": read.failure})
            print(f"seed {seed}: {read.recipe}: {read.failure}", file=sys.stderr)
            if asked.keep:
                asked.keep.mkdir(parents=True, exist_ok=True)
                (asked.keep / str(seed)).write_bytes(make_file(seed)[1])
    print(report := _report(outcomes, len(failures)))
    if asked.json:
        slowest = max(outcomes, key=lambda o: o.seconds)
        print(json.dumps({
            "files": len(outcomes), "read": sum(not o.said for o in outcomes) - len(failures),
            "failures": failures, "slowest_seconds": slowest.seconds, "slowest": slowest.recipe,
            "largest_rise_mb": max(o.rise for o in outcomes) / 2**20,
        }))  # fmt: skip
    return bool(failures and report)


def _report(outcomes: list[Outcome], failures: int) -> str:
    """Return the table: sentences by how often they were said, and the dearest files."""
    said = Counter(o.said for o in outcomes if not o.failure)
    lines = [f"{len(outcomes):,} files, {failures} failures", ""]
    lines += [f"{count:8,}  {text or 'read'}" for text, count in said.most_common(25)]
    lines += ["", "slowest:"]
    for one in sorted(outcomes, key=lambda o: -o.seconds)[:5]:
        lines.append(f"{one.seconds:8.2f} s  {one.recipe}")
    lines += ["", "most memory:"]
    for one in sorted(outcomes, key=lambda o: -o.rise)[:5]:
        lines.append(f"{one.rise / 2**20:8.0f} MB  {one.recipe}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
