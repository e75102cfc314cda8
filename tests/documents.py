"""What is generated in README.md and API.md: `python -m tests.documents` writes it anew.

Between `<!-- NAME -->` and `<!-- /NAME -->` stands what the program says of itself, or what a
benchmark printed when it was last run: its command and output are kept in `benchmarks/results/`.
"""

import functools
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("README.md", "API.md")
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.txt"))


def help_of(package):
    """The command's --help, 98 columns wide."""
    done = subprocess.run(
        [sys.executable, "-m", package, "--help"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    return f"```text\n{done.stdout.rstrip()}\n```"


def models():
    """The known models as tables."""
    from interrogator.models.registry import CAPTIONERS, CLIPS, NOTE

    parts = []
    for title, group in (("captioner", CAPTIONERS), ("CLIP", CLIPS)):
        rows = [
            f"| {title} | parameters | download | memory | speed | licence | good for |",
            "|---|---|---|---|---|---|---|",
        ]
        for m in group:
            memory = f"{m.memory[0]:.1f}–{m.memory[1]:.1f} GB"
            rows.append(
                f"| `{m.name}` | {m.parameters:,} M | {m.download:.1f} GB | {memory} | {m.speed} "
                f"| {m.licence} | {m.good_for} |"
            )
        parts.append("\n".join(rows))
    return "\n\n".join([*parts, NOTE])


def endpoints():
    """Every public endpoint with its arguments, from the app itself."""
    from gradio.utils import get_function_description

    import app

    parts = []
    for event in app.build().fns.values():
        if event.api_visibility != "public" or not event.fn:
            continue
        says, arguments, returned = get_function_description(event.fn)
        rows = ["| argument | type | default | meaning |", "|---|---|---|---|"]
        for name, parameter in inspect.signature(event.fn).parameters.items():
            needed = parameter.default is parameter.empty
            kind = "file" if name == "picture" else parameter.annotation
            default = "needed" if needed else f"`{parameter.default!r}`"
            cells = (f"`{name}`", kind, default, arguments[name][:1].upper() + arguments[name][1:])
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        table = "\n".join(rows)
        back = " ".join(returned)
        parts.append(
            f"### `/{event.api_name}`\n\n{says}\n\n{table}\n\n**Gives** {back[0].lower()}{back[1:]}"
        )
    return "\n\n".join(parts)


def measured(path):
    """What a benchmark printed for people, under the command that printed it."""
    command, *lines = path.read_text(encoding="utf-8").splitlines()
    told = "\n".join(line for line in lines if not line.startswith("{")).strip()
    return f"`{command}`:\n\n" + (told if "|---" in told else f"```text\n{told}\n```")


PARTS = {
    "interrogator --help": lambda: help_of("interrogator"),
    "matmul_demo --help": lambda: help_of("matmul_demo"),
    "models": models,
    "endpoints": endpoints,
    **{f"measured {path.stem}": functools.partial(measured, path) for path in RESULTS},
}


def filled(text):
    """Return a document with every generated part as it should be."""
    for name, make in PARTS.items():
        marked = re.compile(f"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        if marked.search(text):
            made = make()
            text = marked.sub(lambda m, made=made: m[1] + made + m[2], text)
    return text


if __name__ == "__main__":
    for file in FILES:
        path = ROOT / file
        path.write_text(filled(path.read_text("utf-8")), encoding="utf-8")
