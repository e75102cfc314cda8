import hashlib
import importlib.util
import random
import re
from pathlib import Path

import pytest

from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.models.registry import PRESETS
from interrogator.serving.service import vocabulary_for
from interrogator.vocabulary import cleaning, reading
from interrogator.vocabulary.artists import Artist
from interrogator.vocabulary.folding import fold
from interrogator.vocabulary.lists import (
    Vocabulary,
    joined,
    main,
    read_folder,
    read_lists,
    read_pasted,
)
from training.painter import vocabulary as painted_words

EXAMPLES = Path(__file__).parents[3] / "assets" / "examples"


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


# ----- lists as people have them


def changes(cleaned):
    return [(c.line, c.after, c.reason) for c in cleaned.changes]


@pytest.mark.parametrize(
    ("line", "phrase", "reason"),
    [
        ("(soft light:1.2)", "soft light", cleaning.WEIGHT),
        ("((( glowing )))", "glowing", cleaning.WEIGHT),
        ("[fog]", "fog", cleaning.WEIGHT),
        ("cat:1.35", "cat", cleaning.WEIGHT),
        ("cat::2", "cat", cleaning.WEIGHT),
        ("(ratio 16:9)", "ratio 16:9", cleaning.WEIGHT),
        ("a (red:1.1) hat", "a red hat", cleaning.WEIGHT),
        (r"saber \(knight\)", "saber knight", cleaning.WEIGHT),
        ("(Blade Runner 2049:1.2)", "Blade Runner 2049", cleaning.WEIGHT),
        ("(aspect 1:1.85)", "aspect 1:1.85", cleaning.WEIGHT),
        ("cat :1.2", "cat", cleaning.WEIGHT),
        ("cat++", "cat", cleaning.PUNCTUATION),
        ("<lora:film:0.8> film look", "film look", cleaning.WEIGHT),
        ("castle --ar 16:9 --v 4", "castle", cleaning.WEIGHT),
        ("caf\u00c3\u00a9 at night", "café at night", reading.ENCODING),
        ("soft\u200b light\ufeff", "soft light", reading.ENCODING),
        ("\u201cpainterly\u201d", "painterly", cleaning.PUNCTUATION),
        ("- long_hair,", "long hair", cleaning.PUNCTUATION),
        ("trending !!!", "trending", cleaning.PUNCTUATION),
        ("a,, b", "a, b", cleaning.PUNCTUATION),
    ],
)
def test_a_line_is_mended(line, phrase, reason):
    assert cleaning.mend(line) == (phrase, reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("   ", cleaning.BLANK),
        ("# my favorites", cleaning.COMMENT),
        ("...", cleaning.EMPTY),
        ("\U0001f642", cleaning.EMPTY),
        ("a \ufffd b", cleaning.DAMAGED),
        ("__color__ hat", cleaning.TEMPLATE),
        ("{red|blue} hat", cleaning.TEMPLATE),
        ("see https://example.org/a", cleaning.WEB_ADDRESS),
        ("x" * 201, cleaning.TOO_LONG),
    ],
)
def test_a_line_is_dropped(line, reason):
    assert cleaning.mend(line) == (None, reason)


@pytest.mark.parametrize(
    "line",
    ["aspect 1:1.85", "2.39:1", "C++", "F#", "A+", "18+",
     "f/1.4", "16:9", "aspect ratio 1:3", "rock 'n' roll", "J. M. W. Turner", "Sammy Davis Jr.",
     "black & white", "wow!", "1980s", "red, green and blue", "x" * 200,
     "浮世絵", "رسم زيتي", "سایه\u200cروشن"],
)  # fmt: skip
def test_what_is_in_order_is_left_as_it_is(line):
    assert cleaning.mend(line) == (line, "")


def test_what_is_clean_stays_clean():
    rng = random.Random(0)
    signs = "ab 1:.()[]{}<>|\\\"'_-,;!?#/\u201cé\u0301\u200b\ufffdＡ"
    for _ in range(20_000):
        phrase, _ = cleaning.mend("".join(rng.choices(signs, k=rng.randint(0, 14))))
        if phrase is not None:
            assert cleaning.mend(phrase)[0] == phrase
            assert fold(phrase)
            assert not set('()[]{}<>|\\"_;') & set(phrase)


