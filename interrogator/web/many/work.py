"""A turn: a few of many pictures → their prompts; then whoever else waits has his turn.

One visitor's pictures are done some at a time. Each time he stands in the queue again, so that
another one's single picture need not wait for all of them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from interrogator.batch.engine import Placed, Worker
from interrogator.batch.manifest import Outcome
from interrogator.batch.outputs import written_for
from interrogator.errors import InterrogatorError
from interrogator.explanation import UNLIKE
from interrogator.pipeline import Interrogator
from interrogator.request import Request
from interrogator.serving.background import Progress
from interrogator.serving.price import HOLD_SECONDS, SEARCH_SECONDS, price_of, sizes_of
from interrogator.serving.service import Service
from interrogator.web import views
from interrogator.web.handlers import BUG
from interrogator.web.many.files import items_of, zips_closed
from interrogator.web.several.work import NamedFile

log = logging.getLogger(__name__)

AT_ONCE = 4  # pictures of one turn

Result = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """What a turn comes to so far.

    Attributes:
        status: The status line, HTML.
        results: Of each picture that was done its position and what became of it; None until then.
        error: Why there are none.
    """

    status: str
    results: list[Result] | None = None
    error: str | None = None


def shared_time(request: Request) -> Request:
    """Return a request whose searches end so early that a turn takes no longer than a picture."""
    seconds = min(request.settings.seconds or inf, SEARCH_SECONDS / AT_ONCE)
    return replace(request, settings=replace(request.settings, seconds=seconds))


def affordable(seconds: float, wanted: int) -> int:
    """Return how many pictures of so many seconds one turn has time for; one at least."""
    most = HOLD_SECONDS / seconds if seconds else inf
    return int(max(1, min(wanted, AT_ONCE, most)))


def take_turn(
    service: Service, files: Sequence[NamedFile], positions: Sequence[int], request: Request
) -> Iterator[Turn]:
    """Yield what goes on, then what became of the first few of some pictures.

    Args:
        service: Where models are kept.
        files: The uploads.
        positions: Which of their `items_of` are to be done, in order.
        request: Of each picture, as if it were alone.
    """
    try:
        with zips_closed():
            items = items_of(files)
            placed = [(p, items[p]) for p in positions if 0 <= p < len(items)][:AT_ONCE]
            request = shared_time(request)
            question = functools.partial(_prompts, placed=placed, request=request)
            for event in service.ask(request, question):
                if isinstance(event, Progress):
                    yield Turn(views.progress(event))
                else:
                    results = [_result(outcome, request) for outcome in event]
                    yield Turn(views.status("Writing the prompts"), results)
    except InterrogatorError as error:
        yield Turn(views.status(str(error), kind="error"), error=str(error))
    except Exception:
        log.exception("prompts for many pictures failed")
        yield Turn(views.status(BUG, kind="error"), error=BUG)


def _prompts(
    interrogator: Interrogator, placed: Sequence[Placed], request: Request
) -> list[Outcome]:
    price = price_of(request, sizes_of(interrogator.models))
    worker = Worker(interrogator, request, "")
    few = placed[: affordable(price.total, len(placed))]
    return worker.finish([worker.load(one) for one in few])


def _result(outcome: Outcome, request: Request) -> Result:
    row = outcome.row or {}
    if "error" in row:
        return {"position": outcome.position, "error": row["error"]}
    return {
        "position": outcome.position,
        "caption": row["caption"],
        "prompt": written_for(request.settings.target, row),
        "negative_prompt": row["negative_prompt"],
        "guess": UNLIKE in row["notes"],
        "error": None,
    }
