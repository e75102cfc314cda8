"""Odd and hostile picture files, one after another: each must be a picture or a sentence.

`python benchmarks/fuzz_pictures.py --minutes N [--files N] [--seed S] [--app] [--keep DIR]
[--json]` makes files from
seeds (every format with metadata, cut, flipped, spliced, glued to others, and bombs of pixels,
zlib, EXIF, ICC, frames and pieces), reads each in a worker and prints how many were read or
refused, what the longest took and how far memory rose. A file that crashes the worker, takes over
5 seconds or 1 GB, or raises anything but a sentence is a failure and is kept in DIR; exit status 1.
With --app each goes the way of the app: uploaded, or sent as a data: URL or base64, and
interrogated with the embedded models.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import random
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.picture_bombs import BOMBS
from benchmarks.picture_files import whole_files
from interrogator.errors import InterrogatorError
from interrogator.images import decode

MAX_SECONDS = 5.0
START_SECONDS = 600.0  # by the clock, for the worker to load what it needs
HANG_SECONDS = 300.0  # by the clock, on a machine that others use as well
MAX_RISE = 2**30  # bytes of memory above what the worker had before
BOMBS_SHARE = 0.05
CLEAR_PEAK = "5"  # written to clear_refs: the peak of memory is counted from now on


@dataclass(frozen=True)
class Outcome:
    """What one file came to: the sentence of a refusal, "" for a picture, and its cost."""

    recipe: str
    said: str
    seconds: float
    rise: int  # bytes
    failure: str = ""


# ----- what is done to a file


def cut(data: bytes, rng: random.Random) -> bytes:
    """Leave the end away: a few bytes or nearly all."""
    return data[: rng.choice((len(data) - rng.randint(1, 20), rng.randrange(len(data))))]


def flip(data: bytes, rng: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 10, 100))):
        changed[rng.randrange(len(changed))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(changed)


def inflate(data: bytes, rng: random.Random) -> bytes:
    """Write a huge, zero or negative number somewhere, most often where headers are."""
    place = rng.randrange(min(len(data), rng.choice((64, 400, len(data)))))
    number = rng.choice((0, 1, 0x7FFF, 0xFFFF, 10**5, 0x7FFFFFFF, 0xFFFFFFFF))
    body = struct.pack(rng.choice("<>") + "I", number)[: rng.choice((2, 4))]
    return data[:place] + body + data[place + len(body) :]


def splice(data: bytes, rng: random.Random) -> bytes:
    """Repeat, remove or move a part."""
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    part = data[start:end]
    return rng.choice((
        data[:end] + part * rng.randint(1, 50) + data[end:], data[:start] + data[end:],
        part + data,
    ))  # fmt: skip


def glue(data: bytes, rng: random.Random) -> bytes:
    """Put another file behind it, before it, or into it: a polyglot."""
    other = rng.choice([*whole_files().values(), b"%PDF-1.7\n", b"PK\3\4", b"<svg/>", b"<html>"])
    place = rng.choice((0, len(data), rng.randrange(len(data))))
    return data[:place] + other + data[place:]


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, flip, inflate, splice, glue)


def make_file(seed: int) -> tuple[str, bytes]:
    """Return the odd file of a seed, always the same, and how it was made."""
    rng = random.Random(seed)
    if rng.random() < BOMBS_SHARE:
        name = rng.choice(sorted(BOMBS))
        return name, BOMBS[name]()
    name, data = rng.choice(sorted(whole_files().items()))
    recipe = [name]
    for change in rng.choices(CHANGES, k=rng.choice((1, 1, 1, 2, 3))):
        data = change(data, rng) or b"\0"
        recipe.append(change.__name__)
    return ", ".join(recipe), data


# ----- reading them


def outcome(
    recipe: str, data: bytes, read: Callable[[bytes], Image.Image] = decode.read
) -> Outcome:
    """Read a file as a visitor's, and return what came of it."""
    said, failure = "", ""
    before, started, worked = _clear_peak(), time.perf_counter(), time.process_time()
    try:
        image = read(data)
        if image.mode != "RGB" or not 0 < max(image.size) <= decode.MAX_SIDE:
            failure = f"not a safe picture: {image.mode}, {image.size}"
    except InterrogatorError as error:
        said = str(error)
        if not said.endswith("."):
            failure = f"not a sentence: {said}"
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    # Time in which others had the processor is not the file's, nor are the threads' times added up.
    seconds = min(time.perf_counter() - started, time.process_time() - worked)
    rise = _peak() - before
    if seconds > MAX_SECONDS or rise > MAX_RISE:
        failure = failure or f"{seconds:.1f} s, {rise / 2**20:.0f} MB"
    return Outcome(recipe, said, seconds, rise, failure)


