from datetime import date

import numpy as np
import pytest
import torch

from interrogator.errors import InterrogatorError
from interrogator.prompts.table import Table
from interrogator.vocabulary import policy as rules
from interrogator.vocabulary.artists import Artist, name_finder
from interrogator.vocabulary.lists import Vocabulary, built_in, phrase_for
from interrogator.vocabulary.policy import Policy, default_policy

TODAY = date(2026, 6, 1)


def vocabulary(artists=(), **categories):
    people = {phrase_for("artists", a.name): a for a in artists}
    named = {"artists": tuple(people)} if people else {}
    return Vocabulary("v", {**named, **{c: tuple(p) for c, p in categories.items()}}, people)


def kept(policy, read):
    return [p for p, keep in zip(read.phrases, policy.allowed(read), strict=True) if keep]


# ----- who may be named


@pytest.mark.parametrize(
    ("naming", "born", "died", "may"),
    [
        ("all", None, None, True),
        ("all", 1990, None, True),
        ("public-domain", 1880, 1955, True),
        ("public-domain", 1880, 1956, False),  # protected until the end of its seventieth year
        ("public-domain", 1880, 1990, False),
        ("public-domain", None, 1955, True),
        ("public-domain", 1845, None, True),  # 110 years later is 1955
        ("public-domain", 1846, None, False),
        ("public-domain", None, None, False),
        ("public-domain", -80, -20, True),
        ("no-living", 1940, 2026, True),
        ("no-living", 1940, None, False),
        ("no-living", 1915, None, True),
        ("no-living", 1916, None, False),
        ("no-living", None, None, False),
        ("none", 1606, 1669, False),
    ],
)
def test_who_may_be_named_is_computed_from_todays_date(naming, born, died, may):
    assert Policy(naming, today=TODAY).may_be_named(Artist("A B", born, died)) is may


@pytest.mark.parametrize(("until", "may"), [(1600, True), (1845, True), (1846, False)])
def test_an_artist_without_years_is_dated_by_the_movement(until, may):
    artist = Artist("A B", active_until=until)
    assert Policy("public-domain", today=TODAY).may_be_named(artist) is may


def test_the_years_of_ones_own_list_count_more_than_ours():
    read = vocabulary([Artist("Claude Monet", 1990)], own=["fog"])
    assert kept(Policy("no-living", today=TODAY), read) == ["fog"]


def test_next_year_more_artists_may_be_named():
    artist = Artist("A B", 1880, 1956)
    years = [
        Policy("public-domain", today=date(y, 1, 1)).may_be_named(artist) for y in (2026, 2027)
    ]
    assert years == [False, True]


def test_today_is_todays():
    assert Policy().today == date.today()


def test_artists_are_chosen_by_their_years_and_ours_know_those_of_others():
    read = vocabulary(
        [Artist("Ada Zwirn", 1800, 1850), Artist("Bob Qualm", 1950), Artist("Claude Monet")],
        flavors=["fog", "a dog by Bob Qualm", "a cat by Ada Zwirn", "monet style"],
    )
    assert kept(Policy("public-domain", today=TODAY), read) == [
        "by Ada Zwirn", "by Claude Monet", "fog", "a cat by Ada Zwirn", "monet style",
    ]  # fmt: skip
    assert kept(Policy("none", today=TODAY), read) == ["fog"]
    assert kept(Policy("all", today=TODAY), read) == list(read.phrases)


@pytest.mark.parametrize(
    "phrase",
    [
        "Rembrandt lighting",
        "in the style of van Gogh",
        "MONET",
        "monet-like water lilies",
        "Monet's garden",
        "Picassoesque face",
        "painted by Claude Monet, 1880",
        "Katsushika Hokusai wave",
        "a portrait by Somebody Unheardof",
        "art by xqzt and friends",
        "in the style of Peter Blugovitz",
    ],
)
def test_without_artists_no_list_names_one(phrase):
    read = vocabulary(flavors=[phrase, "fog"], own=["rain"], negative=[phrase + " copy"])
    assert kept(Policy("none"), read) == ["fog", "rain"]


@pytest.mark.parametrize(
    "phrase",
    [
        "lit by candlelight", "framed by trees", "picnic by the river", "face lit by a screen",
        "side by side", "church", "wood grain", "in the style of impressionism", "works of art",
        "a monument", "surrounded by fog",
    ],
)  # fmt: skip
def test_without_artists_plain_phrases_stay(phrase):
    assert kept(Policy("none"), vocabulary(flavors=[phrase])) == [phrase]


