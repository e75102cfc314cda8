"""What a request costs, from its description: seconds and bytes, known before they are spent.

The seconds are the floating-point operations of what a visitor can make longer (own phrases,
caption, parts of a prompt), at a rate that is a quarter of what two quiet cores measured
(docs/benchmarks.md): an estimate that a slower machine keeps too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from interrogator.errors import InterrogatorError
from interrogator.models.loading import Models
from interrogator.networks.captioning import Captioning
from interrogator.prompts.modes import MODES
from interrogator.request import Request
from interrogator.settings import Settings

HOLD_SECONDS = 300.0  # that one computation holds the queue, at most: the watchdog ends it then
SEARCH_SECONDS = 120.0  # of them for the searches of a request; they end with the best so far
MOST_BYTES = 2**30  # beside the models
RATES = {"cpu": 100e9, "mps": 1e12, "cuda": 10e12}  # FLOP/s
BANDWIDTHS = {"cpu": 8e9, "mps": 50e9, "cuda": 500e9}  # bytes/s
COPIES = 4  # of the vectors of one's own phrases: alone, joined with ours, narrowed, on the way


@dataclass(frozen=True)
class Sizes:
    """What a price depends on beside the request.

    Attributes:
        caption_parameters: Of the captioner's weights that run for each token.
        text_parameters: Of the CLIP's that run for each token.
        width: Of its vectors.
        token_limit: Tokens that it reads of a text.
        device: "cpu", "mps" or "cuda".
        count: Text → tokens, start and end included.
    """

    caption_parameters: int
    text_parameters: int
    width: int
    token_limit: int
    device: str
    count: Callable[[str], int]


@dataclass(frozen=True)
class Price:
    """What a request costs at most: part → seconds, and bytes of memory beside the models."""

    seconds: Mapping[str, float]
    bytes: int

    @property
    def total(self) -> float:
        """All seconds together."""
        return sum(self.seconds.values())


def sizes_of(models: Models) -> Sizes:
    """Return the sizes of loaded models."""
    clip = models.clip
    return Sizes(
        models.captioner.parameters, clip.text_parameters, clip.width, clip.token_limit,
        models.runtime.device.type, clip.token_count,
    )  # fmt: skip


def price_of(request: Request, sizes: Sizes, prompt: str = "") -> Price:
    """Return what a request costs at most, beside what every picture costs.

    Args:
        request: What is wanted.
        sizes: Of its models.
        prompt: To be scored, if one is.
    """
    own = [lists.vocabulary for lists in (request.words.base, request.words.added) if lists]
    phrases = list(itertools.chain.from_iterable(one.phrases for one in own))
    tokens = sum(min(sizes.count(phrase), sizes.token_limit) for phrase in phrases)
    parts = min(prompt.count(",") + 1, sizes.token_limit) * bool(prompt)
    rate = RATES[sizes.device]
    seconds = {
        "your own phrases": 2 * sizes.text_parameters * tokens / rate,
        "the caption": 0.0 if prompt else _caption(request.settings, sizes),
        "the search": _search(request.settings),
        "the parts of the prompt": 2 * sizes.text_parameters * sizes.token_limit * parts / rate,
    }
    return Price(seconds, 4 * sizes.width * len(phrases) * COPIES)


def _caption(settings: Settings, sizes: Sizes) -> float:
    how: Captioning = settings.captioning
    if settings.caption.strip():
        return 0.0
    computing = 2 * sizes.caption_parameters * how.beams / RATES[sizes.device]
    reading = 4 * sizes.caption_parameters / BANDWIDTHS[sizes.device]
    return how.most * max(computing, reading)


def _search(settings: Settings) -> float:
    searches = MODES[settings.mode].searches + settings.with_negative
    return min(settings.seconds or inf, SEARCH_SECONDS) if searches else 0.0


def check_price(price: Price) -> None:
    """Refuse what is not affordable, with its price and what makes it less.

    Raises:
        InterrogatorError: It takes more seconds or bytes than one computation may.
    """
    if price.total > HOLD_SECONDS:
        dear = max(price.seconds, key=price.seconds.__getitem__)
        raise InterrogatorError(
            f"This would take about {price.total:,.0f} seconds here, {price.seconds[dear]:,.0f} of "
            f"them for {dear}, and up to {HOLD_SECONDS:.0f} are given to one picture. Ask for less "
            "of it, or choose smaller models."
        )
    if price.bytes > MOST_BYTES:
        raise InterrogatorError(
            f"This would take about {price.bytes / 1e9:.1f} GB of memory, and up to "
            f"{MOST_BYTES / 1e9:.1f} GB are given to one picture. Take fewer phrases of your own."
        )


def within_time(settings: Settings) -> Settings:
    """Return settings whose searches end in time; the result then says that they were ended."""
    return replace(settings, seconds=min(settings.seconds or inf, SEARCH_SECONDS))
