"""Typed settings of an interrogation; `request` makes them from the options."""

from __future__ import annotations

from dataclasses import dataclass, field

from interrogator.errors import InterrogatorError
from interrogator.networks.captioning import DEFAULT_CAPTIONING, Captioning
from interrogator.prompts.modes import DEFAULT_MODE, MODES
from interrogator.prompts.rules import Rules

MAX_CAPTION = 2000  # characters of a caption or prompt that somebody typed


@dataclass(frozen=True)
class Settings:
    """What an interrogation shall be.

    Attributes:
        mode: One of `modes.MODES`.
        caption: Takes the place of the model's unless empty.
        rules: What the prompt must keep.
        with_negative: Whether a negative prompt is written as well.
        seconds: When the search must end, counted from its beginning; None: when it is done.
        captioning: How the model writes its caption.
        target: Whose form the prompt is wanted in, a key of `targets.TARGETS`; "": as it is.

    Raises:
        InterrogatorError: There is no such mode, the caption is far too long, kept phrases have
            no place in the mode, or the time is not positive.
    """

    mode: str = DEFAULT_MODE
    caption: str = ""
    rules: Rules = field(default_factory=Rules)
    with_negative: bool = False
    seconds: float | None = None
    captioning: Captioning = DEFAULT_CAPTIONING
    target: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InterrogatorError(
                f"There is no mode {self.mode!r}; choose one of {', '.join(MODES)}."
            )
        if len(self.caption) > MAX_CAPTION:
            raise InterrogatorError(
                f"The caption has {len(self.caption):,} characters; up to {MAX_CAPTION:,} are read."
            )
        if MODES[self.mode].negative and self.rules.pinned:
            raise InterrogatorError(
                "A negative prompt keeps no phrases of yours: unpin them, or choose "
                "another mode with a negative prompt beside it."
            )
        if self.seconds is not None and not self.seconds > 0:
            raise InterrogatorError("The time for the search must be above 0 seconds.")


DEFAULT_SETTINGS = Settings()
