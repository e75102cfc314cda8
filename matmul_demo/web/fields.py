"""The fields of the page, as plain values: from settings to fields and back, and as a link.

Their order is the order of `FIELDS` everywhere.
"""

from __future__ import annotations

from typing import Any

from matmul_demo.machine.processor import available_threads
from matmul_demo.web.settings import Settings, runnable
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL, parse_shape

FIELDS = (
    "known shape", "rows", "inner", "columns", "lanes", "dtype", "device", "threads", "budget",
    "cache", "data", "baseline",
)  # fmt: skip
SHAPES = [
    ("The lesson's batch: 10×784 · 784×10", LESSON_BATCH),
    ("The lesson's full set: 50000×784 · 784×10", LESSON_FULL),
    ("A square: 1024×1024 · 1024×1024", "1024x1024x1024"),
    ("Square 256×256 · 256×256", "256x256x256"),
    ("Square 2048×2048 · 2048×2048", "2048x2048x2048"),
    ("A transformer's layer: 512×768 · 768×3072", "512x768x3072"),
]


def known_shape(*sizes: int | None) -> str | None:
    """The shape of these sizes where it is one of `SHAPES`, else None."""
    text = "x".join(map(str, sizes))
    return text if text in dict(SHAPES).values() else None


def to_fields(settings: Settings) -> tuple[Any, ...]:
    """The values of the page's fields for these settings."""
    sizes = parse_shape(settings.shape)
    keys = [lane.key for lane in runnable()]
    lanes = [key for key in keys if settings.lanes is None or key in settings.lanes]
    return (
        known_shape(*sizes), *sizes, lanes, settings.dtype, settings.device,
        settings.threads or available_threads(), settings.budget, settings.cache,
        settings.data, settings.baseline or "",
    )  # fmt: skip


def to_settings(*fields: Any) -> Settings:  # noqa: ANN401
    """The settings that the page's fields hold, see `to_fields`."""
    _, rows, inner, columns, lanes, dtype, device, threads, budget, cache, data, baseline = fields
    most = available_threads()
    return Settings(
        f"{rows}x{inner}x{columns}", tuple(lanes), dtype, device,
        None if threads == most else threads, budget, cache, baseline or None, data,
    )  # fmt: skip


def link(*fields: Any) -> str:  # noqa: ANN401
    """The page's own address with these settings, as HTML."""
    query = to_settings(*fields).query().replace("&", "&amp;").replace('"', "&quot;")
    return f'<p class="race-link"><a href="{query}" target="_blank">Link to these settings</a></p>'
