"""Loading of BLIP and CLIP, on one device, in one number format. The only room that loads weights.

ModelNames → hub (cached? download) → local files → Models
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from interrogator import (
    hub,
    torchvision_ops,  # noqa: F401  (must come before open_clip and transformers)
)
from interrogator.catalogue import (
    CLIP_WEIGHTS,
    ModelNames,
    choose_names,
    repositories,
    tag_record,
)
from interrogator.errors import InterrogatorError
from interrogator.hub import Report
from interrogator.runtime import Runtime

import open_clip  # isort: skip
import transformers  # isort: skip
from transformers import BlipForConditionalGeneration, BlipProcessor  # isort: skip

from interrogator.caption import Captioner  # isort: skip
from interrogator.clip import Clip  # isort: skip

log = logging.getLogger(__name__)

KEPT_LOADED = 2  # pairs of models in memory at once


@dataclass(frozen=True)
class Models:
    """A captioner and a CLIP, loaded."""

    names: ModelNames
    captioner: Captioner
    clip: Clip
    runtime: Runtime


class ModelStore:
    """Loads models once and keeps the latest few.

    Every request holds the `Models` that it was given: nobody's change of preset reaches another
    visitor's request.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._loaded: OrderedDict[ModelNames, Models] = OrderedDict()
        self._clips: dict[str, Clip] = {}  # the latest judge
        self._lock = threading.Lock()  # for the dictionary, never held for long
        self._loading = threading.Lock()  # one download or load at a time

    def load(self, names: ModelNames, report: Report = lambda text, share: None) -> Models:
        """Return the models, downloaded and loaded if they are not in memory yet.

        Raises:
            InterrogatorError: They cannot be had; says why and what to do.
        """
        ready = self._ready(names)
        if ready:  # without waiting for what somebody else is loading
            return ready
        with self._loading:
            ready = self._ready(names)
            if ready is None:
                ready = load(names, self.runtime, report)
                with self._lock:
                    self._loaded[names] = ready
                    while len(self._loaded) > KEPT_LOADED:
                        self._loaded.popitem(last=False)
            return ready

    def _ready(self, names: ModelNames) -> Models | None:
        with self._lock:
            if names in self._loaded:
                self._loaded.move_to_end(names)
            return self._loaded.get(names)

    def load_clip(self, name: str, report: Report = lambda text, share: None) -> Clip:
        """Return a CLIP by itself, downloaded and loaded if it is not in memory yet.

        Raises:
            InterrogatorError: It cannot be had; says why and what to do.
        """
        with self._loading:
            if name not in self._clips:
                self._clips = {name: load_clip(name, self.runtime, report)}
            return self._clips[name]

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


def load_clip(name: str, runtime: Runtime, report: Report = lambda text, share: None) -> Clip:
    """Download and load a CLIP alone, by any name that the presets could have.

    Raises:
        InterrogatorError: It cannot be had; says why and what to do.
    """
    # The embedded captioner stands in for one: nothing of it is looked for or loaded.
    names = choose_names("demo", clip=name)
    folders = _fetch(names, report)
    report(f"Loading {name}", None)
    return _load_clip(names.clip, folders, runtime)


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
        model, info = BlipForConditionalGeneration.from_pretrained(
            source, dtype=runtime.dtype, local_files_only=True, output_loading_info=True
        )
        if info["missing_keys"] or info["mismatched_keys"]:  # they would stay random
            raise ValueError("the weights are not those of a BLIP captioner, or not all of them")
        # The PIL backend gives the same pixels whether or not torchvision's library is whole.
        processor = BlipProcessor.from_pretrained(source, backend="pil", local_files_only=True)
    except Exception as error:  # missing, damaged and foreign files each raise their own
        raise InterrogatorError(
            f"{name} cannot be loaded as a BLIP captioner: {_first_line(error)}"
        ) from error
    return Captioner(model.to(runtime.device).eval(), processor, runtime)


def _load_clip(name: str, folders: dict[str, Path], runtime: Runtime) -> Clip:
    try:
        return _build_clip(name, folders, runtime)
    except Exception as error:  # missing, damaged and foreign files each raise their own
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
    config = tag_record(name)
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
        # open_clip would only warn, and every vector would be slightly wrong.
        raise RuntimeError(f"{architecture} is built with an activation that {tag} never saw")
    return Clip(model.eval(), preprocess, open_clip.get_tokenizer(architecture), runtime)


def _weight_names(config: dict[str, Any]) -> tuple[str, ...]:
    filename = config["hf_hub"].rpartition("/")[2]
    return (filename,) if filename else CLIP_WEIGHTS.names


def _uses_quick_gelu(model: torch.nn.Module) -> bool:
    return any(isinstance(part, open_clip.transformer.QuickGELU) for part in model.modules())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
