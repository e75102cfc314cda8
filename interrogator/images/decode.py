"""Bytes, a path or a PIL image → one safe RGB picture. Every limit on pictures is kept here.

Nothing is decoded before its format and its size in pixels are known to be allowed, so that a
12 KB file cannot become a gigabyte of memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from interrogator.errors import InterrogatorError
from interrogator.images import formats, metadata, tiff
from interrogator.images.formats import PictureFile

MAX_BYTES = 30 * 2**20  # of a file
MAX_PIXELS = 50_000_000  # before decoding; 50 megapixels are 200 MB in memory
MAX_DRAFT_PIXELS = 200_000_000  # of a JPEG in one pass, which is made smaller while it is decoded
MAX_MISSING = 0.5  # share of a picture whose file ends early
MAX_SIDE = 2048  # pixels, after reading; the models look at 96 to 448

NO_PICTURE = "There is no picture yet: upload one, paste one or pick an example."

# Pillow refuses by itself what is twice this, wherever in this process a picture is opened.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

# `Image.open` would do, but warns of large pictures before their size can be told in a sentence.
READERS: dict[str, type[Image.Image]] = {
    "AVIF": AvifImagePlugin.AvifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
# EXIF's orientation → what turns such a picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip

Source = str | Path | bytes | Image.Image | None


@dataclass(frozen=True)
class Picture:
    """A picture as it is looked at.

    Attributes:
        image: Upright, opaque 8-bit RGB with no side over `MAX_SIDE` pixels.
        notes: What a person should know of how it was read, a sentence each; usually none.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


def read(source: Source) -> Image.Image:
    """Return one upright, opaque 8-bit RGB picture with no side over `MAX_SIDE` pixels.

    Args:
        source: A path, the bytes of a file, or a PIL image; the first frame of an animation counts.

    Raises:
        InterrogatorError: No picture, not a picture, too large, or damaged; in a sentence.
    """
    return read_picture(source).image


def read_picture(source: Source) -> Picture:
    """Return the picture that `read` returns, with notes on how it was read; raises alike."""
    if source is None:
        raise InterrogatorError(NO_PICTURE)
    if isinstance(source, Image.Image):
        with _sentences(b""):
            _check_size(source)
            held = source.getexif().get(metadata.Tag.ORIENTATION, 1)
            return Picture(_normalised(source.copy(), held))
    data = _bytes_of(source)
    with _sentences(data):
        if tags := _odd_tiff(data):
            picture, notes = tiff.deep_picture(tags)
            picture.info["icc_profile"] = tags.raw(metadata.Tag.ICC)
            return Picture(_normalised(picture, metadata.orientation(data)), notes)
        file = formats.picture_file(data)
        with _opened(file) as picture:
            _check_missing(file)
            picture.load()
            notes = _check_missing(file, picture) + _darkness(picture)
            held = metadata.orientation(picture.info.get("exif") or b"")
            return Picture(_normalised(picture, max(file.orientation, held)), notes)


def look_at(source: str | Path | bytes | None) -> None:
    """Find out, without decoding it, whether a file can be a picture.

    Raises:
        InterrogatorError: No picture, not a picture, or too large; in a sentence.
    """
    if source is None:
        raise InterrogatorError(NO_PICTURE)
    data = _bytes_of(source)
    with _sentences(data):
        if not _odd_tiff(data):
            with _opened(file := formats.picture_file(data)):
                _check_missing(file)


@contextmanager
def _sentences(data: bytes) -> Iterator[None]:
    """Turn whatever decoders raise into a sentence; they meet hostile bytes."""
    try:
        yield
    except InterrogatorError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise _too_large() from error
    except Exception as error:
        if isinstance(error, SyntaxError) and (kind := tiff.unread_kind(data)):
            raise kind from error  # Pillow knows no such kind
        raise InterrogatorError(
            "The picture is damaged or incomplete and cannot be decoded. Save or download it again."
        ) from error


def _bytes_of(source: str | Path | bytes) -> bytes:
    if not isinstance(source, bytes):
        path = Path(source)
        try:
            _check_bytes(path.stat().st_size)
            source = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            reason = getattr(error, "strerror", None) or "it cannot be read"
            raise InterrogatorError(f"{path.name}: {reason}. Check the path.") from error
    _check_bytes(len(source))
    return source


def _check_bytes(size: int) -> None:
    if size == 0:
        raise InterrogatorError("The file is empty. Choose another picture.")
    if size > MAX_BYTES:
        raise InterrogatorError(
            f"The file has {size / 2**20:.0f} MB; up to {MAX_BYTES // 2**20} MB are read. "
            "Save it smaller or as JPEG."
        )


def _odd_tiff(data: bytes) -> metadata.Directory | None:
    """Return the tags of a TIFF that Pillow does not read right; None for every other file."""
    tags = metadata.directory(data)
    if tags is None:
        return None
    if tiff.is_raw_photo(tags):
        raise InterrogatorError(
            "The file is a camera's raw photo, which is not read: what it shows of it is a small "
            f"preview. {formats.SAVE}"
        )
    _check_pixels(*tiff.size(tags))
    return None if tiff.is_plain(tags) else tags


