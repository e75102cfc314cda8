"""The prefix-cached scorer against `encode_text`: how far apart, and how much faster.

Random prompts × random phrases, with random weights at full size (float32 and bfloat16), with a
tower of the kind `CustomTextCLIP`, and with the embedded CLIP. Then prompts are searched in
bfloat16 and in float32, and both compared in float32.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
import torch.nn.functional as F

from interrogator.models.loading import load
from interrogator.models.registry import PRESETS
from interrogator.networks.clip import Clip
from interrogator.networks.runtime import Runtime
from interrogator.prompts.modes import Task, best_mode
from interrogator.prompts.ranking import rank
from interrogator.prompts.rules import Rules
from interrogator.prompts.scorer import TOO_LONG, Scorer
from interrogator.prompts.table import Table, neutral_pictures
from interrogator.serving.service import vocabulary_for
from interrogator.vocabulary.lists import Vocabulary

CPU = torch.device("cpu")
PER_PROMPT = 100  # phrases scored behind each prompt
WORDS = 100  # phrases of each list that are searched
FIRST_PICTURE = 20_000_000  # seeds that were never trained on


def tower(name: str, dtype: torch.dtype) -> Clip:
    """Return the embedded CLIP, or a full-size one with random weights."""
    import open_clip

    runtime = Runtime(CPU, dtype)
    if name == "embedded":
        clip = load(PRESETS["demo"], runtime).clip  # in float32, whatever is asked
        if dtype != torch.float32:
            clip = replace(clip, runtime=runtime)
            open_clip.model.convert_weights_to_lp(clip.model, dtype)
        return clip
    torch.manual_seed(0)
    name, _, kind = name.partition(" ")
    model = open_clip.create_model(
        name, precision=runtime.precision, device=CPU, force_custom_text=bool(kind)
    )
    preprocess = open_clip.image_transform(model.visual.image_size, is_train=False)
    return Clip(model.eval(), preprocess, open_clip.get_tokenizer(name), runtime)


def compared(name: str, dtype: torch.dtype, pairs: int) -> dict[str, Any]:
    """Return differences and the ratio of times for one tower."""
    clip, rng = tower(name, dtype), random.Random(0)
    every = vocabulary_for(PRESETS["quality"]).phrases
    image = F.normalize(clip.encode_text([rng.choice(every)])[0], dim=0)
    difference, cosine, whole_seconds, seconds = 0.0, 1.0, 0.0, 0.0
    for _ in range(-(-pairs // PER_PROMPT)):
        prompt = ", ".join(rng.sample(every, rng.randint(1, 12)))
        phrases = tuple(rng.sample(every, PER_PROMPT))
        scorer, scores = Scorer(clip, image, prompt, phrases), torch.zeros(PER_PROMPT)
        start = time.perf_counter()
        for places, values in scorer.scores([(place,) for place in range(PER_PROMPT)]):
            scores[places] = values
        seconds += time.perf_counter() - start
        fits = [i for i in range(PER_PROMPT) if scores[i] != TOO_LONG]
        if not fits:
            continue
        texts = [scorer.text((place,)) for place in fits]
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


def chosen(name: str, pictures: int) -> dict[str, Any]:
    """Search in bfloat16 and in float32, and compare what is found in float32."""
    from training.painter import choose, paint

    single, half = tower(name, torch.float32), tower(name, torch.bfloat16)
    vocabulary = vocabulary_for(PRESETS["demo" if name == "embedded" else "light"])
    phrases = {c: group[:WORDS] for c, group in vocabulary.categories.items()}
    vocabulary = Vocabulary("some", phrases)
    tables = [(clip, table_of(vocabulary, clip)) for clip in (single, half)]
    told, lost = [], []
    for seed in range(FIRST_PICTURE, FIRST_PICTURE + pictures):
        spec = choose(seed)
        picture = paint(spec, 96)
        exact, similarity = single.encode_images([picture])[0], {}
        for clip, table in tables:
            image = clip.encode_images([picture])[0]
            task = Task(spec.caption, image, rank(image, table, 100.0), clip, Rules(daring=1.0))
            *_, found = best_mode(task)
            similarity[clip.runtime.dtype] = float(
                single.encode_text([found.prompt.text])[0] @ exact
            )
            if clip is half:
                told.append(abs(found.similarity - similarity[torch.bfloat16]))
        lost.append(similarity[torch.float32] - similarity[torch.bfloat16])
    return {
        "tower": name, "pictures": pictures, "told_off_by": max(told),
        "lost_at_most": max(lost), "lost_on_average": sum(lost) / len(lost),
    }  # fmt: skip


def table_of(vocabulary: Vocabulary, clip: Clip) -> Table:
    """Return the table without any cache."""
    matrix = clip.encode_text(vocabulary.phrases)
    return Table(vocabulary, matrix, matrix @ clip.encode_images(neutral_pictures()).T)


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--towers", nargs="*", default=["embedded", "ViT-B-32", "ViT-B-32 custom"])
    parser.add_argument("--numbers", nargs="*", default=["float32", "bfloat16"])
    parser.add_argument("--pictures", type=int, default=8, help="searched in both formats")
    parser.add_argument("--searched", nargs="*", default=["embedded", "ViT-B-32"])
    options = parser.parse_args()
    rows = []
    print("| tower | numbers | largest difference of a cosine | least cosine of vectors | faster |")
    print("|---|---|---|---|---|")
    for name in options.towers:
        # The embedded tower always runs in float32.
        for dtype in ("float32",) if name == "embedded" else options.numbers:
            row = compared(name, getattr(torch, dtype), options.pairs)
            rows.append(row)
            print(
                f"| {name} | {row['dtype']} | {row['difference']:.1e} | "
                f"{row['least_cosine']:.5f} | {row['ratio']:.1f} × |",
                flush=True,
            )
    searches = [chosen(name, options.pictures) for name in options.searched]
    if searches:
        print(
            "\n| searched in bfloat16 | pictures | similarity told, off by at most "
            "| less similar than what float32 finds, on average | at most |\n" + "|---" * 5 + "|"
        )
    for row in searches:
        print(
            f"| {row['tower']} | {row['pictures']} | {row['told_off_by']:.4f} | "
            f"{row['lost_on_average']:.4f} | {row['lost_at_most']:.4f} |"
        )
    print(json.dumps({"pairs": options.pairs, "scorer": rows, "searched": searches}))


if __name__ == "__main__":
    main()
