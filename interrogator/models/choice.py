"""What a person chooses of the models: a preset or names, what is offered here, what it means.

A preset that a person named is loaded or refused with a sentence.
"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import replace

from interrogator.errors import InterrogatorError
from interrogator.models.memory import check_memory, fits
from interrogator.models.registry import CAPTIONERS, CLIPS, PRESETS, SHIPPED_CLIPS, ModelNames

log = logging.getLogger(__name__)

MOST_NAME = 200  # characters of a model's name


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
    offered = [*(model.name for model in (*CAPTIONERS, *CLIPS)), *SHIPPED_CLIPS]
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
    if not fits(PRESETS["light"]):
        how = "take a machine with more memory."
    return (
        "Demo models are active. They ship with the app, are tiny, and know only what our painter "
        "paints: twelve subjects, twenty movements, twelve mediums. For other pictures their words "
        f"are guesses.{why} For the real models, {how}"
    )
