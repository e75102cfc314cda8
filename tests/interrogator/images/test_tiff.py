import io
import struct

import numpy as np
import pytest
from PIL import Image

from benchmarks.picture_files import tiff
from interrogator.errors import InterrogatorError
from interrogator.images import decode, metadata

RAMP = np.linspace(0, 1, 40)
ACROSS, DOWN = np.meshgrid(RAMP, RAMP[:30])
COLOURS = np.stack([ACROSS, DOWN, np.full((30, 40), 0.25)], -1)
GREY = COLOURS[..., :1]


def as_read(data):
    return np.asarray(decode.read(data)).astype(int)


def same(read, shares, off=1):
    """Tell whether 8-bit values are those of shares of white, give or take one."""
    return np.abs(read - np.round(np.broadcast_to(shares, read.shape) * 255)).max() <= off


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    "how",
    [{}, {"planar": True}, {"packed": True}, {"planar": True, "packed": True}, {"tile": 16},
     {"tile": 16, "packed": True, "planar": True}],
    ids=lambda how: " ".join(how) or "strip",
)  # fmt: skip
def test_every_layout_and_type_of_samples_gives_the_same_picture(kind, how, order):
    full = np.iinfo(kind).max if kind[0] == "u" else 1
    picture = decode.read_picture(tiff((COLOURS * full).astype(kind), 2, order=order, **how))
    assert same(np.asarray(picture.image), COLOURS)
    assert not [note for note in picture.notes if kind != "u4"]


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize(("photometric", "shares"), [(1, GREY), (0, 1 - GREY)])
def test_black_is_least_or_most_as_the_file_says(kind, photometric, shares):
    full = np.iinfo(kind).max if kind[0] == "u" else 1
    assert same(as_read(tiff((GREY * full).astype(kind), photometric)), shares)


@pytest.mark.parametrize("depth", [10, 12, 14])
@pytest.mark.parametrize("shares", [GREY, COLOURS], ids=["grey", "rgb"])
def test_fewer_bits_in_sixteen_are_read_as_such_with_a_note(depth, shares):
    samples = np.round(shares * (2**depth - 1)).astype("u2")
    picture = decode.read_picture(tiff(samples, 1 if shares is GREY else 2))
    assert same(np.asarray(picture.image), shares)
    assert picture.notes == (
        f"Its values fill {depth} of 16 bits and are read as such: {2**depth - 1:,} is white.",
    )


def test_the_value_that_the_file_calls_the_greatest_is_white():
    picture = decode.read_picture(tiff((GREY * 999).astype("u2"), 1, more={281: 1998}))
    assert same(np.asarray(picture.image), GREY / 2)
    assert picture.notes == ()


def test_a_nearly_black_picture_stays_so_with_a_note():
    picture = decode.read_picture(tiff(np.full((4, 4, 1), 200, "u2"), 1))
    assert np.asarray(picture.image).max() == 1  # 200 / 65535 × 255 = 0.8
    assert "200 of 65,535" in picture.notes[0]


def test_a_png_of_twelve_bits_in_sixteen_is_read_as_it_stands_with_a_note():
    stream = io.BytesIO()
    Image.fromarray((GREY[..., 0] * 4095).astype("u2")).save(stream, "PNG")
    picture = decode.read_picture(stream.getvalue())
    assert same(np.asarray(picture.image), GREY / 16)
    assert picture.notes == ("Its brightest value is 4,095 of 65,535: it is read as nearly black.",)


@pytest.mark.parametrize("kind", ["u2", "f4"])
@pytest.mark.parametrize(("value", "seen"), [(0, 0), (1, 255), (0.5, 128)])
def test_a_picture_of_one_tone_keeps_it(kind, value, seen):
    full = 65535 if kind == "u2" else 1
    read = as_read(tiff(np.full((3, 3, 1), value * full, kind), 1))
    assert np.abs(read - seen).max() <= 1


def test_twelve_bits_packed_two_in_three_bytes():
    values = np.array([[0, 4095, 2048], [1024, 0, 4095]])
    rows = b""
    for a, b, c in values:  # a row ends on a whole byte
        rows += int(f"{a:012b}{b:012b}{c:012b}0000", 2).to_bytes(5)
    data = tiff(np.frombuffer(rows, "u1").reshape(2, 5, 1), 1, more={256: 3, 258: 12})
    assert as_read(data)[..., 0].tolist() == [[0, 255, 128], [64, 0, 255]]


@pytest.mark.parametrize("missing", [-9999, -3.4e38, 1e20])
@pytest.mark.parametrize("place", [(3, 5), np.s_[:15]], ids=["speck", "half"])
def test_a_value_far_from_all_others_means_no_data(missing, place):
    samples = GREY.astype("f4")
    samples[place] = missing
    picture = decode.read_picture(tiff(samples, 1))
    assert same(np.asarray(picture.image)[20:], GREY[20:])
    assert "no data" in picture.notes[0]


