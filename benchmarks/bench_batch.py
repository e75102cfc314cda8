"""Many pictures: one by one against together, memory by their number, `kill -9`, actors, full size.

Painted pictures and the embedded models; “full” has models of full size with random weights. Where
two ways are compared, both run in the same process on the same pictures, in short turns: the ratio
is the median over the turns, so that a neighbour who comes and goes does not decide it. Each part
can be run alone (`--only ratio,parts`), and a count of 0 leaves one out.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from PIL import Image

import interrogator
from benchmarks.batch_parts import AT_ONCE, full_size, painted, parts
from interrogator.pipeline import Interrogator
from interrogator.serving.together import Together
from interrogator.settings import Settings

ROOT = Path(__file__).parent.parent
SMALL = 2000  # the job whose memory the large one's is held against
BASES = 200  # different pictures of a job; its files differ in bytes behind their ends
WITHIN = 200  # MB that a job ten times as large may need more
POLL = 0.02  # seconds


def tell(text: str) -> None:
    """Say on stderr what is going on."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


# One by one against together

Way = Callable[[Sequence[Image.Image]], list[Any]]


def one_by_one(using: Interrogator, settings: Settings) -> Way:
    return lambda pictures: [using.run(picture, settings) for picture in pictures]


def side_by_side(using: Interrogator, settings: Settings, size: int) -> Way:
    together = Together(using, settings)

    def run(pictures: Sequence[Image.Image]) -> list[Any]:
        chunks = [pictures[i : i + size] for i in range(0, len(pictures), size)]
        return [r for chunk in chunks for r in together.run([together.view(p) for p in chunk])]

    return run


def compare(
    using: Interrogator, settings: Settings, pictures: Sequence[Image.Image], size: int
) -> dict[str, float]:
    """Return pictures a second of both ways, in turns, and how often their words differ."""
    ways = one_by_one(using, settings), side_by_side(using, settings, size)
    for way in ways:
        way(pictures[:2])  # warms the kernels up
    turns: list[list[float]] = []
    differ, furthest = 0, 0.0
    for first in range(0, len(pictures), size):
        few = pictures[first : first + size]
        results, seconds = [], []
        for way in ways:
            start = time.perf_counter()
            results.append(way(few))
            seconds.append((time.perf_counter() - start) / len(few))
        turns.append(seconds)
        for alone, other in zip(*results, strict=True):
            differ += alone.prompt != other.prompt
            furthest = max(furthest, abs((alone.similarity or 0) - (other.similarity or 0)))
        tell(f"{settings.mode} {first + len(few)} of {len(pictures)}: "
             f"{1000 * seconds[0]:.0f} and {1000 * seconds[1]:.0f} ms a picture")  # fmt: skip
    alone, batched = (statistics.median(those) for those in zip(*turns, strict=True))
    return {
        "pictures": len(pictures), "one_by_one": 1 / alone, "together": 1 / batched,
        "times": statistics.median(one / other for one, other in turns),
        "prompts_that_differ": differ, "largest_difference": furthest,
    }  # fmt: skip


def ratio(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    using, _ = (session := interrogator.load("demo")).service.prepare(session.request)
    told: dict[str, Any] = {}
    print(
        "| mode | pictures | one by one | together | times | prompts that differ | cosines within |"
    )
    print("|---|---|---|---|---|---|---|")
    for mode, count in (("fast", options.pictures), ("best", options.best)):
        if count:
            told[mode] = found = compare(using, Settings(mode), painted(count), AT_ONCE)
            print(f"| {mode} | {count:,} | {found['one_by_one']:.1f}/s | {found['together']:.1f}/s "
                  f"| {found['times']:.2f} × | {found['prompts_that_differ']} "
                  f"| {found['largest_difference']:.0e} |", flush=True)  # fmt: skip
    return told


# Jobs of the command


def write(count: int, folder: Path) -> Path:
    """Write so many different files: bytes behind a picture's end do not change it."""
    import io

    bases = []
    for picture in painted(min(BASES, count)):
        picture.save(file := io.BytesIO(), "PNG", compress_level=1)
        bases.append(file.getvalue())
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bases[number % len(bases)] + number.to_bytes(4, "big"))
    return folder


def command(source: Path, place: Path, *options: str) -> list[str]:
    line = [sys.executable, "-m", "interrogator.batch", str(source), "--out", str(place)]
    return [*line, "--preset", "demo", *(options or ("--batch-size", str(AT_ONCE)))]


@dataclass(frozen=True)
class Spent:
    """What a job took: seconds in all and of computing, and the most memory in MB."""

    seconds: float
    megabytes: float


def run_command(source: Path, place: Path, *options: str) -> Spent:
    start = time.perf_counter()
    process = subprocess.Popen(
        command(source, place, *options), cwd=ROOT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}")
    return Spent(time.perf_counter() - start, usage.ru_maxrss / 1024)


