"""`python -m interrogator PICTURE…`: a prompt per picture, as text or one JSON object a line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from typing import Any


def _parser() -> argparse.ArgumentParser:
    # What needs torch is imported in main: --help answers at once.
    parser = argparse.ArgumentParser(
        prog="python -m interrogator", description="Write the prompt that a picture calls for."
    )
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help="a file")
    parser.add_argument("--mode", default="fast", help="fast (default) or classic")
    parser.add_argument(
        "--preset", help="quality, light or demo; the best that can be had if absent"
    )
    parser.add_argument(
        "--clip", metavar="NAME", help="ARCHITECTURE/TAG, hf-hub:ORG/REPO or local-dir:PATH"
    )
    parser.add_argument("--caption-model", metavar="NAME", help="a BLIP repository or folder")
    parser.add_argument(
        "--vocabulary", metavar="DIR", help="a folder of .txt or .csv lists in place of ours"
    )
    parser.add_argument("--caption", metavar="TEXT", help="use this caption instead of BLIP's")
    parser.add_argument("--json", action="store_true", help="one JSON object per line on stdout")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Interrogate the pictures named on the command line.

    Returns:
        0; 1 if a picture could not be read (the others are done); 2 if nothing could be begun.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger().setLevel(logging.ERROR)  # open_clip reports through the root logger
    from interrogator.catalogue import active_notice, choose_names, default_names
    from interrogator.errors import InterrogatorError
    from interrogator.pipeline import check_mode
    from interrogator.workshop import Workshop

    try:
        check_mode(options.mode)
        if options.preset or options.clip or options.caption_model:
            names = choose_names(options.preset, options.caption_model, options.clip)
        else:
            names, reason = default_names()
            print(active_notice(names, reason), file=sys.stderr)
        interrogator, seconds = Workshop().prepare(names, options.vocabulary, _report)
    except InterrogatorError as error:
        print(error, file=sys.stderr)
        return 2

    failed = False
    for path in options.pictures:
        line = _line(interrogator, path, options, seconds)
        if "error" in line:
            failed = True
        else:
            seconds = {}  # loading counts for the first picture alone
        _print(line, options.json)
    return 1 if failed else 0


def _line(interrogator: Any, path: str, options: argparse.Namespace, seconds: dict) -> dict:  # noqa: ANN401
    from interrogator import images
    from interrogator.errors import InterrogatorError

    try:
        picture = images.read(path)
        done = interrogator.run(picture, options.mode, options.caption, seconds)
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


def _report(text: str, share: float | None) -> None:
    done = "" if share is None else f" {share:.0%}"
    end = "\r" if os.isatty(2) and share not in (None, 1.0) else "\n"
    if os.isatty(2) or share in (None, 1.0):
        print(text + done, file=sys.stderr, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
