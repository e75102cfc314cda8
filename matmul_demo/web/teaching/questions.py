"""Ten prepared questions: how many times faster is one lane than another, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from matmul_demo.lanes.ladder import choose_lanes
from matmul_demo.racing.report import RaceReport
from matmul_demo.text import times_text
from matmul_demo.web.teaching import ordering

CUBE = "1024x1024x1024"
GUESSES = (1, 10, 100, 1_000)  # the nearest of them is the answer; above 3,162 the last
TITLE = "Guess first"


@dataclass(frozen=True)
class Question:
    """How many times faster is one lane than another?

    Attributes:
        slow: key of the lane that is compared with.
        fast: key of the lane that is asked about.
        change: what the second does otherwise, in a phrase.
        reason: two sentences.
        shape: the only product that the reason holds for; empty for any.
    """

    slow: str
    fast: str
    change: str
    reason: str
    shape: str = ""


QUESTIONS = (
    Question(
        "naive_torch", "elementwise_torch", "The inner loop becomes one product and one sum",
        "For each element of the result, an interpreted product and sum on tensors of one number "
        "at every step becomes a few calls for all steps. The multiplications are the same; their "
        "wrapping was the cost.",
    ),
    Question(
        "elementwise_torch", "dot_torch", "Product and sum become one call, torch.dot",
        "One call does what two did, and no row of products is written to memory in between. What "
        "remains is mostly the price of a call and of cutting out a row and a column.",
    ),
    Question(
        "dot_torch", "dot_numba", "The dot product is a loop of our own, compiled",
        "Both do the same multiplications in machine code, and Python loops around them. What "
        "differs is the price of a call with its slices, which is several times higher for torch "
        "tensors than for numba on NumPy arrays.",
    ),
    Question(
        "broadcast_torch", "matmul_torch", "One call for each row becomes one call for all",
        "Broadcasting writes a table of all products of a row to memory and reads it back to sum "
        "it. The library keeps its sums in registers, and is called once.",
    ),
    Question(
        "einsum_torch", "matmul_torch", "The formula becomes A @ B",
        "torch.einsum recognises a matrix product in the formula and calls the same library as "
        "A @ B. To read the formula costs some microseconds, which only a small product shows.",
    ),
    Question(
        "naive_torch", "matmul_torch", "All steps of the lesson at once",
        "The arithmetic is the same from the first step to the last. What went away are the "
        "interpreter, the tensors of one number, and the trips of intermediate results to memory.",
    ),
    Question(
        "naive_numpy", "naive_lists", "The same three loops on lists in place of a NumPy array",
        "A list hands out objects that exist already. An array must wrap each number into a new "
        "Python object when it is read, and unwrap it when it is written.",
    ),
    Question(
        "numba_ijk", "numba_ikj", "The inner two of three compiled loops are swapped",
        "In the first order B is read down a column, so that every number comes from another "
        "cache line. In the second B and C are read along their rows, and one instruction takes "
        "several columns.", CUBE,
    ),
    Question(
        "numba_ikj", "numba_blocked", "Blocks that fit the caches, and sums in registers",
        "Swapped loops read and write a row of C again at every step. A block of B that stays in "
        "the cache and a tile of sums that stays in the registers use each number many times.",
        CUBE,
    ),
    Question(
        "matmul_torch_float64", "matmul_torch", "float32 in place of float64",
        "An instruction takes twice as many numbers of half the size, and as many bytes hold "
        "twice as many. So the most that a processor can gain by it is about a factor of two.",
        CUBE,
    ),
)  # fmt: skip


def section(report: RaceReport) -> str:
    """Three lanes to order, and the questions about this race's lanes; the truth when known."""
    keys = {lane.key for lane in report.lanes}
    asked = [
        (number, question)
        for number, question in enumerate(QUESTIONS, 1)
        if {question.slow, question.fast} <= keys and question.shape in ("", report.workload.shape)
    ]
    drawn = "".join(_draw(report, number, question) for number, question in asked)
    others = len(QUESTIONS) - len(asked)
    more = f'<p class="muted">{others} more with other presets and lanes.</p>' if others else ""
    return (
        f'<details class="race-guess" data-keep="guess" open><summary>{TITLE}</summary>'
        f'<div class="race-questions" tabindex="0" role="region" aria-label="{TITLE}">'
        f"{ordering.section(report)}{drawn}{more}</div></details>"
    )


def _draw(report: RaceReport, number: int, question: Question) -> str:
    names = [lane.name for key in (question.slow, question.fast) for lane in choose_lanes([key])]
    choices = "".join(
        f'<label><input type="radio" name="guess-{number}" value="{guess}">×{guess:,}</label>'
        for guess in GUESSES
    )
    return (
        f'<fieldset data-question="{number}"><legend>{escape(question.change)}. How many times '
        f"faster than <q>{escape(names[0])}</q> is <q>{escape(names[1])}</q>?</legend>"
        f"{choices}{_truth(factor(report, question), question)}</fieldset>"
    )


def factor(report: RaceReport, question: Question) -> float | None:
    """How many times faster it was; None before both lanes have a right result."""
    slow, fast = (report.result(key) for key in (question.slow, question.fast))
    both = slow and fast and slow.status == fast.status == "ok"
    if not (both and slow and fast and slow.alone_seconds and fast.alone_seconds):
        return None
    return slow.alone_seconds / fast.alone_seconds


def nearest(value: float) -> int:
    """The guess that is nearest to a factor on a logarithmic scale."""
    return min(GUESSES, key=lambda guess: abs(math.log10(value / guess)))


def _truth(value: float | None, question: Question) -> str:
    """The factor beside each guess; the stylesheet shows that of the guess that was chosen."""
    if value is None:
        return '<p class="race-truth muted">The race will tell.</p>'
    right = nearest(value)
    said = "".join(
        f'<span data-guess="{guess}">You guessed ×{guess:,}: '
        f"{'right' if guess == right else f'nearest is ×{right:,}'}. </span>"
        for guess in GUESSES
    )
    return (
        f'<p class="race-truth" data-truth="{right}">{said}<b>Measured: {times_text(value)}.</b> '
        f"{escape(question.reason)}</p>"
    )
