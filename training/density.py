"""Fits what is stored beside the embedded CLIP to tell what is unlike all that it was taught."""

from __future__ import annotations

import io
import logging
import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from interrogator.networks.clip import Clip
from interrogator.prompts.density import Density, Floats
from training.calibrate import painted
from training.dataset import SIDE, pictures, specs
from training.examine import demo_models
from training.painter import frame
from training.unlike import unlike

log = logging.getLogger(__name__)

LIKE = range(100_000, 110_000)  # pictures that the CLIP was not trained on, of the kinds it was
UNLIKE = range(4_500)
ORDINARY = range(
    200_000, 200_400
)  # painted as people have them: what they hardly exceed is the limit
FAR, NO_PAINTING = 0.995, 0.98  # shares of the ordinary ones below each limit
HIDDEN, EPOCHS, BATCH = 256, 12, 256


def write(folder: Path) -> None:
    """Fit and store the density of the embedded CLIP."""
    clip = demo_models().clip
    log.info("looking at %d pictures such as were taught", len(LIKE))
    seen = _vectors(clip, (Image.fromarray(p) for p in pictures(LIKE)))
    seen = seen[[spec.medium is not None for spec in specs(LIKE)]]
    log.info("looking at %d that are no paintings", len(UNLIKE))
    with multiprocessing.get_context("spawn").Pool() as pool:
        others = _vectors(clip, pool.imap(unlike, UNLIKE, chunksize=32))
    density = _fit(seen, others)
    ordinary = _vectors(clip, _as_people_have_them())
    far, logit = density.parts(ordinary)
    limits = np.array([np.quantile(far, FAR), np.quantile(logit, NO_PAINTING)], np.float32)
    density = replace(density, limits=limits)
    density.save(folder)
    refused = np.mean([density.is_unlike(vector) for vector in ordinary])
    found = np.mean([density.is_unlike(vector) for vector in others[::10]])
    log.info(
        "limits %s: %.3f of the ordinary are unlike, %.3f of the others", limits, refused, found
    )


def _vectors(clip: Clip, several: Iterable[Image.Image]) -> Floats:
    left = iter(several)
    batches = iter(lambda: list(islice(left, BATCH)), [])
    return torch.cat([clip.encode_images(few) for few in batches]).numpy()


def _as_people_have_them() -> Iterator[Image.Image]:
    """Yield painted pictures whole, in a frame, as a small file, and small."""
    shown = specs(ORDINARY)
    with multiprocessing.get_context("spawn").Pool() as pool:
        for spec, picture in zip(shown, pool.imap(painted, ORDINARY, chunksize=16), strict=True):
            if spec.medium is None:
                continue
            yield picture
            yield frame(picture, np.random.default_rng([spec.seed, 4]), 8 / SIDE)
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=50)
            yield Image.open(file).convert("RGB")
            yield picture.resize((64, 64), Image.Resampling.LANCZOS)


def _fit(seen: Floats, others: Floats) -> Density:
    """Train the classifier: 1 for what is no painting."""
    torch.manual_seed(0)
    x = torch.from_numpy(np.concatenate([seen, others]))
    y = torch.cat([torch.zeros(len(seen)), torch.ones(len(others))])
    inner, outer = nn.Linear(x.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)
    with torch.no_grad():
        inner.weight *= x.shape[1] ** 0.5  # vectors have length 1, not one in each dimension
    network = nn.Sequential(inner, nn.ReLU(), nn.Dropout(0.2), outer)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    with torch.enable_grad():
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x)).split(BATCH):
                logits = network(x[rows])[:, 0]
                loss = nn.functional.binary_cross_entropy_with_logits(logits, y[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    weights, bias, outer_weights, outer_bias = (
        p.detach().numpy() for p in (inner.weight, inner.bias, outer.weight[0], outer.bias)
    )
    return Density(seen, weights, bias, outer_weights, outer_bias, np.ones(2, np.float32))
