"""Models + vocabulary + policy → an `Interrogator`, prepared once and kept for the next request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from interrogator.background import Done, Job, Progress, waiting
from interrogator.hub.client import ProgressCallback
from interrogator.models.loading import Models
from interrogator.models.registry import ModelNames
from interrogator.models.store import ModelStore
from interrogator.networks.runtime import Runtime
from interrogator.pipeline import Interrogator
from interrogator.prompts.table import Table, table_for
from interrogator.result import Interrogation
from interrogator.vocabulary.artists import NameFinder
from interrogator.vocabulary.lists import Vocabulary, read_folder, vocabulary_for
from interrogator.vocabulary.policy import Policy, default_policy
from interrogator.zerogpu import on_zerogpu, with_gpu

Kept = TypeVar("Kept")
Made = Progress | Interrogation | dict[str, Any]

# For how long a GPU is asked where one is lent: loading and a search, with room. Estimates.
GPU_SECONDS = 40
GPU_SEARCH_SECONDS = 20
GPU_MOST_SECONDS = 120
KEPT_TABLES = 4  # vocabularies in memory at once; and as many narrowed by a policy


def _silent(text: str, share: float | None) -> None:
    """ProgressCallback nothing."""


class Service:
    """What a server or a command keeps between pictures.

    One per process, passed down; nothing in it changes under a request that already runs.
    """

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.store = ModelStore(runtime)
        self._ours: dict[Hashable, Vocabulary] = {}
        self._tables: dict[Hashable, Table] = {}
        self._narrowed: dict[Hashable, Table] = {}
        self._ruled: dict[Hashable, tuple[NDArray[np.bool_], NameFinder | None]] = {}
        self._make_locks()
        if on_zerogpu():  # a process forked while a lock is held would wait for it for ever
            os.register_at_fork(after_in_child=self._make_locks)
        self._compute = with_gpu(self._work, gpu_seconds)

    def _make_locks(self) -> None:
        self._lock = threading.Lock()  # held while phrases are encoded, which may take minutes
        self._quick_lock = threading.Lock()  # for what takes no time

    def fetch(
        self,
        names: ModelNames,
        judge: str | None = None,
        report: ProgressCallback = _silent,
        patience: float | None = None,
    ) -> None:
        """Bring the files of models to this machine; nothing is loaded or computed.

        Args:
            names: Which models.
            judge: The name of a second CLIP.
            report: Told what is being downloaded.
            patience: For how many seconds downloads are waited for; they go on afterwards.

        Raises:
            InterrogatorError: They cannot be had, or not yet.
        """
        self.store.fetch(names, judge, report, patience)

    def work(self, job: Job) -> Iterator[Made]:
        """Do a job, with a GPU where one is lent; one at a time, or they slow each other down.

        Yields:
            What is going on, and each state of an interrogation; an analysis at once; for a score
            its JSON.

        Raises:
            InterrogatorError: Models, lists or settings are at fault; in a sentence.
        """
        yield from self._compute(job)

    def _work(self, job: Job) -> Iterator[Made]:
        prepare = lambda report: self.prepare(  # noqa: E731
            job.names, lists=job.lists, report=report, own=job.own, policy=job.policy,
            keep=job.keep, judge=job.judge,
        )  # fmt: skip
        for told in waiting(prepare):
            if not isinstance(told, Done):
                yield told
                continue
            interrogator, seconds = told.result
            if job.task == "analyze":
                yield interrogator.analyze(job.picture, job.top)
            elif job.task == "score":
                yield interrogator.score(job.picture, job.prompt)
            else:
                yield Progress("Writing the caption")
                yield from interrogator.steps(job.picture, job.settings, seconds, job.seen)

    def prepare(
        self,
        names: ModelNames,
        lists: Path | str | Vocabulary | None = None,
        report: ProgressCallback = _silent,
        *,
        own: Vocabulary | None = None,
        policy: Policy | None = None,
        keep: bool = True,
        judge: str | None = None,
    ) -> tuple[Interrogator, dict[str, float]]:
        """Return an interrogator and what preparing it took, by step, in seconds.

        Args:
            names: Which models.
            lists: Phrase lists, or a folder of them, in place of ours.
            report: Told what is being downloaded, loaded or encoded.
            own: Phrase lists to add.
            policy: What may stand in a prompt; the default one if absent.
            keep: Whether the tables of lists that are not ours may be kept on disk.
            judge: The name of a second CLIP, to score the finished prompts.

        Raises:
            InterrogatorError: Models or lists cannot be had, or nothing is left of the lists.
        """
        seconds: dict[str, float] = {}
        # Lists and bans are read first: a mistake in them should not cost a download.
        if not isinstance(lists, Vocabulary | None):
            lists = read_folder(lists)
        base = lists or self.vocabulary(names)
        whole = base.plus(own) if own else base
        mask, unnamed = self._rule(whole, policy or default_policy())
        start, ready = time.perf_counter(), self.store.is_loaded(names)
        models = self.store.load(names, report)
        judging = self.store.load_judge(judge, names, report) if judge else None
        if not ready:
            seconds["load"] = time.perf_counter() - start
        with self._lock:
            start, known = time.perf_counter(), set(self._tables)
            table = self._table(base, models, report, keep or not lists)
            if own:
                table = table.plus(self._table(own, models, report, keep))
            table = Table(whole, table.matrix, table.neutral)
            key = (models.clip.fingerprint, whole.sha256, mask.tobytes())
            table = _kept(self._narrowed, key, lambda: table.only(mask))
            if not known.issuperset(self._tables):
                seconds["vocabulary"] = time.perf_counter() - start
        second = (judge, judging) if judge and judging else None
        return Interrogator(models, table, second, unnamed), seconds

    def vocabulary(self, names: ModelNames) -> Vocabulary:
        """Return our lists for some models, read once."""
        with self._quick_lock:
            return _kept(self._ours, names.embedded_clip, lambda: vocabulary_for(names))

    def _rule(
        self, vocabulary: Vocabulary, policy: Policy
    ) -> tuple[NDArray[np.bool_], NameFinder | None]:
        """Return which rows may stand in a prompt, and whom no caption may name."""
        key = (vocabulary.sha256, frozenset(vocabulary.artists.items()), policy)
        with self._quick_lock:
            make = lambda: (policy.allowed(vocabulary), policy.names_to_avoid(vocabulary))  # noqa: E731
            return _kept(self._ruled, key, make)

    def _table(
        self, vocabulary: Vocabulary, models: Models, report: ProgressCallback, keep: bool
    ) -> Table:
        key = (models.clip.fingerprint, vocabulary.sha256)
        make = lambda: table_for(vocabulary, models.clip, report, keep=keep)  # noqa: E731
        return _kept(self._tables, key, make)


def gpu_seconds(job: Job) -> int:
    """Return for how long a GPU is asked for a job, where one is lent."""
    searches = (job.settings.mode in ("best", "negative")) + job.settings.with_negative
    extra = GPU_SEARCH_SECONDS * searches if job.task == "interrogate" else 0
    if extra and job.settings.seconds:
        extra = round(job.settings.seconds)
    return min(GPU_SECONDS + extra, GPU_MOST_SECONDS)


def _kept(store: dict[Hashable, Kept], key: Hashable, make: Callable[[], Kept]) -> Kept:
    """Return what is stored under a key, or make and store it; the oldest go."""
    if key not in store:
        made = make()
        while len(store) >= KEPT_TABLES:
            del store[next(iter(store))]
        store[key] = made
    return store[key]
