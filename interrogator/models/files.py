"""Which files captioners and CLIPs need, and where they lie on this machine.

names → repositories → cached? → hub, asked once for all of them → downloads → folders
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.hub.client import Needed, ProgressCallback, RemoteFile, Repository
from interrogator.hub.download import Transfers
from interrogator.models.memory import check_memory, fits
from interrogator.models.registry import PRESETS, ModelNames
from interrogator.networks.libraries import open_clip

SHARDS = "model.safetensors.index.json"  # names the files of weights that are split
_SHARD = re.compile(r"[\w-]+\.safetensors")

_TOKENIZER_FILES = (
    Needed(("tokenizer.json", "sentencepiece.bpe.model", "spiece.model", "vocab.txt")),
    Needed(("tokenizer_config.json",), required=False),
    Needed(("special_tokens_map.json",), required=False),
    Needed(("config.json",), required=False),
)
CAPTIONER_FILES = (
    Needed(("config.json",)),
    Needed(("preprocessor_config.json", "processor_config.json")),
    Needed(("processor_config.json",), required=False),
    Needed(("tokenizer.json", "vocab.txt", "vocab.json")),
    Needed(("tokenizer_config.json",), required=False),
    Needed(("special_tokens_map.json",), required=False),
    Needed(("added_tokens.json",), required=False),
    Needed(("merges.txt",), required=False),
    Needed(("chat_template.jinja", "chat_template.json"), required=False),
    Needed(("generation_config.json",), required=False),
    Needed(("model.safetensors", SHARDS, "pytorch_model.bin")),
)
CLIP_WEIGHTS = Needed(("open_clip_model.safetensors", "open_clip_pytorch_model.bin"))
_CLIP_FOLDER = (
    Needed(("open_clip_config.json",)),
    CLIP_WEIGHTS,
    *(replace(needed, required=False) for needed in _TOKENIZER_FILES),
)


def split_weights(captioner: str, index: str | bytes) -> Repository:
    """Return the files of a captioner's weights where they are split.

    Args:
        captioner: Its repository's name.
        index: The contents of its file `SHARDS`.

    Raises:
        InterrogatorError: The index is damaged.
    """
    try:
        names = sorted(set(json.loads(index)["weight_map"].values()))
        if not names or not all(map(_SHARD.fullmatch, names)):  # it could be a path to anywhere
            raise ValueError(names)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InterrogatorError(f"The index of the weights of {captioner} is damaged.") from error
    return Repository(captioner, tuple(Needed((name,)) for name in names))


def companions(text_config: dict[str, Any], own_tokenizer: bool = False) -> list[Repository]:
    """Return the repositories that a CLIP borrows from: a tokenizer's, and a text tower's shape.

    Args:
        text_config: `text_cfg` of open_clip's configuration.
        own_tokenizer: Whether the tokenizer lies beside the CLIP's weights.
    """
    tower, tokenizer = text_config.get("hf_model_name"), text_config.get("hf_tokenizer_name")
    found: dict[str, tuple[Needed, ...]] = {}
    if tokenizer and not own_tokenizer:
        found[tokenizer] = _TOKENIZER_FILES
    if tower:
        found[tower] = (*found.get(tower, ()), Needed(("config.json",)))
    return [Repository(name, files) for name, files in found.items()]


def clip_repository(name: str) -> Repository:
    """Return the repository that a CLIP of the hub comes from.

    Raises:
        InterrogatorError: open_clip does not know the name, or the hub does not carry it.
    """
    if name.startswith("hf-hub:"):
        return Repository(name.removeprefix("hf-hub:"), _CLIP_FOLDER)
    folder, _, filename = tag_record(name)["hf_hub"].rpartition("/")
    pinned = "".join(name.partition("@")[1:])
    return Repository(folder + pinned, (Needed((filename,)) if filename else CLIP_WEIGHTS,))


def tag_record(name: str) -> dict[str, Any]:
    """Return open_clip's record of "ARCHITECTURE/TAG", whatever revision follows an @.

    Raises:
        InterrogatorError: open_clip does not know it, or the hub does not carry it.
    """
    architecture, _, tag = name.partition("@")[0].partition("/")
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


def fetch(
    names: ModelNames, transfers: Transfers, report: ProgressCallback, end: float | None = None
) -> dict[str, Path]:
    """Return the local folder of each repository by name, downloading what the cache lacks.

    Args:
        names: Which models.
        transfers: The downloads of this process.
        report: Told how far they are.
        end: Until when downloads are waited for, by the monotonic clock; None: until they are done.

    Raises:
        InterrogatorError: The hub cannot be reached or lacks something, or a download failed.
    """
    folders = _fetch(names.preset, repositories(names), transfers, report, end)
    folders |= _fetch(names.preset, shards(names.caption, folders), transfers, report, end)
    place = own_folder(names.clip, folders)
    if place is not None:  # only what lies there tells what else it needs
        more = companions(text_config(place), own_tokenizer=True)
        folders |= _fetch(names.preset, more, transfers, report, end)
    return folders


def _fetch(
    preset: str,
    wanted: list[Repository],
    transfers: Transfers,
    report: ProgressCallback,
    end: float | None,
) -> dict[str, Path]:
    cached = {repository.name: client.cached_folder(repository) for repository in wanted}
    missing = [repository for repository in wanted if cached[repository.name] is None]
    folders = {name: folder for name, folder in cached.items() if folder}
    if not missing:
        return folders
    report("Asking the hub for the models", None)
    try:
        found = client.survey(missing)  # of all of them, before the first byte of any
    except InterrogatorError as error:
        raise InterrogatorError(
            f"The models of {preset!r} are not on this machine. {error} "
            "Connect to the network once, or choose the preset demo."
        ) from error
    return folders | transfers.fetch(missing, found, report, end)


def shards(captioner: str, folders: dict[str, Path]) -> list[Repository]:
    """Return the files of a captioner's weights where they are split, as their index names them.

    Raises:
        InterrogatorError: The index is damaged.
    """
    index = folders[captioner] / SHARDS if captioner in folders else None
    if index is None or not index.exists():
        return []
    return [split_weights(captioner, index.read_bytes())]


def own_folder(clip: str, folders: dict[str, Path]) -> Path | None:
    """Return where a CLIP with a configuration of its own lies; None for those of open_clip."""
    schema, _, rest = clip.partition(":")
    return {"hf-hub": folders.get(rest), "local-dir": Path(rest)}.get(schema)


def text_config(place: Path) -> dict[str, Any]:
    """Return `text_cfg` of the configuration in a CLIP's folder; empty where there is none."""
    try:
        config = json.loads((place / "open_clip_config.json").read_text("utf-8"))
        return dict(config["model_cfg"]["text_cfg"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # loading the CLIP says what is wrong with it


def default_names() -> tuple[ModelNames, str]:
    """Return the best preset that fits and can be had here and, for the embedded one, why.

    Raises nothing and takes at most `client.ANSWER_SECONDS`.
    """
    names = PRESETS["quality"] if fits(PRESETS["quality"]) else PRESETS["light"]
    try:
        check_memory(names.caption, names.clip)
        download_bytes(names)  # says whether they can be had
    except InterrogatorError as error:
        return PRESETS["demo"], str(error)
    return names, ""


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
    return _merged(found)


def _merged(repositories: list[Repository]) -> list[Repository]:
    """Return each repository once: SigLIP's tokenizer lies beside its weights."""
    needed: dict[str, tuple[Needed, ...]] = {}
    for repository in repositories:
        needed[repository.name] = (*needed.get(repository.name, ()), *repository.files)
    return [Repository(name, names) for name, names in needed.items()]
