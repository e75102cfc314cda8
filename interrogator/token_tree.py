"""Texts as trees of tokens: what begins alike stands in a tree, and is run, only once.

    texts ", by Monet END" and ", by Manet END"  →      , ─ by ─┬─ Monet ─ END
                                                               └─ Manet ─ END

A tree is laid out flat, token after token, with a table of who sees whom, so that a transformer
runs it like one text ("tree attention", as in Miao et al., SpecInfer, 2024). Nothing is padded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Tree:
    """Some texts without their common prefix, which the tower knows already.

    Attributes:
        tokens: Ids [n].
        depths: How many tokens [n] of its text stand before each.
        sees: [n, n], true where the token of the row sees that of the column: itself and what
            stands before it in its text.
        leaves: Where the last token [texts] of each text stands.
    """

    tokens: torch.Tensor
    depths: torch.Tensor
    sees: torch.Tensor
    leaves: torch.Tensor

    def to(self, device: torch.device) -> Tree:
        """Return the tree on a device."""
        return Tree(*(part.to(device) for part in vars(self).values()))


def path(tokens: torch.Tensor) -> Tree:
    """Return the tree of a single text [n], on the same device."""
    n, device = len(tokens), tokens.device
    sees = torch.ones(n, n, dtype=torch.bool, device=device).tril()
    return Tree(tokens, torch.arange(n, device=device), sees, torch.tensor([n - 1], device=device))


def trees(texts: Sequence[Tokens], most: int) -> Iterator[tuple[list[int], Tree]]:
    """Yield trees of up to `most` tokens (or of one longer text), and the places of their texts.

    Every text comes once. They are taken in the order of their tokens, so that those that begin
    alike come together.
    """
    order = sorted(range(len(texts)), key=lambda place: texts[place])
    grown = _Grown()
    for place in order:
        if grown.places and grown.size_with(texts[place]) > most:
            yield grown.places, grown.tree()
            grown = _Grown()
        grown.add(place, texts[place])
    if grown.places:
        yield grown.places, grown.tree()


class _Grown:
    """A tree while texts are added, in the order of their tokens."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self._tokens: list[int] = []
        self._parents: list[int] = []
        self._depths: list[int] = []
        self._leaves: list[int] = []
        self._latest: Tokens = ()
        self._way: list[int] = []  # where the tokens of the latest text stand

    def _shared(self, text: Tokens) -> int:
        """How many of the text's tokens are those of the one before it."""
        for depth, (one, other) in enumerate(zip(text, self._latest, strict=False)):
            if one != other:
                return depth
        return min(len(text), len(self._latest))

    def size_with(self, text: Tokens) -> int:
        return len(self._tokens) + len(text) - self._shared(text)

    def add(self, place: int, text: Tokens) -> None:
        shared = self._shared(text)
        way = self._way[:shared]
        for depth in range(shared, len(text)):
            self._parents.append(way[-1] if way else -1)
            way.append(len(self._tokens))
            self._tokens.append(text[depth])
            self._depths.append(depth)
        self._latest, self._way = text, way
        self.places.append(place)
        self._leaves.append(way[-1])

    def tree(self) -> Tree:
        n = len(self._tokens)
        sees = np.zeros((n, n), dtype=bool)
        for token, parent in enumerate(self._parents):
            if parent >= 0:
                sees[token] = sees[parent]
            sees[token, token] = True
        lists = self._tokens, self._depths, self._leaves
        tokens, depths, leaves = (torch.tensor(values) for values in lists)
        return Tree(tokens, depths, torch.from_numpy(sees), leaves)
