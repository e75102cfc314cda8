"""Trains the embedded BLIP: a small ViT and a small causal decoder with its own few words.

Beside the caption's loss, throw-away heads predict subject, medium, movement and palette from
the vision tower: the picture is then understood long before the decoder can say so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from interrogator.networks.libraries import transformers
from training.cycles import Cycle, batches, mirrored
from training.dataset import SIDE, pictures, specs
from training.painter import Spec
from training.painter.mediums import MEDIUMS
from training.painter.palettes import NAMES as PALETTES
from training.painter.spec import ABSTRACTION, MOVEMENTS, NOTHING
from training.painter.subjects import SUBJECTS

log = logging.getLogger(__name__)

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]")
PAD, SEP, DEC = 0, 3, 5
BATCH = 128
WEIGHT_DECAY = 0.05
FIRST, FRESH = range(60_000), range(60_000, 180_000)
# On the first pictures alone the caption's loss fell to .06 while one unseen caption in four had
# a wrong word: it learns more from pictures it never saw than from longer looks at the same.
CYCLES = (Cycle(2000, 1.5e-3, FIRST), Cycle(2200, 1.2e-3, FIRST), Cycle(3500, 1.2e-3, FRESH))


def tokenizer_for(captions: list[str]) -> transformers.BertTokenizer:
    """Return a WordPiece tokenizer that knows just the words of the captions, whole."""
    words = sorted({word for caption in captions for word in caption.split()})
    return transformers.BertTokenizer(
        vocab={word: i for i, word in enumerate([*SPECIAL, *words])},
        bos_token="[DEC]",
        model_max_length=32,
    )


def config_for(words: int) -> transformers.BlipConfig:
    """Return the configuration of the whole model for a vocabulary of `words` tokens."""
    return transformers.BlipConfig(
        text_config={
            "vocab_size": words, "hidden_size": 128, "encoder_hidden_size": 192,
            "intermediate_size": 512, "projection_dim": 64, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 32, "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0, "bos_token_id": DEC, "eos_token_id": SEP,
            "sep_token_id": SEP, "pad_token_id": PAD, "is_decoder": True,
        },
        vision_config={
            "hidden_size": 192, "intermediate_size": 576, "projection_dim": 64,
            "num_hidden_layers": 4, "num_attention_heads": 6, "image_size": SIDE, "patch_size": 12,
            "initializer_range": 0.02,  # the default, 1e-10, cannot be trained from
        },
        projection_dim=64,
        image_text_hidden_size=64,
    )  # fmt: skip


class Hints(nn.Module):
    """Heads that name what a picture shows from the mean of the vision tower's tokens."""

    def __init__(self, shown: list[Spec]) -> None:
        super().__init__()
        subjects = [f"{s} {v}" for s in (*SUBJECTS, ABSTRACTION, *NOTHING) for v in (0, 1)]
        names: dict[str, tuple[list[Any], list[Any]]] = {
            "subject": (subjects, [f"{s.subject} {s.variant}" for s in shown]),
            "medium": ([*MEDIUMS, None], [s.medium for s in shown]),
            "movement": ([*MOVEMENTS, None], [s.movement for s in shown]),
            "palette": ([*PALETTES, None], [s.palette for s in shown]),
        }
        self.truth = {
            key: torch.tensor([known.index(value) for value in values])
            for key, (known, values) in names.items()
        }
        self.heads = nn.ModuleDict({key: nn.Linear(192, len(k)) for key, (k, _) in names.items()})

    def forward(self, tokens: torch.Tensor, rows: list[int]) -> torch.Tensor:
        """Return the summed cross-entropy for vision tokens [batch, n, 192]."""
        pooled = tokens.mean(dim=1).float()
        losses = [F.cross_entropy(h(pooled), self.truth[k][rows]) for k, h in self.heads.items()]
        return torch.stack(losses).sum()


def _caption_loss(
    model: transformers.BlipForConditionalGeneration, tokens: torch.Tensor, ids: torch.Tensor
) -> torch.Tensor:
    mask = (ids != PAD).long()
    mask[:, 0] = 1
    out = model.text_decoder(
        input_ids=ids,
        attention_mask=mask,
        encoder_hidden_states=tokens,
        labels=ids.masked_fill(ids == PAD, -100),
        reduction="mean",
    )
    return out.loss


def train(folder: Path, cycles: Sequence[Cycle] = CYCLES, done: int = 0) -> None:
    """Train in cycles and write the model into `folder`, where `done` of them are done already."""
    # The first pictures hold every word many times over: the same tokenizer for every cycle.
    tokenizer = tokenizer_for([s.caption for s in specs(FIRST)])
    for number, cycle in enumerate(cycles[done:], done):
        torch.manual_seed(number)
        if number:
            model = transformers.BlipForConditionalGeneration.from_pretrained(
                folder, dtype=torch.float32
            )
        else:
            model = transformers.BlipForConditionalGeneration(config_for(len(tokenizer)))
        _train_cycle(model.train(), tokenizer, cycle, number)
        save(model, tokenizer, folder)


def _train_cycle(
    model: transformers.BlipForConditionalGeneration,
    tokenizer: transformers.BertTokenizer,
    cycle: Cycle,
    number: int,
) -> None:
    stack, shown = pictures(cycle.seeds), specs(cycle.seeds)
    ids = tokenizer([s.caption for s in shown], padding=True, return_tensors="pt").input_ids
    ids[:, 0] = DEC
    hints, rng = Hints(shown), np.random.default_rng([1, number])
    parameters = [*model.parameters(), *hints.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=cycle.rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, cycle.rate, total_steps=cycle.steps, pct_start=0.08
    )
    mean, deviation = (
        transformers.BlipImageProcessorPil.image_mean,
        transformers.BlipImageProcessorPil.image_std,
    )
    start, rows_of = time.perf_counter(), batches(len(stack), BATCH, rng)
    for step, rows in zip(range(cycle.steps), rows_of, strict=False):
        with torch.autocast("cpu", torch.bfloat16):
            pixels = mirrored(stack, rows, rng, mean, deviation)
            tokens = model.vision_model(pixels).last_hidden_state
            said = _caption_loss(model, tokens, ids[rows])
            loss = said + 0.5 * hints(tokens, rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == cycle.steps - 1:
            spent = time.perf_counter() - start
            log.info(
                "blip %d: %4d/%d caption %.3f all %.3f, %.0f s",
                number, step, cycle.steps, said.item(), loss.item(), spent,
            )  # fmt: skip


def save(
    model: transformers.BlipForConditionalGeneration,
    tokenizer: transformers.BertTokenizer,
    folder: Path,
) -> None:
    """Write weights in float16, configuration and processor as `from_pretrained` reads them."""
    model.generation_config.max_new_tokens = 24
    model.half().save_pretrained(folder)
    images = transformers.BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    transformers.BlipProcessor(images, tokenizer).save_pretrained(folder)
