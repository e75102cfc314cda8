"""Prompts edited in bulk, and packed as trainers read them: pure functions."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interrogator.batch.outputs import Sidecars, inner_path, shared_name
from interrogator.batch.pictures.items import Item, read_file
from interrogator.errors import InterrogatorError

MOST_TEXT = 4000  # characters of a prompt
MOST_SAID = 40  # characters of an edit's words that are shown again
TABLE = "prompts.jsonl"
TOO_LONG = f"A prompt would have over {MOST_TEXT:,} characters, which is all that one may have."
NO_WORDS = "Type the words first."
NOTHING = "There is no prompt yet: write them first."

_COMMA = re.compile(r",\s*(?![^(]*\))")  # not within the brackets of a weight
_WEIGHT = re.compile(r"\(+(.*?)(?::[\d.]+)?\)+")
_PARAMETERS = re.compile(r"\s--[a-zA-Z].*", re.DOTALL)  # Midjourney's, which stand last


def _split(prompt: str) -> tuple[list[str], str]:
    """Return a prompt's parts, and its parameters."""
    tail = _PARAMETERS.search(prompt)
    words = prompt[: tail.start()] if tail else prompt
    parts = [part for part in (one.strip() for one in _COMMA.split(words)) if part]
    return parts, tail.group() if tail else ""


def _is(part: str, phrase: str) -> bool:
    weighted = _WEIGHT.fullmatch(part)
    return phrase.casefold() in (part.casefold(), (weighted[1] if weighted else part).casefold())


def add_phrase(prompt: str, phrase: str) -> str:
    """Return a prompt with a phrase at its end, unless it has it."""
    parts, tail = _split(prompt)
    return ", ".join(parts if any(_is(p, phrase) for p in parts) else [*parts, phrase]) + tail


def remove_phrase(prompt: str, phrase: str) -> str:
    """Return a prompt without the parts that are a phrase, whatever their weight."""
    parts, tail = _split(prompt)
    return (", ".join(part for part in parts if not _is(part, phrase)) + tail).strip()


def put_in_front(prompt: str, words: str) -> str:
    """Return a prompt with trigger words in front, once."""
    parts, tail = _split(prompt)
    return ", ".join([words, *(part for part in parts if not _is(part, words))]) + tail


def replace(prompt: str, words: str, other: str) -> str:
    """Return a prompt with other words in place of some, whatever their case; plain text."""
    return re.sub(re.escape(words), lambda _: other, prompt, flags=re.IGNORECASE).strip()


@dataclass(frozen=True)
class Edit:
    """A way to edit prompts.

    Attributes:
        work: Prompt, words and other words → the prompt afterwards.
        said: What was done, with {} for the words, and for the other words.
    """

    work: Callable[[str, str, str], str]
    said: str


REPLACE = "Find and replace"
EDITS = {
    "Add a phrase": Edit(lambda prompt, words, _: add_phrase(prompt, words), "Added “{}”."),
    "Remove a phrase": Edit(lambda prompt, words, _: remove_phrase(prompt, words), "Removed “{}”."),
    REPLACE: Edit(replace, "Replaced “{}” with “{}”."),
    "Trigger word in front": Edit(
        lambda prompt, words, _: put_in_front(prompt, words), "Put “{}” in front."
    ),
}


def revise(prompts: Sequence[str], action: str, words: str, other: str) -> list[str]:
    """Return prompts after one of `EDITS`.

    Raises:
        InterrogatorError: There are no words, no such edit, or a prompt becomes too long.
    """
    edit = EDITS.get(action)
    if edit is None:
        raise InterrogatorError(f"There is no edit {action[:60]!r}; there are {', '.join(EDITS)}.")
    plain = words.strip() if action != REPLACE else words
    if not plain.strip():
        raise InterrogatorError(NO_WORDS)
    if max(map(len, (*prompts, words, other)), default=0) > MOST_TEXT:
        raise InterrogatorError(TOO_LONG)
    revised = [edit.work(prompt, plain, other) for prompt in prompts]
    if max(map(len, revised), default=0) > MOST_TEXT:
        raise InterrogatorError(TOO_LONG)
    return revised


def describe(
    action: str, words: str, other: str, before: Sequence[str], after: Sequence[str]
) -> str:
    """Return what one of `EDITS` did, and in how many rows, in sentences."""
    said = EDITS[action].said.format(words[:MOST_SAID], other[:MOST_SAID])
    changed = sum(one != two for one, two in zip(before, after, strict=True))
    return f"{said} Rows changed: {changed} of {len(before)}."


def pack(rows: Sequence[dict[str, Any]]) -> tuple[bytes, int]:
    """Return a zip of text files, as kohya's scripts read them, and a JSON line for each picture.

    Args:
        rows: Of each picture name, caption, prompt, negative prompt and error, texts or None.

    Returns:
        The zip's bytes, and how many pictures have a text in it.

    Raises:
        InterrogatorError: There is no prompt.
    """
    sidecars, lines, written = Sidecars(Path()), [], dict[str, str]()
    for row in rows:
        known = {name: _plain(row.get(name)) for name in ("caption", "prompt", "negative_prompt")}
        name, error = _plain(row.get("name")) or "", _plain(row.get("error"))
        if known["prompt"] and not error:
            safe = inner_path(name.replace("\\", "/").replace("\0", "_"))
            path = sidecars.path(Item(safe, "", read_file, ())).as_posix()
            if path in written:
                error = str(shared_name(Path(path)))
            else:
                content = sidecars.content({"prompt": known["prompt"], "written": {}})
                written[path] = content.decode()
        lines.append({"path": name, **known, "error": error})
    if not written:
        raise InterrogatorError(NOTHING)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in written.items():
            archive.writestr(path, text)
        table = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        archive.writestr(TABLE, table)
    return file.getvalue(), len(written)


def _plain(value: Any) -> str | None:  # noqa: ANN401  (what a browser sent)
    """Return a text that can be written, or None."""
    if not isinstance(value, str):
        return None
    return value[:MOST_TEXT].encode("utf-8", "surrogatepass").decode("utf-8", "replace")
