"""Are prompts true? Every mode against what the painter knows of unseen pictures.

A phrase of the taught vocabulary counts as said where its words stand anywhere in the prompt, the
caption included, unless they are part of a longer phrase that is said ("expressionism" within
"abstract expressionism"). It is true if the picture was painted so, or if the true caption says it
("a house beside a tree" shows a tree too). Precision is the share of what is said that is true,
recall the share of what the picture was painted with that is said.

Beside our modes stand clip-interrogator's best and fast, BLIP's caption alone and the true caption;
each prompt is also scored by a judge, a CLIP that took no part in writing it.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from PIL import Image

from benchmarks.bench_search import followed, reference
from interrogator.models.loading import load_clip
from interrogator.models.registry import EMBEDDED, PRESETS
from interrogator.networks.clip import Clip
from interrogator.networks.runtime import Runtime
from interrogator.pipeline import Interrogator
from interrogator.prompts.rules import Rules
from interrogator.prompts.table import table_for
from interrogator.request import Request
from interrogator.serving.service import Service, vocabulary_for
from interrogator.settings import Settings
from interrogator.vocabulary.folding import fold
from training.dataset import HELD_OUT
from training.painter import Spec, choose, frame, paint, vocabulary

FLOAT32 = Runtime(torch.device("cpu"), torch.float32)
JUDGE = f"local-dir:{EMBEDDED / 'judge'}"
ONE_OF_A_KIND = ("artist", "movement", "medium")
MODES = ("best", "best@0.5", "best@1", "fast", "classic")
FRAME = 1 / 12  # of the side
CONDITIONS = {"256 px": (256, 0.0), "256 px in a frame": (256, FRAME), "512 px": (512, 0.0)}


@dataclass(frozen=True)
class Written:
    """A prompt, its similarity, and how many prompts were tried for it."""

    prompt: str
    similarity: float
    tried: int = 0


@dataclass
class Tally:
    """Counts over pictures."""

    pictures: int = 0
    said: int = 0
    said_true: int = 0
    true: int = 0
    true_said: int = 0
    two_of_a_kind: int = 0
    twice: int = 0
    numbers: dict[str, float] = field(default_factory=dict)
    false: dict[str, int] = field(default_factory=dict)

    def add(self, spec: Spec, written: Written, judged: float) -> None:
        """Count one prompt."""
        found = occurrences(written.prompt)
        named = outermost(found)
        painted, shown = set(spec.phrases.values()), set(outermost(occurrences(spec.caption)))
        self.pictures += 1
        self.said += len(named)
        self.said_true += sum(phrase in painted | shown for phrase in named)
        self.true += len(painted)
        self.true_said += len(painted.intersection(found))
        self.two_of_a_kind += any(
            len(named.intersection(vocabulary()[kind])) > 1 for kind in ONE_OF_A_KIND
        )
        self.twice += any(len(spans) > 1 for spans in found.values())
        for kind, phrases in vocabulary().items():
            wrong = len(named.intersection(phrases) - painted - shown)
            self.false[kind] = self.false.get(kind, 0) + wrong
        values = {"similarity": written.similarity, "judged": judged,
                  "tried": written.tried}  # fmt: skip
        for name, value in values.items():
            self.numbers[name] = self.numbers.get(name, 0.0) + value

    def figures(self) -> dict[str, Any]:
        """Return shares, counts and means."""
        return {
            "pictures": self.pictures,
            "precision": self.said_true / max(1, self.said),
            "recall": self.true_said / max(1, self.true),
            "two_of_a_kind": self.two_of_a_kind,
            "twice": self.twice,
            **{name: total / self.pictures for name, total in self.numbers.items()},
            "false": self.false,
        }


Span = tuple[int, int]


_WORDS = {p: fold(p) for phrases in vocabulary().values() for p in phrases}


def occurrences(text: str) -> dict[str, list[Span]]:
    """Return where a text says each phrase of the taught vocabulary, by numbers of words."""
    said, found = fold(text), {}
    for phrase, wanted in _WORDS.items():
        starts = range(len(said) - len(wanted) + 1)
        spans = [(i, i + len(wanted)) for i in starts if said[i : i + len(wanted)] == wanted]
        if spans:
            found[phrase] = spans
    return found


def outermost(found: dict[str, list[Span]]) -> set[str]:
    """Return the phrases that are said other than as a part of a longer one."""
    spans = [span for several in found.values() for span in several]

    def is_part(span: Span) -> bool:
        return any(o != span and o[0] <= span[0] and span[1] <= o[1] for o in spans)

    return {phrase for phrase, own in found.items() if not all(is_part(span) for span in own)}


def painted(seed: int, size: int, margin: float) -> Image.Image:
    """Paint a seed, inside a frame if it has a margin."""
    picture = paint(choose(seed), size)
    return frame(picture, np.random.default_rng([seed, 4]), margin) if margin else picture


@dataclass(frozen=True)
class Writers:
    """Whoever writes prompts here.

    Attributes:
        ours: The embedded models with the taught vocabulary.
        reference: clip-interrogator around the same CLIP and words; None: it is not asked.
        modes: Ours to ask.
    """

    ours: Interrogator
    reference: Any
    modes: tuple[str, ...]

    def prompts(self, spec: Spec, picture: Image.Image) -> Iterator[tuple[str, Written]]:
        """Yield a name and a prompt, for everybody who writes one."""
        clip, features = self.ours.models.clip, None
        caption = ""
        for mode in self.modes:
            name, _, daring = mode.partition("@")
            rules = Rules(daring=float(daring or 0))
            done = self.ours.run(picture, Settings(name, rules=rules), features=features)
            features, caption = done.features, done.caption
            yield f"our {mode}", Written(done.prompt, done.similarity or 0.0, done.tried)
        image = clip.encode_picture(picture)
        if self.reference is not None:
            count = len(self.ours.table.vocabulary.phrases)
            chain = followed(self.reference, picture, caption, clip, count)
            yield "clip-interrogator best", Written(chain.prompt, chain.similarity, chain.texts)
            prompt = self.reference.interrogate_fast(picture, caption=caption)
            yield "clip-interrogator fast", _scored(clip, image, prompt)
        yield "BLIP's caption", _scored(clip, image, caption)
        yield "true caption", _scored(clip, image, spec.caption)


def _scored(clip: Clip, image: torch.Tensor, prompt: str) -> Written:
    return Written(prompt, float(clip.encode_text([prompt])[0] @ image))


def measure(
    seeds: range,
    size: int,
    margin: float,
    writers: Writers,
    judge: Clip | None,
    out: Any = None,  # noqa: ANN401
) -> dict[str, Tally]:
    """Return the tally of every writer over the pictures of some seeds."""
    tallies: dict[str, Tally] = {}
    paints = functools.partial(painted, size=size, margin=margin)
    with multiprocessing.get_context("spawn").Pool() as pool:
        for seed, picture in zip(seeds, pool.imap(paints, seeds, chunksize=4), strict=True):
            spec = choose(seed)
            looked = judge.encode_images([picture])[0] if judge else None
            for name, written in writers.prompts(spec, picture):
                judged = float("nan")
                if judge and looked is not None:
                    judged = float(judge.encode_text([written.prompt])[0] @ looked)
                tallies.setdefault(name, Tally()).add(spec, written, judged)
                if out:
                    print(json.dumps([seed, name, written.prompt, spec.phrases]), file=out)
    return tallies


def among_all(ours: Interrogator) -> Interrogator:
    """Return the embedded models with all our phrases beside those that they were taught."""
    clip = ours.models.clip
    others = table_for(vocabulary_for(PRESETS["quality"]), clip, keep=False)
    return replace(ours, table=ours.table.plus(others))


def print_table(title: str, tallies: dict[str, Tally]) -> None:
    """Print one condition."""
    print(f"\n| {title}, {next(iter(tallies.values())).pictures} pictures | precision | recall "
          "| two of a kind | said twice | similarity | under the judge | prompts tried |\n"
          + "|---" * 8 + "|")  # fmt: skip
    for name, tally in tallies.items():
        f = tally.figures()
        print(
            f"| {name} | {f['precision']:.3f} | {f['recall']:.3f} | {f['two_of_a_kind']} "
            f"| {f['twice']} | {f['similarity']:.3f} | {f['judged']:.3f} | {f['tried']:,.0f} |"
        )


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=120, help="of 256 px (120)")
    parser.add_argument("--others", type=int, default=40, help="in frames, and at 512 px (40)")
    parser.add_argument("--wide", type=int, default=40, help="among all our phrases (40)")
    parser.add_argument("--first", type=int, default=HELD_OUT, help="the first seed")
    parser.add_argument("--modes", nargs="*", default=MODES)
    parser.add_argument("--without-reference", action="store_true")
    parser.add_argument("--prompts", type=Path, help="where to write every prompt, as JSON lines")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    ours, _ = Service(FLOAT32).prepare(Request(PRESETS["demo"]))
    vocabulary_read = ours.table.vocabulary
    count = len(vocabulary_read.phrases)
    known = None
    if not options.without_reference:
        known = reference(ours.models.clip, vocabulary_read, count)
    judge = load_clip(JUDGE, FLOAT32) if (EMBEDDED / "judge").exists() else None
    writers = Writers(ours, known, tuple(options.modes))
    told = {}
    out = options.prompts.open("w") if options.prompts else None
    for title, (size, margin) in CONDITIONS.items():
        pictures = options.pictures if title == "256 px" else options.others
        if pictures:
            seeds = range(options.first, options.first + pictures)
            tallies = measure(seeds, size, margin, writers, judge, out)
            print_table(title, tallies)
            told[title] = {name: tally.figures() for name, tally in tallies.items()}
    if options.wide:
        seeds = range(options.first, options.first + options.wide)
        wide = Writers(among_all(ours), None, ("best", "fast"))
        size, margin = CONDITIONS["256 px"]
        tallies = measure(seeds, size, margin, wide, judge, out)
        count = len(wide.ours.table.vocabulary.phrases)
        print_table(title := f"256 px, among {count:,} phrases", tallies)
        told[title] = {name: tally.figures() for name, tally in tallies.items()}
    print(json.dumps(told, default=lambda value: round(value, 4)))


if __name__ == "__main__":
    main()
