"""Vocabulary × CLIP → one matrix of unit vectors, kept on disk between starts.

A file is named by what it was made of (phrases, weights, number format), written beside its
place and moved there, so that a reader sees a whole file or none. A damaged one is made anew,
and a full or read-only disk only costs the time of the next start. A table that ships with the app
(`make table`, in assets/tables) spares the first visitor that time: it is in float16, in files
small enough for a Space.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from interrogator.hub.client import ProgressCallback
from interrogator.models.registry import ASSETS
from interrogator.networks.clip import Clip
from interrogator.prompts.density import Density, load_density
from interrogator.prompts.plausibility import Calibration, load_calibrations
from interrogator.vocabulary.folding import padded
from interrogator.vocabulary.lists import EXCLUSIVE, Vocabulary, bare

log = logging.getLogger(__name__)

FORMAT = 3  # counted up when what is stored changes
BLOCK = 4096  # phrases encoded at a time: what is done stays done if its visitor has no more time
UNIT = 1e-3  # how far a stored vector's length may be from 1; a flipped bit that matters is further
SHIPPED = ASSETS / "tables"
SHIPPED_BYTES = 8_000_000  # of the vectors in one file: a Space takes 10 MB without LFS


@dataclass(frozen=True)
class Claim:
    """A phrase of an exclusive list, as a caption may say it.

    Attributes:
        row: Its row in the table.
        category: Its list.
        words: Its words between spaces, without what its list puts before them.
    """

    row: int
    category: str
    words: str


@dataclass(frozen=True)
class Table:
    """A vocabulary as a CLIP sees it.

    Attributes:
        vocabulary: The phrases, row by row.
        matrix: Unit vectors [n, d], float32.
        neutral: Cosines [n, m] of each phrase with pictures that show nothing: what it must outdo.
        calibrations: Category → how a cosine turns into a confidence, where that was fitted.
        density: Tells pictures unlike all that the CLIP was taught, where that is known.
    """

    vocabulary: Vocabulary
    matrix: torch.Tensor
    neutral: torch.Tensor
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    density: Density | None = None

    def is_exclusive(self, category: str) -> bool:
        """Tell whether at most one phrase of a category is true of a picture, as a rule."""
        fitted = self.calibrations.get(category)
        if fitted is None or fitted.exclusive is None:
            return category in EXCLUSIVE
        return fitted.exclusive

    @cached_property
    def claims(self) -> dict[str, list[Claim]]:
        """What a caption may claim of exclusive lists, by the first of its words."""
        found: dict[str, list[Claim]] = {}
        for category, rows in self.vocabulary.slices():
            if self.is_exclusive(category):
                for row in range(rows.start, rows.stop):
                    words = padded(bare(category, self.vocabulary.phrases[row]))
                    first = words.strip().partition(" ")[0]
                    found.setdefault(first, []).append(Claim(row, category, words))
        return found

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The first row of each phrase, by the phrase without case."""
        rows: dict[str, int] = {}
        for row, phrase in enumerate(self.vocabulary.phrases):
            rows.setdefault(phrase.casefold(), row)
        return rows

    def only(self, rows: NDArray[np.bool_]) -> Table:
        """Return the rows [n] that are true; nothing is encoded, and nothing copied if all are."""
        if rows.all():
            return self
        kept = torch.from_numpy(rows)
        return replace(
            self,
            vocabulary=self.vocabulary.only(rows),
            matrix=self.matrix[kept],
            neutral=self.neutral[kept],
        )

    def plus(self, own: Table) -> Table:
        """Return both tables joined as `Vocabulary.plus` joins their phrases."""
        vocabulary = self.vocabulary.plus(own.vocabulary)
        phrases = (*self.vocabulary.phrases, *own.vocabulary.phrases)
        row_of = {phrase: row for row, phrase in enumerate(phrases)}  # equal phrases, equal rows
        order = torch.tensor([row_of[phrase] for phrase in vocabulary.phrases])
        matrix, neutral = ([self.matrix, own.matrix], [self.neutral, own.neutral])
        return replace(
            self,
            vocabulary=vocabulary,
            matrix=torch.cat(matrix)[order],
            neutral=torch.cat(neutral)[order],
        )


def cache_folder() -> Path:
    """Return where tables are kept: INTERROGATOR_CACHE, else the user's cache folder."""
    given = os.environ.get("INTERROGATOR_CACHE")
    if given:
        return Path(given)
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a container's user may have no home
        home = Path(tempfile.gettempdir())
    return home / "prompt-interrogator"


