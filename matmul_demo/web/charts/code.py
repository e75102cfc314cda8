"""A lane's code as HTML: its sentence, its source, and what changed since the step before."""

from __future__ import annotations

import difflib
import functools
from html import escape

from matmul_demo.lanes.ladder import choose_lanes


@functools.cache
def panel(key: str, before: str | None) -> str:
    """What a lane teaches and the source that runs, with the changed lines marked.

    Args:
        key: of the lane.
        before: key of the step before; None for the first, which is shown as it is.
    """
    (lane,) = choose_lanes([key])
    new = lane.source.rstrip().splitlines()
    changed = ""
    lines = [escape(line) for line in new]
    if before is not None:
        (step,) = choose_lanes([before])
        lines = _marked(step.source.rstrip().splitlines(), new)
        changed = (
            f' <span class="muted">Beside the step before, {escape(step.name)}: <ins>+ new</ins>, '
            "<del>− gone</del>.</span>"
        )
    source = "\n".join(lines)
    return (
        f'<div class="race-code"><p>{escape(lane.teaches)}{changed}</p><pre tabindex="0" '
        f'role="region" aria-label="Source of {escape(lane.name)}"><code>{source}</code></pre>'
        "</div>"
    )


def _marked(old: list[str], new: list[str]) -> list[str]:
    """The new lines, with those that are gone between them; each with a mark in front."""
    lines: list[str] = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            lines += [f"  {escape(line)}" for line in new[new_start:new_end]]
            continue
        lines += [f"<del>− {escape(line)}</del>" for line in old[old_start:old_end]]
        lines += [f"<ins>+ {escape(line)}</ins>" for line in new[new_start:new_end]]
    return lines
