"""A race's settings as a link, and back.

A link is written by us and edited by people, so whatever is wrong in one costs a sentence and the
default takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS, runnable_lanes
from matmul_demo.machine.accelerator import missing_gpu
from matmul_demo.options import QUOTE_LENGTH, Option, Settings, default_settings, options

SHAPE_PARAMETER = "race"  # a link with it is for a race
GRADIO_PARAMETERS = ("view", "deep_link")  # and whatever begins with two underscores


def write_query(settings: Settings) -> str:
    """The settings as a link's query, without those that are as the page has them anyway."""
    defaults = default_settings("page", type(settings))
    values = {}
    for option in options(type(settings)):
        value = getattr(settings, option.name)
        if option.parameter == SHAPE_PARAMETER or value not in (
            None,
            getattr(defaults, option.name),
        ):
            values[option.parameter] = _write(value)
    return "?" + urlencode(values, safe=",")


def _write(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def link(settings: Settings) -> str:
    """The page's own address with these settings, as HTML."""
    href = escape(write_query(settings))
    return f'<p class="race-link"><a href="{href}" target="_blank">Link to these settings</a></p>'


def read_query(
    query: Mapping[str, str], table: type[Settings] = Settings
) -> tuple[Settings, tuple[str, ...]] | None:
    """The settings that a link carries.

    Args:
        query: names and values as they stand in the link.
        table: the options.

    Returns:
        The settings, and a sentence for each part that was ignored; None when the link is not
        about a race.
    """
    if SHAPE_PARAMETER not in query:
        return None
    by_parameter = {option.parameter: option for option in options(table)}
    complaints = [
        f"A link to a race has no {name[:QUOTE_LENGTH]!r}; it may have {', '.join(by_parameter)}."
        for name in query
        if name not in (*by_parameter, *GRADIO_PARAMETERS) and not name.startswith("__")
    ]
    settings = default_settings("page", table)
    for parameter, option in by_parameter.items():
        if parameter not in query:
            continue
        try:
            value: Any = _read(option, query[parameter], complaints)
            settings = replace(settings, **{option.name: value})
        except RaceError as error:
            complaints.append(f"{error} What the link says of {parameter} was ignored.")
    return settings, tuple(complaints)


def _read(option: Option, text: str, complaints: list[str]) -> str:
    """The text of one part of a link, without what this machine cannot run.

    Lanes that other machines have are left out in silence: the chart says why they cannot run.
    """
    if option.name == "device" and text == "cuda" and (reason := missing_gpu()):
        raise RaceError(reason)
    if option.choices != KEYS:
        return text
    keys = [key.strip() for key in text.split(",")]
    here = {lane.key for lane in runnable_lanes()}
    if not here.intersection(keys):
        raise RaceError(f"No lane of {text[:QUOTE_LENGTH]!r} can run on this machine.")
    unknown = [key[:QUOTE_LENGTH] for key in keys if key not in KEYS]
    if unknown:
        complaints.append(f"There is no lane {', '.join(unknown[:5])}; the others were chosen.")
    return ",".join(key for key in keys if key in here)