def table_for(
    vocabulary: Vocabulary,
    clip: Clip,
    report: ProgressCallback = lambda text, share: None,
    folder: Path | None = None,
    keep: bool = True,
    begun: list[torch.Tensor] | None = None,
) -> Table:
    """Return the vocabulary's table from disk, or compute it and keep it there if told to.

    `begun` has the blocks of vectors that an earlier call came to, and gets those of this one.
    """
    key, rows = table_key(vocabulary, clip), len(vocabulary.phrases)
    path = (folder or cache_folder()) / f"{key}.safetensors"
    stored = _load(path, rows, clip.width) or _load_shipped(key, rows, clip.width)
    if stored is None:
        stored = _compute(vocabulary, clip, report, [] if begun is None else begun)
        if keep:
            _store(path, stored)
    folder = clip.folder
    return Table(
        vocabulary,
        stored["matrix"],
        stored["neutral"],
        load_calibrations(folder) if folder else {},
        load_density(folder) if folder else None,
    )


def table_key(vocabulary: Vocabulary, clip: Clip) -> str:
    """Return the name of a table's file: a hash of phrases, weights and number format."""
    contents = (FORMAT, vocabulary.sha256, clip.fingerprint, clip.runtime.dtype_name)
    return hashlib.sha256(repr(contents).encode()).hexdigest()[:24]


def ship(table: Table, clip: Clip, folder: Path = SHIPPED) -> list[Path]:
    """Write a table in float16 into files that can be committed, and return them.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key, (rows, width) = table_key(table.vocabulary, clip), table.matrix.shape
    step = max(1, SHIPPED_BYTES // (2 * (width + table.neutral.shape[1])))
    paths = []
    for number, first in enumerate(range(0, rows, step)):
        part = slice(first, first + step)
        tensors = {"matrix": table.matrix[part].half(), "neutral": table.neutral[part].half()}
        paths.append(folder / f"{key}-{number}.safetensors")
        save_file(tensors, paths[-1])
    return paths


def _load_shipped(key: str, rows: int, width: int) -> dict[str, torch.Tensor] | None:
    """Return a table that ships with the app; its vectors are of length 1 again."""
    parts = [load(path.read_bytes()) for path in sorted(SHIPPED.glob(f"{key}-*.safetensors"))]
    if not parts:
        return None
    matrix = torch.cat([part["matrix"] for part in parts]).float()
    stored = {"matrix": matrix, "neutral": torch.cat([part["neutral"] for part in parts]).float()}
    if matrix.shape != (rows, width) or not _sound(stored):
        log.warning("the table %s that ships with the app is damaged and is made anew", key)
        return None
    return {**stored, "matrix": torch.nn.functional.normalize(matrix, dim=1)}


def _compute(
    vocabulary: Vocabulary, clip: Clip, report: ProgressCallback, blocks: list[torch.Tensor]
) -> dict[str, torch.Tensor]:
    phrases, count = vocabulary.phrases, len(vocabulary.phrases)

    size = f"{count * clip.width * 4 / 1e6:.0f} MB on disk"  # float32

    def progress(done: float) -> None:
        share = min(1.0, done / count)
        report(f"Encoding {count:,} phrases (once for this vocabulary and CLIP; {size})", share)

    progress(0.0)
    for first in range(len(blocks) * BLOCK, count, BLOCK):
        block = phrases[first : first + BLOCK]
        within = partial(_within, progress, first, len(block))
        blocks.append(clip.encode_text(block, within))
    matrix = torch.cat(blocks)
    blocks.clear()
    return {"matrix": matrix, "neutral": matrix @ clip.encode_images(neutral_pictures()).T}


def _within(progress: Callable[[float], None], first: int, count: int, share: float) -> None:
    """Report phrases done, where a share of a block of `count` behind the `first` ones is."""
    progress(first + share * count)


def neutral_pictures(side: int = 224) -> list[Image.Image]:
    """Return pictures that show nothing: grey, a gradient, fine and coarse noise."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    fine = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    coarse = rng.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)
    return [
        Image.new("RGB", (side, side), (128, 128, 128)),
        Image.fromarray(np.broadcast_to(ramp[:, None, None], (side, side, 3)).copy()),
        Image.fromarray(fine),
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC),
    ]


def _load(path: Path, rows: int, width: int) -> dict[str, torch.Tensor] | None:
    try:
        if not path.exists():
            return None
        stored = load(path.read_bytes())  # mapped, a file that is cut would kill whoever reads on
        if stored["matrix"].shape != (rows, width) or stored["neutral"].shape[0] != rows:
            log.warning("the table %s is of another size and is made anew", path.name)
        elif not _sound(stored):
            log.warning("the table %s is damaged and is made anew", path.name)
        else:
            return stored
    except (SafetensorError, OSError, KeyError) as error:
        log.warning("the table %s is damaged (%s) and is made anew", path.name, error)
    return None


def _sound(stored: dict[str, torch.Tensor]) -> bool:
    """Tell whether all vectors are of length 1 and all cosines numbers."""
    is_unit = (stored["matrix"].norm(dim=1) - 1).abs() < UNIT  # NaN is not below it
    return bool(is_unit.all() and stored["neutral"].isfinite().all())


def _store(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        os.close(handle)
        save_file(tensors, beside)
        Path(beside).replace(path)
    except (OSError, SafetensorError) as error:
        log.warning("the table could not be kept in %s: %s", path.parent, error)
        if beside:
            Path(beside).unlink(missing_ok=True)
