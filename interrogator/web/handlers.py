"""What the tab's buttons and the API's endpoints do, free of Gradio.

Values of options go in by name; what changes on the page, or JSON, comes out. For a picture first
`fetch`, which may take long and disturbs nobody; then `draw`, one visitor at a time.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from interrogator.errors import InterrogatorError
from interrogator.images import decode, stored
from interrogator.images.generators import StoredPrompt
from interrogator.insight.heatmap import HeatMap, heat_map
from interrogator.insight.round_trip import RoundTrip, obstacle, round_trip
from interrogator.models.choice import active_notice, check_offered
from interrogator.models.files import download_bytes
from interrogator.models.loading import load_painter
from interrogator.option import Operation
from interrogator.options import parse
from interrogator.pipeline import Interrogator
from interrogator.request import Request, names_of, request_of, words_of
from interrogator.result import PictureFeatures, PromptScore
from interrogator.serving.background import Progress, in_background
from interrogator.serving.service import Service, ignore_progress
from interrogator.web import chips, folds, views
from interrogator.web.updates import PageUpdate, SearchView

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0  # that a program waits for a download, keeping its place in the queue
MAP_SIDE = 480  # pixels of the picture under a map
MOST_STORED = 2  # prompts of a picture's file that are shown
MOST_KINDS = 64  # of searches whose time is remembered
SMALL = 50_000_000  # bytes, from which on they are shown as GB
WAITING = "Waiting for your turn: one computation runs at a time"
NO_PROMPT = "There is no prompt to draw from."
BUG = "Something went wrong on our side; it is in the server's log. Try again."

Values = Mapping[str, Any]


class Handlers:
    """The tab's handlers; one per app, sharing one service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._usual: dict[Hashable, float] = {}  # models and mode → seconds of the last search

    def request(self, values: Values, task: Operation = "interrogate") -> Request:
        """Return what a visitor or a program wants.

        Raises:
            InterrogatorError: A value cannot be meant, or a model is not offered here.
        """
        if values.get("target") == chips.AS_IT_IS:  # the page's name for no target
            values = {**values, "target": ""}
        parsed = parse(values, "api", task)
        check_offered(*(parsed.get(name, "") for name in ("caption_model", "clip", "judge")))
        return request_of(parsed, self.service.defaults.preset)

    # What the page shows before anything is asked

    def greet(self) -> tuple[str, str, str]:
        """Return the notice of the active models, their preset, and its note."""
        names, reason = self.service.defaults.current()
        note = self.describe_models({"preset": names.preset})
        text = active_notice(names, reason)
        if ahead := self.service.warming:
            done = "" if ahead.share is None else f", {ahead.share:.0%}"
            text += f" They are being loaded since this server started: {ahead.text}{done}."
        return views.notice(text), names.preset, note

    def describe_models(self, values: Values) -> str:
        """Return what choosing models would mean: what they are for, and their download."""
        try:
            parsed = parse(values, "api")
            check_offered(parsed["caption_model"], parsed["clip"], parsed["judge"])
            names = names_of(parsed, self.service.defaults.preset)
            size = download_bytes(names)
        except InterrogatorError as error:
            return views.status(f"{values.get('preset')}: {error}", kind="error")
        text = f"{size / 1e9:.1f} GB" if size >= SMALL else f"{size / 1e6:.1f} MB"
        ready = f"{text} to download once" if size else "on this machine already"
        what = names.note or f"{names.shown_caption} and {names.shown_clip}"
        return views.status(f"{names.preset}: {what}; {ready}.", kind="idle")

    def describe_words(self, values: Values) -> str:
        """Return what a choice of words would mean: what is ranked, cleaned and left out."""
        try:
            parsed = parse(values, "api")
            words = words_of(parsed)
            names = names_of(parsed, self.service.defaults.preset)
            return views.status(words.summary(self.service.vocabulary(names)), kind="idle")
        except InterrogatorError as error:
            return views.status(str(error), kind="error")

    # An interrogation on the page

    def fetch(self, picture: str | bytes | None, request: Request) -> Iterator[PageUpdate | None]:
        """Bring the models' files to this server before the visitor takes a turn at computing.

        Yields:
            What changes, or None while there is nothing new; ask again soon.

        Raises:
            InterrogatorError: They cannot be had; it has been drawn.
        """
        try:
            decode.look_at(picture)  # what is no picture is not worth a download
        except InterrogatorError as error:
            yield PageUpdate(views.status(str(error), kind="error"), no_picture=bool(picture))
            raise
        yield from self.fetch_models(request)

    def fetch_models(self, request: Request) -> Iterator[PageUpdate | None]:
        """Bring the models' files to this server, whatever the picture; as `fetch`."""
        try:
            for progress in in_background(lambda report: self.service.fetch(request, report)):
                yield PageUpdate(views.progress(progress)) if progress else None
        except InterrogatorError as error:
            yield _failed(str(error))
            raise
        except Exception as error:
            log.exception("looking for the models failed")
            yield _failed(BUG)
            raise InterrogatorError(BUG) from error
        yield PageUpdate(views.status(WAITING))

    def draw(
        self,
        picture: str | bytes | None,
        request: Request,
        features: PictureFeatures | None = None,
    ) -> Iterator[PageUpdate]:
        """Yield what changes as the interrogation goes on; errors as a sentence.

        What stands on the page stays until something newer takes its place.
        """
        try:
            opened = decode.read_picture(picture)
        except InterrogatorError as error:
            yield PageUpdate(views.status(str(error), kind="error"), no_picture=bool(picture))
            return
        artists = self.service.vocabulary(request.names).artists
        search = SearchView(self._usual.get(_kind(request)), artists)
        try:
            for event in self.service.interrogate(opened.image, request, features):
                if isinstance(event, Progress):
                    yield PageUpdate(views.progress(event))
                elif event.finished:
                    if len(self._usual) > MOST_KINDS:
                        self._usual.clear()
                    self._usual[_kind(request)] = event.seconds.get("search", 0.0)
                    found = stored.read(picture or b"")
                    kept = self._scored(found.prompts, opened.image, request, event.features)
                    notes = (*opened.notes, *found.notes)
                    yield search.finished(event.after(notes), request, kept)
                elif (update := search.drawn(event)) is not None:
                    yield update
        except InterrogatorError as error:
            yield _failed(str(error))
        except Exception:
            log.exception("the interrogation failed")
            yield _failed(BUG)

    def _scored(
        self, prompts: Sequence[StoredPrompt], image: Image.Image, request: Request,
        features: PictureFeatures,
    ) -> list[tuple[StoredPrompt, float]]:  # fmt: skip
        """Return prompts of a picture's file with their similarities; not those without a word."""
        scored = []
        for prompt in prompts[:MOST_STORED]:
            text = prompt.prompt[: folds.MOST_STORED]
            try:
                score = _last(self.service.score(image, request, text, features))
            except InterrogatorError as error:
                log.info("a stored prompt is not shown: %s", error)
            else:
                scored.append((prompt, score.similarity))
        return scored

    def where(self, picture: str | bytes | None, phrase: str, values: Values) -> str:
        """Return the picture with what shows where a phrase is seen in it, as HTML."""

        def look() -> str:
            request, image = self.request(values), decode.read(picture)
            image.thumbnail((MAP_SIDE, MAP_SIDE))
            question = functools.partial(_look_for, image, phrase)
            return folds.where(image, _last(self.service.ask(request, question)))

        return _shown(look)

    def draw_again(
        self, picture: str | bytes | None, prompt: str, negative: str, values: Values
    ) -> str:
        """Return a picture drawn from the prompt beside the original, as HTML."""

        def draw() -> str:
            if why := obstacle():
                raise InterrogatorError(why)
            request, image = self.request(values), decode.read(picture)
            words = chips.words_of(prompt, request.settings.target)
            if not words.strip():
                raise InterrogatorError(NO_PROMPT)
            image.thumbnail((MAP_SIDE, MAP_SIDE))
            question = functools.partial(_draw, image, words[: folds.MOST_STORED], negative)
            return folds.round_trip(image, _last(self.service.ask(request, question)))

        return _shown(draw)

    def write_copy(
        self, picture: str | bytes | None, prompt: str, negative: str, folder: Path
    ) -> Path:
        """Write a copy of the picture with the prompt in it into a folder, under its own name.

        Raises:
            InterrogatorError: There is no picture, or it cannot be written into.
        """
        decode.look_at(picture)
        name = Path(picture).name if isinstance(picture, str) else "picture.jpg"
        place = folder / name
        place.write_bytes(stored.with_prompt(picture or b"", prompt, negative))
        return place

    def rescore(
        self,
        picture: str | bytes | None,
        prompt: str,
        request: Request,
        features: PictureFeatures | None = None,
        before: str = "",
    ) -> Iterator[PageUpdate]:
        """Yield the similarity, tokens and parts of a prompt as it stands on the page.

        Args:
            picture: The picture.
            prompt: The prompt, in the form of the request's target.
            request: Names the models.
            features: What an interrogation saw in it: it is not looked at again.
            before: Said before the similarity.
        """
        try:
            image = decode.read(picture)
            words = chips.words_of(prompt, request.settings.target)
            for event in self.service.score(image, request, words, features):
                if isinstance(event, PromptScore):
                    status = views.status(f"{before}{views.score(event)}", kind="done")
                    rules, captions = request.settings.rules, _captions(request, features)
                    parts = chips.of_score(event, rules, image.size, captions)
                    yield PageUpdate(status, phrases=parts)
        except InterrogatorError as error:
            yield _failed(str(error))
        except Exception:
            log.exception("scoring failed")
            yield _failed(BUG)

    # The API

    def interrogate(self, picture: str | bytes | None, values: Values) -> dict[str, Any]:
        """Return the finished interrogation as JSON.

        Raises:
            InterrogatorError: Picture, models or settings are at fault; in a sentence.
        """
        request = self._fetched(picture, self.request(values))
        opened = decode.read_picture(picture)
        done = _last(self.service.interrogate(opened.image, request))
        return done.after(opened.notes).to_json()

    def analyze(self, picture: str | bytes | None, values: Values) -> dict[str, Any]:
        """Return caption and ranked phrases as JSON; raises as `interrogate` does."""
        request = self._fetched(picture, self.request(values, "analyze"))
        top = parse(values, "api", "analyze")["top"]
        return _last(self.service.analyze(decode.read(picture), request, top)).to_json()

    def score(self, picture: str | bytes | None, prompt: Any, values: Values) -> dict[str, Any]:  # noqa: ANN401
        """Return a prompt's similarity to a picture as JSON; raises as `interrogate` does."""
        if not isinstance(prompt, str):
            raise InterrogatorError(f"prompt must be text, not {str(prompt)[:60]!r}.")
        request = self._fetched(picture, self.request(values, "score"))
        return _last(self.service.score(decode.read(picture), request, prompt)).to_json()

    def _fetched(self, picture: str | bytes | None, request: Request) -> Request:
        """Have the models' files brought here; a program that waits holds its turn meanwhile."""
        decode.look_at(picture)
        self.service.fetch(request, ignore_progress, PATIENCE_SECONDS)
        return request


