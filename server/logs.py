"""The log: lines to read, or one JSON object a line, without anything that a visitor sent.

Messages are ours. An error's own words, and the values in its traceback, may be a visitor's: the
name of a file, a prompt, an address. So of an error only its class and the places in the code are
written as JSON.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

PLAIN = "%(levelname)s %(name)s: %(message)s"
FIELDS = "fields"  # of a record: what else is known, numbers and fixed words alone


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def __init__(self, ours: Iterable[str] = ()) -> None:
        """Take the names of the loggers whose messages hold nobody's content."""
        super().__init__()
        self._ours = tuple(ours)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of other libraries' messages only the text before its values."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if self._is_ours(record.name) else str(record.msg),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            line |= {"error": type(error).__name__, "places": _places(error)}
            if not self._is_ours(record.name):  # uvicorn's have the traceback in the message
                line["message"] = "an error"
        return json.dumps(line, ensure_ascii=False)

    def _is_ours(self, name: str) -> bool:
        return any(name == one or name.startswith(f"{one}.") for one in self._ours)


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def configure(ours: Iterable[str], as_json: bool) -> None:
    """Send the log to stderr: warnings of everybody, information of our own loggers.

    Args:
        ours: The names of our loggers. Not the root's: libraries chatter through it.
        as_json: Whether a line is a JSON object; then each computation is a line, too.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines([*ours, "server"]) if as_json else logging.Formatter(PLAIN))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in ours:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("server").setLevel(logging.INFO if as_json else logging.WARNING)


def adopt_web_server() -> None:
    """Have the web server's log go where ours does; it has set up its own by the time it runs."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
