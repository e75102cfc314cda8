"""Words without case, accents and punctuation: by them phrases are compared and names found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

FoldedWords = tuple[str, ...]

WORD = re.compile("\\w+|[\u2600-\u27bf\U0001f000-\U0001faff]")  # an emoji is a word


def plain(text: str) -> str:
    """Return a text without case and accents."""
    if not text.isascii():
        composed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in composed if not unicodedata.combining(c))
    return text.casefold()


@lru_cache(maxsize=2**15)  # the search asks for the same phrases thousands of times
def padded(text: str) -> str:
    """Return a text's words between spaces, to be looked for in one another.

    They are without case and accents. A text without any (signs alone) stays as it is.
    """
    folded = plain(text)
    return f" {' '.join(WORD.findall(folded)) or folded} "


def fold(text: str) -> FoldedWords:
    """Return a text's words without case, accents, apostrophes and other punctuation."""
    return tuple(re.findall(r"[^\W_]+", re.sub("[’']", "", plain(text))))


class WordSequences:
    """Sequences of words to look for in longer ones."""

    def __init__(self, sequences: Iterable[FoldedWords]) -> None:
        self._all = frozenset(filter(None, sequences))
        lengths: dict[str, set[int]] = {}
        for sequence in self._all:
            lengths.setdefault(sequence[0], set()).add(len(sequence))
        self._lengths = {word: sorted(those, reverse=True) for word, those in lengths.items()}

    def __contains__(self, sequence: FoldedWords) -> bool:
        return sequence in self._all

    def within(self, text: FoldedWords) -> FoldedWords:
        """Return the first, longest sequence that stands in a text; () where none does."""
        for start, word in enumerate(text):
            for length in self._lengths.get(word, ()):
                if text[start : start + length] in self._all:
                    return text[start : start + length]
        return ()
