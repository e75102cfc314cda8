"""Which BLIP and CLIP there are, and their loading. The only room that loads weights.

    preset or names → ModelNames → hub (cached? how large? download) → Models on one Runtime

A preset that a person named is loaded or refused with a sentence. Only where nobody named one,
`default_names` may fall back to the embedded models, and says why.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from interrogator import (
    hub,
    torchvision_ops,  # noqa: F401  (must come before open_clip and transformers)
)
from interrogator.errors import InterrogatorError
from interrogator.hub import Needed, Report, Repository
from interrogator.runtime import Runtime

import open_clip  # isort: skip
import transformers  # isort: skip
from transformers import BlipForConditionalGeneration, BlipProcessor  # isort: skip

from interrogator.caption import Captioner  # isort: skip
from interrogator.clip import Clip  # isort: skip

log = logging.getLogger(__name__)

ASSETS = Path(__file__).parent.parent / "assets"
EMBEDDED = ASSETS / "models"
KEPT_LOADED = 2  # pairs of models in memory at once


@dataclass(frozen=True)
class ModelNames:
    """What to load.

    Attributes:
        preset: The preset's name, or "custom".
        caption: A BLIP repository on the hub, or a folder.
        clip: "ARCHITECTURE/TAG" as open_clip names them, "hf-hub:ORG/REPO" or "local-dir:PATH".
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
            "demo", str(EMBEDDED / "blip"), f"local-dir:{EMBEDDED / 'clip'}",
            "tiny models that ship with the app; they know what our painter paints",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Models:
    """A captioner and a CLIP, loaded."""

    names: ModelNames
    captioner: Captioner
    clip: Clip
    runtime: Runtime


def choose_names(
    preset: str | None = None, caption: str | None = None, clip: str | None = None
) -> ModelNames:
    """Return what a person asked for; a preset, or its parts replaced by other names.

    Raises:
        InterrogatorError: There is no such preset.
    """
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
    return names


def default_names() -> tuple[ModelNames, str]:
    """Return the best preset that can be had here and, for the embedded one, why.

    Raises nothing and takes at most `hub.ANSWER_SECONDS`.
    """
    try:
        if download_bytes(PRESETS["quality"]) >= 0:
            return PRESETS["quality"], ""
    except InterrogatorError as error:
        return PRESETS["demo"], str(error)
    raise AssertionError("a size is never negative")


def download_bytes(names: ModelNames) -> int:
    """Return how many bytes would have to be downloaded to load these models; 0 when cached.

    Raises:
        InterrogatorError: The hub cannot be reached or does not have them.
    """
    missing = [r for r in repositories(names) if hub.cached_folder(r) is None]
    if not missing:
        return 0
    return sum(file.size for file in hub.survey(missing) if not file.cached)


def repositories(names: ModelNames) -> list[Repository]:
    """Return the repositories on the hub that these models come from; none for local folders."""
    found = []
    if not Path(names.caption).is_dir():
        found.append(Repository(names.caption, _BLIP_FILES))
    repository = _clip_repository(names.clip)
    if repository:
        found.append(repository)
    return found


_BLIP_FILES = (
    Needed(("config.json",)),
    Needed(("preprocessor_config.json", "processor_config.json")),
    Needed(("tokenizer.json", "vocab.txt")),
    Needed(("tokenizer_config.json",), required=False),
    Needed(("special_tokens_map.json",), required=False),
    Needed(("generation_config.json",), required=False),
    Needed(("model.safetensors", "pytorch_model.bin")),
)
_CLIP_WEIGHTS = Needed(("open_clip_model.safetensors", "open_clip_pytorch_model.bin"))
_CLIP_FOLDER = (
    Needed(("open_clip_config.json",)),
    _CLIP_WEIGHTS,
    Needed(("tokenizer.json",), required=False),
    Needed(("tokenizer_config.json",), required=False),
    Needed(("special_tokens_map.json",), required=False),
)


def _clip_repository(name: str) -> Repository | None:
    if name.startswith("local-dir:"):
        return None
    if name.startswith("hf-hub:"):
        return Repository(name.removeprefix("hf-hub:"), _CLIP_FOLDER)
    folder, _, filename = _tag_config(name)["hf_hub"].rpartition("/")
    return Repository(folder, (Needed((filename,)) if filename else _CLIP_WEIGHTS,))


def _tag_config(name: str) -> dict:
    """Return open_clip's record of "ARCHITECTURE/TAG".

    Raises:
        InterrogatorError: open_clip does not know it, or the hub does not carry it.
    """
    architecture, _, tag = name.partition("/")
    config = open_clip.get_pretrained_cfg(architecture, tag)
    if config and config.get("hf_hub"):
        return config
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tags:
        raise InterrogatorError(
            f"The CLIP {architecture} has no weights {tag!r} on the hub; its tags are "
            f"{', '.join(tags)}. Write it as {architecture}/{tags[0]}."
        )
    raise InterrogatorError(
        f"There is no CLIP {name!r}. Write ARCHITECTURE/TAG (for example ViT-B-32/openai), "
        "hf-hub:ORG/REPO or local-dir:PATH."
    )


