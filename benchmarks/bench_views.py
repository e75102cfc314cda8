"""Do more views of a picture, or templates around a phrase, make confidences truer?

Each way is judged like the one in use: its vectors of unseen painted pictures are compared with the
phrases, every list is calibrated on one half of the pictures, and on the other half the likeliest
phrase of each list counts as named where its confidence is .5 or more. Precision is the share of
the named ones that are true, recall the share of what was painted that is named; the loss is the
mean negative log-likelihood of the truth, summed over the lists.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from interrogator.networks.clip import Clip
from interrogator.prompts.plausibility import plausibility
from interrogator.prompts.ranking import PLAUSIBLE
from training.calibrate import as_found, fit, labels_of
from training.examine import demo_models
from training.painter import Spec, choose, vocabulary

FIRST = 14_000_000  # seeds of which no training or calibration knows
CORNERS = ((0, 0), (0.15, 0), (0, 0.15), (0.15, 0.15))  # of crops of .85 of each side
INNER = 0.05  # cut off each side by the inner crop, and around a turned picture
TURN = 3  # degrees
WAYS: dict[str, tuple[str, ...]] = {
    "whole": ("whole",),
    "whole and mirrored (in use)": ("whole", "mirrored"),
    "and an inner crop, mirrored too": ("whole", "mirrored", "inner", "inner mirrored"),
    "and turned by 3°, mirrored too": ("whole", "mirrored", "turned", "turned mirrored"),
    "and four corners": ("whole", "mirrored", *(f"corner {i}" for i in range(4))),
}
TEMPLATES: dict[str, tuple[str, ...]] = {
    "the phrase alone (in use)": ("{}",),
    "“a painting, …”": ("a painting, {}",),
    "“a picture, …”": ("a picture, {}",),
    "mean of these three": ("{}", "a painting, {}", "a picture, {}"),
}
Vectors = NDArray[np.float32]


def views(picture: Image.Image) -> dict[str, Image.Image]:
    """Return the views of a picture by name."""
    width, height = picture.size

    def part(left: float, top: float, side: float, of: Image.Image = picture) -> Image.Image:
        box = (left * width, top * height, (left + side) * width, (top + side) * height)
        return of.crop(tuple(round(edge) for edge in box))  # type: ignore[arg-type]

    inner, rest = INNER, 1 - 2 * INNER
    plain = {
        "whole": picture,
        "inner": part(inner, inner, rest),
        "turned": part(inner, inner, rest, picture.rotate(TURN, Image.Resampling.BICUBIC)),
        **{f"corner {i}": part(*corner, 0.85) for i, corner in enumerate(CORNERS)},
    }
    mirrored = {f"{name} mirrored": ImageOps.mirror(view) for name, view in plain.items()}
    return plain | {"mirrored": mirrored.pop("whole mirrored")} | mirrored


def looked_at(clip: Clip, seeds: range) -> dict[str, Vectors]:
    """Return the unit vectors [n, d] of every view of the pictures of some seeds."""
    rows = []
    with multiprocessing.get_context("spawn").Pool() as pool:
        for picture in pool.imap(as_found, seeds, chunksize=8):
            several = views(picture)
            rows.append(clip.encode_images(list(several.values())).numpy())
    return {name: np.stack([row[i] for row in rows]) for i, name in enumerate(several)}


def mean_direction(several: Sequence[Vectors]) -> Vectors:
    """Return the direction of the mean of unit vectors, [n, d]."""
    total = np.sum(several, axis=0)
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def judge(
    vectors: Vectors, texts: dict[str, Vectors], shown: list[Spec], scale: float
) -> dict[str, float]:
    """Return precision, recall and loss of one way to look, calibrated on every other picture."""
    named = true_named = painted = 0
    loss = 0.0
    for category, matrix in texts.items():
        similarity, true = vectors @ matrix.T, labels_of(shown, category)
        half = [torch.from_numpy(part[::2]) for part in (similarity, true)]
        calibration = fit(half[0], half[1].float(), scale)
        neutral = np.zeros((len(matrix), 1), np.float32)  # a calibrated list needs none
        for row, truth in zip(similarity[1::2], true[1::2], strict=True):
            confidence = plausibility(row, neutral, scale, True, calibration)
            best = int(confidence.argmax())
            named += confidence[best] >= PLAUSIBLE
            true_named += confidence[best] >= PLAUSIBLE and truth[best]
            painted += truth.sum()
            chance = np.where(truth, confidence, 1 - confidence)
            loss -= np.log(np.maximum(chance, 1e-12)).sum() / len(similarity[1::2])
    return {
        "precision": true_named / max(1, named), "recall": true_named / painted, "loss": loss,
    }  # fmt: skip


def main() -> None:
    """Print both tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=800)
    parser.add_argument("--first", type=int, default=FIRST, help="the first seed")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    clip = demo_models().clip
    seeds = range(options.first, options.first + options.pictures)
    looks, shown = looked_at(clip, seeds), [choose(seed) for seed in seeds]

    def texts(templates: Sequence[str]) -> dict[str, Vectors]:
        return {
            category: mean_direction(
                [clip.encode_text([t.format(p) for p in phrases]).numpy() for t in templates]
            )
            for category, phrases in vocabulary().items()
        }

    plain, used = texts(("{}",)), mean_direction([looks["whole"], looks["mirrored"]])
    told: dict[str, Any] = {"pictures": options.pictures}
    told["views"] = {
        name: judge(mean_direction([looks[view] for view in way]), plain, shown, clip.logit_scale)
        for name, way in WAYS.items()
    }
    told["templates"] = {
        name: judge(used, texts(templates), shown, clip.logit_scale)
        for name, templates in TEMPLATES.items()
    }
    for title in ("views", "templates"):
        print(f"| {title} | precision | recall | loss |\n|---|---|---|---|")
        for name, f in told[title].items():
            print(f"| {name} | {f['precision']:.3f} | {f['recall']:.3f} | {f['loss']:.3f} |")
        print()
    print(json.dumps(told, default=float))


if __name__ == "__main__":
    main()
