"""What the plausibility finds in a CLIP whose cosines are those of real ones, at full list sizes.

Real weights cannot be had everywhere, so their embedding space is drawn: lists as long as ours,
phrases with a common direction and with neighbours in topics, cosines and temperatures as OpenAI's
and SigLIP's are known for. Of half the pictures an artist, a movement and a medium are true, of all
of them eight style phrases. How far the true cosines stand above the others is varied: the farther,
the easier.

A prompt is that of `fast`, with no words but the phrases, four tokens each.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from benchmarks.simulated_clip import SIZES, Place, World
from interrogator.prompts.ranking import PLAUSIBLE, rank
from interrogator.prompts.rules import Budget, Rules, fast
from interrogator.prompts.table import Table
from interrogator.vocabulary.lists import EXCLUSIVE, Vocabulary

# Name → mean cosine of unrelated pairs, that of true ones, inverse temperature.
MODELS = {
    "OpenAI's": [(0.125, matching, 100.0) for matching in (0.21, 0.23, 0.25, 0.27, 0.29)],
    "SigLIP's": [(0.0, matching, 115.0) for matching in (0.085, 0.105, 0.125, 0.145, 0.165)],
}
STYLES = 8  # true of every picture
TOKENS, LIMIT = 4, 77
CAPTION_TOKENS = 12
Named = set[Place]


@dataclass
class Found:
    """Counts over the pictures of one simulated CLIP.

    Attributes:
        clip: Whose cosines are imitated.
        unrelated: Mean cosine of a picture and a phrase that is not true of it.
        deviation: Their standard deviation σ.
        true: Mean cosine of a picture and a true phrase.
        due: Artists, movements and mediums that are true.
        named: Of these, how many the prompts name.
        wrong: How often they name another one.
        free: Lists of those three kinds of which nothing is true.
        named_where_none: Of these, how many the prompts name something of.
        styles: True style phrases in the prompts.
        false_styles: Style phrases in the prompts that are not true.
        phrases: Phrases of all prompts.
        pictures: How many.
    """

    clip: str
    unrelated: float = 0.0
    deviation: float = 0.0
    true: float = 0.0
    due: int = 0
    named: int = 0
    wrong: int = 0
    free: int = 0
    named_where_none: int = 0
    styles: int = 0
    false_styles: int = 0
    phrases: int = 0
    pictures: int = 0

    def add(self, true: Named, said: Named) -> None:
        """Count one prompt."""
        for kind in EXCLUSIVE:
            due, here = ({p for p in several if p[0] == kind} for several in (true, said))
            self.due += len(due)
            self.named += len(here & due)
            self.wrong += len(here - due) if due else 0
            self.free += not due
            self.named_where_none += bool(here) and not due
        styles = {phrase for phrase in said if phrase[0] == "styles"}
        self.styles += len(styles & true)
        self.false_styles += len(styles - true)
        self.phrases += len(said)
        self.pictures += 1


def simulate(name: str, usual: float, matching: float, logit_scale: float, pictures: int) -> Found:
    """Draw one CLIP and its pictures, and write their prompts."""
    world, found = World(1, usual, matching), Found(name)
    vocabulary = Vocabulary(
        "drawn", {n: tuple(f"{n}{i}" for i in range(k)) for n, k in SIZES.items()}
    )
    matrix = np.concatenate([world.texts[n] for n in SIZES])
    table = Table(vocabulary, _tensor(matrix), _tensor(matrix @ world.neutral))
    cosines: list[tuple[float, float, float]] = []
    for number in range(pictures):
        true = _true_phrases(world, with_names=bool(number % 2))
        picture = world.picture(sorted(true))
        ranking = rank(_tensor(picture), table, logit_scale)
        likely = ranking.plausible(PLAUSIBLE, len(matrix))
        budget = Budget(LIMIT, lambda text: CAPTION_TOKENS + TOKENS * len(text.split(",")))
        prompt = fast("", likely, budget, Rules())
        said = {(p.category, int(p.text.removeprefix(p.category))) for p in prompt.phrases}
        found.add(true, said)
        of_true = [world.texts[n][row] @ picture for n, row in true]
        every = matrix @ picture
        cosines.append((every.mean(), every.std(), float(np.mean(of_true))))
    found.unrelated, found.deviation, found.true = np.mean(cosines, axis=0).round(4).tolist()
    return found


def _true_phrases(world: World, with_names: bool) -> Named:
    true = {
        ("styles", int(row)) for row in world.rng.choice(SIZES["styles"], STYLES, replace=False)
    }
    if with_names:
        true |= {(kind, int(world.rng.integers(SIZES[kind]))) for kind in EXCLUSIVE}
    return true


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100, help="of each simulated CLIP (100)")
    options = parser.parse_args()
    print(
        "| cosines like | unrelated, mean ± σ | true | above, in σ | names found "
        "| another named | named where none is true | styles found | false styles "
        "| phrases a picture |"
    )
    print("|---" * 10 + "|")
    told = []
    for name, settings in MODELS.items():
        for usual, matching, logit_scale in settings:
            f = simulate(name, usual, matching, logit_scale, options.pictures)
            told.append(asdict(f))
            print(
                f"| {name} | {f.unrelated:.3f} ± {f.deviation:.3f} | {f.true:.3f} "
                f"| {(f.true - f.unrelated) / f.deviation:.1f} | {f.named} of {f.due} | {f.wrong} "
                f"| {f.named_where_none} of {f.free} | {f.styles} of {STYLES * f.pictures} "
                f"| {f.false_styles} | {f.phrases / f.pictures:.1f} |", flush=True,
            )  # fmt: skip
    print(json.dumps({"simulated": told}))


if __name__ == "__main__":
    main()
