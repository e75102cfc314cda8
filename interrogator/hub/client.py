"""What the hub has and what its cache has: names, sizes, checksums. Nothing is stored here.

The hub is the server that HF_ENDPOINT names and the cache the folder that HF_HOME names, as for
every program that uses `huggingface_hub`. It is asked here and in `download` alone (`remote`, which
fetches pictures that are named by an address, is the only other room that uses the network), and
weights are loaded from local files, so that a hub that hangs can delay nothing but an announced
download.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import TypeVar

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    hf_raise_for_status,
)

from interrogator.errors import InterrogatorError

log = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0  # the longest that anyone waits to learn whether the hub is there
MOST_READ = 20 * 10**6  # bytes of a file that is read into memory: no index is as long
DEFAULT_REVISION = "main"
_CHECKSUM = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")  # SHA-256 of large files, git's of small ones
_COMMIT = re.compile(r"\w+")  # it becomes the name of a folder

Answer = TypeVar("Answer")
ProgressCallback = Callable[
    [str, float | None], None
]  # what happens now, and the share done in 0..1


@dataclass(frozen=True)
class Needed:
    """One file that a model needs.

    Attributes:
        names: The file's possible names, the preferred one first.
        required: Whether a model can do without it.
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
        return self.name.partition("@")[2] or DEFAULT_REVISION


@dataclass(frozen=True)
class RemoteFile:
    """A file found on the hub.

    Attributes:
        repository: The repository's name, with the revision where one is pinned.
        name: The file's path in the repository.
        size: In bytes.
        cached: Whether this machine has it already.
        commit: The commit that the revision stands for now.
        checksum: SHA-256 (64 digits) or git's SHA-1 (40 digits) of the contents; "" if unknown.
    """

    repository: str
    name: str
    size: int
    cached: bool
    commit: str = ""
    checksum: str = ""


def cached_folder(repository: Repository) -> Path | None:
    """Return the snapshot folder if every required file of the repository is in the cache.

    Raises:
        InterrogatorError: The name cannot be that of a repository.
    """
    folder = None
    for needed in repository.files:
        found = [(name, _cached_file(repository, name)) for name in needed.names]
        folders = [path.parents[name.count("/")] for name, path in found if path]
        if folders:
            folder = folders[0]
        elif needed.required:
            return None
    return folder


def _cached_file(repository: Repository, name: str) -> Path | None:
    try:
        found = try_to_load_from_cache(repository.id, name, revision=repository.revision)
    except (HFValidationError, ValueError) as error:
        raise InterrogatorError(
            f"{repository.name!r} is neither a folder here nor a repository on the hub."
        ) from error
    # Anything else says that it is unknown, or known not to exist.
    return Path(found) if isinstance(found, str) else None


def survey(repositories: Iterable[Repository]) -> list[RemoteFile]:
    """Ask the hub which files there are and how large, within `ANSWER_SECONDS`.

    Returns:
        What was found, in the order in which it is to be downloaded: what a model can do without
        first. Once all that is required is in the cache, nobody asks for the rest.

    Raises:
        InterrogatorError: The hub cannot be reached, refuses, or lacks a required file.
    """
    wanted = [(repository, needed) for repository in repositories for needed in repository.files]
    wanted.sort(key=lambda pair: pair[1].required)
    answers: Queue[RemoteFile | InterrogatorError | None] = Queue()
    for repository, needed in wanted:
        _ask(repository.name, partial(_find, repository, needed), answers)
    deadline = time.monotonic() + ANSWER_SECONDS
    found = list(filter(None, [_next(answers, deadline) for _ in wanted]))
    # Not in the order of the answers, so that downloads go the same way every time.
    order = [(repository.name, name) for repository, needed in wanted for name in needed.names]
    key = lambda file: order.index((file.repository, file.name))  # noqa: E731
    return sorted(set(found), key=key)  # a file can serve two needs


def read(file: RemoteFile) -> bytes:
    """Return the contents of a small file, within `ANSWER_SECONDS`.

    Raises:
        InterrogatorError: The hub cannot be reached or refuses, or the file is too large.
    """
    answers: Queue[bytes | InterrogatorError] = Queue()
    _ask(file.repository, lambda: _read(file), answers)
    return _next(answers, time.monotonic() + ANSWER_SECONDS)


def _ask(
    repository: str, question: Callable[[], Answer], answers: Queue[Answer | InterrogatorError]
) -> None:
    """Put what the hub says to a question into a queue, when it comes."""
    # Daemons: a hanging resolver must hold up neither this answer nor the process's end.
    threading.Thread(target=_answer, args=(repository, question, answers), daemon=True).start()


def _answer(
    repository: str, question: Callable[[], Answer], answers: Queue[Answer | InterrogatorError]
) -> None:
    try:
        answers.put(question())
    except InterrogatorError as error:
        answers.put(error)
    except Exception as error:  # every way in which a network can fail, told as one sentence
        log.debug("asking the hub for %s failed: %r", repository, error)
        answers.put(refusal(repository, error))


def _next(answers: Queue[Answer | InterrogatorError], deadline: float) -> Answer:
    try:
        answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except Empty:
        raise InterrogatorError(
            f"The model hub did not answer within {ANSWER_SECONDS:.0f} seconds."
        ) from None
    if isinstance(answer, InterrogatorError):
        raise answer
    return answer


def _read(file: RemoteFile) -> bytes:
    url = hf_hub_url(file.repository.partition("@")[0], file.name, revision=file.commit)
    data = bytearray()
    with get_session().stream(
        "GET", url, headers=build_hf_headers(), timeout=ANSWER_SECONDS, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MOST_READ:
                raise InterrogatorError(
                    f"{file.name} of {file.repository} is larger than it can be "
                    f"({MOST_READ / 1e6:.0f} MB). Choose another model."
                )
    return bytes(data)


def _find(repository: Repository, needed: Needed) -> RemoteFile | None:
    for name in needed.names:
        cached = _cached_file(repository, name) is not None
        url = hf_hub_url(repository.id, name, revision=repository.revision)
        try:
            # One question without the client's retries, which would go on for half a minute.
            about = get_hf_file_metadata(url, timeout=ANSWER_SECONDS)
        except EntryNotFoundError:
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


def refusal(repository: str, error: Exception) -> InterrogatorError:
    """Return the sentence for whatever asking the hub for a repository raised."""
    if constants.HF_HUB_OFFLINE:
        return InterrogatorError(
            f"{repository} is not in the cache, and HF_HUB_OFFLINE forbids to download it."
        )
    if isinstance(error, RevisionNotFoundError):
        return InterrogatorError(
            f"The hub has no such revision of {repository}. Leave out what follows @, or name a "
            "branch, a tag or a commit."
        )
    if isinstance(error, GatedRepoError):
        return InterrogatorError(
            f"{repository} is given out by the hub only to who accepted its terms there: accept "
            "them, and set HF_TOKEN."
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, RepositoryNotFoundError) or status in (401, 403, 404):
        return InterrogatorError(
            f"The hub does not give out {repository}: no such repository, or HF_TOKEN lacks access."
        )
    if status:
        return InterrogatorError(f"The hub answered {status} for {repository}. Try again later.")
    return InterrogatorError("The model hub cannot be reached from this machine.")
