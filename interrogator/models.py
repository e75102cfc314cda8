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
    memory,
    torchvision_ops,  # noqa: F401  (must come before open_clip, transformers)
)
from interrogator.catalogue import ModelNames, check_memory, choose_names
from interrogator.download import remove_damaged
from interrogator.errors import InterrogatorError
from interrogator.files import fetch, own_folder, text_config
from interrogator.hub import Report
from interrogator.places import CLIP_WEIGHTS, clip_repository, tag_record
from interrogator.runtime import Runtime, choose_runtime
from interrogator.transfers import Transfers

import open_clip  # isort: skip
import transformers  # isort: skip
from transformers import AutoModelForImageTextToText, AutoProcessor  # isort: skip
from transformers import BlipForConditionalGeneration  # isort: skip

from interrogator.blip import share_pictures  # isort: skip
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

    def __init__(self, runtime: Runtime | None = None) -> None:
        self._runtime = runtime
        self._loaded: OrderedDict[ModelNames, Models] = OrderedDict()
        self._clips: dict[str, Clip] = {}  # the latest judge
        self._lock = threading.Lock()  # for the dictionary, never held for long
        self._loading = threading.Lock()  # one load at a time
        self._transfers = Transfers()

    @property
    def runtime(self) -> Runtime:
        """Where the models compute: chosen where and when the first of them is loaded."""
        if self._runtime is None:
            self._runtime = choose_runtime()
        return self._runtime

    def fetch(
        self,
        names: ModelNames,
        judge: str | None,
        report: Report = lambda text, share: None,
        patience: float | None = None,
    ) -> None:
        """Bring the files of models and judge to this machine; takes no processor to speak of.

        Args:
            names: Which models.
            judge: The name of a second CLIP.
            report: Told what is being downloaded.
            patience: For how many seconds downloads are waited for; they go on afterwards.

        Raises:
            InterrogatorError: They cannot be had, or not yet; says why and what to do.
        """
        check_memory(names.caption, names.clip, *([judge] if judge else []))
        end = None if patience is None else time.monotonic() + patience  # of all together
        if not self.is_loaded(names):
            fetch(names, self._transfers, report, end)
        if judge and judge not in self._clips:
            fetch(_clip_alone(judge), self._transfers, report, end)

    def load(self, names: ModelNames, report: Report = lambda text, share: None) -> Models:
        """Return the models, downloaded and loaded if they are not in memory yet.

        Raises:
            InterrogatorError: They cannot be had; says why and what to do.
        """
        ready = self._ready(names)
        if ready:  # without waiting for what somebody else is loading
            return ready
        self.fetch(names, None, report)  # while others load
        with self._loading:
            ready = self._ready(names)
            if ready is None:
                self._make_room(names.caption, names.clip)
                ready = load(names, self.runtime, report, self._transfers)
                with self._lock:
                    self._loaded[names] = ready
                    while len(self._loaded) > KEPT_LOADED:
                        self._loaded.popitem(last=False)
            return ready

    def _make_room(self, *names: str) -> None:
        """Forget models that have to go before others can be in this machine's memory.

        Raises:
            InterrogatorError: They do not fit even alone, in the numbers of this runtime.
        """
        if self.runtime.device.type != "cpu":
            return
        single = self.runtime.dtype == torch.float32
        check_memory(*names, single=single)
        with self._lock:
            while self._loaded or self._clips:
                beside = [name for kept in self._loaded for name in (kept.caption, kept.clip)]
                if memory.needed(*names, *beside, *self._clips, single=single) <= memory.limit():
                    break
                if self._loaded:
                    self._loaded.popitem(last=False)
                else:
                    self._clips = {}

    def _ready(self, names: ModelNames) -> Models | None:
        with self._lock:
            if names in self._loaded:
                self._loaded.move_to_end(names)
            return self._loaded.get(names)

    def load_judge(
        self, name: str, beside: ModelNames, report: Report = lambda text, share: None
    ) -> Clip:
        """Return a CLIP by itself, downloaded and loaded if it is not in memory yet.

        Args:
            name: Which CLIP.
            beside: The models that stay in use meanwhile.
            report: Told what is being downloaded or loaded.

        Raises:
            InterrogatorError: It cannot be had; says why and what to do.
        """
        fetch(_clip_alone(name), self._transfers, report)
        with self._loading:
            if name not in self._clips:
                self._clips = {}
                self._make_room(name, beside.caption, beside.clip)
                self._clips = {name: load_clip(name, self.runtime, report, self._transfers)}
            return self._clips[name]

    def is_loaded(self, names: ModelNames) -> bool:
        """Tell whether `load` would return at once."""
        return names in self._loaded


def load(
    names: ModelNames,
    runtime: Runtime,
    report: Report = lambda text, share: None,
    transfers: Transfers | None = None,
) -> Models:
    """Download what is missing, then load both models from local files alone.

    Args:
        names: Which models.
        runtime: Where and in what numbers they compute.
        report: Told what is being downloaded or loaded.
        transfers: The downloads of this process, so that none runs twice.

    Raises:
        InterrogatorError: They cannot be had; says why and what to do.
    """
    if names.embedded:
        # Too small to gain from another format; float32 gives the same words on every machine.
        runtime = replace(runtime, dtype=torch.float32)
    folders = fetch(names, transfers or Transfers(), report)
    start = time.perf_counter()
    report(f"Loading {names.caption if not names.embedded else 'the embedded models'}", None)
    captioner = _load_captioner(names.caption, folders.get(names.caption), runtime)
    clip = _load_clip(names.clip, folders, runtime)
    log.info("loaded %s in %.1f s", names.preset, time.perf_counter() - start)
    return Models(names, captioner, clip, runtime)


