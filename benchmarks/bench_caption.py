"""What a caption costs and is worth: beams against greedy, and BLIP's way against transformers'.

Worth: the embedded BLIP on unseen pictures. Cost: BLIP large with random weights, which take the
time of real ones; in seconds of the processors, which a busy neighbour lengthens less than those of
a clock, and every way in turns.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from interrogator.networks.blip import PictureCache, share_pictures
from interrogator.networks.captioning import Captioning
from interrogator.networks.libraries import transformers
from interrogator.networks.runtime import choose_runtime
from training.dataset import held_out
from training.examine import demo_models, subject_words

BATCH = 50  # pictures described together
BEAMS = (1, 3, 5)
TOKENS = 20  # what BLIP usually says; random weights never end a sentence


def large(runtime: Any) -> transformers.BlipForConditionalGeneration:  # noqa: ANN401
    """Return BLIP large with random weights."""
    config = transformers.BlipConfig(
        text_config={"encoder_hidden_size": 1024, "is_decoder": True},
        vision_config={
            "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
            "num_attention_heads": 16, "image_size": 384, "initializer_range": 0.02,
        },
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.BlipForConditionalGeneration(config).to(runtime.dtype).eval()


def worth(count: int) -> list[dict[str, float]]:
    """Return how many captions of the embedded BLIP are exact, by beams, and words per second."""
    captioner, painted = demo_models().captioner, held_out(count)
    rows = []
    for beams in BEAMS:
        start, said = time.perf_counter(), []
        for i in range(0, count, BATCH):
            batch = [picture for _, picture in painted[i : i + BATCH]]
            said += captioner.captions(batch, Captioning(beams=beams))
        seconds = time.perf_counter() - start
        shown = [spec for spec, _ in painted]
        rows.append({
            "beams": beams,
            "exact": statistics.mean(a == s.caption for a, s in zip(said, shown, strict=True)),
            "named": statistics.mean(
                subject_words(s) in a for a, s in zip(said, shown, strict=True)
            ),
            "words_per_second": sum(len(a.split()) for a in said) / seconds,
        })  # fmt: skip
    return rows


@torch.inference_mode()
def cost(repeats: int) -> dict[str, float]:
    """Return the least processor seconds of each way for one picture, all of them in turns."""
    runtime = choose_runtime()
    pixels = torch.randn(1, 3, 384, 384, dtype=runtime.dtype)
    plain = large(runtime)
    shared = copy.deepcopy(plain)
    share_pictures(shared)
    asked = {"max_new_tokens": TOKENS, "no_repeat_ngram_size": 3, "do_sample": False}
    ways: dict[str, Callable[[], object]] = {
        "picture, transformers": lambda: plain.vision_model(pixel_values=pixels),
        "picture, ours": lambda: shared.vision_model(pixel_values=pixels),
    }
    for beams in (1, 3):
        ways[f"caption, {beams} beams, transformers"] = lambda b=beams: plain.generate(  # type: ignore
            pixel_values=pixels, num_beams=b, **asked
        )
        ways[f"caption, {beams} beams, ours"] = lambda b=beams: shared.generate(  # type: ignore
            pixel_values=pixels, num_beams=b, past_key_values=PictureCache(1), **asked
        )
    least = dict.fromkeys(ways, float("inf"))
    for way in ways.values():
        way()  # warms the kernels up
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.process_time()
            way()
            least[name] = min(least[name], time.process_time() - start)
    return least


def main() -> None:
    """Print both tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300, help="unseen pictures (300)")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    rows = worth(options.pictures)
    print("| beams | caption exact | names the subject | words a second |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['beams']} | {row['exact']:.3f} | {row['named']:.3f} "
              f"| {row['words_per_second']:.0f} |")  # fmt: skip
    print(f"\n{choose_runtime().dtype_name}, BLIP large, {TOKENS} tokens\n", flush=True)
    least = cost(options.repeats)
    print("| what | transformers | ours | ratio |\n|---|---|---|---|")
    for name in [name.removesuffix(", ours") for name in least if name.endswith("ours")]:
        theirs, ours = least[f"{name}, transformers"], least[f"{name}, ours"]
        print(f"| {name} | {theirs:.2f} s | {ours:.2f} s | {theirs / ours:.2f} × |")
    print(json.dumps({"worth": rows, "seconds": least}))


if __name__ == "__main__":
    main()
