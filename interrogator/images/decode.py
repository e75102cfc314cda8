"""Bytes, a path or a PIL image → one safe RGB picture. Every limit on pictures is kept here.

Nothing is decoded before its format and its size in pixels are known to be allowed, so that a
12 KB file cannot become a gigabyte of memory.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from interrogator.errors import InterrogatorError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
FORMATS_TEXT = "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"
MAX_BYTES = 30 * 2**20  # of a file
MAX_PIXELS = 50_000_000  # before decoding; 50 megapixels are 200 MB in memory
MAX_SCANS = 100  # of a progressive JPEG, which has about ten; each costs a pass over all pixels
MAX_SIDE = 2048  # pixels, after reading; the models look at 96 to 448

NO_PICTURE = "There is no picture yet: upload one, paste one or pick an example."

# Pillow refuses by itself what is twice this, wherever in this process a picture is opened.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def read(source: str | Path | bytes | Image.Image | None) -> Image.Image:
    """Return one upright, opaque 8-bit RGB picture with no side over `MAX_SIDE` pixels.

    Args:
        source: A path, the bytes of a file, or a PIL image; the first frame of an animation counts.

    Raises:
        InterrogatorError: No picture, not a picture, too large, or damaged; in a sentence.
    """
    if source is None:
        raise InterrogatorError(NO_PICTURE)
    if isinstance(source, Image.Image):
        _check_size(source)
        return _decoded(source)
    with _opened(_bytes_of(source)) as picture:
        _check_size(picture)
        return _decoded(picture)


def look_at(source: str | Path | bytes | None) -> None:
    """Find out, without decoding it, whether a file can be a picture.

    Raises:
        InterrogatorError: No picture, not a picture, or too large; in a sentence.
    """
    if source is None:
        raise InterrogatorError(NO_PICTURE)
    with _opened(_bytes_of(source)) as picture:
        _check_size(picture)


def _bytes_of(source: str | Path | bytes) -> bytes:
    if not isinstance(source, bytes):
        path = Path(source)
        try:
            size = path.stat().st_size
            _check_bytes(size)
            source = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            reason = getattr(error, "strerror", None) or "it cannot be read"
            raise InterrogatorError(f"{path.name}: {reason}. Check the path.") from error
    _check_bytes(len(source))
    if source.startswith(b"\xff\xd8") and source.count(b"\xff\xda") > MAX_SCANS:
        raise InterrogatorError(
            "The JPEG is built of too many passes over the picture. Save it again and try again."
        )
    return source


def _check_bytes(size: int) -> None:
    if size == 0:
        raise InterrogatorError("The file is empty. Choose another picture.")
    if size > MAX_BYTES:
        raise InterrogatorError(
            f"The file has {size / 2**20:.0f} MB; up to {MAX_BYTES // 2**20} MB are read. "
            "Save it smaller or as JPEG."
        )


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        if b"<svg" in data[:4096].lower():
            raise InterrogatorError(
                "SVG is a drawing, not a picture of pixels. Export it as PNG and try again."
            ) from error
        raise InterrogatorError(
            f"The file is not a picture that can be read. Use {FORMATS_TEXT}."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except Exception as error:  # decoders meet hostile bytes and raise whatever they like
        raise _damaged() from error


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(f"{width:,} × {height:,} pixels")
    if not width or not height:
        raise InterrogatorError("The picture has no pixels. Choose another one.")


def _too_large(has: str = "more") -> InterrogatorError:
    return InterrogatorError(
        f"The picture is too large: it has {has}, and up to {MAX_PIXELS // 10**6} megapixels are "
        "read. Scale it down and try again."
    )


def _damaged() -> InterrogatorError:
    return InterrogatorError(
        "The picture is damaged or incomplete and cannot be decoded. Save or download it again."
    )


def _decoded(picture: Image.Image) -> Image.Image:
    try:
        picture.draft("RGB", (MAX_SIDE, MAX_SIDE))  # JPEG alone: decodes at a half, a quarter …
        picture.load()
        return _normalised(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except MemoryError as error:
        raise _too_large() from error
    except Exception as error:  # decoders meet hostile bytes and raise whatever they like
        raise _damaged() from error


def _normalised(picture: Image.Image) -> Image.Image:
    upright = _upright(picture)
    small = _eight_bits(upright)
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    profile = picture.info.get("icc_profile")
    if small.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in small.info:
        small = small.convert("RGBA")
        # A transparent pixel keeps a hidden colour: over white, what is seen is what is read.
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small).convert("RGB")
    return _to_srgb(small, profile)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged notes about a picture do not damage the picture
        return picture


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
    return picture.copy()


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
