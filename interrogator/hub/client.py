"""What the hub has and what its cache has: names, sizes, checksums.

The hub is the server that HF_ENDPOINT names and the cache the folder that HF_HOME names, as for
every program that uses `huggingface_hub`. Only this folder sends requests to the hub; weights are
loaded from local files, so that a hub that hangs delays nothing but an announced download.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import constants, errors, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub import try_to_load_from_cache as find_in_cache
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

from interrogator.errors import InterrogatorError

log = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0  # the longest wait for the hub's answer to a question about files
MOST_READ = 20 * 10**6  # bytes of a file that is read into memory: no index is as long
_CHECKSUM = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")  # SHA-256 of large files, git's of small ones
_COMMIT = re.compile(r"\w+")  # it becomes the name of a folder

Answer = TypeVar("Answer")
ProgressCallback = Callable[[str, float | None], None]  # what is being done, and the share in 0..1


@dataclass(frozen=True)
class Needed:
    """One file that a model needs.

    Attributes:
        names: The file's possible names, the preferred one first.
        required: Whether the model cannot be loaded without it.
    """

    names: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True)
class Repository:
    """A repository on the hub and the files that are needed of it.

    Attributes:
        name: "ORG/NAME", or "ORG/NAME@REVISION" to pin a branch, a tag or a commit.
        files: What is needed.
    """

    name: str
    files: tuple[Needed, ...]

    @property
    def id(self) -> str:
        """The name without the revision."""
        return self.name.partition("@")[0]

    @property
    def revision(self) -> str:
        """The branch, tag or commit that is meant."""
        return self.name.partition("@")[2] or constants.DEFAULT_REVISION

    @property
    def folder(self) -> Path:
        """Where the cache keeps it: blobs by checksum, snapshots of links to them, refs to commits.

        See https://huggingface.co/docs/huggingface_hub/guides/manage-cache for the layout.
        """
        return Path(constants.HF_HUB_CACHE) / ("models--" + self.id.replace("/", "--"))


@dataclass(frozen=True)
class RemoteFile:
    """A file found on the hub.

    Attributes:
        repository: The repository's name, with the revision where one is pinned.
        name: The file's path in the repository.
        size: In bytes.
        cached: Whether the cache has it already.
        commit: The commit that the revision stands for now.
        checksum: SHA-256 (64 digits) or git's SHA-1 (40 digits) of the contents; "" if unknown.
    """

    repository: str
    name: str
    size: int
    cached: bool
    commit: str = ""
    checksum: str = ""

    @property
    def blob_name(self) -> str:
        """The name of the contents in the cache."""
        # A checksum consists of digits; a file name that a server chose must not become a path.
        place = hashlib.sha256(f"{self.commit}/{self.name}".encode()).hexdigest()
        return self.checksum or f"unchecked-{place}"

    @contextmanager
    def stream(self, timeout: float, start: int = 0) -> Iterator[Any]:
        """Open the HTTP response with the contents from a byte on, or with all (status 200).

        `timeout` is for how many seconds without a byte the connection is kept.
        """
        url = hf_hub_url(self.repository.partition("@")[0], self.name, revision=self.commit)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with get_session().stream(
            "GET", url, headers=headers, timeout=timeout, follow_redirects=True
        ) as response:
            hf_raise_for_status(response)
            yield response


def cached_folder(repository: Repository) -> Path | None:
    """Return the snapshot folder if every required file of the repository is in the cache.

    Raises:
        InterrogatorError: The name cannot be that of a repository.
    """
    folder = None
    for needed in repository.files:
        found = [(name, _cached_file(repository, name)) for name in needed.names]
        folders = [path.parents[name.count("/")] for name, path in found if path]
        if not folders and needed.required:
            return None
        folder = folders[0] if folders else folder
    return folder


def _cached_file(repository: Repository, name: str) -> Path | None:
    try:
        found = find_in_cache(repository.id, name, revision=repository.revision)
    except (errors.HFValidationError, ValueError) as error:
        raise InterrogatorError(
            f"{repository.name!r} is neither a folder here nor a repository on the hub."
        ) from error
    # Anything else means that it is not cached, or known not to exist.
    return Path(found) if isinstance(found, str) else None


def is_intact(path: Path, size: int, checksum: str) -> bool:
    """Return whether a file has this size and, where one is known, this checksum."""
    same_size = path.stat().st_size == size
    if not same_size or not checksum:
        return same_size
    digest = hashlib.sha256() if len(checksum) == 64 else hashlib.sha1(f"blob {size}\0".encode())
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: digest).hexdigest() == checksum


def remove_damaged(folder: Path) -> list[str]:
    """Remove the files of a snapshot whose contents do not have the checksum of their name.

    Returns:
        The names of the removed files; the next download brings them anew.
    """
    removed = []
    for pointer in sorted(folder.rglob("*")):
        blob = pointer.resolve()
        if pointer.is_dir() or not _CHECKSUM.fullmatch(blob.name):
            continue
        if not blob.exists() or not is_intact(blob, blob.stat().st_size, blob.name):
            pointer.unlink(missing_ok=True)
            blob.unlink(missing_ok=True)
            removed.append(str(pointer.relative_to(folder)))
    return removed


def survey(repositories: Iterable[Repository]) -> list[RemoteFile]:
    """Ask the hub which files there are and how large, within `ANSWER_SECONDS`.

    Returns:
        The files in the order in which they are to be downloaded, optional ones first: once all
        required files are in the cache, `cached_folder` is satisfied and the rest is never fetched.

    Raises:
        InterrogatorError: The hub cannot be reached, refuses, or lacks a required file.
    """
    wanted = [(repository, needed) for repository in repositories for needed in repository.files]
    wanted.sort(key=lambda pair: pair[1].required)
    found = _answers([(repository.name, partial(_find, repository, n)) for repository, n in wanted])
    return list(dict.fromkeys(filter(None, found)))  # one file can serve two needs


def read(file: RemoteFile) -> bytes:
    """Return the contents of a small file, within `ANSWER_SECONDS`.

    Raises:
        InterrogatorError: The hub cannot be reached or refuses, or the file is too large.
    """

    def contents() -> bytes:
        data = bytearray()
        with file.stream(ANSWER_SECONDS) as response:
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MOST_READ:
                    raise InterrogatorError(
                        f"{file.name} of {file.repository} is larger than it can be "
                        f"({MOST_READ / 1e6:.0f} MB). Choose another model."
                    )
        return bytes(data)

    return _answers([(file.repository, contents)])[0]


def _answers(questions: Sequence[tuple[str, Callable[[], Answer]]]) -> list[Answer]:
    """Run questions about repositories at the same time; return their answers in order."""
    futures: list[Future[Answer]] = [Future() for _ in questions]
    for (name, question), future in zip(questions, futures, strict=True):
        # Daemons, unlike an executor's: a resolver that hangs must not delay the process's end.
        threading.Thread(target=_answer, args=(name, question, future), daemon=True).start()
    done, late = wait(futures, ANSWER_SECONDS, FIRST_EXCEPTION)
    for future in done:
        future.result()  # raises what the question raised, also where others are late
    if late:
        raise InterrogatorError(
            f"The model hub did not answer within {ANSWER_SECONDS:.0f} seconds."
        )
    return [future.result() for future in futures]


def _answer(repository: str, question: Callable[[], Answer], future: Future[Answer]) -> None:
    try:
        future.set_result(question())
    except Exception as error:  # a network can fail in many ways
        log.debug("a request to the hub for %s failed: %r", repository, error)
        known = isinstance(error, InterrogatorError)
        future.set_exception(error if known else refusal(repository, error))


def _find(repository: Repository, needed: Needed) -> RemoteFile | None:
    for name in needed.names:
        cached = _cached_file(repository, name) is not None
        url = hf_hub_url(repository.id, name, revision=repository.revision)
        try:
            # One request, without the client's retries, which would go on for half a minute.
            about = get_hf_file_metadata(url, timeout=ANSWER_SECONDS)
        except errors.EntryNotFoundError:
            continue
        commit, checksum = about.commit_hash or "", about.etag or ""
        if about.size is None or not _COMMIT.fullmatch(commit):
            raise InterrogatorError(
                f"The hub at {constants.ENDPOINT} tells no size or commit of {name} of "
                f"{repository.name}. If HF_ENDPOINT names a mirror, try another one."
            )
        checksum = checksum if _CHECKSUM.fullmatch(checksum) else ""
        return RemoteFile(repository.name, name, about.size, cached, commit, checksum)
    if needed.required:
        raise InterrogatorError(
            f"{repository.name} on the hub has no {' or '.join(needed.names)}, so it cannot be "
            "read here."
        )
    return None


def http_status(error: Exception) -> int:
    """Return the status that an error of the hub's client carries, or 0."""
    return getattr(getattr(error, "response", None), "status_code", 0)


def refusal(repository: str, error: Exception) -> InterrogatorError:
    """Return the sentence for whatever a request to the hub for a repository raised."""
    if constants.HF_HUB_OFFLINE:
        return InterrogatorError(
            f"{repository} is not in the cache, and HF_HUB_OFFLINE forbids to download it."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return InterrogatorError(
            f"The hub has no such revision of {repository}. Leave out what follows @, or name a "
            "branch, a tag or a commit."
        )
    if isinstance(error, errors.GatedRepoError):
        return InterrogatorError(
            f"{repository} is given out by the hub only to who accepted its terms there: accept "
            "them, and set HF_TOKEN."
        )
    status = http_status(error)
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403, 404):
        return InterrogatorError(
            f"The hub does not give out {repository}: no such repository, or HF_TOKEN lacks access."
        )
    if status:
        return InterrogatorError(f"The hub answered {status} for {repository}. Try again later.")
    return InterrogatorError("The model hub cannot be reached from this machine.")
