"""Which models write for those who choose none."""

from __future__ import annotations

import logging
import threading
import time

from interrogator.models.choice import active_notice
from interrogator.models.files import default_names
from interrogator.models.registry import ModelNames

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0  # after which a hub that did not answer is tried again


class DefaultModels:
    """The models for those who choose none: the best that fit and can be had.

    Found out once; but where it was the demo, the hub gets another chance after a while.
    """

    def __init__(self, names: ModelNames | None = None, reason: str = "") -> None:
        self._names, self._reason = names, reason
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def current(self) -> tuple[ModelNames, str]:
        """Return their names and, for the embedded models, why it is these."""
        with self._lock:
            stale = time.monotonic() - self._since > ASK_AGAIN_SECONDS
            if self._names is None or (self._names.embedded and stale):
                self._since = time.monotonic()
                self._names, self._reason = default_names()
                log.info("%s", active_notice(self._names, self._reason))
            return self._names, self._reason

    def preset(self) -> str:
        """Return their preset's name."""
        return self.current()[0].preset