def memory(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for size in (min(SMALL, options.large), options.large):
        tell(f"a job of {size:,}")
        spent = run_command(write(size, folder / f"{size}"), folder / f"out-{size}")
        told[f"job_{size}"] = vars(spent)
        shutil.rmtree(folder / f"{size}")
        print(f"\nA job of {size:,}: {size / spent.seconds:.1f}/s with its start, "
              f"{spent.megabytes:,.0f} MB at most.", flush=True)  # fmt: skip
    first, last = (job["megabytes"] for job in told.values())
    return told | {"rise": last - first, "within": last - first <= WITHIN}


def results(place: Path) -> dict[str, Any]:
    """Return every file of a place but the manifest, without the times."""
    files: dict[str, Any] = {}
    for path in sorted(place.rglob("*")):
        if path.is_file() and not path.name.startswith(".manifest"):
            data: Any = path.read_bytes()
            if path.suffix == ".jsonl":
                data = [json.loads(line) | {"seconds": 0} for line in data.splitlines()]
            files[path.relative_to(place).as_posix()] = data
    return files


def kills(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Kill the command at so many random moments of one job, then let it end; compare."""
    source, size = write(60 * options.kills, folder / "few"), ("--batch-size", "4")
    tell("a job that is not killed")
    run_command(source, folder / "whole", *size)
    rng, killed = random.Random(0), 0
    while killed < options.kills:
        line = command(source, folder / "cut", *size)
        process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL)
        _wait_for_texts(process, folder / "cut", rng.choice((0, 1, 1, 9)))
        time.sleep(rng.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        killed += 1
        tell(f"killed {killed} times; {_texts(folder / 'cut')} texts are there")
    run_command(source, folder / "cut", *size)
    whole, cut = results(folder / "whole"), results(folder / "cut")
    rows = [row["path"] for row in cut["prompts.jsonl"]]
    told = {"killed": killed, "rows": len(rows), "once": len(rows) == len(set(rows)),
            "equal": whole == cut}  # fmt: skip
    print(f"\nKilled {killed} times: {len(rows):,} rows, each picture once: {told['once']}; "
          f"rows and texts equal to those of a run that was not: {told['equal']}.",
          flush=True)  # fmt: skip
    return told


def _texts(place: Path) -> int:
    return len(list(place.rglob("*.txt")))


def _wait_for_texts(process: subprocess.Popen[bytes], place: Path, more: int) -> None:
    there = _texts(place)
    while _texts(place) < there + more and process.poll() is None:
        time.sleep(POLL)


def ray(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run a job here and with 1 and more actors of Ray; compare rates and rows."""
    count = 50 * AT_ONCE
    source, told = write(count, folder / "pictures"), dict[str, Any]()
    given = ("--batch-size", str(AT_ONCE))
    ways: dict[str, tuple[str, ...]] = {"here": given}
    ways |= {f"{n} actors": (*given, "--engine", "ray", "--actors", f"{n}")
             for n in range(1, options.actors + 1)}  # fmt: skip
    print(f"\n| {count:,} pictures | with the start | prompts that differ |\n|---|---|---|")
    for name, arguments in ways.items():
        tell(f"Ray: {name}")
        spent = run_command(source, folder / name, *arguments)
        rows = [row["prompt"] for row in results(folder / name)["prompts.jsonl"]]
        expected = told.setdefault("rows", rows)
        differ = sum(one != other for one, other in zip(expected, rows, strict=True))
        told[name] = {"rate": count / spent.seconds, "prompts_that_differ": differ}
        print(f"| {name} | {count / spent.seconds:.1f}/s | {differ} |", flush=True)
    del told["rows"]
    return told


# Models of full size


def full(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return pictures a second of BLIP large and ViT-L-14 with random weights, by size."""
    using, settings = full_size()
    noise = [Image.effect_noise((512, 512), 80).convert("RGB") for _ in range(options.full)]
    ways = {"1, alone": one_by_one(using, settings)}
    ways |= {str(size): side_by_side(using, settings, size) for size in (4, 16)}
    rates = {}
    for name, way in ways.items():
        tell(f"full size, {name} at once")
        way(noise[:1])
        start = time.perf_counter()
        way(noise)
        rates[name] = options.full / (time.perf_counter() - start)
    shown = ", ".join(f"{name} at once {rate:.3f}/s" for name, rate in rates.items())
    print(f"\nFull size, random weights, `fast`, float32, {options.full} pictures: {shown}.")
    return rates


PARTS = {"ratio": ratio, "parts": parts, "memory": memory, "kills": kills, "ray": ray, "full": full}
COUNTS = {"parts": "parts", "memory": "large", "kills": "kills", "ray": "actors", "full": "full"}


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--pictures", type=int, default=500, help="compared in mode fast (500)")
    parser.add_argument("--best", type=int, default=200, help="compared in mode best (200)")
    parser.add_argument("--parts", type=int, default=160, help="pictures that Python is timed on")
    parser.add_argument("--large", type=int, default=0, help="a job of so many, for its memory")
    parser.add_argument("--kills", type=int, default=0, help="how often a job is killed")
    parser.add_argument("--actors", type=int, default=0, help="run on Ray with 1 … so many")
    parser.add_argument("--full", type=int, default=0, help="pictures of models of full size")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}, not {', '.join(unknown)}")
    told: dict[str, Any] = {"threads": torch.get_num_threads()}
    for name in wanted:
        if name not in COUNTS or getattr(options, COUNTS[name]):
            tell(name)
            with tempfile.TemporaryDirectory() as folder:
                told[name] = PARTS[name](options, Path(folder))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
