"""Our own lists: every promise that the README makes of them."""

import csv
import re
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from spellchecker import SpellChecker

from interrogator.vocabulary.artists import name_finder
from interrogator.vocabulary.cleaning import mend
from interrogator.vocabulary.folding import fold
from interrogator.vocabulary.lists import ARTISTS, FOLDER, built_in, read_lists
from interrogator.vocabulary.policy import Policy

EXCEPTIONS = Path(__file__).with_name("spelling.txt")
GROUPS = {
    "lighting",
    "colour and palette",
    "composition and camera",
    "mood",
    "technique",
    "texture",
    "rendering and digital",
    "era and genre",
    "subject matter",
    "quality words",
}
LEAST = {
    "artists": 2000,
    "movements": 300,
    "mediums": 250,
    "styles": 3000,
    "negative": 120,
    "sites": 10,
}


def rows(name):
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ours():
    return built_in()


def others(vocabulary):
    """Every phrase but the artists'."""
    return [p for c, group in vocabulary.categories.items() if c != ARTISTS for p in group]


def test_there_are_as_many_as_promised(ours):
    counts = {category: len(group) for category, group in ours.categories.items()}
    assert counts.keys() == LEAST.keys()
    assert {c: n for c, n in counts.items() if n < LEAST[c]} == {}


def test_every_style_has_a_group_and_every_group_is_rich():
    counts = Counter(row["group"] for row in rows("styles.csv"))
    assert counts.keys() == GROUPS
    assert min(counts.values()) >= 200


def test_the_files_have_the_columns_that_they_should():
    heads = {p.name: p.read_text(encoding="utf-8").split("\n", 1)[0] for p in FOLDER.glob("*.csv")}
    assert heads == {
        "artists.csv": "name,born,died,country,movements",
        "mediums.csv": "phrase",
        "movements.csv": "name,period,region",
        "negative.csv": "phrase",
        "sites.csv": "phrase",
        "styles.csv": "phrase,group",
    }


def test_no_two_are_equal_but_for_case_accents_punctuation_or_word_order(ours):
    seen, twice = {}, []
    for category, group in ours.categories.items():
        for phrase in group:
            key = tuple(sorted(fold(phrase.removeprefix("by ") if category == ARTISTS else phrase)))
            if key in seen:
                twice.append((seen[key], phrase))
            seen[key] = phrase
    assert twice == []


def test_nothing_is_left_to_clean():
    assert [(n, c.changes) for n, c in read_lists(FOLDER).cleaned.items() if c.changes] == []


def test_accents_are_composed_and_no_sign_is_stray(ours):
    odd = re.compile(r"[^\w '’.,/&–-]|^\W|[ ,/&-]$| {2}|_")
    assert [p for p in ours.phrases if unicodedata.normalize("NFC", p) != p or odd.search(p)] == []
    assert [p for p in others(ours) if "," in p or mend(p) != (p, "")] == []


def test_every_word_is_spelled_as_in_the_dictionary_or_was_looked_at(ours):
    reviewed = set(EXCEPTIONS.read_text(encoding="utf-8").split())
    dictionary = SpellChecker(language="en", distance=1)
    unknown = set()
    for phrase in others(ours):
        for word in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", phrase):
            plain = re.sub(r"['’]s$", "", word)
            if word not in dictionary and plain not in dictionary and plain not in reviewed:
                unknown.add(word)
    assert sorted(unknown) == []
    assert "colour" not in dictionary  # American, as prompts are


def test_the_exceptions_are_needed(ours):
    used = {w for p in others(ours) for w in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", p)}
    used |= {re.sub(r"['’]s$", "", word) for word in used}
    assert sorted(set(EXCEPTIONS.read_text(encoding="utf-8").split()) - used) == []


def test_no_artist_is_named_in_another_list(ours):
    names = name_finder(artist.name for artist in ours.artists.values())
    assert names.found("Rembrandt lighting")
    assert [(p, names.found(p)) for p in others(ours) if names.found(p)] == []


def test_nothing_is_on_the_safety_list(ours):
    reasons = Policy(safety=True).reasons(ours)
    assert [p for p, reason in zip(ours.phrases, reasons, strict=True) if reason] == []


def test_every_movement_of_an_artist_is_in_the_movements():
    movements = {row["name"] for row in rows("movements.csv")}
    named = {m.strip() for row in rows("artists.csv") for m in row["movements"].split(";")}
    assert sorted(named - movements - {""}) == []


def test_every_year_is_plausible():
    today = date.today().year
    odd = []
    for row in rows("artists.csv"):
        born, died = (int(row[c]) if row[c] else None for c in ("born", "died"))
        known = [year for year in (born, died) if year is not None]
        lived = None if born is None or died is None else died - born
        if any(year > today for year in known) or not (lived is None or 10 <= lived <= 110):
            odd.append(row)
        if born is not None and born > today - 15:
            odd.append(row)
    assert odd == []


def test_artists_come_from_every_part_of_the_world():
    countries = Counter(row["country"] for row in rows("artists.csv"))
    for country in ("Japan", "China", "India", "Nigeria", "Mexico", "Brazil", "Australia", "Iran"):
        assert countries[country] >= 3, country
    assert len(countries) >= 50
