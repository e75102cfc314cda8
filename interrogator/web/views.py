"""Status line, notices and the list of known models as HTML.

Pure functions; every text from outside is escaped here, in `chips` and in `folds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from interrogator.explanation import UNLIKE
from interrogator.models.registry import CAPTIONERS, CLIPS, NOTE, KnownModel
from interrogator.result import Interrogation, PromptScore
from interrogator.serving.background import Progress

CURVE_WIDTH, CURVE_HEIGHT = 96, 22  # of the curve in the status line, in its own units
GUESS = "A guess: the picture is unlike all that these models were taught."
LONG = 140  # characters of a notice, from which on all but its first sentence is folded


def status(text: str, share: float | None = None, kind: str = "busy", below: str = "") -> str:
    """Return the line under the prompt: what happens now, or what to do.

    Args:
        text: A sentence.
        share: How much is done, 0..1, where it is known.
        kind: "busy", "searching", "done", "error" or "idle".
        below: HTML beside the sentence.
    """
    bar = ""
    if kind in ("busy", "searching"):
        width = "" if share is None else f' style="width:{share:.1%}"'
        moving = " moving" if share is None else ""
        bar = f'<div class="progress"><div class="progress-fill{moving}"{width}></div></div>'
    role = "alert" if kind == "error" else "status"
    kinds = "busy searching" if kind == "searching" else kind
    return (
        f'<div class="status {kinds}" role="{role}"><span>{escape(text)}</span>{below}{bar}</div>'
    )


def progress(event: Progress) -> str:
    """Return the status line of what is going on."""
    return status(event.text, event.share)


def curve(path: Sequence[tuple[int, float]]) -> str:
    """Return how the best similarity rose with the prompts compared, as a small SVG.

    Args:
        path: Prompts compared and the best similarity then, in order.
    """
    if len(path) < 2:
        return ""
    most, first, last = path[-1][0], path[0][1], path[-1][1]
    low, high = min(first, last), max(first, last)
    points = " ".join(
        f"{CURVE_WIDTH * tried / most:.1f},"
        f"{2 + (CURVE_HEIGHT - 4) * (1 - (found - low) / ((high - low) or 1.0)):.1f}"
        for tried, found in path
    )
    said = f"The best similarity went from {first:.3f} to {last:.3f}"
    return (
        f'<svg class="curve" viewBox="0 0 {CURVE_WIDTH} {CURVE_HEIGHT}" role="img" '
        f'aria-label="{said}"><title>{said}</title><polyline points="{points}"/></svg>'
    )


def summary(state: Interrogation) -> str:
    """Return the finished state in one line."""
    tried = f", {counted(state.tried, 'prompt')} compared" if state.tried > 1 else ""
    return (
        f"Done in {duration(state.seconds['total'])}. Similarity {cosine(state.similarity)}, "
        f"{state.tokens} of {state.token_limit} tokens{tried}."
    )


def doubt(state: Interrogation) -> str:
    """Return what must stand beside the prompt where all of it is a guess, as HTML."""
    return f'<span class="doubt">{GUESS}</span>' if UNLIKE in state.notes else ""


def score(scored: PromptScore) -> str:
    """Return how similar a prompt is that somebody changed, or that a search left, in one line."""
    cut = "; what is beyond is not read" if scored.cut else ""
    return (
        f"Similarity {cosine(scored.similarity)}, "
        f"{scored.tokens} of {scored.token_limit} tokens{cut}."
    )


def notice(text: str) -> str:
    """Return a notice; its first sentence stands out, and what is long behind it is folded."""
    first, _, rest = text.partition(". ")
    lead = f"<b>{escape(first)}{'.' if rest else ''}</b>"
    if len(text) < LONG:
        return f'<div class="notice">{lead} {escape(rest)}</div>'
    return (
        f'<details class="notice" data-fold="notice"><summary>{lead}</summary>'
        f"<p>{escape(rest)}</p></details>"
    )


def known_models() -> str:
    """Return the list of known models: what each is good for, and its figures."""
    groups = "".join(
        f"<h3>{title}</h3><dl>{''.join(map(_known, models))}</dl>"
        for title, models in (("Captioners", CAPTIONERS), ("CLIPs", CLIPS))
    )
    note = f'<p class="muted note">{escape(NOTE)}</p>'
    return f'<details class="known card"><summary>Known models</summary>{groups}{note}</details>'


def _known(model: KnownModel) -> str:
    half, single = model.memory
    figures = (
        f"{model.parameters:,} M parameters · {model.download:.1f} GB to download · "
        f"{half:.1f} to {single:.1f} GB of memory · {model.speed} · {model.licence}"
    )
    return (
        f"<dt><code>{escape(model.name)}</code></dt>"
        f'<dd>{escape(model.good_for)}<br><span class="muted">{escape(figures)}</span></dd>'
    )


def counted(number: int, noun: str) -> str:
    """Return a number of things: "1 prompt", "2,000 prompts"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cosine(value: float | None) -> str:
    """Return a cosine similarity as it is shown, "" where there is none."""
    return "" if value is None else f"{value:.3f}"


def duration(seconds: float) -> str:
    """Return seconds as they are shown."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
