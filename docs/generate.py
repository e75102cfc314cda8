"""Write the generated parts of README.md and `docs/`: `make docs`; `--check` compares instead.

A part stands between `<!-- NAME -->` and `<!-- /NAME -->`: the `--help` of a command, the table of
known models, the endpoints of the app, or what a benchmark printed when it was last run, as kept in
`benchmarks/results/`. Only the endpoints need the app, and with it torch and Gradio.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
RESULTS = {path.stem: path for path in sorted((ROOT / "benchmarks" / "results").glob("*.txt"))}
ENDPOINTS = "endpoints"  # the one part that builds the app
WIDTH = 98  # columns of --help


def command_help(module: str) -> str:
    """Return what `python -m MODULE --help` prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "COLUMNS": str(WIDTH + 2)}, check=True,
    )  # fmt: skip
    return f"```text\n{done.stdout.rstrip()}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return "\n".join([line(header), "|" + "---|" * len(header), *map(line, rows)])


def model_tables() -> str:
    """Return the known captioners and CLIPs."""
    from interrogator.models.registry import CAPTIONERS, CLIPS, NOTE

    header = ("parameters", "download", "memory", "speed", "licence", "good for")
    parts = [
        table((title, *header), [
            (f"`{m.name}`", f"{m.parameters:,} M", f"{m.download:.1f} GB",
             f"{m.memory[0]:.1f}–{m.memory[1]:.1f} GB", m.speed, m.licence, m.good_for)
            for m in models
        ])
        for title, models in (("captioner", CAPTIONERS), ("CLIP", CLIPS))
    ]  # fmt: skip
    return "\n\n".join([*parts, NOTE])


def endpoint_tables() -> str:
    """Return every public endpoint with its arguments, as the app publishes them."""
    import app

    return "\n\n".join(
        _endpoint(str(event.api_name), event.fn)
        for event in app.build().fns.values()
        if event.api_visibility == "public" and event.fn
    )


def _endpoint(name: str, function: Callable[..., Any]) -> str:
    from gradio.utils import get_function_description

    description, meanings, returned = get_function_description(function)
    rows = []
    for argument, parameter in inspect.signature(function).parameters.items():
        required = parameter.default is parameter.empty
        kind = "file" if argument == "picture" else _type_of(parameter.annotation)
        default = "required" if required else f"`{parameter.default!r}`"
        meaning = meanings[argument]
        rows.append((f"`{argument}`", kind, default, meaning[:1].upper() + meaning[1:]))
    arguments = table(("argument", "type", "default", "meaning"), rows)
    result = " ".join(returned)
    result = result[0].lower() + result[1:]
    return f"### `/{name}`\n\n{description}\n\n{arguments}\n\n**Returns** {result}"


def _type_of(annotation: Any) -> str:  # noqa: ANN401  (a class, or what a future one reads)
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def benchmark(name: str) -> str:
    """Return what a benchmark printed for people, under the command that printed it."""
    command, *lines = RESULTS[name].read_text("utf-8").splitlines()
    printed = "\n".join(line for line in lines if not line.startswith("{")).strip()
    return f"`{command}`:\n\n" + (printed if "|---" in printed else f"```text\n{printed}\n```")


def results_of(name: str) -> dict[str, Any]:
    """Return the line of JSON at the end of a kept result."""
    return json.loads(RESULTS[name].read_text("utf-8").splitlines()[-1])


def summary() -> str:
    """Return the figures of the README, each taken from a kept result."""
    return table(("what", "measured"), [*_times(), *_search(), *_race()])


def _times() -> list[tuple[str, str]]:
    warm = results_of("bench_interrogator")["median_seconds"]
    full = results_of("bench_full_size")
    ranking = results_of("bench_ranking")["ranking"][-1]
    return [
        ("a prompt with the embedded models, `fast` and `best`",
         f"{warm['fast, one picture, warm']:.2f} s and {warm['best, one picture, warm']:.2f} s"),
        ("a prompt with models of the size of `quality`, `fast` and `best`",
         f"{full['fast']['total']:.1f} s and {full['best']['total']:.0f} s"),
        (f"all {full['phrases']:,} phrases encoded by ViT-L-14, once",
         f"{full['building_seconds']:.0f} s, then cached"),
        ("peak memory with models of that size", f"{full['peak_gb']:.1f} GiB"),
        (f"{ranking['phrases']:,} phrases ranked", f"{ranking['seconds']:.2f} s"),
    ]  # fmt: skip


