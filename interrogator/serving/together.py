"""Several interrogations side by side: what they ask of the CLIP is answered in one batch.

An interrogation asks for a few texts at a time and goes on with the answer. Here each runs until it
asks; when all that are left have asked, one tree of tokens is run for all of them. They are
greenlets of one thread: nothing runs at the same time as anything else, and the order is always the
same. So are the results, each as if it were alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Generic, TypeVar

import torch
from greenlet import greenlet
from PIL import Image

from interrogator.networks.captioner import Caption, Captioner
from interrogator.networks.captioning import Captioning
from interrogator.networks.clip import Clip, direction
from interrogator.networks.text_tower import Memory
from interrogator.networks.token_tree import Tokens
from interrogator.pipeline import Interrogator, features_of
from interrogator.prompts.ranking import Ranking, rank_several
from interrogator.result import Interrogation
from interrogator.settings import Settings

Result = TypeVar("Result")
Asked = tuple[str, ...] | tuple[Tokens, ...]  # texts, or texts as the tower reads them

SEARCHES = 4  # so many searches' keys and values are kept; what there is no room for runs again
STAND_IN = Image.new("RGB", (1, 1))  # for a picture that has been looked at and let go


class _Turn(Generic[Result]):
    """A piece of work that runs until it asks or ends."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.asked: Asked = ()
        self.answer: torch.Tensor | None = None
        self.result: Result | Exception | None = None
        self._work = work
        self._greenlet = greenlet(self._run)

    @property
    def ended(self) -> bool:
        """Whether there is nothing left of it to run."""
        return self._greenlet.dead

    def advance(self, rounds: Rounds) -> None:
        """Let it run until it asks for something or has ended."""
        rounds.turn = self
        try:
            self._greenlet.switch()
        finally:
            rounds.turn = None

    def ask(self, asked: Asked) -> torch.Tensor:
        """Return what is answered, from within the work: it stops here until then."""
        self.asked = asked
        self._greenlet.parent.switch()
        assert self.answer is not None
        return self.answer

    def end(self) -> None:
        """End it where it waits."""
        self._greenlet.throw()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except Exception as error:  # handed to who waits for the result
            self.result = error


