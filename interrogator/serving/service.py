"""What a server, a command or a program keeps between pictures: models, tables, lists.

Models + vocabulary + policy → an `Interrogator`, prepared once and kept for the next request.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.explanation import Judge
from interrogator.hub.client import ProgressCallback
from interrogator.models.loading import Models
from interrogator.models.registry import EMBEDDED, ModelNames
from interrogator.models.store import DefaultModels, ModelStore
from interrogator.networks.runtime import Runtime
from interrogator.pipeline import Interrogator
from interrogator.prompts.table import Table, table_for
from interrogator.request import Request
from interrogator.result import Analysis, Interrogation, PictureFeatures, PromptScore
from interrogator.serving.background import Progress, wait_for
from interrogator.serving.guard import Guard, give_back
from interrogator.serving.price import (
    HOLD_SECONDS,
    check_price,
    price_of,
    sizes_of,
    within_time,
)
from interrogator.serving.zerogpu import GPU_SECONDS, gpu_seconds, on_zerogpu, with_gpu
from interrogator.vocabulary.artists import NameFinder
from interrogator.vocabulary.lists import Vocabulary, built_in, read_folder
from interrogator.vocabulary.policy import Policy

log = logging.getLogger(__name__)

Kept = TypeVar("Kept")

MOST_KEPT = 4  # of each: vocabularies, their tables, and both narrowed by a policy


def ignore_progress(text: str, share: float | None) -> None:
    """Report nothing."""


class Service:
    """Interrogates, analyzes and scores; keeps what the next picture can use.

    One per process, passed down; nothing in it changes under a request that already runs.
    """

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.store = ModelStore(runtime)
        self.defaults = DefaultModels()
        self.warming: Progress | None = None  # what is being loaded ahead of the first visitor
        self._vocabularies: dict[Hashable, Vocabulary] = {}
        self._tables: dict[Hashable, Table] = {}
        self._narrowed: dict[Hashable, Table] = {}
        self._begun: dict[Hashable, list[torch.Tensor]] = {}  # blocks of tables
        self._allowed: dict[Hashable, tuple[NDArray[np.bool_], NameFinder | None]] = {}
        self._make_locks()
        if on_zerogpu():  # a process forked while a lock is held would wait for it for ever
            os.register_at_fork(after_in_child=self._make_locks)
        self._guard = Guard(HOLD_SECONDS, self.forget, self.leave_device)
        brief = lambda *_: GPU_SECONDS  # noqa: E731
        self._interrogate_on_gpu = with_gpu(self._interrogate, gpu_seconds)
        self._analyze_on_gpu = with_gpu(self._analyze, brief)
        self._score_on_gpu = with_gpu(self._score, brief)
        self._ask_on_gpu = with_gpu(self._ask, brief)

    def _make_locks(self) -> None:
        self._lock = threading.Lock()  # held while phrases are encoded, which may take minutes
        self._quick_lock = threading.Lock()  # for what takes no time

    def fetch(
        self,
        request: Request,
        report: ProgressCallback = ignore_progress,
        patience: float | None = None,
    ) -> None:
        """Bring the files of a request's models to this machine; nothing is loaded or computed.

        Args:
            request: Names the models and the judge.
            report: Called with what is being downloaded.
            patience: For how many seconds downloads are waited for; they go on afterwards.

        Raises:
            InterrogatorError: They cannot be had, or not yet.
        """
        self.store.fetch(request.names, request.judge, report, patience)

    def interrogate(
        self, picture: Image.Image, request: Request, features: PictureFeatures | None = None
    ) -> Iterator[Progress | Interrogation]:
        """Yield what is going on, then each state of an interrogation, the finished one last.

        It computes on a GPU where one is lent. One computation at a time, or they slow each other
        down.

        Args:
            picture: RGB, as `decode.read` returns it.
            request: What is wanted.
            features: What an earlier interrogation saw in it.

        Raises:
            InterrogatorError: Models, lists or settings are at fault; in a sentence.
        """
        yield from self._guarded(self._interrogate_on_gpu(picture, request, features))

    def analyze(
        self, picture: Image.Image, request: Request, top: int
    ) -> Iterator[Progress | Analysis]:
        """Yield what is going on, then caption and the `top` phrases of each list."""
        yield from self._guarded(self._analyze_on_gpu(picture, request, top))

    def score(
        self,
        picture: Image.Image,
        request: Request,
        prompt: str,
        features: PictureFeatures | None = None,
    ) -> Iterator[Progress | PromptScore]:
        """Yield what is going on, then how similar a prompt is to the picture."""
        yield from self._guarded(self._score_on_gpu(picture, request, prompt, features))

    def ask(
        self, request: Request, question: Callable[[Interrogator], Kept]
    ) -> Iterator[Progress | Kept]:
        """Yield what is going on, then the answer to a question of `insight`.

        Args:
            request: Which models and lists.
            question: Called with the interrogator; where a GPU is lent it is pickled, so a partial
                of a module's function.
        """
        yield from self._guarded(self._ask_on_gpu(request, question))

    def ask_steps(
        self, request: Request, question: Callable[[Interrogator], Iterator[Kept]]
    ) -> Iterator[Progress | Kept]:
        """Yield what is going on, then every step of the answer; else as `ask`."""
        yield from self._guarded(self._ask_on_gpu(request, question))

    def _ask(self, request: Request, question: Callable[[Interrogator], Any]) -> Iterator[Any]:
        interrogator, _ = yield from self._prepared(request)
        answer = question(interrogator)
        yield from answer if isinstance(answer, Iterator) else [answer]

    def _interrogate(
        self, picture: Image.Image, request: Request, features: PictureFeatures | None
    ) -> Iterator[Progress | Interrogation]:
        interrogator, seconds = yield from self._prepared(request)
        yield Progress("Writing the caption")
        yield from interrogator.steps(picture, within_time(request.settings), seconds, features)

    def _analyze(
        self, picture: Image.Image, request: Request, top: int
    ) -> Iterator[Progress | Analysis]:
        interrogator, seconds = yield from self._prepared(request)
        yield interrogator.analyze(picture, top, request.settings, seconds)

    def _score(
        self,
        picture: Image.Image,
        request: Request,
        prompt: str,
        features: PictureFeatures | None,
    ) -> Iterator[Progress | PromptScore]:
        interrogator, _ = yield from self._prepared(request, prompt)
        yield interrogator.score(picture, prompt, features)

    def _guarded(self, results: Iterator[Kept]) -> Iterator[Kept]:
        """Yield what a computation does; it ends in time. A lent GPU is taken back by itself."""
        return results if on_zerogpu() else self._guard.watch(results)

    def _prepared(self, request: Request, prompt: str = ""):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """Yield progress; return what `prepare` does, if the request is affordable."""

        def affordable(models: Models) -> None:
            check_price(price_of(request, sizes_of(models), prompt))

        return (yield from wait_for(lambda report: self.prepare(request, report, affordable)))

    def forget(self) -> None:
        """Let go of all that is kept, and give its memory back; the next request has it anew."""
        self.store.forget()
        with self._quick_lock:
            self._allowed.clear()
        for kept in (self._tables, self._narrowed, self._begun):
            kept.clear()
        give_back()

    def leave_device(self) -> None:
        """Compute on the processor from now on: the GPU has failed."""
        self.store.leave_device()
        self.forget()

    def prepare(
        self,
        request: Request,
        report: ProgressCallback = ignore_progress,
        check: Callable[[Models], None] = lambda models: None,
        models: Models | None = None,
    ) -> tuple[Interrogator, dict[str, float]]:
        """Return an interrogator and what preparing it took, by step, in seconds.

        Args:
            request: Which models, lists and judge.
            report: Called with what is being downloaded, loaded or encoded.
            check: Called with the models before anything is computed; it may refuse.
            models: The request's models, where they are loaded already.

        Raises:
            InterrogatorError: Models cannot be had, or nothing is left of the lists.
        """
        seconds: dict[str, float] = {}
        ours = self.vocabulary(request.names)
        # Bans are read first: a mistake in them should not cost a download.
        mask, forbidden = self._allowed_rows(request.words.whole(ours), request.words.policy)
        start, ready = time.perf_counter(), self.store.is_loaded(request.names)
        models = models or self.store.load(request.names, report)
        check(models)
        judge = None
        if request.judge:
            clip = self.store.load_judge(request.judge, request.names, report)
            judge = Judge(request.judge, clip)
        if not ready:
            seconds["load"] = time.perf_counter() - start
        with self._lock:
            start, known = time.perf_counter(), set(self._tables)
            table = self._table(request, models, mask, report)
            if not known.issuperset(self._tables):
                seconds["vocabulary"] = time.perf_counter() - start
        return Interrogator(models, table, judge, forbidden), seconds

    def whole_table(self, request: Request) -> Table:
        """Return our lists as a request's CLIP sees them, whatever may stand in a prompt."""
        models = self.store.load(request.names)
        return self._encoded(self.vocabulary(request.names), models, ignore_progress, True)

    def warm_up(self) -> None:
        """Load the default models and their table in the background, for the first visitor.

        Where a GPU is lent, the process that serves pages has none to load them to.
        """
        if on_zerogpu():
            return
        threading.Thread(target=self._warm_up, daemon=True).start()

    def _warm_up(self) -> None:
        def report(text: str, share: float | None) -> None:
            self.warming = Progress(text, share)

        try:
            self.prepare(Request(self.defaults.current()[0]), report)
        except InterrogatorError as error:  # the first visitor gets the sentence
            log.warning("nothing was loaded ahead: %s", error)
        except Exception:
            log.exception("nothing was loaded ahead")
            self.forget()
        finally:
            self.warming = None

    def vocabulary(self, names: ModelNames) -> Vocabulary:
        """Return our lists for some models, read once."""
        with self._quick_lock:
            return _kept(self._vocabularies, names.embedded_clip, lambda: vocabulary_for(names))

    def _allowed_rows(
        self, vocabulary: Vocabulary, policy: Policy
    ) -> tuple[NDArray[np.bool_], NameFinder | None]:
        """Return which rows may stand in a prompt, and whom no caption may name."""
        key = (vocabulary.sha256, frozenset(vocabulary.artists.items()), policy)
        with self._quick_lock:
            make = lambda: (policy.allowed(vocabulary), policy.names_to_avoid(vocabulary))  # noqa: E731
            return _kept(self._allowed, key, make)

    def _table(
        self, request: Request, models: Models, mask: NDArray[np.bool_], report: ProgressCallback
    ) -> Table:
        """Return the vocabulary as the CLIP sees it, narrowed to what may stand in a prompt."""
        words, ours = request.words, self.vocabulary(request.names)
        base, keep = (words.base, request.keep_tables) if words.base else (None, True)
        table = self._encoded(base.vocabulary if base else ours, models, report, keep)
        if words.added:
            own = self._encoded(words.added.vocabulary, models, report, request.keep_tables)
            table = table.plus(own)
        whole = words.whole(ours)
        table = replace(table, vocabulary=whole)
        key = (models.clip.fingerprint, whole.sha256, mask.tobytes())
        return _kept(self._narrowed, key, lambda: table.only(mask))

    def _encoded(
        self, vocabulary: Vocabulary, models: Models, report: ProgressCallback, keep: bool
    ) -> Table:
        key = (models.clip.fingerprint, vocabulary.sha256)

        def make() -> Table:
            begun = _kept(self._begun, key, list)
            return table_for(vocabulary, models.clip, report, keep=keep, begun=begun)

        return _kept(self._tables, key, make)


def vocabulary_for(names: ModelNames) -> Vocabulary:
    """Return our lists; for the embedded CLIP, the words that it was taught."""
    return read_folder(EMBEDDED / "vocabulary", "demo") if names.embedded_clip else built_in()


def _kept(store: dict[Hashable, Kept], key: Hashable, make: Callable[[], Kept]) -> Kept:
    """Return what is stored under a key, or make and store it; what was stored first goes first."""
    if key not in store:
        value = make()
        while len(store) >= MOST_KEPT:
            del store[next(iter(store))]
        store[key] = value
    return store[key]
