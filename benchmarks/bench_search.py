"""Our search against clip-interrogator 0.6.0: same process, weights, words, pictures, captions.

With the embedded CLIP, whose landscape means something, prompts are compared picture by picture.
For the first few (`--timed`) the reference runs itself; for the others its chain is followed step
by step with our scorer, which gives the same prompt in less time (checked on the first few). With
towers of full size and random weights times are compared. There the reference would take hours:
the prompts of its chain are counted and multiplied with the time that it needs for a few of them.
Such a figure is an estimate and marked with ≈.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from PIL import Image

from interrogator.models.loading import load
from interrogator.models.registry import PRESETS
from interrogator.networks.clip import Clip
from interrogator.networks.runtime import Runtime, choose_runtime
from interrogator.prompts.modes import Task, best_mode
from interrogator.prompts.ranking import rank
from interrogator.prompts.rules import Rules
from interrogator.prompts.scorer import Scorer
from interrogator.prompts.table import Table, neutral_pictures
from interrogator.serving.service import vocabulary_for
from interrogator.vocabulary.lists import Vocabulary

CPU = torch.device("cpu")
FIRST_PICTURE = 20_000_000  # seeds that were never trained on
MEASURED = 64  # prompts of the reference that are timed where all would take hours
TURNS = 3  # that both take, where times are compared; medians count
MANY_ARTISTS = 64  # the reference names as many as it likes
FORCED, MOST = 8, 32  # steps that the reference takes in any case, and at most
CAPTION = "a painting of a lighthouse on a cliff above the sea"


def reference(clip: Clip, vocabulary: Vocabulary, candidates: int) -> Any:  # noqa: ANN401
    """Return clip-interrogator around our weights and words."""
    sys.modules.setdefault("requests", types.ModuleType("requests"))  # it is imported, never used
    from clip_interrogator import Config, Interrogator, LabelTable

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
        setattr(known, attribute, _labels(LabelTable, lists.pop(category, ("x",)), clip, known))
    flavors = [phrase for c, group in lists.items() if c != "negative" for phrase in group]
    known.flavors = _labels(LabelTable, flavors, clip, known)
    return known


def _labels(kind: Any, phrases: Sequence[str], clip: Clip, known: Any) -> Any:  # noqa: ANN401
    """Return one of its tables with our vectors, rounded as its own are, to save its minutes."""
    table = kind([], "", known)
    table.labels = list(phrases)
    table.embeds = list(clip.encode_text(phrases).half().float().numpy())
    return table


@dataclass(frozen=True)
class Chain:
    """What the reference's best mode finds, and the prompts that it encodes on the way."""

    prompt: str
    similarity: float
    texts: int


def followed(
    known: Any,  # noqa: ANN401
    picture: Image.Image,
    caption: str,
    clip: Clip,
    candidates: int,
) -> Chain:
    """Follow the reference's best mode, phrase by phrase, with our scorer."""
    from clip_interrogator.clip_interrogator import _merge_tables

    image = clip.encode_images([picture])[0]
    tables = [known.artists, known.flavors, known.mediums, known.movements, known.trendings]
    left = list(dict.fromkeys(_merge_tables(tables, known).rank(image[None], candidates)))
    prompt = best = caption
    score = highest = float(clip.encode_text([caption])[0] @ image)
    texts = 1
    for step in range(MOST):
        place, reached = _best_behind(prompt, left, clip, image)
        texts += len(left) + 1
        longer = f"{prompt}, {left[place]}"
        if reached > highest:
            best, highest = longer, reached
        if reached <= score and step >= FORCED:
            break
        prompt, score = longer, reached
        left.pop(place)
        if clip.token_count(prompt) >= clip.token_limit:
            break
    others = [
        known.interrogate_fast(picture, caption=caption),
        known.interrogate_classic(picture, caption=caption),
    ]
    for other, reached in zip(others, (clip.encode_text(others) @ image).tolist(), strict=True):
        if reached > highest:
            best, highest = other, reached
    return Chain(best, highest, texts)


def _best_behind(
    prompt: str, phrases: Sequence[str], clip: Clip, image: torch.Tensor
) -> tuple[int, float]:
    scores = torch.full((len(phrases),), -1.0)
    scorer = Scorer(clip, image, prompt, tuple(phrases))
    for places, values in scorer.scores([(place,) for place in range(len(phrases))]):
        scores[places] = values
    # What does not fit is cut by its tokenizer: the prompt stays, in effect, as it was.
    place = int(scores.argmax())
    return place, float(scores[place])


