"""What a visitor chooses about the words: whose names, bans, lists of their own.

From the values of a page or an API call to a policy and a vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.lists import (
    Lists,
    Vocabulary,
    counted,
    joined,
    read_files,
    read_pasted,
)
from interrogator.vocabulary.policy import Policy, default_policy

MOST_OWN_BYTES = 2**20  # of lists of one's own: far more than so many phrases have
MOST_OWN = 2000  # phrases of one's own that a shared server encodes; a minute with a large CLIP
TOO_MANY = "up to {:,} are read here. The command line, --add-vocabulary DIR, takes more."
ADD, REPLACE = "add", "replace"
WHERE = {ADD: "beside our lists", REPLACE: "in place of our lists"}


@dataclass(frozen=True)
class Words:
    """What may be ranked.

    Attributes:
        policy: Who may be named and what is banned.
        own: Lists of the visitor's own, and what was cleaned; None where there are none.
        replace: Whether they take the place of ours.
    """

    policy: Policy
    own: Lists | None = None
    replace: bool = False

    def of(self, ours: Vocabulary) -> Vocabulary:
        """Return our lists with, or replaced by, the visitor's."""
        if self.own is None:
            return ours
        return self.own.vocabulary if self.replace else ours.plus(self.own.vocabulary)

    def summary(self, ours: Vocabulary) -> str:
        """Say what is ranked, what was cleaned and what is left out, with counts."""
        whole = self.of(ours)
        parts = [f"Your lists: {self.own.summary()}."] if self.own else []
        left = self.policy.left_out(whole)
        parts.append(f"Ranked: {counted(len(whole.phrases) - left.total(), 'phrase')}")
        if left:
            told = ", ".join(f"{reason} {count:,}" for reason, count in left.most_common())
            parts[-1] += f"; left out: {left.total():,} ({told})"
        return " ".join(parts) + "."


def words_of(
    naming: str | None,
    bans: str | None,
    pasted: str | None,
    files: Sequence[str | Path] | None,
    where: str | None,
) -> Words:
    """Return what the values of a page or an API call mean.

    Args:
        naming: One of `policy.NAMING`; all when empty.
        bans: As `Policy.bans`, between commas or on lines of their own.
        pasted: Phrases, one a line.
        files: Lists, one category a file.
        where: "add" or "replace".

    Raises:
        InterrogatorError: There is no such choice, or the lists cannot be read.
    """
    if (where or ADD) not in WHERE:
        raise InterrogatorError(f"Lists of your own are to {ADD} or {REPLACE}, not {where!r}.")
    policy = default_policy(naming or "all", split_bans(bans))
    paths = [Path(file) for file in files or ()]
    if len(pasted or "") + sum(path.stat().st_size for path in paths) > MOST_OWN_BYTES:
        raise InterrogatorError(
            f"Your lists have over {MOST_OWN_BYTES // 2**20} MB. Of phrases, "
            f"{TOO_MANY.format(MOST_OWN)}"
        )
    lists = [read_pasted(pasted)] if pasted and pasted.strip() else []
    if paths:
        lists.append(read_files(paths, "your files"))
    if not lists:
        return Words(policy)
    own = joined(lists)
    count = len(own.vocabulary.phrases)
    if count > MOST_OWN:
        raise InterrogatorError(f"Your lists have {count:,} phrases; {TOO_MANY.format(MOST_OWN)}")
    return Words(policy, own, where == REPLACE)


def is_plain(ban: str) -> bool:
    """Tell whether a ban is words alone, so that it holds for captions too."""
    return ":" not in ban and '"' not in ban


def split_bans(text: str | None) -> tuple[str, ...]:
    """Return the bans in a text, between commas or on lines of their own."""
    parts = (text or "").replace("\n", ",").split(",")
    return tuple(filter(None, (" ".join(part.split()) for part in parts)))
