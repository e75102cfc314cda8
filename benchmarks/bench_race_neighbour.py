"""Does a race hold beside a neighbour? The same race alone, then beside one that burns a processor.

The physics first: lanes of one thread have the other processor of two, and should take as long as
alone. Lanes of two threads share theirs: on average they get two thirds of the processors, and a
call lasts until its slower half is done, so most of their samples take twice as long. What counts
are samples during which no thread had to wait, else the fastest one. Asked: the order of the lanes
stays, but for lanes within a quarter of each other, and the headline's factor within a quarter.
Four races, about two minutes in all; run it on an idle machine of two processors.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.options import Settings
from matmul_demo.racing.race import run_race
from matmul_demo.racing.report import RaceReport, winner
from matmul_demo.text import headline, seconds_text
from matmul_demo.workloads import LESSON_BATCH

SHAPES = (LESSON_BATCH, "512x512x512")
LANES = (
    "naive_lists", "dot_numba", "broadcast_torch", "numba_ikj", "numba_blocked", "matmul_numpy",
    "matmul_torch",
)  # fmt: skip
BUDGET = 20.0  # seconds for each of four races
ALLOWED = 0.25
BURN = "while True: pass"


def main() -> None:
    rows = [compare(shape) for shape in SHAPES]
    print(json.dumps({"benchmark": "race_neighbour", "allowed": ALLOWED, "rows": rows}))


def compare(shape: str) -> dict[str, object]:
    """Race a product alone and beside the neighbour, and print both."""
    quiet = race(shape)
    burner = subprocess.Popen([sys.executable, "-c", BURN])
    try:
        beside = race(shape)
    finally:
        burner.kill()
        burner.wait()
    alone, busy = seconds(quiet), seconds(beside)
    orders = sorted(alone, key=alone.__getitem__), sorted(busy, key=busy.__getitem__)
    ratios = {key: busy[key] / alone[key] for key in orders[0] if key in busy}
    factors = [winner(report).factor or 1.0 for report in (quiet, beside)]
    same_order = keeps_order(alone, busy)
    same_headline = abs(factors[1] / factors[0] - 1) <= ALLOWED
    print(f"{shape}, {os.cpu_count()} processors, {quiet.threads} threads")
    print(f"{'lane':<16} {'alone':>9}  {'beside':>9}  ratio  left out  beside the neighbour")
    for key, ratio in ratios.items():
        result = beside.result(key)
        spoiled = f"spoiled: {result.spoiled}" if result and result.spoiled else ""
        print(
            f"{key:<16} {seconds_text(alone[key]):>9}  {seconds_text(busy[key]):>9}  {ratio:5.2f}  "
            f"{result.disturbed if result else 0:8}  {spoiled}"
        )
    print(f"order alone:  {', '.join(orders[0])}\norder beside: {', '.join(orders[1])}")
    print(f"alone:  {headline(quiet)}\nbeside: {headline(beside)}")
    print(
        f"order {'holds' if same_order else 'does NOT hold'}; headline "
        f"{factors[1] / factors[0]:.2f} of the quiet one, "
        f"{'within' if same_headline else 'NOT within'} {ALLOWED:.0%}\n"
    )
    return {
        "shape": shape, "orders": orders, "ratios": ratios, "factors": factors,
        "order_holds": same_order, "headline_holds": same_headline,
        "spoiled": {r.strategy: r.spoiled for r in beside.results if r.spoiled},
        "left_out": {r.strategy: r.disturbed for r in beside.results},
        "neighbours": [quiet.neighbours, beside.neighbours],
    }  # fmt: skip


def race(shape: str) -> RaceReport:
    """One race, as the page and the command run it."""
    print(f"racing {shape}, about {BUDGET:g} seconds", file=sys.stderr)
    return run_race(Settings(shape, LANES, budget=BUDGET))


def seconds(report: RaceReport) -> dict[str, float]:
    """Lane → the seconds that it is ranked by."""
    return {r.strategy: r.counted_seconds for r in report.results if r.counted_seconds}


def keeps_order(alone: dict[str, float], beside: dict[str, float]) -> bool:
    """Whether no pair changes places that was more than `ALLOWED` apart."""
    keys = [key for key in alone if key in beside]
    return all(
        beside[fast] < beside[slow]
        for fast in keys for slow in keys if alone[slow] > alone[fast] * (1 + ALLOWED)
    )  # fmt: skip


if __name__ == "__main__":
    main()
