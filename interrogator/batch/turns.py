"""Captioner and CLIP in turns, where memory has no room for both: items → outcomes.

The captioner describes a large group of pictures and is let go of; then the CLIP ranks them, and is
let go of. Each picture is decoded twice. Chunks are those of the other engine, so that every digit
is the same. What the CLIP has ranked is committed chunk by chunk; who is cut off in the captioner's
turn begins that group anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch

from interrogator.batch.engine import (
    Chunk,
    IsKnown,
    Loaded,
    Placed,
    Worker,
    in_halves,
    load_item,
    row_of,
    run_here,
)
from interrogator.batch.manifest import Outcome, Row
from interrogator.images.decode import Picture
from interrogator.networks.captioner import Caption, Captioner
from interrogator.pipeline import Interrogator
from interrogator.request import Request
from interrogator.serving.guard import give_back
from interrogator.serving.service import Service
from interrogator.serving.together import View, inputs_of

GROUP = 4096  # pictures between two loads: of each its place and its captions are kept
CHANGED = "It changed while it was looked at. Give the command again with --retry."

Described = dict[str, tuple[Caption, ...] | Row]  # captions or an error's row, by result's key


class Describer:
    """A captioner, and the captions that it finds for chunks of items."""

    def __init__(self, captioner: Captioner, request: Request, key: str, known: Described) -> None:
        """Begin.

        Args:
            captioner: Loaded.
            request: What is wanted.
            key: The request's `options_key`.
            known: Gets the captions.
        """
        self._captioner, self._how, self._key = captioner, request.settings.captioning, key
        self._known = known
        self._lock = threading.Lock()

    def load(self, placed: Placed, is_known: IsKnown = lambda key: False) -> Loaded:
        """Read and decode an item; it may run in several threads."""
        return load_item(placed, self._key, is_known, self._view)

    def finish(
        self, loaded: Sequence[Loaded], is_known: IsKnown = lambda key: False
    ) -> list[Outcome]:
        """Describe some items; of none of them anything has become yet."""
        views = {
            one.key: one.view
            for one in loaded
            if one.view and one.key not in self._known and not is_known(one.key)
        }
        found = in_halves(self._captions, list(views.values()))
        for key, captions in zip(views, found, strict=True):  # an error would hold the model
            self._known[key] = row_of(captions) if isinstance(captions, Exception) else captions
        return []

    def _view(self, picture: Picture) -> View:
        inputs = inputs_of(self._captioner, picture.image, self._how, self._lock)
        return View(inputs, torch.empty(0), picture.image.size)

    def _captions(self, views: list[View]) -> list[tuple[Caption, ...]]:
        inputs = [view.inputs for view in views if view.inputs is not None]
        return self._captioner.candidates_of(inputs, self._how)


class Ranker(Worker):
    """A CLIP, and what it makes of chunks of items with captions that are known."""

    def __init__(
        self, interrogator: Interrogator, request: Request, key: str, known: Described
    ) -> None:
        super().__init__(interrogator, request, key, captions=False)
        self._known = known

    def finish(
        self, loaded: Sequence[Loaded], is_known: IsKnown = lambda key: False
    ) -> list[Outcome]:
        """Return what became of some items."""
        if not " ".join(self.request.settings.caption.split()):
            loaded = [one if is_known(one.key) else self._described(one) for one in loaded]
        return super().finish(loaded, is_known)

    def _described(self, one: Loaded) -> Loaded:
        """Return an item with its captions, or with what went wrong with them."""
        if one.view is None:
            return one
        captions = self._known.get(one.key)
        if captions is None:
            return replace(one, view=None, error=CHANGED)
        if isinstance(captions, dict):
            return replace(one, view=None, error=captions["error"])
        return replace(one, view=replace(one.view, captions=captions))


@dataclass(frozen=True)
class Turns:
    """An engine that has one model in memory at a time.

    Attributes:
        service: Loads the models.
        request: What is wanted.
        key: Its `options_key`.
    """

    service: Service
    request: Request
    key: str

    @staticmethod
    def are_needed(service: Service, request: Request) -> bool:
        """Tell whether memory has room for captioner and CLIP one at a time alone."""
        return not request.judge and service.store.must_take_turns(request.names)

    def __call__(
        self, chunks: Iterable[Chunk], is_known: IsKnown, threads: int
    ) -> Iterator[list[Outcome]]:
        """Yield what became of each chunk, in their order; see `run_here`."""
        chunks = iter(chunks)
        for first in chunks:
            group = [first, *islice(chunks, GROUP // len(first) - 1)]
            known: Described = {}
            if not " ".join(self.request.settings.caption.split()):
                self._describe(group, known, is_known, threads)
                give_back()
            yield from self._rank(group, known, is_known, threads)
            give_back()

    def _describe(
        self, group: list[Chunk], known: Described, is_known: IsKnown, threads: int
    ) -> None:
        captioner = self.service.store.captioner_alone(self.request.names)
        describer = Describer(captioner, self.request, self.key, known)
        for _ in run_here(describer, group, is_known, threads):
            pass

    def _rank(
        self, group: list[Chunk], known: Described, is_known: IsKnown, threads: int
    ) -> Iterator[list[Outcome]]:
        models = self.service.store.without_captioner(self.request.names)
        interrogator, _ = self.service.prepare(self.request, models=models)
        del models
        ranker = Ranker(interrogator, self.request, self.key, known)
        yield from run_here(ranker, group, is_known, threads)
