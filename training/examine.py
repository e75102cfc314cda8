"""Examines the embedded models on unseen pictures, through the code that the app runs.

`table` gives the figures of `make bench`; `write_card` puts them into the model card, with a
sheet of the worst failures.
"""

from __future__ import annotations

import logging
import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from interrogator.models.loading import Models, load
from interrogator.models.registry import PRESETS
from interrogator.networks.runtime import Runtime
from interrogator.prompts.table import table_for
from interrogator.serving.service import vocabulary_for
from training.dataset import framed, held_out
from training.painter import Spec, vocabulary

log = logging.getLogger(__name__)

BATCH = 64  # pictures looked at together
Painted = list[tuple[Spec, Image.Image]]
ASKED = {
    "movement top-1": 0.97, "movement top-3": 0.99, "artist top-1": 0.95, "medium top-1": 0.96,
    "palette top-1": 0.90, "subject top-1": 0.92, "all true phrases raise the score": 0.98,
    "one false phrase lowers it": 0.97, "has a movement at all, AUC": 0.98,
    "caption exact": 0.80, "caption names the subject": 0.95,
}  # fmt: skip


@dataclass(frozen=True)
class Examined:
    """What the models said of a set of pictures.

    Attributes:
        figures: Name of the measure → share right, 0..1.
        by_word: Category → phrase → share right among the pictures where it is true.
        worst: Pictures with most mistakes, with what was wrong.
    """

    figures: dict[str, float]
    by_word: dict[str, dict[str, float]]
    worst: list[tuple[Image.Image, str]]


def demo_models() -> Models:
    """Load the embedded models as the app does, on the CPU in float32."""
    return load(PRESETS["demo"], Runtime(torch.device("cpu"), torch.float32))


def examine(models: Models, painted: Painted) -> Examined:
    """Ask the models about painted pictures and compare with what the painter knows."""
    shown = [spec for spec, _ in painted]
    images = torch.cat([
        models.clip.encode_images([p for _, p in painted[i : i + BATCH]])
        for i in range(0, len(painted), BATCH)
    ])  # fmt: skip
    table = table_for(vocabulary_for(PRESETS["demo"]), models.clip)
    similarity = images @ table.matrix.T
    figures: dict[str, float] = {}
    by_word: dict[str, dict[str, float]] = {}
    mistakes: list[list[str]] = [[] for _ in shown]
    for plural, rows in table.vocabulary.slices():
        category, words = plural.removesuffix("s"), table.vocabulary.categories[plural]
        order = similarity[:, rows].argsort(dim=1, descending=True)
        right, places = _places(shown, category, words, order, mistakes)
        figures[f"{category} top-1"] = float(np.mean([p == 0 for p in places]))
        if category == "movement":
            figures["movement top-3"] = float(np.mean([p < 3 for p in places]))
            best = similarity[:, rows].amax(dim=1).numpy()
            figures["has a movement at all, AUC"] = _auc(best, [bool(s.movement) for s in shown])
        by_word[category] = {word: float(np.mean(hits)) for word, hits in right.items()}
    figures |= _prompts(models, shown, images)
    figures |= _captions(models, painted, mistakes)
    worst = sorted(range(len(shown)), key=lambda i: -len(mistakes[i]))[:24]
    sheet = [(painted[i][1], "; ".join(mistakes[i])) for i in worst if mistakes[i]]
    return Examined({name: figures[name] for name in ASKED}, by_word, sheet)


def _places(
    shown: Sequence[Spec],
    category: str,
    words: Sequence[str],
    order: torch.Tensor,
    mistakes: list[list[str]],
) -> tuple[dict[str, list[bool]], list[int]]:
    """Return, where a phrase of the category is true, at which place it was ranked."""
    right: dict[str, list[bool]] = {}
    places = []
    for i, spec in enumerate(shown):
        truth = spec.phrases.get(category)
        if truth is None:
            continue
        place = order[i].tolist().index(words.index(truth))
        places.append(place)
        right.setdefault(truth, []).append(place == 0)
        if place:
            mistakes[i].append(f"{words[int(order[i, 0])]} for {truth}")
    return right, places


def _auc(scores: np.ndarray, positive: list[bool]) -> float:
    """Return the area under the ROC curve (the Mann–Whitney U statistic, scaled)."""
    labels = np.array(positive)
    ranks = scores.argsort().argsort() + 1
    n, m = labels.sum(), (~labels).sum()
    return float((ranks[labels].sum() - n * (n + 1) / 2) / (n * m))


