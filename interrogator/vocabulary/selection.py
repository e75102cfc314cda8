"""What a person chooses about the words: whose names, bans, lists of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from interrogator.errors import InterrogatorError
from interrogator.vocabulary.lists import (
    Lists,
    Vocabulary,
    counted,
    joined,
    read_files,
    read_lists,
    read_pasted,
)
from interrogator.vocabulary.policy import Policy, default_policy

MOST_OWN_BYTES = 2**20  # of lists of one's own: far more than so many phrases have
MOST_OWN_FILES = 100
MOST_OWN = 2000  # phrases of one's own that a shared server encodes; a minute with a large CLIP
TOO_MANY = "up to {:,} are read here. The command line, --add-vocabulary DIR, takes more."
ADD, REPLACE = "add", "replace"
PLACES = {ADD: "beside our lists", REPLACE: "in place of our lists"}


@dataclass(frozen=True)
class WordChoice:
    """What may be ranked.

    Attributes:
        policy: Who may be named and what is banned.
        base: Lists in place of ours, and what was cleaned; None: ours.
        added: Lists beside those, and what was cleaned.
    """

    policy: Policy = field(default_factory=default_policy)
    base: Lists | None = None
    added: Lists | None = None

    def whole(self, ours: Vocabulary) -> Vocabulary:
        """Return all lists that are ranked, where these are ours."""
        base = self.base.vocabulary if self.base else ours
        return base.plus(self.added.vocabulary) if self.added else base

    def known(self, ours: Vocabulary) -> str:
        """Say how many of the lists beside others stand in those already; "" where none does."""
        if not self.added:
            return ""
        base = self.base.vocabulary if self.base else ours
        rows = len(base.phrases) + len(self.added.vocabulary.phrases)
        twice = rows - len(self.whole(ours).phrases)
        stand = "stands" if twice == 1 else "stand"
        return f" Of these, {twice:,} {stand} in the other lists already." if twice else ""

    def summary(self, ours: Vocabulary) -> str:
        """Say what is ranked, what was cleaned and what is left out, with counts."""
        whole, own = self.whole(ours), self.base or self.added
        parts = [f"Your lists: {own.summary()}.{self.known(ours)}"] if own else []
        left_out = self.policy.left_out(whole)
        parts.append(f"Ranked: {counted(len(whole.phrases) - left_out.total(), 'phrase')}")
        if left_out:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in left_out.most_common())
            parts[-1] += f"; left out: {left_out.total():,} ({reasons})"
        return " ".join(parts) + "."


def choose_words(
    policy: Policy,
    pasted: str = "",
    files: Sequence[str | Path] = (),
    place: str = ADD,
    vocabulary: str = "",
    add_vocabulary: str = "",
) -> WordChoice:
    """Return what somebody chose.

    Args:
        policy: Who may be named and what is banned.
        pasted: Phrases, one a line.
        files: Lists, one category a file.
        place: Whether these are ranked beside our lists or in their place, one of `PLACES`.
        vocabulary: A folder of lists on this machine, in place of ours.
        add_vocabulary: A folder of lists on this machine, beside them.

    Raises:
        InterrogatorError: The lists cannot be read, or are more than a shared server takes.
    """
    base = read_lists(vocabulary) if vocabulary else None
    added = read_lists(add_vocabulary) if add_vocabulary else None
    own = _own_lists(pasted, [Path(file) for file in files])
    if own and place == REPLACE:
        base = own
    elif own:
        added = joined([added, own]) if added else own
    return WordChoice(policy, base, added)


def _size(path: Path) -> int:
    """Return the bytes of a list.

    Raises:
        InterrogatorError: It is not there, or no file.
    """
    try:
        if path.is_file():
            return path.stat().st_size
    except (OSError, ValueError):  # ValueError: a null character in the name
        pass
    raise InterrogatorError(f"{path.name}: there is no such file. Send the list again.")


def _own_lists(pasted: str, files: Sequence[Path]) -> Lists | None:
    """Read lists of one's own, up to what a shared server takes."""
    if len(files) > MOST_OWN_FILES:
        raise InterrogatorError(
            f"Your lists are {len(files):,} files; up to {MOST_OWN_FILES} are read."
        )
    if len(pasted) + sum(map(_size, files)) > MOST_OWN_BYTES:
        raise InterrogatorError(
            f"Your lists have over {MOST_OWN_BYTES // 2**20} MB. Of phrases, "
            f"{TOO_MANY.format(MOST_OWN)}"
        )
    lists = [read_pasted(pasted)] if pasted.strip() else []
    if files:
        lists.append(read_files(files, "your files"))
    if not lists:
        return None
    own = joined(lists)
    count = len(own.vocabulary.phrases)
    if count > MOST_OWN:
        raise InterrogatorError(f"Your lists have {count:,} phrases; {TOO_MANY.format(MOST_OWN)}")
    return own
