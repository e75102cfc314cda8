"""What programs call: the race and the einsum explainer, in plain JSON types.

Signatures and docstrings are what the API page and MCP clients show; those of the race come
from the table of options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_type_hints

from matmul_demo.einsum.explain import explain
from matmul_demo.options import Settings, default_settings, options
from matmul_demo.racing.race import run_race

RACE_DOCSTRING = """\
Time one matrix product computed in many ways on this server, beside its physical limit.

Args:
{arguments}

Returns:
    The race: machine, floor in seconds, and for each lane its median time, spread, speed, \
speed-up over the baseline, error against float64, and whether it is an estimate.

Raises:
    RaceError: with a sentence about what is not possible.
"""


def make_race_endpoint(table: type[Settings] = Settings) -> Callable[..., dict[str, Any]]:
    """The endpoint `race` with an argument for each option of a table."""
    defaults, hints = default_settings("api", table), get_type_hints(table)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(
            one.name, kind, default=getattr(defaults, one.name),
            annotation=list[str] | None if one.many else hints[one.name],
        )
        for one in options(table)
    ]  # fmt: skip
    signature = inspect.Signature(parameters, return_annotation=dict[str, Any])

    def race(*values: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401
        return run_race(replace(defaults, **signature.bind(*values, **named).arguments)).to_json()

    arguments = "\n".join(f"    {one.name}: {one.help}." for one in options(table))
    race.__doc__ = RACE_DOCSTRING.format(arguments=arguments)
    race.__annotations__ = {one.name: one.annotation for one in parameters}
    race.__signature__ = signature  # type: ignore[attr-defined]
    return race


race = make_race_endpoint()


def explain_einsum(
    expression: str = "ik,kj->ij", shapes: str = "200x300, 300x100"
) -> dict[str, Any]:
    """Explain an einsum expression: what each letter does, the loops, the cost, the time.

    Args:
        expression: letters for the axes of each operand, commas between operands, and the result
            after an arrow, for example ik,kj->ij; as in NumPy it may be left out, and ... stands
            for any number of axes.
        shapes: sizes of each operand, with commas between operands, for example 200x300, 300x100
            or (200, 300), (300, 100).

    Returns:
        Letters with their sizes and roles (kept, summed, diagonal, broadcast), the loops, the
        same with broadcasting and for einops, the floating-point operations and bytes, the cheapest
        order in pairs, the price, a worked example, and the seconds of np.einsum and of the
        equivalent without it, on smaller shapes where the price is too high.

    Raises:
        RaceError: with a sentence about what is not possible.
    """
    return explain(expression, shapes).to_json()
