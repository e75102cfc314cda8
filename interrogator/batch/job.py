"""A job: source → chunks of what is not done → outcomes → manifest → files and tables."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from time import perf_counter

import psutil

from interrogator.batch.copies import Copies
from interrogator.batch.engine import (
    Chunk,
    IsKnown,
    Placed,
    Worker,
    chunks_of,
    key_of,
    options_key,
    run_here,
)
from interrogator.batch.manifest import Manifest, Outcome, PlannedFile, Row
from interrogator.batch.outputs import Sidecars, shared_name, write_file, write_tables
from interrogator.batch.pictures.items import Item
from interrogator.batch.pictures.sources import Source
from interrogator.batch.turns import Turns
from interrogator.errors import InterrogatorError
from interrogator.request import Request
from interrogator.serving.service import Service

SAMPLE = 16  # pictures that a dry run, and the search for the best size, look at
SEEN = 500  # items that are known already, committed together
THREADS = min(16, max(2, os.cpu_count() or 2))
MANIFEST_SHARE = 0.4  # of the bytes of a result as JSON, packed and with its place


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        source: Where pictures come from.
        place: The folder of manifest and tables.
        request: What is wanted of each picture.
        sidecars: How text files are written.
        formats: Of `outputs.FORMATS`.
        retry: Whether what failed before is tried again.
        size: Pictures at once; None: what is quickest here, found by trying.
        threads: How many read and decode.
    """

    source: Source
    place: Path
    request: Request
    sidecars: Sidecars
    formats: tuple[str, ...]
    retry: bool = False
    size: int | None = None
    threads: int = THREADS


