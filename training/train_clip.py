"""Trains the embedded CLIPs: a small ModifiedResNet beside a small causal text tower.

There are two: the one that ranks, and a judge of another shape, from other first weights and other
pictures, that takes no part in writing prompts.

Four losses, all on the phrases and compositions that the painter knows to be true or false:
softmax within each category; a sigmoid over all phrases, so that "none of these" is low for
every phrase (as in SigLIP, arXiv:2303.15343); InfoNCE between pictures and compositions with
every true pair a positive; and a ranking in which one more true phrase must raise the score of
a prompt and a false one lower it.
"""

from __future__ import annotations

import json
import logging
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from interrogator.networks.libraries import open_clip
from training.cycles import Cycle, batches, mirrored
from training.dataset import SIDE, pictures, specs
from training.painter import Spec, vocabulary

log = logging.getLogger(__name__)

MODEL_CFG = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": SIDE, "layers": [1, 2, 2, 1], "width": 20, "head_width": 64},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 48, "heads": 4, "layers": 3},
}
# "squash" shows the model the whole of a picture that is not square.
PREPROCESS_CFG = {
    "mean": open_clip.constants.OPENAI_DATASET_MEAN,
    "std": open_clip.constants.OPENAI_DATASET_STD,
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
JUDGE_CFG = {
    "embed_dim": 96,
    "vision_cfg": {"image_size": SIDE, "layers": [2, 2, 2, 2], "width": 16, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 40, "heads": 4, "layers": 4},
}
BATCH = 192
RANKED = 48  # pictures of a batch whose prompts are ranked: three long texts each
WEIGHT_DECAY = 0.05
WEIGHT = {"subject": 2.0}  # the hardest category counts twice; every other once

# Words that no painted picture deserves: they must lower a prompt's score.
UNKNOWN = (
    "by Rembrandt", "by Greg Rutkowski", "by Leonardo da Vinci", "by Frida Kahlo", "baroque",
    "rococo", "renaissance", "surrealism", "photorealism", "a photograph", "3d render", "sculpture",
    "trending on artstation", "highly detailed", "8k", "unreal engine", "volumetric lighting",
    "bokeh", "a dog", "a car", "a horse", "a bridge", "a train", "a dragon", "fantasy art",
    "cyberpunk", "steampunk", "concept art", "digital painting", "anime", "sharp focus",
    "cinematic", "a robot", "a castle", "a spaceship", "tapestry", "graffiti", "polaroid photo",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What is trained, from which first weights, on which pictures.

    Attributes:
        model_cfg: The shape, as open_clip reads it.
        cycles: One after the other.
        seed: The first cycle's random numbers; each later cycle takes the next seed.
    """

    model_cfg: dict[str, Any]
    cycles: tuple[Cycle, ...]
    seed: int = 0


_PICTURES = range(60_000)
CLIP = Recipe(MODEL_CFG, (Cycle(1300, 2e-3, _PICTURES), Cycle(1500, 1.3e-3, _PICTURES)))
JUDGE = Recipe(
    JUDGE_CFG,
    (Cycle(500, 2e-3, range(100_000, 110_000)), Cycle(800, 1.5e-3, range(100_000, 120_000))),
    seed=1000,
)


@dataclass(frozen=True)
class Truth:
    """What is true of every training picture.

    Attributes:
        phrases: The ranked phrases, all categories after another.
        category: Slice of `phrases` per category.
        captions: The distinct captions.
        labels: [pictures, phrases + captions], 1 where true.
    """

    phrases: list[str]
    category: dict[str, slice]
    captions: list[str]
    labels: torch.Tensor


def truth_of(shown: list[Spec]) -> Truth:
    """Tabulate which phrase and which caption is true of which picture."""
    words = vocabulary()
    phrases = [phrase for group in words.values() for phrase in group]
    starts = np.cumsum([0, *map(len, words.values())]).tolist()
    category = {name: slice(a, b) for name, a, b in zip(words, starts, starts[1:], strict=False)}
    captions = sorted({spec.caption for spec in shown})
    column = {text: i for i, text in enumerate(captions)}
    labels = torch.zeros(len(shown), len(phrases) + len(captions))
    for row, spec in enumerate(shown):
        for name, phrase in spec.phrases.items():
            labels[row, category[name].start + words[name].index(phrase)] = 1
        labels[row, len(phrases) + column[spec.caption]] = 1
    return Truth(phrases, category, captions, labels)


class Texts:
    """Token ids of texts, tokenised once each and cut to the longest of a batch.

    The text tower is causal, so that padding after the last real token changes nothing.
    """

    def __init__(self) -> None:
        self.tokenizer = open_clip.get_tokenizer("ViT-B-32")
        self.known: dict[str, list[int]] = {}

    def tokens(self, texts: list[str]) -> torch.Tensor:
        """Return ids [texts, longest], each framed by start and end."""
        t = self.tokenizer
        for text in texts:
            if text not in self.known:
                self.known[text] = [t.sot_token_id, *t.encode(text)[:75], t.eot_token_id]
        rows = [self.known[text] for text in texts]
        out = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for i, row in enumerate(rows):
            out[i, : len(row)] = torch.tensor(row)
        return out


def text_features(model: open_clip.CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """Return unit vectors [texts, d] for ids cut shorter than the context."""
    length = tokens.shape[1]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(x)[torch.arange(len(tokens)), tokens.argmax(dim=1)]
    return F.normalize((x @ model.text_projection).float(), dim=-1)


def _composition(spec: Spec, rng: random.Random, keep: float) -> tuple[list[str], list[str]]:
    """Split what is true of a picture into phrases used in a prompt and phrases left over."""
    phrases = list(spec.phrases.values())
    rng.shuffle(phrases)
    used = [p for p in phrases if rng.random() < keep]
    return used, [p for p in phrases if p not in used]


def _pair_loss(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """InfoNCE in both directions where a row or column may have several positives."""
    both = logits.new_zeros(())
    for scores, mask in ((logits, true), (logits.T, true.T)):
        positive = scores.masked_fill(mask == 0, -torch.inf).logsumexp(1)
        both = both + (scores.logsumexp(1) - positive)[mask.sum(1) > 0].mean()
    return both / 2


class Losses:
    """The four losses of one batch."""

    def __init__(self, truth: Truth, shown: list[Spec], texts: Texts) -> None:
        self.truth, self.shown, self.texts = truth, shown, texts
        self.bias = torch.nn.Parameter(torch.tensor(-8.0))  # of the sigmoid; not kept afterwards
        self.phrase_column = {p: i for i, p in enumerate(truth.phrases)}
        self.caption_column = {c: i + len(truth.phrases) for i, c in enumerate(truth.captions)}
        self.phrase_tokens = texts.tokens(truth.phrases)

    def __call__(
        self, model: open_clip.CLIP, image: torch.Tensor, rows: list[int], rng: random.Random
    ) -> torch.Tensor:
        """Return the sum of the losses for unit image vectors [batch, d]."""
        labels = self.truth.labels[rows]
        scale = model.logit_scale.exp().clamp(max=60)
        similarity = image @ text_features(model, self.phrase_tokens).T
        return (
            self._within_categories(similarity * scale, labels)
            + self._sigmoid(similarity * scale, labels)
            + self._contrast(model, image, rows, labels, scale, rng)
            + self._ranking(model, image, rows, rng)
        )

    def _within_categories(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        total = logits.new_zeros(())
        for category, part in self.truth.category.items():
            has = labels[:, part].sum(1) > 0
            loss = F.cross_entropy(logits[has, part], labels[has, part].argmax(1))
            total = total + WEIGHT.get(category, 1.0) * loss
        return total

    def _sigmoid(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        wanted = labels[:, : len(self.truth.phrases)]
        each = F.binary_cross_entropy_with_logits(logits + self.bias, wanted, reduction="none")
        return each.sum(1).mean()

    def _contrast(
        self,
        model: open_clip.CLIP,
        image: torch.Tensor,
        rows: list[int],
        labels: torch.Tensor,
        scale: torch.Tensor,
        rng: random.Random,
    ) -> torch.Tensor:
        prompts, claims = [], torch.zeros_like(labels)
        for i, row in enumerate(rows):
            spec = self.shown[row]
            used, _ = _composition(spec, rng, rng.choice((0.0, 0.4, 0.8)))
            if not used or rng.random() < 0.75:
                claims[i, self.caption_column[spec.caption]] = 1
                prompts.append(", ".join([spec.caption, *used]))
            else:
                prompts.append(", ".join(used))
            for phrase in used:
                claims[i, self.phrase_column[phrase]] = 1
        true = ((labels @ claims.T) == claims.sum(1)).float()  # [images, texts]: all claims hold
        text = text_features(model, self.texts.tokens(prompts))
        return _pair_loss(image @ text.T * scale, true)

    def _ranking(
        self, model: open_clip.CLIP, image: torch.Tensor, rows: list[int], rng: random.Random
    ) -> torch.Tensor:
        short, longer, wrong = [], [], []
        image, rows = image[:RANKED], rows[:RANKED]
        for row in rows:
            spec = self.shown[row]
            used, left = _composition(spec, rng, rng.random())
            start = [spec.caption, *used]
            short.append(", ".join(start))
            longer.append(", ".join([*start, *left[: 1 + rng.randrange(2)]]))
            false = rng.choice(UNKNOWN) if rng.random() < 0.25 else rng.choice(self.truth.phrases)
            while false in spec.phrases.values():
                false = rng.choice(self.truth.phrases)
            wrong.append(", ".join([*start, false]))
        text = text_features(model, self.texts.tokens(short + longer + wrong))
        score = (image.repeat(3, 1) * text).sum(1).view(3, -1)
        grew = torch.tensor([a != b for a, b in zip(short, longer, strict=True)])
        margin, sharp = 0.04, 20.0
        up = F.softplus((margin - (score[1] - score[0])[grew]) * sharp).mean()
        down = F.softplus((margin - (score[0] - score[2])) * sharp).mean()
        return up + down


def _optimiser(model: open_clip.CLIP, extra: torch.nn.Parameter, rate: float) -> torch.optim.AdamW:
    plain = [p for n, p in model.named_parameters() if p.ndim < 2 or "embedding" in n]
    decayed = [p for n, p in model.named_parameters() if p.ndim >= 2 and "embedding" not in n]
    groups = [
        {"params": decayed, "weight_decay": WEIGHT_DECAY},
        {"params": [*plain, extra], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def train(folder: Path, recipe: Recipe = CLIP, done: int = 0) -> None:
    """Train in cycles and write the model into `folder`, where `done` of them are done already."""
    for number, cycle in enumerate(recipe.cycles[done:], done):
        torch.manual_seed(recipe.seed + number)
        model = open_clip.CLIP(**recipe.model_cfg, init_logit_scale=math.log(16))
        if number:
            stored = load_file(folder / "open_clip_model.safetensors")
            model.load_state_dict({name: value.float() for name, value in stored.items()})
        _train_cycle(
            model.to(memory_format=torch.channels_last).train(), cycle, recipe.seed + number
        )
        save(model, recipe.model_cfg, folder)


def _train_cycle(model: open_clip.CLIP, cycle: Cycle, seed: int) -> None:
    stack, shown = pictures(cycle.seeds), specs(cycle.seeds)
    losses = Losses(truth_of(shown), shown, Texts())
    rng, choices = np.random.default_rng(seed), random.Random(seed)
    optimiser = _optimiser(model, losses.bias, cycle.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, cycle.rate, total_steps=cycle.steps, pct_start=0.06
    )
    start, rows_of = time.perf_counter(), batches(len(stack), BATCH, rng)
    for step, rows in zip(range(cycle.steps), rows_of, strict=False):
        pixels = mirrored(
            stack,
            rows,
            rng,
            open_clip.constants.OPENAI_DATASET_MEAN,
            open_clip.constants.OPENAI_DATASET_STD,
        )
        with torch.autocast("cpu", torch.bfloat16):
            seen = model.encode_image(pixels.contiguous(memory_format=torch.channels_last))
            loss = losses(model, F.normalize(seen.float(), dim=-1), rows, choices)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == cycle.steps - 1:
            spent = time.perf_counter() - start
            log.info(
                "clip %d: %4d/%d loss %.3f, %.0f s", seed, step, cycle.steps, loss.item(), spent
            )


def save(model: open_clip.CLIP, model_cfg: dict[str, Any], folder: Path) -> None:
    """Write the model in float16 as open_clip's `local-dir:` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    config = {"model_cfg": model_cfg, "preprocess_cfg": PREPROCESS_CFG}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
