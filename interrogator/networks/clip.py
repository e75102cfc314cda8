"""Pictures and phrases → unit vectors, by CLIP. Their product is the cosine similarity."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from interrogator.networks.libraries import open_clip
from interrogator.networks.runtime import Runtime
from interrogator.networks.text_tower import Memory, TextTower
from interrogator.networks.token_tree import Tokens, trees

log = logging.getLogger(__name__)

KNOWN_TEXTS = 2**14  # whose ids are remembered: more than there are phrases
PADDED_BATCH = 64  # texts encoded at once where padding cannot be cut
VIEWS = 32  # pictures looked at together on a CPU: what more of them hold leaves its caches
# How far the tower, run our way, may be from `encode_text`, as 1 − cosine.
_TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 5e-3, torch.float16: 1e-3}
_PROBES = ("a lighthouse", "a lighthouse, oil on canvas", "a lighthouse, by Hokusai, at dawn")


@dataclass(frozen=True)
class Clip:
    """A CLIP with its picture transform and its tokenizer on a device.

    Attributes:
        model: An open_clip model in evaluation mode.
        preprocess: PIL image → tensor [3, h, w].
        tokenizer: Texts → token ids [n, context_length], padded and cut.
        runtime: Device and number format.
        folder: Where its files lie, if it has a folder of its own.
        search_dtype: The number format of `search_tower`; None: that of the runtime.
    """

    model: Any  # CLIP, CustomTextCLIP and CoCa share no typed base
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokenizer: Callable[..., torch.Tensor]
    runtime: Runtime
    folder: Path | None = None
    search_dtype: torch.dtype | None = None

    @property
    def logit_scale(self) -> float:
        """The inverse temperature that the model was trained with (about 100 for OpenAI's)."""
        return float(self.model.logit_scale.detach().exp())

    @cached_property
    def width(self) -> int:
        """The length d of every vector."""
        return self.encode_text(["a"]).shape[1]

    @cached_property
    def text_parameters(self) -> int:
        """How many weights the model has beside those of its picture tower."""
        both, visual = (
            sum(weights.numel() for weights in part.parameters())
            for part in (self.model, self.model.visual)
        )
        return both - visual

    @property
    def token_limit(self) -> int:
        """How many tokens of a prompt are read, start and end included."""
        return int(self.model.context_length)

    def token_count(self, text: str) -> int:
        """Return how many tokens a text takes, start and end included, uncut.

        Beyond the limit the tokenizer cuts; the count then stays at the limit plus one.
        """
        return len(self.ids(text))

    def ids(self, text: str) -> Tokens:
        """Return a text's ids, start and end included, cut one beyond the limit."""
        return self.joined_ids(text.split(", "))

    def joined_ids(self, pieces: Sequence[str]) -> Tokens:
        """Return `ids` of pieces with ", " between them.

        Prompts are made of the same few pieces, whose ids are remembered; only what may melt
        together at a comma is read as a whole.
        """
        if not (pieces and self._joins_ids and all(map(joins, pieces))):
            return self._read_ids(", ".join(pieces))
        ids = list(self._remembered_ids(pieces[0]))
        for piece in pieces[1:]:
            ids[-1:] = self._remembered_ids(f", {piece}")[1:]
        return cut(ids, self.token_limit + 1)

    def _read_ids(self, text: str) -> Tokens:
        row = self.uncut_tokens([text])
        return tuple(row[0, : int(self.lengths(row)[0])].tolist())

    def _remembered_ids(self, text: str) -> Tokens:
        ids = self._known_ids.get(text)
        if ids is None:
            if len(self._known_ids) >= KNOWN_TEXTS:
                self._known_ids.clear()
            ids = self._known_ids[text] = self._read_ids(text)
        return ids

    @cached_property
    def _joins_ids(self) -> bool:
        """Whether the ids of a text can be put together from those of its plain pieces."""
        words = self.tokenizer
        return isinstance(words, open_clip.tokenizer.SimpleTokenizer) and words.reduction_fn is None

    @cached_property
    def _known_ids(self) -> dict[str, Tokens]:
        return {}

    def uncut_tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return ids [n, limit + 1], so that a text over the limit is seen by its length."""
        return self.tokenizer(list(texts), context_length=self.token_limit + 1)

    def lengths(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return how many ids [n] stand up to the last that is not padding.

        Padding cannot just be counted: its id, 0, is also that of "!" within a word. Where a
        text's end is written as padding is, the first of it counts.
        """
        places = torch.arange(1, tokens.shape[1] + 1)
        seen = ((tokens.cpu() != self.padding_id) * places).amax(dim=1)
        return (seen + self._ends_as_padding).clamp(max=tokens.shape[1])

    @cached_property
    def _ends_as_padding(self) -> bool:
        """Whether a text's end has the id of padding, as for SigLIP and Hugging Face's CLIPs."""
        words = getattr(self.tokenizer, "tokenizer", None)
        end = getattr(words, "eos_token_id", None)
        same = end is not None and end == self.padding_id
        return same or bool(getattr(self.tokenizer, "strip_sep_token", False))

    @property
    def padding_id(self) -> int:
        """The id behind a text's end."""
        return int(getattr(getattr(self.tokenizer, "tokenizer", None), "pad_token_id", None) or 0)

    @torch.inference_mode()
    def encode_images(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """Return unit vectors [n, d] in float32 for RGB pictures."""
        return self.encode_pixels(torch.stack([self.preprocess(picture) for picture in pictures]))

    @torch.inference_mode()
    def encode_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return unit vectors [n, d] in float32 for pictures [n, 3, h, w] as it looks at them."""
        few = VIEWS if self.runtime.device.type == "cpu" else len(pixels)
        features = [
            self.model.encode_image(some.to(self.runtime.device, self.runtime.dtype))
            for some in pixels.split(few)
        ]
        return F.normalize(torch.cat(features).float(), dim=-1).cpu()

    def pair_pixels(self, picture: Image.Image) -> torch.Tensor:
        """Return [2, 3, h, w]: a picture and its mirror image, as the CLIP looks at them."""
        both = picture, ImageOps.mirror(picture)
        return torch.stack([self.preprocess(view) for view in both])

    def encode_pair(self, picture: Image.Image) -> torch.Tensor:
        """Return the unit vectors [2, d] of a picture and of its mirror image."""
        return self.encode_pixels(self.pair_pixels(picture))

    def encode_picture(self, picture: Image.Image) -> torch.Tensor:
        """Return the unit vector [d] that stands for a picture: the direction of its pair."""
        return direction(self.encode_pair(picture))

    def encode_text(
        self, texts: Sequence[str], progress: Callable[[float], None] | None = None
    ) -> torch.Tensor:
        """Return unit vectors [n, d] in float32, in the order of the texts.

        `progress` is called with the share done.

        Raises:
            ValueError: There is no text.
        """
        if not texts:
            raise ValueError("there is no text to encode")
        vectors: torch.Tensor | None = None
        done = 0
        for places, few in self.text_batches(texts):
            if vectors is None:
                vectors = torch.empty(len(texts), few.shape[1])
            vectors[places] = few
            done += len(places)
            if progress:
                progress(done / len(texts))
        assert vectors is not None  # there is at least one text
        return vectors

    @torch.inference_mode()
    def text_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in `texts` and their unit vectors [.., d] in float32, batch after batch.

        Texts that begin alike share their beginning, where the tower allows it.
        """
        for places, features in self._text_features(texts):
            yield places, F.normalize(features.float(), dim=-1).cpu()

    def tree_batches(
        self, texts: Sequence[Tokens], memory: Memory
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in texts as the search tower reads them, and their unit vectors [.., d].

        What the memory knows of their beginnings is not run anew.
        """
        tower = self.search_tower
        assert tower is not None
        for places, tree in trees(texts, tower.fits, memory.trie):
            features = tower.features(tree, memory)
            yield places, F.normalize(features.float(), dim=-1).cpu()

    def new_memory(self) -> Memory | None:
        """Return an empty memory for `tree_batches`, where the tower can use one."""
        return Memory(self.search_tower) if self.search_tower else None

    def _text_features(self, texts: Sequence[str]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield places in `texts` and their features [.., d], not normalised."""
        if self.tower is None:
            tokens = self.tokenizer(list(texts))
            for start in range(0, len(tokens), PADDED_BATCH):
                batch = tokens[start : start + PADDED_BATCH].to(self.runtime.device)
                yield list(range(start, start + len(batch))), self.model.encode_text(batch)
            return
        if self._joins_ids and not self.tower.reads_to_the_end:
            rows = [cut(self.ids(text), self.token_limit) for text in texts]
        else:
            rows = [tuple(row) for row in self.tokenizer(list(texts)).tolist()]
        for places, tree in trees([self.tower.read(row) for row in rows], self.tower.fits):
            yield places, self.tower.features(tree)

    @cached_property
    def tower(self) -> TextTower | None:
        """The text tower, if it can be run our way: cut, and with a shared beginning.

        The structure is looked at, and then the model itself is asked once: all ways must give
        the same vectors. SigLIP's and XLM-R's towers are not causal: theirs is None.
        """
        tower = TextTower.of(self.model)
        if tower is not None and not self._agrees(tower, self.runtime.dtype):
            tower = None
        if tower is None:
            log.info("the text tower is not a causal one that is known: nothing of it is reused")
        return tower

    @cached_property
    def search_tower(self) -> TextTower | None:
        """The text tower for the many prompts of a search, in the format that is quickest here.

        What a search finds is to be scored anew by `encode_text`.
        """
        dtype = self.search_dtype
        if self.tower is None or dtype in (None, self.runtime.dtype):
            return self.tower
        quick = self.tower.converted(dtype)
        return quick if self._agrees(quick, dtype) else self.tower

    @torch.inference_mode()
    def _agrees(self, tower: TextTower, dtype: torch.dtype) -> bool:
        """Tell whether a tower that computes in a format gives the vectors of the model."""
        tokens = self.tokenizer(list(_PROBES))
        shared = int(self.lengths(tokens[:1])[0]) - 1
        if (tokens[:, :shared] != tokens[0, :shared]).any():
            return False  # a tokenizer that writes the same beginning in several ways
        texts = [tower.read(tuple(row)) for row in tokens.tolist()]
        if any(len(text) <= shared for text in texts):
            return False  # a tower that pools another end than the tokenizer writes
        tokens = tokens.to(self.runtime.device)
        expected = F.normalize(self.model.encode_text(tokens).float(), dim=-1)
        memory = Memory(tower)
        for _ in range(2):  # the second time behind what is known from the first
            for places, tree in trees(texts, tower.fits, memory.trie):
                ours = F.normalize(tower.features(tree, memory).float(), dim=-1)
                nearness = (ours * expected[places]).sum(dim=1)
                if not nearness.min() > 1 - _TOLERANCE.get(dtype, 1e-5):
                    return False
        return True

    @cached_property
    def fingerprint(self) -> str:
        """A hash of structure, transform, tokenizer and a sample of all weights: names caches."""
        digest = hashlib.sha256(f"{self.model!r}{self.preprocess!r}".encode())
        digest.update(self.tokenizer(["an Oil painting, 3 boats!"]).numpy().tobytes())
        for name, value in sorted(self.model.state_dict().items()):
            flat = value.detach().flatten()
            few = flat[:: max(1, len(flat) // 1024)].float().cpu().numpy()
            digest.update(f"{name}{tuple(value.shape)}".encode())
            digest.update(few.tobytes())
        return digest.hexdigest()[:32]


def direction(pair: torch.Tensor) -> torch.Tensor:
    """Return the mean direction [d] of unit vectors [2, d].

    What a picture shows is the same in a mirror; what differs is noise.
    """
    return F.normalize(pair.sum(dim=0), dim=0)


def cut(ids: Sequence[int], limit: int) -> Tokens:
    """Return ids, of too many the first ones and the end, as the tokenizer cuts them."""
    return tuple(ids) if len(ids) <= limit else (*ids[: limit - 1], ids[-1])


def joins(piece: str) -> bool:
    """Tell whether a piece has the same ids by itself as in a text that is joined by commas.

    After a letter or a digit the comma begins a new token; after another sign both might melt into
    one. Signs outside ASCII are composed or mended, and entities such as "&amp" unescaped, by the
    look of the whole text; and "<end_of_text>", typed, ends it.
    """
    return piece.isascii() and piece[-1:].isalnum() and "&" not in piece and "<" not in piece
