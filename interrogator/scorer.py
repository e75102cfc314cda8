"""One picture × many continuations of one prompt → cosine similarities.

The search asks again and again: how similar would "PROMPT, PHRASE" be, for hundreds of phrases?
The prompt's tokens run once, each phrase only its own; what would pass the token limit is not run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F

from interrogator import torchvision_ops  # noqa: F401  (before open_clip)
from interrogator.clip import PADDED_BATCH, Clip
from interrogator.tower import Prefix

from open_clip.tokenizer import SimpleTokenizer  # isort: skip

TOO_LONG = float("-inf")  # the score of what does not fit
KEPT_PREFIXES = 8  # as many as prompts grow side by side


def joined(prompt: str, phrase: str) -> str:
    """Return a prompt with one phrase more, or the phrase alone."""
    return f"{prompt}, {phrase}" if prompt else phrase


@dataclass(frozen=True)
class _Split:
    """Texts as token ids: what all begin with, and what is each one's own, its end included.

    Attributes:
        prefix: [p], the start included.
        tails: Own ids of each text that fits; None for one that does not.
    """

    prefix: torch.Tensor
    tails: list[torch.Tensor | None]


@dataclass(frozen=True)
class Scorer:
    """Scores prompts against a picture.

    Attributes:
        clip: The model.
        image: Unit vector [d] of the picture.
        phrases: What prompts are continued with; rows below are places in it.
    """

    clip: Clip
    image: torch.Tensor
    phrases: tuple[str, ...]

    def similarity(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the cosine [n] of each text, as the model reads it, and the picture."""
        return self.clip.encode_text(texts) @ self.image

    def continuations(
        self, prompt: str, rows: Sequence[int]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in `rows` and their cosines, batch after batch, so that one can stop.

        Every place comes once; a text over the limit has the score `TOO_LONG`.
        """
        split = self._split(prompt, rows)
        misfits = [i for i, tail in enumerate(split.tails) if tail is None]
        if misfits:
            yield misfits, torch.full((len(misfits),), TOO_LONG)
        fits = [i for i, tail in enumerate(split.tails) if tail is not None]
        if self.clip.tower is None:
            for start in range(0, len(fits), PADDED_BATCH):
                few = fits[start : start + PADDED_BATCH]
                yield few, self.similarity([joined(prompt, self.phrases[rows[i]]) for i in few])
        elif fits:
            yield from self._after(split, fits)

    @torch.inference_mode()
    def _after(self, split: _Split, fits: list[int]) -> Iterator[tuple[list[int], torch.Tensor]]:
        tower, device = self.clip.tower, self.clip.runtime.device
        assert tower is not None
        prefix = self._remembered(split.prefix.to(device)) if len(split.prefix) else None
        own = [(i, tail) for i, tail in enumerate(split.tails) if tail is not None]
        own.sort(key=lambda pair: len(pair[1]))
        while own:
            rows = tower.rows_at_once(len(own[0][1]))
            batch = own[: tower.rows_at_once(len(own[:rows][-1][1]))]
            own = own[len(batch) :]
            length = len(batch[-1][1])
            if tower.reads_to_the_end:
                length = self.clip.token_limit - len(split.prefix)
            tokens = torch.full((len(batch), length), self.clip.padding_id)
            for row, (_, tail) in zip(tokens, batch, strict=True):
                row[: len(tail)] = tail
            vectors = F.normalize(tower.features(tokens.to(device), prefix).float(), dim=-1)
            yield [i for i, _ in batch], vectors.cpu() @ self.image

    def _remembered(self, tokens: torch.Tensor) -> Prefix:
        """Return a prompt's prefix, run from where it leaves the nearest of the latest ones."""
        tower = self.clip.tower
        assert tower is not None
        known = max(self._latest, key=lambda prefix: prefix.shared_with(tokens), default=None)
        prefix = tower.remember(tokens, known)
        self._latest.append(prefix)
        return prefix

    def _split(self, prompt: str, rows: Sequence[int]) -> _Split:
        limit = self.clip.token_limit
        if prompt[-1:].isalnum() and self._tails is not None:
            # The comma begins a new token after a letter or a digit, so that the ids of prompt
            # and tail can be put together; after other signs they might melt into one.
            ids = self.clip.uncut_tokens([prompt])[0]
            prefix = ids[: int(self.clip.lengths(ids[None])[0]) - 1]
            if not (prefix == ids[len(prefix)]).any():  # "<end_of_text>", typed, would end it
                tails = [self._tails[row] for row in rows]
                return _Split(prefix, [t if len(prefix) + len(t) <= limit else None for t in tails])
        ids = self.clip.uncut_tokens([joined(prompt, self.phrases[row]) for row in rows])
        lengths = self.clip.lengths(ids)
        fits = lengths <= limit
        if not fits.any():
            return _Split(ids[0, :0], [None] * len(rows))
        kept, end = ids[fits], int(ids[fits][0, int(lengths[fits][0]) - 1])
        same = (kept == kept[0]).all(dim=0) & (kept[0] != end)
        same[int(lengths[fits].min()) - 1 :] = False  # the shortest keeps its end to itself
        shared = int(same.int().cumprod(0).sum())
        own = [ids[i, shared : int(lengths[i])] if fits[i] else None for i in range(len(ids))]
        return _Split(kept[0, :shared], own)

    @cached_property
    def _latest(self) -> deque[Prefix]:
        """The beginnings that were asked for last; the next one mostly goes on from one of them."""
        return deque(maxlen=KEPT_PREFIXES)

    @cached_property
    def _tails(self) -> list[torch.Tensor] | None:
        """The ids of ", PHRASE" and the end, for the tokenizer that lets them be joined."""
        tokenizer = self.clip.tokenizer
        if not isinstance(tokenizer, SimpleTokenizer) or tokenizer.reduction_fn is not None:
            return None
        ids = self.clip.uncut_tokens([f", {phrase}" for phrase in self.phrases])
        return [row[1:length] for row, length in zip(ids, self.clip.lengths(ids), strict=True)]
