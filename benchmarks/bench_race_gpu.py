"""The ladder on a GPU, its four clocks and its roof; written to `benchmarks/results/`.

The physics first: 50000×784 · 784×10 moves 159 MB, which takes 47 µs at the 3.35 TB/s of an H100,
so a clock that shows less has not seen the product done; 8192³ in bfloat16 is 1.1e12 operations,
1.1 ms at that GPU's datasheet, and no memory is in its way. Without a GPU it says so and ends.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine import accelerator
from matmul_demo.machine.accelerator import Accelerator, Cuda
from matmul_demo.options import Settings
from matmul_demo.racing.race import run_race
from matmul_demo.racing.report import RaceReport
from matmul_demo.text import gpu_text, percent_text, text_table
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL

SHAPES = (LESSON_BATCH, LESSON_FULL, "1024x1024x1024", "4096x4096x4096")
BESIDE = ("matmul_numpy", "matmul_torch")  # of the processor, to compare
BUDGET = 30.0  # seconds for each shape
SIDE = 8192  # of the squares in bfloat16
ASKED = 0.9  # of the best product found
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    reason = accelerator.missing_gpu()
    if reason:
        print(f"{reason} Nothing was measured.")
        print(json.dumps({"benchmark": "race_gpu", "skipped": reason}))
        return
    device = Cuda()
    roof = accelerator.measure(device)
    large = bfloat16_gflops(device)
    print(f"{gpu_text(roof)}\n{large_text(large, roof)}\n")
    reports = [race(shape) for shape in SHAPES]
    files = write(roof, large, reports)
    print(f"written: {', '.join(map(str, files))}")
    print(json.dumps(record(roof, large, reports), allow_nan=False))


def race(shape: str) -> RaceReport:
    """Every lane of the GPU, and two of the processor."""
    print(f"racing {shape}, about {BUDGET:g} seconds", file=sys.stderr)
    lanes = tuple(lane.key for lane in LADDER if lane.device == "cuda" or lane.key in BESIDE)
    report = run_race(Settings(shape, lanes, device="cuda", budget=BUDGET))
    print(text_table(report), end="\n\n")
    return report


def bfloat16_gflops(device: Cuda) -> float:
    """10⁹ FLOP per second of the large product."""
    call = device.multiplying("bfloat16", SIDE)
    return 2 * SIDE**3 / accelerator.fastest_seconds(call, device.now) / 1e9


def large_text(large: float, roof: Accelerator) -> str:
    """The large product beside the best found and the datasheet."""
    best = max(large, roof.best("bfloat16") or 0.0)
    sheet = roof.datasheet.tflops.get("bfloat16") if roof.datasheet else None
    promised = (
        f", {percent_text(large / 1e3 / sheet)} of the datasheet's {sheet:g}" if sheet else ""
    )
    verdict = "as asked" if large >= ASKED * best else f"less than {percent_text(ASKED)}"
    return (
        f"{SIDE}³ in bfloat16: {large / 1e3:.0f} TFLOP/s, {percent_text(large / best)} of the best "
        f"found ({verdict}){promised}"
    )


def record(roof: Accelerator, large: float, reports: list[RaceReport]) -> dict[str, Any]:
    """All of it as plain JSON."""
    races = [report.to_json() for report in reports]
    machine = races[0]["machine"] if races else None
    return {
        "benchmark": "race_gpu",
        "device": roof.name,
        "processor": machine and machine["name"],
        "copy_gbs": roof.copy_gbs,
        "products": {product.numbers: product.gflops for product in roof.products},
        f"bfloat16_{SIDE}_gflops": large,
        "datasheet_tflops": roof.datasheet.tflops if roof.datasheet else None,
        "races": races,
    }


def write(
    roof: Accelerator, large: float, reports: list[RaceReport], folder: Path = RESULTS
) -> list[Path]:
    """JSON and tables, named by the device."""
    name = re.sub(r"[^a-z0-9]+", "-", roof.name.lower()).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    tables = [gpu_text(roof), large_text(large, roof), *(text_table(x) for x in reports)]
    contents = {
        "json": json.dumps(record(roof, large, reports), indent=1, allow_nan=False),
        "txt": "\n\n".join(tables),
    }
    paths = [folder / f"race-{name}.{kind}" for kind in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_text(content + "\n", encoding="utf-8")
    return paths


if __name__ == "__main__":
    main()
