"""One picture × many prompts → cosine similarities.

The search asks again and again: how similar would the caption with these phrases behind it be?
Prompts that begin alike share their beginning, in one batch and from one batch to the next. What
would pass the token limit is not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from interrogator.networks.clip import Clip
from interrogator.networks.text_tower import Memory
from interrogator.networks.token_tree import Tokens

TOO_LONG = float("-inf")  # the score of what does not fit

Chosen = tuple[int, ...]  # places of phrases, in the order of the prompt


@dataclass(frozen=True)
class Scorer:
    """Scores prompts against a picture.

    Attributes:
        clip: The model.
        image: Unit vector [d] of the picture.
        caption: What every prompt begins with; may be "".
        phrases: What may follow it.
    """

    clip: Clip
    image: torch.Tensor
    caption: str
    phrases: tuple[str, ...]

    def text(self, chosen: Chosen) -> str:
        """Return a prompt as it is written."""
        return ", ".join(self._pieces(chosen))

    @torch.inference_mode()
    def scores(self, several: Sequence[Chosen]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in `several` and the cosines of these prompts, so that one can stop between.

        Every place comes once; a prompt over the limit has the score `TOO_LONG`.
        """
        ids = [self._tokens(chosen) for chosen in several]
        fits = [place for place, text in enumerate(ids) if len(text) <= self.clip.token_limit]
        if misfits := sorted(set(range(len(ids))).difference(fits)):
            yield misfits, torch.full((len(misfits),), TOO_LONG)
        if fits and self.clip.search_tower is None:
            for places, vectors in self.clip.text_batches([self.text(several[i]) for i in fits]):
                yield [fits[place] for place in places], vectors @ self.image
        elif fits:
            yield from self._run(ids, fits)

    def _run(
        self, ids: Sequence[Tokens], fits: Sequence[int]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        tower, memory = self.clip.search_tower, self._memory
        assert tower is not None
        assert memory is not None
        read = [tower.read(self._padded(ids[place])) for place in fits]
        for places, vectors in self.clip.tree_batches(read, memory):
            yield [fits[place] for place in places], vectors @ self.image

    @cached_property
    def _memory(self) -> Memory | None:
        return self.clip.new_memory()

    def _padded(self, ids: Tokens) -> Tokens:
        """Return a text, filled up to the limit for a tower that reads to the end."""
        if not self.clip.search_tower or not self.clip.search_tower.reads_to_the_end:
            return ids
        return (*ids, *[self.clip.padding_id] * (self.clip.token_limit - len(ids)))

    def _tokens(self, chosen: Chosen) -> Tokens:
        """Return the ids of a prompt, its end included; one over the limit shows by its length."""
        return self.clip.joined_ids(self._pieces(chosen))

    def _pieces(self, chosen: Chosen) -> list[str]:
        every = (self.caption, *(self.phrases[place] for place in chosen))
        return [piece for piece in every if piece]
