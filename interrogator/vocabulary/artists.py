"""Who the artists of a list were: what decides whether they may be named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Artist:
    """Who an artist was; years before the common era are negative, unknown ones are None.

    Attributes:
        name: As it is written.
        born: Year of birth.
        died: Year of death.
        active_until: When the movements of an artist without years were over.
    """

    name: str
    born: int | None = None
    died: int | None = None
    active_until: int | None = None


def artist_of(name: str, details: Mapping[str, str], ends: Mapping[str, int | None]) -> Artist:
    """Return the artist of a table's row.

    Args:
        name: As it stands in the row, cleaned.
        details: The row, by column: `born`, `died`, and `movements` joined by semicolons.
        ends: Movement → the last year of its period, or None.
    """
    born, died = (_year(details.get(column) or "") for column in ("born", "died"))
    until = None
    if born is None and died is None:
        theirs = [ends.get(m.strip()) for m in (details.get("movements") or "").split(";")]
        known = [end for end in theirs if end is not None]
        until = max(known) if len(known) == len(theirs) else None
    return Artist(name, born, died, until)


def period_end(period: str) -> int | None:
    """Return the last year of "15th–16th century", "1920s–1930s" or "618–907"; None if open.

    What ended before the common era ends with the year 0.
    """
    if not re.match(r"(about |around |early |mid-|late )*\d", period):
        return None
    before, _, common = period.rpartition("BC")
    common = common.removeprefix("E")
    centuries = [int(c) * 100 for c in re.findall(r"\b(\d\d?)(?:st|nd|rd|th)\b", common)]
    years = [int(y) + 9 * bool(s) for y, s in re.findall(r"\b(\d{3,4})(s?)\b", common)]
    return max([*centuries, *years], default=0 if before else None)


def _year(cell: str) -> int | None:
    return int(cell) if re.fullmatch(r"\s*-?\d{1,4}\s*", cell) else None