def table_of(vocabulary: Vocabulary, clip: Clip) -> tuple[Table, float]:
    """Return the table without any cache, and the seconds that it took."""
    start = time.perf_counter()
    matrix = clip.encode_text(vocabulary.phrases)
    seconds = time.perf_counter() - start
    return Table(vocabulary, matrix, matrix @ clip.encode_images(neutral_pictures()).T), seconds


@dataclass(frozen=True)
class Ours:
    """What our best mode finds, how many prompts it tried, and the seconds, picture included."""

    prompt: str
    similarity: float
    tried: int
    seconds: float


def ours(picture: Image.Image, caption: str, table: Table, clip: Clip, candidates: int) -> Ours:
    """Run our best mode on a picture whose caption is known."""
    start = time.perf_counter()
    image = clip.encode_images([picture])[0]
    ranking = rank(image, table, clip.logit_scale)
    rules = Rules(artists=MANY_ARTISTS, daring=1.0)  # the search for the most similar string
    task = Task(caption, image, ranking, clip, rules, shortlist=candidates)
    *_, found = best_mode(task)
    seconds = time.perf_counter() - start
    similarity = float(clip.encode_text([found.prompt.text])[0] @ image)
    return Ours(found.prompt.text, similarity, found.tried, seconds)


def quality(pictures: int, candidates: int, timed: int) -> dict[str, Any]:
    """Compare prompt by prompt on painted pictures, with the embedded CLIP in float32."""
    from training.painter import choose, paint

    clip = load(PRESETS["demo"], Runtime(CPU, torch.float32)).clip
    vocabulary = mixed_vocabulary()
    table, _ = table_of(vocabulary, clip)
    known = reference(clip, vocabulary, candidates)
    rows, ratios, same = [], [], 0
    for number, seed in enumerate(range(FIRST_PICTURE, FIRST_PICTURE + pictures)):
        spec = choose(seed)
        picture = paint(spec, 96)
        mine = ours(picture, spec.caption, table, clip, candidates)
        theirs = followed(known, picture, spec.caption, clip, candidates)
        rows.append((mine, theirs, clip.token_count(theirs.prompt), clip.token_count(mine.prompt)))
        if number < timed:
            start = time.perf_counter()
            prompt = known.interrogate(picture, caption=spec.caption)
            ratios.append((time.perf_counter() - start) / mine.seconds)
            image = clip.encode_images([picture])[0]
            same += abs(float(clip.encode_text([prompt])[0] @ image) - theirs.similarity) < 1e-5
        print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return {
        "pictures": pictures, "candidates": candidates, "timed": timed, "followed_exactly": same,
        "similarity": statistics.fmean(m.similarity for m, *_ in rows),
        "reference": statistics.fmean(t.similarity for _, t, *_ in rows),
        "at_least_as_similar": sum(m.similarity >= t.similarity - 1e-5 for m, t, *_ in rows),
        "worst_gap": min(m.similarity - t.similarity for m, t, *_ in rows),
        "tried": statistics.fmean(m.tried for m, *_ in rows),
        "reference_tried": statistics.fmean(t.texts for _, t, *_ in rows),
        "seconds": statistics.fmean(m.seconds for m, *_ in rows),
        "ratio": statistics.median(ratios) if ratios else None,
        "over_77": sum(tokens > 77 for *_, tokens in rows),
        "reference_over_77": sum(tokens > 77 for *_, tokens, _ in rows),
    }  # fmt: skip


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


def padded_seconds(clip: Clip, texts: Sequence[str]) -> float:
    """Return the seconds for each text as the reference encodes them: padded, in float32."""
    with torch.inference_mode():
        start = time.perf_counter()
        clip.model.encode_text(clip.tokenizer(list(texts)))
        return (time.perf_counter() - start) / len(texts)


