"""The models that are known by name, and the presets made of them: nothing is loaded here.

This is the place to add a captioner, a CLIP or a preset: a line here is offered by the page, the
command, the API and Python. Any other image-to-text model of transformers, and any other CLIP that
open_clip loads, can be named as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# Installed, the assets lie in the package; in a checkout beside it.
ASSETS = next(p for p in (_PACKAGE / "assets", _PACKAGE.parent / "assets") if p.is_dir())
EMBEDDED = ASSETS / "models"
EMBEDDED_BLIP, EMBEDDED_CLIP = str(EMBEDDED / "blip"), f"local-dir:{EMBEDDED / 'clip'}"
# CLIPs that ship with the app under names of their own: one that took no part in any prompt.
SHIPPED_CLIPS = {"demo-judge": f"local-dir:{EMBEDDED / 'judge'}"}
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
        "florence-community/Florence-2-base", 230, "MIT",
        "short, detailed or more detailed captions at the size of BLIP base",
    ),
    KnownModel(
        "florence-community/Florence-2-large", 770, "MIT", "the same, named more exactly"
    ),
    KnownModel(
        "HuggingFaceTB/SmolVLM-256M-Instruct", 256, "Apache-2.0",
        "chats; a sentence or a paragraph, in 1 GB of memory",
    ),
    KnownModel(
        "HuggingFaceTB/SmolVLM-500M-Instruct", 500, "Apache-2.0", "the same, twice the size"
    ),
    KnownModel(
        "Qwen/Qwen3-VL-2B-Instruct", 2128, "Apache-2.0",
        "chats; sees text and detail; wants a GPU",
    ),
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
    # Licences: https://huggingface.co/google/siglip2-base-patch32-256 (Apache-2.0), and
    # https://github.com/apple/ml-mobileclip, LICENSE_MODELS: "exclusively for Research Purposes".
    KnownModel(
        "ViT-B-32-SigLIP2-256/webli", 377, "Apache-2.0",
        "SigLIP 2, a judge of many languages; searches slowly as well",
    ),
    KnownModel(
        "MobileCLIP2-S0/dfndr2b", 75, "Apple AMLR: research only",
        "the smallest; made for phones; reads texts only as a whole",
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


@dataclass(frozen=True)
class ModelNames:
    """What to load.

    Attributes:
        preset: The preset's name, or "custom".
        caption: A repository on the hub, or a folder, with an image-to-text model.
        clip: "ARCHITECTURE/TAG" as open_clip names them, "hf-hub:ORG/REPO" or "local-dir:PATH".
            What comes from the hub may be pinned: a branch, tag or commit after an @.
        note: What the preset is good for, in a few words.
    """

    preset: str
    caption: str
    clip: str
    note: str = ""

    @property
    def embedded(self) -> bool:
        """Whether these are the models that ship with the project."""
        return self.preset == "demo"

    @property
    def shown_caption(self) -> str:
        """What people are told of the captioner: of our own, no path of this machine."""
        return "embedded" if self.caption == EMBEDDED_BLIP else self.caption

    @property
    def shown_clip(self) -> str:
        """What people are told of the CLIP that ranks; likewise."""
        return "embedded" if self.embedded_clip else self.clip

    @property
    def embedded_clip(self) -> bool:
        """Whether the CLIP is the one that ships with the project and knows our painter's words."""
        return self.clip == EMBEDDED_CLIP


PRESETS: dict[str, ModelNames] = {
    names.preset: names
    for names in (
        ModelNames(
            "quality", "Salesforce/blip-image-captioning-large", "ViT-L-14/openai",
            "the best words; the CLIP that Stable Diffusion 1 reads",
        ),
        ModelNames(
            "light", "Salesforce/blip-image-captioning-base", "ViT-B-32/openai",
            "half the size, several times faster",
        ),
        ModelNames(
            "demo", EMBEDDED_BLIP, EMBEDDED_CLIP,
            "tiny models that ship with the app; they know what our painter paints",
        ),
        ModelNames(
            "sd2", "Salesforce/blip-image-captioning-large", "ViT-H-14/laion2b_s32b_b79k",
            "for Stable Diffusion 2; slow without a GPU",
        ),
        ModelNames(
            "sdxl", "Salesforce/blip-image-captioning-large", "ViT-bigG-14/laion2b_s39b_b160k",
            "for SDXL, the larger of its two CLIPs; wants a GPU",
        ),
    )
}  # fmt: skip
