import csv
import hashlib

import pytest

from interrogator.catalogue import PRESETS
from interrogator.errors import InterrogatorError
from interrogator.vocabulary import FOLDER, read_folder, vocabulary_for
from training.painter import vocabulary as painted_words


def write(folder, **files):
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def test_reads_a_list_per_category_with_its_template(tmp_path):
    write(
        tmp_path,
        artists_csv='name,born\nPaul Klee,1879\n"Who, Ever",\n',
        sites_txt="X\n",
        styles_txt="soft light\n\n  film   grain \nsoft light\n",
    )
    read = read_folder(tmp_path)
    assert read.categories == {
        "artists": ("by Paul Klee", "by Who, Ever"),
        "sites": ("trending on X",),
        "styles": ("soft light", "film grain"),
    }
    assert read.phrases[2] == "trending on X"
    assert dict(read.slices())["styles"] == slice(3, 5)


def test_accents_are_composed_so_that_equal_phrases_are_equal(tmp_path):
    write(tmp_path, a_txt="Ce\u0301zanne\nC\u00e9zanne\n")
    assert read_folder(tmp_path).categories["a"] == ("C\u00e9zanne",)


def test_the_hash_names_categories_and_phrases(tmp_path):
    write(tmp_path, a_txt="x\ny\n", b_txt="z\n")
    assert read_folder(tmp_path).sha256 == hashlib.sha256(b"a\tx\na\ty\nb\tz").hexdigest()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no phrase lists"),
        ({"a_txt": "\n \n"}, "empty"),
        ({"readme_md": "x"}, "no phrase lists"),
    ],
)
def test_a_folder_without_phrases_gets_a_sentence(tmp_path, files, says):
    with pytest.raises(InterrogatorError, match=says):
        read_folder(write(tmp_path, **files))


def test_binary_data_and_missing_folders_get_a_sentence(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)))
    with pytest.raises(InterrogatorError, match="not text"):
        read_folder(tmp_path)
    with pytest.raises(InterrogatorError, match="no folder"):
        read_folder(tmp_path / "none")


def test_right_to_left_and_cjk_phrases_are_read(tmp_path):
    write(tmp_path, a_txt="رسم زيتي\n浮世絵\n")
    assert read_folder(tmp_path).phrases == ("رسم زيتي", "浮世絵")


def test_the_demo_vocabulary_is_what_the_models_were_taught():
    read = vocabulary_for(PRESETS["demo"])
    taught = {f"{category}s": tuple(words) for category, words in painted_words().items()}
    assert read.categories == taught


def test_our_lists_are_consistent():
    read = vocabulary_for(PRESETS["quality"])
    assert set(read.categories) == {
        "artists",
        "mediums",
        "movements",
        "negative",
        "sites",
        "styles",
    }
    movements = set(read.categories["movements"])
    with (FOLDER / "artists.csv").open(encoding="utf-8") as file:
        for artist in csv.DictReader(file):
            assert artist["movements"] in {"", *movements}, artist
            if artist["born"] and artist["died"]:
                assert 0 < int(artist["died"]) - int(artist["born"]) <= 110, artist
