"""No request is computed at more than its price allows, whatever its letters and sizes."""

import math
import random
import string
import time

import numpy as np
import pytest

from matmul_demo.einsum import explain as einsum
from matmul_demo.einsum.grammar import MAX_OPERANDS
from matmul_demo.einsum.price import MAX_BYTES, MAX_SECONDS, affordable, price
from matmul_demo.einsum.shapes import letter_sizes
from matmul_demo.errors import RaceError


def request(rng):
    """Return an expression and shapes, of 1 to 26 letters and 1 to 8 operands, mostly valid."""
    letters = rng.sample(string.ascii_letters, rng.choice([1, 2, 3, 4, 6, 10, 26]))
    most = rng.choice([1, 3, 20, 300, 5000, 10**6])
    sizes = {letter: rng.randint(1, most) for letter in letters}
    operands = [
        "".join(rng.choices(letters, k=rng.randint(number == 0, min(len(letters), 8))))
        for number in range(rng.randint(1, 8))
    ]
    if rng.random() < 0.1:
        operands = ["".join(letters)]
    used = sorted(set("".join(operands)))
    result = "".join(rng.sample(used, rng.randint(0, len(used))))
    shapes = ", ".join(f"({','.join(str(sizes[x]) for x in operand)})" for operand in operands)
    arrow = rng.choice(["->" + result] * 3 + [""])
    return ",".join(operands) + arrow, shapes


def explanations(count):
    """What becomes of so many requests: explanations of the valid ones."""
    rng = random.Random(7)
    for _ in range(count):
        text, shapes = request(rng)
        if text.count(",") >= MAX_OPERANDS:
            with pytest.raises(RaceError, match="operands are too many"):
                einsum.explain(text, shapes, with_times=False)
        else:
            yield einsum.explain(text, shapes, with_times=False)


def expression_of(known):
    pattern = einsum.parse(known.expression)
    return pattern.expression([len(shape) for shape in known.shapes])


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_what_is_run_is_always_affordable(count):
    valid = dear = 0
    for known in explanations(count):
        expression = expression_of(known)
        shapes = affordable(expression, known.shapes)
        cost = price(expression, shapes)
        assert cost.seconds <= MAX_SECONDS
        assert cost.bytes <= MAX_BYTES
        assert (shapes == known.shapes) == known.price.is_affordable
        letter_sizes(expression, shapes)  # still agree
        valid += 1
        dear += shapes != known.shapes
    assert valid > 0.6 * count
    assert dear > 0.1 * count


def test_the_price_counts_every_array_and_every_step():
    known = einsum.explain("ij,jk,kl->il", "30x2, 2x40, 40x2", with_times=False)
    arrays = 30 * 2 + 2 * 40 + 40 * 2 + 2 * 2 + 30 * 2
    assert known.price.bytes == 4 * arrays
    assert known.price.seconds == pytest.approx(4e-9 * 4 * 30 * 2 * 40 * 2)


@pytest.mark.slow
def test_no_random_request_takes_longer_than_its_price():
    """Each that is affordable as it is, in the process of the tests: once as it stands."""
    for known in explanations(300):
        expression = expression_of(known)
        shapes = affordable(expression, known.shapes)
        operands = [np.ones(shape, np.float32) for shape in shapes]
        seconds = math.inf
        for _ in range(3):  # a busy neighbour is not the price's fault
            start = time.process_time()
            np.einsum(str(expression), *operands)
            seconds = min(seconds, time.process_time() - start)
        assert seconds <= price(expression, shapes).seconds + 0.01, (str(expression), shapes)
