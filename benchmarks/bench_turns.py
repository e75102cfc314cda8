"""Do interrogations spoil a race? One waits for the other; what is left is seen in the medians.

The app is started on a free port. Races alone and races while two visitors interrogate without a
pause take turns; for each lane the medians of all races of a kind are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx

from benchmarks.load import pictures, served
from benchmarks.visitors import API

LANES = ["numba_blocked", "matmul_numpy", "matmul_torch"]
VISITORS = 2


async def answer(client: httpx.AsyncClient, name: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
    """Call an endpoint as programs do, and return what it says.

    Raises:
        RuntimeError: it was refused, or failed.
    """
    joined = await client.post(f"{API}/call/v2/{name}", json=body)
    event = joined.raise_for_status().json()["event_id"]
    text = (await client.get(f"{API}/call/{name}/{event}")).text
    if "event: complete" not in text:
        raise RuntimeError(text[-300:])
    return json.loads(text.rpartition("event: complete\ndata: ")[2])[0]


async def interrogate_until(client: httpx.AsyncClient, over: asyncio.Event) -> int:
    """Interrogate one picture after the other; return how many."""
    text = "data:image/png;base64," + base64.b64encode(pictures(1)[0]).decode()
    picture = {"path": None, "url": text, "meta": {"_type": "gradio.FileData"}}
    count = 0
    while not over.is_set():
        await answer(client, "interrogate", {"picture": picture, "preset": "demo"})
        count += 1
    return count


async def race(client: httpx.AsyncClient, shape: str, visitors: int) -> dict[str, float]:
    """Race while so many visitors interrogate; return median seconds by lane."""
    over = asyncio.Event()
    others = [asyncio.create_task(interrogate_until(client, over)) for _ in range(visitors)]
    if visitors:
        await asyncio.sleep(1)  # they are at it
    done = await answer(client, "race", {"shape": shape, "lanes": LANES, "budget": 5})
    over.set()
    counts = await asyncio.gather(*others)
    if visitors and not sum(counts):
        raise RuntimeError("nobody interrogated meanwhile")
    return {one["strategy"]: one["seconds"] for one in done["results"]}


async def compare(url: str, shape: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the medians of all races, alone and beside interrogations."""
    found: dict[str, dict[str, list[float]]] = {"alone": {}, "beside": {}}
    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        await race(client, shape, VISITORS)  # models are loaded, kernels compiled
        for _ in range(rounds):
            for kind, visitors in (("alone", 0), ("beside", VISITORS)):
                for lane, seconds in (await race(client, shape, visitors)).items():
                    found[kind].setdefault(lane, []).append(seconds)
    return found


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--shape", default="512x512x512")
    options = parser.parse_args()
    with served(None) as (url, _):
        found = asyncio.run(compare(url, options.shape, options.rounds))
    print(f"{options.shape}, {options.rounds} races each\n")
    print("| lane | alone | beside interrogations | moved by |\n|---|---|---|---|")
    rows = []
    for lane, seconds in found["alone"].items():
        alone, beside = (statistics.median(s) for s in (seconds, found["beside"][lane]))
        rows.append({"lane": lane, "alone": alone, "beside": beside, "moved": beside / alone - 1})
        print(
            f"| {lane} | {alone * 1e3:.2f} ms | {beside * 1e3:.2f} ms | {beside / alone - 1:+.1%} |"
        )
    print(json.dumps({"shape": options.shape, "rounds": options.rounds, "lanes": rows}))


if __name__ == "__main__":
    main()
