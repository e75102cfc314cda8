"""The folder of uploads: a limit on what comes in, and that nothing stays in it.

Gradio deletes each upload after a while. It leaves the folders around them, the pieces of uploads
that broke off, and, in memory, a signal for each upload whose progress was asked for.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gradio import routes
from gradio.utils import get_upload_folder

FOLDER = "GRADIO_TEMP_DIR"  # Gradio's variable
RESERVE = 100 * 2**20  # bytes of the disk that uploads leave to everything else
LONGEST_ID = 64  # characters; Gradio's page takes eleven


@contextmanager
def own_folder() -> Iterator[None]:
    """Keep uploads in a folder that only this user can read and that goes with this process.

    Gradio's own is one for all programs and users of the machine. Enter it before the app is built.
    """
    if os.environ.get(FOLDER):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="uploads-", ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def disk_free() -> int:
    """Return the bytes that are free where uploads are kept."""
    folder = Path(get_upload_folder())
    return shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists())).free


class Uploads:
    """The uploads of one server."""

    def __init__(self) -> None:
        self._active = 0

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Receive one; when none is under way any more, delete what broken ones have left."""
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            if not self._active:
                delete_pieces()


def delete_pieces() -> None:
    """Delete files that are no whole upload: those that lie in no folder of their own."""
    if os.environ.get(FOLDER):  # elsewhere they may be another program's
        with suppress(OSError):
            for path in Path(os.environ[FOLDER]).iterdir():
                if path.is_file():
                    path.unlink(missing_ok=True)


def delete_empty_folders(age: float) -> None:
    """Delete the folders around deleted uploads that have been empty for so many seconds."""
    if os.environ.get(FOLDER):
        oldest = time.time() - age
        for folder in Path(os.environ[FOLDER]).glob("*/"):
            with suppress(OSError):  # it is not empty, or gone
                if folder.stat().st_mtime < oldest:
                    folder.rmdir()


def is_upload_id(text: str) -> bool:
    """Tell whether a text can be the number under which a page follows its upload."""
    return 0 < len(text) <= LONGEST_ID and text.isalnum()


def forget_progress(upload_id: str) -> None:
    """Drop what was noted of an upload's progress."""
    routes.file_upload_statuses.stop_tracking(upload_id)
    routes.file_upload_statuses._signals.pop(upload_id, None)
