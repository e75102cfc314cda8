"""The models that are known by name: size, licence, memory, speed and what each is good for.

This is the place to add a captioner or a CLIP: a line here is offered by the page, the command
line and the API. Any other image-to-text model of transformers, and any other CLIP that open_clip
loads, can be named as well. Nothing is loaded here, so that the list is told at once.
"""

from __future__ import annotations

from dataclasses import dataclass

QUICK, STEADY = 250, 700  # millions of parameters, up to which a model counts as such


@dataclass(frozen=True)
class KnownModel:
    """What is known of a model.

    Attributes:
        name: As it is chosen: a repository on the hub, or ARCHITECTURE/TAG of open_clip.
        parameters: How many, in millions.
        licence: Of the weights, as their authors give it.
        good_for: In a few words.
    """

    name: str
    parameters: int
    licence: str
    good_for: str

    @property
    def download(self) -> float:
        """About how much is downloaded, in GB: the hub has four bytes of each parameter."""
        return self.parameters * 4 / 1000

    @property
    def memory(self) -> tuple[float, float]:
        """About how much the weights take, in GB: in 16-bit numbers, and in float32."""
        return self.parameters * 2 / 1000, self.parameters * 4 / 1000

    @property
    def speed(self) -> str:
        """A class, by size: how long one picture takes on a few CPU cores."""
        if self.parameters <= QUICK:
            return "quick: about a second"
        if self.parameters <= STEADY:
            return "steady: seconds"
        return "slow: better on a GPU"


CAPTIONERS = (
    KnownModel(
        "Salesforce/blip-image-captioning-large", 446, "BSD-3-Clause",
        "the fullest captions at this size; the preset quality",
    ),
    KnownModel(
        "Salesforce/blip-image-captioning-base", 224, "BSD-3-Clause",
        "short plain captions; the preset light",
    ),
    KnownModel(
        "microsoft/git-base-coco", 177, "MIT", "the smallest; short captions of everyday scenes"
    ),
    KnownModel("microsoft/git-large-coco", 394, "MIT", "everyday scenes, named more exactly"),
    KnownModel(
        "Salesforce/blip2-opt-2.7b", 3745, "MIT; its language model OPT: research only",
        "names more things and places; wants 16 GB and a GPU",
    ),
)  # fmt: skip

CLIPS = (
    KnownModel(
        "ViT-L-14/openai", 428, "MIT", "Stable Diffusion 1.x, and one of the two that SDXL reads"
    ),
    KnownModel("ViT-B-32/openai", 151, "MIT", "the quickest; the preset light, or a judge"),
    KnownModel("ViT-H-14/laion2b_s32b_b79k", 986, "MIT", "Stable Diffusion 2.x; the preset sd2"),
    KnownModel(
        "ViT-bigG-14/laion2b_s39b_b160k", 2540, "MIT",
        "the larger one that SDXL reads; the preset sdxl",
    ),
    KnownModel("ViT-B-32/laion2b_s34b_b79k", 151, "MIT", "as quick; a judge trained on other data"),
    KnownModel(
        "ViT-B-16-SigLIP/webli", 203, "Apache-2.0",
        "a judge trained in another way; searches slowly, reads texts only as a whole",
    ),
)  # fmt: skip

NOTE = (
    "Sizes are about: parameters as counted from each architecture, a download of four bytes of "
    "each, memory for the weights in 16-bit and 32-bit numbers. Speed is for one picture on a few "
    "CPU cores. The licence is the weights'; read it before you sell anything."
)


def as_text() -> str:
    """Return the list for a terminal."""
    parts = []
    for title, models in (("Captioners", CAPTIONERS), ("CLIPs", CLIPS)):
        parts.append(f"{title}:")
        for model in models:
            half, single = model.memory
            parts.append(
                f"  {model.name}\n"
                f"      {model.good_for}\n"
                f"      {model.parameters:,} M parameters, {model.download:.1f} GB to download, "
                f"{half:.1f}–{single:.1f} GB of memory, {model.speed}; {model.licence}"
            )
    parts.append(NOTE)
    return "\n".join(parts)
