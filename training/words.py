"""Writes the demo vocabulary: the words that the embedded models were taught."""

from __future__ import annotations

from pathlib import Path

from training.painter import vocabulary


def write(folder: Path) -> None:
    """Write one list per category; artists by name, as the vocabulary reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for category, phrases in vocabulary().items():
        lines = [phrase.removeprefix("by ") for phrase in phrases]
        (folder / f"{category}s.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
