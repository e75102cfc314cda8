"""Many visitors at once, each with a picture of his own: is anything lost, cut, mixed up or kept?

`python benchmarks/load.py --visitors 200 --seconds 600` starts the app on a free port of this
machine. Visitors interrogate, analyze, race, stop, leave in mid-stream and come back. An answer is
compared with what the pipeline alone says of each picture: nearest must be the visitor's own.
Meanwhile the page, a static file and /healthz are asked for every half a second, and memory,
handles and threads are noted. Then, for a tenth of the time, all interrogate only, and their
throughput is compared with that of the pipeline alone, timed before and after with the server idle.

`python benchmarks/load.py --calls 10000` makes calls of the API that name no session, four at a
time, and shows how far memory rises after the first 500.

Both print tables and one JSON line; `--plot FILE.svg` draws memory and latency over time. The exit
status is 1 where a request was lost, cut, in error or answered with another's picture.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.load_plot import plot  # noqa: E402
from benchmarks.visitors import (  # noqa: E402
    API,
    MIX,
    Endpoints,
    Tally,
    Visitor,
    fingerprint,
    picture_of,
)

ALONE_SECONDS = 15.0  # for which the pipeline alone is timed, before and after
PROBES = ("/healthz", "/", "/theme.css")
PROBE_SECONDS = 0.5
BAD = ("lost", "cut", "error", "foreign")
RAMP = 500  # calls, after which memory may not rise much
LARGEST_RISE = 100  # MB


@dataclass
class Samples:
    """What was seen of the server, with seconds since the start."""

    memory: list[tuple[float, float]] = field(default_factory=list)  # MB, with its workers
    handles: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    probes: dict[str, list[float]] = field(default_factory=dict)


def pictures(visitors: int) -> list[bytes]:
    """Return each visitor's file."""
    paths = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
    examples = [Image.open(path).convert("RGB") for path in paths]
    return [picture_of(number, examples) for number in range(visitors)]


def alone(visitors: int, seconds: float) -> dict[str, Any]:
    """Return the pipeline's own answers and pictures a second; run it in a process of its own."""
    import interrogator

    session = interrogator.load("demo")
    files = pictures(visitors)
    prints = [fingerprint(session.interrogate(file).to_json()) for file in files]
    begun, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < seconds:
        session.interrogate(files[done % visitors]).to_json()
        done += 1
    return {"fingerprints": prints, "rate": done / spent}