def test_what_was_dropped_and_mended_is_counted_by_reason(tmp_path):
    lines = ["fog", "Fog!", "", "(mist:1.2)", "MÍST", "haze", "!!!", "", "“haze”"]
    lists = read_lists(write(tmp_path, flavors_txt="\n".join(lines)))
    assert lists.vocabulary.categories == {"flavors": ("fog", "mist", "haze")}
    assert lists.dropped == {"duplicate": 3, "blank line": 2, "no letters or digits": 1}
    assert lists.mended == {"weight syntax": 1}
    assert lists.summary() == (
        "3 phrases; 6 lines dropped (duplicate 3, blank line 2, no letters or digits 1); "
        "1 line mended (weight syntax 1)"
    )
    assert changes(lists.cleaned["flavors.txt"])[:3] == [
        (2, None, "duplicate"), (3, None, "blank line"), (4, "mist", "weight syntax")
    ]  # fmt: skip


def test_other_encodings_are_read(tmp_path):
    (tmp_path / "a.txt").write_bytes("Noël\n".encode("cp1252") + "Zoë\n".encode())
    (tmp_path / "b.txt").write_bytes("Chloë\n".encode("utf-16"))
    (tmp_path / "c.txt").write_bytes("\ufeffNaïs\r\nx".encode())
    lists = read_lists(tmp_path)
    assert lists.vocabulary.categories == {
        "a": ("Noël", "Zoë"), "b": ("Chloë",), "c": ("Naïs", "x")
    }  # fmt: skip
    assert lists.mended == {"damaged encoding": 1}


@pytest.mark.parametrize(
    ("encoding", "lines"),
    [
        ("cp1250", ["Zdzisław Beksiński", "František Kupka", "Toyen"]),
        ("cp1250", ["Zdzisław Beksiński"]),
        ("cp1250", ["żółw"]),  # three letters on end, as in Cyrillic
        ("iso8859-2", ["Zdzisław Beksiński", "Jan Śliwiński", "Gyula Benczúr"]),
        ("cp1252", ["Noël Coypel", "Hôtel de Ville – façade", "Zoë"]),
        ("cp1251", ["Казимир Малевич", "Наталья Гончарова"]),
        ("cp1253", ["Γιώργος Ιακωβίδης", "Κωνσταντίνος Παρθένης"]),
    ],
)
def test_letters_are_those_that_were_written_where_only_one_encoding_fits(
    tmp_path, encoding, lines
):
    (tmp_path / "styles.txt").write_bytes("\r\n".join(lines).encode(encoding))
    lists = read_lists(tmp_path)
    assert lists.vocabulary.categories == {"styles": tuple(lines)}
    assert lists.mended == {"damaged encoding": sum(not line.isascii() for line in lines)}


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("cp1252", "Eugène"),  # in cp1250: Eugčne
        ("cp1250", "Dvořák"),  # in cp1252: Dvoøák
        ("cp1254", "Varınca"),  # in cp1252 and cp1250: Varýnca
        ("koi8-r", "Кандинский"),
        ("shift_jis", "葛飾北斎"),
        ("mac-roman", "Cézanne"),
    ],
)
def test_letters_that_may_be_others_are_dropped_with_the_reason(tmp_path, encoding, line):
    (tmp_path / "styles.txt").write_bytes(b"fog\n" + line.encode(encoding) + b"\nrain\n")
    lists = read_lists(tmp_path)
    assert lists.vocabulary.categories == {"styles": ("fog", "rain")}
    assert changes(lists.cleaned["styles.txt"]) == [(2, None, reading.UNSURE_LETTERS)]


def test_a_sure_line_tells_how_the_others_are_written(tmp_path):
    lines = ("Dvořák", "Zdzisław", "František")  # ³ and a control character in other encodings
    (tmp_path / "a.txt").write_bytes("\n".join(lines).encode("cp1250"))
    assert read_folder(tmp_path).phrases == lines


def test_what_a_template_adds_does_not_come_twice(tmp_path):
    write(tmp_path, artists_txt="by Paul Klee\nClaude Monet\n", sites_txt="Trending on X\n")
    assert read_folder(tmp_path).phrases == ("by Paul Klee", "by Claude Monet", "trending on X")


