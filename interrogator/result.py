"""What is known of a picture, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from interrogator.networks.captioning import Captioning
from interrogator.prompts.ranking import RankedPhrase

SHOWN_PER_CATEGORY = 5


@dataclass(frozen=True)
class PromptPhrase:
    """A phrase of the finished prompt.

    Attributes:
        text: As it stands in the prompt.
        category: The list it comes from.
        similarity: Cosine with the picture, by itself.
        contribution: How much the prompt's similarity falls when the phrase is left out.
    """

    text: str
    category: str
    similarity: float
    contribution: float


@dataclass(frozen=True)
class ComparedPrompt:
    """A prompt that was made on the way, to compare the finished one with.

    Attributes:
        name: "caption", or the mode that wrote it.
        text: The prompt.
        similarity: Cosine with the picture under the CLIP that ranks.
        judged: The same under a second CLIP, where one is asked.
    """

    name: str
    text: str
    similarity: float
    judged: float | None = None


@dataclass(frozen=True)
class PictureFeatures:
    """What the models saw in a picture: enough to search again without looking again.

    Attributes:
        picture: A hash of its pixels.
        captions: A captioner's name and how it was asked → what it says.
        vectors: A CLIP's fingerprint → the picture's unit vector [d].
    """

    picture: str = ""
    captions: dict[tuple[str, Captioning], str] = field(default_factory=dict)
    vectors: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Interrogation:
    """What is known of a picture so far; complete when `finished`.

    Attributes:
        mode: How the prompt is composed.
        models: Preset, names, device and number format of what wrote it.
        vocabulary: Name, size and hash of what was ranked.
        caption: What BLIP says, or the person said.
        prompt: The best prompt so far, "" until there is one.
        negative_prompt: None unless one was asked for.
        similarity: Cosine of the prompt, as it stands, and the picture.
        tokens: Length of the prompt, start and end included.
        token_limit: How many the CLIP reads.
        phrases: The prompt's phrases and what each adds.
        compared: The caption alone, and the prompts of the modes that ran.
        ranked: Category → its most similar phrases.
        tried: Prompts that the search compared.
        notes: Sentences on what a person should know of this prompt.
        seconds: Step → duration; a step that did not run is absent.
        seen: What it takes to search again.
    """

    mode: str
    models: dict[str, Any]
    vocabulary: dict[str, Any]
    caption: str = ""
    prompt: str = ""
    negative_prompt: str | None = None
    similarity: float | None = None
    tokens: int = 0
    token_limit: int = 0
    phrases: tuple[PromptPhrase, ...] = ()
    compared: tuple[ComparedPrompt, ...] = ()
    ranked: dict[str, list[RankedPhrase]] = field(default_factory=dict)
    tried: int = 0
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    seen: PictureFeatures = field(default_factory=PictureFeatures)

    @property
    def finished(self) -> bool:
        """Whether the last step has run."""
        return "explain" in self.seconds

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object; cosines to 6 places, seconds to milliseconds."""
        return {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "caption": self.caption,
            "mode": self.mode,
            "similarity": _rounded(self.similarity),
            "tokens": self.tokens,
            "token_limit": self.token_limit,
            "phrases": [
                {
                    "text": p.text,
                    "category": p.category,
                    "similarity": _rounded(p.similarity),
                    "contribution": _rounded(p.contribution),
                }
                for p in self.phrases
            ],
            "compared": [
                {
                    "name": c.name,
                    "prompt": c.text,
                    "similarity": _rounded(c.similarity),
                    "judged": _rounded(c.judged),
                }
                for c in self.compared
            ],
            "ranked": ranked_json(self.ranked),
            "notes": list(self.notes),
            "models": self.models,
            "vocabulary": self.vocabulary,
            "seconds": {step: round(value, 3) for step, value in self.seconds.items()},
        }


def ranked_json(
    ranked: dict[str, list[RankedPhrase]], top: int = SHOWN_PER_CATEGORY
) -> dict[str, list[dict[str, Any]]]:
    """Return the first phrases of each category as JSON objects."""
    return {
        category: [
            {
                "text": p.text,
                "similarity": _rounded(p.similarity),
                "confidence": _rounded(p.confidence),
                "above_neutral": _rounded(p.above_neutral),
                "stands_out": p.stands_out,
            }
            for p in group[:top]
        ]
        for category, group in ranked.items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