def _prompts(models: Models, shown: Sequence[Spec], images: torch.Tensor) -> dict[str, float]:
    rng = random.Random(0)
    every = [phrase for group in vocabulary().values() for phrase in group]
    plain, full, wrong = [], [], []
    for spec in shown:
        true = list(spec.phrases.values())
        false = rng.choice([phrase for phrase in every if phrase not in true])
        plain.append(spec.caption)
        full.append(", ".join([spec.caption, *true]))
        wrong.append(", ".join([spec.caption, *true, false]))
    texts = models.clip.encode_text(plain + full + wrong).view(3, len(shown), -1)
    score = (texts * images).sum(dim=2)
    paintings = torch.tensor([spec.medium is not None for spec in shown])
    return {
        "all true phrases raise the score": float((score[1] > score[0])[paintings].float().mean()),
        "one false phrase lowers it": float((score[2] < score[1])[paintings].float().mean()),
    }


def _captions(models: Models, painted: Painted, mistakes: list[list[str]]) -> dict[str, float]:
    exact, named = [], []
    captions = [
        caption
        for i in range(0, len(painted), BATCH)
        for caption in models.captioner.captions([p for _, p in painted[i : i + BATCH]])
    ]
    for i, ((spec, _), said) in enumerate(zip(painted, captions, strict=True)):
        exact.append(said == spec.caption)
        named.append(subject_words(spec) in said)
        if not exact[-1]:
            mistakes[i].append(f"“{said}” for “{spec.caption}”")
    return {
        "caption exact": float(np.mean(exact)),
        "caption names the subject": float(np.mean(named)),
    }


def subject_words(spec: Spec) -> str:
    """Return what a caption must contain to name the subject."""
    short = {
        "sailing boat": "sailing boat", "flowers in a vase": "in a vase", "fish": "fish",
        "moon over the sea": "moon over the sea", "abstraction": "abstract composition",
        "bowl of fruit": "bowl of fruit", "mountains": "mountains", "tree": "on a hill",
    }  # fmt: skip
    return short.get(spec.subject, spec.subject)


def all_conditions(count: int, large: int) -> dict[str, Examined]:
    """Examine unseen pictures: `count` small ones, `large` at 512 px, and those in a frame."""
    models = demo_models()
    log.info("painting and examining %d pictures, small", count)
    small = examine(models, held_out(count))
    log.info("%d at 512 px", large)
    painted = held_out(large, 512)
    return {
        f"96 px ({count:,})": small,
        f"512 px ({large:,})": examine(models, painted),
        f"512 px in a frame ({large:,})": examine(models, framed(painted)),
    }


def table(results: dict[str, Examined]) -> str:
    """Return the figures as a Markdown table beside what is asked at 96 px."""
    lines = [
        "| measure | asked | " + " | ".join(results) + " |",
        "|---|---|" + "---|" * len(results),
    ]
    for name, asked in ASKED.items():
        values = " | ".join(f"{r.figures[name]:.3f}" for r in results.values())
        lines.append(f"| {name} | {asked:.2f} | {values} |")
    return "\n".join(lines)


def by_word(examined: Examined) -> str:
    """Return the share right of every phrase, worst first, one line per category."""
    lines = []
    for category, words in examined.by_word.items():
        worst_first = sorted(words.items(), key=lambda item: item[1])
        lines.append(f"- **{category}**: " + ", ".join(f"{w} {v:.2f}" for w, v in worst_first))
    return "\n".join(lines)


def sheet(worst: list[tuple[Image.Image, str]], columns: int = 6, side: int = 150) -> Image.Image:
    """Return the worst failures as one picture, each with what was said and what is true."""
    height = side + 64
    rows = -(-len(worst) // columns)
    paper = Image.new("RGB", (columns * (side + 10), rows * height), "white")
    draw = ImageDraw.Draw(paper)
    for i, (picture, wrong) in enumerate(worst):
        x, y = (i % columns) * (side + 10) + 5, (i // columns) * height + 5
        paper.paste(picture.resize((side, side)), (x, y))
        draw.multiline_text(
            (x, y + side + 2), "\n".join(textwrap.wrap(wrong, 30)[:5]), fill="black", font_size=9
        )
    return paper


def write_card(folder: Path, count: int = 2000, large: int = 2000) -> None:
    """Examine the models and write the model card and the sheet of failures."""
    results = all_conditions(count, large)
    small = next(iter(results.values()))
    sheet(small.worst).save(folder / "failures.png", optimize=True)
    words = {c: len(p) for c, p in vocabulary().items()}
    card = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    card = card.format(
        count=count, large=large, table=table(results), by_word=by_word(small),
        words=", ".join(f"{n} {c}s" for c, n in words.items()),
    )  # fmt: skip
    (folder / "README.md").write_text(card, encoding="utf-8")
    log.info("\n%s", table(results))
