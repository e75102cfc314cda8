"""What beside the networks a picture of a batch costs, and models of full size to hold it against.

Used by `bench_batch.py`, which says how it is run.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import interrogator
from interrogator.pipeline import Interrogator
from interrogator.serving.together import Together
from interrogator.settings import Settings
from training.dataset import HELD_OUT, training_picture

AT_ONCE = 32  # pictures at once, and of one turn where two ways are compared


def painted(count: int) -> list[Image.Image]:
    return [Image.fromarray(training_picture(HELD_OUT + seed)) for seed in range(count)]


def parts(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Time decoding, Python with our whole vocabulary, and a commit of the manifest."""
    python, phrases = _python(options.parts)
    told = {"decode": _decoding(), "python": python, "phrases": phrases, **_committing(folder)}
    print("\n| what | milliseconds |\n|---|---|")
    print(f"| decoding a JPEG of a megapixel, on one core | {1000 * told['decode']:.1f} |")
    print("| a picture's ranking, composing and explaining, of "
          f"{phrases:,} phrases, but for the networks, `fast` "
          f"| {1000 * python:.1f} |")  # fmt: skip
    print(f"| a commit of {AT_ONCE} rows, synced; {told['row_bytes'] / 1000:.1f} kB a row "
          f"| {1000 * told['commit']:.1f} |")  # fmt: skip
    return told


def _decoding(repeats: int = 15) -> float:
    from interrogator.images.decode import read_picture

    file = io.BytesIO()
    painted(1)[0].resize((1216, 832), Image.Resampling.BICUBIC).save(file, "JPEG", quality=92)
    return _median(lambda: read_picture(file.getvalue()), repeats)


def _median(work: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _python(count: int) -> tuple[float, int]:
    """Return the seconds of a picture less those within the networks, and how many phrases."""
    from interrogator.vocabulary.lists import FOLDER

    session = interrogator.load("demo", vocabulary=str(FOLDER))
    using, _ = session.service.prepare(session.request)
    together, inside = Together(using, Settings("fast")), [0.0]
    clip = together._clip

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            start = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                inside[0] += time.perf_counter() - start

        return run

    assert clip.tower is not None
    # The towers alone: what prepares their texts is Python's.
    vars(together)["see"] = timed(together.see)
    vars(clip.tower)["features"] = timed(clip.tower.features)
    views = [together.view(picture) for picture in painted(AT_ONCE)]
    seconds = []
    for _ in range(max(count // AT_ONCE, 1)):
        inside[0], start = 0.0, time.perf_counter()
        together.run(views)
        seconds.append((time.perf_counter() - start - inside[0]) / len(views))
    return statistics.median(seconds), len(using.table.vocabulary.phrases)


def _committing(folder: Path, commits: int = 40) -> dict[str, float]:
    from interrogator.batch.manifest import FILE, Manifest, Outcome
    from interrogator.batch.pictures.items import Item, refuse

    using, _ = (session := interrogator.load("demo")).service.prepare(session.request)
    row, number, seconds = using.run(painted(1)[0]).to_json(), 0, []
    with Manifest(folder) as manifest:
        for _ in range(commits):
            numbers = range(number, number := number + AT_ONCE)
            outcomes = [
                Outcome(Item(f"{n:09}.jpg", "1", refuse, ("",)), n, f"{n:064}", f"{n:040}", row)
                for n in numbers
            ]
            start = time.perf_counter()
            manifest.commit(outcomes)
            seconds.append(time.perf_counter() - start)
    return {
        "commit": statistics.median(seconds),
        "row_bytes": (folder / FILE).stat().st_size / number,
    }


def full_size() -> tuple[Interrogator, Settings]:
    """Return BLIP large and ViT-L-14 with random weights, and how they are asked."""
    from benchmarks import bench_full_size as large
    from interrogator.models.loading import Models
    from interrogator.models.registry import PRESETS
    from interrogator.networks.clip import Clip
    from interrogator.networks.libraries import open_clip
    from interrogator.networks.runtime import choose_runtime
    from interrogator.prompts.ranking import Ranking
    from interrogator.prompts.table import Table, neutral_pictures
    from interrogator.serving.service import vocabulary_for

    torch.manual_seed(0)
    Ranking.plausible = lambda self, *_: self.overall(200)  # type: ignore  # as bench_full_size
    runtime = choose_runtime("float32")
    model = open_clip.create_model("ViT-L-14").eval()
    preprocess = open_clip.image_transform(model.visual.image_size, is_train=False)
    clip = Clip(model, preprocess, open_clip.get_tokenizer("ViT-L-14"), runtime)
    models = Models(PRESETS["quality"], large.captioner(runtime), clip, runtime)
    vocabulary = vocabulary_for(PRESETS["quality"])
    matrix = torch.nn.functional.normalize(torch.randn(len(vocabulary.phrases), clip.width), dim=1)
    table = Table(vocabulary, matrix, matrix @ clip.encode_images(neutral_pictures()).T)
    return Interrogator(models, table), Settings("fast", captioning=large.SPOKEN)
