import pytest

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.lists import Vocabulary
from interrogator.vocabulary.selection import split_bans, words_of

OURS = Vocabulary("ours", {"styles": ("fog", "calm"), "artists": ("by Claude Monet",)})


def test_nothing_chosen_leaves_our_lists_as_they_are():
    words = words_of(None, "", None, [], None)
    assert words.of(OURS) is OURS
    assert words.summary(OURS) == "Ranked: 3 phrases."


def test_pasted_lines_and_files_are_joined_and_added(tmp_path):
    (tmp_path / "styles.txt").write_text("FOG\nrain\nrain\n")
    words = words_of("none", "calm", "(hail:1.2)\n\n", [tmp_path / "styles.txt"], "add")
    whole = words.of(OURS)
    assert whole.categories == {
        "styles": ("fog", "calm", "rain"),
        "artists": ("by Claude Monet",),
        "own": ("hail",),
    }
    assert words.summary(OURS) == (
        "Your lists: 3 phrases; 2 lines dropped (blank line 1, duplicate 1); "
        "1 line mended (weight syntax 1). "
        "Ranked: 3 phrases; left out: 2 (banned 1, names an artist 1)."
    )


def test_own_lists_take_the_place_of_ours():
    assert words_of("all", None, "rain", None, "replace").of(OURS).categories == {"own": ("rain",)}


def test_files_of_one_name_are_both_read(tmp_path):
    paths = []
    for folder, line in (("a", "rain"), ("b", "hail")):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "flavors.txt")
        paths[-1].write_text(line)
    words = words_of("all", None, None, paths, "replace")
    assert words.of(OURS).categories == {"flavors": ("rain", "hail")}


def test_bans_stand_between_commas_or_on_lines():
    assert split_bans(' fog,"oil  painting"\n\ngroup:mood,') == (
        "fog", '"oil painting"', "group:mood",
    )  # fmt: skip
    assert split_bans(None) == ()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("some", None, None, None, None), "choose one of all, public-domain"),
        (("all", None, None, None, "mix"), "to add or replace, not 'mix'"),
        (("all", None, "!!!", None, "add"), "nothing to rank"),
        (("all", None, "\n".join(f"phrase {n}" for n in range(2001)), None, "add"), "up to 2,000"),
    ],
)
def test_what_cannot_be_gets_a_sentence(values, says):
    with pytest.raises(InterrogatorError, match=says):
        words_of(*values)
