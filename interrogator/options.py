"""What a visitor can set, by the names of the API's arguments; free of Gradio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interrogator.models.registry import CAPTIONERS, CLIPS, PRESETS
from interrogator.networks.captioning import (
    DEFAULT_CAPTIONING,
    MOST_BEAMS,
    MOST_NO_REPEAT,
    MOST_TOKENS,
)
from interrogator.prompts.rules import FAST_PHRASES

MAX_ARTISTS = 8


@dataclass(frozen=True)
class Field:
    """One thing to set.

    Attributes:
        name: The API's argument.
        kind: "choice", "slider", "number" or "text".
        label: What it is called on the page.
        value: What it is at first.
        info: A sentence below the label.
        choices: What a "choice" offers.
        free: Whether a "choice" may be something else.
        least: Of a number.
        most: Of a slider.
        placeholder: What stands in an empty field.
    """

    name: str
    kind: str
    label: str
    value: Any = None
    info: str | None = None
    choices: tuple[tuple[str, str], ...] = ()
    free: bool = False
    least: float = 0
    most: float = 0
    placeholder: str | None = None


def _choices(first: str, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return ((first, ""), *((name, name) for name in names))


PRESET = Field("preset", "choice", "Models", choices=tuple((name, name) for name in PRESETS))
MODELS = (
    Field(
        "caption_model", "choice", "Another captioner", "",
        choices=_choices("the one of the preset", tuple(m.name for m in CAPTIONERS)), free=True,
        info="A repository of the hub, or a folder, with an image-to-text model of transformers.",
    ),
    Field(
        "clip", "choice", "Another CLIP to rank with", "",
        choices=_choices("the one of the preset", tuple(m.name for m in CLIPS)), free=True,
        info="ARCHITECTURE/TAG as open_clip names it, hf-hub:ORG/REPO or local-dir:PATH.",
    ),
    Field(
        "judge", "choice", "A second CLIP as judge", "",
        choices=_choices("none", tuple(m.name for m in CLIPS)), free=True,
        info="Scores the finished prompts; it takes no part in writing them.",
    ),
)  # fmt: skip
CAPTION = (
    Field(
        "caption_beams", "slider", "Beams", DEFAULT_CAPTIONING.beams, least=1, most=MOST_BEAMS,
        info="How many captions are followed at a time; 1 is quickest.",
    ),
    Field(
        "caption_fewest", "slider", "Tokens at least", DEFAULT_CAPTIONING.fewest, most=MOST_TOKENS,
        info="More make a longer caption, and more of it guesses.",
    ),
    Field("caption_most", "slider", "Tokens at most", DEFAULT_CAPTIONING.most, least=1, most=MOST_TOKENS),
    Field(
        "caption_no_repeat", "slider", "No run of so many tokens twice", DEFAULT_CAPTIONING.no_repeat,
        most=MOST_NO_REPEAT, info="Against “the jungle jungle jungle”; 0 lets it.",
    ),
)  # fmt: skip
PROMPT = (
    Field("caption", "text", "Your own caption", "", placeholder="Used instead of the model's"),
    Field("artists", "slider", "Artists named at most", 1, most=MAX_ARTISTS),
    Field("fewest", "slider", "Phrases at least", 0, most=FAST_PHRASES),
    Field("most", "slider", "Phrases at most", FAST_PHRASES, most=FAST_PHRASES),
    Field("seconds", "number", "Seconds for the search", 0, info="0 sets no limit."),
)
