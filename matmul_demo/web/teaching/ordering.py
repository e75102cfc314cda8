"""Three lanes of a race to put in order before it; afterwards each guess stands beside its truth.

Lane by lane a place is chosen among three. The page's script keeps the places apart: who takes
another's place gives up its own to it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from matmul_demo.lanes.strategy import Strategy
from matmul_demo.racing.report import RaceReport
from matmul_demo.text import seconds_text
from matmul_demo.web.teaching.job import missing

PLACES = ("fastest", "middle", "slowest")
EQUAL = 1.1  # factor between two times below which either may be called the faster one


def section(report: RaceReport) -> str:
    """Three lanes, shuffled, each with its places; nothing where fewer can run."""
    lanes = choose(report)
    if not lanes:
        return ""
    times = [_seconds(report, lane) for lane in lanes]
    known = [seconds for seconds in times if seconds]
    group = "-".join(lane.key for lane in lanes)
    drawn = "".join(
        _draw(lane, f"guess-order-{group}-{number}", _truth(number, known, lanes))
        for number, lane in enumerate(lanes)
    )
    return (
        f'<div class="race-order" role="group" aria-label="Order three lanes" data-order="{group}">'
        f"<p>Put these three in order:</p>{drawn}{_result(lanes, known)}</div>"
    )


def choose(report: RaceReport) -> tuple[Strategy, ...]:
    """Three lanes that can run here, always the same of the same race; none of fewer than three.

    One each of the first, second and last third of the ladder, so that they differ, in an order
    that does not give them away.
    """
    device = report.workload.device
    here = [x for x in report.lanes if x.clock == "call" and missing(x.key, device) is None]
    if len(here) < len(PLACES):
        return ()
    dice = random.Random(f"{report.workload.shape} {[lane.key for lane in here]}")
    ends = [len(here) * third // len(PLACES) for third in range(len(PLACES) + 1)]
    chosen = [dice.choice(here[low:high]) for low, high in pairwise(ends)]
    dice.shuffle(chosen)
    return tuple(chosen)


def places(times: Sequence[float], number: int) -> tuple[int, ...]:
    """The places, 0 for the fastest, that one of several times may have; several in a tie."""
    mine = times[number]
    faster = sum(EQUAL * other < mine for other in times)
    slower = sum(other > EQUAL * mine for other in times)
    return tuple(range(faster, len(times) - slower))


def _seconds(report: RaceReport, lane: Strategy) -> float | None:
    result = report.result(lane.key)
    return result.alone_seconds if result and result.status == "ok" else None


def _draw(lane: Strategy, name: str, truth: str) -> str:
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="place-{place}">{word}</label>'
        for place, word in enumerate(PLACES)
    )
    return f"<fieldset><legend><q>{escape(lane.name)}</q></legend>{choices}{truth}</fieldset>"


def _truth(number: int, times: Sequence[float], lanes: Sequence[Strategy]) -> str:
    """What becomes of each guess about a lane; the stylesheet shows that of the one chosen."""
    if len(times) < len(lanes):
        return ""
    right = places(times, number)
    fact = " or ".join(PLACES[place] for place in right)
    said = "".join(
        f'<span data-guess="place-{place}">You said {word}: '
        f"{'right' if place in right else f'it was {fact}'}. </span>"
        for place, word in enumerate(PLACES)
    )
    return f'<p class="race-truth" data-truth="{fact}">{said}</p>'


def _result(lanes: Sequence[Strategy], times: Sequence[float]) -> str:
    if len(times) < len(lanes):
        return '<p class="race-order-truth muted">The race will tell.</p>'
    order = sorted(zip(times, lanes, strict=True), key=lambda pair: pair[0])
    listed = ", ".join(f"{lane.name} {seconds_text(seconds)}" for seconds, lane in order)
    return f'<p class="race-order-truth"><b>Measured, fastest first:</b> {escape(listed)}.</p>'
