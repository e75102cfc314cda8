"""What `git push` would send: no file that the hub refuses, and all that the app needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploy.outcome import ROOT, Outcome

LARGEST = 10 * 10**6  # bytes of a file that a Space takes outside of large-file storage


def tracked(root: Path = ROOT) -> list[str]:
    """Return the files that git knows, relative to the root."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    )
    return [name for name in done.stdout.split("\0") if name]


def committed(root: Path = ROOT) -> Outcome:
    """Check that what lies here, and is checked, is what a push would send."""
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, check=True, capture_output=True, text=True
    )
    wrong = [f"{line[3:]} is not as committed" for line in done.stdout.splitlines()]
    return Outcome("all is committed", "what is checked is what is pushed", tuple(wrong))


def check(root: Path = ROOT) -> Outcome:
    """Check the sizes of all tracked files, as they lie on this disk."""
    title = "files under 10 MB"
    sizes = {name: (root / name).stat().st_size for name in tracked(root)}
    wrong = [f"{name} has {size / 1e6:.1f} MB" for name, size in sizes.items() if size >= LARGEST]
    name = max(sizes, key=lambda name: sizes[name])
    details = f"{len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB; the largest is {name}"
    return Outcome(title, f"{details} with {sizes[name] / 1e6:.1f} MB", tuple(wrong))