class ModelStore:
    """Loads models once and keeps the latest few.

    Every request holds the `Models` that it was given: nobody's change of preset reaches another
    visitor's request.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._loaded: OrderedDict[ModelNames, Models] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, names: ModelNames, report: Report = lambda text, share: None) -> Models:
        """Return the models, downloaded and loaded if they are not in memory yet.

        Raises:
            InterrogatorError: They cannot be had; says why and what to do.
        """
        with self._lock:
            if names not in self._loaded:
                self._loaded[names] = load(names, self.runtime, report)
                while len(self._loaded) > KEPT_LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(names)
            return self._loaded[names]

    def is_loaded(self, names: ModelNames) -> bool:
        """Tell whether `load` would return at once."""
        return names in self._loaded


def load(names: ModelNames, runtime: Runtime, report: Report = lambda text, share: None) -> Models:
    """Download what is missing, then load both models from local files alone.

    Raises:
        InterrogatorError: They cannot be had; says why and what to do.
    """
    if names.embedded:
        # Too small to gain from another format; float32 gives the same words on every machine.
        runtime = replace(runtime, dtype=torch.float32)
    folders = _fetch(names, report)
    start = time.perf_counter()
    report(f"Loading {names.caption if not names.embedded else 'the embedded models'}", None)
    captioner = _load_blip(names.caption, folders.get(names.caption), runtime)
    clip = _load_clip(names.clip, folders, runtime)
    log.info("loaded %s in %.1f s", names.preset, time.perf_counter() - start)
    return Models(names, captioner, clip, runtime)


def _fetch(names: ModelNames, report: Report) -> dict[str, Path]:
    """Return the local folder of each repository, downloading what the cache lacks."""
    wanted = repositories(names)
    folders = {r.name: hub.cached_folder(r) for r in wanted}
    missing = [r for r in wanted if folders[r.name] is None]
    if missing:
        report("Asking the hub for the models", None)
        try:
            files = hub.survey(missing)
        except InterrogatorError as error:
            raise InterrogatorError(
                f"The models of {names.preset!r} are not on this machine. {error} "
                "Connect to the network once, or choose the preset demo."
            ) from error
        for repository in missing:
            folders[repository.name] = hub.download(repository, files, report)
    return {name: folder for name, folder in folders.items() if folder}


def _load_blip(name: str, folder: Path | None, runtime: Runtime) -> Captioner:
    source = str(folder or name)
    transformers.utils.logging.disable_progress_bar()
    try:
        model = BlipForConditionalGeneration.from_pretrained(
            source, dtype=runtime.dtype, local_files_only=True
        )
        # The PIL backend gives the same pixels whether or not torchvision's library is whole.
        processor = BlipProcessor.from_pretrained(source, backend="pil", local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise InterrogatorError(
            f"{name} cannot be loaded as a BLIP captioner: {_first_line(error)}"
        ) from error
    return Captioner(model.to(runtime.device).eval(), processor, runtime)


def _load_clip(name: str, folders: dict[str, Path], runtime: Runtime) -> Clip:
    try:
        with warnings.catch_warnings():
            # open_clip only warns when it builds an activation that the weights never saw;
            # every vector would then be slightly wrong.
            warnings.filterwarnings("error", message=".*QuickGELU mismatch.*")
            return _build_clip(name, folders, runtime)
    except (OSError, ValueError, RuntimeError, KeyError, UserWarning) as error:
        raise InterrogatorError(
            f"The CLIP {name} cannot be loaded: {_first_line(error)}"
        ) from error


def _build_clip(name: str, folders: dict[str, Path], runtime: Runtime) -> Clip:
    arguments = {"precision": runtime.precision, "device": runtime.device}
    if name.startswith(("local-dir:", "hf-hub:")):
        if name.startswith("hf-hub:"):
            # From the snapshot on disk, so that a hanging hub cannot delay what is cached.
            name = f"local-dir:{folders[name.removeprefix('hf-hub:')]}"
        model, preprocess = open_clip.create_model_from_pretrained(name, **arguments)
        return Clip(model.eval(), preprocess, open_clip.get_tokenizer(name), runtime)
    architecture, _, tag = name.partition("/")
    config = _tag_config(name)
    folder = folders[config["hf_hub"].rpartition("/")[0]]
    weights = next(folder / n for n in _weight_names(config) if (folder / n).exists())
    model, preprocess = open_clip.create_model_from_pretrained(
        architecture,
        pretrained=str(weights),
        # A file carries no record of its training, so the tag's own record is passed on.
        force_quick_gelu=config.get("quick_gelu", False),
        image_mean=config.get("mean"),
        image_std=config.get("std"),
        image_interpolation=config.get("interpolation"),
        image_resize_mode=config.get("resize_mode"),
        **arguments,
    )
    if bool(config.get("quick_gelu", False)) != _uses_quick_gelu(model):
        raise RuntimeError(f"{architecture} is built with an activation that {tag} never saw")
    return Clip(model.eval(), preprocess, open_clip.get_tokenizer(architecture), runtime)


def _weight_names(config: dict) -> tuple[str, ...]:
    filename = config["hf_hub"].rpartition("/")[2]
    return (filename,) if filename else _CLIP_WEIGHTS.names


def _uses_quick_gelu(model: torch.nn.Module) -> bool:
    return any(isinstance(part, open_clip.transformer.QuickGELU) for part in model.modules())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
