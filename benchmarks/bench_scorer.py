"""The prefix-cached scorer against `encode_text`: how far apart, and how much faster.

Random prompts × random phrases, with random weights at full size (float32 and bfloat16), with a
tower of the kind `CustomTextCLIP`, and with the embedded CLIP.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
import torch.nn.functional as F

from interrogator.catalogue import PRESETS
from interrogator.clip import Clip
from interrogator.models import load
from interrogator.runtime import Runtime
from interrogator.scorer import TOO_LONG, Scorer, joined
from interrogator.vocabulary import vocabulary_for

CPU = torch.device("cpu")
PER_PROMPT = 100  # phrases scored behind each prompt


def tower(name: str, dtype: torch.dtype) -> Clip:
    """Return the embedded CLIP, or a full-size one with random weights."""
    runtime = Runtime(CPU, dtype)
    if name == "embedded":
        return load(PRESETS["demo"], runtime).clip
    import open_clip

    torch.manual_seed(0)
    name, _, kind = name.partition(" ")
    model = open_clip.create_model(
        name, precision=runtime.precision, device=CPU, force_custom_text=bool(kind)
    )
    return Clip(
        model.eval(), lambda picture: torch.empty(0), open_clip.get_tokenizer(name), runtime
    )


def compared(name: str, dtype: torch.dtype, pairs: int) -> dict[str, Any]:
    """Return differences and the ratio of times for one tower."""
    clip, rng = tower(name, dtype), random.Random(0)
    every = vocabulary_for(PRESETS["quality"]).phrases
    image = F.normalize(clip.encode_text([rng.choice(every)])[0], dim=0)
    difference, cosine, whole_seconds, seconds = 0.0, 1.0, 0.0, 0.0
    for _ in range(pairs // PER_PROMPT):
        prompt = ", ".join(rng.sample(every, rng.randint(1, 12)))
        phrases = tuple(rng.sample(every, PER_PROMPT))
        scorer, scores = Scorer(clip, image, phrases), torch.zeros(PER_PROMPT)
        start = time.perf_counter()
        for places, values in scorer.continuations(prompt, range(PER_PROMPT)):
            scores[places] = values
        seconds += time.perf_counter() - start
        fits = [i for i in range(PER_PROMPT) if scores[i] != TOO_LONG]
        if not fits:
            continue
        texts = [joined(prompt, phrases[i]) for i in fits]
        start = time.perf_counter()
        with torch.inference_mode():  # padded, as it is meant to be called
            padded = F.normalize(clip.model.encode_text(clip.tokenizer(texts)).float(), dim=1)
        whole_seconds += (time.perf_counter() - start) * PER_PROMPT / len(fits)
        difference = max(difference, float((padded @ image - scores[fits]).abs().max()))
        cosine = min(cosine, float((padded * clip.encode_text(texts)).sum(dim=1).min()))
    return {
        "tower": name, "dtype": str(dtype).removeprefix("torch."), "difference": difference,
        "least_cosine": cosine, "ratio": whole_seconds / seconds,
    }  # fmt: skip


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--towers", nargs="*", default=["embedded", "ViT-B-32", "ViT-B-32 custom"])
    options = parser.parse_args()
    rows = []
    print("| tower | numbers | largest difference of a cosine | least cosine of vectors | faster |")
    print("|---|---|---|---|---|")
    for name in options.towers:
        for dtype in (torch.float32, torch.bfloat16):
            if name == "embedded" and dtype != torch.float32:
                continue  # it always runs in float32
            row = compared(name, dtype, options.pairs)
            rows.append(row)
            print(
                f"| {name} | {row['dtype']} | {row['difference']:.1e} | "
                f"{row['least_cosine']:.5f} | {row['ratio']:.1f} × |",
                flush=True,
            )
    print(json.dumps({"pairs": options.pairs, "scorer": rows}))


if __name__ == "__main__":
    main()
