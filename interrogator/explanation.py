"""Why a prompt is as it is: what each phrase adds, what it is compared with, what to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from PIL import Image

from interrogator.networks.clip import Clip
from interrogator.prompts.modes import MODES, Task, claims_of
from interrogator.prompts.ranking import PLAUSIBLE, RankedPhrase, Ranking
from interrogator.prompts.rules import Prompt, Rules, says
from interrogator.prompts.search import ScoredPrompt
from interrogator.result import ComparedPrompt, Interrogation, PromptPart, PromptPhrase
from interrogator.vocabulary.lists import ARTISTS

SMALLEST = 0.0005  # contribution that is shown: less is 0.000
ALIKE = 6  # phrases that mean nearly the same as one of the prompt
UNLIKE = (
    "This picture is unlike all that these models were taught: no artist and no movement is named, "
    "and what else is said is a guess."
)


@dataclass(frozen=True)
class Judge:
    """A second CLIP that scores the finished prompts, and what it is called."""

    name: str
    clip: Clip

    def scores(self, picture: Image.Image, texts: list[str]) -> list[float]:
        """Return the cosine of each text with a picture."""
        return (self.clip.encode_text(texts) @ self.clip.encode_picture(picture)).tolist()


def explain(
    state: Interrogation, best: ScoredPrompt, task: Task, picture: Image.Image, judge: Judge | None
) -> Interrogation:
    """Return the state with its prompt scored and explained, in one batch of texts.

    Scored are the prompt, what it is compared with, and the prompt without each phrase.
    """
    clip, prompt = task.clip, best.prompt
    compared = _compared(state.mode, task, prompt)
    texts = [*compared.values(), *(prompt.without(p) for p in prompt.phrases)]
    scores = (clip.encode_text(texts) @ task.image).tolist()
    judged = judge.scores(picture, list(compared.values())) if judge else [None] * len(compared)
    similarity = scores[len(compared) - 1]
    return replace(
        state,
        prompt=prompt.text,
        similarity=similarity,
        tokens=clip.token_count(prompt.text),
        compared=tuple(
            ComparedPrompt(name, text, score, verdict)
            for (name, text), score, verdict in zip(compared.items(), scores, judged, strict=False)
        ),
        phrases=tuple(
            PromptPhrase(
                p.text, p.category, p.similarity, similarity - without, p.confidence,
                _alike(p, task.ranking), task.ranking.place_of(p),
            )
            for p, without in zip(prompt.phrases, scores[len(compared) :], strict=True)
        ),
        notes=tuple(_notes(state, prompt, task, best.cut_short)),
    )  # fmt: skip


def reason(phrase: PromptPhrase, mode: str, rules: Rules) -> str:
    """Return why a phrase stands in a finished prompt, in two sentences.

    Args:
        phrase: As `explain` returns it.
        mode: The mode that wrote the prompt.
        rules: What the person asked for.
    """
    effect = _effect(phrase.contribution)
    if _names(rules.pinned, phrase.text):
        effect += "; it stands here because you keep it"
    elif MODES[mode].negative:
        effect += "; that is what this mode looks for"
    elif phrase.confidence < PLAUSIBLE:
        effect += "; it is a guess, which the settings allow"
    elif phrase.contribution < SMALLEST:
        effect += "; it stands here because it is likely true of the picture"
    return f"{_origin(phrase, mode)} {effect}."


def reason_of_part(part: PromptPart, captions: Iterable[str], rules: Rules) -> str:
    """Return why a part stands in a prompt that somebody wrote, or stopped at, in two sentences.

    Args:
        part: What stands between two commas.
        captions: What is known to be said of the picture as a whole.
        rules: What the person asked for.
    """
    of_caption = any(says(caption, part.text) for caption in captions)
    origin = "belongs to the caption" if of_caption else "is a part of the prompt as it stands"
    kept = "; it stands here because you keep it" if _names(rules.pinned, part.text) else ""
    return f"“{part.text}” {origin}. {_effect(part.contribution)}{kept}."


def _names(phrases: Iterable[str], text: str) -> bool:
    return text.casefold() in {phrase.casefold() for phrase in phrases}


def _origin(phrase: PromptPhrase, mode: str) -> str:
    """Return where a phrase comes from, and how likely it is there."""
    if phrase.place is None:
        return f"“{phrase.text}” is in no list."
    if MODES[mode].negative:
        return f"“{phrase.text}” is of the list “{phrase.category}”, and unlike the picture."
    place, length = phrase.place
    among = f"of {length:,} {phrase.category}"
    which = f"the likeliest {among}" if place == 1 else f"number {place:,} {among} by likelihood"
    return f"“{phrase.text}” is {which} ({phrase.confidence:.0%})."


def _effect(contribution: float) -> str:
    """Return what a phrase does to the similarity; the sentence goes on or ends."""
    if abs(contribution) < SMALLEST:
        return "It leaves the similarity of the prompt as it is"
    much = "more" if contribution > 0 else "less"
    return f"It makes the prompt {abs(contribution):.3f} {much} similar to the picture"


def _alike(phrase: RankedPhrase, ranking: Ranking) -> tuple[tuple[str, float], ...]:
    """Return phrases that mean nearly the same, the most similar to the picture first."""
    nearest = sorted(ranking.alike(phrase, ALIKE), key=lambda other: -other.similarity)
    return tuple((other.text, other.similarity) for other in nearest)


def _compared(mode: str, task: Task, prompt: Prompt) -> dict[str, str]:
    """Return the caption, the prompts of modes that cost next to nothing, and this one last."""
    texts = {"caption": task.fitted_caption} if task.fitted_caption else {}
    if not MODES[mode].negative:
        for name in reversed(MODES):  # the simplest first
            if not (other := MODES[name]).searches and name != mode:
                *_, simple = other.compose(task)
                texts[name] = simple.prompt.text
    return {**texts, mode: prompt.text}


def _notes(state: Interrogation, prompt: Prompt, task: Task, cut_short: bool) -> Iterator[str]:
    if task.caption != state.caption:
        yield "Banned words and names were taken out of the caption."
    if not MODES[state.mode].negative and len(prompt.caption) < len(task.caption.rstrip(" .,;:")):
        yield "The caption was shortened: the model reads no more, or phrases need the room."
    artists = state.ranked.get(ARTISTS, [])
    if artists and not task.ranking.unlike and not any(a.stands_out for a in artists):
        yield "No artist of the list stands out."
    if task.ranking.unlike:
        yield UNLIKE
    for claim, confidence in claims_of(prompt.caption, task.ranking).items():
        if confidence < PLAUSIBLE and not MODES[state.mode].negative:
            yield f"The caption says “{claim}”, which the CLIP doubts ({confidence:.0%})."
    for phrase in task.rules.dropped:
        if says(prompt.caption, phrase):
            yield f"The caption says “{phrase}” too: change it there, or ban the words."
    if cut_short:
        yield "The search was ended by the time that it was given."
    if task.clip.tower is None:
        yield "This CLIP reads texts only as a whole, so that searching takes longer."
