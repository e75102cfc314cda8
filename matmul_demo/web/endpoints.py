"""What programs call: the race and the einsum explainer, in plain JSON types.

Signatures and docstrings are what the API page and MCP clients show.
"""

from __future__ import annotations

from typing import Any

from matmul_demo.einsum import explain as einsum
from matmul_demo.racing.race import make_race
from matmul_demo.workloads import LESSON_BATCH


def race(
    shape: str = LESSON_BATCH,
    lanes: list[str] | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    threads: int | None = None,
    budget: float = 10.0,
    cache: str = "warm",
    baseline: str | None = None,
    data: str = "auto",
) -> dict[str, Any]:
    """Time one matrix product computed in many ways on this server, beside its physical limit.

    Args:
        shape: sizes of the product as ROWSxINNERxCOLUMNS, for example 10x784x10.
        lanes: names of the lanes to run, for example ["naive_lists", "matmul_numpy"]; all of them
            when left out.
        dtype: type of the numbers, float32 or float64.
        device: cpu, or cuda to add the lanes of the GPU.
        threads: threads for every library; as many as the server allows when left out.
        budget: seconds for the whole race, about; from 1 to 120.
        cache: warm, or cold to empty the processor's caches before each call.
        baseline: name of the lane that the speed-ups are over; the first right one when left out.
        data: normal for seeded random numbers, digits for pictures of digits (inner size 784 only),
            or auto for digits where they fit.

    Returns:
        The race: machine, floor in seconds, and for each lane its median time, spread, speed,
        speed-up over the baseline, error against float64, and whether it is an estimate.

    Raises:
        RaceError: with a sentence about what cannot be.
    """
    contest = make_race(shape, lanes, dtype, device, threads, budget, cache, baseline, data)
    *_, report = contest.run()
    return report.to_json()


def explain_einsum(
    expression: str = "ik,kj->ij", shapes: str = "200x300, 300x100"
) -> dict[str, Any]:
    """Explain an einsum expression: what each letter does, the loops, the cost, the time.

    Args:
        expression: letters for the axes of each operand, commas between operands, and the result
            after an arrow, for example ik,kj->ij.
        shapes: sizes of each operand, with commas between operands, for example 200x300, 300x100.

    Returns:
        Letters with their sizes and roles (kept, summed, diagonal, broadcast), the loops, the
        floating-point operations and bytes, NumPy's order of contraction, a worked example, and
        the seconds of np.einsum and of the equivalent without it.

    Raises:
        RaceError: with a sentence about what cannot be.
    """
    return einsum.explain(expression, shapes).to_json()
