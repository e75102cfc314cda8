"""One picture at full size: BLIP large and ViT-L-14 with random weights, our whole vocabulary.

Random weights take the time and the memory of the real ones; only their words mean nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from PIL import Image

from interrogator.models.loading import Models
from interrogator.models.registry import PRESETS
from interrogator.networks.blip import share_pictures
from interrogator.networks.captioner import Caption, Captioner
from interrogator.networks.captioning import DEFAULT_CAPTIONING, Captioning
from interrogator.networks.clip import Clip
from interrogator.networks.libraries import open_clip, transformers
from interrogator.networks.runtime import choose_runtime
from interrogator.pipeline import Interrogator
from interrogator.prompts.ranking import Ranking
from interrogator.prompts.table import Table, neutral_pictures
from interrogator.serving.service import vocabulary_for
from interrogator.settings import Settings

SPOKEN = Captioning(most=20)  # what BLIP usually says; random weights never end a sentence
WORDS = 30_524
CAPTION = "a painting of a lighthouse on a cliff above the sea"


class Saying(Captioner):
    """Takes BLIP's time, then says a sentence: what random weights say is no caption."""

    def candidates_of(
        self, inputs: Sequence[Mapping[str, torch.Tensor]], how: Captioning = DEFAULT_CAPTIONING
    ) -> list[tuple[Caption, ...]]:
        """Describe pictures, and say as many sentences."""
        found = super().candidates_of(inputs, how)
        return [tuple(Caption(f"{CAPTION} {i}", -i / 10) for i in range(len(f))) for f in found]


def captioner(runtime: Any) -> Captioner:  # noqa: ANN401
    """Return BLIP large with random weights; it says twenty words of its own."""
    config = transformers.BlipConfig(
        text_config={"encoder_hidden_size": 1024, "is_decoder": True},
        vision_config={
            "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
            "num_attention_heads": 16, "image_size": 384, "initializer_range": 0.02,
        },
    )  # fmt: skip
    model = transformers.BlipForConditionalGeneration(config).to(runtime.dtype).eval()
    share_pictures(model)  # as `models` does it
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(WORDS - 5))]
    tokenizer = transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)})
    images = transformers.BlipImageProcessorPil(size={"height": 384, "width": 384})
    return Saying(model, transformers.BlipProcessor(images, tokenizer), runtime)


def gemm_rate(runtime: Any) -> float:  # noqa: ANN401
    """Return the FLOP/s of a product of the tower's own size, the best of a few."""
    a = torch.randn(1536, 768, dtype=runtime.dtype)
    b = torch.randn(3072, 768, dtype=runtime.dtype)
    best = 0.0
    for _ in range(12):
        start = time.perf_counter()
        for _ in range(10):
            torch.nn.functional.linear(a, b)
        best = max(best, 10 * 2 * 1536 * 768 * 3072 / (time.perf_counter() - start))
    return best


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", default="float32", help="the models' number format (float32)")
    parser.add_argument("--candidates", type=int, default=200, help="that the search sees (200)")
    options = parser.parse_args()
    torch.manual_seed(0)
    runtime = choose_runtime(options.dtype)
    # Random weights find nothing plausible: the most similar phrases stand in for it.
    Ranking.plausible = lambda self, *_: self.overall(options.candidates)  # type: ignore
    model = open_clip.create_model("ViT-L-14").eval()
    preprocess = open_clip.image_transform(model.visual.image_size, is_train=False)
    exact = replace(runtime, dtype=torch.float32)  # as `loading` does it on a CPU
    clip = Clip(
        model, preprocess, open_clip.get_tokenizer("ViT-L-14"), exact, search_dtype=runtime.dtype
    )
    models = Models(PRESETS["quality"], captioner(runtime), clip, runtime)
    vocabulary = vocabulary_for(PRESETS["quality"])
    assert clip.tower is not None
    before, tokens = gemm_rate(exact), clip.lengths(clip.tokenizer(list(vocabulary.phrases)))
    start = time.perf_counter()
    matrix = clip.encode_text(vocabulary.phrases)
    building = time.perf_counter() - start
    rate = max(before, gemm_rate(exact))  # on a machine that is not always as fast
    table = Table(vocabulary, matrix, matrix @ clip.encode_images(neutral_pictures()).T)
    needed = 2 * clip.tower.weights * int(tokens.sum()) / rate
    interrogator = Interrogator(models, table)
    picture = Image.effect_noise((512, 512), 80).convert("RGB")
    told: dict[str, Any] = {
        "dtype": runtime.dtype_name, "phrases": len(vocabulary.phrases),
        "gemm_gflops": rate / 1e9, "building_seconds": building,
        "building_over_limit": building / needed,
    }  # fmt: skip
    print(f"captioner and search in {runtime.dtype_name}, all else in float32, whose matrix "
          f"products run at {rate / 1e9:.0f} GFLOP/s; "
          f"{len(vocabulary.phrases):,} phrases\n")  # fmt: skip
    print("| what | seconds | over the arithmetic at that rate |\n|---|---|---|")
    print(f"| all phrases, once | {building:.1f} | {building / needed:.2f} × |")
    for mode in ("fast", "best"):
        interrogator.run(picture, Settings(mode, captioning=SPOKEN))  # warms the kernels up
        runs = [
            interrogator.run(picture, Settings(mode, captioning=SPOKEN))
            for _ in range(options.repeats)
        ]
        best = min(runs, key=lambda run: run.seconds["total"])
        told[mode] = {**{k: round(v, 3) for k, v in best.seconds.items()}, "tried": best.tried}
        steps = ", ".join(
            f"{k} {v:.1f}" for k, v in best.seconds.items() if k != "total" and v > 0.05
        )
        print(f"| {mode}, one picture ({steps}) | {best.seconds['total']:.1f} | |")
    told["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\npeak memory {told['peak_gb']:.1f} GiB")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
