"""Picture → caption, by any image-to-text model of transformers; BLIP by a shorter way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from PIL import Image

from interrogator.networks.blip import PictureCache
from interrogator.networks.captioning import DEFAULT_CAPTIONING, MOST_TOKENS, Captioning
from interrogator.networks.libraries import transformers
from interrogator.networks.runtime import Runtime

_STUTTER = re.compile(r"\b(\w+) \1\b")  # "a a lighthouse": a beam that lost its way
QUESTIONS = {  # asked of models that chat, by `Captioning.detail`
    "short": "Describe this picture in one plain sentence.",
    "detailed": "Describe this picture in two or three plain sentences.",
    "more": "Describe this picture in a paragraph: what is there, its light and its colours.",
}
TASKS = {  # of Florence-2, as its authors name them (https://arxiv.org/abs/2311.06242)
    "short": "<CAPTION>", "detailed": "<DETAILED_CAPTION>", "more": "<MORE_DETAILED_CAPTION>",
}  # fmt: skip


@dataclass(frozen=True)
class Caption:
    """A caption, and how likely the captioner finds it.

    Attributes:
        text: The sentence.
        log_likelihood: In nats; 0 where there is nothing to compare.
    """

    text: str
    log_likelihood: float = 0.0


@dataclass(frozen=True)
class Captioner:
    """An image-to-text model with its processor on a device."""

    model: transformers.PreTrainedModel
    processor: transformers.ProcessorMixin
    runtime: Runtime

    @cached_property
    def parameters(self) -> int:
        """How many weights the model has."""
        return sum(weights.numel() for weights in self.model.parameters())

    def caption(self, picture: Image.Image, how: Captioning = DEFAULT_CAPTIONING) -> str:
        """Describe an RGB picture in a few words of plain English."""
        return self.captions([picture], how)[0]

    def captions(
        self, pictures: Sequence[Image.Image], how: Captioning = DEFAULT_CAPTIONING
    ) -> list[str]:
        """Describe several RGB pictures at once, each as if it were alone."""
        return self._generated(self.inputs(pictures, how.detail), how, 1)[0]

    def candidates(
        self, picture: Image.Image, how: Captioning = DEFAULT_CAPTIONING
    ) -> tuple[Caption, ...]:
        """Return the different captions of a beam search, the likeliest first: they come free."""
        return self.candidates_of([self.inputs([picture], how.detail)], how)[0]

    def candidates_of(
        self, inputs: Sequence[Mapping[str, torch.Tensor]], how: Captioning = DEFAULT_CAPTIONING
    ) -> list[tuple[Caption, ...]]:
        """Return the candidates of several pictures, each as if it were alone, in one batch.

        Args:
            inputs: What `inputs` returned for each picture by itself.
            how: How captions are written.
        """
        alike = len({tuple((k, v.shape, v.dtype) for k, v in one.items()) for one in inputs}) == 1
        if not alike:  # models that read pictures in several sizes
            return [found for one in inputs for found in self.candidates_of([one], how)]
        joined = {name: torch.cat([one[name] for one in inputs]) for name in inputs[0]}
        texts, scores = self._generated(joined, how, how.beams)
        scored = list(zip(texts, scores, strict=True))
        each = how.beams
        return [_distinct(scored[i : i + each]) for i in range(0, len(scored), each)]

    @torch.inference_mode()
    def _generated(
        self, inputs: Mapping[str, torch.Tensor], how: Captioning, several: int
    ) -> tuple[list[str], list[float]]:
        """Return `several` captions of each picture, and their log-likelihoods."""
        runtime = self.runtime
        inputs = transformers.BatchFeature(dict(inputs)).to(runtime.device, runtime.dtype)
        question = inputs.get("input_ids")
        length = 0 if question is None else question.shape[1]
        if isinstance(self.model, transformers.BlipForConditionalGeneration):
            inputs = {
                "pixel_values": inputs["pixel_values"],
                "past_key_values": PictureCache(len(inputs["pixel_values"])),
            }
        output = self.model.generate(
            **inputs, **how.for_generate(self._room(length)),
            num_return_sequences=several, return_dict_in_generate=True, output_scores=several > 1,
        )  # fmt: skip
        tokens = output.sequences
        if not self.model.config.is_encoder_decoder:
            tokens = tokens[:, length:]  # the question is not part of the answer
        texts = self.processor.batch_decode(tokens, skip_special_tokens=True)
        scores = torch.zeros(len(texts))
        if several > 1:  # a beam's score is the mean over the tokens that it wrote
            answers = length and not self.model.config.is_encoder_decoder
            start = 0 if answers else 1  # what every caption begins with was not written
            scores = output.sequences_scores * self._lengths(tokens[:, start:])
        return [" ".join(text.split()) for text in texts], scores.tolist()

    def inputs(
        self, pictures: Sequence[Image.Image], detail: str = "short"
    ) -> Mapping[str, torch.Tensor]:
        """Return what the model reads: pixels and, where it must be asked, the question."""
        if getattr(self.processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": QUESTIONS[detail]}]
            question = self.processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True
            )
            return self.processor(
                images=[[picture] for picture in pictures],
                text=[question] * len(pictures),
                return_tensors="pt",
            )
        if isinstance(self.processor, transformers.Florence2Processor):
            return self.processor(
                images=list(pictures), text=[TASKS[detail]] * len(pictures), return_tensors="pt"
            )
        return self.processor(images=list(pictures), return_tensors="pt")

    def _lengths(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return how many ids [n] stand up to the end, and with it, in each row of ids [n, most].

        What follows is filled up, with the end's id too where that of padding is 0.
        """
        ends = self.model.generation_config.eos_token_id
        if isinstance(self.model, transformers.BlipForConditionalGeneration):
            ends = self.model.config.text_config.sep_token_id
        is_end = torch.isin(tokens, torch.tensor(ends, device=tokens.device))
        first = is_end.int().argmax(dim=1) + 1
        return torch.where(is_end.any(dim=1), first, tokens.shape[1])

    def _room(self, question: int) -> int:
        """Return how many tokens the model can say, beside its start and the question."""
        text = self.model.config.get_text_config(decoder=True)
        return getattr(text, "max_position_embeddings", MOST_TOKENS + question + 1) - question - 1


def _distinct(scored: Sequence[tuple[str, float]]) -> tuple[Caption, ...]:
    """Return the different captions of a beam search, without those that stutter if others are."""
    best: dict[str, float] = {}
    for text, score in scored:
        best.setdefault(text, score)
    captions = tuple(Caption(text, score) for text, score in best.items())
    whole = tuple(c for c in captions if c.text and not _STUTTER.search(c.text))
    return whole or captions
