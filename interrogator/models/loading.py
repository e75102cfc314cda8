"""Loading of captioner and CLIP, on one device, in one number format; no other file loads weights.

ModelNames → hub (cached? download) → local files → Models
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from interrogator.errors import InterrogatorError
from interrogator.hub.client import ProgressCallback, remove_damaged
from interrogator.hub.download import Transfers
from interrogator.models.choice import choose_names
from interrogator.models.files import (
    CLIP_WEIGHTS,
    clip_repository,
    fetch,
    own_folder,
    tag_record,
    text_config,
)
from interrogator.models.registry import SHIPPED_CLIPS, ModelNames
from interrogator.networks.blip import share_pictures
from interrogator.networks.captioner import Captioner
from interrogator.networks.clip import Clip
from interrogator.networks.libraries import open_clip, transformers
from interrogator.networks.runtime import Runtime

PAINTER = "stable-diffusion-v1-5/stable-diffusion-v1-5"  # reads what our prompts are written for
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Models:
    """A captioner and a CLIP, loaded.

    Attributes:
        names: Which.
        captioner: Writes captions; of a CLIP that is loaded alone, one without a model.
        clip: Ranks.
        runtime: Where they compute.
    """

    names: ModelNames
    captioner: Captioner
    clip: Clip
    runtime: Runtime

    def describe(self) -> dict[str, Any]:
        """Return what writes prompts, for reports: names, whether embedded, device, dtype."""
        return {
            "preset": self.names.preset,
            "caption": self.names.shown_caption,
            "clip": self.names.shown_clip,
            "embedded": self.names.embedded,
            "device": str(self.runtime.device),
            "dtype": self.runtime.dtype_name,
        }


def load(
    names: ModelNames,
    runtime: Runtime,
    report: ProgressCallback = lambda text, share: None,
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
    runtime = _runtime_of(names, runtime)
    folders = fetch(names, transfers or Transfers(), report)
    start = time.perf_counter()
    report(f"Loading {names.caption if not names.embedded else 'the embedded models'}", None)
    captioner = _load_captioner(names.caption, folders.get(names.caption), runtime)
    clip = _load_clip(names.clip, folders, runtime)
    log.info("loaded %s in %.1f s", names.preset, time.perf_counter() - start)
    return Models(names, captioner, clip, runtime)


def load_captioner(
    names: ModelNames, runtime: Runtime, transfers: Transfers | None = None
) -> Captioner:
    """Download what is missing of both models, and load the captioner alone.

    Raises:
        InterrogatorError: It cannot be had; says why and what to do.
    """
    folders = fetch(names, transfers or Transfers(), lambda text, share: None)
    return _load_captioner(names.caption, folders.get(names.caption), _runtime_of(names, runtime))


def load_without_captioner(
    names: ModelNames, runtime: Runtime, transfers: Transfers | None = None
) -> Models:
    """Download what is missing of both models, and load the CLIP alone: captions are known.

    Raises:
        InterrogatorError: It cannot be had; says why and what to do.
    """
    runtime = _runtime_of(names, runtime)
    folders = fetch(names, transfers or Transfers(), lambda text, share: None)
    clip = _load_clip(names.clip, folders, runtime)
    nobody = Captioner(None, None, runtime)  # and nobody asks it
    return Models(names, nobody, clip, runtime)


def _runtime_of(names: ModelNames, runtime: Runtime) -> Runtime:
    """Return where models compute; the embedded ones are too small to gain from a second thread.

    Nor from another format; and float32 gives the same words on every machine.
    """
    return replace(runtime, dtype=torch.float32, threads=1) if names.embedded else runtime


def load_clip(
    name: str,
    runtime: Runtime,
    report: ProgressCallback = lambda text, share: None,
    transfers: Transfers | None = None,
) -> Clip:
    """Download and load a CLIP alone, by any name that the presets could have.

    Raises:
        InterrogatorError: It cannot be had; says why and what to do.
    """
    names = clip_alone(name)
    folders = fetch(names, transfers or Transfers(), report)
    report(f"Loading {name}", None)
    return _load_clip(names.clip, folders, runtime)


def load_painter(runtime: Runtime, name: str = PAINTER) -> Any:  # noqa: ANN401
    """Return a pipeline of diffusers that draws pictures from prompts.

    Args:
        runtime: Where and in what numbers.
        name: A repository of the hub, or a folder.

    Raises:
        InterrogatorError: It cannot be had.
    """
    from diffusers import DiffusionPipeline  # an extra

    try:
        pipeline = DiffusionPipeline.from_pretrained(name, torch_dtype=runtime.dtype)
    except (OSError, ValueError) as error:
        log.warning("%s cannot be loaded: %s", name, error)
        raise InterrogatorError(f"The model {name}, which draws, cannot be had here.") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(runtime.device)


def clip_alone(name: str) -> ModelNames:
    """Return the names under which a CLIP is fetched without a captioner of its own."""
    # The embedded captioner stands in for one: nothing of it is looked for or loaded.
    return choose_names("demo", clip=SHIPPED_CLIPS.get(name, name))


def _load_captioner(name: str, folder: Path | None, runtime: Runtime) -> Captioner:
    source = str(folder or name)
    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = transformers.AutoModelForImageTextToText.from_pretrained(
            source, dtype=runtime.dtype, local_files_only=True, output_loading_info=True
        )
        if info["missing_keys"] or info["mismatched_keys"]:  # they would stay random
            raise ValueError("the weights are not those of such a model, or not all of them")
        processor = _load_processor(source)
        if not hasattr(processor, "image_processor"):
            raise ValueError("there is no processor of pictures and words beside the weights")
        if isinstance(model, transformers.BlipForConditionalGeneration):
            share_pictures(model)
    except Exception as error:  # missing, damaged and foreign files each raise their own
        raise InterrogatorError(
            f"{name} cannot be loaded as a captioner: {_first_line(error)}{_repaired(folder)}"
        ) from error
    return Captioner(model.to(runtime.device).eval(), processor, runtime)


def _load_processor(source: str) -> transformers.ProcessorMixin:
    """Load a processor whose pictures are read by PIL: the same pixels with any torchvision."""
    try:
        return transformers.AutoProcessor.from_pretrained(
            source, backend="pil", local_files_only=True
        )
    except ImportError:  # of Qwen-VL's part for videos, which has no such backend
        processor = transformers.AutoProcessor.from_pretrained(source, local_files_only=True)
        processor.image_processor = transformers.AutoImageProcessor.from_pretrained(
            source, backend="pil", local_files_only=True
        )
        return processor


def _load_clip(name: str, folders: dict[str, Path], runtime: Runtime) -> Clip:
    """Load a CLIP; on a CPU what it shows is computed in float32, and only searches are quicker."""
    on_cpu = runtime.device.type == "cpu"
    exact = replace(runtime, dtype=torch.float32) if on_cpu else runtime
    try:
        clip = replace(_build_clip(name, folders, exact), search_dtype=runtime.dtype)
        if on_cpu and isinstance(clip.model.visual, open_clip.modified_resnet.ModifiedResNet):
            clip.model.visual.to(memory_format=torch.channels_last)  # its convolutions are quicker
        return clip
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
        _convert_borrowed(model, text, runtime)
        return Clip(model.eval(), preprocess, open_clip.get_tokenizer(source), runtime, place)
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
    _convert_borrowed(model, text, runtime)
    return Clip(model.eval(), preprocess, _tokenizer(architecture, text, folders), runtime)


def _borrowed(text: dict[str, Any], folders: dict[str, Path]) -> dict[str, Any]:
    """Return what tells open_clip where the shape of a text tower of transformers lies."""
    if "hf_model_name" not in text:
        return {}
    tower = str(folders[text["hf_model_name"]])
    return {"text_cfg": {**text, "hf_model_name": tower, "hf_model_pretrained": False}}


def _convert_borrowed(model: torch.nn.Module, text: dict[str, Any], runtime: Runtime) -> None:
    """Convert all of a text tower of transformers: open_clip converts its linear layers alone."""
    if "hf_model_name" in text:
        model.text.to(runtime.dtype)


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
