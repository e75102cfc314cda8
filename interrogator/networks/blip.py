"""BLIP's attention, so that several beams look at a picture that was read once.

transformers repeats the picture for every beam: its keys and values are computed for each, and
copied at every step. Here they are computed once per picture, and the beams of a picture are
queries beside each other. The picture tower's attention runs in one fused call. Both give the
same numbers but for rounding.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from interrogator.networks.libraries import transformers

# From 5.24 on transformers prefers another name for what it hands on; until 5.40 it takes this.
warnings.filterwarnings("ignore", "`past_key_values` is deprecated", FutureWarning)


class PictureCache(transformers.EncoderDecoderCache):
    """Keys and values of a search: the words' by beam, the pictures' by picture."""

    def __init__(self, pictures: int) -> None:
        super().__init__(transformers.DynamicCache(), transformers.DynamicCache())
        self.pictures = pictures

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Let each beam go on from the words it chose; no beam leaves its picture."""
        self.self_attention_cache.reorder_cache(beam_idx)


class SharedAttention(nn.Module):
    """The words' attention to the picture, its keys and values shared by the picture's beams."""

    def __init__(self, plain: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.query, self.key, self.value = plain.query, plain.key, plain.value
        self.heads, self.layer = plain.num_attention_heads, plain.layer_idx

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        cache: transformers.EncoderDecoderCache | None = None,
        past_key_values: transformers.EncoderDecoderCache | None = None,
        **_: torch.Tensor | None,  # the picture's mask: nothing of a picture is masked
    ) -> tuple[torch.Tensor, None]:
        """Return what the words see.

        Args:
            hidden_states: Words [rows, tokens, width], a row a beam, a picture's beams together.
            encoder_hidden_states: The picture once for each beam [rows, patches, width].
            cache: Kept between steps; a row is a picture of its own in any but ours.
            past_key_values: What transformers before 5.24 calls the same.
        """
        rows, tokens, width = hidden_states.shape
        kept = cache if cache is not None else past_key_values
        ours = kept if isinstance(kept, PictureCache) else None
        pictures = rows if ours is None else ours.pictures
        keys, values = self._of_pictures(encoder_hidden_states[:: rows // pictures], ours)
        query = self._by_head(self.query(hidden_states).reshape(pictures, -1, width))
        seen = scaled_dot_product_attention(query, keys, values)  # [pictures, heads, b × t, d]
        return seen.transpose(1, 2).reshape(rows, tokens, -1), None

    def _of_pictures(
        self, patches: torch.Tensor, cache: PictureCache | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if cache is not None and cache.is_updated.get(self.layer):
            kept = cache.cross_attention_cache.layers[self.layer]
            return kept.keys, kept.values
        keys, values = self._by_head(self.key(patches)), self._by_head(self.value(patches))
        if cache is not None:
            cache.cross_attention_cache.update(keys, values, self.layer)
            cache.is_updated[self.layer] = True
        return keys, values

    def _by_head(self, states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(2, (self.heads, -1)).transpose(1, 2)


class FusedAttention(nn.Module):
    """The picture tower's attention in one call, without the matrix of all pairs of patches."""

    def __init__(self, plain: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.qkv, self.projection = plain.qkv, plain.projection
        self.heads = plain.num_heads

    def forward(self, hidden_states: torch.Tensor, **_: object) -> tuple[torch.Tensor, None]:
        """Return the patches [n, patches, width] after they looked at each other."""
        mixed = self.qkv(hidden_states).unflatten(2, (3, self.heads, -1))  # [n, p, 3, heads, d]
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value)
        return self.projection(seen.transpose(1, 2).flatten(2)), None


def share_pictures(model: transformers.BlipForConditionalGeneration) -> None:
    """Give a BLIP these attentions, with the weights that it has."""
    for layer in model.text_decoder.bert.encoder.layer:
        layer.crossattention.self = SharedAttention(layer.crossattention.self)
    for layer in model.vision_model.encoder.layers:
        layer.self_attn = FusedAttention(layer.self_attn)
