"""One repository's folder in the hub's cache, laid out as `huggingface_hub` does it.

Blobs by checksum, snapshots of links to them, refs from a revision to a commit
(https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants

from interrogator.hub.client import RemoteFile, Repository


@dataclass(frozen=True)
class Store:
    """The folder of one repository in the hub's cache."""

    folder: Path

    @staticmethod
    def of(repository: Repository) -> Store:
        """Return the folder of a repository; it need not be there yet."""
        name = "models--" + repository.id.replace("/", "--")
        return Store(Path(constants.HF_HUB_CACHE) / name)

    def blob(self, file: RemoteFile) -> Path:
        """Return where the contents of a file lie, or will."""
        # A checksum is digits alone; what a server calls a file must not choose a path here.
        place = hashlib.sha256(f"{file.commit}/{file.name}".encode()).hexdigest()
        return self.folder / "blobs" / (file.checksum or f"unchecked-{place}")

    def lock(self, file: RemoteFile) -> FileLock:
        """Return what is held while a file is downloaded.

        It is where the hub's client has its own, so that it and we wait for each other.
        """
        locks = self.folder.parent / ".locks" / self.folder.name
        locks.mkdir(parents=True, exist_ok=True)
        return FileLock(locks / f"{self.blob(file).name}.lock")

    def pointer(self, file: RemoteFile) -> Path:
        """Return the path of a file in the snapshot of its commit."""
        return self.folder / "snapshots" / file.commit / file.name

    def link(self, file: RemoteFile) -> Path:
        """Let the snapshot of the file's commit show its blob."""
        blob, pointer = self.blob(file), self.pointer(file)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        if not pointer.exists():
            pointer.unlink(missing_ok=True)  # a link whose blob was removed
            try:
                pointer.symlink_to(os.path.relpath(blob, pointer.parent))
            except FileExistsError:  # another program was quicker
                pass
            except OSError:  # a file system without links
                _copy(blob, pointer)
        return pointer

    def remember(self, revision: str, commit: str) -> None:
        """Let the revision stand for the commit when the hub is not asked."""
        if revision != commit:
            path = self.folder / "refs" / revision
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(commit)


def _copy(source: Path, target: Path) -> None:
    """Copy a file whole or not at all: half of one would be taken for all of it."""
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.incomplete")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def is_checksum(name: str) -> bool:
    """Tell whether a blob's name says what its contents are."""
    return len(name) in (40, 64) and all(c in "0123456789abcdef" for c in name)
