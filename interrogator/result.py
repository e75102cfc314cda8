"""What is known of a picture, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from interrogator.networks.captioning import Captioning
from interrogator.prompts.ranking import RankedPhrase
from interrogator.targets import texts

if TYPE_CHECKING:
    import torch

    from interrogator.networks.captioner import Caption

SHOWN_PER_CATEGORY = 5


@dataclass(frozen=True)
class PromptPhrase:
    """A phrase of the finished prompt.

    Attributes:
        text: As it stands in the prompt.
        category: The list it comes from.
        similarity: Cosine with the picture, by itself.
        contribution: How much the prompt's similarity falls when the phrase is left out.
        confidence: How likely it is true of the picture, 0..1.
        alike: Phrases of its list that mean nearly the same, each with its cosine with the picture,
            the most similar first.
        place: Its place in its list by likelihood, from 1, and the list's length; None: in no list.
    """

    text: str
    category: str
    similarity: float
    contribution: float
    confidence: float
    alike: tuple[tuple[str, float], ...] = ()
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class ComparedPrompt:
    """A prompt that the finished one is compared with.

    Attributes:
        name: "caption", or the mode that wrote it.
        prompt: The text.
        similarity: Cosine with the picture under the CLIP that ranks.
        judged: The same under a second CLIP, where there is one.
    """

    name: str
    prompt: str
    similarity: float
    judged: float | None = None


@dataclass(frozen=True)
class PictureFeatures:
    """What the models saw in a picture: enough to search again without looking again.

    Attributes:
        picture: A hash of its pixels.
        captions: A captioner's name and how it captions → its captions.
        pairs: A CLIP's fingerprint → unit vectors [2, d] of the picture and its mirror image.
    """

    picture: str = ""
    captions: Mapping[tuple[str, Captioning], tuple[Caption, ...]] = field(default_factory=dict)
    pairs: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Interrogation:
    """What is known of a picture so far; complete when `finished`.

    Attributes:
        mode: How the prompt is composed.
        models: Preset, names, device and number format of what wrote it.
        vocabulary: Name, size and hash of what was ranked.
        caption: What the captioner says, or the person said.
        other_captions: What the captioner would say else, the likeliest first.
        prompt: The best prompt so far, "" until there is one.
        negative_prompt: None unless one is wanted.
        similarity: Cosine of the prompt, as it stands, and the picture.
        tokens: Length of the prompt, start and end included.
        token_limit: How many the CLIP reads.
        phrases: The prompt's phrases, and what each adds, which is 0 while the search goes on.
        compared: The caption alone, and the prompts of the modes that ran.
        ranked: Category → its most similar phrases.
        tried: Prompts that the search compared.
        notes: Sentences on what a person should know of this prompt.
        seconds: Step → duration; a step that did not run is absent.
        features: What it takes to search again.
        finished: Whether the last step has run.
        size: Width and height of the picture in pixels, as it was looked at.
        target: A key of `targets.TARGETS`, whose form somebody wants; "" for the prompt as it is.
    """

    mode: str
    models: dict[str, Any]
    vocabulary: dict[str, Any]
    caption: str = ""
    other_captions: tuple[str, ...] = ()
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
    features: PictureFeatures = field(default_factory=PictureFeatures)
    finished: bool = False
    size: tuple[int, int] | None = None
    target: str = ""

    def after(self, notes: Sequence[str]) -> Interrogation:
        """Return it with what is to be known of the picture's file before its own notes."""
        return replace(self, notes=(*notes, *self.notes)) if notes else self

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object; cosines to 6 places, seconds to milliseconds."""
        return {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "caption": self.caption,
            "other_captions": list(self.other_captions),
            "mode": self.mode,
            "similarity": rounded(self.similarity),
            "tokens": self.tokens,
            "token_limit": self.token_limit,
            "phrases": [_phrase_json(phrase) for phrase in self.phrases],
            "compared": [rounded(asdict(prompt)) for prompt in self.compared],
            "ranked": ranked_json(self.ranked),
            "tried": self.tried,
            "notes": list(self.notes),
            "models": self.models,
            "vocabulary": self.vocabulary,
            "seconds": {step: round(value, 3) for step, value in self.seconds.items()},
            "target": self.target,
            "written": texts(self),
        }


@dataclass(frozen=True)
class Analysis:
    """A picture's caption and ranking alone; fields as `Interrogation`'s."""

    models: dict[str, Any]
    vocabulary: dict[str, Any]
    caption: str
    ranked: dict[str, list[RankedPhrase]]
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; every phrase that was ranked is in it."""
        return {
            "caption": self.caption,
            "models": self.models,
            "vocabulary": self.vocabulary,
            "seconds": {step: round(value, 3) for step, value in self.seconds.items()},
            "ranked": ranked_json(self.ranked, None),
        }


@dataclass(frozen=True)
class PromptPart:
    """What stands between two commas of a prompt, and how much the similarity falls without it."""

    text: str
    contribution: float


@dataclass(frozen=True)
class PromptScore:
    """How similar a prompt is to a picture.

    Attributes:
        prompt: The text.
        similarity: Cosine with the picture.
        tokens: Its length, start and end included, up to the limit.
        token_limit: How many the CLIP reads.
        cut: Whether it is longer than that.
        parts: Its parts and what each adds.
        models: What scored it.
    """

    prompt: str
    similarity: float
    tokens: int
    token_limit: int
    cut: bool
    parts: tuple[PromptPart, ...]
    models: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; cosines to 6 places."""
        return rounded(asdict(self))


def _phrase_json(phrase: PromptPhrase) -> dict[str, Any]:
    """Return the contract's fields of a phrase; what is like it is the page's alone."""
    shown = ("text", "category", "similarity", "contribution", "confidence")
    return {name: rounded(getattr(phrase, name)) for name in shown}


def ranked_json(
    ranked: Mapping[str, Sequence[RankedPhrase]], top: int | None = SHOWN_PER_CATEGORY
) -> dict[str, list[dict[str, Any]]]:
    """Return the first `top` phrases of each category as JSON objects; all where it is None."""
    shown = ("text", "similarity", "confidence", "above_neutral", "stands_out")
    return {
        category: [{name: rounded(getattr(p, name)) for name in shown} for p in group[:top]]
        for category, group in ranked.items()
    }


def rounded(value: Any) -> Any:  # noqa: ANN401
    """Return a value of JSON with every number in it rounded to 6 places."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