def test_names_of_files_are_those_of_categories(tmp_path):
    (tmp_path / "Flavors.top3.TXT").write_text("fog\n")
    (tmp_path / "flavors.csv").write_text("phrase\nhaze\nfog\n")
    (tmp_path / "notes.md").write_text("not a list")
    assert read_folder(tmp_path).categories == {"flavors": ("fog", "haze")}


def test_a_table_tells_years_and_groups(tmp_path):
    write(
        tmp_path,
        artists_csv="name,born,died\nA B,1900,1950\nC D,about 1900,\nE F\n",
        styles_csv="phrase,group\nfog,mood\nrain,\n",
    )
    read = read_folder(tmp_path)
    assert read.artists["by A B"] == Artist("A B", 1900, 1950)
    assert read.artists["by C D"] == Artist("C D", None, None)
    assert read.artists["by E F"] == Artist("E F", None, None)
    assert read.groups == {"fog": "mood"}


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("15th–16th century", 1600),
        ("late 19th–early 20th century", 2000),
        ("1920s–1930s", 1939),
        ("1911–1914", 1914),
        ("about 1890–1920", 1920),
        ("618–907", 907),
        ("5th–4th century BCE", 0),
        ("2nd century BCE–5th century", 500),
        ("from the 5th century BCE", None),
        ("from the 1960s", None),
        ("from 1968", None),
        ("traditional", None),
        ("", None),
    ],
)
def test_artists_without_years_are_dated_by_their_movements(tmp_path, period, end):
    write(
        tmp_path,
        artists_csv="name,born,died,movements\nA B,,,m\nC D,1500,,m\nE F,,,m;n\nG H,,,\n",
        movements_csv=f"name,period\nm,{period}\nn,19th century\n",
    )
    until = {a.name: a.active_until for a in read_folder(tmp_path).artists.values()}
    both = None if end is None else max(end, 1900)
    assert until == {"A B": end, "C D": None, "E F": both, "G H": None}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_tables_are_separated_by_what_separates_their_columns(tmp_path, delimiter):
    rows = [["name", "born", "died"], ["Paul Klee", "1879", "1940"], ["Who, Ever", "", ""]]
    text = "\r\n".join(map(delimiter.join, rows))
    lists = read_lists(write(tmp_path, artists_csv=f"sep={delimiter}\r\n{text}\r\n"))
    assert lists.vocabulary.categories == {"artists": ("by Paul Klee", "by Who, Ever")}
    assert lists.vocabulary.artists["by Paul Klee"] == Artist("Paul Klee", 1879, 1940)
    assert not lists.dropped + lists.mended


@pytest.mark.parametrize(
    ("rows", "phrases"),
    [
        ('"soft light\nhard light\nfog', ("soft light", "hard light", "fog")),
        ('"soft light\n"hard light\nfog', ("soft light", "hard light", "fog")),
        ('fog\nrain\n"hail', ("fog", "rain", "hail")),
    ],
)
def test_an_open_quote_does_not_swallow_rows(tmp_path, rows, phrases):
    lists = read_lists(write(tmp_path, styles_csv=f"phrase\n{rows}\n"))
    assert lists.vocabulary.categories == {"styles": phrases}
    assert lists.mended == {"open quote": rows.count('"')}


def test_an_open_quote_in_another_column_does_not_swallow_rows_either(tmp_path):
    lists = read_lists(write(tmp_path, styles_csv='phrase,about\nfog,"wet\nrain,\nhail,x\n'))
    assert lists.vocabulary.categories == {"styles": ("fog", "rain", "hail")}
    assert lists.mended == {"open quote": 1}


def test_another_cell_may_have_several_lines(tmp_path):
    text = 'phrase,about\nfog,"it is\nwet, ""very"" wet"\n"a, b",\n\nrain,x\n'
    lists = read_lists(write(tmp_path, styles_csv=text))
    assert lists.vocabulary.categories == {"styles": ("fog", "a, b", "rain")}
    assert changes(lists.cleaned["styles.csv"]) == [(5, None, "blank line")]


