"""Which BLIP and CLIP there are: presets, names, what may be named, and how large they are.

A preset that a person named is loaded or refused with a sentence. Only where nobody named one,
`default_names` may fall back to the embedded models, and says why.
"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.hub.client import RemoteFile, Repository
from interrogator.models import memory
from interrogator.models.places import (
    CAPTIONER_FILES,
    SHARDS,
    clip_repository,
    companions,
    split_weights,
)
from interrogator.models.registry import CAPTIONERS, CLIPS
from interrogator.networks.libraries import open_clip

log = logging.getLogger(__name__)

MOST_NAME = 200  # characters of a model's name
ASSETS = Path(__file__).parents[2] / "assets"
EMBEDDED = ASSETS / "models"
EMBEDDED_BLIP, EMBEDDED_CLIP = str(EMBEDDED / "blip"), f"local-dir:{EMBEDDED / 'clip'}"


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


def choose_names(
    preset: str | None = None, caption: str | None = None, clip: str | None = None
) -> ModelNames:
    """Return what a person asked for; a preset, or its parts replaced by other names.

    Raises:
        InterrogatorError: There is no such preset, a name cannot be that of a model, or they do not
            fit into memory.
    """
    for name in filter(None, (caption, clip)):
        _check_name(name)
    if preset is not None and preset not in PRESETS:
        raise InterrogatorError(
            f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}."
        )
    names = PRESETS[preset or "quality"]
    if caption or clip:
        names = replace(
            names,
            preset="custom",
            caption=caption or names.caption,
            clip=clip or names.clip,
            note="",
        )
    check_memory(names.caption, names.clip)
    return names


def check_memory(*names: str, single: bool = False) -> None:
    """Refuse known models that are too large for this machine, whatever else it does.

    Args:
        names: Captioners and CLIPs that are to be in memory at once.
        single: Whether in float32; else in 16-bit numbers.

    Raises:
        InterrogatorError: They do not fit; says what they need, what there is, and what would fit.
    """
    needed, limit = memory.needed(*names, single=single), memory.limit()
    if needed <= limit:
        return
    them = [model.name for model in memory.known(*names)]
    fit = [preset.preset for preset in PRESETS.values() if _fits(preset, single)]
    raise InterrogatorError(
        f"{' and '.join(them)} need{'s' * (len(them) == 1)} about {needed:.1f} GB of memory, and "
        f"{limit:.1f} GB are to be had here. Choose smaller models; these presets fit: "
        f"{', '.join(fit)}."
    )


def _fits(names: ModelNames, single: bool = False) -> bool:
    return memory.needed(names.caption, names.clip, single=single) <= memory.limit()


def _check_name(name: str) -> None:
    """Refuse what can be the name of no model, so that disk and hub are not asked for it."""
    if len(name) > MOST_NAME or not name.isprintable():
        raise InterrogatorError(
            f"{name[:40]!r}{'…' * (len(name) > 40)} is no name of a model: one has up to "
            f"{MOST_NAME} characters, all of them printable."
        )


def check_offered(*names: str) -> None:
    """Allow any model, but on a Space those of the list alone: disk and memory are shared there.

    INTERROGATOR_MODELS, "any" or "known", says otherwise.

    Raises:
        InterrogatorError: A model is not offered here, or its name cannot be one.
    """
    for name in names:
        _check_name(name)
    if _offers() == "any":
        return
    offered = [model.name for model in (*CAPTIONERS, *CLIPS)]
    for name in filter(None, names):
        if name not in offered:
            raise InterrogatorError(
                f"{name!r} is not offered on this server; choose one of {', '.join(offered)}. "
                "On a machine of your own any model can be named."
            )


def _offers() -> str:
    usual = "known" if os.environ.get("SPACE_ID") else "any"
    said = os.environ.get("INTERROGATOR_MODELS", usual)
    if said.lower() in ("any", "known"):
        return said.lower()
    _warn(f"INTERROGATOR_MODELS is 'any' or 'known', not {said!r}; it counts as {usual!r} here.")
    return usual


@functools.cache  # once, and not with every request
def _warn(text: str) -> None:
    log.warning("%s", text)


def default_names() -> tuple[ModelNames, str]:
    """Return the best preset that fits and can be had here and, for the embedded one, why.

    Raises nothing and takes at most `client.ANSWER_SECONDS`.
    """
    names = PRESETS["quality"] if _fits(PRESETS["quality"]) else PRESETS["light"]
    try:
        check_memory(names.caption, names.clip)
        download_bytes(names)  # says whether they can be had
    except InterrogatorError as error:
        return PRESETS["demo"], str(error)
    return names, ""


def active_notice(names: ModelNames, reason: str = "") -> str:
    """Return which models are active and, for the embedded ones, why and how to get the real ones.

    The same words stand on the page, in the server's log and on the command line.
    """
    if not names.embedded:
        return (
            f"Models: {names.preset} ({names.caption}, {names.clip}). They are loaded with the "
            "first picture; Settings tell how much is downloaded for that."
        )
    why = f" {reason}" if reason else ""
    how = "connect this machine to the model hub and choose the preset light or quality."
    if not _fits(PRESETS["light"]):
        how = "take a machine with more memory."
    return (
        "Demo models are active. They ship with the app, are tiny, and know only what our painter "
        "paints: twelve subjects, twenty movements, twelve mediums. For other pictures their words "
        f"are guesses.{why} For the real models, {how}"
    )


def download_bytes(names: ModelNames) -> int:
    """Return how many bytes would have to be downloaded to load these models; 0 when cached.

    Of weights that are split the index is read first, and the hub asked again, for each part.

    Raises:
        InterrogatorError: The hub cannot be reached or does not have them.
    """
    wanted = repositories(names)
    missing = [repository for repository in wanted if client.cached_folder(repository) is None]
    found = client.survey(missing) if missing else []
    index = _index(names.caption, wanted, found)
    if index is not None:
        shards = split_weights(names.caption, index)
        found += client.survey([shards]) if client.cached_folder(shards) is None else []
    return sum(file.size for file in found if not file.cached)


def _index(captioner: str, wanted: list[Repository], found: list[RemoteFile]) -> bytes | None:
    """Return what says which files a captioner's weights are, if split; from the hub or here."""
    for file in found:
        if (file.repository, file.name) == (captioner, SHARDS):
            return client.read(file)
    here = [
        client.cached_folder(repository) for repository in wanted if repository.name == captioner
    ]
    path = here[0] / SHARDS if here and here[0] else None
    return path.read_bytes() if path and path.exists() else None


def repositories(names: ModelNames) -> list[Repository]:
    """Return the repositories on the hub that these models come from; none for local folders.

    A CLIP of the hub or of a folder may name more in its own configuration: see `companions`.
    """
    found = []
    if not os.path.isdir(names.caption):  # noqa: PTH112 (Path's raises at what is too long)
        found.append(Repository(names.caption, CAPTIONER_FILES))
    if not names.clip.startswith("local-dir:"):
        found.append(clip_repository(names.clip))
    if not names.clip.startswith(("local-dir:", "hf-hub:")):
        config = open_clip.get_model_config(names.clip.partition("/")[0]) or {}
        found += companions(config.get("text_cfg", {}))
    return found
