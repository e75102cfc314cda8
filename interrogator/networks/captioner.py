"""Picture → caption, by any image-to-text model of transformers; BLIP by a shorter way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from interrogator.networks.blip import PictureCache
from interrogator.networks.captioning import DEFAULT_CAPTIONING, MOST_TOKENS, Captioning
from interrogator.networks.libraries import transformers
from interrogator.networks.runtime import Runtime

QUESTION = "Describe this picture in one plain sentence."  # asked of models that chat


@dataclass(frozen=True)
class Captioner:
    """An image-to-text model with its processor on a device."""

    model: transformers.PreTrainedModel
    processor: transformers.ProcessorMixin
    runtime: Runtime

    def caption(self, picture: Image.Image, how: Captioning = DEFAULT_CAPTIONING) -> str:
        """Describe an RGB picture in a few words of plain English."""
        return self.captions([picture], how)[0]

    @torch.inference_mode()
    def captions(
        self, pictures: Sequence[Image.Image], how: Captioning = DEFAULT_CAPTIONING
    ) -> list[str]:
        """Describe several RGB pictures at once, each as if it were alone."""
        inputs = self._inputs(pictures)
        asked = inputs.get("input_ids")
        length = 0 if asked is None else asked.shape[1]
        if isinstance(self.model, transformers.BlipForConditionalGeneration):
            inputs = {
                "pixel_values": inputs["pixel_values"],
                "past_key_values": PictureCache(len(pictures)),
            }
        tokens = self.model.generate(**inputs, **how.for_generate(self._room(length)))
        if not self.model.config.is_encoder_decoder:
            tokens = tokens[:, length:]  # what was asked is not part of the answer
        said = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in said]

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

    def _room(self, asked: int) -> int:
        """Return how many tokens the model can say, beside its start and what it was asked."""
        text = self.model.config.get_text_config(decoder=True)
        return getattr(text, "max_position_embeddings", MOST_TOKENS + asked + 1) - asked - 1
