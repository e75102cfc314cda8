"""Where the files of captioners and CLIPs lie: repositories, and what is needed of each."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.hub.client import Needed, Repository
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
