"""The writer of copies: pictures with their prompts in them, as the page's button makes one.

A copy is written once it is known what stands in it, from the picture's bytes read anew: no picture
lies in the manifest, which has the copy's length and hash alone. After `kill -9` a copy that lies
there already is known by its bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from interrogator.batch.manifest import Manifest, Outcome, PlannedFile, Row
from interrogator.batch.outputs import contents, inner_path, place_bytes, size_of, written_for
from interrogator.errors import InterrogatorError
from interrogator.images.stored import with_prompt


@dataclass(frozen=True)
class Copies:
    """How a picture's copy is written.

    Attributes:
        place: The folder in which copies lie as their pictures do in the source.
        target: Whose form the prompt has there, a key of `targets.TARGETS`; "": as it is.
    """

    place: Path
    target: str = ""

    def write(
        self, outcome: Outcome, row: Callable[[], Row], manifest: Manifest
    ) -> PlannedFile | None:
        """Write the copy of an item; None where it lies there, or the item failed.

        Args:
            outcome: Of the item.
            row: Returns its result.
            manifest: Knows what copies were written.

        Raises:
            InterrogatorError: It cannot be written there, or has no room for a prompt.
            OSError: There is no space left.
        """
        item, style = outcome.item, f"copy {self.target}"
        path = self.place / inner_path(item.name)
        known = manifest.file(path)
        before = known[0] if known else None
        if before and before.name != item.name and manifest.in_this_run(before.name):
            raise _taken(path)
        if before and before.is_of(item.name, outcome.key, style) and _lies(path, before.data):
            return None
        result = row()
        if "error" in result:
            return None
        copy = with_prompt(
            _bytes(outcome), written_for(self.target, result), result.get("negative_prompt") or ""
        )
        self._check(outcome, path, (mark(copy), before.data if before else b""))
        if trouble := place_bytes(path, copy):
            raise InterrogatorError(trouble)
        return PlannedFile(path, item.name, outcome.key, style, None, mark(copy))

    def _check(self, outcome: Outcome, path: Path, ours: tuple[bytes, ...]) -> None:
        """Refuse to write over what is no copy of ours: above all, the picture itself."""
        own = outcome.item.path
        if own is not None and path.exists() and path.samefile(own):
            raise InterrogatorError(
                "Its copy would lie where it lies itself: name another folder with --out."
            )
        there = contents(path)
        if there is not None and mark(there) not in ours:
            raise _taken(path)


def mark(data: bytes) -> bytes:
    """Return what the manifest keeps of a copy: its length and its hash."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()


def _lies(path: Path, known: bytes) -> bool:
    """Tell, without reading it, whether a copy still lies there."""
    return str(size_of(path)).encode() == known.partition(b" ")[0]


def _bytes(outcome: Outcome) -> bytes:
    data = outcome.item.read()
    if hashlib.sha256(data).hexdigest() != outcome.content:
        raise InterrogatorError("It has changed meanwhile. Give the same command again.")
    return data


def _taken(path: Path) -> InterrogatorError:
    return InterrogatorError(
        f"{path.name} is there already and is no copy of this picture: name another folder with "
        "--out."
    )
