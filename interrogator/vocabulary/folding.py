"""Words without case, accents and punctuation: by them phrases are compared and names found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

Words = tuple[str, ...]


def plain(text: str) -> str:
    """Return a text without case and accents."""
    if not text.isascii():
        composed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in composed if not unicodedata.combining(c))
    return text.casefold()


def words(text: str) -> Words:
    """Return a text's words without case, accents, apostrophes and other punctuation."""
    return tuple(re.findall(r"[^\W_]+", re.sub("[’']", "", plain(text))))


class Sequences:
    """Sequences of words to look for in other sequences."""

    def __init__(self, sequences: Iterable[Words]) -> None:
        self._all = frozenset(filter(None, sequences))
        lengths: dict[str, set[int]] = {}
        for sequence in self._all:
            lengths.setdefault(sequence[0], set()).add(len(sequence))
        self._lengths = {word: sorted(those, reverse=True) for word, those in lengths.items()}

    def __contains__(self, sequence: Words) -> bool:
        return sequence in self._all

    def within(self, text: Words) -> Words:
        """Return the first, longest sequence that stands in a text; () where none does."""
        for start, word in enumerate(text):
            for length in self._lengths.get(word, ()):
                if text[start : start + length] in self._all:
                    return text[start : start + length]
        return ()
