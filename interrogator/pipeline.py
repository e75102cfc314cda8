"""The five steps in order: caption, picture vector, ranking, prompt, what each phrase adds.

`Interrogator.steps` yields an `Interrogation` after the caption, the ranking, every batch of the
search and the explanation, so that a page can show what there is and stop at any time. Page,
command, API and Python all call it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from PIL import Image

from interrogator.clock import Clock, Deadline
from interrogator.errors import InterrogatorError
from interrogator.explanation import Judge, explain
from interrogator.models.loading import Models
from interrogator.networks.captioner import Caption
from interrogator.networks.clip import direction
from interrogator.option import readable
from interrogator.prompts.modes import CAPTION_SHARE, MODES, Task, claims_of, negative_mode
from interrogator.prompts.ranking import Ranking, rank
from interrogator.prompts.search import ScoredPrompt
from interrogator.prompts.table import Table
from interrogator.result import (
    Analysis,
    Interrogation,
    PictureFeatures,
    PromptPart,
    PromptPhrase,
    PromptScore,
)
from interrogator.settings import DEFAULT_SETTINGS, MAX_CAPTION, Settings
from interrogator.vocabulary.artists import NameFinder

LEAST_CLAIM = 0.01  # floor of a claim's confidence, so that one alone does not decide
_NO_SECONDS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Interrogator:
    """Models and a vocabulary's table, ready to read pictures.

    Attributes:
        models: The captioner and the CLIP that ranks.
        table: The vocabulary as that CLIP sees it.
        judge: Takes no part in writing.
        forbidden_names: Finds artists whom no prompt may name, even where the captioner does.
    """

    models: Models
    table: Table
    judge: Judge | None = None
    forbidden_names: NameFinder | None = None

    def steps(
        self,
        picture: Image.Image,
        settings: Settings = DEFAULT_SETTINGS,
        prepared: Mapping[str, float] = _NO_SECONDS,
        features: PictureFeatures | None = None,
        ranking: Ranking | None = None,
    ) -> Iterator[Interrogation]:
        """Yield the state after each step and each batch of the search; the finished one last.

        Args:
            picture: RGB, as `decode.read` returns it.
            settings: What is wanted.
            prepared: Seconds that preparing the interrogator took, by step, to be shown as well.
            features: What an earlier interrogation saw; if of this picture, it is not read anew.
            ranking: The picture beside the table, where it was ranked among others.
        """
        with self.models.runtime.in_threads():
            yield from self._steps(picture, settings, Clock(prepared), features, ranking)

    def _steps(
        self,
        picture: Image.Image,
        settings: Settings,
        clock: Clock,
        features: PictureFeatures | None,
        ranking: Ranking | None,
    ) -> Iterator[Interrogation]:
        features = features_of(picture, features)
        captions, features = self._captions(picture, settings, features, clock)
        state = Interrogation(
            settings.mode, self._described(), self.table.vocabulary.describe(), captions[0].text,
            token_limit=self.models.clip.token_limit, features=features,
            size=picture.size, target=settings.target,
        )  # fmt: skip
        yield replace(state, seconds=clock.so_far())

        features = self._with_pair(picture, features, clock)
        pair = features.pairs[self.models.clip.fingerprint]
        ranking = ranking or clock.timed("rank", lambda: self._ranking(pair))
        caption, *others = self._by_likelihood(captions, ranking, pair, clock)
        if settings.caption:  # the model's own stay at hand
            known = features.captions.get((self.models.names.caption, settings.captioning), ())
            others = [one.text for one in known if one.text != caption]
        deadline = Deadline(settings.seconds)
        task = self._task(pair, ranking, caption, settings, deadline)
        ranked = clock.timed("rank", lambda: task.ranked)
        state = replace(
            state, caption=caption, other_captions=tuple(others), ranked=ranked, features=features
        )
        yield replace(state, seconds=clock.so_far())

        deadline.start()
        best: ScoredPrompt | None = None
        for best in clock.each("search", MODES[settings.mode].compose(task)):
            state = _with_prompt(state, best)
            yield replace(state, seconds=clock.so_far())
        assert best is not None  # every mode yields at least once
        for negative in self._negative(settings, task, best, clock):
            state = replace(state, negative_prompt=negative)
            yield replace(state, seconds=clock.so_far())

        state = clock.timed("explain", lambda: explain(state, best, task, picture, self.judge))
        yield replace(state, seconds=clock.so_far(), finished=True)

    def run(
        self,
        picture: Image.Image,
        settings: Settings = DEFAULT_SETTINGS,
        prepared: Mapping[str, float] = _NO_SECONDS,
        features: PictureFeatures | None = None,
        ranking: Ranking | None = None,
    ) -> Interrogation:
        """Return the finished interrogation of a picture; see `steps`."""
        *_, finished = self.steps(picture, settings, prepared, features, ranking)
        return finished

    def analyze(
        self,
        picture: Image.Image,
        top: int,
        settings: Settings = DEFAULT_SETTINGS,
        prepared: Mapping[str, float] = _NO_SECONDS,
    ) -> Analysis:
        """Return caption and ranking alone: no prompt is composed.

        Args:
            picture: RGB.
            top: How many phrases of each list.
            settings: Of them, how the caption is written counts.
            prepared: As of `steps`.
        """
        clock = Clock(prepared)
        with self.models.runtime.in_threads():
            captions, features = self._captions(picture, settings, features_of(picture), clock)
            features = self._with_pair(picture, features, clock)
            pair = features.pairs[self.models.clip.fingerprint]
            ranking = clock.timed("rank", lambda: self._ranking(pair))
            caption = self._by_likelihood(captions, ranking, pair, clock)[0]
        ranked = clock.timed("rank", lambda: ranking.by_category(top))
        vocabulary = self.table.vocabulary.describe()
        return Analysis(self._described(), vocabulary, caption, ranked, clock.so_far())

    def score(
        self, picture: Image.Image, prompt: str, features: PictureFeatures | None = None
    ) -> PromptScore:
        """Return how similar a prompt is to a picture, and what each part between commas adds.

        What an earlier interrogation saw in this picture is not looked at again.

        Raises:
            InterrogatorError: The prompt is empty or far too long.
        """
        pair = features_of(picture, features).pairs.get(self.models.clip.fingerprint)
        image = self.models.clip.encode_picture(picture) if pair is None else direction(pair)
        return self.scores(image[None], prompt)[0]

    def scores(self, images: torch.Tensor, prompt: str) -> list[PromptScore]:
        """Return what `score` does for each of several pictures, from their unit vectors [n, d]."""
        prompt = readable("prompt", prompt)
        parts = [part for part in (" ".join(p.split()) for p in prompt.split(",")) if part]
        if not parts:
            raise InterrogatorError("There is no prompt to score.")
        if len(prompt) > MAX_CAPTION:
            raise InterrogatorError(f"The prompt has over {MAX_CAPTION:,} characters.")
        clip = self.models.clip
        read = min(len(parts), clip.token_limit)  # a part has a token at least
        rests = [", ".join(parts[:i] + parts[i + 1 :]) for i in range(read)]
        texts, tokens = clip.encode_text([prompt, *rests]), clip.token_count(prompt)

        def score(image: torch.Tensor) -> PromptScore:
            similarity, *without = (texts @ image).tolist()
            without += [similarity] * (len(parts) - read)
            return PromptScore(
                prompt, similarity, min(tokens, clip.token_limit), clip.token_limit,
                tokens > clip.token_limit,
                tuple(PromptPart(p, similarity - w) for p, w in zip(parts, without, strict=True)),
                self._described(),
            )  # fmt: skip

        return [score(image) for image in images]

    # The steps

    def _captions(
        self, picture: Image.Image, settings: Settings, features: PictureFeatures, clock: Clock
    ) -> tuple[tuple[Caption, ...], PictureFeatures]:
        """Return the person's caption, or the model's, and the features with them."""
        typed = " ".join(settings.caption.split())
        if typed:
            return (Caption(typed),), features
        captioner, how = self.models.captioner, settings.captioning
        key = self.models.names.caption, how
        if key not in features.captions:
            captions = clock.timed("caption", lambda: captioner.candidates(picture, how))
            features = replace(features, captions={**features.captions, key: captions})
        return features.captions[key], features

    def _with_pair(
        self, picture: Image.Image, features: PictureFeatures, clock: Clock
    ) -> PictureFeatures:
        clip = self.models.clip
        if clip.fingerprint in features.pairs:
            return features
        pair = clock.timed("image", lambda: clip.encode_pair(picture))
        return replace(features, pairs={**features.pairs, clip.fingerprint: pair})

    def _ranking(self, pair: torch.Tensor) -> Ranking:
        return rank(direction(pair), self.table, self.models.clip.logit_scale, pair[0])

    def _by_likelihood(
        self, captions: tuple[Caption, ...], ranking: Ranking, pair: torch.Tensor, clock: Clock
    ) -> list[str]:
        """Return the captions as captioner and CLIP together find them likely, the best first.

        The captioner says how likely a caption is for the picture, a CLIP's cosine times its
        inverse temperature is the logarithm of a likelihood ratio, and what a caption claims of
        exclusive lists has its confidence: the three logarithms are added.
        """
        texts = [caption.text for caption in captions]
        if len(texts) == 1:
            return texts
        clip = self.models.clip
        image = direction(pair)
        cosines = clock.timed("rank", lambda: (clip.encode_text(texts) @ image).tolist())
        worth = {
            caption.text: caption.log_likelihood
            + clip.logit_scale * cosine
            + sum(math.log(max(c, LEAST_CLAIM)) for c in claims_of(caption.text, ranking).values())
            for caption, cosine in zip(captions, cosines, strict=True)
        }
        return sorted(texts, key=worth.__getitem__, reverse=True)

    def _task(
        self,
        pair: torch.Tensor,
        ranking: Ranking,
        caption: str,
        settings: Settings,
        deadline: Deadline,
    ) -> Task:
        """Return the picture with its caption, less what must not stand in a prompt."""
        cleaned = settings.rules.cleaned(caption)
        if self.forbidden_names and not settings.caption:
            cleaned = self.forbidden_names.removed(cleaned)
        clip = self.models.clip
        return Task(
            cleaned, direction(pair), ranking, clip, settings.rules, pair, deadline.is_over,
            caption_share=1.0 if settings.caption else CAPTION_SHARE,
        )  # fmt: skip

    def _negative(
        self, settings: Settings, task: Task, best: ScoredPrompt, clock: Clock
    ) -> Iterator[str]:
        """Yield ever better negative prompts, where one is wanted."""
        if MODES[settings.mode].negative:
            yield best.prompt.text
        elif settings.with_negative:
            for negative in clock.each("search", negative_mode(task, best.prompt)):
                yield negative.prompt.text

    def _described(self) -> dict[str, Any]:
        judge = {"judge": self.judge.name} if self.judge else {}
        return {**self.models.describe(), **judge}


def features_of(picture: Image.Image, known: PictureFeatures | None = None) -> PictureFeatures:
    """Return what is known of a picture, if it is known of this one, or nothing yet."""
    name = hashlib.sha256(picture.tobytes()).hexdigest()
    return known if known and known.picture == name else PictureFeatures(name)


def _with_prompt(state: Interrogation, best: ScoredPrompt) -> Interrogation:
    """Return the state with a prompt; what each phrase adds is computed for the finished one."""
    phrases = tuple(
        PromptPhrase(p.text, p.category, p.similarity, 0.0, p.confidence)
        for p in best.prompt.phrases
    )
    return replace(
        state, prompt=best.prompt.text, similarity=best.similarity, tried=best.tried,
        phrases=phrases,
    )  # fmt: skip
