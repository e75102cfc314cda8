"""From the names of models to the folders on this machine where their files lie.

names → repositories → cached? → hub, asked once for all of them → downloads
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.hub.client import Report, Repository
from interrogator.hub.transfers import Transfers
from interrogator.models.catalogue import ModelNames, repositories
from interrogator.models.places import SHARDS, companions, split_weights


def fetch(
    names: ModelNames, transfers: Transfers, report: Report, end: float | None = None
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
    report: Report,
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
