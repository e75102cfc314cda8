"""The steps in order: picture → caption → ranking → prompt → what each phrase adds.

`Interrogator.steps` yields an `Interrogation` after each, so that a page can show the caption
while the rest is computed. Page, command line and API all call it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from PIL import Image

from interrogator.catalogue import ModelNames
from interrogator.embeddings import Table
from interrogator.errors import InterrogatorError
from interrogator.models import Models
from interrogator.prompt import FAST_PHRASES, MODES, Budget, Prompt
from interrogator.ranking import RankedPhrase, rank
from interrogator.vocabulary import Vocabulary

Result = TypeVar("Result")

DEFAULT_MODE = "fast"
SHOWN_PER_CATEGORY = 5
MAX_CAPTION = 2000  # characters of a caption that somebody typed


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
class Interrogation:
    """What is known of a picture so far; complete when `prompt` is there.

    Attributes:
        mode: How the prompt is composed.
        models: Preset, names, device and number format of what wrote it.
        vocabulary: Name, size and hash of what was ranked.
        caption: What BLIP says, or the person said.
        prompt: The finished prompt, "" until then.
        negative_prompt: None in the modes that write none.
        similarity: Cosine of the prompt, as it stands, and the picture.
        caption_similarity: Cosine of the caption alone and the picture.
        tokens: Length of the prompt, start and end included.
        token_limit: How many the CLIP reads.
        caption_shortened: Whether the caption alone was too long and was cut.
        phrases: The prompt's phrases and what each adds.
        ranked: Category → its most similar phrases.
        seconds: Step → duration; a step that did not run is absent.
    """

    mode: str
    models: dict[str, Any]
    vocabulary: dict[str, Any]
    caption: str = ""
    prompt: str = ""
    negative_prompt: str | None = None
    similarity: float | None = None
    caption_similarity: float | None = None
    tokens: int = 0
    token_limit: int = 0
    caption_shortened: bool = False
    phrases: tuple[PromptPhrase, ...] = ()
    ranked: dict[str, list[RankedPhrase]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

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
            "ranked": {
                category: [
                    {
                        "text": p.text,
                        "similarity": _rounded(p.similarity),
                        "confidence": _rounded(p.confidence),
                    }
                    for p in group[:SHOWN_PER_CATEGORY]
                ]
                for category, group in self.ranked.items()
            },
            "models": self.models,
            "vocabulary": self.vocabulary,
            "seconds": {step: round(value, 3) for step, value in self.seconds.items()},
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


@dataclass(frozen=True)
class Interrogator:
    """Models and a vocabulary's table, ready to read pictures."""

    models: Models
    table: Table

    def steps(
        self,
        picture: Image.Image,
        mode: str = DEFAULT_MODE,
        caption: str | None = None,
        prepared: Mapping[str, float] = MappingProxyType({}),
    ) -> Iterator[Interrogation]:
        """Yield the state after the caption, after the ranking and at the end.

        Args:
            picture: RGB, as `images.read` returns it.
            mode: One of `prompt.MODES`.
            caption: Takes the place of BLIP's when given.
            prepared: Seconds that preparing the interrogator took, by step, to be told as well.

        Raises:
            InterrogatorError: There is no such mode, or the caption is far too long.
        """
        check_mode(mode)
        clip, clock = self.models.clip, _Clock(prepared)
        state = Interrogation(
            mode, describe(self.models), describe_vocabulary(self.table.vocabulary)
        )
        if caption and caption.strip():
            state = replace(state, caption=_typed(caption))
        else:
            said = clock.timed("caption", lambda: self.models.captioner.caption(picture))
            state = replace(state, caption=said)
        yield replace(state, seconds=clock.so_far())

        image = clock.timed("image", lambda: clip.encode_images([picture])[0])
        top = max(FAST_PHRASES, SHOWN_PER_CATEGORY)
        ranked = clock.timed("rank", lambda: rank(image, self.table, clip.logit_scale, top))
        state = replace(state, ranked=ranked)
        yield replace(state, seconds=clock.so_far())

        budget = Budget(clip.token_limit, clip.token_count)
        found = clock.timed("search", lambda: MODES[mode](state.caption, ranked, budget))
        state = clock.timed("explain", lambda: self._explained(state, found, image))
        yield replace(state, seconds=clock.so_far())

    def run(
        self,
        picture: Image.Image,
        mode: str = DEFAULT_MODE,
        caption: str | None = None,
        prepared: Mapping[str, float] = MappingProxyType({}),
    ) -> Interrogation:
        """Return the finished interrogation of a picture; see `steps`."""
        *_, finished = self.steps(picture, mode, caption, prepared)
        return finished

    def _explained(
        self, state: Interrogation, prompt: Prompt, image: torch.Tensor
    ) -> Interrogation:
        """Score the prompt, the caption alone, and the prompt without each phrase, in one batch."""
        clip = self.models.clip
        texts = [prompt.text, prompt.caption, *(prompt.without(p) for p in prompt.phrases)]
        scores = (clip.encode_text(texts) @ image).tolist()
        return replace(
            state,
            prompt=prompt.text,
            similarity=scores[0],
            caption_similarity=scores[1],
            tokens=clip.token_count(prompt.text),
            token_limit=clip.token_limit,
            caption_shortened=prompt.caption != state.caption,
            phrases=tuple(
                PromptPhrase(p.text, p.category, p.similarity, scores[0] - without)
                for p, without in zip(prompt.phrases, scores[2:], strict=True)
            ),
        )


def check_mode(mode: str) -> None:
    """Raise a sentence unless `mode` exists."""
    if mode not in MODES:
        raise InterrogatorError(f"There is no mode {mode!r}; choose one of {', '.join(MODES)}.")


def _typed(caption: str) -> str:
    if len(caption) > MAX_CAPTION:
        raise InterrogatorError(
            f"The caption has {len(caption):,} characters; up to {MAX_CAPTION:,} are read."
        )
    return " ".join(caption.split())


def describe(models: Models) -> dict[str, Any]:
    """Return what wrote a prompt, for reports: names, whether embedded, device, number format."""
    names: ModelNames = models.names
    return {
        "preset": names.preset,
        "caption": "embedded" if names.embedded else names.caption,
        "clip": "embedded" if names.embedded else names.clip,
        "embedded": names.embedded,
        "device": str(models.runtime.device),
        "dtype": models.runtime.dtype_name,
    }


def describe_vocabulary(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the vocabulary's name, size and hash, for reports."""
    return {
        "name": vocabulary.name,
        "phrases": len(vocabulary.phrases),
        "sha256": vocabulary.sha256,
    }


class _Clock:
    """Times steps. The total is their sum: time in which a page draws is not counted."""

    def __init__(self, prepared: Mapping[str, float]) -> None:
        self.seconds: dict[str, float] = dict(prepared)

    def timed(self, step: str, work: Callable[[], Result]) -> Result:
        start = time.perf_counter()
        result = work()
        self.seconds[step] = time.perf_counter() - start
        return result

    def so_far(self) -> dict[str, float]:
        return {**self.seconds, "total": sum(self.seconds.values())}
