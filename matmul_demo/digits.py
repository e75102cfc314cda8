"""Pictures of digits for the lesson's workloads: MNIST where it can be had, else painted here."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

T = TypeVar("T")

SIDE = 28  # pixels; MNIST's pictures are 28 × 28
PIXELS = SIDE * SIDE
MNIST_ROWS = 60_000  # pictures in the training split
REPOSITORY = "ylecun/mnist"
PARQUET = "mnist/train-00000-of-00001.parquet"
REACH_SECONDS = 3.0  # for the hub to answer at all
DOWNLOAD_SECONDS = 20.0  # for the 15 MB file, once it answers
PROTOTYPES = 400  # digits painted in full; the others are these, shifted and faded

_IDX_HEADER = 16  # bytes: magic number, count, height, width


class DigitsError(ValueError):
    """The folder named by MNIST_DIR holds nothing that can be read."""


def load(rows: int, seed: int = 0) -> tuple[NDArray[np.uint8], str]:
    """Pictures of digits and a sentence that says where they come from.

    A folder named by `MNIST_DIR` goes first, then the hub's cache, then the hub, then painting.

    Returns:
        Grey values 0–255 as [rows, 784], and their source. More rows than there are pictures
        begin again with the first.

    Raises:
        DigitsError: when `MNIST_DIR` is set and unusable; what was named is never substituted.
    """
    folder = os.environ.get("MNIST_DIR")
    if folder:
        return _repeat(_from_folder(Path(folder), rows), rows), "MNIST, from the folder MNIST_DIR"
    parquet = _hub_file()
    if parquet:
        return _repeat(_from_parquet(parquet, rows), rows), f"MNIST ({REPOSITORY})"
    return paint(rows, seed), "digits painted here, because MNIST is not within reach"


def _repeat(pictures: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    return pictures if len(pictures) == rows else pictures[np.arange(rows) % len(pictures)]


def _from_folder(folder: Path, rows: int) -> NDArray[np.uint8]:
    """MNIST's own idx file, gzipped or not, or the hub's parquet file, from a local folder."""
    for pattern, read in (
        ("train-images*idx3-ubyte*", _from_idx),
        ("train*.parquet", _from_parquet),
    ):
        for path in sorted(folder.rglob(pattern)):
            return read(path, rows)
    raise DigitsError(
        f"MNIST_DIR is {str(folder)!r}, but no train-images-idx3-ubyte(.gz) and no train*.parquet "
        "was found there. Put one of them into the folder, or unset MNIST_DIR."
    )


def _from_idx(path: Path, rows: int) -> NDArray[np.uint8]:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            header = file.read(_IDX_HEADER)
            data = file.read(min(rows, MNIST_ROWS) * PIXELS)
    except (OSError, EOFError) as error:
        raise DigitsError(f"{path.name} in MNIST_DIR cannot be read: {error}.") from error
    expected = b"\x00\x00\x08\x03", SIDE.to_bytes(4, "big") * 2
    if (header[:4], header[8:]) != expected or len(data) < PIXELS:
        raise DigitsError(f"{path.name} in MNIST_DIR is not an idx file of 28×28 pictures.")
    return np.frombuffer(data, np.uint8, len(data) // PIXELS * PIXELS).reshape(-1, PIXELS)


def _from_parquet(path: Path, rows: int) -> NDArray[np.uint8]:
    import pyarrow.parquet

    try:
        column = pyarrow.parquet.read_table(path, columns=["image"])["image"].slice(0, rows)
        pictures = [_decode(picture["bytes"]) for picture in column.to_pylist()]
        return np.stack(pictures)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DigitsError(f"{path.name} is not a table of 28×28 pictures: {error}.") from error


def _decode(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("L"), np.uint8).reshape(PIXELS)


def _hub_file() -> Path | None:
    """The hub's parquet file from the cache, or downloaded now; None where neither works."""
    import huggingface_hub
    from huggingface_hub.constants import HF_HUB_OFFLINE

    cached = huggingface_hub.try_to_load_from_cache(REPOSITORY, PARQUET, repo_type="dataset")
    if isinstance(cached, str):
        return Path(cached)
    if HF_HUB_OFFLINE or not within(REACH_SECONDS, _hub_answers):
        return None
    path = within(
        DOWNLOAD_SECONDS,
        lambda: huggingface_hub.hf_hub_download(
            REPOSITORY, PARQUET, repo_type="dataset", etag_timeout=REACH_SECONDS
        ),
    )
    return Path(path) if path else None


def _hub_answers() -> bool:
    import httpx
    from huggingface_hub.constants import ENDPOINT

    url = f"{ENDPOINT}/datasets/{REPOSITORY}/resolve/main/{PARQUET}"
    return httpx.head(url, timeout=REACH_SECONDS).status_code < 400


def within(seconds: float, call: Callable[[], T]) -> T | None:
    """The call's result, or None when it fails or takes longer than `seconds`.

    A library's own timeout bounds one connection attempt, neither name resolution nor retries.
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except Exception as error:  # whatever the network does, the digits can be painted
            answer.set_exception(error)

    Thread(target=work, daemon=True).start()
    try:
        return answer.result(timeout=seconds)
    except Exception:
        return None


def paint(rows: int, seed: int = 0) -> NDArray[np.uint8]:
    """Paint pictures of digits in MNIST's manner: light strokes on black, centred, slanted.

    Returns:
        Grey values 0–255 as [rows, 784]; the same for the same seed.
    """
    rng = np.random.default_rng(seed)
    count = min(rows, PROTOTYPES)
    prototypes = np.stack([_paint_one(index % 10, rng) for index in range(count)])
    if rows == count:
        return prototypes.reshape(rows, PIXELS)
    pictures = np.empty((rows, SIDE, SIDE), np.uint8)
    for start in range(0, rows, count):  # each round moves all prototypes by the same step
        block = pictures[start : start + count]
        step = tuple(int(s) for s in rng.integers(-2, 3, 2))
        block[:] = np.roll(prototypes[: len(block)], step, axis=(1, 2))
        block -= block // rng.integers(4, 12, dtype=np.uint8)
    return pictures.reshape(rows, PIXELS)


def _paint_one(digit: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One digit at three times the size, slanted, reduced and blurred: [28, 28]."""
    side = 3 * SIDE
    font = ImageFont.load_default(size=float(rng.uniform(60, 74)))
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).text(
        (side / 2, side / 2), str(digit), fill=255, font=font, anchor="mm",
        stroke_width=float(rng.uniform(0, 2.5)),
    )  # fmt: skip
    slant, turn = rng.uniform(-0.3, 0.3), rng.uniform(-0.15, 0.15)
    middle = side / 2
    shear = (1, slant, -slant * middle, turn, 1, -turn * middle)
    canvas = canvas.transform(canvas.size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
    small = canvas.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(
        small.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.6)))), np.uint8
    )
