"""The text tower of a CLIP, run so that nothing is computed twice.

In a causal tower what stands after a token cannot change it. So padding can be left away, and
texts that begin alike can share their beginning: they run as a tree, and the keys and values of
what may be gone on from are kept. All this is exact; `Clip.tower` asks the model once whether it
is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F

from interrogator.networks.token_tree import Tokens, Tree, Trie

# Working memory of one tree. On a CPU small ones stay in its caches and can be stopped between;
# a GPU wants large ones.
MEMORY = {"cpu": 16 * 2**20, "cuda": 128 * 2**20}
# Keys and values that are kept: of some 900 tokens of ViT-L-14 in float32. With twice as many a
# search runs 1.5 % fewer.
KNOWN = {"cpu": 64 * 2**20, "cuda": 128 * 2**20}
_POOLS = ("argmax", "eos", "last")


class Memory:
    """Keys and values of the tokens that a tower has run and may go on from.

    Attributes:
        trie: Which tokens are known, and in which slots.
        keys, values: [layers, heads, slots, head width].
    """

    def __init__(self, tower: TextTower, searches: int = 1) -> None:
        """Make an empty one, with room for some searches at a time."""
        attn, layers = tower.transformer.resblocks[0].attn, len(tower.transformer.resblocks)
        context, width = tower.positions.shape
        dtype = tower.transformer.get_cast_dtype()
        budget = KNOWN.get(tower.positions.device.type, KNOWN["cpu"])
        slots = searches * max(budget // (2 * layers * width * dtype.itemsize), 4 * context)
        shape = layers, attn.num_heads, slots, width // attn.num_heads
        self.trie = Trie(slots)
        # Not filled, so that a CPU's memory is taken only as it is used.
        self.keys = torch.empty(shape, dtype=dtype, device=tower.positions.device)
        self.values = torch.empty_like(self.keys)

    def before(self, layer: int, tree: Tree) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values [heads, p, w] of what is known before a tree."""
        return self.keys[layer][:, tree.known], self.values[layer][:, tree.known]

    def keep(self, layer: int, tree: Tree, k: torch.Tensor, v: torch.Tensor) -> None:
        """Keep those of a tree's own [heads, n, w] that are gone on from."""
        self.keys[layer][:, tree.slots] = k[:, tree.kept]
        self.values[layer][:, tree.slots] = v[:, tree.kept]


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
    norm: Callable[[torch.Tensor], torch.Tensor]
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

    def converted(self, dtype: torch.dtype) -> TextTower:
        """Return the tower with its layers in another number format, and all else as it was."""
        layers = copy.deepcopy(self.transformer).to(dtype)
        exact = self.transformer.get_cast_dtype()
        return replace(self, transformer=layers, norm=lambda states: self.norm(states.to(exact)))

    @cached_property
    def weights(self) -> int:
        """How many numbers each token is multiplied with."""
        return sum(parameter.numel() for parameter in self.transformer.parameters())

    @property
    def reads_to_the_end(self) -> bool:
        """Whether the last place of the context is pooled, so that padding must stay."""
        return self.pool == "last"

    def read(self, text: Tokens) -> Tokens:
        """Return what the tower reads of a text: all up to the token it pools."""
        if self.reads_to_the_end:
            return text
        end = self.end_id if self.pool == "eos" else max(text)
        return text[: text.index(end) + 1] if end in text else text[:1]

    def fits(self, tokens: int, known: int) -> bool:
        """Tell whether so many tokens of a tree, behind known ones, fit into the working memory."""
        each, past, pair, memory = self._bytes
        return tokens * each + known * past + tokens * (known + tokens) * pair <= memory

    @cached_property
    def _bytes(self) -> tuple[int, int, int, int]:
        """What a token takes, a known one, what one thinks of another, and the working memory."""
        width = self.positions.shape[1] * self.transformer.get_cast_dtype().itemsize
        each = 12 * width  # states, keys, values and the MLP's inside
        past = 4 * width  # keys and values, once alone and once with the others
        pair = 16 * self.transformer.resblocks[0].attn.num_heads  # before and after softmax
        return each, past, pair, MEMORY.get(self.positions.device.type, MEMORY["cpu"])

    def features(self, tree: Tree, memory: Memory | None = None) -> torch.Tensor:
        """Return [texts, d], not normalised, for the texts of a tree.

        What it stands behind is taken from the memory; what is to be kept goes into it.
        """
        states = self.norm(self._run(tree.to(self.positions.device), memory))
        if self.projection is None:
            return states
        if isinstance(self.projection, torch.nn.Module):
            return self.projection(states)
        return states @ self.projection

    def _run(self, tree: Tree, memory: Memory | None) -> torch.Tensor:
        """Return the last states [texts, width] of the leaves."""
        x = self.embedding(tree.tokens).to(self.transformer.get_cast_dtype())
        x = x + self.positions[tree.depths].to(x.dtype)
        sees = tree.sees
        blocks = self.transformer.resblocks
        for layer, block in enumerate(blocks):
            normed = block.ln_1(x)
            asking = normed
            if layer == len(blocks) - 1:  # nobody looks at what the others would become
                x, asking, sees = x[tree.leaves], normed[tree.leaves], sees[tree.leaves]
            k, v = _keys_and_values(block.attn, normed)
            if memory is not None:
                past = memory.before(layer, tree)
                memory.keep(layer, tree, k, v)
                k, v = (torch.cat(both, dim=1) for both in zip(past, (k, v), strict=True))
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
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return keys and values [heads, n, w] of [n, width]."""
    k, v = _projected(attn, x, slice(1, 3))
    return getattr(attn, "ln_k", _same)(k), v


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
