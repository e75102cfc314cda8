"""Brings a repository's files here: resumed where they were cut, checked, once for all who wait.

What has arrived of a file is kept as `<checksum>.incomplete` beside the blobs of the hub's cache,
the next attempt asks for the rest, and a file enters the cache only when its checksum is right.

`huggingface_hub` forgets a cut download since 1.18 and checks sizes only
(https://github.com/huggingface/huggingface_hub/issues/4196). When that is mended, replace
everything from `_fetch` to `_link` by `hf_hub_download`. Where nothing is to be resumed it is no
faster: 300 MiB over loopback take it 1.4 times as long. Through hf_xet it was not measured, which
needs a storage server.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
import time
import uuid
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.hub.client import ProgressCallback, RemoteFile, Repository

log = logging.getLogger(__name__)

ATTEMPTS = 5  # in a row that may bring nothing new
PAUSE_SECONDS = 0.5  # after the first of them; doubled after each further one
SILENCE_SECONDS = 20.0  # without a byte, after which a connection counts as cut
POLL_SECONDS = 0.2  # between two looks at a download of another thread or process
SPARE_BYTES = 200 * 10**6  # of the disk that a download leaves free
_RETRY = (0, 408, 416, 429, 500, 502, 503, 504)  # HTTP statuses that may be over soon; 0: none
_FULL = (errno.ENOSPC, errno.EDQUOT)


class _CutError(Exception):
    """An answer ended before the file did, or was not the part that was asked for."""


@dataclass
class _Transfer:
    """The download of one repository in a thread of its own: its latest news and its end."""

    news: tuple[str, float | None] = ("Asking the hub for the models", None)
    folder: Future[Path] = field(default_factory=Future)

    def run(self, repository: Repository, files: list[RemoteFile]) -> None:
        try:
            self.folder.set_result(download(repository, files, self._keep))
        except Exception as error:  # raised again in every thread that waits
            self.folder.set_exception(error)

    def _keep(self, text: str, share: float | None) -> None:
        self.news = text, share


class Transfers:
    """Downloads in the background, one per repository, shared by all threads that wait for it.

    A thread that stops waiting does not end a download for the others.
    """

    def __init__(self) -> None:
        self._transfers: dict[str, _Transfer] = {}  # the latest of each repository
        self._lock = threading.Lock()  # for the dictionary, never held for long

    def fetch(
        self, repositories: list[Repository], files: list[RemoteFile], report: ProgressCallback,
        end: float | None = None,
    ) -> dict[str, Path]:  # fmt: skip
        """Return the local folder of each repository by name, downloading what is missing.

        Args:
            repositories: What to download, one after the other.
            files: What `client.survey` found of them.
            report: Called with the progress.
            end: The end of waiting, by the monotonic clock; None: when the downloads end.

        Raises:
            InterrogatorError: A download failed, or it goes on beyond that time.
        """
        return {
            repository.name: self._wait(self._start(repository, files), report, end)
            for repository in repositories
        }

    def _start(self, repository: Repository, files: list[RemoteFile]) -> _Transfer:
        """Return the running download of a repository, or start one."""
        with self._lock:
            transfer = self._transfers.get(repository.name)
            if transfer is None or transfer.folder.done():
                transfer = self._transfers[repository.name] = _Transfer()
                work = (repository, files)
                threading.Thread(target=transfer.run, args=work, daemon=True).start()
            return transfer

    def _wait(self, transfer: _Transfer, report: ProgressCallback, end: float | None) -> Path:
        news = None
        while True:
            done, _ = wait([transfer.folder], POLL_SECONDS)
            if transfer.news != news:
                news = transfer.news
                report(*news)
            if done:
                return transfer.folder.result()
            if end is not None and time.monotonic() > end:
                raise InterrogatorError(
                    f"{transfer.news[0]}. This goes on without you: ask again in a while."
                )


@dataclass
class _Progress:
    """Reports how much has arrived of a repository's missing files, together `total` bytes."""

    repository: str
    total: int
    report: ProgressCallback
    finished: int = 0  # bytes of files that are complete

    def __call__(self, have: int) -> None:
        done = self.finished + have
        text = f"Downloading {self.repository}: {done / 1e6:,.0f} of {self.total / 1e6:,.0f} MB"
        self.report(text, min(1.0, done / self.total) if self.total else None)


def download(repository: Repository, files: list[RemoteFile], report: ProgressCallback) -> Path:
    """Download what is missing of one repository and return its snapshot folder.

    Args:
        repository: Which.
        files: What `client.survey` found of it, and perhaps of others.
        report: Called as bytes arrive.

    Raises:
        InterrogatorError: The connection failed, what came is damaged, or the disk is full.
    """
    found = [file for file in files if file.repository == repository.name]
    commit, folder = found[0].commit, repository.folder
    if any(file.commit != commit for file in found):
        raise InterrogatorError(
            f"{repository.name} changed on the hub while it was asked for. Try again."
        )
    snapshot = folder / "snapshots" / commit
    absent = [file for file in found if not (snapshot / file.name).exists()]
    missing = [(file, folder / "blobs" / file.blob_name) for file in absent]
    progress = _Progress(repository.name, sum(file.size for file in absent), report)
    try:
        _check_space(repository, missing)
        for file, blob in missing:
            _fetch(file, blob, progress)
            _link(blob, snapshot / file.name)
            progress.finished += file.size
        if repository.revision != commit:  # so that it can be resolved without the hub
            ref = folder / "refs" / repository.revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(commit)
    except OSError as error:
        raise _disk_failure(repository.name, error) from error
    return snapshot


