"""One interrogation, written for the models that draw: a new target is an entry of `TARGETS`.

Nothing is computed: caption, phrases and what each adds are put into another form, so that a page
can switch between targets at once. What a target reads of a prompt is counted with CLIP's own
tokenizer; for T5, whose tokenizer is not here, it is estimated from the words and marked as such.

Limits, from the pipelines of diffusers: CLIP reads 77 tokens, start and end included, in Stable
Diffusion 1 and 2, in both encoders of SDXL and in the CLIPs of SD 3 and FLUX; T5 reads 256 in SD 3
and 512 in FLUX.1 [dev] (256 in [schnell]). A1111 and ComfyUI read on behind 77, 75 at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from interrogator.prompts.rules import Budget, fitted_caption
from interrogator.vocabulary.lists import ARTISTS, MEDIUMS, MOVEMENTS

if TYPE_CHECKING:
    from interrogator.result import Interrogation, PromptPhrase

CLIP_TOKENS = 77  # start and end included
TOKENS_A_WORD = 1.4  # of T5, for English with its punctuation: an estimate
SPREAD = 0.2  # how far the weight of a phrase is from 1 at most
MOST_RATIO = 10  # denominators of `--ar` up to this: 21:9 is 7:3

Count = Callable[[str], int]


@dataclass(frozen=True)
class Reader:
    """An encoder that a target reads prompts with.

    Attributes:
        name: What it is called.
        limit: How many tokens it reads, start and end included; None: all.
        estimated: Whether its tokens are reckoned from the words.
        binds: Whether the text must fit; a CLIP beside a T5 may read the beginning alone.
    """

    name: str
    limit: int | None = CLIP_TOKENS
    estimated: bool = False
    binds: bool = True


@dataclass(frozen=True)
class Length:
    """How long a text is for a reader: its tokens, start and end included."""

    reader: Reader
    tokens: int

    @property
    def fits(self) -> bool:
        """Whether the reader reads all of it."""
        return self.reader.limit is None or self.tokens <= self.reader.limit


@dataclass(frozen=True)
class Written:
    """A prompt in a target's form.

    Attributes:
        target: Its name in `TARGETS`.
        text: What is pasted into the target's field.
        negative: What goes into a field of its own; None where there is none, or nothing for it.
        lengths: How long the text is for each reader.
        notes: Sentences on what was left out or is not read; usually none.
    """

    target: str
    text: str
    negative: str | None
    lengths: tuple[Length, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parts:
    """What a prompt is made of.

    Attributes:
        lead: What stands before the phrases: the caption as it stands in the prompt.
        caption: The whole caption, for targets that read more than the CLIP that ranked.
        phrases: What follows, in order.
        negative: The negative prompt, or "".
        size: Width and height of the picture in pixels, or None.
    """

    lead: str
    caption: str
    phrases: tuple[PromptPhrase, ...] = ()
    negative: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Target:
    """A model, or a program, that draws from prompts.

    Attributes:
        label: What people call it.
        summary: What its form is, in a few words.
        write: Parts → text.
        readers: What it reads prompts with; none where that is not known.
        negative: "beside" in a field of its own, "within" the text, or "none".
        quote: What a negative prompt in a field of its own is put through.
        counted: Parts → what the readers get, where that is not the text itself.
    """

    label: str
    summary: str
    write: Callable[[Parts], str]
    readers: tuple[Reader, ...] = ()
    negative: Literal["beside", "within", "none"] = "beside"
    quote: Callable[[str], str] = str
    counted: Callable[[Parts], str] | None = None

    @property
    def described(self) -> str:
        """Its label and its form."""
        return f"{self.label}: {self.summary}"


def written(done: Interrogation, target: str, count: Count | None = None) -> Written:
    """Return an interrogation's prompt in a target's form; phrases that do not fit are left out.

    Args:
        done: Finished, or as far as it has come; a prompt that was edited is taken as it stands.
        target: A key of `TARGETS`.
        count: Text → tokens of CLIP, start and end included, uncut; its own tokenizer if absent.
    """
    form, parts = TARGETS[target], parts_of(done)
    if form.negative == "within" and done.prompt == done.negative_prompt:
        parts = replace(parts, phrases=(), negative=done.prompt)  # all of it is unwanted
    counted = form.counted or form.write

    def lengths(some: Parts) -> tuple[Length, ...]:
        return lengths_of(counted(some), form.readers, count)

    fitted = _fitted(parts, lambda some: all(n.fits or not n.reader.binds for n in lengths(some)))
    negative = form.quote(parts.negative) if form.negative == "beside" else ""
    notes = tuple(_notes(form, parts, fitted))
    return Written(target, form.write(fitted), negative or None, lengths(fitted), notes)


def texts(done: Interrogation, count: Count | None = None) -> dict[str, str]:
    """Return the prompt in every target's form: name → text; {} while there is no prompt."""
    return {name: written(done, name, count).text for name in TARGETS} if done.prompt else {}