def test_family_names_that_are_words_count_with_the_whole_name_or_in_capitals_behind_by():
    names = name_finder(
        ["Grant Wood", "Pieter Bruegel the Elder", "J. M. W. Turner", "Claude Monet"]
    )
    assert names.found("wood grain") == ""
    assert names.found("framed by wood") == ""
    assert names.found("a farm by Wood") == "wood"
    assert names.found("grant wood farm") == "grant wood"
    assert names.found("pieter bruegel crowd") == "pieter bruegel"
    assert names.found("Bruegel's crowds") == "bruegel"
    assert names.found("JMW Turner sky") == "jmw turner"


def test_a_family_name_that_a_permitted_artist_bears_too_does_not_count_by_itself():
    names = name_finder(["Zoe Bruegel"], others=["Pieter Bruegel"])
    assert names.found("bruegel crowd") == ""
    assert names.found("zoe bruegel crowd") == "zoe bruegel"


def test_none_leaves_every_phrase_of_ours_but_the_artists():
    read = built_in()
    left = Policy("none").left_out(read)
    assert left == {rules.NAMES_AN_ARTIST: len(read.categories["artists"])}


@pytest.mark.parametrize(
    ("caption", "left"),
    [
        ("a starry night by vincent van gogh", "a starry night"),
        ("a field painted by Claude Monet in summer", "a field in summer"),
        ("a portrait in the style of rembrandt, dark", "a portrait, dark"),
        ("monet's garden with Pablo Picasso", "garden with"),
        ("a man standing by a lake", "a man standing by a lake"),
        ("a wooden house", "a wooden house"),
    ],
)
def test_names_are_taken_out_of_a_caption(caption, left):
    assert Policy("none").names_to_avoid(vocabulary(own=["fog"])).removed(caption) == left


def test_where_all_may_be_named_no_name_is_looked_for():
    assert Policy("all").names_to_avoid(vocabulary(own=["fog"])) is None


# ----- bans


BANS = Vocabulary(
    "v",
    {
        "artists": ("by Paul Klee", "by Hans Arp"),
        "styles": (
            "fog",
            "thick fog at night",
            "foggy",
            "oil painting",
            "old oil painting",
            "calm",
        ),
        "own": ("Fog!",),
    },
    groups={"fog": "weather", "calm": "mood", "foggy": "weather"},
)


@pytest.mark.parametrize(
    ("ban", "gone"),
    [
        ("fog", {"fog", "thick fog at night", "Fog!"}),
        ('"fog"', {"fog", "Fog!"}),
        ("FOG at", {"thick fog at night"}),
        ("oil painting", {"oil painting", "old oil painting"}),
        ('"Oil-Painting"', {"oil painting"}),
        ('"paul klee"', {"by Paul Klee"}),
        ("category:artists", {"by Paul Klee", "by Hans Arp"}),
        ("group:weather", {"fog", "foggy"}),
        ("painting oil", set()),
    ],
)
def test_bans(ban, gone):
    assert set(BANS.phrases) - set(kept(Policy(bans=(ban,)), BANS)) == gone


@pytest.mark.parametrize(
    ("bans", "says"),
    [
        (("category:style",), "no category 'style' to ban; there are: artists, styles, own"),
        (("group:moods",), "no group 'moods' to ban; there are: weather, mood"),
        (("category:artists", "category:styles", "category:own"), "Nothing is left"),
    ],
)
def test_a_ban_that_cannot_be_gets_a_sentence(bans, says):
    with pytest.raises(InterrogatorError, match=says):
        Policy(bans=bans).allowed(BANS)


def test_a_wrong_choice_and_endless_bans_get_a_sentence():
    with pytest.raises(
        InterrogatorError, match="choose one of all, public-domain, no-living, none"
    ):
        Policy("nobody")
    with pytest.raises(InterrogatorError, match="Up to 1,000 bans"):
        Policy(bans=("x",) * 1001)
    with pytest.raises(InterrogatorError, match="up to 200 characters"):
        Policy(bans=("x" * 201,))


# ----- the safety list


def test_the_safety_list_holds_unless_it_is_switched_off(monkeypatch):
    read = vocabulary(
        flavors=[
            "fog",
            "nude figure",
            "Taylor Swift on stage",
            "swastikas",
            "taylor",
            "swift river",
        ]
    )
    monkeypatch.delenv(rules.SAFETY_SWITCH, raising=False)
    assert kept(default_policy(), read) == ["fog", "taylor", "swift river"]
    assert kept(default_policy(safety=False), read) == list(read.phrases)
    monkeypatch.setenv(rules.SAFETY_SWITCH, "off")
    assert kept(default_policy(), read) == list(read.phrases)


def test_a_negative_list_may_keep_out_what_is_sexual_but_insults_nobody():
    read = vocabulary(negative=["nudity", "blurry", "swastika"], styles=["nudity"])
    assert kept(Policy(), read) == ["nudity", "blurry"]


# ----- tables


