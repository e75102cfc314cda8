"""The process in which an einsum is timed, so that it can be ended, or die, without the app.

`time_calls` starts it as `python -m matmul_demo.einsum.stopwatch`: a `Job` as JSON comes in on
stdin, the seconds go out on stdout.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from matmul_demo.einsum.forms import PLAIN
from matmul_demo.einsum.shapes import Shape
from matmul_demo.racing import timing

LIMIT = 5.0  # seconds until the process is ended, whatever the price said
BUDGET = 0.2  # seconds for the samples of each way


@dataclass(frozen=True)
class Job:
    """Two ways to compute the same.

    Attributes:
        expression: for np.einsum.
        shapes: of the operands.
        plain: the key in `forms.PLAIN` of the other way; "" for the contractions in pairs.
        order: places of the operands of each contraction in pairs.
    """

    expression: str
    shapes: tuple[Shape, ...]
    plain: str
    order: tuple[tuple[int, ...], ...]


def time_calls(job: Job, limit: float = LIMIT) -> tuple[float, float] | None:
    """Return median seconds of np.einsum and of the other way; None when it had to be ended."""
    root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "matmul_demo.einsum.stopwatch"],
            input=json.dumps(asdict(job)),
            text=True,
            stdout=subprocess.PIPE,
            timeout=limit,
            env={**os.environ, "PYTHONPATH": search_path},
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    whole, other = json.loads(done.stdout)
    return whole, other


def main() -> None:
    """Time the job on stdin, on seeded random numbers."""
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    job = json.load(sys.stdin)
    rng = np.random.default_rng(0)
    operands = [rng.standard_normal(shape, dtype=np.float32) for shape in job["shapes"]]
    text, order = job["expression"], ["einsum_path", *map(tuple, job["order"])]
    ways: tuple[Callable[[], object], ...] = (
        lambda: np.einsum(text, *operands),
        lambda: (
            PLAIN[job["plain"]][1](*operands)
            if job["plain"]
            else np.einsum(text, *operands, optimize=order)
        ),
    )
    whole = timing.Part(1, 1)
    seconds = [
        statistics.median(timing.measure(lambda _, way=way: way, whole, BUDGET, whole).samples)  # type: ignore[misc]
        for way in ways
    ]
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
