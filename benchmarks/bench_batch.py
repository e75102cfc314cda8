"""Many pictures: one by one against together, memory by their number, `kill -9`, actors, full size.

Painted pictures and the embedded models; with `--full` also models of full size with random
weights. Both ways run in the same process on the same pictures, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from PIL import Image

import interrogator
from interrogator.pipeline import Interrogator
from interrogator.result import Interrogation
from interrogator.serving.together import Together
from interrogator.settings import Settings
from training.dataset import HELD_OUT, training_picture

ROOT = Path(__file__).parent.parent
TURN = 64  # pictures of one turn of each way
AT_ONCE = 32


def painted(count: int) -> list[Image.Image]:
    return [Image.fromarray(training_picture(HELD_OUT + seed)) for seed in range(count)]


def one_by_one(using: Interrogator, settings: Settings) -> Callable[..., list[Any]]:
    return lambda pictures: [using.run(picture, settings) for picture in pictures]


def side_by_side(using: Interrogator, settings: Settings, size: int) -> Callable[..., list[Any]]:
    together = Together(using, settings)

    def run(pictures: Sequence[Image.Image]) -> list[Any]:
        chunks = [pictures[i : i + size] for i in range(0, len(pictures), size)]
        return [r for chunk in chunks for r in together.run([together.view(p) for p in chunk])]

    return run


def compare(
    using: Interrogator, mode: str, pictures: Sequence[Image.Image], size: int, turn: int = TURN
) -> dict[str, float]:
    """Return pictures a second of both ways, in turns, and how often their words differ."""
    settings = Settings(mode)
    ways = one_by_one(using, settings), side_by_side(using, settings, size)
    for way in ways:
        way(pictures[:2])  # warms the kernels up
    seconds, differ, furthest = [0.0, 0.0], 0, 0.0
    for first in range(0, len(pictures), turn):
        results: list[list[Interrogation]] = []
        for number, way in enumerate(ways):
            start = time.perf_counter()
            results.append(way(pictures[first : first + turn]))
            seconds[number] += time.perf_counter() - start
        for alone, other in zip(*results, strict=True):
            differ += alone.prompt != other.prompt
            furthest = max(furthest, abs((alone.similarity or 0) - (other.similarity or 0)))
    alone, batched = (len(pictures) / spent for spent in seconds)
    return {
        "one_by_one": alone, "together": batched, "times": batched / alone,
        "prompts_that_differ": differ, "largest_difference": furthest,
    }  # fmt: skip


def write(pictures: Sequence[Image.Image], count: int, folder: Path) -> None:
    """Write so many different files: bytes behind a picture's end do not change it."""
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures[number % len(pictures)].save(path, compress_level=1)
        with path.open("ab") as file:
            file.write(number.to_bytes(4, "big"))


def command(source: Path, place: Path, *options: str) -> list[str]:
    line = [sys.executable, "-m", "interrogator.batch", str(source), "--out", str(place)]
    return [*line, "--preset", "demo", "--batch-size", str(AT_ONCE), *options]


def run_command(source: Path, place: Path, *options: str) -> tuple[float, float]:
    """Return the seconds that the command took and the most memory that it had, in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command(source, place, *options), cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def rows(place: Path) -> list[dict[str, Any]]:
    """Return the table's rows, without the times."""
    text = (place / "prompts.jsonl").read_text("utf-8")
    return [json.loads(line) | {"seconds": 0} for line in text.splitlines()]


def kills(source: Path, folder: Path, count: int) -> dict[str, Any]:
    """Kill the command at so many random moments of one job, then let it end; compare."""
    run_command(source, folder / "whole")
    rng, killed = random.Random(0), 0
    while killed < count:
        process = subprocess.Popen(
            command(source, folder / "cut"), cwd=ROOT, stderr=subprocess.DEVNULL
        )
        there = len(list((folder / "cut").rglob("*.txt")))
        while len(list((folder / "cut").rglob("*.txt"))) <= there and process.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.random())
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if process.returncode == 0:
            break
    run_command(source, folder / "cut")
    whole, cut = rows(folder / "whole"), rows(folder / "cut")
    return {"killed": killed, "rows": len(cut), "equal": whole == cut}


