"""Picture → caption, by BLIP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from transformers import BlipForConditionalGeneration, BlipProcessor

from interrogator.runtime import Runtime

BEAMS = 3
MAX_NEW_TOKENS = 40
NO_REPEAT_NGRAM = 3  # tokens; without it BLIP may say "the jungle jungle jungle …"


@dataclass(frozen=True)
class Captioner:
    """A BLIP with its processor on a device."""

    model: BlipForConditionalGeneration
    processor: BlipProcessor
    runtime: Runtime

    def caption(self, picture: Image.Image) -> str:
        """Describe an RGB picture in a few words of plain English."""
        return self.captions([picture])[0]

    @torch.inference_mode()
    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """Describe several RGB pictures at once, each as if it were alone."""
        inputs = self.processor(images=list(pictures), return_tensors="pt")
        pixels = inputs.pixel_values.to(self.runtime.device, self.runtime.dtype)  # [n, 3, h, w]
        tokens = self.model.generate(
            pixel_values=pixels,
            num_beams=BEAMS,
            max_new_tokens=MAX_NEW_TOKENS,
            no_repeat_ngram_size=NO_REPEAT_NGRAM,
            do_sample=False,
        )
        said = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in said]