def parts_of(done: Interrogation) -> Parts:
    """Return what a prompt is made of; of one that was edited, all of it is the lead."""
    tail = ", ".join(phrase.text for phrase in done.phrases)
    if not tail or not done.prompt.endswith(tail):
        caption = done.caption if done.prompt and done.caption.startswith(done.prompt) else ""
        return Parts(done.prompt, caption or done.prompt, (), done.negative_prompt or "", done.size)
    lead = done.prompt.removesuffix(tail).removesuffix(", ")
    negative = done.negative_prompt or ""
    if done.prompt == negative:  # the mode that says what a picture is not
        return Parts("", "", done.phrases, "", done.size)
    return Parts(lead, done.caption if lead else "", done.phrases, negative, done.size)


def lengths_of(
    text: str, readers: Sequence[Reader], count: Count | None = None
) -> tuple[Length, ...]:
    """Return how long a text is for each reader; `count` as of `written`."""
    counts = [t5_tokens if reader.estimated else count or clip_tokens for reader in readers]
    return tuple(Length(reader, tell(text)) for reader, tell in zip(readers, counts, strict=True))


def clip_tokens(text: str) -> int:
    """Return how many tokens OpenAI's and OpenCLIP's CLIPs see in a text, with start and end."""
    return len(_tokenizer()(text)) + 2


@lru_cache(maxsize=1)
def _tokenizer() -> Callable[[str], list[int]]:
    from interrogator.networks.libraries import open_clip  # heavy

    return open_clip.tokenizer.SimpleTokenizer().encode


def t5_tokens(text: str) -> int:
    """Return about how many tokens T5 sees in a text, with its end: reckoned from the words."""
    return round(TOKENS_A_WORD * len(text.split())) + 1


def _fitted(parts: Parts, fits: Callable[[Parts], bool]) -> Parts:
    """Leave out phrases from the end, then cut the caption, until the form fits."""
    while parts.phrases and not fits(parts):
        parts = replace(parts, phrases=parts.phrases[:-1])
    if fits(parts):
        return parts

    def cut(text: str) -> Parts:
        return replace(parts, lead=text, caption=text)

    room = Budget(0, lambda text: not fits(cut(text)))
    return cut(fitted_caption(max(parts.lead, parts.caption, key=len), room))


def _notes(form: Target, parts: Parts, fitted: Parts) -> Iterator[str]:
    if missing := len(parts.phrases) - len(fitted.phrases):
        yield f"Left out, because {form.label} does not read so much: " + (
            ", ".join(phrase.text for phrase in parts.phrases[-missing:]) + "."
        )
    if form.negative == "none" and parts.negative:
        yield f"{form.label} reads no negative prompt."


# The forms


def plain(parts: Parts) -> str:
    """Return the caption and the phrases between commas."""
    return ", ".join(filter(None, [parts.lead, *(phrase.text for phrase in parts.phrases)]))


def prose(parts: Parts) -> str:
    """Return a sentence, and a second one of what describes no style."""
    if not parts.caption:
        return plain(parts)
    kinds: dict[str, list[str]] = {}
    for phrase in parts.phrases:
        kind = phrase.category if phrase.category in (MEDIUMS, MOVEMENTS, ARTISTS, "sites") else ""
        kinds.setdefault(kind, []).append(phrase.text)
    caption = parts.caption.strip().rstrip(" .,;:")
    clauses = [
        caption[:1].upper() + caption[1:],
        *kinds.get(MEDIUMS, []),
        *([f"in the style of {_listed(kinds[MOVEMENTS])}"] if MOVEMENTS in kinds else []),
        *([_listed(kinds[ARTISTS])] if ARTISTS in kinds else []),
        *kinds.get("sites", []),
    ]
    details = f" Details: {_listed(kinds[''])}." if "" in kinds else ""
    return f"{', '.join(clauses)}.{details}"


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def midjourney(parts: Parts) -> str:
    """Return the prompt with `--no` and `--ar`; nothing else in it is a parameter or a weight."""
    text = _without_parameters(plain(parts))
    negative = f"--no {_without_parameters(parts.negative)}" if parts.negative else ""
    ratio = f"--ar {aspect_ratio(*parts.size)}" if parts.size else ""
    return " ".join(filter(None, [text, negative, ratio]))