def _search() -> list[tuple[str, str]]:
    results = results_of("bench_search")
    ours = next(row for row in results["embedded"] if row["candidates"] == 2048)
    tower = next(
        row for row in results["towers"] if (row["tower"], row["candidates"]) == ("ViT-L-14", 2048)
    )
    return [
        *_truth(),
        (f"similarity of the most similar string, {ours['pictures']} pictures: ours and "
         "clip-interrogator's",
         f"{ours['similarity']:.3f} and {ours['reference']:.3f}; as similar or more on "
         f"{ours['at_least_as_similar']}"),
        ("clip-interrogator's time over ours for it: embedded CLIP, ViT-L-14",
         f"{ours['ratio']:.0f} ×, ≈ {tower['ratio']:.0f} ×"),
    ]  # fmt: skip


def _truth() -> list[tuple[str, str]]:
    measured = results_of("bench_truth")["256 px"]
    ours, reference = measured["our best"], measured["clip-interrogator best"]
    return [
        (f"precision and recall of `best`, {ours['pictures']} unseen pictures",
         f"{ours['precision']:.1%} and {ours['recall']:.1%}; clip-interrogator's: "
         f"{reference['precision']:.1%} and {reference['recall']:.1%}"),
    ]  # fmt: skip


def _race() -> list[tuple[str, str]]:
    races = results_of("bench_race")["races"]
    lanes = next(race for race in races if race["shape"] == "1024x1024x1024")["results"]
    raced = (lane for lane in lanes if lane["speedup"] and lane["floor_fraction"])
    winner = max(raced, key=lambda lane: lane["speedup"])
    loops = next(lane for lane in lanes if lane["strategy"] == winner["baseline"])
    speedup = float(f"{winner['speedup']:.3g}")
    return [
        (f"1024³ in float32: three Python loops and the fastest lane, `{winner['strategy']}`",
         f"≈ {loops['seconds'] / 60:.1f} min and {winner['seconds'] * 1000:.1f} ms: "
         f"≈ {speedup:,.0f} ×"),
        ("how near that lane comes to the floor of the machine",
         f"{winner['floor_fraction']:.0%} of its speed"),
    ]  # fmt: skip


def plan() -> str:
    """Return what ten million pictures take beside the GPUs, from the rates of `bench_batch`."""
    parts, gpu = results_of("bench_batch")["parts"], 125  # pictures a second of one: docs/batch.md
    decode, python, commit = (1000 * parts[name] for name in ("decode", "python", "commit"))
    rows, row = 32 * 1000 / commit, parts["row_bytes"]
    cores, actors = gpu * decode / 1000, max(1, -(-gpu * python // 1000))
    return f"""\
- **Decoding.** At {decode:.1f} ms for a megapixel a GPU needs ≈ {cores:.1f} cores to be fed.
- **Python.** Ranking {parts["phrases"]:,} phrases, composing and explaining take {python:.1f} ms a
  picture of one core: ≈ {1000 / python:.0f} a second, and a GPU brings ≈ {gpu}. Actors that
  keep up with a GPU: ≈ {actors:.0f}.
- **The manifest** takes a commit for each batch, on one machine for all. At {commit:.1f} ms for 32
  rows it takes ≈ {rows:,.0f} rows a second, ≈ {rows / gpu:.0f} GPUs' worth. At {row / 1000:.1f} kB
  a row it grows to ≈ {row * 1e7 / 1e9:.0f} GB."""


PARTS: dict[str, Callable[[], str]] = {
    "interrogator --help": lambda: command_help("interrogator"),
    "matmul_demo --help": lambda: command_help("matmul_demo"),
    "models": model_tables,
    "summary": summary,
    ENDPOINTS: endpoint_tables,
    **({"plan": plan} if "bench_batch" in RESULTS else {}),
    **{f"measured {name}": functools.partial(benchmark, name) for name in RESULTS},
}


def render(text: str, skip: Iterable[str] = ()) -> str:
    """Return a document with every generated part as it should be.

    Args:
        text: The document.
        skip: Names of parts that stay as they are.
    """
    for name, make in PARTS.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        part = re.compile(f"{begin}.*?{end}", re.DOTALL)
        if name not in skip and part.search(text):
            content = f"{begin}{make()}\n{end}".replace("\\", "\\\\")
            text = part.sub(content, text)
    return text


def unstable() -> set[str]:
    """Return the parts that this Python lays out differently: argparse changed in 3.13."""
    return {name for name in PARTS if name.endswith("--help") and sys.version_info >= (3, 13)}


def main(arguments: list[str] | None = None) -> int:
    """Write the documents, or with `--check` name those that are out of date.

    Returns:
        1 if `--check` finds one.
    """
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1")
    parser.add_argument("--fast", action="store_true", help="leave out what needs the app")
    options = parser.parse_args(arguments)
    skip = unstable() | ({ENDPOINTS} if options.fast else set())
    stale = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        rendered = render(text, skip)
        if rendered != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if not options.check:
                path.write_text(rendered, encoding="utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run make docs" if options.check else
              f"written: {', '.join(stale)}")  # fmt: skip
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
