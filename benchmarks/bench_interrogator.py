"""From start to page, and from picture to prompt with the embedded models, warm."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

PORT = 7899
STARTS, REPEATS = 3, 5


def seconds_to_page() -> float:
    start = time.perf_counter()
    environment = {**os.environ, "PORT": str(PORT)}
    command = [sys.executable, str(ROOT / "app.py")]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - start < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise TimeoutError("the page did not come within two minutes")
    finally:
        server.terminate()
        server.wait()


def seconds_per_picture(mode: str) -> list[float]:
    from interrogator.images import decode
    from interrogator.models.registry import ASSETS, PRESETS
    from interrogator.request import Request
    from interrogator.serving.service import Service
    from interrogator.settings import Settings

    interrogator, _ = Service().prepare(Request(PRESETS["demo"]))
    files = sorted((ASSETS / "examples").glob("*.jpg"))
    interrogator.run(decode.read(files[0]), Settings(mode))  # warms the kernels up
    times = []
    for _ in range(REPEATS):
        for file in files:
            start = time.perf_counter()
            interrogator.run(decode.read(file), Settings(mode))
            times.append(time.perf_counter() - start)
    return times


def main() -> None:
    pages = [seconds_to_page() for _ in range(STARTS)]
    rows = {"start to page": pages}
    rows |= {
        f"{mode}, one picture, warm": seconds_per_picture(mode)
        for mode in ("best", "fast", "classic")
    }
    print("| what | median | worst | of |\n|---|---|---|---|")
    for what, times in rows.items():
        median, worst = statistics.median(times), max(times)
        print(f"| {what} | {median:.3f} s | {worst:.3f} s | {len(times)} |")
    medians = {what: round(statistics.median(times), 4) for what, times in rows.items()}
    print(json.dumps({"median_seconds": medians}))


if __name__ == "__main__":
    main()