def speed(name: str, candidates: Sequence[int]) -> list[dict[str, Any]]:
    """Compare times at full size; the reference is timed on `MEASURED` prompts in turns with us."""
    runtime = choose_runtime()
    exact = random_tower(name, Runtime(CPU, torch.float32))
    clip = exact if runtime.dtype == torch.float32 else random_tower(name, runtime)
    vocabulary = vocabulary_for(PRESETS["quality"])
    phrases = vocabulary.phrases
    padded_seconds(exact, phrases[:MEASURED])  # warms the kernels up
    each = [padded_seconds(exact, phrases[:MEASURED])]
    table, building = table_of(vocabulary, clip)
    each.append(padded_seconds(exact, phrases[-MEASURED:]))
    builds = statistics.fmean(each) * len(phrases) / building
    picture = Image.effect_noise((224, 224), 80).convert("RGB")
    known = reference(exact, vocabulary, max(candidates))
    rows = []
    for count in candidates:
        known.config.flavor_intermediate_count = count
        chain = followed(known, picture, CAPTION, exact, count)
        ours(picture, CAPTION, table, clip, count)  # warms the kernels up
        texts = [f"{chain.prompt}, {phrase}" for phrase in phrases[:MEASURED]]
        each, runs = [], []
        for _ in range(TURNS):
            each.append(padded_seconds(exact, texts))
            runs.append(ours(picture, CAPTION, table, clip, count))
        mine = runs[0]
        seconds = statistics.median(run.seconds for run in runs)
        image = exact.encode_images([picture])[0]
        start = time.perf_counter()
        exact.encode_images([picture])
        looks = 3 * (time.perf_counter() - start)  # it encodes the picture three times
        estimate = statistics.median(each) * chain.texts + looks
        full = statistics.median(each) * count * MOST + looks
        similarity = float(exact.encode_text([mine.prompt])[0] @ image)
        rows.append({
            "tower": name, "dtype": runtime.dtype_name, "candidates": count, "tried": mine.tried,
            "seconds": seconds, "reference_texts": chain.texts,
            "reference_seconds_estimated": estimate, "ratio": estimate / seconds,
            "reference_full_estimated": full, "similarity": similarity,
            "reference_similarity": chain.similarity, "building_ratio": builds,
        })  # fmt: skip
    return rows


def print_quality(told: dict[str, Any]) -> None:
    """Print the ranking of prompts."""
    n, ratio = told["pictures"], told["ratio"]
    print(
        f"\n| embedded CLIP, {told['candidates']:,} candidates | ours | clip-interrogator 0.6.0 |"
    )
    print("|---|---|---|")
    print(f"| mean similarity | {told['similarity']:.4f} | {told['reference']:.4f} |")
    print(f"| at least as similar | {told['at_least_as_similar']} of {n} pictures | |")
    print(f"| prompts tried | {told['tried']:,.0f} | {told['reference_tried']:,.0f} |")
    print(f"| prompts over 77 tokens | {told['over_77']} | {told['reference_over_77']} |")
    if ratio:
        print(f"| time, median of {told['timed']} | 1 | {ratio:.1f} |")


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=30)
    parser.add_argument("--candidates", type=int, nargs="*", default=[128, 2048])
    parser.add_argument("--timed", type=int, default=2, help="pictures that the reference reads")
    parser.add_argument("--towers", nargs="*", default=["ViT-B-32"], help="of full size, to time")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    told: dict[str, Any] = {"embedded": [], "towers": []}
    for count in options.candidates:
        told["embedded"].append(quality(options.pictures, count, options.timed))
        print_quality(told["embedded"][-1])
    for name in options.towers:
        told["towers"] += speed(name, options.candidates)
    print("\n| random weights | candidates | ours | prompts tried | reference | ratio "
          "| reference, 32 steps | all phrases encoded |\n" + "|---" * 8 + "|")  # fmt: skip
    for row in told["towers"]:
        print(
            f"| {row['tower']}, ours in {row['dtype']} | {row['candidates']:,} | "
            f"{row['seconds']:.1f} s | {row['tried']:,} of {row['reference_texts']:,} | "
            f"≈ {row['reference_seconds_estimated']:,.0f} s | ≈ {row['ratio']:,.0f} × | "
            f"≈ {row['reference_full_estimated'] / 60:,.0f} min | "
            f"≈ {row['building_ratio']:.1f} × faster |"
        )
    print(json.dumps(told, default=lambda value: round(value, 4)))


if __name__ == "__main__":
    main()
