"""What explains a prompt, fold by fold: `Interrogation` → HTML.

Whether a fold is open is remembered by the browser (`assets/workbench.js`), by its name. Every
text from outside is escaped here.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from PIL import Image

from interrogator.images.generators import StoredPrompt
from interrogator.insight.heatmap import HeatMap, overlay
from interrogator.insight.round_trip import RoundTrip
from interrogator.prompts.ranking import RankedPhrase
from interrogator.result import Interrogation
from interrogator.vocabulary.artists import Artist
from interrogator.web.views import cosine, duration

MOST_STORED = 2000  # characters of a stored prompt, as of one that is typed
MOST_SHOWN = 10  # phrases of each list; the browser shows five, or all of these
Artists = Mapping[str, Artist]
NO_ARTISTS: Artists = MappingProxyType({})
_TAKE = (
    '<div class="take"><label>of each list <select data-top aria-label="How many of each list">'
    "<option>5</option><option>10</option></select></label>"
    '<button type="button" data-act="copy-ranked">Copy as a table</button>'
    '<button type="button" data-act="csv-ranked">CSV</button></div>'
)
_MAP = (
    "A grey square is moved over the picture; where the similarity falls, the phrase was seen. "
    "What is in two places is lost in neither, and a style that is everywhere is nowhere."
)
_LOST = (
    "Many pictures have the same words: what is drawn from them is another one, however good the "
    "prompt."
)
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
    "compared": "How similar the caption alone and the simpler prompts are.",
    "ranked": "The most similar phrases of every list, how likely each is, and when artists lived.",
    "models": "Which models wrote it, and how long each step took.",
}


def explained(state: Interrogation | None, artists: Artists = NO_ARTISTS) -> str:
    """Return the folds in their order; `artists` tells the years of those who are named."""
    return ranked(state, artists) + compared(state) + models(state)


def notes(state: Interrogation | None, stored: Sequence[tuple[StoredPrompt, float]] = ()) -> str:
    """Return what a person should know of this prompt, and what could stand in its place.

    Args:
        state: The interrogation, which has other captions; a click takes one.
        stored: The prompts that stand in the picture's file, with their similarities.
    """
    if state is None:
        return '<div class="notes"></div>'
    others = "".join(
        f'<button type="button" class="chip plain" data-caption="{escape(text, quote=True)}">'
        f"{escape(text)}</button>"
        for text in state.other_captions
    )
    choices = f'<div class="chips" id="captions"><span>or:</span>{others}</div>' if others else ""
    said = "".join(f"<li>{escape(note)}</li>" for note in state.notes)
    kept = "".join(_stored(prompt, similarity) for prompt, similarity in stored)
    return f'<div class="notes">{kept}{choices}{f"<ul>{said}</ul>" if said else ""}</div>'


def _stored(prompt: StoredPrompt, similarity: float) -> str:
    """Return a prompt that stands in the picture's file; it is somebody else's text."""
    shown = escape(prompt.prompt[:MOST_STORED], quote=True)
    return (
        f'<div class="stored"><h3>In the picture’s file ({escape(prompt.program)})</h3>'
        f'<p translate="no">{shown}</p><p class="muted">Similarity {similarity:.3f}.</p>'
        f'<button type="button" data-act="use" data-text="{shown}">Use it</button>'
        "</div>"
    )


def where(picture: Image.Image, found: HeatMap) -> str:
    """Return a picture with a map of where a phrase is seen over it, and what to make of it."""
    address = _address(overlay(picture, found))
    phrase = escape(found.phrase, quote=True)
    return (
        f'<figure class="where"><img src="{address}" alt="Where “{phrase}” is seen">'
        f'<figcaption><b translate="no">{phrase}</b>'
        f"<p>Covering the brightest place costs {found.strength:.3f} of {found.similarity:.3f}.</p>"
        f'<p class="muted">{_MAP}</p></figcaption></figure>'
    )


def round_trip(picture: Image.Image, found: RoundTrip) -> str:
    """Return a picture beside what was drawn from its prompt, and how similar the two are."""
    prompt = escape(found.prompt, quote=True)
    images = "".join(
        f'<img src="{_address(image)}" alt="{said}">'
        for image, said in ((picture, "The picture"), (found.drawn, "Drawn from its prompt"))
    )
    return (
        f'<figure class="round-trip">{images}<figcaption><p translate="no">{prompt}</p>'
        f"<p>Similarity of the two pictures: {found.similarity:.3f}.</p>"
        f'<p class="muted">{_LOST}</p></figcaption></figure>'
    )


def _address(image: Image.Image) -> str:
    """Return a picture as an address that holds it."""
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"


def compared(state: Interrogation | None) -> str:
    """Return how similar the caption, the simpler prompts and this one are to the picture."""
    if state is None or not state.compared:
        return _empty("Compared", "compared")
    judged = [c.judged for c in state.compared if c.judged is not None]
    longest = max(*(c.similarity for c in state.compared), *judged, 1e-6)
    rows = "".join(
        _bar(c.name, max(0.0, c.similarity) / longest, cosine(c.similarity)) for c in state.compared
    )
    body = f'<div class="bars">{rows}</div>'
    if judged:
        others = "".join(
            _bar(c.name, max(0.0, c.judged or 0.0) / longest, cosine(c.judged))
            for c in state.compared
        )
        judge = escape(str(state.models.get("judge", "")))
        body += f"<h3>as {judge} judges</h3>" + f'<div class="bars">{others}</div>'
    note = (
        "Cosine similarity of picture and prompt. A prompt found by one CLIP pleases that CLIP "
        "most; a second one, chosen in the settings, judges without having taken part."
    )
    return _fold("compared", "Compared", body, note)


def ranked(state: Interrogation | None, artists: Artists = NO_ARTISTS) -> str:
    """Return the most similar phrases of every category as bars, to be copied as well."""
    if state is None or not state.ranked:
        return _empty("Most similar phrases", "ranked")
    longest = max((group[0].similarity for group in state.ranked.values() if group), default=1.0)
    longest = longest if longest > 0 else 1.0
    groups = "".join(
        _group(c, group[:MOST_SHOWN], longest, artists)
        for c, group in state.ranked.items()
        if group
    )
    note = "Cosine similarity with the picture; in brackets how likely the phrase is true of it."
    return _fold(
        "ranked", "Most similar phrases", f'{_TAKE}<div class="groups">{groups}</div>', note
    )


def _group(category: str, group: list[RankedPhrase], longest: float, artists: Artists) -> str:
    rows = "".join(
        _ranked_bar(phrase, longest, _years(artists.get(phrase.text))) for phrase in group
    )
    none = "" if group[0].stands_out else ' <span class="muted">– none stands out</span>'
    return f'<div><h3>{escape(category)}{none}</h3><div class="bars">{rows}</div></div>'


def _ranked_bar(phrase: RankedPhrase, longest: float, years: str) -> str:
    row = [
        phrase.category, phrase.text, f"{phrase.similarity:.4f}", f"{phrase.confidence:.4f}", years,
    ]  # fmt: skip
    return _bar(
        phrase.text, max(0.0, phrase.similarity) / longest,
        f"{phrase.similarity:.3f} <span class='muted'>({phrase.confidence:.0%})</span>",
        faint=not phrase.stands_out, more=f' <span class="muted">{years}</span>' if years else "",
        data=f' data-row="{escape(json.dumps(row), quote=True)}"',
    )  # fmt: skip


def _years(artist: Artist | None) -> str:
    """Return when an artist lived, "" where nothing is known."""
    if artist is None or (artist.born is None and artist.died is None):
        return ""
    born, died = ("" if year is None else str(year) for year in (artist.born, artist.died))
    return f"{born}–{died}"


def _bar(
    label: str, share: float, value: str, faint: bool = False, more: str = "", data: str = ""
) -> str:
    kind = " faint" if faint else ""
    return (
        f'<div class="bar"{data}><span class="bar-label">{escape(label)}{more}</span>'
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
    facts = (
        f"<p>{escape(who)} on {escape(used['device'])} in {used['dtype']}; "
        f"{state.vocabulary['phrases']:,} phrases of the {escape(state.vocabulary['name'])} "
        "vocabulary.</p>"
    )
    steps = "".join(
        f"<tr><td>{_STEPS[step]}</td><td class='num'>{duration(value)}</td></tr>"
        for step, value in state.seconds.items()
    )
    return _fold("models", "Written by", f'{facts}<table class="times">{steps}</table>')


def _fold(name: str, title: str, body: str, note: str = "") -> str:
    below = f'<p class="muted note">{note}</p>' if note else ""
    return (
        f'<details class="card fold" data-fold="{name}"><summary><h2>{title}</h2></summary>'
        f"{body}{below}</details>"
    )


def _muted(text: str) -> str:
    return f'<p class="muted">{text}</p>'


def _empty(title: str, key: str) -> str:
    return _fold(key, title, _muted(_EMPTY[key]))