def test_what_is_no_number_is_black():
    samples = GREY.astype("f4")
    samples[3, 5], samples[4, 5] = np.nan, -np.inf
    read = as_read(tiff(samples, 1))
    assert read[3, 5].max() == read[4, 5].max() == 0
    assert same(read[10:], GREY[10:])


def test_values_of_no_known_range_reach_from_black_to_white_with_a_note():
    samples = (GREY * 500 - 200).astype("i2")
    picture = decode.read_picture(tiff(samples, 1))
    assert same(np.asarray(picture.image), GREY)
    assert picture.notes == ("Its values are read with -200 as black and 300 as white.",)


@pytest.mark.parametrize(
    ("mode", "kind", "full", "predictor"), [("I;16", "u2", 65535, 2), ("F", "f4", 1, 3)]
)
@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate"])
def test_differences_are_summed_up(mode, kind, full, predictor, packing):
    stream, shares = io.BytesIO(), np.tile(GREY, (12, 9, 1))
    picture = Image.fromarray((shares[..., 0] * full).astype(kind))
    assert picture.mode == mode
    picture.save(stream, "TIFF", compression=packing, tiffinfo={317: predictor})
    tags = metadata.directory(stream.getvalue())
    assert tags.value(metadata.Tag.PREDICTOR, 1) == predictor
    assert len(tags.values(metadata.Tag.OFFSETS)) > 1
    assert same(as_read(stream.getvalue()), shares)


def test_differences_within_tiles_and_channels():
    samples = (COLOURS * 65535).astype("u2")
    steps = samples.copy()
    for start in (0, 16, 32):  # a tile's rows are predicted by themselves
        tile = samples[:, start : start + 16]
        steps[:, start + 1 : start + 16] = tile[:, 1:] - tile[:, :-1]
    assert same(as_read(tiff(steps, 2, tile=16, packed=True, more={317: 2})), COLOURS)


@pytest.mark.parametrize(
    ("extra", "seen"), [(2, (228, 228, 228)), (1, (255, 255, 255)), (0, (200,) * 3)]
)
def test_opacity_counts_where_the_file_says_that_it_is_one(extra, seen):
    """Half opaque, 200 is 228 over white; premultiplied, 255; otherwise not opacity."""
    samples = np.full((2, 2, 4), (200 * 257, 200 * 257, 200 * 257, 32768), "u2")
    read = as_read(tiff(samples, 2, more={338: extra}))
    assert np.abs(read - np.array(seen)).max() <= 1


def test_cmyk_of_sixteen_bits():
    samples = np.full((2, 2, 4), (0, 65535, 65535, 0), "u2")
    for planar in (False, True):
        assert as_read(tiff(samples, 5, planar))[0, 0].tolist() == [255, 0, 0]


def test_an_odd_tiff_is_turned_upright():
    read = as_read(tiff((COLOURS * 65535).astype("u2"), 2, more={274: 6}))
    assert same(read, np.rot90(COLOURS, -1))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tiff(GREY.astype("u8"), 1), "1 channel of 64-bit whole numbers"),
        (tiff(COLOURS.astype("u2"), 8), r"3 channels of 16-bit whole numbers \(photometric 8\)"),
        (tiff(COLOURS.astype("f4"), 2, planar=True, more={339: 5}), "32-bit numbers of another"),
        (tiff(GREY.astype("u2"), 1, more={259: 7}), "compression 7"),
        (tiff(GREY.astype("u2"), 3), "photometric 3"),
        (tiff(GREY.astype("u1"), 1, more={254: 1}), "raw photo"),
        (tiff(GREY.astype("u1"), 1, more={50706: 1}), "raw photo"),
        (tiff(GREY.astype("u2"), 1, more={256: 60_000, 257: 60_000}), "60,000 × 60,000 pixels"),
        (tiff(COLOURS.astype("f8"), 2, more={256: 6_000, 257: 8_000}), "unpack to over 120 MB"),
        (tiff(GREY.astype("u2"), 1)[:2000], "damaged"),
    ],
    ids=["u8", "lab", "complex", "jpeg", "palette", "preview", "dng", "large", "deep", "cut"],
)  # fmt: skip
def test_a_kind_that_is_not_read_is_named(data, says):
    with pytest.raises(InterrogatorError, match=says):
        decode.read(data)


def test_a_kind_that_cannot_even_be_named_is_damaged():
    data = tiff(GREY.astype("u1"), 9)  # which Pillow does not open
    with pytest.raises(InterrogatorError, match="photometric 9"):
        decode.read(data)
    channels = struct.pack("<HHII", 277, 4, 1, 1)
    with pytest.raises(InterrogatorError, match="damaged"):
        decode.read(data.replace(channels, struct.pack("<HHII", 277, 4, 9, 2**31 - 1)))


def test_an_exif_block_that_claims_more_than_there_is_harms_nobody():
    for block in (b"", b"II*\0", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*\xff\xff\xff\xff", bytes(99)):
        assert metadata.orientation(block) == 1