def load_clip(
    name: str,
    runtime: Runtime,
    report: Report = lambda text, share: None,
    transfers: Transfers | None = None,
) -> Clip:
    """Download and load a CLIP alone, by any name that the presets could have.

    Raises:
        InterrogatorError: It cannot be had; says why and what to do.
    """
    names = _clip_alone(name)
    folders = fetch(names, transfers or Transfers(), report)
    report(f"Loading {name}", None)
    return _load_clip(names.clip, folders, runtime)


def _clip_alone(name: str) -> ModelNames:
    # The embedded captioner stands in for one: nothing of it is looked for or loaded.
    return choose_names("demo", clip=name)


def _load_captioner(name: str, folder: Path | None, runtime: Runtime) -> Captioner:
    source = str(folder or name)
    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = AutoModelForImageTextToText.from_pretrained(
            source, dtype=runtime.dtype, local_files_only=True, output_loading_info=True
        )
        if info["missing_keys"] or info["mismatched_keys"]:  # they would stay random
            raise ValueError("the weights are not those of such a model, or not all of them")
        # The PIL backend gives the same pixels whether or not torchvision's library is whole.
        processor = AutoProcessor.from_pretrained(source, backend="pil", local_files_only=True)
        if not hasattr(processor, "image_processor"):
            raise ValueError("there is no processor of pictures and words beside the weights")
        if isinstance(model, BlipForConditionalGeneration):
            share_pictures(model)
    except Exception as error:  # missing, damaged and foreign files each raise their own
        raise InterrogatorError(
            f"{name} cannot be loaded as a captioner: {_first_line(error)}{_repaired(folder)}"
        ) from error
    return Captioner(model.to(runtime.device).eval(), processor, runtime)


def _load_clip(name: str, folders: dict[str, Path], runtime: Runtime) -> Clip:
    try:
        return _build_clip(name, folders, runtime)
    except Exception as error:  # missing, damaged and foreign files each raise their own
        raise InterrogatorError(
            f"The CLIP {name} cannot be loaded: {_first_line(error)}{_repaired(*folders.values())}"
        ) from error


def _repaired(*folders: Path | None) -> str:
    """Remove what the disk damaged of a download, so that it is fetched anew; say what it was."""
    damaged = [name for folder in folders if folder for name in remove_damaged(folder)]
    if not damaged:
        return ""
    return (
        f". On this disk {' and '.join(damaged)} had been damaged and was removed: try again, and "
        "it is downloaded anew."
    )


def _build_clip(name: str, folders: dict[str, Path], runtime: Runtime) -> Clip:
    arguments: dict[str, Any] = {"precision": runtime.precision, "device": runtime.device}
    # From folders on disk alone, so that a hanging hub cannot delay what is cached.
    place = own_folder(name, folders)
    if place is not None:
        text = text_config(place)
        source = f"local-dir:{place}"
        model, preprocess = open_clip.create_model_from_pretrained(
            source, **arguments, **_borrowed(text, folders)
        )
        return Clip(model.eval(), preprocess, open_clip.get_tokenizer(source), runtime)
    architecture, _, tag = name.partition("@")[0].partition("/")
    config, text = tag_record(name), open_clip.get_model_config(architecture)["text_cfg"]
    folder = folders[clip_repository(name).name]
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
        **_borrowed(text, folders),
    )
    if bool(config.get("quick_gelu", False)) != _uses_quick_gelu(model):
        # open_clip would only warn, and every vector would be slightly wrong.
        raise RuntimeError(f"{architecture} is built with an activation that {tag} never saw")
    return Clip(model.eval(), preprocess, _tokenizer(architecture, text, folders), runtime)


def _borrowed(text: dict[str, Any], folders: dict[str, Path]) -> dict[str, Any]:
    """Return what tells open_clip where the shape of a text tower of transformers lies."""
    if "hf_model_name" not in text:
        return {}
    tower = str(folders[text["hf_model_name"]])
    return {"text_cfg": {**text, "hf_model_name": tower, "hf_model_pretrained": False}}


def _tokenizer(architecture: str, text: dict[str, Any], folders: dict[str, Path]) -> Any:  # noqa: ANN401
    if "hf_tokenizer_name" not in text:
        return open_clip.get_tokenizer(architecture)
    # As get_tokenizer does it, which would ask the hub.
    return open_clip.tokenizer.HFTokenizer(
        str(folders[text["hf_tokenizer_name"]]),
        context_length=text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH),
        tokenizer_mode=text.get("tokenizer_mode"),
        **text.get("tokenizer_kwargs", {}),
    )


def _weight_names(config: dict[str, Any]) -> tuple[str, ...]:
    filename = config["hf_hub"].rpartition("/")[2]
    return (filename,) if filename else CLIP_WEIGHTS.names


def _uses_quick_gelu(model: torch.nn.Module) -> bool:
    return any(isinstance(part, open_clip.transformer.QuickGELU) for part in model.modules())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
