"""The loops of ik,kj->ij, drawn: a 2×3 matrix times a 3×2 one, one product at a time.

Every step is drawn at once and the chosen one is shown by the stylesheet, so stepping needs no
program, works with the arrow keys, and never moves by itself.
"""

from __future__ import annotations

from itertools import product

A = ((1, 2, 3), (4, 5, 6))  # [2, 3]
B = ((1, 2), (3, 4), (5, 6))  # [3, 2]
STEPS = tuple(product(range(2), range(2), range(3)))  # (i, j, k), the innermost loop last
TITLE = "The loops of ik,kj->ij, one product at a time"
HINT = "Choose a step, or press the arrow keys on one."

Grid = tuple[tuple[int, ...], ...]
Cells = set[tuple[int, int]]


def section() -> str:
    """A choice of twelve steps, and the three grids at each."""
    choices = "".join(
        f'<label><input type="radio" name="einsum-step" value="{number}"'
        f"{' checked' * (number == 1)}>{number}</label>"
        for number in range(1, len(STEPS) + 1)
    )
    frames = "".join(_frame(*step) for step in STEPS)
    return (
        f'<fieldset class="race-loops"><legend>{TITLE}. <span class="muted">{HINT}</span></legend>'
        f'<div class="race-steps">{choices}</div><div class="race-frames">{frames}</div></fieldset>'
    )


def partial_sum(i: int, j: int, k: int) -> int:
    """C[i, j] after the product at k."""
    return sum(A[i][inner] * B[inner][j] for inner in range(k + 1))


def result_at(i: int, j: int, k: int) -> Grid:
    """C [2, 2] after this step: finished elements, the one in work, and zeros."""
    done = [(row, column) for row, column, inner in STEPS if inner == 2]
    position = done.index((i, j))
    values = {cell: partial_sum(*cell, 2) for cell in done[:position]} | {
        (i, j): partial_sum(i, j, k)
    }
    return tuple(tuple(values.get((row, column), 0) for column in range(2)) for row in range(2))


def _frame(i: int, j: int, k: int) -> str:
    total = partial_sum(i, j, k)
    sentence = (
        f"i = {i}, j = {j}, k = {k}: C[{i}, {j}] += A[{i}, {k}] · B[{k}, {j}] = "
        f"{A[i][k]} · {B[k][j]}, which makes {total}"
    )
    row, column = {(i, x) for x in range(3)}, {(x, j) for x in range(3)}
    grids = (
        f"{_grid('A', A, row, (i, k))}<span>·</span>{_grid('B', B, column, (k, j))}<span>=</span>"
        f"{_grid('C', result_at(i, j, k), set(), (i, j))}"
    )
    return f'<div class="race-frame"><div class="race-grids">{grids}</div><p>{sentence}.</p></div>'


def _grid(name: str, values: Grid, lit: Cells, meets: tuple[int, int]) -> str:
    """A matrix as a table: the row or column in use lit, the cell that meets lit most."""
    rows = ""
    for i, line in enumerate(values):
        cells = ""
        for j, value in enumerate(line):
            kind = "meets" if (i, j) == meets else "lit" if (i, j) in lit else ""
            cells += f'<td class="{kind}">{value}</td>' if kind else f"<td>{value}</td>"
        rows += f"<tr>{cells}</tr>"
    return f"<table><caption>{name}</caption><tbody>{rows}</tbody></table>"
