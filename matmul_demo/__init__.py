"""One matrix product, many ways to compute it, timed live against the machine's own limit.

    import matmul_demo
    report = matmul_demo.race("1024x1024x1024", lanes=["naive_lists", "matmul_numpy"], budget=5)
    report.ranking()[0].strategy, report.to_json()

Imports run downwards: `workloads` → `machine` → `lanes` → `options` → `racing`, `einsum` → `text` →
`web` and `cli`. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matmul_demo.racing.report import RaceReport


def race(shape: str | None = None, **settings: Any) -> RaceReport:  # noqa: ANN401
    """Time one matrix product computed in many ways, beside this machine's limit.

    Args:
        shape: ROWSxINNERxCOLUMNS; the lesson's batch when left out.
        **settings: the other fields of `options.Settings`.

    Returns:
        The last report; `to_json()` gives it as plain JSON types.

    Raises:
        RaceError: with a sentence about what is not possible.
    """
    from matmul_demo.options import Settings
    from matmul_demo.racing.race import run_race

    return run_race(Settings(**settings) if shape is None else Settings(shape, **settings))
