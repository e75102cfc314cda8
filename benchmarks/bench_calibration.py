"""Is a confidence a probability? Of the phrases said to be true at 80 %, are 80 % true?

The embedded CLIP's confidences of every phrase of every calibrated list, as the page shows them,
on painted pictures of seeds that neither the models nor the calibration were fitted on. A phrase
is true if the picture was painted so, or if the true caption says it ("a house beside a tree" shows
a tree too). The interval is Wilson's at 95 %, as if all phrases were independent.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import warnings
from pathlib import Path
from statistics import NormalDist
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bench_truth import FLOAT32, occurrences, outermost
from interrogator.models.registry import PRESETS
from interrogator.networks.clip import direction
from interrogator.pipeline import Interrogator
from interrogator.prompts.ranking import PLAUSIBLE, rank
from interrogator.request import Request
from interrogator.serving.service import Service
from training.calibrate import painted
from training.painter import Spec, choose

FIRST = 12_000_000  # seeds of which no training, calibration or other benchmark knows
BINS = 10
Z = NormalDist().inv_cdf(0.975)
Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]  # confidences [n], and which are true [n]


def judged(seeds: range, ours: Interrogator) -> dict[str, Judged]:
    """Return for each calibrated list the confidence and the truth of all phrases and pictures."""
    lists: dict[str, tuple[list[float], list[bool]]]
    lists = {category: ([], []) for category in ours.table.calibrations}
    with multiprocessing.get_context("spawn").Pool() as pool:
        for seed, picture in zip(seeds, pool.imap(painted, seeds, chunksize=8), strict=True):
            pair = ours.models.clip.encode_pair(picture)
            scale = ours.models.clip.logit_scale
            ranking = rank(direction(pair), ours.table, scale, pair[0])
            true = true_of(choose(seed))
            for category, (confidences, truths) in lists.items():
                for phrase, confidence in ranking.confidence_of(category).items():
                    confidences.append(confidence)
                    truths.append(phrase in true)
    return {category: (np.array(c), np.array(t)) for category, (c, t) in lists.items()}


def true_of(spec: Spec) -> set[str]:
    """Return the phrases that are true of a picture."""
    return set(spec.phrases.values()) | outermost(occurrences(spec.caption))


def curve(confidence: NDArray[np.float64], true: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return for each tenth of confidence how many phrases there are and which share is true."""
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = []
    for number in range(BINS):
        inside = place == number
        count = int(inside.sum())
        if count:
            share = float(true[inside].mean())
            rows.append({
                "from": number / BINS, "to": (number + 1) / BINS, "phrases": count,
                "confidence": round(float(confidence[inside].mean()), 4), "true": round(share, 4),
                "interval": [round(limit, 4) for limit in interval(share, count)],
            })  # fmt: skip
    return rows


def interval(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of `count` (J. Am. Stat. Assoc. 22, 1927)."""
    scale = 1 + Z**2 / count
    centre = (share + Z**2 / (2 * count)) / scale
    half = Z * (share * (1 - share) / count + Z**2 / (4 * count**2)) ** 0.5 / scale
    return centre - half, centre + half


def expected_error(rows: list[dict[str, Any]]) -> float:
    """Return the mean difference of confidence and truth over all phrases (ECE)."""
    total = sum(row["phrases"] for row in rows)
    return sum(abs(row["confidence"] - row["true"]) * row["phrases"] for row in rows) / total


def print_curve(rows: list[dict[str, Any]]) -> None:
    """Print the curve of all lists together."""
    print("| confidence | phrases | mean confidence | true | 95 % interval | off by |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        low, high = row["interval"]
        off = 100 * (row["true"] - row["confidence"])
        print(
            f"| {row['from']:.1f}–{row['to']:.1f} | {row['phrases']:,} | {row['confidence']:.3f} "
            f"| {row['true']:.3f} | {low:.3f}–{high:.3f} | {off:+.1f} points |"
        )


def figures(confidence: NDArray[np.float64], true: NDArray[np.bool_]) -> dict[str, float]:
    """Return what a list comes to where its plausible phrases alone are used."""
    likely, looked_at = confidence >= PLAUSIBLE, confidence >= 1 / BINS
    return {
        "plausible": int(likely.sum()),
        "precision": float(true[likely].mean()),
        "recall": float(likely[true].mean()),
        "expected_error": expected_error(curve(confidence[looked_at], true[looked_at])),
    }


def print_lists(lists: dict[str, dict[str, float]]) -> None:
    """Print one line for each list."""
    print("\n| list | phrases at .5 or more | of them true | true phrases found "
          "| those at .1 or more off by, on average |\n" + "|---" * 5 + "|")  # fmt: skip
    for category, row in lists.items():
        print(
            f"| {category} | {row['plausible']:,} | {row['precision']:.3f} "
            f"| {row['recall']:.3f} | {row['expected_error']:.3f} |"
        )


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000, help="unseen, of 256 px (2000)")
    parser.add_argument("--first", type=int, default=FIRST, help="the first seed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    ours, _ = Service(FLOAT32).prepare(Request(PRESETS["demo"]))
    lists = judged(range(options.first, options.first + options.pictures), ours)
    everything = [np.concatenate(parts) for parts in zip(*lists.values(), strict=True)]
    rows = curve(*everything)
    print_curve(rows)
    of_lists = {category: figures(*values) for category, values in lists.items()}
    print_lists(of_lists)
    print(json.dumps({"pictures": options.pictures, "curve": rows, "lists": of_lists}))


if __name__ == "__main__":
    main()
