import pytest

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.lists import Vocabulary
from interrogator.vocabulary.policy import default_policy
from interrogator.vocabulary.selection import MOST_OWN_BYTES, REPLACE, WordChoice, choose_words

OURS = Vocabulary("ours", {"styles": ("fog", "calm"), "artists": ("by Claude Monet",)})


def test_nothing_chosen_leaves_our_lists_as_they_are():
    words = choose_words(default_policy())
    assert words == WordChoice(default_policy())
    assert words.whole(OURS) is OURS
    assert words.summary(OURS) == "Ranked: 3 phrases."


def test_pasted_lines_and_files_are_joined_and_added(tmp_path):
    (tmp_path / "styles.txt").write_text("FOG\nrain\nrain\n")
    policy = default_policy("none", ["calm"])
    words = choose_words(policy, "(hail:1.2)\n\n", [tmp_path / "styles.txt"])
    assert words.whole(OURS).categories == {
        "styles": ("fog", "calm", "rain"),
        "artists": ("by Claude Monet",),
        "own": ("hail",),
    }
    assert words.summary(OURS) == (
        "Your lists: 3 phrases; 2 lines dropped (blank line 1, duplicate 1); "
        "1 line mended (weight syntax 1). Of these, 1 stands in the other lists already. "
        "Ranked: 3 phrases; left out: 2 (banned 1, names an artist 1)."
    )


def test_folders_and_own_phrases_go_together(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(f"{name} one")
    folders = {"vocabulary": str(tmp_path / "a"), "add_vocabulary": str(tmp_path / "b")}
    words = choose_words(default_policy(), "mine", **folders)
    assert words.whole(OURS).categories == {"x": ("a one", "b one"), "own": ("mine",)}


def test_own_lists_take_the_place_of_ours():
    assert choose_words(default_policy(), "rain", (), "replace").whole(OURS).categories == {
        "own": ("rain",)
    }


def test_files_of_one_name_are_both_read(tmp_path):
    paths = []
    for folder, line in (("a", "rain"), ("b", "hail")):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "flavors.txt")
        paths[-1].write_text(line)
    words = choose_words(default_policy(), "", paths, "replace")
    assert words.whole(OURS).categories == {"flavors": ("rain", "hail")}


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("!!!", "nothing to rank"),
        ("\n".join(f"phrase {n}" for n in range(2001)), "up to 2,000"),
    ],
)
def test_what_cannot_be_gets_a_sentence(pasted, says):
    with pytest.raises(InterrogatorError, match=says):
        choose_words(default_policy(), pasted)


def test_lists_that_are_far_too_large_are_not_read(tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(b"\xff" * (MOST_OWN_BYTES + 1))  # reading it would say that it is no text
    with pytest.raises(InterrogatorError, match=r"over 1 MB\. Of phrases, up to 2,000 are read"):
        choose_words(default_policy(), files=[path])


def test_what_ours_have_already_is_counted():
    words = choose_words(default_policy(), "Fog\nsnow\nCALM")
    assert words.summary(OURS) == (
        "Your lists: 3 phrases. Of these, 2 stand in the other lists already. Ranked: 4 phrases."
    )
    assert "already" not in choose_words(default_policy(), "Fog", place=REPLACE).summary(OURS)