def _shown(work: Callable[[], str]) -> str:
    """Return what work shows as HTML, or the sentence of its error."""
    try:
        return work()
    except InterrogatorError as error:
        return views.status(str(error), kind="error")
    except Exception:
        log.exception("a question about the picture failed")
        return views.status(BUG, kind="error")


def _captions(request: Request, features: PictureFeatures | None) -> list[str]:
    """Return what is known to be said of a picture as a whole: by a person, or by captioners."""
    known = features.captions.values() if features else ()
    return [request.settings.caption, *(one.text for several in known for one in several)]


def _look_for(image: Image.Image, phrase: str, interrogator: Interrogator) -> HeatMap:
    return heat_map(image, phrase[: folds.MOST_STORED], interrogator.models.clip)


def _draw(image: Image.Image, prompt: str, negative: str, interrogator: Interrogator) -> RoundTrip:
    """Draw with a painter that is loaded for one picture and let go: it is large."""
    models = interrogator.models
    return round_trip(image, prompt, negative, models.clip, load_painter(models.runtime))


def _last(events: Iterator[Any]) -> Any:  # noqa: ANN401
    *_, last = events
    return last


def _kind(request: Request) -> Hashable:
    """Return what a search's time depends on most."""
    settings = request.settings
    return request.names, settings.mode, settings.with_negative, settings.rules.daring


def _failed(sentence: str) -> PageUpdate:
    """What was found before it failed stays."""
    return PageUpdate(views.status(sentence, kind="error"))
