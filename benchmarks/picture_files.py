"""Small, good picture files of every kind, with metadata: what fuzzing and tests begin with."""

from __future__ import annotations

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin


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
