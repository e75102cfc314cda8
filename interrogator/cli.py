"""`python -m interrogator PICTURE…`: a prompt per picture, as text or one JSON object a line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from typing import Any

from interrogator.models.registry import as_text
from interrogator.networks.captioning import DEFAULT_CAPTIONING, Captioning


class _ListModels(argparse.Action):
    """Prints the known models and ends, whatever else is named."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        print(as_text())
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    # What needs torch is imported in main: --help answers at once.
    parser = argparse.ArgumentParser(
        prog="python -m interrogator", description="Write the prompt that a picture calls for."
    )
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help="a file")
    parser.add_argument("--mode", default="fast", help="best, fast (default), classic or negative")
    parser.add_argument(
        "--with-negative", action="store_true", help="write a negative prompt as well"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line on stdout")
    _add_models(parser.add_argument_group("models"))
    _add_caption(parser.add_argument_group("the caption"))
    _add_phrases(parser.add_argument_group("phrases that may be used"))
    _add_prompt(parser.add_argument_group("the prompt"))
    return parser


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--preset", help="quality, light, demo, sd2 or sdxl; the best that can be had if absent"
    )
    group.add_argument(
        "--clip", metavar="NAME", help="ARCHITECTURE/TAG, hf-hub:ORG/REPO or local-dir:PATH"
    )
    group.add_argument(
        "--caption-model", metavar="NAME",
        help="a repository or folder with an image-to-text model, such as microsoft/git-base-coco",
    )  # fmt: skip
    group.add_argument(
        "--judge", metavar="CLIP", help="a second CLIP that scores the finished prompts"
    )
    group.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"),
        help="the models' numbers; the fastest of this machine if absent",
    )  # fmt: skip
    group.add_argument(
        "--models", action=_ListModels, nargs=0, help="list the known models, and end"
    )


def _add_caption(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--caption", metavar="TEXT", default="", help="use this caption instead of the model's"
    )
    for name, value, says in (
        ("beams", DEFAULT_CAPTIONING.beams, "captions followed at a time; 1 is quickest"),
        ("fewest", DEFAULT_CAPTIONING.fewest, "tokens of the caption at least"),
        ("most", DEFAULT_CAPTIONING.most, "tokens of the caption at most"),
        ("no-repeat", DEFAULT_CAPTIONING.no_repeat, "no run of so many tokens twice; 0 lets it"),
    ):
        group.add_argument(
            f"--caption-{name}", metavar="N", type=int, default=value, help=f"{says} ({value})"
        )


def _add_phrases(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--vocabulary", metavar="DIR", help="a folder of .txt or .csv lists in place of ours"
    )
    group.add_argument(
        "--add-vocabulary", metavar="DIR", help="a folder of .txt or .csv lists beside ours"
    )
    group.add_argument(
        "--name-artists", metavar="WHICH", default="all",
        help="all (default), public-domain, no-living or none",
    )  # fmt: skip
    group.add_argument(
        "--ban", metavar="TEXT", action="append", default=[],
        help='leave out phrases with these words; \'"in quotes"\' a whole phrase; category:NAME or '
        "group:NAME all of it; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--no-safety-list", action="store_true",
        help="do not leave out sexual words, slurs, extremism and living celebrities",
    )  # fmt: skip


