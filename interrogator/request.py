"""What the options mean: their values → a typed request. A new option is used here.

Page, API, command and Python all come through `request_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interrogator.models.choice import choose_names
from interrogator.models.registry import ModelNames
from interrogator.networks.captioning import Captioning
from interrogator.prompts.rules import Rules
from interrogator.settings import Settings
from interrogator.vocabulary.policy import default_policy, is_plain
from interrogator.vocabulary.selection import WordChoice, choose_words


@dataclass(frozen=True)
class Request:
    """What is wanted of a picture; it can be sent to another process.

    Attributes:
        names: Which models.
        settings: Of an interrogation: mode, caption and rules.
        words: Whose names, bans and lists.
        judge: The name of a second CLIP that scores the finished prompts, or None.
        keep_tables: Whether the tables of lists that are not ours may be kept on disk.
    """

    names: ModelNames
    settings: Settings = field(default_factory=Settings)
    words: WordChoice = field(default_factory=WordChoice)
    judge: str | None = None
    keep_tables: bool = False


def request_of(
    values: Mapping[str, Any],
    default_preset: Callable[[], str],
    keep_tables: bool = False,
) -> Request:
    """Return what the values of the options mean; those that a task does not have are defaults.

    Args:
        values: Option → value, as `options.parse` returns them.
        default_preset: Called where nobody chose models.
        keep_tables: As the request's.

    Raises:
        InterrogatorError: They contradict each other, or lists cannot be read.
    """
    words = words_of(values)  # a mistake in a list should not cost a question to the hub
    return Request(
        names_of(values, default_preset),
        settings_of(values) if "mode" in values else Settings(),
        words,
        values.get("judge") or None,
        keep_tables,
    )


def names_of(values: Mapping[str, Any], default_preset: Callable[[], str]) -> ModelNames:
    """Return the models that are meant: a preset, or the default, or its parts replaced."""
    preset = values["preset"]
    caption_model, clip = values.get("caption_model") or None, values["clip"] or None
    if preset is None and not (caption_model and clip):
        preset = default_preset()
    return choose_names(preset, caption_model, clip)


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Return mode, caption and rules."""
    plain_bans = tuple(filter(is_plain, values["banned"]))
    rules = Rules(
        fewest=values["fewest"],
        most=values["most"],
        artists=values["artists"],
        daring=values["daring"],
        pinned=values["pinned"],
        dropped=values["dropped"],
        banned=plain_bans,
    )
    captioning = Captioning(
        beams=values["caption_beams"],
        fewest=values["caption_fewest"],
        most=values["caption_most"],
        no_repeat=values["caption_no_repeat"],
        detail=values["caption_detail"],
    )
    return Settings(
        mode=values["mode"],
        caption=values["caption"],
        rules=rules,
        with_negative=values["with_negative"],
        seconds=values["seconds"],
        captioning=captioning,
        target=values["target"],
    )


def words_of(values: Mapping[str, Any]) -> WordChoice:
    """Return whose names, bans and lists are meant."""
    if "name_artists" not in values:
        return WordChoice()
    policy = default_policy(
        values["name_artists"], values["banned"], None if values["safety"] else False
    )
    return choose_words(
        policy, values["own_words"], values["own_files"], values["own_lists"],
        values["vocabulary"], values["add_vocabulary"],
    )  # fmt: skip
