"""The block at the top of README.md that configures a Space, against the documented fields.

https://huggingface.co/docs/hub/spaces-config-reference, as of August 2026. A Space takes no notice
of a misspelt field, so every field and value is compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from deploy.outcome import ROOT, Outcome
from interrogator.models.files import repositories
from interrogator.models.registry import PRESETS

Check = Callable[[Any], bool]

COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
HARDWARE = (
    "cpu-basic", "cpu-upgrade", "t4-small", "t4-medium", "l4x1", "l4x4", "l40sx1", "l40sx4",
    "l40sx8", "a10g-small", "a10g-large", "a10g-largex2", "a10g-largex4", "a100-large", "a100x4",
    "a100x8",
)  # fmt: skip
LICENSES = ("mit", "apache-2.0", "bsd-3-clause", "gpl-3.0", "agpl-3.0", "openrail", "unlicense")
LONGEST_DESCRIPTION = 60  # characters; the hub refuses more
OLDEST_PYTHON = (3, 11)  # that this project runs on
_REPOSITORY = r"[\w.-]+/[\w.-]+"


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _matches(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _all(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


_text, _flag = _matches(r"\S.*"), lambda value: isinstance(value, bool)
FIELDS: dict[str, tuple[Check, str]] = {
    "title": (_text, "a title"),
    "emoji": (lambda value: isinstance(value, str) and not value.isascii(), "an emoji"),
    "colorFrom": (_one_of(*COLORS), f"one of {', '.join(COLORS)}"),
    "colorTo": (_one_of(*COLORS), f"one of {', '.join(COLORS)}"),
    "sdk": (_one_of("gradio", "docker", "static"), "gradio, docker or static"),
    "sdk_version": (_matches(r"\d+\.\d+\.\d+"), "a version of Gradio in quotes or with two dots"),
    "python_version": (_matches(r"3\.\d+(\.\d+)?"), "a version such as 3.12, in quotes"),
    "suggested_hardware": (_one_of(*HARDWARE), f"one of {', '.join(HARDWARE)}"),
    "app_file": (_text, "a file of the project"),
    "base_path": (_matches(r"/.*"), "a path that begins with /"),
    "fullWidth": (_flag, "true or false"),
    "header": (_one_of("mini", "default"), "mini or default"),
    "short_description": (
        lambda value: _text(value) and len(value) <= LONGEST_DESCRIPTION,
        f"at most {LONGEST_DESCRIPTION} characters",
    ),
    "models": (_all(_matches(_REPOSITORY)), "a list of ORG/NAME"),
    "datasets": (_all(_matches(_REPOSITORY)), "a list of ORG/NAME"),
    "tags": (_all(_text), "a list of words"),
    "thumbnail": (_matches(r"https://\S+\.(png|jpg|jpeg|webp|gif)"), "the address of a picture"),
    "pinned": (_flag, "true or false"),
    "license": (_one_of(*LICENSES), "the identifier of a licence"),
    "disable_embedding": (_flag, "true or false"),
    "startup_duration_timeout": (_matches(r"\d+[smh]"), "a time such as 30m"),
    "preload_from_hub": (
        _all(_matches(_REPOSITORY + r"( [\w./,-]+( [0-9a-f]{40})?)?")),
        'a list of "ORG/NAME", "ORG/NAME file,file" or "ORG/NAME file,file commit"',
    ),
}
EXPECTED = (
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file",
    "license", "short_description", "models", "preload_from_hub", "suggested_hardware", "thumbnail",
)  # fmt: skip


def read(text: str) -> dict[str, Any]:
    """Return the fields of a README's front matter.

    Raises:
        ValueError: There is none, or it is no YAML mapping.
    """
    parts = text.split("---\n", 2)
    if len(parts) < 3 or parts[0]:
        raise ValueError("README.md does not begin with a block between two lines of ---")
    try:
        fields = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise ValueError(f"the block is no YAML: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError("the block has no fields")
    return fields


def problems(fields: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the fields: unknown, missing, of a wrong value, or untrue."""
    for name, value in fields.items():
        if name not in FIELDS:
            yield f"{name}: there is no such field"
        elif not FIELDS[name][0](value):
            yield f"{name}: {value!r} is not {FIELDS[name][1]}"
    for name in EXPECTED:
        if name not in fields:
            yield f"{name}: missing"
    app_file = str(fields.get("app_file", ""))
    if not (ROOT / app_file).is_file():
        yield f"app_file: there is no {app_file}"
    python = str(fields.get("python_version", "3.10"))
    if tuple(int(part) for part in re.findall(r"\d+", python))[:2] < OLDEST_PYTHON:
        yield f"python_version: {python} is older than this project runs on"
    yield from _preload_problems(fields)


def _preload_problems(fields: dict[str, Any]) -> Iterator[str]:
    """What is preloaded must be all that the usual models need, and be listed under `models`."""
    entries = [str(entry).split(" ") for entry in fields.get("preload_from_hub") or []]
    preloaded = {entry[0]: entry[1].split(",") if entry[1:] else None for entry in entries}
    for repository in repositories(PRESETS["quality"]):
        if repository.name not in preloaded:
            yield f"preload_from_hub: {repository.name} is missing"
            continue
        files = preloaded[repository.name]
        for needed in repository.files:
            if needed.required and files is not None and not set(needed.names) & set(files):
                yield f"preload_from_hub: {repository.name} needs {' or '.join(needed.names)}"
    for name in preloaded:
        if name not in (fields.get("models") or []):
            yield f"models: {name} is preloaded and not listed"


def check() -> Outcome:
    """Check the front matter of README.md."""
    title = "front matter of README.md"
    try:
        fields = read((ROOT / "README.md").read_text("utf-8"))
    except ValueError as error:
        return Outcome(title, problems=(str(error),))
    return Outcome(title, f"{len(fields)} fields, all documented", tuple(problems(fields)))
