"""Which number format is faster here, and does it leave the words as they are?

The product that most of a picture's time goes into (tokens × width, as in BLIP large and ViT-L-14)
in float32, bfloat16 and int8 with weights quantised once and inputs each time; the formats take
turns. Then the embedded captioner, converted, describes unseen painted pictures: how often is
its caption the same, and how often is its first choice of captions still true?
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch import nn

from interrogator.networks.captioner import Captioner
from training.examine import demo_models
from training.painter import choose, paint

FIRST = 15_000_000  # seeds of which no training knows
ROWS, WIDTH, INNER = 1154, 1024, 4096  # two pictures of 577 patches through an MLP of BLIP large


def converted(module: nn.Module, name: str) -> nn.Module:
    """Return a copy of a module in a number format."""
    copied = copy.deepcopy(module)
    if name == "int8":
        return torch.ao.quantization.quantize_dynamic(copied, {nn.Linear}, dtype=torch.qint8)
    return copied.to(getattr(torch, name))


def speeds(names: list[str], repeats: int) -> dict[str, float]:
    """Return the median seconds of the product in each format, measured in turns."""
    layer = nn.Linear(WIDTH, INNER)
    rows = torch.randn(ROWS, WIDTH)
    ways: dict[str, Callable[[], torch.Tensor]] = {}
    for name in names:
        one, x = converted(layer, name), rows if name == "int8" else rows.to(getattr(torch, name))
        ways[name] = lambda one=one, x=x: one(x)  # type: ignore[misc]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


def same_captions(captioner: Captioner, name: str, pictures: int) -> int:
    """Return how many painted pictures get the same caption in a format as in float32."""
    dtype = torch.float32 if name == "int8" else getattr(torch, name)
    other = Captioner(
        converted(captioner.model, name), captioner.processor,
        replace(captioner.runtime, dtype=dtype),
    )  # fmt: skip
    shown = [paint(choose(seed), 256) for seed in range(FIRST, FIRST + pictures)]
    return sum(
        captioner.candidates(picture)[0].text == other.candidates(picture)[0].text
        for picture in shown
    )


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    names = ["float32", "bfloat16", "int8"]
    seconds = speeds(names, options.repeats)
    captioner = demo_models().captioner
    same = {name: same_captions(captioner, name, options.pictures) for name in names[1:]}
    print(f"| format | product of {ROWS} × {WIDTH} and {WIDTH} × {INNER} | same caption |")
    print("|---|---|---|")
    for name in names:
        words = f"{same[name]} of {options.pictures}" if name in same else "–"
        ratio = seconds["float32"] / seconds[name]
        print(f"| {name} | {seconds[name] * 1000:.1f} ms, {ratio:.1f} × as fast | {words} |")
    print(json.dumps({"seconds": seconds, "same": same, "pictures": options.pictures}))


if __name__ == "__main__":
    main()
