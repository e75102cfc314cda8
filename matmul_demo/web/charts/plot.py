"""Plots on two logarithmic axes as HTML and SVG: the frame, lines and marks that others fill.

Positions are per cent of the plot's area, so that one drawing serves every width. Lines are SVG
that is stretched while its strokes are not; text and marks are HTML, which never is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Point = tuple[float, float]  # in the units of the two axes


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from 10^`low` to 10^`high`; whole numbers mean whole decades."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Position of a value on the axis, 0 to 100."""
        position = (math.log10(value) - self.low) / (self.high - self.low)
        return 100 * min(max(position, 0.0), 1.0)

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return 10.0**self.low, 10.0**self.high

    @property
    def decades(self) -> tuple[float, ...]:
        """The powers of ten on the axis."""
        exponents = range(math.ceil(self.low), math.floor(self.high) + 1)
        return tuple(10.0**exponent for exponent in exponents)


def spanning(values: Iterable[float], margin: float = 1.3, least: int = 2) -> Axis:
    """The decades that hold all values with a margin (a factor), at least `least` of them."""
    numbers = list(values)
    low = math.floor(math.log10(min(numbers) / margin))
    high = math.ceil(math.log10(max(numbers) * margin))
    return Axis(low, max(high, low + least))


@dataclass(frozen=True)
class Frame:
    """Two axes with their names; `x_ticks` are the values to label, None for whole decades."""

    x: Axis
    y: Axis
    x_name: str
    y_name: str
    x_ticks: tuple[float, ...] | None = None

    def place(self, point: Point) -> tuple[float, float]:
        """Per cent from the left and from the top."""
        return self.x.percent(point[0]), 100 - self.y.percent(point[1])

    def line(self, points: Sequence[Point], kind: str) -> str:
        """A line through the points; `kind` is its class in the stylesheet."""
        places = " ".join(f"{x:.2f},{y:.2f}" for x, y in map(self.place, points))
        return f'<polyline class="{kind}" points="{places}"/>'

    def mark(self, point: Point, kind: str, title: str) -> str:
        """A mark; its title appears under the pointer."""
        x, y = self.place(point)
        return (
            f'<span class="plot-mark {kind}" style="left:{x:.2f}%;top:{y:.2f}%" '
            f'title="{escape(title)}"></span>'
        )

    def draw(self, description: str, lines: str, marks: str) -> str:
        """The whole plot around what was drawn with `line` and `mark`."""
        x_ticks, y_ticks = self.x_ticks or self.x.decades, self.y.decades
        below = "".join(_tick("left", self.x.percent(v), v, i) for i, v in enumerate(x_ticks))
        left = "".join(_tick("top", 100 - self.y.percent(v), v, 0) for v in y_ticks)
        grid = "".join(self.line([(v, self.y.ends[0]), (v, self.y.ends[1])], "grid")
                       for v in x_ticks)  # fmt: skip
        grid += "".join(self.line([(self.x.ends[0], v), (self.x.ends[1], v)], "grid")
                        for v in y_ticks)  # fmt: skip
        return (
            f'<div class="plot" role="img" aria-label="{escape(description)}">'
            f'<div class="plot-y-name">{escape(self.y_name)}</div>'
            f'<div class="plot-y">{left}</div><div class="plot-area">'
            f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{grid}'
            f'{lines}</svg>{marks}</div><div class="plot-x">{below}</div>'
            f'<div class="plot-x-name">{escape(self.x_name)}</div></div>'
        )


def _tick(side: str, percent: float, value: float, index: int) -> str:
    kind = "plot-tick plot-tick-odd" if index % 2 else "plot-tick"
    return f'<span class="{kind}" style="{side}:{percent:.2f}%">{tick_text(value)}</span>'


def tick_text(value: float) -> str:
    """A value beside an axis: 1,000, 16, 0.01; below a thousandth as a power of ten, 10⁻⁴."""
    if value < 0.9e-3:
        power = str(round(math.log10(value))).translate(SUPERSCRIPTS)
        return f"10{power}"
    return f"{value:,.10g}"


def spread(wanted: Sequence[float], gap: float, high: float) -> list[float]:
    """Positions near the wanted ones (ascending), at least `gap` apart, within 0 to `high`.

    When they do not fit with that gap, they stand as far apart as they can.
    """
    if not wanted:
        return []
    gap = min(gap, high / max(len(wanted) - 1, 1))
    places: list[float] = []
    for value in wanted:
        places.append(max(value, places[-1] + gap if places else 0.0))
    limit = high
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return places


def time_axis(axis: Axis | None) -> str:
    """Labelled decades of seconds over a race's bars; every third where there is little space."""
    heads = "<span>time</span><span>this step</span><span>in all</span>"
    if axis is None:
        return f'<div class="race-axis"><div aria-hidden="true"></div>{heads}</div>'
    ticks = []
    for exponent in range(int(axis.low), int(axis.high) + 1):
        kind = "race-tick" if exponent % 3 == 0 else "race-tick race-tick-minor"
        left = axis.percent(10.0**exponent)
        ticks.append(f'<span class="{kind}" style="left:{left:.2f}%">{_decade(exponent)}</span>')
    return f'<div class="race-axis"><div aria-hidden="true">{"".join(ticks)}</div>{heads}</div>'


def _decade(exponent: int) -> str:
    unit, power = next(
        (u, p) for u, p in (("s", 0), ("ms", -3), ("µs", -6), ("ns", -99)) if exponent >= p
    )
    return f"{10 ** (exponent - max(power, -9)):,} {unit}"
