"""Ranking 1,000 to 1,000,000 phrases, beside the time that reading their matrix once takes."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
import torch.nn.functional as F

from interrogator.prompts.ranking import rank
from interrogator.prompts.table import Table
from interrogator.vocabulary.lists import Vocabulary

SIZES = (1_000, 10_000, 100_000, 1_000_000)
WIDTH = 768  # of ViT-L-14
REPEATS = 7


def medians_of(*works: Callable[[], object]) -> list[float]:
    """Return the median seconds of each, in turns, so that a neighbour disturbs all alike."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(REPEATS + 1):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[1:]) for taken in times]  # the first calls warm up


def main() -> None:
    """Print the table and one JSON line."""
    generator = torch.Generator().manual_seed(0)
    image = F.normalize(torch.randn(WIDTH, generator=generator), dim=0)
    print("| phrases | ranking | matrix read once | ratio |\n|---|---|---|---|")
    told = []
    for size in SIZES:
        matrix = F.normalize(torch.randn(size, WIDTH, generator=generator), dim=1)
        half = size // 2
        texts = tuple(f"p{i}" for i in range(size))
        vocabulary = Vocabulary("random", {"a": texts[:half], "b": texts[half:]})
        table = Table(vocabulary, matrix, matrix[:, :4].contiguous())
        vocabulary.phrases  # noqa: B018  (kept with a vocabulary, not part of ranking)

        def ranking(table: Table = table) -> None:
            ranking = rank(image, table, 100.0)
            ranking.by_category(32)
            ranking.overall(2048)

        seconds, reading = medians_of(ranking, matrix.sum)
        told.append({"phrases": size, "seconds": seconds, "reading_seconds": reading})
        print(
            f"| {size:,} | {seconds * 1e3:.2f} ms | {reading * 1e3:.2f} ms "
            f"| {seconds / reading:.2f} |"
        )
    print(json.dumps({"ranking": told}))


if __name__ == "__main__":
    main()
