"""`make versions`: the tests on the lowest and the newest versions that requirements.txt allows.

Each set is resolved from the index, installed into an environment of its own under `.versions/`,
and tested there. torch and torchvision stay as constraints.txt has them unless another is allowed:
their builds for the GPU weigh gigabytes, and an index may carry none for the CPU.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import torch

from deploy import packages
from deploy.outcome import ROOT, Outcome

WAYS = {"lowest": ("--resolution", "lowest-direct"), "newest": ()}
FOLDER = ROOT / ".versions"
GPU_ONLY = ("nvidia-", "cuda-", "triton")  # what torch for the GPU brings
MAIN_PACKAGES = ("torch", "transformers", "gradio", "numpy", "numba", "huggingface-hub")


def pins(text: str, names: tuple[str, ...]) -> list[str]:
    """Return the lines of a constraints file that pin some packages."""
    return [line for line in text.splitlines() if line.partition("==")[0] in names]


def chosen(way: str, any_torch: bool) -> dict[str, str]:
    """Return the versions of one way, for this Python.

    Raises:
        NoIndexError: The index cannot be reached.
        UnresolvableError: There is no such set.
    """
    fixed = pins((ROOT / "constraints.txt").read_text("utf-8"), ("torch", "torchvision"))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = packages.resolve(python, [] if any_torch else fixed, WAYS[way])
    if any_torch or torch.version.cuda:
        return found
    return {name: v for name, v in found.items() if not name.startswith(GPU_ONLY)}


def tools(text: str) -> list[str]:
    """Return the lines of requirements-dev.txt, without the runtime that it includes."""
    return re.findall(r"^[A-Za-z].*$", text, re.M)


def install(way: str, versions: dict[str, str]) -> Path:
    """Return the Python of an environment with exactly these versions and the tests' tools."""
    folder = FOLDER / way
    listed = FOLDER / f"{way}.txt"
    FOLDER.mkdir(exist_ok=True)
    listed.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Resolved already; a second resolver would only find another build of torch.
    subprocess.run([*pip, "--no-deps", "--requirement", listed], check=True)
    names = tools((ROOT / "requirements-dev.txt").read_text("utf-8"))
    subprocess.run([*pip, "--constraint", listed, *names], check=True)
    reference = ROOT / "requirements-reference.txt"
    subprocess.run([*pip, "--no-deps", "--requirement", reference], check=True)
    return python


def check(way: str, any_torch: bool, arguments: list[str]) -> Outcome:
    """Install one set of versions and run the tests on it."""
    title = f"tests on the {way} versions"
    try:
        versions = chosen(way, any_torch)
    except packages.NoIndexError as error:
        return Outcome(title, skipped=str(error))
    except packages.UnresolvableError as error:
        return Outcome(title, problems=(str(error),))
    details = ", ".join(f"{name} {versions[name]}" for name in MAIN_PACKAGES)
    python = install(way, versions)
    print(f"{title}: {details}", flush=True)
    tests: list[str | Path] = [
        python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider",
        *arguments,
    ]  # fmt: skip
    done = subprocess.run(tests, cwd=ROOT, check=False)
    wrong = (f"pytest ended with {done.returncode} ({details})",) if done.returncode else ()
    return Outcome(title, details, wrong)


def main(arguments: list[str] | None = None) -> int:
    """Test both sets and print what became of them.

    Returns:
        0 if both passed or could not be had; 1 otherwise.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.versions", description=__doc__)
    parser.add_argument("ways", nargs="*", metavar="WAY", help="lowest, newest; both if absent")
    parser.add_argument("--any-torch", action="store_true", help="let torch differ as well")
    parser.add_argument("--tests", default="tests", help="arguments of pytest, between spaces")
    options = parser.parse_args(arguments)
    ways = options.ways or list(WAYS)
    if unknown := set(ways) - set(WAYS):
        parser.error(f"there is no {', '.join(sorted(unknown))}, only {', '.join(WAYS)}")
    outcomes = [check(way, options.any_torch, options.tests.split()) for way in ways]
    print(*outcomes, sep="\n")
    return int(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
