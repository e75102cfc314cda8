"""What an einsum costs, known from its description: operations, seconds, bytes.

Nothing is allocated here. NumPy runs an expression as it stands as one nest of loops over all
letters; in pairs, an intermediate result after the other, it may take far fewer steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from matmul_demo.einsum.grammar import Expression
from matmul_demo.einsum.shapes import Shape, letter_sizes

# Seconds for an operand in one step of NumPy's innermost loop, at worst: six operands of 19 × 19
# take 3.2 ns each, and a transposition misses the caches at each step.
SECONDS_PER_FACTOR = 4e-9
MAX_SECONDS = 0.25  # of one call that is timed
MAX_BYTES = 2**28  # operands, intermediate results and result together, in float32
FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class Step:
    """One contraction on the way.

    Attributes:
        expression: of the operands that it takes.
        flop: its floating-point operations.
        positions: of these operands among those that are left; the result is put last.
    """

    expression: str
    flop: int
    positions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Price:
    """What one call takes at most.

    Attributes:
        seconds: of the dearer of the two ways.
        bytes: of all arrays that it holds at once, in float32.
    """

    seconds: float
    bytes: int

    @property
    def is_affordable(self) -> bool:
        """Whether it is timed on this server as it is."""
        return self.seconds <= MAX_SECONDS and self.bytes <= MAX_BYTES


def flop(expression: Expression, sizes: dict[str, int]) -> int:
    """Multiplications between operands, and an addition where something is summed."""
    each = len(expression.operands) - 1 + bool(expression.summed)
    return each * math.prod(sizes[letter] for letter in expression.letters)


def cheapest_order(expression: Expression, sizes: dict[str, int]) -> tuple[Step, ...]:
    """Return the contractions in pairs that take the fewest operations, by trying every order."""
    best = _cheapest(expression.operands, expression.result, sizes)
    return best[1]


def _cheapest(
    operands: Sequence[str], result: str, sizes: dict[str, int]
) -> tuple[int, tuple[Step, ...]]:
    if len(operands) <= 2:
        whole = Expression(tuple(operands), result)
        last = Step(str(whole), flop(whole, sizes), tuple(range(len(operands))))
        return last.flop, (last,)
    found: list[tuple[int, tuple[Step, ...]]] = []
    for pair in combinations(range(len(operands)), 2):
        taken = tuple(operands[place] for place in pair)
        rest = [one for place, one in enumerate(operands) if place not in pair]
        wanted = {*"".join(rest), *result}
        kept = "".join(x for x in dict.fromkeys("".join(taken)) if x in wanted)
        first = Expression(taken, kept)
        cost = flop(first, sizes)
        more, steps = _cheapest([*rest, kept], result, sizes)
        found.append((cost + more, (Step(str(first), cost, pair), *steps)))
    return min(found, key=lambda way: way[0])


def price(expression: Expression, shapes: tuple[Shape, ...]) -> Price:
    """Return what a call takes, as it stands or in pairs."""
    sizes = letter_sizes(expression, shapes)
    steps = [step.expression.split("->") for step in cheapest_order(expression, sizes)]
    in_pairs = sum(_seconds(taken.split(","), sizes) for taken, _ in steps)
    held = sum(map(math.prod, shapes)) + sum(math.prod(sizes[x] for x in kept) for _, kept in steps)
    return Price(max(_seconds(expression.operands, sizes), in_pairs), FLOAT32 * held)


def _seconds(operands: Sequence[str], sizes: dict[str, int]) -> float:
    """Return what one nest of loops over all letters of some operands takes at most."""
    steps = math.prod(sizes[letter] for letter in set("".join(operands)))
    return SECONDS_PER_FACTOR * (len(operands) + 1) * steps


def affordable(expression: Expression, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return the shapes, the largest letters halved until a call is affordable."""
    sizes = letter_sizes(expression, shapes)
    while (  # the first is soon known; the order in pairs need not be found for each size
        _seconds(expression.operands, sizes) > MAX_SECONDS
        or not price(expression, shapes).is_affordable
    ):
        largest = max(sizes, key=sizes.__getitem__)
        sizes[largest] = (sizes[largest] + 1) // 2
        shapes = tuple(
            tuple(min(size, sizes[x]) for x, size in zip(letters, shape, strict=True))
            for letters, shape in zip(expression.operands, shapes, strict=True)
        )
    return shapes
