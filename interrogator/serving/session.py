"""The Python API behind `interrogator.load`: models that stay loaded, and pictures one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from interrogator.hub.client import ProgressCallback
from interrogator.images import decode
from interrogator.insight import heatmap, nearest, together
from interrogator.networks.runtime import choose_runtime
from interrogator.option import Operation
from interrogator.options import options_of, parse
from interrogator.prompts.ranking import RankedPhrase
from interrogator.request import Request, request_of
from interrogator.result import Analysis, Interrogation, PromptScore
from interrogator.serving.service import Service, ignore_progress

Picture = str | Path | bytes | Image.Image


class Session:
    """Models that read one picture after the other; see `interrogator.load`."""

    def __init__(self, report: ProgressCallback = ignore_progress, **options: Any) -> None:  # noqa: ANN401
        """Load the models.

        Args:
            report: Called with what is being downloaded, loaded or encoded.
            options: Of `interrogator.options`; they hold for every picture.

        Raises:
            InterrogatorError: An option is wrong, or the models cannot be had.
        """
        self._options, self._report = options, report
        self.service = Service(choose_runtime(parse(options)["dtype"]))
        self.request = self._request("interrogate", {})
        if self.request.names.preset != "custom":  # so that the hub is asked once
            self._options = {**options, "preset": self.request.names.preset}
        _, self._seconds = self.service.prepare(self.request, report)

    def interrogate(self, picture: Picture, **options: Any) -> Interrogation:  # noqa: ANN401
        """Write the prompt that a picture calls for.

        Args:
            picture: A path, the bytes of a file, or a PIL image.
            options: Of `interrogator.options`, for this picture alone.

        Raises:
            InterrogatorError: The picture cannot be read, or an option is wrong.
        """
        opened, request = decode.read_picture(picture), self._request("interrogate", options)
        interrogator, seconds = self._prepared(request)
        return interrogator.run(opened.image, request.settings, seconds).after(opened.notes)

    def analyze(self, picture: Picture, **options: Any) -> Analysis:  # noqa: ANN401
        """Describe a picture and rank all phrases; raises as `interrogate` does."""
        image, request = decode.read(picture), self._request("analyze", options)
        interrogator, seconds = self._prepared(request)
        top = parse(options, task="analyze")["top"]
        return interrogator.analyze(image, top, request.settings, seconds)

    def score(self, picture: Picture, prompt: str, **options: Any) -> PromptScore:  # noqa: ANN401
        """Measure how similar a prompt is to a picture; raises as `interrogate` does."""
        image, request = decode.read(picture), self._request("score", options)
        interrogator, _ = self._prepared(request)
        return interrogator.score(image, prompt)

    def nearest(
        self,
        picture: Picture,
        phrase: str,
        count: int = nearest.NEAREST,
        **options: Any,  # noqa: ANN401
    ) -> list[RankedPhrase]:
        """Return the phrases of a phrase's list that are most like it, as they fit a picture."""
        image, request = decode.read(picture), self._request("interrogate", options)
        interrogator, _ = self._prepared(request)
        return nearest.nearest(interrogator, image, phrase, count)

    def where(self, picture: Picture, phrase: str, **options: Any) -> heatmap.HeatMap:  # noqa: ANN401
        """Return where in a picture a phrase is seen; see `insight.heatmap`."""
        image, request = decode.read(picture), self._request("interrogate", options)
        interrogator, _ = self._prepared(request)
        return heatmap.heat_map(image, phrase, interrogator.models.clip)

    def together(self, pictures: Sequence[Picture], **options: Any) -> Interrogation:  # noqa: ANN401
        """Write one prompt for 2 to 12 pictures: what they share; raises as `interrogate` does."""
        images, request = [*map(decode.read, pictures)], self._request("interrogate", options)
        interrogator, _ = self._prepared(request)
        return together.together(interrogator, images, request.settings)

    def apart(self, pictures: Sequence[Picture], place: int, **options: Any) -> Interrogation:  # noqa: ANN401
        """Say what sets one of 2 to 12 pictures apart from the others; `place` counts from 0."""
        images, request = [*map(decode.read, pictures)], self._request("interrogate", options)
        interrogator, _ = self._prepared(request)
        return together.apart(interrogator, images, place, request.settings)

    def _request(self, task: Operation, options: dict[str, Any]) -> Request:
        parse(options, task=task)  # what this picture's task does not have is refused
        everything = {**self._options, **options}
        shared = {name: everything[name] for name in options_of("python") if name in everything}
        return request_of(parse(shared), self.service.defaults.preset, keep_tables=True)

    def _prepared(self, request: Request) -> tuple[Any, dict[str, float]]:
        """Return the interrogator of a request; loading counts for the first picture alone."""
        interrogator, seconds = self.service.prepare(request, self._report)
        seconds, self._seconds = {**self._seconds, **seconds}, {}
        return interrogator, seconds
