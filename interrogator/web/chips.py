"""The prompt as phrases that one can touch: a chip each, coloured by what it adds.

What a click does is in `assets/workbench.js`. Every text from outside is escaped here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from interrogator.prompts.rules import Rules
from interrogator.result import Interrogation, PromptScore, rounded

_EMPTY = "The phrases of the prompt come here: click one to keep it, drop it or swap it."
_GHOSTS = (110, 190, 90, 140)  # pixels: what stands where chips will stand
_NO_PHRASE = "No phrase was added to the caption: nothing in the lists is likely enough."
_LEGEND = (
    "The number is how much the similarity falls when the phrase is left out. What you keep or "
    "leave out holds for this picture; what you ban holds until you take it back."
)


def empty(fresh: bool = False) -> str:
    """Return what keeps the place of the phrases; a fresh picture has nothing to undo."""
    mark = " data-fresh" if fresh else ""
    ghosts = "".join(f'<span class="ghost" style="width:{width}px"></span>' for width in _GHOSTS)
    return (
        f'<div class="phrases empty"{mark}>{_bar()}<div class="chips" aria-hidden="true">{ghosts}'
        f'</div><p class="muted note">{_EMPTY}</p></div>'
    )


def of_prompt(state: Interrogation, rules: Rules) -> str:
    """Return the phrases of a finished prompt, and what its visitor keeps, leaves out and bans."""
    kept = {phrase.casefold() for phrase in rules.pinned}
    longest = _longest(phrase.contribution for phrase in state.phrases)
    chips = "".join(
        _chip(p.text, p.contribution, longest, p.category, p.text.casefold() in kept, p.confidence)
        for p in state.phrases
    )
    body = chips or f'<p class="muted">{_NO_PHRASE}</p>'
    kept_by_browser = {
        "mode": state.mode, "similarity": rounded(state.similarity), "tokens": state.tokens,
        "caption": state.caption, "prompt": state.prompt, "negative": state.negative_prompt,
        "models": state.models,
    }  # fmt: skip
    return _section(body, _left_out(rules), kept_by_browser)


def of_score(scored: PromptScore, rules: Rules) -> str:
    """Return the parts between the commas of a prompt that somebody wrote or stopped at."""
    kept = {phrase.casefold() for phrase in rules.pinned}
    longest = _longest(part.contribution for part in scored.parts)
    chips = "".join(
        _chip(p.text, p.contribution, longest, "", p.text.casefold() in kept) for p in scored.parts
    )
    return _section(chips, _left_out(rules))


def _longest(contributions: Iterable[float]) -> float:
    return max((abs(value) for value in contributions), default=0.0) or 1.0


def _section(chips: str, left_out: str, result: dict[str, Any] | None = None) -> str:
    data = f' data-result="{escape(json.dumps(result), quote=True)}"' if result else ""
    return (
        f'<div class="phrases"{data}>{_bar()}<div class="chips">{chips}{left_out}</div>'
        f'<p class="muted note">{_LEGEND}</p></div>'
    )


def _bar() -> str:
    return (
        '<div class="phrases-bar"><h2>Phrases</h2>'
        '<button type="button" data-act="undo" disabled>Undo</button>'
        '<button type="button" data-act="redo" disabled>Redo</button></div>'
    )


def _chip(
    text: str,
    contribution: float,
    longest: float,
    category: str,
    kept: bool,
    confidence: float | None = None,
) -> str:
    """Return one phrase; the colour's strength is its share of what the strongest adds."""
    kinds = "chip" + (" bad" if contribution < 0 else "") + (" kept" if kept else "")
    likely = "" if confidence is None else f", {confidence:.0%} likely"
    title = escape(f"{category or 'part'}{likely}", quote=True)
    return (
        f'<button type="button" class="{kinds}" data-phrase="{escape(text, quote=True)}" '
        f'data-category="{escape(category, quote=True)}"{" data-kept" if kept else ""} '
        f'aria-haspopup="menu" title="{title}" style="--share:{abs(contribution) / longest:.0%}">'
        f'{escape(text)}<span class="chip-value">{contribution:+.3f}</span></button>'
    )


def _left_out(rules: Rules) -> str:
    """Return what is left out and banned; a click takes it back."""
    rows = ""
    for what, label, phrases in (
        ("dropped", "left out", rules.dropped), ("banned", "banned", rules.banned),
    ):  # fmt: skip
        rows += "".join(_out(what, label, phrase) for phrase in _once(phrases))
    return rows


def _out(what: str, label: str, phrase: str) -> str:
    shown, value = escape(phrase), escape(phrase, quote=True)
    return (
        f'<button type="button" class="chip out" data-back="{what}" data-text="{value}" '
        f'title="{label}; a click takes it back" aria-label="Take back: {label} {value}">'
        f"<s>{shown}</s></button>"
    )


def _once(phrases: Sequence[str]) -> list[str]:
    return list({phrase.casefold(): phrase for phrase in phrases}.values())
