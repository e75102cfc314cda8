"""The HTML that the charts share: tables and notices. Text is escaped here, and only here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

SCROLLS = ' tabindex="0" role="region" aria-label="Table"'  # so that the arrow keys scroll it


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `note` is said after the text in the muted colour, `kind` is its class."""

    text: str
    note: str = ""
    columns: int = 1
    kind: str = ""

    def draw(self, tag: str = "td", scope: str = "") -> str:
        """The cell as HTML."""
        note = f' <span class="muted">{escape(self.note)}</span>' if self.note else ""
        span = f' colspan="{self.columns}"' if self.columns > 1 else ""
        scope = f' scope="{scope}"' if scope else ""
        return (
            f"<{tag}{scope}{attribute('class', self.kind)}{span}>{escape(self.text)}{note}</{tag}>"
        )


def attribute(name: str, value: str) -> str:
    """An attribute of an element; nothing where it has no value."""
    return f' {name}="{escape(value)}"' if value else ""


def row(*cells: str | Cell, kind: str = "", title: str = "", scope: str = "row") -> str:
    """A row whose first cell names it."""
    first, *others = (cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)
    drawn = first.draw("th", scope) + "".join(cell.draw() for cell in others)
    return f"<tr{attribute('class', kind)}{attribute('title', title)}>{drawn}</tr>"


def table(
    columns: Sequence[str],
    rows: Iterable[str],
    kind: str = "race-table",
    widths: Sequence[int] = (),
) -> str:
    """A table with a head.

    Args:
        columns: their names.
        rows: from `row`.
        kind: the classes in the stylesheet.
        widths: of the columns in per cent, so that they stay in place; none to let them fit.
    """
    head = "".join(Cell(name).draw("th", "col") for name in columns)
    fixed = "".join(f'<col style="width:{width}%">' for width in widths)
    return (
        f"<div{attribute('class', kind)}{SCROLLS}><table>{fixed}<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def notice(message: str) -> str:
    """A sentence about something that the visitor can mend."""
    return f'<p class="race-notice" role="alert">{escape(message)}</p>'
