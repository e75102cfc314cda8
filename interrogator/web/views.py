"""`Interrogation` → HTML. Pure functions; every text from outside is escaped here."""

from __future__ import annotations

from html import escape

from interrogator.models.registry import CAPTIONERS, CLIPS, NOTE, KnownModel
from interrogator.prompts.ranking import RankedPhrase
from interrogator.result import SHOWN_PER_CATEGORY, Interrogation
from interrogator.serving.background import Progress

_STEPS = {
    "load": "loading the models",
    "vocabulary": "encoding the phrases",
    "caption": "caption",
    "image": "reading the picture",
    "rank": "ranking",
    "search": "composing",
    "explain": "explaining",
    "total": "in all",
}
_EMPTY = {
    "caption": "What the picture shows, in a sentence.",
    "compared": "How similar the caption alone and the simpler prompts are.",
    "phrases": "Each phrase of the prompt, and how much it adds.",
    "ranked": "The five most similar phrases of every list.",
    "models": "Which models wrote it, and how long each step took.",
}


def status(text: str, share: float | None = None, kind: str = "busy") -> str:
    """Return the line under the prompt: what happens now, or what to do.

    Args:
        text: A sentence.
        share: How much is done, 0..1, where it is known.
        kind: "busy", "done", "error" or "idle".
    """
    bar = ""
    if kind == "busy":
        width = "" if share is None else f' style="width:{share:.1%}"'
        moving = " moving" if share is None else ""
        bar = f'<div class="progress"><div class="progress-fill{moving}"{width}></div></div>'
    role = "alert" if kind == "error" else "status"
    return f'<div class="status {kind}" role="{role}"><span>{escape(text)}</span>{bar}</div>'


def progress(event: Progress) -> str:
    """Return the status line of what is going on."""
    return status(event.text, event.share)


def sections(state: Interrogation | None) -> dict[str, str]:
    """Return the sections below the prompt by name, or what stands in their place, in order."""
    return {
        "section_caption": caption(state),
        "section_phrases": phrases(state),
        "section_compared": compared(state),
        "section_ranked": ranked(state),
        "section_models": models(state),
    }


def caption(state: Interrogation | None) -> str:
    """Return the caption, and what a person should know of this prompt."""
    if state is None:
        return _empty("Caption", "caption")
    notes = "".join(f'<p class="muted">{escape(note)}</p>' for note in state.notes)
    return _section("Caption", f'<p class="caption">{escape(state.caption)}</p>{notes}')


def compared(state: Interrogation | None) -> str:
    """Return how similar the caption, the simpler prompts and this one are to the picture."""
    if state is None or not state.compared:
        return _empty("Compared", "compared")
    judged = [c.judged for c in state.compared if c.judged is not None]
    longest = max(*(c.similarity for c in state.compared), *judged, 1e-6)
    rows = "".join(
        _bar(c.name, max(0.0, c.similarity) / longest, _cosine(c.similarity))
        for c in state.compared
    )
    body = f'<div class="bars">{rows}</div>'
    if judged:
        others = "".join(
            _bar(c.name, max(0.0, c.judged or 0.0) / longest, _cosine(c.judged))
            for c in state.compared
        )
        judge = escape(str(state.models.get("judge", "")))
        body += f"<h4>as {judge} judges</h4>" + f'<div class="bars">{others}</div>'
    note = (
        "Cosine similarity of picture and prompt. A prompt found by one CLIP pleases that CLIP "
        "most; a second one, chosen in the settings, judges without having taken part."
    )
    return _section("Compared", body, note)


def phrases(state: Interrogation | None) -> str:
    """Return what each phrase of the prompt adds to its similarity."""
    if state is None or not state.prompt:
        return _empty("What each phrase adds", "phrases")
    if not state.phrases:
        return _section("What each phrase adds", '<p class="muted">No phrase was added.</p>')
    longest = max(abs(p.contribution) for p in state.phrases) or 1.0
    rows = [
        _bar(
            p.text,
            abs(p.contribution) / longest,
            f"{p.contribution:+.3f} <span class='muted'>({p.confidence:.0%})</span>",
            p.contribution < 0,
        )
        for p in state.phrases
    ]
    note = (
        "How much the similarity of prompt and picture falls when the phrase is left out (it would "
        "rise where that is negative); in brackets how likely the phrase is true of the picture."
    )
    return _section("What each phrase adds", f'<div class="bars">{"".join(rows)}</div>', note)


