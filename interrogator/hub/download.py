"""Downloads of one repository: resumed where they were cut, checked, and put into the hub's cache.

The hub's own client forgets what arrived of a file when a download is cut, and checks sizes only.
Here what arrived is kept as `<checksum>.incomplete` beside the cache's other blobs, the next
attempt asks for the rest, and a file enters the cache only when its checksum is the announced one.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import Timeout
from huggingface_hub import constants, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    hf_raise_for_status,
)

from interrogator.errors import InterrogatorError
from interrogator.hub.cache import Store, is_checksum
from interrogator.hub.client import ProgressCallback, RemoteFile, Repository, refusal

log = logging.getLogger(__name__)

ATTEMPTS = 5  # in a row that may bring nothing
PAUSE_SECONDS = 0.5  # after the first of them; doubled after each further one
SILENCE_SECONDS = 20.0  # without a byte, after which a connection counts as cut
CHUNK = 2**20  # bytes read at once where a checksum is computed
SPARED = 200 * 10**6  # bytes of the disk that a download leaves free
_TRY_AGAIN = (408, 429, 500, 502, 503, 504)  # HTTP statuses that may be over soon
_FULL = (errno.ENOSPC, errno.EDQUOT)


class _NothingCame(Exception):  # noqa: N818 (never leaves this file)
    """The hub ended an answer before its first byte."""


def download(repository: Repository, files: list[RemoteFile], report: ProgressCallback) -> Path:
    """Download what is missing of one repository and return its snapshot folder.

    Args:
        repository: Which.
        files: What `hub.survey` found of it, and perhaps of others.
        report: Called as bytes arrive.

    Raises:
        InterrogatorError: The connection failed, what came is damaged, or the disk is full.
    """
    mine = [file for file in files if file.repository == repository.name]
    store, commit = Store.of(repository), mine[0].commit
    if any(file.commit != commit for file in mine):
        raise InterrogatorError(
            f"{repository.name} changed on the hub while it was asked for. Try again."
        )
    missing = [file for file in mine if not store.pointer(file).exists()]
    total = sum(file.size for file in missing)
    try:
        _check_room(repository, store, missing)
        before = 0
        for file in missing:
            _fetch(repository, store, file, _Progress(repository.name, before, total, report))
            store.link(file)
            before += file.size
        store.remember(repository.revision, commit)
    except OSError as error:
        raise _disk_failure(repository.name, error) from error
    return store.folder / "snapshots" / commit


@dataclass(frozen=True)
class _Progress:
    """Tells how much of a repository has arrived."""

    repository: str
    before: int  # bytes of earlier files
    total: int
    report: ProgressCallback

    def __call__(self, have: int) -> None:
        done = self.before + have
        text = f"Downloading {self.repository}: {done / 1e6:,.0f} of {self.total / 1e6:,.0f} MB"
        self.report(text, min(1.0, done / self.total) if self.total else None)


def _check_room(repository: Repository, store: Store, missing: list[RemoteFile]) -> None:
    blobs = [(file.size, store.blob(file)) for file in missing]  # of another commit, perhaps
    needed = sum(size - _size(_partial(blob)) for size, blob in blobs if not blob.exists())
    cache = next(p for p in (store.folder, *store.folder.parents) if p.exists())
    free = shutil.disk_usage(cache).free
    if needed > 0 and free < needed + SPARED:
        raise InterrogatorError(
            f"The disk is too full for {repository.name}: {needed / 1e9:.1f} GB are to be stored "
            f"in {constants.HF_HUB_CACHE}, and {free / 1e9:.1f} GB are free. "
            "Free some space or point HF_HOME at another disk."
        )


def _fetch(repository: Repository, store: Store, file: RemoteFile, progress: _Progress) -> None:
    """Bring one file into the cache, once for all processes of this machine."""
    blob = store.blob(file)
    blob.parent.mkdir(parents=True, exist_ok=True)
    lock = store.lock(file)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=1)
        except Timeout:
            progress.report(f"Another program downloads {repository.name}: waiting for it", None)
    with lock:
        lock.release()  # `with` holds it a second time
        if not blob.exists():
            _receive_whole(repository, file, _partial(blob), progress)
            _partial(blob).replace(blob)


def _receive_whole(
    repository: Repository, file: RemoteFile, partial: Path, progress: _Progress
) -> None:
    try:
        _receive(repository, file, partial, progress)
    except OSError as error:
        if error.errno in _FULL:  # all that runs on this disk needs the room now
            partial.unlink(missing_ok=True)
        raise
    if not _is_whole(partial, file.size, file.checksum):
        partial.unlink()
        raise InterrogatorError(
            f"{file.name} of {repository.name} arrived damaged: it is not what the hub announced. "
            "It was thrown away; try again."
        )


def _partial(blob: Path) -> Path:
    return blob.with_name(blob.name + ".incomplete")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(repository: Repository, file: RemoteFile, partial: Path, progress: _Progress) -> None:
    """Append to what is there until all of the file has arrived, or more than that."""
    url = hf_hub_url(repository.id, file.name, revision=file.commit)
    failures, most = 0, _size(partial)
    while not partial.exists() or _size(partial) < file.size:
        had = _size(partial)
        try:
            with partial.open("ab") as out:
                _stream(url, out, had, file.size, progress)
            if file.size and _size(partial) == had:
                raise _NothingCame
        except Exception as error:  # the client and its HTTP library each have their own
            if isinstance(error, OSError) and not isinstance(error, HfHubHTTPError):
                raise  # the disk's
            reached = _size(partial)
            failures = 1 if reached > most else failures + 1
            most = max(most, reached)
            log.warning("downloading %s of %s broke off: %r", file.name, repository.name, error)
            _give_up_or_wait(repository, error, failures)


def _give_up_or_wait(repository: Repository, error: Exception, failures: int) -> None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status and status not in _TRY_AGAIN:
        raise refusal(repository.name, error) from error
    if failures >= ATTEMPTS:
        said = f"the hub answered {status}" if status else type(error).__name__
        raise InterrogatorError(
            f"The download of {repository.name} broke off ({said}). "
            "Try again: it goes on where it stopped."
        ) from error
    time.sleep(PAUSE_SECONDS * 2 ** (failures - 1))


def _stream(url: str, out: BinaryIO, had: int, size: int, progress: _Progress) -> None:
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={had}-"
    with get_session().stream(
        "GET", url, headers=headers, timeout=SILENCE_SECONDS, follow_redirects=True
    ) as response:
        partly, range_ = response.status_code == 206, response.headers.get("Content-Range", "")
        astray = partly and had and not range_.startswith(f"bytes {had}-")
        # 416: there is nothing behind what we have, so what we have is not of this file.
        if response.status_code == 416 or astray:
            out.truncate(0)  # the next attempt asks for all of it
            return
        hf_raise_for_status(response)  # and what has arrived is kept
        if had and not partly:
            out.truncate(0)
            had = 0
        for chunk in response.iter_bytes():  # as they arrive: nothing of a cut one is lost
            out.write(chunk)
            had += len(chunk)
            progress(had)
            if had > size:
                return  # an endless answer must not fill the disk


def _is_whole(path: Path, size: int, checksum: str) -> bool:
    """Tell whether a file has the size and the checksum; any contents do where none is known."""
    if path.stat().st_size != size:
        return False
    if not checksum:
        return True
    digest = hashlib.sha256() if len(checksum) == 64 else hashlib.sha1(f"blob {size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == checksum


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


def remove_damaged(folder: Path) -> list[str]:
    """Remove the files of a snapshot whose contents are not what their checksum says.

    Returns:
        The names of what was removed; the next download brings them anew.
    """
    removed = []
    for pointer in sorted(folder.rglob("*")):
        blob = pointer.resolve()
        if pointer.is_dir() or not is_checksum(blob.name):
            continue
        if not blob.exists() or not _is_whole(blob, blob.stat().st_size, blob.name):
            pointer.unlink(missing_ok=True)
            blob.unlink(missing_ok=True)
            removed.append(str(pointer.relative_to(folder)))
    return removed