def table(read):
    matrix = torch.arange(len(read.phrases) * 3.0).reshape(-1, 3)
    return Table(read, matrix, matrix[:, :2] / 100)


def test_a_table_is_narrowed_without_encoding():
    whole = table(BANS)
    mask = Policy(bans=("fog",)).allowed(BANS)
    narrow = whole.only(mask)
    assert narrow.vocabulary.phrases == tuple(kept(Policy(bans=("fog",)), BANS))
    assert torch.equal(narrow.matrix, whole.matrix[[0, 1, 4, 5, 6, 7]])
    assert torch.equal(narrow.neutral, whole.neutral[[0, 1, 4, 5, 6, 7]])
    assert whole.only(np.ones(9, dtype=bool)) is whole


def test_tables_are_joined_row_by_row():
    ours = table(Vocabulary("ours", {"a": ("x", "y"), "b": ("z",)}))
    own = table(Vocabulary("own", {"a": ("w", "Y"), "c": ("v",)}))
    both = ours.plus(own)
    assert both.vocabulary.categories == {"a": ("x", "y", "w"), "b": ("z",), "c": ("v",)}
    expected = torch.stack(
        [ours.matrix[0], ours.matrix[1], own.matrix[0], ours.matrix[2], own.matrix[2]]
    )
    assert torch.equal(both.matrix, expected)
    assert torch.equal(both.neutral, expected[:, :2] / 100)


# ----- the service


def test_a_policy_narrows_what_is_ranked_and_encodes_nothing(prepare, demo, monkeypatch):
    monkeypatch.setattr(type(demo.models.clip), "encode_text", None)
    narrow = prepare(name_artists="none")
    assert set(demo.table.vocabulary.categories) - set(narrow.table.vocabulary.categories) == {
        "artists"
    }
    count = len(narrow.table.vocabulary.phrases)
    assert torch.equal(narrow.table.matrix, demo.table.matrix[-count:])


def test_own_lists_are_encoded_alone_and_only_ours_are_kept_on_disk(service, demo, own_cache):
    from interrogator.request import Request
    from interrogator.vocabulary.selection import choose_words

    own = choose_words(default_policy(), pasted="a purple lighthouse")
    files = len(list(own_cache.iterdir()))
    more, _ = service.prepare(Request(demo.models.names, words=own))
    assert len(list(own_cache.iterdir())) == files
    assert more.table.vocabulary.categories["own"] == ("a purple lighthouse",)
    assert torch.equal(more.table.matrix[:-1], demo.table.matrix)
    clip = demo.models.clip
    assert torch.allclose(more.table.matrix[-1], clip.encode_text(["a purple lighthouse"])[0])


@pytest.mark.parametrize("mode", ["best", "fast", "classic", "negative"])
def test_without_artists_no_prompt_names_one_in_any_mode(prepare, tmp_path, mode):
    from interrogator.images import decode
    from interrogator.settings import Settings
    from tests.interrogator.test_command import EXAMPLES

    lists = {
        "artists": ["Roy Lichtenstein", "Unheard Of"],
        "flavors": ["lichtenstein dots", "a print by Roy Lichtenstein", "Picasso face", "pop art"],
        "movements": ["pop art in the style of Henri Matisse", "impressionism"],
        "negative": ["blurry", "by Claude Monet"],
    }
    for name, lines in lists.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    picture = decode.read(EXAMPLES / "cat-pop-art.jpg")
    prompts = {}
    for naming in ("all", "none"):
        interrogator = prepare(vocabulary=str(tmp_path), name_artists=naming)
        done = interrogator.run(picture, Settings(mode, with_negative=True))
        prompts[naming] = f"{done.prompt} {done.negative_prompt}".casefold()
    called = ("lichtenstein", "picasso", "matisse", "monet", "unheard")
    assert any(name in prompts["all"] for name in called)
    assert not any(name in prompts["none"] for name in called)


def test_without_artists_the_captioner_names_none_but_a_person_may(prepare, monkeypatch):
    from interrogator.images import decode
    from interrogator.settings import Settings
    from tests.interrogator.test_command import EXAMPLES

    picture = decode.read(EXAMPLES / "cat-pop-art.jpg")
    interrogator = prepare(name_artists="none")
    from interrogator.networks.captioner import Caption

    said = "a cat painted by pablo picasso"
    captioner = type(interrogator.models.captioner)
    monkeypatch.setattr(captioner, "candidates", lambda self, picture, how: (Caption(said),))
    done = interrogator.run(picture, Settings("fast"))
    assert done.caption == said
    assert done.prompt.split(", ")[0] == "a cat"
    assert "Banned words and names were taken out of the caption." in done.notes
    typed = interrogator.run(picture, Settings("fast", caption=said))
    assert typed.prompt.startswith(said)
