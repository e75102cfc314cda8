"""An explained einsum expression as HTML."""

from __future__ import annotations

from html import escape

from matmul_demo.einsum.explain import Explanation
from matmul_demo.text import seconds_text, three_digits, times_text
from matmul_demo.web.charts import html


def card(explanation: Explanation) -> str:
    """What the expression means, what it costs, and how long it took."""
    shape = "×".join(map(str, explanation.result_shape)) or "a single number"
    letters = [html.row(x.name, f"{x.size:,}", ", ".join(x.roles)) for x in explanation.letters]
    path = "".join(
        f"<li><code>{escape(step.expression)}</code> {_flop(step.flop)}</li>"
        for step in explanation.path
    )
    return (
        '<div class="race-einsum">'
        f'<p class="race-summary" role="status">{escape(_headline(explanation))}</p>'
        "<div class='race-columns'><div>"
        f"{html.table(('letter', 'size', 'role'), letters, kind='')}"
        f"<p>Result: {shape}. {_flop(explanation.flop)} on {_bytes(explanation.bytes_moved)}, "
        f"{three_digits(explanation.flop / explanation.bytes_moved)} FLOP/byte.</p>"
        f"<p>In pairs, in the order that takes the fewest operations:</p><ol>{path}</ol></div>"
        f"<div><p>The loops that it stands for:</p>{_code(explanation.loops)}"
        "<p>First element, with sizes of 2 and operands that count 1, 2, 3, …:</p>"
        f"{_code(explanation.example)}"
        "<p>The same in other words:</p>"
        f"{_code(_other_forms(explanation))}</div></div></div>"
    )


def _code(text: str) -> str:
    """Lines that scroll sideways where they are too long, by keyboard too."""
    return f'<pre tabindex="0">{escape(text)}</pre>'


def _other_forms(explanation: Explanation) -> str:
    """The same in other words: what NumPy has a name for, broadcasting, the library einops."""
    forms = (explanation.plain, explanation.broadcasting, explanation.einops)
    return "\n".join(form for form in forms if form)


def _headline(explanation: Explanation) -> str:
    if explanation.seconds is None or explanation.plain_seconds is None:
        return f"{explanation.expression} {explanation.note}"
    ratio = explanation.seconds / explanation.plain_seconds
    compared = "as long" if ratio >= 1 else "of the time"
    return (
        f"np.einsum takes {seconds_text(explanation.seconds)}, {explanation.plain} "
        f"{seconds_text(explanation.plain_seconds)}: einsum takes {times_text(ratio)} {compared}. "
        f"{explanation.note}"
    )


def _flop(count: int) -> str:
    return f"{count:,} FLOP" if count < 10**15 else f"{count:.2e} FLOP"


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} KB"