def _without_parameters(text: str) -> str:
    return re.sub(":{2,}", ":", re.sub("-{2,}|[—–]", "-", text))


def aspect_ratio(width: int, height: int) -> str:
    """Return a ratio of small whole numbers near a picture's, such as 16:9 for 1920 × 1080."""
    long, short = max(width, height), min(width, height)
    ratio = Fraction(long, short).limit_denominator(MOST_RATIO)
    sides = (ratio.numerator, ratio.denominator)
    return ":".join(map(str, sides if width >= height else reversed(sides)))


def tags(parts: Parts) -> str:
    """Return the pieces of the caption, without their articles, and the phrases, each once."""
    pieces = [
        re.sub(r"^(an?|the)\s+", "", p.strip(), flags=re.I) for p in _CLAUSE.split(parts.lead)
    ]
    every = [*filter(None, pieces), *(phrase.text for phrase in parts.phrases)]
    first: dict[str, str] = {}
    for tag in every:
        first.setdefault(tag.casefold(), tag)
    return ", ".join(first.values())


def a1111(parts: Parts) -> str:
    """Return the prompt with the phrases' weights; brackets that are no weight are escaped."""
    return _weighted(parts, a1111_quoted)


def a1111_quoted(text: str) -> str:
    """Return a text in which no bracket changes a weight in the A1111 WebUI and its kin."""
    return re.sub(r"([\\()\[\]])", r"\\\1", text)


def comfyui(parts: Parts) -> str:
    """Return the same for ComfyUI, where curly brackets choose at random and square ones do not."""
    return _weighted(parts, comfyui_quoted)


def comfyui_quoted(text: str) -> str:
    """Return a text in which no bracket changes a weight, or is a choice, in ComfyUI."""
    return re.sub(r"([\\(){}])", r"\\\1", text)


def _weighted(parts: Parts, quote: Callable[[str], str]) -> str:
    """Return the prompt with weights: what adds most to the similarity has 1.2, nothing has 1."""
    most = max((abs(phrase.contribution) for phrase in parts.phrases), default=0.0)
    pieces = [quote(parts.lead)] if parts.lead else []
    for phrase in parts.phrases:
        weight = round(1 + SPREAD * phrase.contribution / most, 2) if most else 1.0
        text = quote(phrase.text)
        pieces.append(text if weight == 1 else f"({text}:{weight:g})")
    return ", ".join(pieces)


_CLAUSE = re.compile(r"[,;.]")
_CLIP_BESIDE = Reader("CLIP", binds=False)

TARGETS = {
    "sd1": Target("Stable Diffusion 1.x", "phrases between commas", plain, (Reader("CLIP ViT-L"),)),
    "sd2": Target("Stable Diffusion 2.x", "phrases between commas", plain, (Reader("CLIP ViT-H"),)),
    "sdxl": Target(
        "SDXL", "phrases between commas, for both encoders", plain,
        (Reader("CLIP ViT-L"), Reader("CLIP ViT-bigG")),
    ),
    "sd3": Target(
        "Stable Diffusion 3", "sentences of prose", prose,
        (Reader("T5", 256, estimated=True), _CLIP_BESIDE),
    ),
    "flux": Target(
        "FLUX", "sentences of prose, no negative prompt", prose,
        (Reader("T5", 512, estimated=True), _CLIP_BESIDE), "none",
    ),
    "midjourney": Target(
        "Midjourney", "with --no and --ar", midjourney, negative="within"
    ),
    "tags": Target("plain tags", "short tags between commas", tags),
    "a1111": Target(
        "A1111 weights", "(phrase:1.2) by what each adds", a1111, (Reader("CLIP", None),),
        quote=a1111_quoted, counted=plain,
    ),
    "comfyui": Target(
        "ComfyUI weights", "(phrase:1.2) by what each adds", comfyui, (Reader("CLIP", None),),
        quote=comfyui_quoted, counted=plain,
    ),
}  # fmt: skip
