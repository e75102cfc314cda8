"""What a client sends, before anything decodes it: paths of uploads and data: URLs; no Gradio."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from interrogator.errors import InterrogatorError
from interrogator.images import decode


def picture(path: str | None, url: str | None, folder: str) -> str | bytes | None:
    """Return an upload's path, or the bytes of a data: URL sent to the API, undecoded.

    Args:
        path: What the client calls its upload.
        url: What it sent instead.
        folder: Where uploads are kept. Gradio checks paths only in payloads that say they are
            files: a client that leaves the mark out could name any file of this machine.

    Raises:
        InterrogatorError: It is no upload, too large, or damaged.
    """
    if path:
        if not _within([path], folder):
            raise InterrogatorError("Upload the picture: other files are not read.")
        return path
    head, _, data = (url or "").partition(",")
    if not head.startswith("data:"):
        return None
    if len(data) > decode.MAX_BYTES * 4 // 3 + 4:  # base64 writes three bytes as four
        raise InterrogatorError("The picture is over the size that is read.")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise InterrogatorError("The data: URL is damaged.") from error


def lists(paths: Sequence[str], folder: str) -> list[str]:
    """Return the paths of uploaded lists.

    Raises:
        InterrogatorError: One is no upload.
    """
    if not _within(paths, folder):
        raise InterrogatorError("Upload the lists: other files are not read.")
    return list(paths)


def _within(paths: Sequence[str], folder: str) -> bool:
    root = Path(folder).resolve()
    return all(Path(path).resolve().is_relative_to(root) for path in paths)
