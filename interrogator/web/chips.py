"""The prompt as phrases that one can touch: a chip each, coloured by what it adds.

What a click does is in `assets/workbench.js`. Every text from outside is escaped here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from interrogator.explanation import reason, reason_of_part
from interrogator.prompts.rules import Rules
from interrogator.result import Interrogation, PromptPart, PromptPhrase, PromptScore, rounded
from interrogator.targets import TARGETS, written

AS_IT_IS = "plain"  # what the page calls the prompt that is written for no target
_EMPTY = "The phrases of the prompt come here: click one to keep it, drop it or swap it."
_GHOSTS = (110, 190, 90, 140)  # pixels: what stands where chips will stand
_NO_PHRASE = "No phrase was added to the caption: nothing in the lists is likely enough."
_LEGEND = (
    "The number is how much the similarity falls when the phrase is left out. What you keep or "
    "leave out holds for this picture; what you ban holds until you take it back."
)
_WITHIN = "These words stand in the prompt, behind --no."
_PARAMETER = re.compile(r"(?:^|\s)--(?=[a-zA-Z])")
_WEIGHT = re.compile(r"(?<!\\)\(((?:[^()\\]|\\.)*):\s*[\d.]+\)")
_QUOTED = re.compile(r"\\([\\()\[\]{}])")


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
    longest = _longest(phrase.contribution for phrase in state.phrases)
    chips = "".join(
        _chip(
            p, reason(p, state.mode, rules), longest, rules, p.category,
            f", {p.confidence:.0%} likely", p.alike,
        )
        for p in state.phrases
    )  # fmt: skip
    body = chips or f'<p class="muted">{_NO_PHRASE}</p>'
    result = {
        "mode": state.mode, "similarity": rounded(state.similarity), "tokens": state.tokens,
        "caption": state.caption, "prompt": state.prompt, "negative": state.negative_prompt,
        "models": state.models,
    }  # fmt: skip
    data = {"result": result, "written": forms(state), "for": state.target or AS_IT_IS}
    return _section(body, _left_out(rules), data)


def of_score(
    scored: PromptScore, rules: Rules, size: tuple[int, int], captions: Sequence[str] = ()
) -> str:
    """Return the parts between the commas of a prompt that somebody wrote or stopped at.

    Args:
        scored: The prompt.
        rules: What is kept, left out and banned.
        size: Width and height of the picture.
        captions: What is known to be said of the picture as a whole.
    """
    longest = _longest(part.contribution for part in scored.parts)
    chips = "".join(
        _chip(p, reason_of_part(p, captions, rules), longest, rules) for p in scored.parts
    )
    typed = Interrogation(
        "", {}, {}, prompt=scored.prompt, tokens=scored.tokens, token_limit=scored.token_limit,
        size=size,
    )  # fmt: skip
    everything = {} if scored.cut else {"written": forms(typed)}  # to cut it for each takes long
    return _section(chips, _left_out(rules), everything)


def forms(state: Interrogation) -> dict[str, dict[str, str]]:
    """Return the prompt as it is, under `AS_IT_IS`, and in every target's form; see `form`."""
    return {name: form(state, name) for name in (AS_IT_IS, *TARGETS)}


def form(state: Interrogation, target: str) -> dict[str, str]:
    """Return a prompt in a target's form, or as it is.

    Of it: `text`, `negative`, `said`, its lengths and what was left out, in sentences, and
    `instead`, what the field of a negative prompt says where that stands elsewhere.
    """
    if target not in TARGETS:
        length = f"{state.tokens} of {state.token_limit} tokens."
        negative = state.negative_prompt or ""
        return {"text": state.prompt, "negative": negative, "said": length, "instead": ""}
    done = written(state, target)
    lengths = [
        f"{length.reader.name}: {'about ' if length.reader.estimated else ''}{length.tokens}"
        f"{'' if length.reader.limit is None else f' of {length.reader.limit}'} tokens"
        for length in done.lengths
    ]
    said = ". ".join(filter(None, ["; ".join(lengths), *done.notes])).removesuffix(".")
    instead = {"within": _WITHIN, "none": f"{TARGETS[target].label} reads no negative prompt."}
    return {
        "text": done.text, "negative": done.negative or "", "said": said and f"{said}.",
        "instead": instead.get(TARGETS[target].negative, "") if state.negative_prompt else "",
    }  # fmt: skip


def words_of(text: str, target: str) -> str:
    """Return what there is to score of a text in a target's form: no weights, no parameters."""
    if target == "midjourney":
        return _PARAMETER.split(text)[0]
    if target in ("a1111", "comfyui"):
        return _QUOTED.sub(r"\1", _WEIGHT.sub(r"\1", text))
    return text


def _longest(contributions: Iterable[float]) -> float:
    return max((abs(value) for value in contributions), default=0.0) or 1.0


def _section(chips: str, left_out: str, data: dict[str, Any]) -> str:
    attributes = "".join(
        f' data-{name}="{escape(json.dumps(value), quote=True)}"' for name, value in data.items()
    )
    return (
        f'<div class="phrases"{attributes}>{_bar()}<div class="chips">{chips}{left_out}</div>'
        f'<p class="muted note">{_LEGEND}</p></div>'
    )


def _bar() -> str:
    return (
        '<div class="phrases-bar"><h2>Phrases</h2>'
        '<button type="button" data-act="undo" disabled>Undo</button>'
        '<button type="button" data-act="redo" disabled>Redo</button></div>'
    )


def _chip(
    phrase: PromptPhrase | PromptPart, why: str, longest: float, rules: Rules, category: str = "",
    likely: str = "", alike: Sequence[tuple[str, float]] = (),
) -> str:  # fmt: skip
    """Return one phrase; the colour's strength is its share of what the strongest adds."""
    text, contribution = phrase.text, phrase.contribution
    kept = text.casefold() in {pinned.casefold() for pinned in rules.pinned}
    kinds = "chip" + (" bad" if contribution < 0 else "") + (" kept" if kept else "")
    title = escape(f"{category or 'part'}{likely}", quote=True)
    share = abs(contribution) / longest
    like = escape(json.dumps(rounded(alike)), quote=True)
    return (
        f'<button type="button" class="{kinds}" data-like="{like}" '
        f'data-phrase="{escape(text, quote=True)}" data-why="{escape(why, quote=True)}" '
        f'data-category="{escape(category, quote=True)}"{" data-kept" if kept else ""} '
        f'aria-haspopup="menu" title="{title}" style="--share:{share:.0%}">'
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
