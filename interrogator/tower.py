"""The text tower of a CLIP, run so that nothing is computed twice.

In a causal tower what stands after a token cannot change it. So padding can be left away, and
texts that begin alike can share their beginning: a prompt's keys and values are remembered, and
what is written behind it runs as a tree. All this is exact; `Clip.tower` asks the model once
whether it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F

from interrogator.token_tree import Tokens, Tree, path

# Working memory of one tree. On a CPU small ones stay in its caches and can be stopped between;
# a GPU wants large ones.
MEMORY = {"cpu": 16 * 2**20, "cuda": 128 * 2**20}
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

    @cached_property
    def weights(self) -> int:
        """How many numbers each token is multiplied with."""
        return sum(parameter.numel() for parameter in self.transformer.parameters())

    @property
    def reads_to_the_end(self) -> bool:
        """Whether the last place of the context is pooled, so that padding must stay."""
        return self.pool == "last"

    def read(self, text: Tokens) -> Tokens:
        """Return what the tower reads of a text, or of its rest: all up to the token it pools."""
        if self.reads_to_the_end:
            return text
        end = self.end_id if self.pool == "eos" else max(text)
        return text[: text.index(end) + 1] if end in text else text[:1]

    def tokens_at_once(self, prefix_length: int = 0) -> int:
        """Return how many tokens of a tree fit into the working memory."""
        width = self.positions.shape[1]
        # Bytes for each pair of tokens: what they think of each other, before and after softmax.
        score = 16 * self.transformer.resblocks[0].attn.num_heads
        # States, keys, values and the MLP's inside; what the token makes of the prefix.
        each = 12 * width * self.transformer.get_cast_dtype().itemsize + score * prefix_length
        memory = MEMORY.get(self.positions.device.type, MEMORY["cpu"])
        return int((math.sqrt(each**2 + 4 * score * memory) - each) / (2 * score))

    def remember(self, tokens: torch.Tensor, known: Prefix | None = None) -> Prefix:
        """Run the tokens [p] that many texts begin with, start included, end not.

        Of another beginning that is `known` only what differs is run.
        """
        shared = known.shared_with(tokens) if known else 0
        past = known.first(shared) if known and shared else None
        if past and shared == len(tokens):
            return past
        new: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._run(path(tokens[shared:]), past, new)
        return Prefix(tokens, tuple(new))

    def features(self, tree: Tree, prefix: Prefix | None = None) -> torch.Tensor:
        """Return [texts, d], not normalised, for the texts of a tree behind a prefix."""
        states = self.norm(self._run(tree.to(self.positions.device), prefix))
        if self.projection is None:
            return states
        if isinstance(self.projection, torch.nn.Module):
            return self.projection(states)
        return states @ self.projection

    def _run(
        self,
        tree: Tree,
        prefix: Prefix | None,
        memory: list[tuple[torch.Tensor, torch.Tensor]] | None = None,
    ) -> torch.Tensor:
        """Return the last states [texts, width] of the leaves.

        Keys and values of prefix and tree go into `memory` if given.
        """
        start = prefix.length if prefix else 0
        x = self.embedding(tree.tokens).to(self.transformer.get_cast_dtype())
        x = x + self.positions[start + tree.depths].to(x.dtype)
        sees = F.pad(tree.sees, (start, 0), value=True)  # all see the prefix
        blocks = self.transformer.resblocks
        for layer, block in enumerate(blocks):
            normed = block.ln_1(x)
            asking = normed
            if layer == len(blocks) - 1:  # nobody looks at what the others would become
                x, asking, sees = x[tree.leaves], normed[tree.leaves], sees[tree.leaves]
            past = prefix.memory[layer] if prefix else None
            k, v = _keys_and_values(block.attn, normed, past)
            if memory is not None:
                memory.append((k, v))
            attended = _attend(block.attn, asking, k, v, sees)
            x = x + block.ls_1(getattr(block, "ln_attn", _same)(attended))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
        return x


def _same(x: torch.Tensor) -> torch.Tensor:
    return x


def _projected(attn: Any, x: torch.Tensor, parts: slice) -> torch.Tensor:  # noqa: ANN401
    """Return queries, keys or values (parts 0, 1 and 2) of [n, width]: [parts, heads, n, w]."""
    n, width = x.shape
    rows = slice(parts.start * width, parts.stop * width)
    bias = None if attn.in_proj_bias is None else attn.in_proj_bias[rows]
    projected = F.linear(x, attn.in_proj_weight[rows], bias)
    return projected.view(n, -1, attn.num_heads, width // attn.num_heads).permute(1, 2, 0, 3)


def _keys_and_values(
    attn: Any,  # noqa: ANN401  (torch's or open_clip's attention: equal names, no common type)
    x: torch.Tensor,
    past: tuple[torch.Tensor, torch.Tensor] | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return keys and values [heads, p + n, w] of the past and of [n, width]."""
    k, v = _projected(attn, x, slice(1, 3))
    k = getattr(attn, "ln_k", _same)(k)
    if past is None:
        return k, v
    return torch.cat([past[0], k], dim=1), torch.cat([past[1], v], dim=1)


def _attend(
    attn: Any,  # noqa: ANN401
    x: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    sees: torch.Tensor,
) -> torch.Tensor:
    """Return what [n, width] make of the keys and values that they see [n, p + …]."""
    q = getattr(attn, "ln_q", _same)(_projected(attn, x, slice(0, 1))[0])
    mixed = F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=sees)[0]
    if getattr(attn, "head_scale", None) is not None:
        mixed = mixed * attn.head_scale
    mixed = getattr(attn, "ln_inner", _same)(mixed.transpose(0, 1).reshape(x.shape))
    return attn.out_proj(mixed)
