"""Both of the lesson's shapes raced on this machine: two tables, then one line of JSON.

The physics first: 10×784 · 784×10 is 157 thousand floating-point operations on 66 KB, which lie in
the cache; 50000×784 · 784×10 is 784 million operations on 159 MB, 4.9 FLOP/byte, which every
processor reads more slowly than it multiplies. Run it on an idle machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.race import make_race
from matmul_demo.text import text_table
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL

BUDGET = 30.0  # seconds for each shape


def main() -> None:
    races = []
    for shape in (LESSON_BATCH, LESSON_FULL):
        print(f"racing {shape}, about {BUDGET:g} seconds", file=sys.stderr)
        *_, report = make_race(shape, budget=BUDGET).run()
        print(text_table(report), end="\n\n")
        races.append(report.to_json())
    print(json.dumps({"benchmark": "race", "races": races}, allow_nan=False))


if __name__ == "__main__":
    main()
