"""Whole races on this machine, as the command runs them: tables, then one line of JSON.

The physics first: 10×784 · 784×10 is 157 thousand floating-point operations on 63 KB, which lie in
the first cache; 50000×784 · 784×10 is 784 million operations on 159 MB, 4.9 FLOP/byte, which every
processor reads more slowly than it multiplies; 1024³ is two billion operations on 13 MB, 171
FLOP/byte, bound by arithmetic. For each: is every lane of the processor there, right, and the whole
within a fifth of its budget? Run it on an idle machine.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.options import Settings
from matmul_demo.racing.race import run_race
from matmul_demo.text import text_table
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL

SHAPES = (LESSON_BATCH, LESSON_FULL, "1024x1024x1024")
ALLOWED = 0.2  # of the budget, more or less


def main() -> None:
    races = []
    for shape in SHAPES:
        print(f"racing {shape}, about {Settings.budget:g} seconds", file=sys.stderr)
        start = time.monotonic()
        report = run_race(Settings(shape))
        seconds = time.monotonic() - start
        print(text_table(report))
        here = [lane for lane in LADDER if not lane.unavailable("cpu")]
        right = [r.strategy for r in report.results if r.status == "ok"]
        within = abs(seconds / Settings.budget - 1) <= ALLOWED
        print(
            f"{len(right)} of {len(here)} lanes right; {seconds:.1f} s of {Settings.budget:g}, "
            f"{'within' if within else 'NOT within'} {ALLOWED:.0%}\n"
        )
        races.append({"seconds": seconds, "within": within, **report.to_json()})
    print(json.dumps({"benchmark": "race", "races": races}, allow_nan=False))


if __name__ == "__main__":
    main()
