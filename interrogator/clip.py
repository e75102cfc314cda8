"""Pictures and phrases → unit vectors, by CLIP. Their product is the cosine similarity."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from interrogator.runtime import Runtime

BATCH = 256  # phrases encoded at once


@dataclass(frozen=True)
class Clip:
    """A CLIP with its picture transform and its tokenizer on a device.

    Attributes:
        model: An open_clip model in evaluation mode.
        preprocess: PIL image → tensor [3, h, w].
        tokenizer: Texts → token ids [n, context_length], padded and cut.
        runtime: Device and number format.
    """

    model: Any  # CLIP, CustomTextCLIP and CoCa share no typed base
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokenizer: Callable[..., torch.Tensor]
    runtime: Runtime

    @property
    def logit_scale(self) -> float:
        """The inverse temperature that the model was trained with (about 100 for OpenAI's)."""
        return float(self.model.logit_scale.detach().exp())

    @property
    def token_limit(self) -> int:
        """How many tokens of a prompt are read, start and end included."""
        return int(self.model.context_length)

    def token_count(self, text: str) -> int:
        """Return how many tokens a text takes, start and end included, uncut.

        Beyond the limit the tokenizer cuts; the count then stays at the limit plus one.
        """
        longer = self.tokenizer([text], context_length=self.token_limit + 1)
        return int(self._lengths(longer)[0])

    def _lengths(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return how many ids [n] stand up to the last that is not padding.

        Padding cannot just be counted: its id, 0, is also that of "!" within a word.
        """
        places = torch.arange(1, tokens.shape[1] + 1)
        return ((tokens.cpu() != self._padding_id) * places).amax(dim=1)

    @property
    def _padding_id(self) -> int:
        return int(getattr(getattr(self.tokenizer, "tokenizer", None), "pad_token_id", None) or 0)

    @torch.inference_mode()
    def encode_images(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """Return unit vectors [n, d] in float32 for RGB pictures."""
        pixels = torch.stack([self.preprocess(picture) for picture in pictures])
        pixels = pixels.to(self.runtime.device, self.runtime.dtype)
        features = self.model.encode_image(pixels)
        return F.normalize(features.float(), dim=-1).cpu()

    @torch.inference_mode()
    def encode_text(
        self, texts: Sequence[str], progress: Callable[[float], None] | None = None
    ) -> torch.Tensor:
        """Return unit vectors [n, d] in float32, in the order of the texts.

        Texts are encoded from short to long, so that a batch can be cut at its longest.
        `progress` is called with the share done.
        """
        tokens = self.tokenizer(list(texts))  # [n, context_length]
        lengths = self._lengths(tokens)
        order = torch.argsort(lengths, stable=True)
        vectors: torch.Tensor | None = None
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = tokens[rows].to(self.runtime.device)
            features = self._text_features(batch, int(lengths[rows].max()))
            features = F.normalize(features.float(), dim=-1).cpu()
            if vectors is None:
                vectors = torch.empty(len(texts), features.shape[1])
            vectors[rows] = features
            if progress:
                progress((start + len(rows)) / len(order))
        if vectors is None:
            raise ValueError("there is no text to encode")
        return vectors

    def _text_features(self, tokens: torch.Tensor, longest: int) -> torch.Tensor:
        """Return [n, d], not normalised; only the first `longest` tokens where that is exact."""
        if self.is_causal:
            return self._cut_features(tokens[:, :longest])
        return self.model.encode_text(tokens)

    def _cut_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return what `encode_text` would, for tokens [n, length] cut shorter than the context."""
        model, length = self.model, tokens.shape[1]
        x = model.token_embedding(tokens).to(model.transformer.get_cast_dtype())
        x = x + model.positional_embedding[:length].to(x.dtype)
        x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
        x = model.ln_final(x)[torch.arange(len(tokens)), tokens.argmax(dim=1)]  # at end of text
        return x @ model.text_projection

    @cached_property
    def is_causal(self) -> bool:
        """Whether padding may be cut because nothing after a token can change it.

        So it is with OpenAI's and OpenCLIP's plain towers. The structure is looked at, and then
        the model itself is asked once: both ways must give the same vectors.
        """
        model = self.model
        parts = ("token_embedding", "positional_embedding", "transformer", "attn_mask")
        if not all(getattr(model, part, None) is not None for part in parts):
            return False
        if not isinstance(getattr(model, "text_projection", None), torch.Tensor):
            return False
        if getattr(model, "text_pool_type", None) != "argmax":
            return False
        tokens = self.tokenizer(["a lighthouse", "oil on canvas"]).to(self.runtime.device)
        longest = int(self._lengths(tokens).max())
        whole = F.normalize(self.model.encode_text(tokens).float(), dim=-1)
        cut = F.normalize(self._cut_features(tokens[:, :longest]).float(), dim=-1)
        return bool((whole * cut).sum(dim=1).min() > 0.999)

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
