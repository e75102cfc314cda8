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
from interrogator.clip import Clip
from interrogator.token_tree import Tokens, trees
from interrogator.tower import Prefix

from open_clip.tokenizer import SimpleTokenizer  # isort: skip

TOO_LONG = float("-inf")  # the score of what does not fit
KEPT_PREFIXES = 8  # as many as prompts grow side by side


def joined(prompt: str, phrase: str) -> str:
    """Return a prompt with one phrase more, or the phrase alone."""
    return f"{prompt}, {phrase}" if prompt else phrase


@dataclass(frozen=True)
class _Split:
    """Texts as token ids: what is remembered of all, and the rest of each, its end included.

    Attributes:
        prefix: Ids that all begin with, the start included; empty where the texts are whole.
        tails: The rest of each text that fits; None for one that does not.
    """

    prefix: Tokens
    tails: list[Tokens | None]


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

    def whole(self, texts: Sequence[str]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in `texts` and the cosines of these prompts, as `continuations` does."""
        ids = self._ids(texts)
        shared = min(map(len, ids)) - 1  # the shortest keeps its end to itself
        prefix = ids[0][: next((i for i in range(shared) if len({t[i] for t in ids}) > 1), shared)]
        if ids[0][-1] in prefix:  # "<end_of_text>", typed, would end it
            prefix = ()
        room = self.clip.token_limit
        tails = [text[len(prefix) :] if len(text) <= room else None for text in ids]
        yield from self._scores(_Split(prefix, tails), texts)

    def _scores(
        self, split: _Split, texts: Sequence[str]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places and cosines of texts that were split."""
        misfits = [i for i, tail in enumerate(split.tails) if tail is None]
        if misfits:
            yield misfits, torch.full((len(misfits),), TOO_LONG)
        fits = [i for i, tail in enumerate(split.tails) if tail is not None]
        if fits and self.clip.tower is None:
            for places, vectors in self.clip.text_batches([texts[place] for place in fits]):
                yield [fits[place] for place in places], vectors @ self.image
        elif fits:
            yield from self._after(split, fits)

    def continuations(
        self, prompt: str, rows: Sequence[int]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in `rows` and their cosines, batch after batch, so that one can stop.

        Every place comes once; a text over the limit has the score `TOO_LONG`.
        """
        texts = [joined(prompt, self.phrases[row]) for row in rows]
        yield from self._scores(self._split(prompt, rows, texts), texts)

    @torch.inference_mode()
    def _after(self, split: _Split, fits: list[int]) -> Iterator[tuple[list[int], torch.Tensor]]:
        tower = self.clip.tower
        assert tower is not None
        prefix = None
        if split.prefix:
            prefix = self._remembered(torch.tensor(split.prefix, device=self.clip.runtime.device))
        length = len(split.prefix)
        rests = [tower.read(self._padded(split.tails[place], length)) for place in fits]
        for rows, tree in trees(rests, tower.tokens_at_once(length)):
            vectors = F.normalize(tower.features(tree, prefix).float(), dim=-1)
            yield [fits[row] for row in rows], vectors.cpu() @ self.image

    def _padded(self, tail: Tokens | None, prefix_length: int) -> Tokens:
        """Return a tail, filled up to the limit for a tower that reads to the end."""
        assert tail is not None  # it fits
        if not self.clip.tower or not self.clip.tower.reads_to_the_end:
            return tail
        free = self.clip.token_limit - prefix_length - len(tail)
        return (*tail, *[self.clip.padding_id] * free)

    def _remembered(self, tokens: torch.Tensor) -> Prefix:
        """Return a prompt's prefix, run from where it leaves the nearest of the latest ones."""
        tower = self.clip.tower
        assert tower is not None
        known = max(self._latest, key=lambda prefix: prefix.shared_with(tokens), default=None)
        prefix = tower.remember(tokens, known)
        self._latest.append(prefix)
        return prefix

    def _split(self, prompt: str, rows: Sequence[int], texts: Sequence[str]) -> _Split:
        limit = self.clip.token_limit
        if prompt[-1:].isalnum() and "&" not in prompt and self._tails is not None:
            # The comma begins a new token after a letter or a digit, so that the ids of prompt
            # and tail can be put together; after other signs they might melt into one, and an
            # entity such as "&amp" is unescaped.
            *prefix, end = self._ids([prompt])[0]
            if end not in prefix:  # "<end_of_text>", typed, would end it
                tails = [self._tails[row] for row in rows]
                room = limit - len(prefix)
                return _Split(tuple(prefix), [t if len(t) <= room else None for t in tails])
        ids = self._ids(texts)
        return _Split((), [text if len(text) <= limit else None for text in ids])

    def _ids(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the ids of each text, its end included, padding not; one over the limit shows."""
        ids = self.clip.uncut_tokens(texts)
        lengths = self.clip.lengths(ids).tolist()
        return [tuple(row[:length]) for row, length in zip(ids.tolist(), lengths, strict=True)]

    @cached_property
    def _latest(self) -> deque[Prefix]:
        """The beginnings that were asked for last; the next one mostly goes on from one of them."""
        return deque(maxlen=KEPT_PREFIXES)

    @cached_property
    def _tails(self) -> list[Tokens] | None:
        """The ids of ", PHRASE" and the end, for the tokenizer that lets them be joined."""
        tokenizer = self.clip.tokenizer
        if not isinstance(tokenizer, SimpleTokenizer) or tokenizer.reduction_fn is not None:
            return None
        return [ids[1:] for ids in self._ids([f", {phrase}" for phrase in self.phrases])]
