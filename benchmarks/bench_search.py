"""Our search against clip-interrogator 0.6.0: same process, weights, words, pictures, captions.

The quality is measured with the embedded CLIP, whose landscape means something; the time with it
and with ViT-B-32 and ViT-L-14 of random weights (`--towers`). Where the reference would take
hours, its time for some prompts is measured and multiplied: such a figure is marked with ≈.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from PIL import Image

from interrogator.catalogue import PRESETS
from interrogator.clip import Clip
from interrogator.embeddings import Table, neutral_pictures
from interrogator.models import load
from interrogator.modes import Task, best_mode
from interrogator.prompt import Rules
from interrogator.ranking import compare
from interrogator.runtime import Runtime, choose_runtime
from interrogator.vocabulary import Vocabulary, vocabulary_for

CPU = torch.device("cpu")
FIRST_PICTURE = 20_000_000  # seeds that were never trained on
MEASURED = 64  # prompts of the reference that are timed where all would take hours
MANY_ARTISTS = 64  # the reference names as many as it likes


def reference(clip: Clip, vocabulary: Vocabulary, candidates: int) -> Any:  # noqa: ANN401
    """Return clip-interrogator around our weights and words, or None where it is missing."""
    sys.modules.setdefault("requests", types.ModuleType("requests"))  # it is imported, never used
    try:
        from clip_interrogator import Config, Interrogator, LabelTable
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as empty:
        for name in ("artists", "flavors", "mediums", "movements", "negative"):
            Path(empty, f"{name}.txt").write_text("x\n")
        config = Config(
            caption_model_name=None, cache_path=None, download_cache=False, device="cpu",
            quiet=True, data_path=empty, flavor_intermediate_count=candidates,
        )  # fmt: skip
        config.clip_model, config.clip_preprocess = clip.model, clip.preprocess
        known = Interrogator(config)
    known.tokenize = clip.tokenizer
    lists = dict(vocabulary.categories)
    own = {
        "artists": "artists",
        "mediums": "mediums",
        "movements": "movements",
        "sites": "trendings",
    }
    for category, attribute in own.items():
        labels = list(lists.pop(category, ("x",)))
        setattr(known, attribute, LabelTable(labels, "", known))
    flavors = [phrase for c, group in lists.items() if c != "negative" for phrase in group]
    known.flavors = LabelTable(flavors, "", known)
    return known


def table_of(vocabulary: Vocabulary, clip: Clip) -> tuple[Table, float]:
    """Return the table without any cache, and the seconds that it took."""
    start = time.perf_counter()
    matrix = clip.encode_text(vocabulary.phrases)
    seconds = time.perf_counter() - start
    return Table(vocabulary, matrix, matrix @ clip.encode_images(neutral_pictures()).T), seconds


def ours(
    picture: Image.Image, caption: str, table: Table, clip: Clip, candidates: int
) -> tuple[str, int, float]:
    """Return our prompt, how many prompts it took, and the seconds, picture included."""
    start = time.perf_counter()
    image = clip.encode_images([picture])[0]
    comparison = compare(image, table, clip.logit_scale)
    rules = Rules(artists=MANY_ARTISTS)
    task = Task(caption, image, comparison, clip, rules, shortlist=candidates)
    *_, found = best_mode(task)
    return found.prompt.text, found.tried, time.perf_counter() - start


def quality(pictures: int, candidates: int) -> list[dict[str, Any]]:
    """Compare prompt by prompt on painted pictures, with the embedded CLIP in float32."""
    from training.painter import choose, paint

    clip = load(PRESETS["demo"], Runtime(CPU, torch.float32)).clip
    vocabulary = mixed_vocabulary()
    table, _ = table_of(vocabulary, clip)
    theirs = reference(clip, vocabulary, candidates)
    rows = []
    for seed in range(FIRST_PICTURE, FIRST_PICTURE + pictures):
        spec = choose(seed)
        picture = paint(spec, 96)
        prompt, tried, seconds = ours(picture, spec.caption, table, clip, candidates)
        row: dict[str, Any] = {"seed": seed, "tried": tried, "seconds": seconds}
        image = clip.encode_images([picture])[0]
        row["similarity"] = float(clip.encode_text([prompt])[0] @ image)
        row["tokens"] = clip.token_count(prompt)
        if theirs is not None:
            start = time.perf_counter()
            other = theirs.interrogate(picture, caption=spec.caption)
            row["reference_seconds"] = time.perf_counter() - start
            row["reference"] = float(clip.encode_text([other])[0] @ image)
            row["reference_tokens"] = clip.token_count(other)
        rows.append(row)
        print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return rows


def mixed_vocabulary() -> Vocabulary:
    """Return the words that the embedded CLIP was taught, joined by ours that it was not."""
    taught, built_in = (vocabulary_for(PRESETS[name]) for name in ("demo", "quality"))
    categories = dict(taught.categories)
    for category, group in built_in.categories.items():
        if category != "negative":
            categories[category] = tuple(dict.fromkeys((*categories.get(category, ()), *group)))
    return Vocabulary("taught and built-in", categories)


def random_tower(name: str, runtime: Runtime) -> Clip:
    """Return a full-size CLIP with random weights."""
    import open_clip

    torch.manual_seed(0)
    model = open_clip.create_model(name, precision=runtime.precision, device=CPU)
    preprocess = open_clip.image_transform(model.visual.image_size, is_train=False)
    return Clip(model.eval(), preprocess, open_clip.get_tokenizer(name), runtime)


def speed(name: str, candidates: Sequence[int]) -> list[dict[str, Any]]:
    """Time both at full size; the reference's time is estimated from `MEASURED` prompts."""
    runtime = choose_runtime()
    clip, exact = random_tower(name, runtime), random_tower(name, Runtime(CPU, torch.float32))
    table, building = table_of(vocabulary_for(PRESETS["quality"]), clip)
    picture = Image.effect_noise((224, 224), 80).convert("RGB")
    caption = "a painting of a lighthouse on a cliff above the sea"
    rows = []
    for count in candidates:
        ours(picture, caption, table, clip, count)  # warms the kernels up
        prompt, tried, seconds = ours(picture, caption, table, clip, count)
        steps = prompt.count(", ") + 1
        texts = [f"{prompt}, {phrase}" for phrase in table.vocabulary.phrases[:MEASURED]]
        start = time.perf_counter()
        with torch.inference_mode():
            exact.model.encode_text(exact.tokenizer(texts))  # as the reference: padded, float32
        each = (time.perf_counter() - start) / MEASURED
        rows.append({
            "tower": name, "dtype": runtime.dtype_name, "candidates": count, "tried": tried,
            "seconds": seconds, "steps": steps, "reference_seconds_estimated": each * count * steps,
            "reference_full_estimated": each * count * 32,
            "building_ratio": each * len(table.vocabulary.phrases) / building,
        })  # fmt: skip
    return rows


