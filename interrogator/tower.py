"""The text tower of a CLIP, run so that nothing is computed twice.

In a causal tower what stands after a token cannot change it. So padding can be cut off, and texts
that begin alike can share the keys and values of their beginning: each then runs only the tokens
of its own. Both are exact; `Clip.tower` asks the model once whether they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F

# Working memory of one batch. On a CPU small batches stay in its caches and can be stopped
# between; a GPU wants large ones.
MEMORY = {"cpu": 32 * 2**20, "cuda": 2**30}
_POOLS = ("argmax", "eos", "last")


@dataclass(frozen=True)
class Prefix:
    """What many texts begin with, as the tower remembers it.

    Attributes:
        tokens: Ids [length], start included.
        memory: Keys and values of each layer, [heads, length, head width] both.
    """

    tokens: torch.Tensor
    memory: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.tokens)

    def shared_with(self, tokens: torch.Tensor) -> int:
        """Return how many tokens it has in common with others, from the start on."""
        length = min(self.length, len(tokens))
        return int((self.tokens[:length] == tokens[:length]).int().cumprod(0).sum())

    def first(self, length: int) -> Prefix:
        """Return what is remembered of the first tokens alone."""
        memory = tuple((k[:, :length], v[:, :length]) for k, v in self.memory)
        return Prefix(self.tokens[:length], memory)


@dataclass(frozen=True)
class TextTower:
    """The parts of a causal text tower, of `CLIP` and `CustomTextCLIP` alike.

    Attributes:
        embedding: Token ids → vectors.
        positions: [context length, width].
        transformer: Its `resblocks` are run one by one.
        norm: The last layer norm.
        projection: A matrix [width, d], a module, or None where there is none.
        pool: Whose vector is the text's: "argmax" (the highest id, the end), "eos" or "last".
        end_id: The id of the end, for "eos".
    """

    embedding: torch.nn.Module
    positions: torch.Tensor
    transformer: Any  # open_clip's own class, which is not typed
    norm: torch.nn.Module
    projection: Any
    pool: str
    end_id: int | None

    @staticmethod
    def of(model: Any) -> TextTower | None:  # noqa: ANN401  (open_clip's models share no base)
        """Return the tower of an open_clip model, or None if it is built otherwise."""
        text = getattr(model, "text", model)  # CustomTextCLIP keeps the tower in a part of its own
        is_part = text is not model
        parts = ("token_embedding", "positional_embedding", "transformer", "ln_final", "attn_mask")
        if not all(getattr(text, part, None) is not None for part in parts):
            return None
        pool = getattr(text, "pool_type" if is_part else "text_pool_type", None)
        if pool not in _POOLS or getattr(text, "cls_emb", None) is not None:
            return None
        if any(getattr(block.attn, "scaled_cosine", False) for block in text.transformer.resblocks):
            return None
        return TextTower(
            text.token_embedding,
            text.positional_embedding,
            text.transformer,
            text.ln_final,
            getattr(text, "text_projection", None),
            pool,
            getattr(text, "eos_id" if is_part else "text_eos_id", None),
        )

    @property
    def reads_to_the_end(self) -> bool:
        """Whether the last of all places is read, so that padding must stay."""
        return self.pool == "last"

    @cached_property
    def weights(self) -> int:
        """How many numbers each token is multiplied with."""
        return sum(parameter.numel() for parameter in self.transformer.parameters())

    def rows_at_once(self, length: int) -> int:
        """Return how many texts of `length` tokens fit into the working memory."""
        width, context = self.positions.shape[1], self.positions.shape[0]
        heads = self.transformer.resblocks[0].attn.num_heads
        size = self.transformer.get_cast_dtype().itemsize
        per_token = 12 * width * size + heads * context * 4  # states, keys, MLP; attention
        memory = MEMORY.get(self.positions.device.type, MEMORY["cpu"])
        return max(1, memory // (per_token * max(1, length)))

    def remember(self, tokens: torch.Tensor, known: Prefix | None = None) -> Prefix:
        """Run the tokens [p] that many texts begin with, start included, end not.

        Of another beginning that is `known` only what differs is run.
        """
        shared = known.shared_with(tokens) if known else 0
        if known is None or not shared:
            shared, past = 0, None
        elif shared == len(tokens):
            return known.first(shared)
        else:
            past = known.first(shared)
        new: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._run(tokens[None, shared:], past, new)
        if past is None:
            return Prefix(tokens, tuple((k[0], v[0]) for k, v in new))
        memory = tuple(
            (torch.cat([old_k, k[0]], dim=1), torch.cat([old_v, v[0]], dim=1))
            for (old_k, old_v), (k, v) in zip(past.memory, new, strict=True)
        )
        return Prefix(tokens, memory)

    def features(self, tokens: torch.Tensor, prefix: Prefix | None = None) -> torch.Tensor:
        """Return [n, d], not normalised, for texts [n, length] with their end, padded behind it.

        With a prefix `tokens` are what stands after it.
        """
        states = self.norm(
            self._run(tokens, prefix, None)[torch.arange(len(tokens)), self._ends(tokens)]
        )
        if self.projection is None:
            return states
        if isinstance(self.projection, torch.nn.Module):
            return self.projection(states)
        return states @ self.projection

    def _ends(self, tokens: torch.Tensor) -> torch.Tensor:
        if self.pool == "last":
            return torch.full((len(tokens),), tokens.shape[1] - 1, device=tokens.device)
        if self.pool == "eos":
            return tokens.eq(self.end_id or 0).int().argmax(dim=1)
        return tokens.argmax(dim=1)

    def _run(
        self,
        tokens: torch.Tensor,
        prefix: Prefix | None,
        memory: list[tuple[torch.Tensor, torch.Tensor]] | None,
    ) -> torch.Tensor:
        """Return the last states [n, length, width]; keys and values go into `memory` if given."""
        start = prefix.length if prefix else 0
        x = self.embedding(tokens).to(self.transformer.get_cast_dtype())
        x = x + self.positions[start : start + tokens.shape[1]].to(x.dtype)
        for layer, block in enumerate(self.transformer.resblocks):
            past = prefix.memory[layer] if prefix else None
            attended, new = _attend(block.attn, block.ln_1(x), past)
            if memory is not None:
                memory.append(new)
            x = x + block.ls_1(getattr(block, "ln_attn", _same)(attended))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
        return x


def _same(x: torch.Tensor) -> torch.Tensor:
    return x


def _attend(
    attn: Any,  # noqa: ANN401  (torch's or open_clip's attention: equal names, no common type)
    x: torch.Tensor,
    past: tuple[torch.Tensor, torch.Tensor] | None,
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Return causal self-attention of [n, l, width], and its own keys and values."""
    n, length, width = x.shape
    projected = F.linear(x, attn.in_proj_weight, attn.in_proj_bias)
    q, k, v = projected.view(n, length, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
    q, k = getattr(attn, "ln_q", _same)(q), getattr(attn, "ln_k", _same)(k)  # [n, heads, l, w]
    if past is None:
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        mixed = _mix_with_past(q, k, v, past)
    if getattr(attn, "head_scale", None) is not None:
        mixed = mixed * attn.head_scale
    mixed = getattr(attn, "ln_inner", _same)(mixed.transpose(1, 2).reshape(n, length, width))
    return attn.out_proj(mixed), (k, v)


def _mix_with_past(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, past: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Return softmax(q·keys)·values over the shared past and what is each text's own.

    The past is multiplied once for all texts, as one large product, and never copied for each.
    """
    n, heads, length, width = q.shape
    past_k, past_v = past
    folded = q.transpose(0, 1).reshape(heads, n * length, width)
    before = (folded @ past_k.transpose(1, 2)).view(heads, n, length, -1).transpose(0, 1)
    own = q @ k.transpose(2, 3)
    later = torch.ones(length, length, dtype=torch.bool, device=q.device).triu(1)
    scores = torch.cat([before, own.masked_fill(later, float("-inf"))], dim=3).float()
    weights = torch.softmax(scores * width**-0.5, dim=3).to(v.dtype)
    p = past_k.shape[1]
    to_past = weights[..., :p].transpose(0, 1).reshape(heads, n * length, p)
    from_past = (to_past @ past_v).view(heads, n, length, width).transpose(0, 1)
    return from_past + weights[..., p:] @ v
