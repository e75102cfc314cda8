"""Texts as trees of tokens: what begins alike stands in a tree, and is run, only once.

    texts ", by Monet END" and ", by Manet END"  →      , ─ by ─┬─ Monet ─ END
                                                               └─ Manet ─ END

A tree is laid out flat, token after token, with a table of who sees whom, so that a transformer
runs it like one text ("tree attention", as in Miao et al., SpecInfer, 2024). Nothing is padded.

What was run can be gone on from: a `Trie` knows the beginnings of texts whose tokens' keys and
values are kept, and a tree holds only what stands behind them.

    known: START ─ a ─ cat        text "a cat, by Monet"  →  tree: , ─ by ─ Monet ─ END
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Tokens = tuple[int, ...]

_ROOT = -1  # stands before every text


@dataclass(frozen=True)
class Tree:
    """Some texts without the beginnings that are known.

    Attributes:
        tokens: Ids [n].
        depths: How many tokens [n] of its text stand before each, known ones included.
        known: Slots [p] of the known tokens that stand before any of them.
        sees: [n, p + n], true where the token of the row sees a known one or one of the tree:
            itself and what stands before it in its text.
        leaves: Where the last token [texts] of each text stands.
        kept: Places [k] of tokens whose keys and values are to be kept.
        slots: Slots [k] to keep them in.
    """

    tokens: torch.Tensor
    depths: torch.Tensor
    known: torch.Tensor
    sees: torch.Tensor
    leaves: torch.Tensor
    kept: torch.Tensor
    slots: torch.Tensor

    def to(self, device: torch.device) -> Tree:
        """Return the tree on a device."""
        return Tree(*(part.to(device) for part in vars(self).values()))


class Trie:
    """Beginnings of texts whose tokens were run, and the slot in which each token is kept.

    Attributes:
        size: How many slots there are.
        before: For each slot in use, that of the token before.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.before: list[int] = []
        self._slots: dict[tuple[int, int], int] = {}  # (slot of the token before, token) → slot

    @property
    def room(self) -> int:
        """How many slots are free."""
        return self.size - len(self.before)

    def way(self, text: Tokens) -> list[int]:
        """Return the slots of the longest beginning that is known."""
        way, slot = [], _ROOT
        for token in text:
            following = self._slots.get((slot, token))
            if following is None:
                break
            way.append(following)
            slot = following
        return way

    def add(self, before: int, token: int) -> int:
        """Return a free slot for a token behind another one."""
        slot = self._slots[before, token] = len(self.before)
        self.before.append(before)
        return slot

    def forget(self) -> None:
        """Free all slots."""
        self._slots.clear()
        self.before.clear()


def trees(
    texts: Sequence[Tokens], fits: Callable[[int, int], bool], trie: Trie | None = None
) -> Iterator[tuple[list[int], Tree]]:
    """Yield trees of some texts (or of one longer text), and the places of these texts.

    Every text comes once. They are taken in the order of their tokens, so that those that begin
    alike come together. Their last tokens are run even where they are known.

    Args:
        texts: Token ids, at least one each.
        fits: Asked whether so many tokens, behind so many known ones, may stand in a tree.
        trie: What is known. What others stand behind will be, so each tree must have been run
            before the next is asked for.
    """
    trie = trie or Trie(0)
    grown = _Grown(trie)
    for place in sorted(range(len(texts)), key=lambda place: texts[place]):
        text = texts[place]
        way = grown.way(text)
        if grown.places and not fits(*grown.size_with(text, *way)):
            yield grown.places, grown.tree()
            grown = _Grown(trie)
            way = grown.way(text)
        grown.add(place, text, *way)
    if grown.places:
        yield grown.places, grown.tree()


class _Grown:
    """A tree while texts are added.

    Known tokens go by their slots, new ones by numbers above all slots.
    """

    def __init__(self, trie: Trie) -> None:
        self.places: list[int] = []
        self._trie = trie
        self._known: set[int] = set()
        self._new: dict[tuple[int, int], int] = {}  # (the token before, token) → its number
        self._depths: list[int] = []
        self._leaves: list[int] = []

    def way(self, text: Tokens) -> tuple[list[int], list[int]]:
        """Return the known tokens of a text and the new ones that are there already."""
        known, new = self._trie.way(text[:-1]), []
        before = known[-1] if known else _ROOT
        for token in text[len(known) :]:
            following = self._new.get((before, token))
            if following is None:
                break
            new.append(following)
            before = following
        return known, new

    def size_with(self, text: Tokens, known: list[int], new: list[int]) -> tuple[int, int]:
        """Return how many tokens it would have with a text, and how many known before them."""
        return len(self._new) + len(text) - len(known) - len(new), len(self._known.union(known))

    def add(self, place: int, text: Tokens, known: list[int], new: list[int]) -> None:
        """Add a text whose way is known."""
        self._known.update(known)
        before = [_ROOT, *known, *new][-1]
        for depth in range(len(known) + len(new), len(text)):
            number = self._trie.size + len(self._new)
            self._new[before, text[depth]] = number
            self._depths.append(depth)
            before = number
        self.places.append(place)
        self._leaves.append(before - self._trie.size)

    def tree(self) -> Tree:
        """Lay it out, and give slots to what is to be kept."""
        known = sorted(self._known)  # so that each stands behind the one before it
        sees = torch.from_numpy(self._sees(known))
        kept, slots = self._kept()
        return Tree(
            _ids(token for _, token in self._new), _ids(self._depths), _ids(known), sees,
            _ids(self._leaves), _ids(kept), _ids(slots),
        )  # fmt: skip

    def _sees(self, known: list[int]) -> NDArray[np.bool_]:
        befores = [self._trie.before[slot] for slot in known] + [before for before, _ in self._new]
        row_of = {slot: row for row, slot in enumerate([*known, *self._new.values()])}
        sees = np.eye(len(befores), dtype=bool)
        for row, before in enumerate(befores):
            if before != _ROOT:
                sees[row] |= sees[row_of[before]]
        return sees[len(known) :]

    def _kept(self) -> tuple[list[int], list[int]]:
        """Return what others stand behind and its slots; nothing if there is no room for all.

        All is forgotten then, which costs little: what is gone on from is run once more.
        """
        size = self._trie.size
        slots: dict[int, int] = {}
        inner = {before for before, _ in self._new if before >= size}
        if len(inner) > self._trie.room:
            self._trie.forget()
            return [], []
        for (before, token), number in self._new.items():
            if number in inner:
                slots[number] = self._trie.add(slots.get(before, before), token)
        return [number - size for number in slots], list(slots.values())


def _ids(numbers: Iterable[int]) -> torch.Tensor:
    return torch.tensor(list(numbers), dtype=torch.long)
