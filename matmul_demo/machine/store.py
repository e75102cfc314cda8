"""What was measured of a machine, kept on disk: a file for each thing, whole or not there."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0  # what is so young needs no further look
KEPT_SECONDS = 30 * 24 * 3600.0  # then a machine's owner may have slowed it


def cache_folder() -> Path:
    """Where measurements are kept: MATMUL_CACHE, else the user's cache folder."""
    given = os.environ.get("MATMUL_CACHE")
    if given:
        return Path(given)
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a container's user may have no home
        home = Path(tempfile.gettempdir())
    return home / "prompt-interrogator"


@dataclass(frozen=True)
class MeasurementFile:
    """The place of one measurement.

    Attributes:
        about: what the measurement depends on, as plain JSON; another one is kept elsewhere.
        folder: None for `cache_folder`.
    """

    about: dict[str, Any]
    folder: Path | None = None

    @property
    def path(self) -> Path:
        """The file, named by what it is about."""
        key = hashlib.sha256(json.dumps(self.about, sort_keys=True).encode()).hexdigest()[:16]
        return (self.folder or cache_folder()) / f"machine-{key}.json"

    def read(self) -> dict[str, Any] | None:
        """What lies there; None when it is nothing, damaged, about something else, or old."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            age = time.time() - stored["began"]
            sound = stored["about"] == self.about and 0 <= age < KEPT_SECONDS
            return stored["measured"] if sound else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def is_fresh(self) -> bool:
        """Whether it was written a moment ago."""
        try:
            return 0 <= time.time() - self.path.stat().st_mtime < FRESH_SECONDS
        except OSError:
            return False

    def write(self, measured: dict[str, Any], began: float) -> None:
        """Write beside the place and move there, so that a reader sees a whole file or none.

        Args:
            measured: plain JSON.
            began: when the first look was, in seconds since 1970.
        """
        text = json.dumps({"about": self.about, "began": began, "measured": measured}, indent=1)
        path = self.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".tmp", dir=path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                Path(name).replace(path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:  # full or read-only: the next race measures again
            log.info("Measurements could not be kept in %s: %s.", path.parent, error)
