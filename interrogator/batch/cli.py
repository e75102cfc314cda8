"""`python -m interrogator.batch SOURCE --out PLACE`: a prompt for each of many pictures."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interrogator.cli import add_options, values_of
from interrogator.errors import InterrogatorError
from interrogator.options import parse

if TYPE_CHECKING:
    from interrogator.batch.job import Job, Progress, Report, Summary
    from interrogator.serving.service import Service

FORMATS = ("txt", "copies", "csv", "jsonl", "parquet")
TEXTS = ("prompt", "caption", "phrases", "negative_prompt")
EXISTING = ("keep", "append", "overwrite")
EVERY = 10.0  # seconds between two lines of progress where there is no terminal


def make_parser() -> argparse.ArgumentParser:
    """Return the command's parser, with every option of an interrogation."""
    parser = argparse.ArgumentParser(
        prog="python -m interrogator.batch",
        description="Write a prompt for each picture of a folder, a list or a data set. What is "
        "done is not done again: give the same command to go on.",
    )
    parser.add_argument(
        "source", metavar="SOURCE", help="a folder, a list (.txt) of paths or addresses, a .zip, "
        ".parquet or .tar, or a pattern of these in quotes",
    )  # fmt: skip
    add = parser.add_argument_group("where it goes").add_argument
    add("--out", metavar="PLACE", required=True, type=Path, help="the folder of the results")
    add(
        "--format", dest="formats", metavar="NAMES", default="txt,jsonl",
        help=f"between commas: {', '.join(FORMATS)} (txt,jsonl if absent)",
    )  # fmt: skip
    add("--beside", action="store_true", help="put each .txt beside its picture, not under PLACE")
    add("--extension", metavar="EXT", default=".txt", help="of the text files, .txt if absent")
    add("--text", choices=TEXTS, default="prompt", help="what they hold; the prompt if absent")
    add("--trigger", metavar="WORDS", default="", help="stand first, and a comma behind them")
    add("--prefix", metavar="TEXT", default="", help="written before it, as it is")
    add("--suffix", metavar="TEXT", default="", help="written behind it, as it is")
    add(
        "--existing", choices=EXISTING, default="keep",
        help="what becomes of texts that somebody else wrote there; they are kept if absent",
    )  # fmt: skip
    _add_running(parser)
    add_options(parser)
    return parser


def _add_running(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it runs").add_argument
    add(
        "--pattern", action="append", default=[], metavar="GLOB",
        help='which files are meant, as in "*.png"; all pictures if absent; may be repeated',
    )  # fmt: skip
    add("--retry", action="store_true", help="try again what failed before")
    add("--dry-run", action="store_true", help="tell from a sample what it takes; write nothing")
    add("--batch-size", metavar="N", type=_positive, help="pictures at once; tried out if absent")
    add("--threads", metavar="N", type=_positive, help="how many read and decode pictures")
    add("--engine", choices=("local", "ray"), default="local", help="this machine, or a cluster")
    add("--address", metavar="ADDRESS", help="of the Ray cluster; one on this machine if absent")
    add("--actors", metavar="N", type=_positive, help="processes of the cluster that hold models")


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10,000")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Interrogate the pictures of a source.

    Returns:
        0; 1 if a picture failed (the others are done); 2 if nothing could be begun or no space
        is left; 130 if interrupted. What was done is kept.
    """
    options = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger().setLevel(logging.ERROR)  # open_clip reports through the root logger
    # As a scheduler ends it; a job in the background may be deaf to Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        values = values_of(options)
        job, service = _job(options, values)
        if options.dry_run:
            from interrogator.batch.job import dry_run

            print(dry_run(job, service))
            return 0
        with progress_shown() as report:
            summary = _run(options, job, service, report)
    except InterrogatorError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What is done is kept; the same command goes on.", file=sys.stderr)
        return 130
    _print(summary)
    return 1 if summary.failed else 0


def _job(options: argparse.Namespace, values: dict[str, Any]) -> tuple[Job, Service]:
    """Return what is to be done, and what loads the models."""
    from interrogator.batch.job import THREADS, Job
    from interrogator.batch.outputs import Sidecars
    from interrogator.batch.pictures.sources import open_source
    from interrogator.networks.runtime import choose_runtime
    from interrogator.request import request_of
    from interrogator.serving.service import Service

    formats = tuple(dict.fromkeys(filter(None, options.formats.replace(" ", "").split(","))))
    if not formats or set(formats) - set(FORMATS):
        raise InterrogatorError(f"--format is some of {', '.join(FORMATS)}, between commas.")
    sidecars = Sidecars(
        options.out, options.beside, options.extension, options.text, values.get("target", ""),
        options.prefix, options.suffix, options.trigger, options.existing,
    )  # fmt: skip
    source = open_source(options.source, options.pattern, without=options.out)
    if "copies" in formats and source.folder and options.out.resolve() == source.folder.resolve():
        raise InterrogatorError(
            "Copies would lie where their pictures are: name another folder with --out."
        )
    parsed = parse(values, "command")
    service = Service(choose_runtime(parsed["dtype"]))
    request = request_of(parsed, service.defaults.preset, keep_tables=True)
    job = Job(
        source, options.out, request, sidecars, formats, options.retry, options.batch_size,
        options.threads or THREADS,
    )  # fmt: skip
    return job, service


def _run(options: argparse.Namespace, job: Job, service: Service, report: Report) -> Summary:
    from interrogator.batch.job import run

    if options.engine == "local":
        return run(job, service, report=report)
    from interrogator.batch.cluster import Cluster

    return run(job, service, Cluster(options.address, options.actors), report)


def _print(summary: Summary) -> None:
    from interrogator.batch.job import duration

    reused = summary.items - summary.computed
    print(
        f"{summary.items:,} pictures: {summary.computed:,} done now, {reused:,} before, "
        f"{summary.failed:,} failed, in {duration(summary.seconds)}.",
        file=sys.stderr,
    )
    for table in summary.tables:
        print(table)


@contextmanager
def progress_shown() -> Iterator[Report]:
    """Give what shows progress on stderr: a bar on a terminal, else now and then a line."""
    if not sys.stderr.isatty():
        yield _Lines().show
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        *Bar.get_default_columns()[:3], MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f}/s  {task.fields[left]}  {task.fields[failed]} failed"),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Pictures", total=None, rate=0.0, left="", failed=0)

        def show(progress: Progress) -> None:
            bar.update(
                task, completed=progress.done, total=progress.total, rate=progress.rate,
                left=_left(progress), failed=progress.failed,
            )  # fmt: skip

        yield show


class _Lines:
    """Prints a line of progress now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Print where a job is, if that was not done just now."""
        if time.monotonic() - self._last < EVERY:
            return
        self._last = time.monotonic()
        total = f" of {progress.total:,}" if progress.total is not None else ""
        parts = [f"{progress.done:,}{total}", f"{progress.rate:.1f}/s", _left(progress)]
        parts += [f"{progress.failed:,} failed"] if progress.failed else []
        print(", ".join(filter(None, parts)), file=sys.stderr, flush=True)


def _left(progress: Progress) -> str:
    from interrogator.batch.job import duration

    return "" if progress.left is None else f"{duration(progress.left)} left"