def main() -> None:
    """Print both tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=30)
    parser.add_argument("--candidates", type=int, default=128)
    parser.add_argument(
        "--towers", nargs="*", default=["ViT-B-32"], help="full-size towers to time"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = quality(options.pictures, options.candidates)
    told: dict[str, Any] = {"pictures": len(rows), "candidates": options.candidates}
    print("| embedded CLIP, float32 | ours | clip-interrogator 0.6.0 |\n|---|---|---|")
    mean = lambda key: sum(row[key] for row in rows) / len(rows)  # noqa: E731
    if "reference" in rows[0]:
        better = sum(row["similarity"] >= row["reference"] - 1e-6 for row in rows)
        ratio = mean("reference_seconds") / mean("seconds")
        over = sum(row["reference_tokens"] > 77 for row in rows)
        told |= {"at_least_as_good": better, "ratio": round(ratio, 1), "reference_over_77": over}
        told |= {"gain": round(mean("similarity") - mean("reference"), 4)}
        print(f"| mean similarity | {mean('similarity'):.4f} | {mean('reference'):.4f} |")
        print(f"| at least as similar | {better} of {len(rows)} | |")
        print(f"| seconds a picture | {mean('seconds'):.2f} | {mean('reference_seconds'):.2f} |")
        print(f"| prompts over 77 tokens | 0 | {over} |")
    else:
        print(f"| mean similarity | {mean('similarity'):.4f} | not installed: see "
              "requirements-reference.txt |")  # fmt: skip
    timed = [row for name in options.towers for row in speed(name, (128, 2048))]
    print("\n| random weights | candidates | ours | prompts tried | reference, as many steps | "
          "ratio | reference, 32 steps |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for row in timed:
        estimate = row["reference_seconds_estimated"]
        print(
            f"| {row['tower']}, ours in {row['dtype']} | {row['candidates']:,} | "
            f"{row['seconds']:.1f} s | {row['tried']:,} | ≈ {estimate:,.0f} s | "
            f"≈ {estimate / row['seconds']:,.0f} × | "
            f"≈ {row['reference_full_estimated'] / 60:,.0f} min |"
        )
    told["towers"] = [
        {key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()} for row in timed
    ]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
