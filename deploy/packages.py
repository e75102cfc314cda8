"""Requirements, resolved from the index's metadata alone: nothing is downloaded or installed.

What runs on the hub's side: a Space installs `requirements.txt` and the `sdk_version` of Gradio
with its own Python; one on ZeroGPU has one of few versions of torch, which must stay possible.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from deploy import front_matter
from deploy.outcome import ROOT, Outcome

ZEROGPU_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")
ZEROGPU_PYTHON = ("3.12.12", "3.10.13")
OFFLINE = ("error sending request", "dns error", "Connection refused", "Failed to fetch")


class NoIndexError(Exception):
    """The package index cannot be reached."""


class UnresolvableError(Exception):
    """The requirements contradict each other or what the index has."""


def resolve(
    python: str, extra: Iterable[str] = (), options: Iterable[str] = (), root: Path = ROOT
) -> dict[str, str]:
    """Return the version of every package that `requirements.txt` brings.

    Args:
        python: For which Python.
        extra: Further requirements.
        options: Of `uv pip compile`.
        root: Where requirements.txt is.

    Raises:
        NoIndexError: The index cannot be reached.
        UnresolvableError: There is no set of versions.
    """
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header",
        "--only-binary", ":all:", "--python-version", python, *options, "-",
    ]  # fmt: skip
    wanted = "\n".join([(root / "requirements.txt").read_text("utf-8"), *extra])
    certificates = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT")
    environment = {**os.environ, **({"SSL_CERT_FILE": certificates} if certificates else {})}
    done = subprocess.run(
        command, input=wanted, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode and any(sign in done.stderr for sign in OFFLINE):
        raise NoIndexError("the package index cannot be reached")
    if done.returncode:
        raise UnresolvableError(" ".join(done.stderr.split()))
    return dict(re.findall(r"^([\w.-]+)==(\S+)", done.stdout, re.M))


def check() -> Outcome:
    """Check that a Space can install this project, on its own hardware and on ZeroGPU."""
    title = "requirements of a Space"
    try:
        fields = front_matter.read((ROOT / "README.md").read_text("utf-8"))
        python, gradio = str(fields["python_version"]), f"gradio=={fields['sdk_version']}"
    except (ValueError, KeyError) as error:
        return Outcome(title, problems=(f"the front matter does not say it: {error}",))
    wrong = []
    if not any(version.startswith(python) for version in ZEROGPU_PYTHON):
        wrong.append(f"ZeroGPU has no Python {python}, only {' and '.join(ZEROGPU_PYTHON)}")
    chosen: dict[str, str] = {}
    for torch in (None, *ZEROGPU_TORCH):
        try:
            found = resolve(python, [gradio, *([f"torch=={torch}"] if torch else [])])
            chosen = chosen or found
        except NoIndexError as error:
            return Outcome(title, problems=tuple(wrong), skipped=str(error))
        except UnresolvableError as error:
            wrong.append(f"with torch {torch or 'of any version'}: {error}")
    wrong += _unlike_the_tested(fields["sdk_version"])
    details = (
        f"{len(chosen)} packages on Python {python} (gradio {chosen.get('gradio')}, torch "
        f"{chosen.get('torch')}, transformers {chosen.get('transformers')}); on ZeroGPU with torch "
        f"{', '.join(ZEROGPU_TORCH)}"
    )
    return Outcome(title, details, tuple(wrong))


def _unlike_the_tested(gradio: str) -> list[str]:
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    if f"\ngradio=={gradio}\n" in pins:
        return []
    return [f"sdk_version is {gradio}, but the tests run with another Gradio (constraints.txt)"]
