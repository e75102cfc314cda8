import io
import re
import struct
import sys
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from benchmarks.picture_bombs import bmp_runs
from benchmarks.picture_files import png, png_chunk
from interrogator.errors import InterrogatorError
from interrogator.images import decode, formats
from tests.interrogator.images.test_decode import NOISE, bomb, encoded

RAMP = Image.fromarray(
    np.stack(np.meshgrid(range(0, 240, 4), range(0, 200, 4), [60]), -1)[:, :, 0].astype("u1")
)
LARGE_NOISE = NOISE.resize((512, 512), Image.Resampling.BICUBIC)


def heic(picture, **options):
    stream = io.BytesIO()
    pillow_heif.from_pillow(picture).save(stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_picture_is_turned_upright_by_its_exif(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO(encoded(RAMP, form, exif=exif))
    with Image.open(stream) as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture).convert("RGB")).astype(int)
    read = np.asarray(decode.read(stream.getvalue())).astype(int)
    assert read.shape == upright.shape
    assert np.abs(read - upright).max() <= 2


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_is_turned_upright_by_its_xmp(form):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    data = encoded(RAMP, form, **({"xmp": xmp} if form == "JPEG" else {"pnginfo": text}))
    assert decode.read(data).size == RAMP.size[::-1]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF"])
def test_what_lies_behind_the_picture_is_not_looked_at(form):
    """A phone puts a film there; 200,000 random bytes have some twenty marks of a JPEG's pass."""
    alone = encoded(RAMP, form)
    film = np.random.default_rng(0).bytes(200_000) + b"\xff\xda\0\x02" * 500 + bomb(9_000, 9_000)
    picture = decode.read_picture(alone + film)
    assert picture.notes == ()
    assert picture.image.tobytes() == decode.read(alone).tobytes()


def test_a_preview_within_the_notes_is_not_looked_at():
    preview = encoded(NOISE, "JPEG", progressive=True)
    data = encoded(RAMP, "JPEG")
    segment = b"Exif\0\0" + preview * 12  # more passes than are allowed
    with_notes = b"\xff\xd8\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + data[2:]
    assert len(segment) < 65_534
    assert decode.read(with_notes).tobytes() == decode.read(data).tobytes()


@pytest.mark.parametrize("packed", [True, False])
def test_a_workflow_of_over_a_megabyte_beside_the_picture_is_no_fault(packed):
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "a cat, " * 180_000, zip=packed)
    data = encoded(RAMP, "PNG", pnginfo=text)
    assert decode.read(data).tobytes() == RAMP.tobytes()


def test_a_profile_that_unpacks_to_megabytes_is_left_out():
    chunk = png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(3_000_000)))
    assert decode.read(png(4, 3, chunk, depth=8, colour=2)).size == (4, 3)


def test_a_phones_108_megapixels_are_made_smaller_while_they_are_decoded():
    data = encoded(Image.new("RGB", (12_000, 9_000), (90, 120, 60)), "JPEG", quality=30)
    read = decode.read(data)
    assert read.size == (2048, 1536)
    assert read.getpixel((1000, 1000)) == pytest.approx((90, 120, 60), abs=4)
    decode.look_at(data)


@pytest.mark.parametrize(
    ("size", "options"),
    [((8_000, 7_000), {"progressive": True}), ((60_000, 1_000), {}), ((16_000, 13_000), {})],
    ids=["progressive", "strip", "208 MP"],
)
def test_a_jpeg_that_cannot_be_made_smaller_is_refused_with_its_size(size, options):
    """All of a progressive one is held in memory; a strip would stay as it is."""
    data = encoded(Image.new("L", size), "JPEG", quality=20, **options)
    with pytest.raises(InterrogatorError, match=f"{size[0]:,} × {size[1]:,} pixels"):
        decode.read(data)


