"""Picture → caption, by any image-to-text model of transformers; BLIP by a shorter way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from interrogator.networks.blip import PictureCache
from interrogator.networks.captioning import DEFAULT_CAPTIONING, MOST_TOKENS, Captioning
from interrogator.networks.libraries import transformers
from interrogator.networks.runtime import Runtime

_STUTTER = re.compile(r"\b(\w+) \1\b")  # "a a lighthouse": a beam that lost its way
QUESTION = "Describe this picture in one plain sentence."  # asked of models that chat


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

    def caption(self, picture: Image.Image, how: Captioning = DEFAULT_CAPTIONING) -> str:
        """Describe an RGB picture in a few words of plain English."""
        return self.captions([picture], how)[0]

    def captions(
        self, pictures: Sequence[Image.Image], how: Captioning = DEFAULT_CAPTIONING
    ) -> list[str]:
        """Describe several RGB pictures at once, each as if it were alone."""
        return self._generated(pictures, how, 1)[0]

    def candidates(
        self, picture: Image.Image, how: Captioning = DEFAULT_CAPTIONING
    ) -> tuple[Caption, ...]:
        """Return the different captions of a beam search, the likeliest first: they come free."""
        texts, scores = self._generated([picture], how, how.beams)
        best: dict[str, float] = {}
        for text, score in zip(texts, scores, strict=True):
            best.setdefault(text, score)
        captions = tuple(Caption(text, score) for text, score in best.items())
        whole = tuple(c for c in captions if c.text and not _STUTTER.search(c.text))
        return whole or captions

    @torch.inference_mode()
    def _generated(
        self, pictures: Sequence[Image.Image], how: Captioning, several: int
    ) -> tuple[list[str], list[float]]:
        """Return `several` captions of each picture, and their log-likelihoods."""
        inputs = self._inputs(pictures)
        question = inputs.get("input_ids")
        length = 0 if question is None else question.shape[1]
        if isinstance(self.model, transformers.BlipForConditionalGeneration):
            inputs = {
                "pixel_values": inputs["pixel_values"],
                "past_key_values": PictureCache(len(pictures)),
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
        if several > 1:  # a beam's score is the mean over its tokens
            written = (tokens != self.model.generation_config.pad_token_id).sum(dim=1)
            scores = output.sequences_scores * written
        return [" ".join(text.split()) for text in texts], scores.tolist()

    def _inputs(self, pictures: Sequence[Image.Image]) -> dict[str, torch.Tensor]:
        """Return what the model reads: pixels and, where it must be asked, the question."""
        if getattr(self.processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": QUESTION}]
            question = self.processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True
            )
            inputs = self.processor(
                images=[[picture] for picture in pictures],
                text=[question] * len(pictures),
                return_tensors="pt",
            )
        else:
            inputs = self.processor(images=list(pictures), return_tensors="pt")
        return inputs.to(self.runtime.device, self.runtime.dtype)

    def _room(self, question: int) -> int:
        """Return how many tokens the model can say, beside its start and the question."""
        text = self.model.config.get_text_config(decoder=True)
        return getattr(text, "max_position_embeddings", MOST_TOKENS + question + 1) - question - 1
