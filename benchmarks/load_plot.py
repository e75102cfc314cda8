"""Memory and latency over time, as a plain SVG."""

from __future__ import annotations

from pathlib import Path

MOST_DOTS = 1500  # of more, every second or third is drawn
WIDTH, HEIGHT, MARGIN = 800, 220, 50  # of each of the two charts, in pixels
Points = list[tuple[float, float]]


def plot(path: Path, memory: Points, waits: Points) -> None:
    """Write two charts, one below the other.

    Args:
        path: The SVG file.
        memory: Seconds (or calls) and MB; joined by a line.
        waits: When each answer came, in any seconds, and how long it took; as dots.
    """
    start = min((when for when, _ in waits), default=0.0)
    step = max(1, -(-len(waits) // MOST_DOTS))
    since = [(when - start, wait) for when, wait in waits[::step]]
    charts = [_chart(memory, 0, "memory in MB", as_line=True)]
    charts += [_chart(since, HEIGHT, "seconds to an answer", as_line=False)] if waits else []
    size = f'width="{WIDTH}" height="{HEIGHT * len(charts)}"'
    style = "font: 12px system-ui, sans-serif; background: white"
    body = "\n".join(charts)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">\n{body}\n</svg>\n'
    path.write_text(svg, encoding="utf-8")


def _chart(points: Points, top: int, title: str, as_line: bool) -> str:
    across = max((x for x, _ in points), default=1.0) or 1.0
    most = max((y for _, y in points), default=1.0) or 1.0
    bottom = top + HEIGHT - 30

    def place(x: float, y: float) -> tuple[float, float]:
        high = (HEIGHT - 60) * y / most
        return MARGIN + (WIDTH - 2 * MARGIN) * x / across, bottom - high

    places = [place(x, y) for x, y in points]
    if as_line:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        marks = f'<polyline points="{joined}" fill="none" stroke="#0072b2" stroke-width="1.5"/>'
    else:
        marks = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1" fill="#d55e00"/>' for x, y in places
        )
    axis = f'<path d="M{MARGIN} {top + 25}V{bottom}H{WIDTH - MARGIN}" fill="none" stroke="#666"/>'
    labels = (
        f'<text x="{MARGIN}" y="{top + 18}">{title}, up to {most:.1f}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{bottom + 16}" text-anchor="end">{across:.0f}</text>'
    )
    return axis + labels + marks