def ranked(state: Interrogation | None) -> str:
    """Return the most similar phrases of every category as bars."""
    if state is None or not state.ranked:
        return _empty("Most similar phrases", "ranked")
    longest = max((group[0].similarity for group in state.ranked.values() if group), default=1.0)
    longest = longest if longest > 0 else 1.0
    groups = "".join(_group(c, group, longest) for c, group in state.ranked.items() if group)
    note = "Cosine similarity with the picture; in brackets how likely the phrase is true of it."
    return _section("Most similar phrases", f'<div class="groups">{groups}</div>', note)


def _group(category: str, group: list[RankedPhrase], longest: float) -> str:
    rows = "".join(
        _bar(
            p.text, max(0.0, p.similarity) / longest,
            f"{p.similarity:.3f} <span class='muted'>({p.confidence:.0%})</span>",
            faint=not p.stands_out,
        )
        for p in group[:SHOWN_PER_CATEGORY]
    )  # fmt: skip
    none = "" if group[0].stands_out else ' <span class="muted">– nothing stands out</span>'
    return f'<div><h4>{escape(category)}{none}</h4><div class="bars">{rows}</div></div>'


def _bar(label: str, share: float, value: str, bad: bool = False, faint: bool = False) -> str:
    kind = " bad" if bad else " faint" if faint else ""
    return (
        f'<div class="bar"><span class="bar-label">{escape(label)}</span>'
        f'<span class="bar-track"><span class="bar-fill{kind}" style="width:{share:.1%}"></span>'
        f'</span><span class="bar-value">{value}</span></div>'
    )


def models(state: Interrogation | None) -> str:
    """Return which models wrote the prompt, in what numbers, and how long each step took."""
    if state is None:
        return _empty("Written by", "models")
    used = state.models
    if used["embedded"]:
        who = "the embedded demo models (tiny, trained on our own painted pictures)"
    else:
        who = f"{used['caption']} (caption) and {used['clip']} (ranking)"
    facts = [
        f"<p>{escape(who)} on {escape(used['device'])} in {used['dtype']}; "
        f"{state.vocabulary['phrases']:,} phrases of the {escape(state.vocabulary['name'])} "
        "vocabulary.</p>"
    ]
    steps = [
        f"<tr><td>{_STEPS[step]}</td><td class='num'>{_duration(value)}</td></tr>"
        for step, value in state.seconds.items()
    ]
    return _section("Written by", f'{"".join(facts)}<table class="times">{"".join(steps)}</table>')


def summary(state: Interrogation) -> str:
    """Return the finished state in one line."""
    tried = f", {state.tried:,} prompts compared" if state.tried > 1 else ""
    return (
        f"Done in {_duration(state.seconds['total'])}. Similarity {_cosine(state.similarity)}, "
        f"{state.tokens} of {state.token_limit} tokens{tried}."
    )


def notice(text: str) -> str:
    """Return a notice; its first sentence stands out."""
    first, _, rest = text.partition(". ")
    dot = "." if rest else ""
    return f'<div class="notice"><b>{escape(first)}{dot}</b> {escape(rest)}</div>'


def known_models() -> str:
    """Return the list of known models: what each is good for, and its figures."""
    groups = "".join(
        f"<h4>{title}</h4><dl>{''.join(map(_known, models))}</dl>"
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


def _cosine(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _section(title: str, body: str, note: str = "") -> str:
    below = f'<p class="muted note">{note}</p>' if note else ""
    return f'<section class="card"><h3>{title}</h3>{body}{below}</section>'


def _empty(title: str, key: str) -> str:
    return _section(title, f'<p class="muted">{_EMPTY[key]}</p>')
