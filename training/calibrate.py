"""Fits, for each list of the embedded CLIP, how a cosine turns into the chance that it is true.

Temperature scaling (arXiv:1706.04599) with the cosine of "none of these" beside it: two numbers for
each list, on pictures that no model was trained on.
"""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from interrogator.networks.clip import Clip
from interrogator.prompts.plausibility import Calibration, save_calibrations
from training.dataset import specs
from training.examine import demo_models
from training.painter import Spec, choose, frame, paint, vocabulary

log = logging.getLogger(__name__)

SEEDS = range(200_000, 204_000)  # beyond those of every training
SIZE = 256  # pixels: pictures as people have them, not as the models see them
FRAMED = 4  # one in so many stands in a frame
MARGIN = 1 / 12  # of the side: the frame
STEPS = 60


def vectors_of(clip: Clip, seeds: range) -> torch.Tensor:
    """Paint seeds, some in frames, and return their unit vectors [n, d]."""
    with multiprocessing.get_context("spawn").Pool() as pool:
        several = pool.imap(as_found, seeds, chunksize=16)
        return torch.stack([clip.encode_picture(picture) for picture in several])


def as_found(seed: int) -> Image.Image:
    """Paint a seed and frame it if its turn has come."""
    picture = painted(seed)
    if seed % FRAMED:
        return picture
    return frame(picture, np.random.default_rng([seed, 4]), MARGIN)


def painted(seed: int, size: int = SIZE) -> Image.Image:
    """Paint a seed."""
    return paint(choose(seed), size)


def labels_of(shown: list[Spec], category: str) -> NDArray[np.bool_]:
    """Return which phrase of a category is true of which picture, [n, phrases]."""
    phrases = vocabulary()[category]
    return np.array(
        [[spec.phrases.get(category) == phrase for phrase in phrases] for spec in shown]
    )


def fit(similarity: torch.Tensor, true: torch.Tensor, logit_scale: float) -> Calibration:
    """Return the calibration that makes the truth of one exclusive list likeliest.

    Args:
        similarity: Cosines [n, phrases].
        true: 1 where a phrase is true, [n, phrases].
        logit_scale: The model's inverse temperature.
    """
    best = similarity.topk(2, dim=1).values
    rival = torch.where(similarity == best[:, :1], best[:, 1:], best[:, :1])
    temperature = torch.zeros((), requires_grad=True)  # its logarithm
    none = torch.tensor(0.2, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [temperature, none], max_iter=STEPS, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        scale = temperature.exp() * logit_scale
        against = torch.logaddexp(rival * scale, none * scale)
        value = torch.nn.functional.binary_cross_entropy_with_logits(
            similarity * scale - against, true
        )
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    return Calibration(
        temperature=round(temperature.detach().exp().item(), 4),
        none=round(none.detach().item(), 4),
        exclusive=True,
    )


def write(folder: Path) -> None:
    """Fit every list of the embedded CLIP and store the numbers beside it."""
    clip, shown = demo_models().clip, specs(SEEDS)
    vectors = vectors_of(clip, SEEDS)
    fitted = {}
    for category, phrases in vocabulary().items():
        similarity = vectors @ clip.encode_text(phrases).T
        true = torch.from_numpy(labels_of(shown, category)).float()
        fitted[f"{category}s"] = fit(similarity, true, clip.logit_scale)
        log.info("%s: %s", category, fitted[f"{category}s"])
    save_calibrations(folder, fitted)