def _add_prompt(group: argparse._ArgumentGroup) -> None:
    for name, says in (
        ("pin", "a phrase that must stand in the prompt"), ("drop", "a phrase that must not")
    ):  # fmt: skip
        group.add_argument(
            f"--{name}", metavar="PHRASE", action="append", default=[],
            help=f"{says}; may be repeated",
        )  # fmt: skip
    group.add_argument(
        "--artists", metavar="N", type=int, default=1, help="artists named at most (1)"
    )
    group.add_argument(
        "--phrases", metavar="LEAST-MOST", default="0-32", help="how many phrases (0-32)"
    )
    group.add_argument(
        "--seconds", metavar="N", type=float,
        help="end the search after so long; no limit if absent",
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Interrogate the pictures named on the command line.

    Returns:
        0; 1 if a picture could not be read (the others are done); 2 if nothing could be begun.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger().setLevel(logging.ERROR)  # open_clip reports through the root logger
    from interrogator.errors import InterrogatorError
    from interrogator.models.choice import active_notice, choose_names
    from interrogator.models.files import default_names
    from interrogator.networks.runtime import choose_runtime
    from interrogator.service import Service
    from interrogator.vocabulary.policy import default_policy

    try:
        settings = _settings(options)
        preset = options.preset
        if not (preset or (options.clip and options.caption_model)):
            names, reason = default_names()
            preset = names.preset
            print(active_notice(names, reason), file=sys.stderr)
        names = choose_names(preset, options.caption_model, options.clip)
        policy = default_policy(
            options.name_artists, options.ban, safety=False if options.no_safety_list else None
        )
        interrogator, seconds = Service(choose_runtime(options.dtype)).prepare(
            names,
            _lists(options.vocabulary),
            _report,
            own=_lists(options.add_vocabulary),
            policy=policy,
            judge=options.judge,
        )
    except InterrogatorError as error:
        print(error, file=sys.stderr)
        return 2

    failed = False
    for path in options.pictures:
        line = _line(interrogator, path, settings, seconds)
        if "error" in line:
            failed = True
        else:
            seconds = {}  # loading counts for the first picture alone
        _print(line, options.json)
    return 1 if failed else 0


def _lists(folder: str | None) -> Any:  # noqa: ANN401
    """Read a folder of somebody's lists, and tell what was cleaned."""
    if folder is None:
        return None
    from interrogator.vocabulary.lists import read_lists

    lists = read_lists(folder)
    print(f"{folder}: {lists.summary()}.", file=sys.stderr)
    return lists.vocabulary


def _settings(options: argparse.Namespace) -> Any:  # noqa: ANN401
    from interrogator.errors import InterrogatorError
    from interrogator.pipeline import Settings
    from interrogator.prompts.rules import Rules
    from interrogator.vocabulary.selection import is_plain

    fewest, _, most = options.phrases.partition("-")
    if not (fewest.isdecimal() and most.isdecimal()):
        raise InterrogatorError(f"--phrases is LEAST-MOST, as in 4-16, not {options.phrases!r}.")
    rules = Rules(
        int(fewest), int(most), options.artists, tuple(options.pin), tuple(options.drop),
        tuple(filter(is_plain, options.ban)),
    )  # fmt: skip
    how = Captioning(
        options.caption_beams, options.caption_fewest, options.caption_most,
        options.caption_no_repeat,
    )  # fmt: skip
    return Settings(
        options.mode, options.caption, rules, options.with_negative, options.seconds, how
    )


def _line(interrogator: Any, path: str, settings: Any, seconds: dict) -> dict:  # noqa: ANN401
    from interrogator.errors import InterrogatorError
    from interrogator.images import decode

    try:
        picture = decode.read(path)
        done = interrogator.run(picture, settings, seconds)
    except InterrogatorError as error:
        return {"path": path, "error": str(error)}
    return {"path": path, **done.to_json()}


def _print(line: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(line, ensure_ascii=False), flush=True)
    elif "error" in line:
        print(f"{line['path']}: {line['error']}", file=sys.stderr)
    else:
        print(f"{line['path']}: {line['prompt']}", flush=True)
        if line["negative_prompt"] not in (None, line["prompt"]):
            print(f"{line['path']}: negative: {line['negative_prompt']}", flush=True)


def _report(text: str, share: float | None) -> None:
    done = "" if share is None else f" {share:.0%}"
    end = "\r" if os.isatty(2) and share not in (None, 1.0) else "\n"
    if os.isatty(2) or share in (None, 1.0):
        print(text + done, file=sys.stderr, end=end, flush=True)