def test_a_jpeg_cut_by_two_bytes_is_read_with_a_note():
    whole = encoded(RAMP, "JPEG")
    picture = decode.read_picture(whole[:-2])
    assert picture.image.tobytes() == decode.read(whole).tobytes()
    assert picture.notes == (
        "The file ends early: of the picture, next to nothing of it is missing.",
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_note_says_how_much_of_a_cut_picture_is_missing(form):
    whole = encoded(LARGE_NOISE, form)
    picture = decode.read_picture(whole[: len(whole) * 3 // 4])
    (share,) = re.findall(r"its last (\d+)% is missing", picture.notes[0])
    assert 20 <= int(share) <= 30
    above = (0, 0, 512, 512 * 68 // 100)
    assert picture.image.crop(above).tobytes() == decode.read(whole).crop(above).tobytes()


def test_a_cut_progressive_picture_is_read_with_a_note():
    whole = encoded(LARGE_NOISE, "JPEG", progressive=True)
    picture = decode.read_picture(whole[: len(whole) * 3 // 4])
    assert "may be blurred" in picture.notes[0]
    off = np.abs(np.asarray(picture.image).astype(int) - np.asarray(decode.read(whole)))
    assert off.mean() < 20


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_of_a_picture_that_is_mostly_missing_nothing_is_made(form):
    whole = encoded(LARGE_NOISE, form)
    with pytest.raises(InterrogatorError, match="damaged or incomplete"):
        decode.read(whole[: len(whole) // 3])


def test_an_interlaced_picture_that_is_cut_is_damaged():
    """Its rows come in seven turns: filling up the last ones would not do."""
    whole = encoded(LARGE_NOISE)
    head = struct.pack(">IIBBBBB", 512, 512, 8, 2, 0, 0, 0)
    interlaced = whole.replace(png_chunk(b"IHDR", head), png_chunk(b"IHDR", head[:-1] + b"\1"))
    assert interlaced != whole
    with pytest.raises(InterrogatorError, match="damaged"):
        decode.read(interlaced[:-2_000])
    assert "ends early" in decode.read_picture(whole[:-2_000]).notes[0]


def test_a_bmp_in_runs_is_read_if_it_is_small():
    """Three pixels of colour 1, one of 0, from the lowest row up."""
    data = bytearray(bmp_runs(4, 2, b"\3\1\1\0\0\0\4\1\0\1"))
    data[54 + 4 : 54 + 7] = b"\x20\x40\x80"  # colour 1: blue, green, red
    read = decode.read(bytes(data))
    assert [read.getpixel((x, 1)) for x in (2, 3)] == [(0x80, 0x40, 0x20), (0, 0, 0)]
    assert read.getpixel((3, 0)) == (0x80, 0x40, 0x20)


@pytest.mark.parametrize(
    ("width", "height", "runs"), [(70_000, 1, 1), (4_000, 4_000, 1), (9, 9, 2**20)]
)
def test_a_large_bmp_in_runs_is_refused(width, height, runs):
    with pytest.raises(InterrogatorError, match="packed in runs"):
        decode.look_at(bmp_runs(width, height, b"\1\0" * runs))


def test_heic_is_read_as_phones_save_it():
    read = np.asarray(decode.read(heic(RAMP, quality=95))).astype(int)
    assert np.abs(read - np.asarray(RAMP)).max() <= 12
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.asarray(decode.read(heic(RAMP, quality=95, exif=exif.tobytes()))).astype(int)
    assert np.abs(turned - np.rot90(np.asarray(RAMP), -1)).max() <= 12


def test_where_heic_cannot_be_read_the_sentence_says_what_to_do(monkeypatch):
    data = heic(RAMP)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(InterrogatorError, match="pillow-heif, which is not installed"):
        decode.read(data)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (encoded(RAMP, "JPEG2000"), "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(20), "raw photo"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw photo"),
        (b"FUJIFILMCCD-RAW 0201", "raw photo"),
        (b"IIRO\x08\0\0\0", "raw photo"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a film"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\3\4", "ZIP"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "film or a sound"),
    ],
)
def test_what_is_not_read_is_named_with_what_to_do(start, name):
    for look in (decode.read, decode.look_at):
        with pytest.raises(InterrogatorError, match=name) as caught:
            look(start + bytes(64))
        assert re.search(r"(Save|Export|Unpack) ", str(caught.value))


def test_a_looked_at_file_is_not_decoded(monkeypatch):
    data = encoded(RAMP)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    decode.look_at(data)


def test_a_file_of_many_pieces_is_refused(monkeypatch):
    monkeypatch.setattr(formats, "MAX_PIECES", 20)
    jpeg = b"\xff\xd8" + b"\xff\xe5\0\2" * 30 + encoded(RAMP, "JPEG")[2:]
    for data in (jpeg, png(4, 3, *[png_chunk(b"tEXt", b"a\0b")] * 30)):
        with pytest.raises(InterrogatorError, match="too many pieces"):
            decode.read(data)
