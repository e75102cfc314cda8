"""The steps in order: picture → caption → ranking → prompt → what each phrase adds.

`Interrogator.steps` yields an `Interrogation` after each, and after every batch of the search, so
that a page can show what there is and stop at any time. Page, command line and API all call it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from PIL import Image

from interrogator.clock import Clock, deadline
from interrogator.errors import InterrogatorError
from interrogator.models.loading import Models
from interrogator.models.registry import ModelNames
from interrogator.networks.captioning import DEFAULT_CAPTIONING, Captioning
from interrogator.networks.clip import Clip
from interrogator.prompts.modes import MODES, Task, classic_mode, fast_mode, negative_mode
from interrogator.prompts.ranking import rank
from interrogator.prompts.rules import Prompt, Rules
from interrogator.prompts.search import ScoredPrompt
from interrogator.prompts.table import Table
from interrogator.result import ComparedPrompt, Interrogation, PictureFeatures, PromptPhrase
from interrogator.vocabulary.artists import NameFinder
from interrogator.vocabulary.lists import Vocabulary

DEFAULT_MODE = "fast"
MAX_CAPTION = 2000  # characters of a caption that somebody typed
_FREE = {"classic": classic_mode, "fast": fast_mode}  # modes that cost next to nothing
_NOTHING_DONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Settings:
    """What is asked of an interrogation.

    Attributes:
        mode: One of `modes.MODES`.
        caption: Takes the place of the model's unless empty.
        rules: What the prompt must keep.
        with_negative: Whether a negative prompt is written as well.
        seconds: When the search must end, counted from its beginning; None: when it is done.
        captioning: How the model writes its caption.

    Raises:
        InterrogatorError: There is no such mode, the caption is far too long, or the time is not
            positive.
    """

    mode: str = DEFAULT_MODE
    caption: str = ""
    rules: Rules = field(default_factory=Rules)
    with_negative: bool = False
    seconds: float | None = None
    captioning: Captioning = DEFAULT_CAPTIONING

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InterrogatorError(
                f"There is no mode {self.mode!r}; choose one of {', '.join(MODES)}."
            )
        if len(self.caption) > MAX_CAPTION:
            raise InterrogatorError(
                f"The caption has {len(self.caption):,} characters; up to {MAX_CAPTION:,} are read."
            )
        if self.seconds is not None and not self.seconds > 0:
            raise InterrogatorError("The time for the search must be above 0 seconds.")


@dataclass(frozen=True)
class Interrogator:
    """Models and a vocabulary's table, ready to read pictures.

    Attributes:
        models: The captioner and the CLIP that ranks.
        table: The vocabulary as that CLIP sees it.
        judge: A second CLIP that scores the finished prompts, and what it is called.
        unnamed: Artists whom a prompt may not name, not even where the captioner does.
    """

    models: Models
    table: Table
    judge: tuple[str, Clip] | None = None
    unnamed: NameFinder | None = None

    def steps(
        self,
        picture: Image.Image,
        settings: Settings = Settings(),
        prepared: Mapping[str, float] = _NOTHING_DONE,
        seen: PictureFeatures | None = None,
    ) -> Iterator[Interrogation]:
        """Yield the state after each step and each batch of the search; the finished one last.

        Args:
            picture: RGB, as `images.read` returns it.
            settings: What is asked.
            prepared: Seconds that preparing the interrogator took, by step, to be told as well.
            seen: What an earlier interrogation saw; if of this picture, it is not looked at anew.
        """
        clip, clock = self.models.clip, Clock(prepared)
        models = describe(self.models)
        if self.judge:
            models["judge"] = self.judge[0]
        state = Interrogation(settings.mode, models, describe_vocabulary(self.table.vocabulary))
        name = hashlib.sha256(picture.tobytes()).hexdigest()
        seen = seen if seen and seen.picture == name else PictureFeatures(name)
        said = " ".join(settings.caption.split())
        if not said:
            key, captioner = (self.models.names.caption, settings.captioning), self.models.captioner
            if key not in seen.captions:
                said = clock.timed("caption", lambda: captioner.caption(picture, key[1]))
                seen = replace(seen, captions={**seen.captions, key: said})
            said = seen.captions[key]
        state = replace(state, caption=said, seen=seen, token_limit=clip.token_limit)
        yield replace(state, seconds=clock.so_far())

        if clip.fingerprint not in seen.vectors:
            image = clock.timed("image", lambda: clip.encode_images([picture])[0])
            seen = replace(seen, vectors={**seen.vectors, clip.fingerprint: image})
        image = seen.vectors[clip.fingerprint]
        ranking = clock.timed("rank", lambda: rank(image, self.table, clip.logit_scale))
        rules, is_over = settings.rules, deadline(settings.seconds)
        caption = rules.cleaned(said)
        if self.unnamed and not settings.caption:
            caption = self.unnamed.removed(caption)
        task = Task(caption, image, ranking, clip, rules, is_over)
        state = replace(state, ranked=clock.timed("rank", lambda: task.ranked), seen=seen)
        yield replace(state, seconds=clock.so_far())

        is_over()  # the clock of the search starts
        found: ScoredPrompt | None = None
        for found in clock.each("search", MODES[settings.mode](task)):
            yield replace(_with(state, found), seconds=clock.so_far())
        assert found is not None  # every mode yields at least once
        state = _with(state, found)
        if settings.mode == "negative":
            state = replace(state, negative_prompt=state.prompt)
        elif settings.with_negative:
            for negative in clock.each("search", negative_mode(task, found.prompt)):
                state = replace(state, negative_prompt=negative.prompt.text)
                yield replace(state, seconds=clock.so_far())
        state = clock.timed("explain", lambda: self._explained(state, found, task, picture))
        yield replace(state, seconds=clock.so_far())

    def run(
        self,
        picture: Image.Image,
        settings: Settings = Settings(),
        prepared: Mapping[str, float] = _NOTHING_DONE,
        seen: PictureFeatures | None = None,
    ) -> Interrogation:
        """Return the finished interrogation of a picture; see `steps`."""
        *_, finished = self.steps(picture, settings, prepared, seen)
        return finished

    def analyze(self, picture: Image.Image, top: int) -> Interrogation:
        """Return caption and ranking alone: no prompt is composed.

        Args:
            picture: RGB.
            top: How many phrases of each list.
        """
        steps = self.steps(picture, Settings("fast"))
        next(steps)
        state = next(steps)
        ranking = rank(
            state.seen.vectors[self.models.clip.fingerprint],
            self.table,
            self.models.clip.logit_scale,
        )
        return replace(state, ranked=ranking.by_category(top))

    def score(self, picture: Image.Image, prompt: str) -> dict[str, Any]:
        """Return how similar a prompt is to a picture, and what each part between commas adds.

        Raises:
            InterrogatorError: The prompt is empty or far too long.
        """
        parts = [part for part in (" ".join(p.split()) for p in prompt.split(",")) if part]
        if not parts:
            raise InterrogatorError("There is no prompt to score.")
        if len(prompt) > MAX_CAPTION:
            raise InterrogatorError(f"The prompt has over {MAX_CAPTION:,} characters.")
        clip = self.models.clip
        image = clip.encode_images([picture])[0]
        rests = [", ".join(parts[:i] + parts[i + 1 :]) for i in range(len(parts))]
        scores = (clip.encode_text([prompt, *rests]) @ image).tolist()
        tokens = clip.token_count(prompt)
        return {
            "prompt": prompt,
            "similarity": round(scores[0], 6),
            "tokens": min(tokens, clip.token_limit),
            "token_limit": clip.token_limit,
            "cut": tokens > clip.token_limit,
            "parts": [
                {"text": part, "contribution": round(scores[0] - rest, 6)}
                for part, rest in zip(parts, scores[1:], strict=True)
            ],
            "models": describe(self.models),
        }

    def _explained(
        self, state: Interrogation, found: ScoredPrompt, task: Task, picture: Image.Image
    ) -> Interrogation:
        """Score the prompt, what it is compared with, and it without each phrase, in one batch."""
        clip, prompt = self.models.clip, found.prompt
        others = {"caption": task.fitted_caption} if task.fitted_caption else {}
        if state.mode != "negative":
            for name, mode in _FREE.items():
                *_, other = mode(task)
                others[name] = other.prompt.text
        others.pop(state.mode, None)  # the finished prompt comes last
        others[state.mode] = prompt.text
        texts = [*others.values(), *(prompt.without(p) for p in prompt.phrases)]
        scores = (clip.encode_text(texts) @ task.image).tolist()
        judged = self._judged(picture, list(others.values()))
        similarity = scores[len(others) - 1]
        return replace(
            state,
            prompt=prompt.text,
            similarity=similarity,
            tokens=clip.token_count(prompt.text),
            compared=tuple(
                ComparedPrompt(name, text, score, verdict)
                for (name, text), score, verdict in zip(
                    others.items(), scores, judged, strict=False
                )
            ),
            phrases=tuple(
                PromptPhrase(p.text, p.category, p.similarity, similarity - without)
                for p, without in zip(prompt.phrases, scores[len(others) :], strict=True)
            ),
            notes=tuple(self._notes(state, prompt, task, found.cut_short)),
        )

    def _judged(self, picture: Image.Image, texts: list[str]) -> list[float | None]:
        if self.judge is None:
            return [None] * len(texts)
        _, clip = self.judge
        return (clip.encode_text(texts) @ clip.encode_images([picture])[0]).tolist()

    def _notes(
        self, state: Interrogation, prompt: Prompt, task: Task, cut_short: bool
    ) -> Iterator[str]:
        if task.caption != state.caption:
            yield "Banned words and names were taken out of the caption."
        if state.mode != "negative" and len(prompt.caption) < len(task.caption.rstrip(" .,;:")):
            yield "The caption is longer than the model reads and was shortened."
        artists = state.ranked.get("artists", [])
        if artists and not artists[0].stands_out:
            yield "No artist of the list stands out."
        if cut_short:
            yield "The search was ended by the time that it was given."
        if self.models.clip.tower is None:
            yield "This CLIP reads texts only as a whole, so that searching takes longer."


def _with(state: Interrogation, found: ScoredPrompt) -> Interrogation:
    return replace(state, prompt=found.prompt.text, similarity=found.similarity, tried=found.tried)


def describe(models: Models) -> dict[str, Any]:
    """Return what wrote a prompt, for reports: names, whether embedded, device, number format."""
    names: ModelNames = models.names
    return {
        "preset": names.preset,
        "caption": names.shown_caption,
        "clip": names.shown_clip,
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
