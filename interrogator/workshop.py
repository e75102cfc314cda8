"""Models + vocabulary → an `Interrogator`, prepared once and kept for the next request."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from interrogator.catalogue import ModelNames
from interrogator.embeddings import Table, table_for
from interrogator.hub import Report
from interrogator.models import ModelStore
from interrogator.pipeline import Interrogator
from interrogator.runtime import Runtime, choose_runtime
from interrogator.vocabulary import read_folder, vocabulary_for

KEPT_TABLES = 4  # vocabularies in memory at once


def _silent(text: str, share: float | None) -> None:
    """Report nothing."""


class Workshop:
    """What a server or a command keeps between pictures.

    One per process, passed down; nothing in it changes under a request that already runs.
    """

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or choose_runtime()
        self.store = ModelStore(self.runtime)
        self._tables: dict[tuple[str, str], Table] = {}
        self._lock = threading.Lock()

    def prepare(
        self, names: ModelNames, lists: Path | str | None = None, report: Report = _silent
    ) -> tuple[Interrogator, dict[str, float]]:
        """Return an interrogator and what preparing it took, by step, in seconds.

        Args:
            names: Which models.
            lists: A folder of phrase lists in place of ours.
            report: Told what is being downloaded, loaded or encoded.

        Raises:
            InterrogatorError: Models or lists cannot be had; in a sentence.
        """
        seconds: dict[str, float] = {}
        # Lists are read first: a mistake in a path should not cost a download.
        vocabulary = read_folder(lists) if lists else vocabulary_for(names)
        start, ready = time.perf_counter(), self.store.is_loaded(names)
        models = self.store.load(names, report)
        if not ready:
            seconds["load"] = time.perf_counter() - start
        with self._lock:
            key = (models.clip.fingerprint, vocabulary.sha256)
            if key not in self._tables:
                start = time.perf_counter()
                table = table_for(vocabulary, models.clip, report)
                seconds["vocabulary"] = time.perf_counter() - start
                self._tables = dict(list(self._tables.items())[1 - KEPT_TABLES :])
                self._tables[key] = table
            return Interrogator(models, self._tables[key]), seconds