def test_what_stands_in_two_lists_is_dropped_from_one_and_counted(tmp_path):
    write(tmp_path, one_txt="fog\nrain\n", two_txt="Fog\nsnow\n", negative_txt="snow\n")
    lists = read_lists(tmp_path)
    assert lists.vocabulary.categories == {
        "negative": ("snow",), "one": ("fog", "rain"), "two": ("snow",)
    }  # fmt: skip
    assert lists.dropped == {"duplicate": 1}
    assert changes(lists.cleaned["two.txt"]) == [(1, None, "duplicate")]


def test_a_list_that_modes_know_by_name_keeps_what_another_has(tmp_path):
    write(tmp_path, flavors_txt="(pop art:1.2)\nfog\n", movements_txt="pop art\n")
    lists = read_lists(tmp_path)
    assert lists.vocabulary.categories == {"flavors": ("fog",), "movements": ("pop art",)}
    assert changes(lists.cleaned["flavors.txt"]) == [(1, None, "duplicate")]


def test_a_table_without_its_column_gets_a_sentence(tmp_path):
    with pytest.raises(InterrogatorError, match=r"a\.csv has no column phrase or name"):
        read_folder(write(tmp_path, a_csv="score,weight\n1,2\n"))


def test_a_broken_table_gets_a_sentence(tmp_path):
    write(tmp_path, a_csv='phrase\n"' + "x" * 200_000 + "\n")
    with pytest.raises(InterrogatorError, match=r"a\.csv is not a table that can be read"):
        read_folder(tmp_path)