@dataclass
class Progress:
    """How far a job is.

    Attributes:
        total: How many items there are; None while they are counted.
        done: Those that are through, the ones of earlier runs included.
        computed: Those that were computed in this run.
        failed: Those that failed.
        start: When the first was begun, in seconds of `perf_counter`.
    """

    total: int | None = None
    done: int = 0
    computed: int = 0
    failed: int = 0
    start: float = 0.0

    @property
    def rate(self) -> float:
        """Pictures a second in this run."""
        return self.computed / max(perf_counter() - self.start, 1e-9)

    @property
    def left(self) -> float | None:
        """Seconds until the end, as far as can be told."""
        if self.total is None or not self.computed:
            return None
        return max(self.total - self.done, 0) / self.rate


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        items: How many there are.
        computed: Of them, in this run.
        failed: Of them.
        tables: What was written of them.
        seconds: How long it took, loading included.
    """

    items: int
    computed: int
    failed: int
    tables: tuple[Path, ...]
    seconds: float


Report = Callable[[Progress], None]
Engine = Callable[[Worker, Iterable[Chunk], IsKnown, int], Iterator[list[Outcome]]]


def run(
    job: Job, service: Service, engine: Engine = run_here, report: Report = lambda progress: None
) -> Summary:
    """Do what is not done yet, and write it; what is done stays, whenever this ends.

    Args:
        job: What is to be done.
        service: Loads the models.
        engine: What computes chunks: this machine, or a cluster.
        report: Called after every chunk.

    Raises:
        InterrogatorError: Nothing can be begun, or no space is left; in a sentence.
        KeyboardInterrupt: Somebody interrupted it; what is done is written.
    """
    start = perf_counter()
    with Manifest(job.place) as manifest:
        worked = _Run(job, manifest, service, report)
        try:
            worked.write(manifest.unwritten())  # of a run that was killed
            threading.Thread(target=worked.count, daemon=True).start()
            try:
                worked.work_off(engine)
            finally:
                tables = write_tables(manifest, job.place, job.formats, job.sidecars.target)
            items, failed = manifest.count()
        except (OSError, sqlite3.OperationalError) as error:
            raise InterrogatorError(
                f"The results cannot be written any more: {error}. What is done is kept: make room "
                "and give the same command again."
            ) from error
    spent = perf_counter() - start
    return Summary(items, worked.progress.computed, failed, tuple(tables), spent)


class _Run:
    """One run of a job."""

    def __init__(self, job: Job, manifest: Manifest, service: Service, report: Report) -> None:
        self.job, self.manifest, self.service, self.report = job, manifest, service, report
        self.progress = Progress()
        self.key = options_key(job.request, service.vocabulary(job.request.names))

    def count(self) -> None:
        """Find out how many items there are."""
        try:
            self.progress.total = sum(1 for _ in self.job.source.items())
        except (InterrogatorError, OSError):  # whoever reads them says so
            pass

    def work_off(self, engine: Engine) -> None:
        """Compute what is not done; the models are loaded if there is anything."""
        todo = self._todo()
        first = next(todo, None)
        if first is None:
            return
        for outcomes in self._outcomes(engine, chain([first], todo)):
            self._commit(outcomes)

    def _outcomes(self, engine: Engine, todo: Iterator[Placed]) -> Iterator[list[Outcome]]:
        job = self.job
        if engine is run_here and Turns.are_needed(self.service, job.request):
            self.progress.start = perf_counter()
            turns = Turns(self.service, job.request, self.key)
            return turns(chunks_of(todo, job.size or SAMPLE), self._is_known, job.threads)
        interrogator, _ = self.service.prepare(job.request)
        worker = Worker(interrogator, job.request, self.key)
        size, todo = self._size(worker, todo)
        self.progress.start = perf_counter()
        return engine(worker, chunks_of(todo, size), self._is_known, job.threads)

    def write(self, files: Iterable[PlannedFile]) -> None:
        """Write files, and keep that they are."""
        self.manifest.written([(file, write_file(file)) for file in files])

    def _todo(self) -> Iterator[Placed]:
        """Yield the items that are not done; the others are seen to as they come."""
        seen: list[Outcome] = []
        for position, item in enumerate(self.job.source.items()):
            content = self.manifest.content_of(item)
            key = key_of(self.key, item, content or "")
            if content is not None and self._is_known(key):
                seen.append(Outcome(item, position, content, key, None))
            else:
                yield position, item
            if len(seen) == SEEN:
                self._commit(seen)
                seen = []
        self._commit(seen)

    def _is_known(self, key: str) -> bool:
        failed = self.manifest.state(key)
        return failed is False or (failed is True and not self.job.retry)

    def _size(self, worker: Worker, todo: Iterator[Placed]) -> tuple[int, Iterator[Placed]]:
        """Return how many pictures at once are quickest, and the items; tried once for a job."""
        note = f"size {self.key}"
        known = self.job.size or int(self.manifest.note(note) or 0)
        if known:
            return known, todo
        few = list(islice(todo, SAMPLE))
        views = [view for placed in few if (view := worker.load(placed).view)]
        size = worker.best_size(views) if views else SAMPLE
        self.manifest.put_note(note, str(size))
        return size, chain(few, todo)

    def _commit(self, outcomes: list[Outcome]) -> None:
        """Keep outcomes and the files that they need at once, then write these."""
        planned: dict[Path, PlannedFile] = {}
        if "txt" in self.job.formats:
            outcomes = [self._with_file(outcome, planned) for outcome in outcomes]
        self.manifest.commit(outcomes, planned.values())
        self.write(planned.values())
        progress = self.progress
        progress.done += len(outcomes)
        progress.computed += sum(outcome.row is not None for outcome in outcomes)
        progress.failed += sum(bool(self.manifest.state(o.key) or o.trouble) for o in outcomes)
        if "copies" in self.job.formats:
            progress.failed += self._copy(outcomes)
        self.report(progress)

    def _copy(self, outcomes: list[Outcome]) -> int:
        """Write the copies of outcomes; return how many cannot be."""
        copies = Copies(self.job.place, self.job.sidecars.target)
        copied: list[tuple[Item, PlannedFile | None, str | None]] = []
        for outcome in outcomes:
            row = partial(self._row, outcome)
            try:
                copied.append((outcome.item, copies.write(outcome, row, self.manifest), None))
            except InterrogatorError as error:
                copied.append((outcome.item, None, str(error)))
        self.manifest.copied(copied)
        return sum(trouble is not None for _, _, trouble in copied)

    def _row(self, outcome: Outcome) -> Row:
        return self.manifest.row(outcome.key) if outcome.row is None else outcome.row

    def _with_file(self, outcome: Outcome, planned: dict[Path, PlannedFile]) -> Outcome:
        """Plan an outcome's file; return it, with the trouble that there is with that."""
        row = partial(self._row, outcome)
        try:
            file = self.job.sidecars.plan(outcome.item, outcome.key, row, self.manifest)
            if file and planned.setdefault(file.path, file).name != outcome.item.name:
                raise shared_name(file.path)
        except InterrogatorError as error:
            return replace(outcome, trouble=str(error))
        return outcome