def full_size(pictures: int, sizes: Sequence[int]) -> dict[str, Any]:
    """Return pictures a second of BLIP large and ViT-L-14 with random weights, by size."""
    from benchmarks import bench_full_size as full
    from interrogator.models.loading import Models
    from interrogator.models.registry import PRESETS
    from interrogator.networks.clip import Clip
    from interrogator.networks.libraries import open_clip
    from interrogator.networks.runtime import choose_runtime
    from interrogator.prompts.table import Table, neutral_pictures
    from interrogator.serving.service import vocabulary_for

    torch.manual_seed(0)
    runtime = choose_runtime("float32")
    model = open_clip.create_model("ViT-L-14").eval()
    preprocess = open_clip.image_transform(model.visual.image_size, is_train=False)
    clip = Clip(model, preprocess, open_clip.get_tokenizer("ViT-L-14"), runtime)
    models = Models(PRESETS["quality"], full.captioner(runtime), clip, runtime)
    vocabulary = vocabulary_for(PRESETS["quality"])
    matrix = torch.nn.functional.normalize(torch.randn(len(vocabulary.phrases), clip.width), dim=1)
    table = Table(vocabulary, matrix, matrix @ clip.encode_images(neutral_pictures()).T)
    using, settings = Interrogator(models, table), Settings("fast", captioning=full.SPOKEN)
    noise = [Image.effect_noise((512, 512), 80).convert("RGB") for _ in range(pictures)]
    rates = {}
    ways = {"1, alone": one_by_one(using, settings)}
    ways |= {str(size): side_by_side(using, settings, size) for size in sizes}
    for name, way in ways.items():
        way(noise[:1])
        start = time.perf_counter()
        way(noise)
        rates[name] = pictures / (time.perf_counter() - start)
    return rates


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--large", type=int, default=0, help="a job of so many, for its memory")
    parser.add_argument("--kills", type=int, default=0, help="how often a job is killed")
    parser.add_argument("--actors", type=int, default=0, help="run on Ray with 1 and so many")
    parser.add_argument("--full", type=int, default=0, help="pictures of models of full size")
    options = parser.parse_args()
    using, _ = (session := interrogator.load("demo")).service.prepare(session.request)
    pictures, told = painted(options.pictures), dict[str, Any]()
    print(f"{len(pictures):,} painted pictures, {torch.get_num_threads()} threads\n")
    print("| mode | one by one | together | times | prompts that differ | cosines within |")
    print("|---|---|---|---|---|---|")
    for mode in ("fast", "best"):
        told[mode] = found = compare(using, mode, pictures, AT_ONCE)
        print(f"| {mode} | {found['one_by_one']:.1f}/s | {found['together']:.1f}/s | "
              f"{found['times']:.2f} × | {found['prompts_that_differ']} | "
              f"{found['largest_difference']:.0e} |")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        told |= _jobs(options, pictures, Path(name))
    if options.full:
        told["full"] = full_size(options.full, (1, 4, 16))
        shown = ", ".join(f"{size} at once {rate:.2f}/s" for size, rate in told["full"].items())
        print(f"\nFull size, random weights, `fast`, float32: {shown}.")
    print(json.dumps(told))


def _jobs(
    options: argparse.Namespace, pictures: Sequence[Image.Image], folder: Path
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    sizes = [size for size in (len(pictures), options.large) if size]
    for size in sizes if options.large else ():
        write(pictures, size, folder / f"{size}")
        spent, memory = run_command(folder / f"{size}", folder / f"out-{size}")
        told[f"job_{size}"] = {"seconds": spent, "megabytes": memory}
        print(
            f"\nA job of {size:,}: {size / spent:.1f}/s with its start, {memory:,.0f} MB at most."
        )
    few, count = folder / "few", min(400, len(pictures))
    if options.kills or options.actors:
        write(pictures, count, few)
    if options.kills:
        told["kills"] = kills(few, folder, options.kills)
        print(f"\nKilled {told['kills']['killed']} times: {told['kills']['rows']} rows, "
              f"equal to those of a run that was not: {told['kills']['equal']}.")  # fmt: skip
    for actors in (1, options.actors) if options.actors else ():
        given = ("--engine", "ray", "--actors", str(actors))
        spent, _ = run_command(few, folder / f"ray-{actors}", *given)
        told[f"actors_{actors}"] = count / spent
        print(f"Ray with {actors}: {count / spent:.1f}/s with its start.")
    return told


if __name__ == "__main__":
    main()
