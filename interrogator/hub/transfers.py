"""Each repository is downloaded once at a time, whoever asks; all who wait see its progress."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from interrogator.errors import InterrogatorError
from interrogator.hub.client import ProgressCallback, RemoteFile, Repository
from interrogator.hub.download import download

log = logging.getLogger(__name__)

NEWS_SECONDS = 0.2  # how often one who waits looks for news


@dataclass
class _Transfer:
    """A download that runs in a thread of its own; fields are set by it alone."""

    said: tuple[str, float | None] = ("Asking the hub for the models", None)
    folder: Path | None = None
    error: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, repository: Repository, files: list[RemoteFile]) -> None:
        try:
            self.folder = download(repository, files, self._hear)
        except Exception as error:  # carried over to those who wait, and raised there
            self.error = error
        finally:
            self.over.set()

    def _hear(self, text: str, share: float | None) -> None:
        self.said = text, share


class Transfers:
    """Downloads that run in the background; who leaves does not end them for the others."""

    def __init__(self) -> None:
        self._running: dict[str, _Transfer] = {}
        self._lock = threading.Lock()  # for the dictionary, never held for long

    def fetch(
        self,
        repositories: list[Repository],
        files: list[RemoteFile],
        report: ProgressCallback,
        end: float | None = None,
    ) -> dict[str, Path]:
        """Return the local folder of each repository by name, downloading what is missing.

        Args:
            repositories: What to download, one after the other.
            files: What `hub.survey` found of them.
            report: Told how far it is.
            end: Until when they are waited for, by the monotonic clock; None: until they are done.

        Raises:
            InterrogatorError: A download failed, or that time has come and it goes on alone.
        """
        return {
            repository.name: self._wait(self._start(repository, files), report, end)
            for repository in repositories
        }

    def _start(self, repository: Repository, files: list[RemoteFile]) -> _Transfer:
        """Return the download of a repository that runs already, or one that begins now."""
        with self._lock:
            transfer = self._running.get(repository.name)
            if transfer is None:
                transfer = self._running[repository.name] = _Transfer()
                work = lambda: self._run(transfer, repository, files)  # noqa: E731
                threading.Thread(target=work, daemon=True).start()
            return transfer

    def _run(self, transfer: _Transfer, repository: Repository, files: list[RemoteFile]) -> None:
        try:
            transfer.run(repository, files)
        finally:
            with self._lock:
                del self._running[repository.name]

    def _wait(self, transfer: _Transfer, report: ProgressCallback, end: float | None) -> Path:
        told = None
        while not transfer.over.wait(NEWS_SECONDS):
            if end is not None and time.monotonic() > end:
                raise InterrogatorError(
                    f"{transfer.said[0]}. This goes on without you: ask again in a while."
                )
            if transfer.said != told:
                told = transfer.said
                report(*told)
        if transfer.said != told:
            report(*transfer.said)  # that all of it is here
        if isinstance(transfer.error, InterrogatorError):
            raise InterrogatorError(str(transfer.error)) from transfer.error
        if transfer.error:
            raise transfer.error
        assert transfer.folder is not None
        return transfer.folder
