"""What those who run the server set in its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

FRAMES_ON_A_SPACE = "https://huggingface.co https://*.huggingface.co https://*.hf.space"


@dataclass(frozen=True)
class Settings:
    """The server's own settings.

    Attributes:
        host: The address to listen at.
        port: The port.
        json_log: Whether the log is written as lines of JSON.
        password: What visitors must know; empty for nothing.
        visitor_limit: Computations and uploads that a visitor may begin in a minute; None for any.
        frame_ancestors: Which sites may show the page in a frame, as in a
            Content-Security-Policy.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    json_log: bool = False
    password: str = ""
    visitor_limit: int | None = None
    frame_ancestors: str = "'self'"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return what is set; HOST and PORT stand before Gradio's names for them.

    Raises:
        ValueError: A number is none, or LOG_FORMAT is neither text nor json; in a sentence.
    """
    get = lambda *names: next(filter(None, map(environment.get, names)), "")  # noqa: E731
    log = get("LOG_FORMAT") or "text"
    if log not in ("text", "json"):
        raise ValueError(f"LOG_FORMAT is text or json, not {log!r}.")
    limit = get("VISITOR_LIMIT")
    frames = FRAMES_ON_A_SPACE if "SPACE_ID" in environment else ""
    return Settings(
        host=get("HOST", "GRADIO_SERVER_NAME") or Settings.host,
        port=_whole("PORT", get("PORT", "GRADIO_SERVER_PORT") or str(Settings.port), 0),
        json_log=log == "json",
        password=get("APP_PASSWORD"),
        visitor_limit=_whole("VISITOR_LIMIT", limit, 1) if limit else None,
        frame_ancestors=" ".join(filter(None, ["'self'", frames, get("FRAME_ANCESTORS")])),
    )


def _whole(name: str, text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{name} is a whole number from {least} on, not {text!r}.")
    return int(text)
