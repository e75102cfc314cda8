"""Picture → caption, by BLIP."""

from __future__ import annotations

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

    @torch.inference_mode()
    def caption(self, picture: Image.Image) -> str:
        """Describe an RGB picture in a few words of plain English."""
        inputs = self.processor(images=picture, return_tensors="pt")
        pixels = inputs.pixel_values.to(self.runtime.device, self.runtime.dtype)  # [1, 3, h, w]
        tokens = self.model.generate(
            pixel_values=pixels,
            num_beams=BEAMS,
            max_new_tokens=MAX_NEW_TOKENS,
            no_repeat_ngram_size=NO_REPEAT_NGRAM,
            do_sample=False,
        )
        return " ".join(self.processor.decode(tokens[0], skip_special_tokens=True).split())
