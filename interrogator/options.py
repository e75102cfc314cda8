"""Every option of an interrogation, once: its name, type, default, limits and sentence.

The page's components, the endpoints' signatures and documentation, the command's flags and the
keywords of the Python API are all made from `OPTIONS`. A new option is one entry here, and one
line in `request` that says what it does. Nothing heavy is imported, so that a mistake in an option
is answered at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from interrogator.errors import InterrogatorError
from interrogator.models.registry import CAPTIONERS, CLIPS, PRESETS, SHIPPED_CLIPS
from interrogator.networks.captioning import DEFAULT_CAPTIONING as CAPTIONING
from interrogator.networks.captioning import DETAILS, MOST_BEAMS, MOST_NO_REPEAT, MOST_TOKENS
from interrogator.option import Operation, Option, Place
from interrogator.prompts.modes import DEFAULT_MODE, MODES
from interrogator.prompts.rules import MOST_ARTISTS, MOST_PHRASES, Rules
from interrogator.targets import TARGETS
from interrogator.vocabulary.policy import DEFAULT_NAMING, NAMING
from interrogator.vocabulary.selection import ADD, PLACES

OWN_MACHINE: tuple[Place, ...] = ("command", "python")  # where visitors cannot reach
MOST_RANKED = 50  # phrases of each list that `analyze` returns at most
DTYPES = ("float32", "bfloat16", "float16")


def _models(first: str, names: Iterable[str]) -> dict[str, str]:
    return {"": first, **{name: name for name in names}}


_RULES = Rules()
_ALL: tuple[Operation, ...] = ("interrogate", "analyze", "score")

OPTIONS: tuple[Option, ...] = (
    Option(
        "mode", "choice", "How the prompt is written.", "Mode", "main", DEFAULT_MODE,
        choices={name: mode.summary for name, mode in MODES.items()},
    ),
    Option(
        "preset", "choice", "Which captioner and CLIP; the best that can be had when left out.",
        "Models", "models", choices={name: names.note for name, names in PRESETS.items()},
        tasks=_ALL,
    ),
    Option(
        "top", "whole", "How many phrases of each list.", default=5, least=1, most=MOST_RANKED,
        tasks=("analyze",), places=("api", "python"),
    ),
    Option(
        "caption", "text", "A caption to use instead of the model's.", "Your own caption",
        default="", metavar="TEXT", placeholder="Used instead of the model's",
    ),
    Option(
        "with_negative", "switch", "Write a negative prompt as well.",
        "Write a negative prompt as well", "main", False,
    ),
    Option(
        "artists", "whole", "How many artists may be named.", "Artists named at most",
        default=_RULES.artists, most=MOST_ARTISTS,
    ),
    Option(
        "fewest", "whole", "How many phrases the search adds even where they do not help.",
        "Phrases at least", default=_RULES.fewest, most=MOST_PHRASES, flag="",
    ),
    Option(
        "most", "whole", "How many phrases there may be.", "Phrases at most",
        default=_RULES.most, most=MOST_PHRASES, flag="",
    ),
    Option(
        "pinned", "phrases", "Phrases that must stand in the prompt, right behind the caption.",
        "Keep these phrases", "change", flag="--pin", metavar="PHRASE",
    ),
    Option(
        "dropped", "phrases", "Phrases that must not.", "Leave these out", "change",
        flag="--drop", metavar="PHRASE",
    ),
    Option(
        "banned", "bans",
        "Words that must not stand anywhere, between commas; also \"a whole phrase\" in quotes, "
        "category:NAME and group:NAME.",
        "Ban words", "change", default="", flag="--ban", metavar="TEXT",
        placeholder="between commas; no phrase with them is used",
    ),
    Option(
        "seconds", "seconds", "When the search must end; 0 or nothing sets no limit.",
        "Seconds for the search",
    ),
    Option(
        "judge", "choice", "A second CLIP that scores the finished prompts; it takes no part in "
        "writing them.", "A second CLIP as judge", "models", "",
        choices=_models("none", (*SHIPPED_CLIPS, *(m.name for m in CLIPS))), free=True,
        metavar="CLIP",
    ),
    Option(
        "name_artists", "choice", "Which artists may be named.", "Artists who may be named",
        "words", DEFAULT_NAMING, choices=NAMING,
    ),
    Option(
        "own_words", "text", "Phrases of your own, one a line.", "Your own phrases", "words", "",
        places=("page", "api", "python"),
        placeholder="One a line; weights such as (fog:1.2) are taken off",
    ),
    Option(
        "own_files", "files", "Lists of your own, .txt or .csv, one category a file.",
        "Your own lists", "words", places=("page", "api", "python"),
    ),
    Option(
        "own_lists", "choice", "Where your own phrases and lists are ranked.",
        "Yours are ranked", "words", ADD, choices=PLACES, places=("page", "api", "python"),
    ),
    Option(
        "caption_model", "choice", "A captioner in place of the preset's: a repository of the hub, "
        "or a folder, with an image-to-text model, for example \"microsoft/git-base-coco\".",
        "Another captioner", "models", "", free=True, tasks=("interrogate", "analyze"),
        choices=_models("the one of the preset", (m.name for m in CAPTIONERS)), metavar="NAME",
    ),
    Option(
        "clip", "choice", "A CLIP in place of the preset's: ARCHITECTURE/TAG as open_clip names "
        "it, hf-hub:ORG/REPO or local-dir:PATH.", "Another CLIP to rank with", "models", "",
        choices=_models("the one of the preset", (m.name for m in CLIPS)), free=True, tasks=_ALL,
        metavar="NAME",
    ),
    Option(
        "caption_beams", "whole", "How many captions are followed at a time; 1 is quickest.",
        "Beams", "caption", CAPTIONING.beams, 1, MOST_BEAMS,
    ),
    Option(
        "caption_fewest", "whole", "Tokens that the caption has at least; more make it longer, and "
        "more of it guesses.", "Tokens at least", "caption", CAPTIONING.fewest, most=MOST_TOKENS,
    ),
    Option(
        "caption_most", "whole", "Tokens that the caption has at most.", "Tokens at most",
        "caption", CAPTIONING.most, 1, MOST_TOKENS,
    ),
    Option(
        "caption_no_repeat", "whole", "No run of so many tokens is said twice, against “the jungle "
        "jungle jungle”; 0 lets it.", "No run of so many tokens twice", "caption",
        CAPTIONING.no_repeat, most=MOST_NO_REPEAT,
    ),
    Option(
        "daring", "share", "0 says only what the picture plausibly shows, 1 whatever makes the "
        "prompt most similar to it; between, the search may guess.", "Sure … daring",
        default=_RULES.daring, most=1,
    ),
    Option(
        "vocabulary", "folder", "A folder of .txt or .csv lists in place of ours.",
        section="words", default="", places=OWN_MACHINE, metavar="DIR",
    ),
    Option(
        "add_vocabulary", "folder", "A folder of .txt or .csv lists beside ours.",
        section="words", default="", places=OWN_MACHINE, metavar="DIR",
    ),
    Option(
        "safety", "switch", "Leave out sexual words, slurs, extremism and living celebrities.",
        section="words", default=True, places=OWN_MACHINE, flag="--no-safety-list",
    ),
    Option(
        "dtype", "choice", "The models' number format; the fastest of this machine if absent.",
        section="models", choices={name: name for name in DTYPES}, places=OWN_MACHINE,
    ),
    Option(
        "caption_detail", "choice", "How much the caption says, where the captioner can be asked.",
        "Detail", "caption", CAPTIONING.detail, choices=DETAILS,
    ),
    Option(
        "target", "choice", "What the prompt is written for: its form and its length.",
        "Written for", "main", "", flag="--for", places=("api", "command", "python"),
        choices={"": "the prompt as it is"} | {n: t.described for n, t in TARGETS.items()},
    ),
)  # fmt: skip


def options_of(
    place: Place, task: Operation = "interrogate", options: Iterable[Option] = OPTIONS
) -> dict[str, Option]:
    """Return the options of a task that can be set in a place, by name, in their order."""
    return {o.name: o for o in options if place in o.places and task in o.tasks}


def parse(
    values: Mapping[str, Any],
    place: Place = "python",
    task: Operation = "interrogate",
    options: Iterable[Option] = OPTIONS,
) -> dict[str, Any]:
    """Return a value for every option of a task: what is given, else the default.

    Args:
        values: Option → what somebody set.
        place: Where it was set.
        task: What is to be done.
        options: The table.

    Raises:
        InterrogatorError: There is no such option there, or a value cannot be meant.
    """
    options = tuple(options)
    known = options_of(place, task, options)
    for name in values:
        if name not in known:
            raise InterrogatorError(f"There is no option {name!r}; there are {', '.join(known)}.")
    everything = (o for o in options if task in o.tasks)
    return {o.name: o.parse(values.get(o.name)) for o in everything}


def signature(
    task: Operation, options: Iterable[Option] = OPTIONS, *, prompt: bool = False
) -> inspect.Signature:
    """Return the arguments of an endpoint: the picture, the prompt to score, then the options."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("picture", kind, annotation="str | bytes | None")]
    if prompt:
        parameters.append(inspect.Parameter("prompt", kind, annotation="str"))
    for option in options_of("api", task, options).values():
        parameters.append(
            inspect.Parameter(
                option.name, kind, default=option.default, annotation=option.annotation
            )
        )
    return inspect.Signature(parameters, return_annotation="dict[str, Any]")


def describe(task: Operation, options: Iterable[Option] = OPTIONS) -> str:
    """Return the lines of a docstring that describe the options of an endpoint."""
    lines = []
    for option in options_of("api", task, options).values():
        named = {value: text for value, text in option.choices.items() if value and not option.free}
        limits = f" From {option.least:g} to {option.most:g}." if option.most is not None else ""
        choices = "; ".join(f'"{value}" ({text})' for value, text in named.items())
        lines.append(f"{option.name}: {option.help}{limits}{f' {choices}.' if choices else ''}")
    return "\n".join(lines)