def _peak() -> int:
    """Return the most memory that this process has had, in bytes; 0 where nobody tells."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _clear_peak() -> int:
    try:
        Path("/proc/self/clear_refs").write_text(CLEAR_PEAK)
    except OSError:
        pass  # not Linux: the peak of the whole process is counted
    return _peak()


def through_the_app(folder: Path) -> Callable[[bytes], Image.Image]:
    """Return a reader that sends a file as a program may, and has it interrogated."""
    from interrogator.images import sources
    from interrogator.serving.service import Service
    from interrogator.web.handlers import Handlers

    handlers, upload = Handlers(Service()), folder / "upload"

    def read(data: bytes) -> Image.Image:
        text = base64.b64encode(data).decode()
        way = zlib.crc32(data) % 4
        if way == 0 and len(text) > 200:
            picture = sources.picture(text, None, str(folder))
        elif way == 1:
            picture = sources.picture(None, f"data:image/png;base64,{text}", str(folder))
        else:
            upload.write_bytes(data)
            picture = sources.picture(str(upload), None, str(folder))
        done = handlers.interrogate(picture, {"preset": "demo", "mode": ("fast", "best")[way % 2]})
        if not (done["prompt"] and done["models"]["embedded"]):
            raise ValueError("there is no prompt")
        return decode.read(picture)

    return read


def _work(pipe: Connection, app: bool) -> None:
    whole_files()
    with tempfile.TemporaryDirectory() as folder:
        read = through_the_app(Path(folder)) if app else decode.read
        read(whole_files()["jpeg"])
        _answer(pipe, read)


def _answer(pipe: Connection, read: Callable[[bytes], Image.Image]) -> None:
    pipe.send("ready")
    while (seed := pipe.recv()) is not None:
        recipe, data = make_file(seed)
        pipe.send("made")
        pipe.send(outcome(recipe, data, read))


class Worker:
    """A process that reads files, begun anew when one of them ends or stops it."""

    def __init__(self, app: bool = False) -> None:
        self._app = app
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, self._app), daemon=True)
        self.process.start()
        other.close()
        if not self.pipe.poll(START_SECONDS):
            raise RuntimeError("the worker did not start")
        self.pipe.recv()

    def read(self, seed: int) -> Outcome:
        """Return what came of the file of a seed."""
        try:
            self.pipe.send(seed)
            if not self.pipe.poll(HANG_SECONDS):
                raise TimeoutError("the file was not made")
            self.pipe.recv()
            if not self.pipe.poll(HANG_SECONDS):
                raise TimeoutError("it hangs")
            read: Outcome = self.pipe.recv()
        except (EOFError, OSError, TimeoutError) as error:
            self.process.kill()
            self.process.join()
            status = self.process.exitcode
            self._begin()
            return Outcome(make_file(seed)[0], "", 0.0, 0, f"{error!r}, exit status {status}")
        return read


def main(arguments: list[str] | None = None) -> int:
    """Read odd files for some minutes and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--files", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    parser.add_argument("--app", action="store_true", help="interrogate what can be read")
    parser.add_argument("--keep", type=Path, help="a folder for the files that failed")
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    options = parser.parse_args(arguments)
    worker, until, outcomes = Worker(options.app), time.monotonic() + 60 * options.minutes, []
    failures: list[dict[str, object]] = []
    for seed in range(options.seed, options.seed + options.files):
        if time.monotonic() > until:
            break
        read = worker.read(seed)
        outcomes.append(read)
        if read.failure:
            failures.append({"seed": seed, "recipe": read.recipe, "failure": read.failure})
            print(f"seed {seed}: {read.recipe}: {read.failure}", file=sys.stderr)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / str(seed)).write_bytes(make_file(seed)[1])
    worker.pipe.send(None)  # it ends
    print(_report(outcomes, len(failures)))
    if options.json:
        slowest = max(outcomes, key=lambda o: o.seconds)
        print(json.dumps({
            "files": len(outcomes), "read": sum(not (o.said or o.failure) for o in outcomes),
            "failures": failures, "slowest_seconds": slowest.seconds, "slowest": slowest.recipe,
            "largest_rise_mb": max(o.rise for o in outcomes) / 2**20,
        }))  # fmt: skip
    return bool(failures)


def _report(outcomes: list[Outcome], failures: int) -> str:
    """Return the table: sentences by how often they were said, and the dearest files."""
    said = Counter(o.said for o in outcomes if not o.failure)
    lines = [f"{len(outcomes):,} files, {failures} failures", ""]
    lines += [f"{count:8,}  {text or 'read'}" for text, count in said.most_common(25)]
    lines += ["", "slowest:"]
    for one in sorted(outcomes, key=lambda o: -o.seconds)[:5]:
        lines.append(f"{one.seconds:8.2f} s  {one.recipe}")
    lines += ["", "most memory:"]
    for one in sorted(outcomes, key=lambda o: -o.rise)[:5]:
        lines.append(f"{one.rise / 2**20:8.0f} MB  {one.recipe}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