def _check_space(repository: Repository, missing: list[tuple[RemoteFile, Path]]) -> None:
    needed = sum(file.size - _size(_partial(blob)) for file, blob in missing if not blob.exists())
    cache = next(p for p in (repository.folder, *repository.folder.parents) if p.exists())
    free = shutil.disk_usage(cache).free
    if needed > 0 and free < needed + SPARE_BYTES:
        raise InterrogatorError(
            f"The disk is too full for {repository.name}: {needed / 1e9:.1f} GB are to be stored "
            f"in {constants.HF_HUB_CACHE}, and {free / 1e9:.1f} GB are free. "
            "Free some space or point HF_HOME at another disk."
        )


def _disk_failure(repository: str, error: OSError) -> InterrogatorError:
    if error.errno in _FULL:
        return InterrogatorError(
            f"The disk is full: {repository} could not be stored in {constants.HF_HUB_CACHE}. "
            "Free some space or point HF_HOME at another disk, and try again."
        )
    return InterrogatorError(
        f"{repository} cannot be stored in {constants.HF_HUB_CACHE}: "
        f"{error.strerror or error}. Point HF_HOME at a folder that can be written."
    )


def _partial(blob: Path) -> Path:
    return blob.with_name(blob.name + ".incomplete")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch(file: RemoteFile, blob: Path, progress: _Progress) -> None:
    """Bring one file into the cache, once for all processes of this machine."""
    blob.parent.mkdir(parents=True, exist_ok=True)
    # The lock of the hub's client, so that it and this program wait for each other.
    locks = Path(constants.HF_HUB_CACHE) / ".locks" / blob.parents[1].name
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"{blob.name}.lock")
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL_SECONDS)
        except Timeout:
            progress.report(f"Another program downloads {file.repository}: waiting for it", None)
    try:
        if not blob.exists():
            _receive(file, _partial(blob), progress)
            _partial(blob).replace(blob)  # a reader sees all of a file or none
    finally:
        lock.release()


def _receive(file: RemoteFile, partial: Path, progress: _Progress) -> None:
    """Complete what has arrived of a file, in as many attempts as bring something new; check it."""
    failures, longest = 0, _size(partial)
    while True:
        try:
            _append(file, partial, progress)
            break
        except Exception as error:  # the client and its HTTP library each have their own
            if isinstance(error, OSError) and not isinstance(error, HfHubHTTPError):
                if error.errno in _FULL:  # every program on this disk needs the space now
                    partial.unlink(missing_ok=True)
                raise
            have = _size(partial)
            failures, longest = 1 if have > longest else failures + 1, max(longest, have)
            if client.http_status(error) == 416:  # nothing follows: what is here is another file's
                partial.unlink(missing_ok=True)
            log.warning("downloading %s of %s broke off: %r", file.name, file.repository, error)
            _pause(file.repository, error, failures)
    if not client.is_intact(partial, file.size, file.checksum):
        partial.unlink()
        raise InterrogatorError(
            f"{file.name} of {file.repository} arrived damaged: it is not what the hub announced. "
            "It was thrown away; try again."
        )


def _pause(repository: str, error: Exception, failures: int) -> None:
    """Wait before the next attempt, or raise where there is to be none."""
    status = client.http_status(error)
    if status not in _RETRY:
        raise client.refusal(repository, error) from error
    if failures >= ATTEMPTS:
        reason = f"the hub answered {status}" if status else type(error).__name__.strip("_")
        raise InterrogatorError(
            f"The download of {repository} broke off ({reason}). "
            "Try again: it goes on where it stopped."
        ) from error
    time.sleep(PAUSE_SECONDS * 2 ** (failures - 1))


def _append(file: RemoteFile, partial: Path, progress: _Progress) -> None:
    """Append the rest of a file, or write all of it where the hub cannot resume."""
    with partial.open("ab") as out:
        have = out.tell()
        if have >= file.size:
            return
        with file.stream(SILENCE_SECONDS, have) as response:
            part = response.headers.get("Content-Range", "")
            resumed = response.status_code == 206 and part.startswith(f"bytes {have}-")
            if have and not resumed:
                out.truncate(0)
                have = 0
                if response.status_code == 206:  # another part than that: ask for all of it
                    raise _CutError
            for chunk in response.iter_bytes():  # written as they arrive, so that a cut loses none
                out.write(chunk)
                have += len(chunk)
                progress(have)
                if have > file.size:
                    return  # an endless answer must not fill the disk
    if have < file.size:
        raise _CutError


def _link(blob: Path, pointer: Path) -> None:
    """Show a blob in a snapshot, by a link or, on a file system without links, by a copy."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temporary = pointer.with_name(f"{pointer.name}.{uuid.uuid4().hex}.incomplete")
    try:
        try:
            temporary.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError:
            shutil.copyfile(blob, temporary)
        temporary.replace(pointer)  # half a copy would be taken for all of it
    finally:
        temporary.unlink(missing_ok=True)
