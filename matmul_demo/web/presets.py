"""Races with a name, one button each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from matmul_demo.machine.accelerator import missing_gpu
from matmul_demo.options import Settings, default_settings
from matmul_demo.web.teaching.job import lesson_lanes
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL

LESSON_BUDGET = 10.0  # seconds for both products, about; the worker starts meanwhile


@dataclass(frozen=True)
class Preset:
    """Settings with a name.

    Attributes:
        name: on the button.
        shows: one sentence on what to look for.
        settings: what the button chooses.
        missing: why the preset is of no use on this machine, or None.
    """

    name: str
    shows: str
    settings: Settings
    missing: Callable[[], str | None] = lambda: None


def _settings(shape: str, lanes: str, **others: Any) -> Settings:  # noqa: ANN401
    values: dict[str, Any] = {"shape": shape, "lanes": lanes, **others}
    return replace(default_settings("page", Settings), **values)


LESSON = Preset(
    "The lesson",
    "The nine steps of fast.ai's lesson, from three loops over torch elements to the GPU, in its "
    "order and on its two products; about fifteen seconds.",
    _settings(
        LESSON_BATCH, ",".join(lesson_lanes()), budget=LESSON_BUDGET,
        device="cpu" if missing_gpu() else "cuda",
    ),
)  # fmt: skip
PRESETS = (
    LESSON,
    Preset(
        "All lanes",
        "Every way to multiply that this machine has, on the lesson's small product.",
        default_settings("page", Settings),
    ),
    Preset(
        "Loop order",
        "One thread: the same arithmetic in another order, then in blocks that fit the caches, "
        "then in the library.",
        _settings(
            "1024x1024x1024", "numba_ijk,numba_ikj,numba_blocked,matmul_numpy",
            threads=1, baseline="numba_ijk",
        ),
    ),
    Preset(
        "Who is fastest at 1024³",
        "The libraries, our own kernels and every kind of number.",
        _settings(
            "1024x1024x1024", "einsum_numpy_optimized,numba_transposed,numba_streamed,"
            "numba_blocked,einsum_torch,matmul_torch_compiled,matmul_numpy,matmul_torch,"
            "matmul_torch_high,matmul_torch_medium,matmul_torch_float64,matmul_torch_float16,"
            "matmul_torch_bfloat16,matmul_torch_int8",
            baseline="matmul_numpy",
        ),
    ),
    Preset(
        "GPU clocks",
        "The same product on the GPU by four clocks: queued, computed, copied back, copied in too.",
        _settings(
            LESSON_FULL, "matmul_torch,matmul_cuda,cuda_launch,cuda_kernel,cuda_result_copy,"
            "cuda_input_copy",
            device="cuda", baseline="matmul_torch",
        ),
        missing_gpu,
    ),
)  # fmt: skip


def preset_of(settings: Settings) -> Preset | None:
    """The preset with these settings; None for a choice of one's own."""
    return next((preset for preset in PRESETS if preset.settings == settings), None)
