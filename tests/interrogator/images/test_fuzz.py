"""Odd and hostile files; `benchmarks/fuzz_pictures.py` reads more of them, for minutes."""

import pytest

from benchmarks import fuzz_pictures
from benchmarks.picture_bombs import BOMBS
from benchmarks.picture_files import whole_files

QUICK = [
    "avif, exif", "bmp, ends of lines", "bmp, many runs", "bmp, runs upwards", "gif, comment",
    "gif, comment in bytes", "gif, frames", "jpeg of 2**32 pixels", "jpeg, exif in parts",
    "jpeg, scans", "markers", "png of 100 megapixels", "png, empty pieces", "png, exif",
    "png, text", "tiff, directory", "tiff, long tags", "webp, exif", "zeros",
]  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_a_bomb_is_a_picture_or_a_sentence_in_bounded_time_and_memory(name):
    assert fuzz_pictures.outcome(name, BOMBS[name]()).failure == ""


def test_every_whole_file_is_a_picture():
    for name, data in whole_files().items():
        read = fuzz_pictures.outcome(name, data)
        assert (read.failure, read.said) == ("", ""), name


def test_odd_files_are_pictures_or_sentences(monkeypatch):
    monkeypatch.setattr(fuzz_pictures, "BOMBS_SHARE", 0)
    outcomes = [fuzz_pictures.outcome(*fuzz_pictures.make_file(seed)) for seed in range(2_500)]
    assert [read for read in outcomes if read.failure] == []
    refused = sum(bool(read.said) for read in outcomes)
    assert 600 < refused < 2_000  # both happen, or the files are not odd


def test_the_same_seed_makes_the_same_file():
    assert fuzz_pictures.make_file(3) == fuzz_pictures.make_file(3)
