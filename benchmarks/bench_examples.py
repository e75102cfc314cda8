"""Every example picture under every mode, with the embedded models, beside clip-interrogator.

The reference has the same CLIP, words and caption. What the painter painted is known: a phrase that
is not true of a picture, as `bench_truth.py` counts, is struck out; in a negative prompt, one that
is. Printed as a part of a Markdown page, for people to look at.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from PIL import Image

from benchmarks.bench_search import reference
from benchmarks.bench_truth import FLOAT32, occurrences, outermost
from interrogator.models.registry import ASSETS, PRESETS
from interrogator.networks.clip import Clip
from interrogator.pipeline import Interrogator
from interrogator.prompts.rules import Rules
from interrogator.request import Request
from interrogator.serving.service import Service
from interrogator.settings import Settings
from training.examples import EXAMPLES, example
from training.painter import Spec

PICTURES = ASSETS / "examples"
MODES = {"best": "best", "best, daring 1": "best", "fast": "fast", "classic": "classic"}
NEGATIVE = "negative"
NO_SITE = re.compile(r", x(?=,|$)")  # the reference must have a list of sites; this one is empty
HEADER = "| written by | prompt | similarity |\n|---|---|---|"


def prompts(ours: Interrogator, known: Any, picture: Image.Image) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield who writes a prompt, and the prompt; the caption that all begin with first."""
    done = ours.run(picture, Settings("best"))
    yield "caption", done.caption
    for name, mode in MODES.items():
        rules = Rules(daring=float(name.endswith("1")))
        prompt = ours.run(picture, Settings(mode, rules=rules), features=done.features).prompt
        yield name, prompt
    if known:
        writers = {
            "best": known.interrogate, "fast": known.interrogate_fast,
            "classic": known.interrogate_classic,
        }  # fmt: skip
        for name, write in writers.items():
            prompt = write(picture, caption=done.caption)
            yield f"clip-interrogator {name}", NO_SITE.sub("", prompt)
    yield NEGATIVE, ours.run(picture, Settings(NEGATIVE), features=done.features).prompt


def mistakes(by: str, spec: Spec, prompt: str) -> list[str]:
    """Return what a prompt says and is not true; of a negative prompt, what it says and is true."""
    true = set(spec.phrases.values()) | outermost(occurrences(spec.caption))
    named = outermost(occurrences(prompt))
    return sorted(named & true if by == NEGATIVE else named - true)


def marked(prompt: str, wrong: list[str]) -> str:
    """Return a prompt with its mistakes struck out, but not where they are part of a phrase."""
    named = sorted(outermost(occurrences(prompt)), key=len, reverse=True)

    def strike(found: re.Match[str]) -> str:
        return f"~~{found[0]}~~" if found[0].lower() in {w.lower() for w in wrong} else found[0]

    return re.sub("|".join(map(re.escape, named)) or "$^", strike, prompt, flags=re.IGNORECASE)


def similarity(clip: Clip, picture: Image.Image, prompt: str) -> float:
    """Return the cosine of a prompt and a picture."""
    return float(clip.encode_text([prompt])[0] @ clip.encode_picture(picture))


def print_picture(name: str, rows: list[dict[str, Any]]) -> None:
    """Print a picture, what was painted, and the prompts."""
    spec = example(name)
    title = f"{spec.subject}, {spec.movement}".capitalize()
    print(f"\n## {title}\n\n![{spec.caption}](../assets/examples/{name}.jpg)\n")
    print(f"Painted: {spec.caption}; {', '.join(spec.phrases.values())}.\n\n{HEADER}")
    for row in rows:
        text = marked(row["prompt"], row["mistakes"])
        print(f"| {row['by']} | {text} | {row['similarity']:.3f} |")


def main() -> None:
    """Print the pictures with their prompts, and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-reference", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    ours, _ = Service(FLOAT32).prepare(Request(PRESETS["demo"]))
    clip, words = ours.models.clip, ours.table.vocabulary
    known = None
    if not options.without_reference:
        known = reference(clip, words, len(words.phrases))
    told: dict[str, list[dict[str, Any]]] = {}
    wrong: dict[str, int] = {}
    for name in EXAMPLES:
        with Image.open(PICTURES / f"{name}.jpg") as file:
            picture = file.convert("RGB")
        told[name] = [
            {
                "by": by, "prompt": prompt, "mistakes": mistakes(by, example(name), prompt),
                "similarity": round(similarity(clip, picture, prompt), 4),
            }
            for by, prompt in prompts(ours, known, picture)
        ]  # fmt: skip
        for row in told[name]:
            wrong[row["by"]] = wrong.get(row["by"], 0) + len(row["mistakes"])
    print(f"| written by | mistakes in the prompts of {len(told)} pictures |\n|---|---|")
    for by, count in wrong.items():
        print(f"| {by} | {count} |")
    for name, rows in told.items():
        print_picture(name, rows)
    print(json.dumps({"mistakes": wrong, "pictures": told}))


if __name__ == "__main__":
    main()
