"""`python -m interrogator PICTURE…`: a prompt per picture, as text or one JSON object a line."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interrogator.errors import InterrogatorError
from interrogator.models.registry import as_text
from interrogator.option import Option
from interrogator.options import OPTIONS, options_of, parse
from interrogator.targets import TARGETS

if TYPE_CHECKING:
    from interrogator.serving.session import Session

GROUPS = {
    "main": "what is written",
    "prompt": "the prompt",
    "change": "phrases that must or must not stand in it",
    "caption": "the caption",
    "models": "models",
    "words": "phrases that may be used",
}


class _ListModels(argparse.Action):
    """Prints the known models and ends, whatever else is named."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        print(as_text())
        parser.exit()


def make_parser(options: Iterable[Option] = OPTIONS) -> argparse.ArgumentParser:
    """Return the command's parser, with a flag for every option; values stay text."""
    parser = argparse.ArgumentParser(
        prog="python -m interrogator", description="Write the prompt that a picture calls for."
    )
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help="a file")
    parser.add_argument("--json", action="store_true", help="one JSON object per line on stdout")
    parser.add_argument(
        "--models", action=_ListModels, nargs=0, help="list the known models, and end"
    )
    parser.add_argument(
        "--write-metadata", metavar="FOLDER", type=Path,
        help="write a copy of each PNG, JPEG or WebP there, with the prompt in it",
    )  # fmt: skip
    several = parser.add_mutually_exclusive_group()
    several.add_argument(
        "--together", action="store_true", help="one prompt for all of 2 to 12 pictures"
    )
    several.add_argument(
        "--apart", action="store_true", help="what sets each of 2 to 12 pictures apart"
    )
    add_options(parser, options)
    return parser


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option] = OPTIONS) -> None:
    """Add a flag for every option of an interrogation."""
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items()}
    for option in options_of("command", options=options).values():
        if option.command_flag:
            _add(groups[option.section], option)
    groups["prompt"].add_argument(
        "--phrases", metavar="LEAST-MOST", help="how many phrases; 0-32 if absent"
    )


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    text = option.help.replace("%", "%%").rstrip(".")
    if option.choices and not option.free:
        text += f": {', '.join(filter(None, option.choices))}"
    if option.kind not in ("switch", "phrases") and option.default not in (None, ""):
        text += f" ({option.default} if absent)"
    shared: dict[str, Any] = {"dest": option.name, "help": text[:1].lower() + text[1:]}
    if option.kind == "switch":
        switched = not option.default  # the flag is named after what it changes to
        group.add_argument(option.command_flag, action="store_const", const=switched, **shared)
    else:
        several = option.kind in ("phrases", "bans")
        shared["help"] += "; may be repeated" if several else ""
        action = "append" if several else "store"
        metavar = option.metavar or (
            "N" if option.kind in ("whole", "share", "seconds") else "NAME"
        )
        group.add_argument(option.command_flag, action=action, metavar=metavar, **shared)


def main(arguments: list[str] | None = None) -> int:
    """Interrogate the pictures named on the command line.

    Returns:
        0; 1 if a picture could not be read (the others are done); 2 if nothing could be begun;
        130 if interrupted.
    """
    options = make_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # a file's name may be of bytes that are no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger().setLevel(logging.ERROR)  # open_clip reports through the root logger
    try:
        values = values_of(options)
        if all(map(_is_folder, options.pictures)):  # no models for nothing
            raise _folder(options.pictures[0])
        session = _session(values)
        failed = False
        for line in _lines(session, options):
            failed |= "error" in line
            _print(line, options.json)
    except InterrogatorError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 1 if failed else 0


def values_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were set, checked before anything heavy is imported.

    Raises:
        InterrogatorError: One cannot be meant.
    """
    given = {name: getattr(options, name, None) for name in options_of("command")}
    values = {name: value for name, value in given.items() if value is not None}
    if options.phrases is not None:
        fewest, _, most = options.phrases.partition("-")
        if not (fewest.isdecimal() and most.isdecimal()):
            raise InterrogatorError(
                f"--phrases is LEAST-MOST, as in 4-16, not {options.phrases!r}."
            )
        values |= {"fewest": fewest, "most": most}
    parse(values, "command")
    return values


def _is_folder(path: str) -> bool:
    """Tell whether it is one; `Path.is_dir` fails of a name that is too long."""
    return os.path.isdir(path)  # noqa: PTH112


def _folder(path: str) -> InterrogatorError:
    """Return the sentence on a folder that was given for a picture: the command for it."""
    source = path if os.name == "nt" else shlex.quote(path)
    return InterrogatorError(
        "This is a folder. For a prompt for each of its pictures: "
        f"python -m interrogator.batch {source} --out RESULTS, with the same options."
    )


def _session(values: dict[str, Any]) -> Session:
    """Load the models; say which they are where nobody chose, and what was cleaned of lists."""
    from interrogator.models.choice import active_notice
    from interrogator.serving.background import show_progress
    from interrogator.serving.session import Session

    session = Session(show_progress, **values)
    if not (values.get("preset") or (values.get("clip") and values.get("caption_model"))):
        print(active_notice(*session.service.defaults.current()), file=sys.stderr)
    words = session.request.words
    for name, lists in (("vocabulary", words.base), ("add_vocabulary", words.added)):
        if lists:
            known = ""
            if lists is words.added:
                known = words.known(session.service.vocabulary(session.request.names))
            print(f"{values[name]}: {lists.summary()}.{known}", file=sys.stderr)
    return session


def _lines(session: Session, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a line for each picture, or one for all of them."""
    paths = options.pictures
    if options.together:
        yield {"path": " + ".join(paths), **session.together(paths).to_json()}
    for place, path in enumerate([] if options.together else paths):
        if options.apart:
            yield {"path": path, **session.apart(paths, place).to_json()}
        else:
            yield _line(session, path, options.write_metadata)


def _line(session: Session, path: str, copies: Path | None) -> dict[str, Any]:
    try:
        if _is_folder(path):
            raise _folder(path)
        done = session.interrogate(path)
        line = {"path": path, **done.to_json()}
        if copies:
            from interrogator.images.stored import write_copy

            prompt = line["written"].get(done.target, done.prompt)
            line["copy"] = str(write_copy(Path(path), copies, prompt, done.negative_prompt or ""))
        return line
    except InterrogatorError as error:
        return {"path": path, "error": str(error)}


def _print(line: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(line, ensure_ascii=False), flush=True)
    elif "error" in line:
        print(f"{line['path']}: {line['error']}", file=sys.stderr)
    else:
        prompt = line["written"].get(line["target"], line["prompt"])
        print(f"{line['path']}: {prompt}", flush=True)
        apart = not line["target"] or TARGETS[line["target"]].negative == "beside"
        if apart and line["negative_prompt"] not in (None, line["prompt"]):
            print(f"{line['path']}: negative: {line['negative_prompt']}", flush=True)