def _opened(file: PictureFile) -> Image.Image:
    """Return the picture with its size known and allowed, not decoded yet."""
    stream = io.BytesIO(file.data)
    picture = _heif(stream) if file.kind == "HEIC" else READERS[file.kind](stream)  # type: ignore
    if file.kind == "JPEG":
        _check_size(picture, MAX_DRAFT_PIXELS if file.scans == 1 else MAX_PIXELS)
        picture.draft("RGB", (MAX_SIDE, MAX_SIDE))  # decodes at a half, a quarter or an eighth
    _check_size(picture)
    return picture


def _heif(stream: io.BytesIO) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise InterrogatorError(
            "HEIC is read with pillow-heif, which is not installed here: install it, or save the "
            "picture as JPEG."
        ) from error
    return HeifImageFile(stream)


def _check_size(picture: Image.Image, most: int = MAX_PIXELS) -> None:
    _check_pixels(*picture.size, most)


def _check_pixels(width: int, height: int, most: int = MAX_PIXELS) -> None:
    if width * height > most:
        raise _too_large(f"{width:,} × {height:,} pixels")
    if not width or not height:
        raise InterrogatorError("The picture has no pixels. Choose another one.")


def _too_large(has: str = "more") -> InterrogatorError:
    return InterrogatorError(
        f"The picture is too large: it has {has}, and up to {MAX_PIXELS // 10**6} megapixels are "
        f"read, of most JPEGs {MAX_DRAFT_PIXELS // 10**6}. Scale it down and try again."
    )


def _check_missing(file: PictureFile, decoded: Image.Image | None = None) -> tuple[str, ...]:
    """Return a note where a file ends early, as browsers show it all the same.

    Raises:
        ValueError: Too much of it is missing.
    """
    missing = file.missing
    if missing is None:  # a JPEG
        if file.scans > 1:
            return ("The file ends early: the picture may be blurred or lack parts.",)
        missing = _undetermined(file, decoded) if decoded else 0.0
    elif not missing:
        return ()
    if missing > MAX_MISSING:
        raise ValueError("most of the picture is missing")
    lacking = f"its last {missing:.0%}" if missing >= 0.005 else "next to nothing of it"
    return (f"The file ends early: of the picture, {lacking} is missing.",)


def _undetermined(file: PictureFile, decoded: Image.Image) -> float:
    """Return the share of a JPEG's height that would be another if its data went on otherwise."""
    other = JpegImagePlugin.JpegImageFile(
        io.BytesIO(file.data[:-2] + b"\x5a\xa7\x31" * 99 + file.data[-2:])
    )
    other.draft("RGB", (MAX_SIDE, MAX_SIDE))
    box = ImageChops.difference(decoded, other).getbbox(alpha_only=False)
    return 1 - box[1] / decoded.height if box else 0.0


def _darkness(picture: Image.Image) -> tuple[str, ...]:
    """Return a note on a PNG of 16 bits that uses 12 or fewer, though its format forbids it."""
    most = np.asarray(picture).max() if picture.mode.startswith("I;16") else 0
    return (tiff.NEARLY_BLACK.format(most),) if 0 < most < 2**12 else ()


def _normalised(picture: Image.Image, orientation: int) -> Image.Image:
    profile = picture.info.get("icc_profile")
    small = _eight_bits(picture)
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if small.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in small.info:
        small = (small.convert("LA") if small.mode == "La" else small).convert("RGBA")
        # A transparent pixel keeps a hidden colour: over white, what is seen is what is read.
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small).convert("RGB")
    plain = _to_srgb(small, profile)
    turn = TURNS.get(orientation)
    return plain if turn is None else plain.transpose(turn)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return the picture with 8 bits a channel; Pillow's own conversion would clip to white."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture, dtype=np.float32)
        full = max(65535.0, float(values.max()))
        return Image.fromarray(np.clip(values * (255 / full), 0, 255).astype(np.uint8))
    if picture.mode == "F":  # of no known range: the darkest is black, the brightest white
        values = np.nan_to_num(np.asarray(picture, dtype=np.float32))
        span = float(np.ptp(values)) or 1.0
        return Image.fromarray(((values - values.min()) * (255 / span)).astype(np.uint8))
    if picture.mode in ("P", "PA", "1"):
        # Colours cannot be averaged through their numbers in a palette: resolve them first.
        clear = picture.mode == "PA" or "transparency" in picture.info
        return picture.convert("RGBA" if clear else "RGB")
    return picture


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the embedded colour profile, or plainly where none fits."""
    if profile and picture.mode in ("RGB", "CMYK"):
        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, embedded, srgb, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged or foreign profile says less than the plain values do
    return picture.convert("RGB")
