import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from interrogator.errors import InterrogatorError
from interrogator.images import decode


def encoded(picture, form="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def colour_of(picture, x=0, y=0):
    return picture.getpixel((x, y))


def test_reads_path_bytes_and_image_alike(tmp_path):
    picture = Image.new("RGB", (20, 10), (10, 200, 30))
    path = tmp_path / "a.png"
    picture.save(path)
    for source in (path, str(path), path.read_bytes(), picture):
        read = decode.read(source)
        assert (read.mode, read.size, colour_of(read)) == ("RGB", (20, 10), (10, 200, 30))


def test_turns_a_picture_upright_by_its_exif():
    picture = Image.new("RGB", (20, 10), "black")
    picture.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    read = decode.read(encoded(picture, exif=exif))
    assert read.size == (10, 20)
    assert colour_of(read, 9, 0) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_shows_transparent_pixels_as_white(mode):
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.putpixel((1, 1), (200, 200, 200, 255))
    read = decode.read(picture.convert(mode))
    assert colour_of(read) == (255, 255, 255)
    assert colour_of(read, 1, 1) == pytest.approx((200, 200, 200), abs=3)


def test_half_transparent_black_on_white_is_grey():
    read = decode.read(Image.new("RGBA", (2, 2), (0, 0, 0, 128)))
    assert colour_of(read) == pytest.approx((127, 127, 127), abs=1)


def test_palette_with_a_transparent_entry():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    read = decode.read(encoded(picture, transparency=0))
    assert colour_of(read, 0, 0) == (255, 255, 255)
    assert colour_of(read, 1, 0) == (0, 0, 255)


def test_sixteen_bit_grey_keeps_its_tones():
    values = np.array([[0, 65535 // 2, 65535]], dtype=np.uint16)
    read = decode.read(encoded(Image.fromarray(values)))
    assert [colour_of(read, x)[0] for x in range(3)] == pytest.approx([0, 127, 255], abs=1)


def test_a_dark_sixteen_bit_picture_stays_dark():
    values = np.full((2, 2), 200, dtype=np.uint16)
    assert colour_of(decode.read(encoded(Image.fromarray(values)))) == (0, 0, 0)


def test_float_pictures_reach_from_black_to_white():
    values = np.array([[0.4, 0.5, 0.6]], dtype=np.float32)
    read = decode.read(encoded(Image.fromarray(values), "TIFF"))
    assert [colour_of(read, x)[0] for x in range(3)] == pytest.approx([0, 127, 255], abs=1)


def test_a_good_picture_with_damaged_notes_is_read():
    read = decode.read(encoded(Image.new("RGB", (4, 4), "red"), exif=b"Exif\x00\x00garbage"))
    assert colour_of(read) == (255, 0, 0)


def test_a_jpeg_of_endless_passes_is_refused():
    whole = encoded(NOISE, "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    assert decode.read(whole).size == (64, 64)
    with pytest.raises(InterrogatorError, match="too many passes"):
        decode.read(whole[:-2] + whole[last:-2] * 200 + whole[-2:])


def test_cmyk_is_converted_to_rgb():
    for form in ("TIFF", "JPEG"):
        read = decode.read(encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), form))
        assert colour_of(read) == pytest.approx((255, 0, 0), abs=1)


def test_an_embedded_profile_is_followed():
    # sRGB with red's and blue's primaries exchanged: what it calls red is blue light.
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert colour_of(decode.read(encoded(red, icc_profile=srgb))) == pytest.approx(
        (255, 0, 0), abs=1
    )
    assert colour_of(decode.read(encoded(red, icc_profile=swapped))) == pytest.approx(
        (0, 0, 255), abs=1
    )


def test_a_profile_that_does_not_fit_is_passed_over():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"not a profile"):
        read = decode.read(encoded(Image.new("RGB", (4, 4), (128, 64, 32)), icc_profile=profile))
        assert colour_of(read) == (128, 64, 32)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    read = decode.read(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert colour_of(read) == (255, 0, 0)


def test_a_huge_picture_is_made_smaller():
    read = decode.read(encoded(Image.new("RGB", (5000, 2500), "red"), "JPEG"))
    assert read.size == (decode.MAX_SIDE, decode.MAX_SIDE // 2)


def bomb(width, height):
    """A PNG of one colour, compressed to a few KB, that says it has width × height pixels."""

    def chunk(kind, data):
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((width // 8 + 2) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "no picture yet"),
        (b"", "empty"),
        (b"hello, I am a text", "not a picture"),
        (SVG, "SVG"),
        (encoded(NOISE, "JPEG")[:900], "damaged"),
        (encoded(NOISE)[:900], "damaged"),
        (bomb(10_000, 10_000), "too large"),
        (bomb(8_000, 8_000), "too large"),
        (bomb(200_000, 200_000 // 80), "too large"),
        (encoded(NOISE, "PPM"), "not a picture"),
        ("/no/such/picture.png", "No such file"),
        ("/", "Is a directory"),
        ("/tmp/a\0b", "cannot be read"),
    ],
    ids=[
        "none", "empty", "text", "svg", "cut jpeg", "cut png", "100 MP", "64 MP", "500 MP", "ppm",
        "missing", "folder", "null",
    ],
)  # fmt: skip
def test_what_is_no_picture_gets_a_sentence(source, says):
    with pytest.raises(InterrogatorError, match=says) as caught:
        decode.read(source)
    assert str(caught.value).endswith(".")


def test_a_file_over_the_limit_is_not_even_read(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MAX_BYTES", 100)
    path = tmp_path / "a.png"
    path.write_bytes(bytes(101))
    with pytest.raises(InterrogatorError, match="MB are read"):
        decode.read(path)


def test_a_text_named_png(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("not a picture at all")
    with pytest.raises(InterrogatorError, match="Use JPEG"):
        decode.read(path)