def dry_run(job: Job, service: Service) -> str:
    """Interrogate a sample and return what all of it would take, in words; nothing is written.

    Raises:
        InterrogatorError: There is nothing to do, or models cannot be had.
    """
    count, few = _sample(job.source, SAMPLE)
    if not few:
        raise InterrogatorError("The source has no pictures. Check its path and --pattern.")
    key = options_key(job.request, service.vocabulary(job.request.names))
    size, each, outcomes = _tried(job, service, key, few)
    failed = sum("error" in outcome.row for outcome in outcomes if outcome.row)
    row = sum(len(json.dumps(outcome.row)) for outcome in outcomes) / len(few)
    disk = row * (MANIFEST_SHARE + ("jsonl" in job.formats)) * count
    if "copies" in job.formats:
        good = [o.item for o in outcomes if o.row and "error" not in o.row]
        disk += sum(len(item.read()) for item in good) / len(few) * count
    return (
        f"{count:,} pictures. A sample of {len(few)} was tried; {failed} of it failed.\n"
        f"Time: ≈ {duration(each * count)}, {1 / each:.1f} pictures a second, {size} at once.\n"
        f"Memory: ≈ {psutil.Process().memory_info().rss / 2**30:.1f} GiB.\n"
        f"Disk: ≈ {disk / 2**20:,.0f} MiB in {job.place}.\n"
        "Nothing was written."
    )


def _tried(
    job: Job, service: Service, key: str, few: list[Placed]
) -> tuple[int, float, list[Outcome]]:
    """Return how many pictures at once, the seconds of each, and what became of a sample."""
    if Turns.are_needed(service, job.request):  # their loading is counted: it comes again
        size, turns, start = job.size or SAMPLE, Turns(service, job.request, key), perf_counter()
        found = list(turns(chunks_of(few, size), lambda known: False, job.threads))
    else:
        interrogator, _ = service.prepare(job.request)
        worker = Worker(interrogator, job.request, key)
        views = [view for placed in few if (view := worker.load(placed).view)]
        size = job.size or (worker.best_size(views) if views else 1)
        start = perf_counter()
        found = [worker.finish(list(map(worker.load, chunk))) for chunk in chunks_of(few, size)]
    return size, (perf_counter() - start) / len(few), [*chain.from_iterable(found)]


def _sample(source: Source, size: int) -> tuple[int, list[Placed]]:
    """Return how many items there are, and some of them by chance (reservoir sampling)."""
    rng, few, count = random.Random(0), list[Placed](), 0
    for count, item in enumerate(source.items(), 1):
        if len(few) < size:
            few.append((count - 1, item))
        elif (place := rng.randrange(count)) < size:
            few[place] = count - 1, item
    return count, sorted(few, key=lambda placed: placed[0])


def duration(seconds: float) -> str:
    """Return a time as it is said: 40 s, 5 min, 3.5 h, 12 days."""
    for unit, length, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 86_400:.3g} days"