class Rounds:
    """Runs pieces of work side by side, and answers what they ask for together.

    Attributes:
        turn: The piece of work that runs, if one does.
    """

    def __init__(self, answer: Callable[[Asked], torch.Tensor]) -> None:
        """Begin with nothing.

        Args:
            answer: Different texts, or tokens of texts → unit vectors [n, d].
        """
        self.turn: _Turn[Any] | None = None
        self._answer = answer

    @torch.inference_mode()  # a mode of the thread, which must not change between their turns
    def run(self, works: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
        """Return the result of each piece of work, or what it raised."""
        turns: list[_Turn[Result]] = [_Turn(work) for work in works]
        waiting = turns
        try:
            while waiting:
                for turn in waiting:
                    turn.advance(self)
                waiting = [turn for turn in waiting if not turn.ended]
                self._answer_all([turn for turn in waiting if isinstance(turn.asked[0], str)])
                self._answer_all([turn for turn in waiting if not isinstance(turn.asked[0], str)])
        finally:
            for turn in waiting:
                if not turn.ended:
                    turn.end()
        return [turn.result for turn in turns if turn.result is not None]

    def _answer_all(self, turns: list[_Turn[Result]]) -> None:
        """Answer those who ask for the same kind of thing."""
        if turns:
            different = dict.fromkeys(one for turn in turns for one in turn.asked)
            row_of = {one: row for row, one in enumerate(different)}
            vectors = self._answer(tuple(different))  # type: ignore[arg-type]  # of one kind
            for turn in turns:
                turn.answer = vectors[[row_of[one] for one in turn.asked]]


@dataclass(frozen=True)
class SharedClip(Clip):
    """A CLIP whose texts are encoded together with those that others ask for."""

    rounds: Rounds | None = None
    shared_memory: Memory | None = None

    @staticmethod
    def of(clip: Clip) -> SharedClip:
        """Return one with the same model."""
        own = {field.name: getattr(clip, field.name) for field in fields(clip)}
        memory = Memory(clip.search_tower, SEARCHES) if clip.search_tower else None

        def answer(asked: Asked) -> torch.Tensor:
            if isinstance(asked[0], str):
                return clip.encode_text([str(text) for text in asked])
            assert memory is not None
            vectors = torch.empty(len(asked), clip.width)
            read = [tokens for tokens in asked if not isinstance(tokens, str)]
            with torch.inference_mode():
                for places, few in clip.tree_batches(read, memory):
                    vectors[places] = few
            return vectors

        shared = SharedClip(**own, rounds=Rounds(answer), shared_memory=memory)
        for name in ("tower", "search_tower", "fingerprint", "width"):  # found out once
            vars(shared)[name] = getattr(clip, name)
        return shared

    def text_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield all of them, when all who run side by side have asked."""
        assert self.rounds is not None
        if turn := self.rounds.turn:
            yield list(range(len(texts))), turn.ask(tuple(texts))
        else:
            yield from super().text_batches(texts)

    def tree_batches(
        self, texts: Sequence[Tokens], memory: Memory
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield all of them, when all who run side by side have asked."""
        assert self.rounds is not None
        if turn := self.rounds.turn:
            yield list(range(len(texts))), turn.ask(tuple(texts))
        else:
            yield from super().tree_batches(texts, memory)


@dataclass(frozen=True)
class View:
    """A picture as the models look at it.

    Attributes:
        inputs: What the captioner reads, by name, each [1, …]; None where the caption is given.
        pixels: The picture and its mirror image [2, 3, h, w], as the CLIP looks at them.
        size: Its width and height in pixels.
        notes: What is to be known of its file.
        picture: The picture itself, where a judge will look at it.
        captions: Those that were written before, where captioner and CLIP take turns.
    """

    inputs: dict[str, torch.Tensor] | None
    pixels: torch.Tensor
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    picture: Image.Image | None = None
    captions: tuple[Caption, ...] = ()


class Together:
    """Interrogates several pictures at a time, each as if it were alone."""

    def __init__(
        self, interrogator: Interrogator, settings: Settings, captions: bool = True
    ) -> None:
        """Begin.

        Args:
            interrogator: Models and table.
            settings: What is wanted of each picture.
            captions: Whether they are to be written; else they come with the views.
        """
        self.interrogator, self.settings = interrogator, settings
        self._writes = captions and not " ".join(settings.caption.split())
        self._clip = SharedClip.of(interrogator.models.clip)
        models = replace(interrogator.models, clip=self._clip)
        self._shared = replace(interrogator, models=models)
        self._lock = threading.Lock()

    @property
    def how(self) -> Captioning | None:
        """How captions are written; None where none are."""
        return self.settings.captioning if self._writes else None

    def view(self, picture: Image.Image, notes: tuple[str, ...] = ()) -> View:
        """Return a picture as the models look at it; several threads may do so at a time."""
        inputs = None
        if self.how:
            inputs = inputs_of(self.interrogator.models.captioner, picture, self.how, self._lock)
        kept = picture if self.interrogator.judge else None
        return View(inputs, self._clip.pair_pixels(picture), picture.size, notes, kept)

    def see(self, views: Sequence[View]) -> tuple[list[tuple[Caption, ...]], torch.Tensor]:
        """Return the captions of each picture, and their vectors [n, 2, d]: the networks' part."""
        captions = [view.captions for view in views]
        if self.how:
            inputs = [view.inputs for view in views if view.inputs is not None]
            captions = self.interrogator.models.captioner.candidates_of(inputs, self.how)
        pairs = self._clip.encode_pixels(torch.cat([view.pixels for view in views]))
        return captions, pairs.unflatten(0, (len(views), 2))

    def run(self, views: Sequence[View]) -> list[Interrogation | Exception]:
        """Return the interrogation of each picture, or what was wrong with it."""
        captions, pairs = self.see(views)  # all threads gain from so many
        images = torch.stack([direction(pair) for pair in pairs])
        table, scale = self._shared.table, self._clip.logit_scale
        rankings = rank_several(images, table, scale, pairs[:, 0])
        settings = self.settings
        if settings.seconds:  # all of them search in the time of so many
            settings = replace(settings, seconds=settings.seconds * len(views))
        if self._clip.shared_memory:  # or the last digits would depend on what came before
            self._clip.shared_memory.trie.forget()
        assert self._clip.rounds is not None
        works = [
            partial(self._alone, *parts, settings)
            for parts in zip(views, captions, pairs, rankings, strict=True)
        ]
        with self.interrogator.models.runtime.in_threads():  # around all: each sets them back
            return self._clip.rounds.run(works)

    def _alone(
        self,
        view: View,
        captions: tuple[Caption, ...],
        pair: torch.Tensor,
        ranking: Ranking,
        settings: Settings,
    ) -> Interrogation:
        """Return what the pipeline makes of a picture of which this is known."""
        picture = view.picture or STAND_IN
        key = self._shared.models.names.caption, settings.captioning
        known = replace(
            features_of(picture),
            captions={key: captions} if captions else {},
            pairs={self._clip.fingerprint: pair},
        )
        result = self._shared.run(picture, settings, features=known, ranking=ranking)
        return replace(result, size=view.size).after(view.notes)


def inputs_of(
    captioner: Captioner, picture: Image.Image, how: Captioning, lock: threading.Lock
) -> dict[str, torch.Tensor]:
    """Return what a captioner reads of a picture; several threads may ask, with the same lock."""
    chats = getattr(captioner.processor, "chat_template", None)
    with lock if chats else nullcontext():  # tokenizers are one thread's
        return dict(captioner.inputs([picture], how.detail))
