"""Several files → one prompt and how it fits each, as HTML; free of Gradio."""

from __future__ import annotations

import base64
import functools
import io
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.insight.together import MOST_PICTURES, Shared, shared_steps
from interrogator.request import Request
from interrogator.result import Interrogation, PromptScore
from interrogator.serving.background import Progress
from interrogator.serving.price import within_time
from interrogator.serving.service import Service
from interrogator.web import chips, views
from interrogator.web.handlers import BUG
from interrogator.web.updates import DRAW_SECONDS

log = logging.getLogger(__name__)

THUMBNAIL = 96  # pixels of its longer side: shown at half of it, sharp on any screen
MOST_NAME = 60  # characters of a file's name that are shown
MISFIT = -0.002  # what a part adds to the similarity; what is between it and 0 is no misfit
MOST_MISFITS = 3  # parts that are told of a picture
FEWEST = "Choose two pictures or more: a prompt for one is written above."
TOO_MANY = "{} files are too many: choose up to {}."
BEST_SO_FAR = "Stopped: this is the best so far."
_LEGEND = (
    "The number is the similarity of the prompt with each picture. What does not fit makes the "
    "prompt less similar to that picture."
)


@dataclass(frozen=True)
class NamedFile:
    """An upload: where it lies, and what its visitor calls it."""

    path: str
    name: str


@dataclass(frozen=True)
class Reading:
    """What came of some files.

    Attributes:
        pictures: Name and picture of each that can be read, in order.
        broken: Name and sentence of each that cannot.
    """

    pictures: tuple[tuple[str, Image.Image], ...]
    broken: tuple[tuple[str, str], ...]


def check_count(files: Sequence[NamedFile]) -> None:
    """Refuse too few or too many files before any is read.

    Raises:
        InterrogatorError: In a sentence.
    """
    if len(files) < 2:
        raise InterrogatorError(FEWEST)
    if len(files) > MOST_PICTURES:
        raise InterrogatorError(TOO_MANY.format(len(files), MOST_PICTURES))


def read(files: Sequence[NamedFile]) -> Reading:
    """Read every file; one that cannot be read does not keep the others."""
    pictures, broken = [], []
    for file in files:
        try:
            pictures.append((file.name, decode.read(file.path)))
        except InterrogatorError as error:
            broken.append((file.name, str(error)))
    return Reading(tuple(pictures), tuple(broken))


def draw(
    service: Service, files: Sequence[NamedFile], request: Request
) -> Iterator[tuple[str, str]]:
    """Yield prompt and report as it goes on; errors as a sentence in the report.

    Args:
        service: Where models are kept.
        files: Up to `MOST_PICTURES`.
        request: Of one picture; a caption, pins and drops of another picture must not be in it.
    """
    reading, drawn = Reading((), ()), 0.0
    try:
        check_count(files)
        reading = read(files)
        if len(reading.pictures) < 2:
            yield "", _error(FEWEST, reading)
            return
        images = [picture for _, picture in reading.pictures]
        settings = within_time(request.settings)
        question = functools.partial(shared_steps, pictures=images, settings=settings)
        yield "", views.status(f"Reading {len(images)} pictures")
        for event in service.ask_steps(replace(request, judge=None), question):
            if isinstance(event, Progress):
                yield "", views.progress(event)
            elif not event.found.finished:
                if event.found.prompt and time.monotonic() - drawn >= DRAW_SECONDS:
                    drawn = time.monotonic()
                    yield event.found.prompt, so_far(event.found)
            else:
                form = chips.forms(event.found)[request.settings.target or chips.AS_IT_IS]
                yield form["text"], report(event, reading)
    except InterrogatorError as error:
        yield "", _error(str(error), reading)
    except Exception:
        log.exception("a prompt for several pictures failed")
        yield "", _error(BUG, reading)


def so_far(found: Interrogation) -> str:
    """Return how far a search is, and beside it what stands in its place once it is stopped."""
    similarity = views.cosine(found.similarity)
    text = f"Searching: {views.counted(found.tried, 'prompt')} compared, the best so far "
    stopped = views.status(f"{BEST_SO_FAR} Similarity with their mean {similarity}.", kind="done")
    return (
        f"{views.status(f'{text}{similarity} similar', kind='searching')}"
        f"<template>{stopped}</template>"
    )


def report(found: Shared, reading: Reading) -> str:
    """Return how the prompt fits each picture, and what could not be read, as HTML."""
    done = found.found
    line = (
        f"One prompt for {len(reading.pictures)} pictures. Similarity with their mean "
        f"{views.cosine(done.similarity)}, {done.tokens} of {done.token_limit} tokens."
    )
    rows = "".join(
        _row(name, picture, score)
        for (name, picture), score in zip(reading.pictures, found.each, strict=False)
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in done.notes[1:])  # the first is the line
    return (
        f'{views.status(line, kind="done")}<ol class="each">{rows}</ol>{_broken(reading)}'
        f'<p class="muted note">{_LEGEND}</p>{_list(notes)}'
    )


def _row(name: str, picture: Image.Image, score: PromptScore) -> str:
    parts = sorted(score.parts, key=lambda part: part.contribution)[:MOST_MISFITS]
    misfits = "".join(
        f'<span class="misfit"><span translate="no">{escape(part.text)}</span> '
        f'<span class="num">{part.contribution:+.3f}</span></span>'
        for part in parts
        if part.contribution < MISFIT
    )
    told = f'<p class="muted"><span>Does not fit:</span> {misfits}</p>' if misfits else ""
    return (
        f'<li><img src="{thumbnail(picture)}" alt=""><div><p translate="no">{_short(name)}</p>'
        f'{told}</div><b class="num">{score.similarity:.3f}</b></li>'
    )


def _broken(reading: Reading) -> str:
    rows = "".join(
        f'<li><b translate="no">{_short(name)}</b> <span>{escape(sentence)}</span></li>'
        for name, sentence in reading.broken
    )
    return f'<p class="note">Left out:</p>{_list(rows)}' if rows else ""


def _list(rows: str) -> str:
    return f'<ul class="told">{rows}</ul>' if rows else ""


def _error(sentence: str, reading: Reading) -> str:
    return views.status(sentence, kind="error") + _broken(reading)


def _short(name: str) -> str:
    return escape(name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…")


def thumbnail(picture: Image.Image, side: int = THUMBNAIL) -> str:
    """Return a small JPEG of a picture as a data: URL."""
    small, packed = picture.copy(), io.BytesIO()
    small.thumbnail((side, side))
    small.save(packed, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"
