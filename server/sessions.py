"""What is kept of each visitor: his own values, and no copy of the page.

Gradio copies the configuration of every component for each session, 0.3 MB with this page, and
keeps it up to date; only links that restore a page's state read it, and there are none here. Each
call of the API is a session, too.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio import Blocks
from gradio.state_holder import SessionState, StateHolder

SHARE_OF_MEMORY = 0.02  # what all sessions together may take
# Of a session: 8 kB, and 10 kB for each menu that a picture has changed and for a race; rounded up.
BYTES = 100_000
FEWEST, MOST = 200, 10_000


def capacity(memory: float) -> int:
    """Return how many sessions are kept where there are so many bytes of memory."""
    return max(FEWEST, min(MOST, int(memory * SHARE_OF_MEMORY / BYTES)))


class Session(SessionState):
    """A session without a copy of the page's configuration."""

    def __init__(self, blocks: Blocks) -> None:
        # What it copies are the configurations of these blocks: of none.
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:  # noqa: ANN401
        pass


class Sessions(StateHolder):
    """The sessions of an app; when there are too many, the longest unused are forgotten."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.set_blocks(blocks)

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session, a new one where there is none."""
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.session_data)

    def forget(self, session_id: str) -> None:
        """Drop a session to which nobody will come back."""
        with self.lock:
            self.session_data.pop(session_id, None)
            self.time_last_used.pop(session_id, None)