def test_a_file_of_50_megabytes_gets_a_sentence(tmp_path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(50 * 2**20)
    with pytest.raises(InterrogatorError, match=r"a\.txt is over 20 MB"):
        read_folder(tmp_path)


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_pictures_and_programs_are_no_lists(tmp_path, suffix):
    data = (EXAMPLES / "cat-pop-art.jpg").read_bytes()
    (tmp_path / f"a{suffix}").write_bytes(data)
    with pytest.raises(InterrogatorError, match="not text"):
        read_folder(tmp_path)


def test_200_000_lines_are_read_and_more_than_can_be_ranked_get_a_sentence(tmp_path):
    write(tmp_path, a_txt="".join(f"phrase {n}\n" for n in range(200_000)))
    assert len(read_folder(tmp_path).phrases) == 200_000
    write(tmp_path, b_txt="".join(f"other {n}\n" for n in range(60_000)))
    with pytest.raises(InterrogatorError, match="260,000 phrases; up to 250,000"):
        read_folder(tmp_path)


def test_pasted_lines_are_cleaned_alike():
    lists = read_pasted("soft light\n\n(fog:1.1)\nSoft Light")
    assert lists.vocabulary.categories == {"own": ("soft light", "fog")}
    assert (lists.dropped, lists.mended) == (
        {"blank line": 1, "duplicate": 1},
        {"weight syntax": 1},
    )
    with pytest.raises(InterrogatorError, match="nothing to rank"):
        read_pasted(" \n!!!\n")


def test_own_lists_add_to_others_without_coming_twice():
    ours = Vocabulary("ours", {"styles": ("fog", "soft light"), "artists": ("by Paul Klee",)})
    own = Vocabulary("mine", {"styles": ("Soft-Light", "rain"), "own": ("fog", "hail")})
    both = ours.plus(own)
    assert both.categories == {
        "styles": ("fog", "soft light", "rain"), "artists": ("by Paul Klee",), "own": ("hail",)
    }  # fmt: skip
    assert both.name == "ours + mine"


def test_what_was_pasted_and_stands_in_a_file_is_counted_as_a_duplicate(tmp_path):
    write(tmp_path, styles_txt="Rain\nhail\n", movements_txt="fog")
    both = joined([read_pasted("rain\nfog\nsnow"), read_lists(tmp_path, "your files")])
    assert both.vocabulary.categories == {
        "own": ("rain", "snow"), "movements": ("fog",), "styles": ("hail",)
    }  # fmt: skip
    assert both.vocabulary.name == "your lines + your files"
    assert both.dropped == {"duplicate": 2}
    assert changes(both.cleaned["your lines"]) == [(2, None, "duplicate")]


def test_a_table_of_an_old_mac_is_read(tmp_path):
    (tmp_path / "artists.csv").write_bytes(b"name,born\rPaul Klee,1879\rWho,\r")
    assert read_folder(tmp_path).phrases == ("by Paul Klee", "by Who")


def test_the_negative_list_may_have_what_another_has():
    ours = Vocabulary("ours", {"styles": ("fog",), "negative": ("blurry",)})
    own = Vocabulary("mine", {"negative": ("fog", "Blurry"), "styles": ("blurry",)})
    assert ours.plus(own).categories == {
        "styles": ("fog", "blurry"), "negative": ("blurry", "fog")
    }  # fmt: skip


def test_a_vocabulary_is_narrowed_to_some_rows():
    read = Vocabulary("v", {"a": ("x", "y"), "b": ("z",)}, groups={"y": "g"})
    narrow = read.only([False, True, False])
    assert (narrow.categories, narrow.groups) == ({"a": ("y",)}, {"y": "g"})


# ----- clip-interrogator's own folder


def reference_folder():
    found = importlib.util.find_spec("clip_interrogator")
    return found and Path(found.submodule_search_locations[0]) / "data"


@pytest.mark.skipif(not reference_folder(), reason="clip-interrogator is not installed")
def test_clip_interrogators_lists_load_and_what_was_dropped_is_told():
    lists = read_lists(reference_folder())
    counts = {category: len(group) for category, group in lists.vocabulary.categories.items()}
    assert counts.keys() == {"artists", "flavors", "mediums", "movements", "negative"}
    assert counts["artists"] > 5200
    assert counts["flavors"] > 95_000
    assert "by Zdzislaw Beksinski" in lists.vocabulary.categories["artists"]
    assert lists.dropped["duplicate"] > 2900
    assert {"no letters or digits", "damaged characters that cannot be mended"} <= {*lists.dropped}
    assert lists.mended["weight syntax"] > 300
    lines = sum(
        len(path.read_text(encoding="utf-8").splitlines()) for path in reference_folder().iterdir()
    )
    assert lines == sum(counts.values()) + lists.dropped.total()


@pytest.mark.slow
@pytest.mark.skipif(not reference_folder(), reason="clip-interrogator is not installed")
def test_a_picture_is_ranked_with_the_whole_of_clip_interrogators_lists(prepare):
    interrogator = prepare(vocabulary=str(reference_folder()))
    table = interrogator.table
    assert len(table.vocabulary.phrases) > 100_000
    picture = decode.read(EXAMPLES / "cat-pop-art.jpg")
    done = interrogator.run(picture)
    image = interrogator.models.clip.encode_picture(picture)
    rows = dict(table.vocabulary.slices())["flavors"]
    best = table.vocabulary.phrases[rows.start + int((table.matrix[rows] @ image).argmax())]
    assert done.ranked["flavors"][0].text == best


def test_pictures_are_ranked_with_such_a_folder(prepare, tmp_path):
    write(
        tmp_path,
        artists_txt="Roy Lichtenstein\nClaude Monet\nroy lichtenstein",
        flavors_txt="((screen print))\n\nan etching\nscreen print\npop art",
        mediums_txt="a screen print\nan oil painting",
        movements_txt="pop art\nimpressionism",
        negative_txt="blurry\nugly",
    )
    interrogator = prepare(vocabulary=str(tmp_path))
    done = interrogator.run(decode.read(EXAMPLES / "cat-pop-art.jpg"))
    best = {category: group[0].text for category, group in done.ranked.items()}
    assert best["movements"] == "pop art"
    assert best["flavors"] == "screen print"
    assert best["artists"] == "by Roy Lichtenstein"


# ----- python -m interrogator.vocabulary.lists


def test_the_command_counts_ours(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^styles +[34],\d{3}$", said, re.MULTILINE)
    assert re.search(r"^  mood +\d{3}$", said, re.MULTILINE)


def test_the_command_lists_what_it_would_clean_in_a_folder(tmp_path, capsys):
    write(tmp_path, a_txt="fog\n(mist:1.2)\nFOG\n")
    assert main([str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "a.txt:2: weight syntax: '(mist:1.2)' → mist",
        "a.txt:3: duplicate: 'FOG' dropped",
    ]
    assert said[2].split() == ["a", "2"]
    assert said[3].startswith("2 phrases; 1 line dropped")


def test_the_command_refuses_a_folder_without_lists_in_a_sentence(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no phrase lists" in capsys.readouterr().err
