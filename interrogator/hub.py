"""Weights from the hub: what is cached, how much would be downloaded, and the download itself.

All network access of this package's own is here, and weights are loaded from local files alone,
so that a hub that hangs can delay nothing but an announced download. (A CLIP whose tokenizer is a
repository of its own lets open_clip ask the hub for that.)
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HFValidationError,
    RepositoryNotFoundError,
)
from tqdm.auto import tqdm

from interrogator.errors import InterrogatorError

log = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0  # the longest that anyone waits to learn whether the hub is there

Report = Callable[[str, float | None], None]  # what happens now, and the share done in 0..1


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
    """A repository on the hub and the files that are needed of it."""

    name: str
    files: tuple[Needed, ...]


@dataclass(frozen=True)
class RemoteFile:
    """A file found on the hub or in its cache."""

    repository: str
    name: str
    size: int
    cached: bool


def cached_folder(repository: Repository) -> Path | None:
    """Return the snapshot folder if every required file of the repository is in the cache."""
    folder = None
    for needed in repository.files:
        try:
            found = [try_to_load_from_cache(repository.name, name) for name in needed.names]
        except HFValidationError as error:
            raise InterrogatorError(
                f"{repository.name!r} is neither a folder here nor a repository on the hub."
            ) from error
        paths = [Path(path) for path in found if isinstance(path, str)]
        if paths:
            folder = paths[0].parent
        elif needed.required:
            return None
    return folder


def survey(repositories: Iterable[Repository]) -> list[RemoteFile]:
    """Ask the hub which files there are and how large, within `ANSWER_SECONDS`.

    Raises:
        InterrogatorError: The hub cannot be reached, refuses, or lacks a required file.
    """
    wanted = [(r.name, needed) for r in repositories for needed in r.files]
    answers: Queue[RemoteFile | InterrogatorError | None] = Queue()
    for name, needed in wanted:
        # Daemons: a hanging resolver must hold up neither this answer nor the process's end.
        threading.Thread(target=_answer, args=(name, needed, answers), daemon=True).start()
    deadline = time.monotonic() + ANSWER_SECONDS
    found = []
    for _ in wanted:
        try:
            answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise InterrogatorError(
                f"The model hub did not answer within {ANSWER_SECONDS:.0f} seconds."
            ) from None
        if isinstance(answer, InterrogatorError):
            raise answer
        if answer:
            found.append(answer)
    # In the order of the list, not of the answers, so that downloads go the same way every time.
    order = [(name, file) for name, needed in wanted for file in needed.names]
    return sorted(found, key=lambda file: order.index((file.repository, file.name)))


def _answer(
    repository: str, needed: Needed, answers: Queue[RemoteFile | InterrogatorError | None]
) -> None:
    try:
        answers.put(_find(repository, needed))
    except InterrogatorError as error:
        answers.put(error)
    except Exception as error:  # every way in which a network can fail, told as one sentence
        log.debug("asking the hub for %s failed: %r", repository, error)
        answers.put(_refusal(repository, error))


def _find(repository: str, needed: Needed) -> RemoteFile | None:
    for name in needed.names:
        cached = isinstance(try_to_load_from_cache(repository, name), str)
        try:
            # One question without the client's retries, which would go on for half a minute.
            about = get_hf_file_metadata(hf_hub_url(repository, name), timeout=ANSWER_SECONDS)
        except EntryNotFoundError:
            continue
        return RemoteFile(repository, name, about.size or 0, cached)
    if needed.required:
        raise InterrogatorError(f"{repository} on the hub has no {' or '.join(needed.names)}.")
    return None


def _refusal(repository: str, error: Exception) -> InterrogatorError:
    if constants.HF_HUB_OFFLINE:
        return InterrogatorError(
            f"{repository} is not in the cache, and HF_HUB_OFFLINE forbids to download it."
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, RepositoryNotFoundError) or status in (401, 403, 404):
        return InterrogatorError(
            f"The hub does not give out {repository}: no such repository, or HF_TOKEN lacks access."
        )
    if status:
        return InterrogatorError(f"The hub answered {status} for {repository}. Try again later.")
    return InterrogatorError("The model hub cannot be reached from this machine.")


def download(repository: Repository, files: list[RemoteFile], report: Report) -> Path:
    """Download what is missing of one repository and return its snapshot folder.

    A download that was cut is resumed by the hub's client. `report` is called as bytes arrive.

    Raises:
        InterrogatorError: The connection failed, or the disk is full.
    """
    mine = [file for file in files if file.repository == repository.name]
    total = sum(file.size for file in mine if not file.cached)
    before, folder = 0, Path()
    for file in mine:
        bar = _reporting_bar(repository.name, before, total, report)
        try:
            path = hf_hub_download(repository.name, file.name, tqdm_class=bar)
        except Exception as error:  # the client, its HTTP library and the disk each have their own
            log.warning("downloading %s of %s failed: %r", file.name, repository.name, error)
            raise _failure(repository.name, error) from error
        folder = Path(path).parent
        before += 0 if file.cached else file.size
    return folder


def _failure(repository: str, error: Exception) -> InterrogatorError:
    if isinstance(error, OSError) and error.errno == 28:  # ENOSPC
        return InterrogatorError(
            f"The disk is full: {repository} could not be stored in {constants.HF_HUB_CACHE}. "
            "Free some space or point HF_HOME at another disk."
        )
    return InterrogatorError(
        f"The download of {repository} broke off ({type(error).__name__}). "
        "Try again: it goes on where it stopped."
    )


def _reporting_bar(repository: str, before: int, total: int, report: Report) -> type[tqdm]:
    """Return a progress bar class, as the hub's client wants one, that reports and prints not."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            kwargs.pop("name", None)
            kwargs["file"] = open(os.devnull, "w")  # noqa: SIM115, PTH123 (closed in close)
            super().__init__(*args, **kwargs)

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            done = before + self.n
            text = f"Downloading {repository}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            report(text, min(1.0, done / total) if total else None)
            return shown

        def close(self) -> None:
            super().close()
            self.fp.close()

    return Bar
