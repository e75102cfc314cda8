"""A prompt → a picture drawn from it, and how similar it is to the one the prompt was read from.

The mapping cannot be inverted: a prompt keeps a few words of a picture, which fit many others as
well. Drawing takes diffusers, an extra (`pip install prompt-interrogator[draw]`), and a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from PIL import Image

from interrogator.networks.clip import Clip

STEPS = 25  # of denoising: more are hardly seen
SEED = 0  # the same prompt gives the same picture
NOT_HERE = "A picture can be drawn from the prompt where diffusers and a GPU are; here {}."


@dataclass(frozen=True)
class RoundTrip:
    """A picture that was drawn from a prompt.

    Attributes:
        prompt: The prompt.
        drawn: RGB.
        similarity: Cosine of its vector with that of the picture that the prompt was read from.
    """

    prompt: str
    drawn: Image.Image
    similarity: float


def obstacle() -> str:
    """Return in a sentence why nothing can be drawn here, "" where something can."""
    if find_spec("diffusers") is None:
        return NOT_HERE.format("diffusers is missing")
    return "" if torch.cuda.is_available() else NOT_HERE.format("no GPU was found")


def round_trip(
    picture: Image.Image, prompt: str, negative: str, clip: Clip, pipeline: Callable[..., Any]
) -> RoundTrip:
    """Return what is drawn from a prompt, and its similarity to the picture.

    Args:
        picture: What the prompt was read from, RGB.
        prompt: The prompt.
        negative: What is to be kept out of the picture, or "".
        clip: Compares the two.
        pipeline: Draws, as the text-to-image pipelines of diffusers do.
    """
    generator = torch.Generator("cpu").manual_seed(SEED)  # the same on every device
    done = pipeline(
        prompt=prompt, negative_prompt=negative or None, num_inference_steps=STEPS,
        generator=generator,
    )  # fmt: skip
    drawn = done.images[0].convert("RGB")
    similarity = clip.encode_picture(picture) @ clip.encode_picture(drawn)
    return RoundTrip(prompt, drawn, float(similarity))