def ask_alone(visitors: int) -> dict[str, Any]:
    """Run `alone` as a program."""
    command = [sys.executable, __file__, "--alone", "--visitors", str(visitors)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    return json.loads(done.stdout.splitlines()[-1])


def environment(port: int = 0) -> dict[str, str]:
    """Return the variables of the server and of the pipeline alone."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HOST": "127.0.0.1", "PORT": str(port)}


@contextmanager
def served(log: Path | None) -> Iterator[tuple[str, psutil.Process]]:
    """Start the app; end it as a service manager would, within ten seconds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, out = f"http://127.0.0.1:{port}", (log or Path(os.devnull)).open("w")
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment(port),
        stdout=subprocess.DEVNULL,
        stderr=out,
    )
    try:
        deadline = time.monotonic() + 240
        while not answers(f"{url}/healthz"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the app did not start; --log FILE keeps what it says")
            time.sleep(0.2)
        yield url, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        finally:
            process.kill()
            out.close()


def answers(address: str) -> bool:
    """Tell whether an address answers."""
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.TransportError:
        return False


async def visit(url: str, files: list[bytes], prints: list[list[float]], seconds: float,
                mix: dict[str, int]) -> Tally:  # fmt: skip
    """Let all visitors come for some seconds, and wait until the last has his answer."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        config, info = (
            (await client.get("/config")).json(),
            (await client.get(f"{API}/info")).json(),
        )
    endpoints, tally, end = Endpoints(config, info), Tally(), time.monotonic() + seconds

    async def one(number: int) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as own:
            visitor = Visitor(number, own, endpoints, files[number], prints, tally)
            await visitor.come_and_go(end, mix)

    await asyncio.gather(*map(one, range(len(files))))
    return tally


async def watch(url: str, server: psutil.Process, samples: Samples, over: asyncio.Event) -> None:
    """Ask for what must always answer, and note what the server holds."""
    begun = time.monotonic()
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while not over.is_set():
            for path in PROBES:
                start = time.monotonic()
                (await client.get(path)).raise_for_status()
                samples.probes.setdefault(path, []).append(time.monotonic() - start)
            samples.memory.append((time.monotonic() - begun, memory_of(server)))
            samples.handles.append(server.num_fds())
            samples.threads.append(server.num_threads())
            await asyncio.sleep(PROBE_SECONDS)


def memory_of(server: psutil.Process) -> float:
    """Return what the server's own process holds, in MB."""
    return server.memory_info().rss / 1e6


async def load(url: str, server: psutil.Process, prints: list[list[float]], seconds: float) -> Any:  # noqa: ANN401
    """Run the mix, then interrogations only; return samples, both tallies and the second's rate."""
    files, samples, over = pictures(len(prints)), Samples(), asyncio.Event()
    warm = {"interrogate": 1}
    for mix in (warm, {"race": 1}):  # models are loaded, and the machine's limits measured
        await visit(url, files[:1], prints, 3, mix)
    watching = asyncio.create_task(watch(url, server, samples, over))
    mixed = await visit(url, files, prints, seconds, MIX)
    begun = time.monotonic()
    brief = max(20.0, seconds / 10)
    steady = await visit(url, files, prints, brief, warm)
    over.set()
    await watching
    # Of the middle: while all come, and when the last are served, the queue is not full.
    inside = [when for _, _, when in steady.waits if begun + 3 <= when <= begun + brief]
    rate = len(inside) / (brief - 3)
    return samples, mixed, steady, rate


async def call(url: str, server: psutil.Process, calls: int) -> list[tuple[float, float]]:
    """Make calls without a session; return memory in MB by the number of calls."""
    picture = "data:image/png;base64," + base64.b64encode(pictures(1)[0]).decode()
    file = {"path": None, "url": picture, "meta": {"_type": "gradio.FileData"}}
    levels, numbers = [], iter(range(1, calls + 1))
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:

        async def some() -> None:
            for number in numbers:
                body = {"picture": file, "preset": "demo"}
                joined = await client.post(f"{API}/call/v2/interrogate", json=body)
                event = joined.raise_for_status().json()["event_id"]
                answer = await client.get(f"{API}/call/interrogate/{event}")
                if "event: complete" not in answer.text:
                    raise RuntimeError(answer.text[:200])
                if number % 100 == 0 or number == calls:
                    levels.append((float(number), memory_of(server)))

        await asyncio.gather(*(some() for _ in range(4)))
    return sorted(levels)


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def summary(arguments: argparse.Namespace, result: Any, rates: list[float]) -> dict[str, Any]:  # noqa: ANN401
    """Return the figures of a load."""
    samples, mixed, steady, rate = result
    waits = [wait for kind, wait, _ in mixed.waits]
    foretold = [(a, b) for a, b in mixed.estimates[10:] if b > 1]
    right = [a for a, b in foretold if b / 2 <= a <= 2 * b]
    early = [mb for when, mb in samples.memory if 60 < when <= 120] or [samples.memory[0][1]]
    late = [mb for when, mb in samples.memory if when > samples.memory[-1][0] - 60]
    outcomes = mixed.outcomes + steady.outcomes
    return {
        "benchmark": "load", "visitors": arguments.visitors, "seconds": arguments.seconds,
        "outcomes": dict(outcomes), "bad": sum(outcomes[name] for name in BAD),
        **{f"latency_p{q}": round(quantile(waits, q / 100), 2) for q in (50, 95, 99)},
        "prompts_per_second": round(rate, 2),
        "pipeline_alone_per_second": round(statistics.mean(rates), 2),
        "throughput_share": round(rate / statistics.mean(rates), 3),
        "estimates": len(foretold),
        "estimates_within_2x": round(len(right) / len(foretold), 3) if foretold else None,
        "probe_slowest": {k: round(max(v), 3) for k, v in samples.probes.items()},
        "memory_first_mb": round(statistics.median(early)),
        "memory_last_mb": round(statistics.median(late)),
        "handles_most": max(samples.handles), "threads_most": max(samples.threads),
        "sentences": dict(mixed.seen + steady.seen),
    }  # fmt: skip


def run_load(arguments: argparse.Namespace) -> int:
    """Run the load and print what came of it."""
    before = ask_alone(arguments.visitors)
    with served(arguments.log) as (url, server):
        result = asyncio.run(load(url, server, before["fingerprints"], arguments.seconds))
    rates = [before["rate"], ask_alone(arguments.visitors)["rate"]]
    figures = summary(arguments, result, rates)
    print(f"{arguments.visitors} visitors, {arguments.seconds:.0f} s", end="\n\n")
    print("| what | measured |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name.replace('_', ' ')} | {value} |")
    if arguments.plot:
        samples, mixed, *_ = result
        plot(arguments.plot, samples.memory, [(when, wait) for _, wait, when in mixed.waits])
    print(json.dumps(figures))
    return int(figures["bad"] > 0)


def run_calls(arguments: argparse.Namespace) -> int:
    """Run the calls and print how memory went."""
    with served(arguments.log) as (url, server):
        levels = asyncio.run(call(url, server, arguments.calls))
    base = next((mb for calls, mb in levels if calls >= RAMP), levels[0][1])
    rise = max(mb for calls, mb in levels if calls >= min(RAMP, arguments.calls)) - base
    print("| calls | memory in MB |\n|---|---|")
    step = max(1, len(levels) // 10)
    for calls, mb in levels[::step]:
        print(f"| {calls:.0f} | {mb:.0f} |")
    if arguments.plot:
        plot(arguments.plot, levels, [])
    figures = {"calls": arguments.calls, "after_500_mb": round(base), "rise_mb": round(rise, 1)}
    print(json.dumps({"benchmark": "calls", **figures}))
    return int(rise > LARGEST_RISE)


def main() -> int:
    """Read the arguments; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--visitors", type=int, default=20, help="at once, 1 to 500 (20)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the mix, to 3600 (60)")
    parser.add_argument("--calls", type=int, default=0, help="calls of the API instead, to 100,000")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw memory and latency")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the server's log")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.visitors = min(500, max(1, arguments.visitors))
    arguments.seconds = min(3600.0, max(5.0, arguments.seconds))
    arguments.calls = min(100_000, arguments.calls)
    if arguments.alone:
        print(json.dumps(alone(arguments.visitors, ALONE_SECONDS)))
        return 0
    return run_calls(arguments) if arguments.calls else run_load(arguments)


if __name__ == "__main__":
    sys.exit(main())
