"""The race on the command line: `python -m matmul_demo`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matmul_demo.errors import RaceError
from matmul_demo.lanes.ladder import KEYS
from matmul_demo.options import Settings, default_settings, options

if TYPE_CHECKING:
    from matmul_demo.racing.report import RaceReport

STOPPED = 130  # exit status after Ctrl-C, as shells have it


def make_parser(table: type[Settings] = Settings) -> argparse.ArgumentParser:
    """The flags of the command, one for each option; values stay text and `Settings` reads them."""
    parser = argparse.ArgumentParser(
        prog="python -m matmul_demo",
        description="Multiply two matrices in many ways and time each, beside the machine's limit.",
        epilog=f"Lanes: {', '.join(KEYS)}.",
    )
    defaults = default_settings("command", table)
    for option in options(table):
        default = getattr(defaults, option.name)
        default = f"{default:g}" if isinstance(default, float) else default
        choices = "{" + ",".join(option.choices) + "}"
        parser.add_argument(
            option.flag, dest=option.name, default=argparse.SUPPRESS,
            metavar=option.metavar or choices,
            help=option.help + ("" if default is None else f" (default {default})"),
        )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


def main(argv: Sequence[str] | None = None, table: type[Settings] = Settings) -> int:
    """Race, log on stderr, print the table on stdout; returns the exit status."""
    values = vars(make_parser(table).parse_args(argv))
    with_json = values.pop("json")
    try:
        report = _run(table(**values))
        from matmul_demo.text import text_table

        print(text_table(report))
    except RaceError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED
    if with_json:
        print(json.dumps(report.to_json(), allow_nan=False))
    return 0


def _run(settings: Settings) -> RaceReport:
    """Race to the end, with a line on stderr whenever something begins."""
    from matmul_demo.racing.race import make_race  # heavy, so after the options were checked

    start = time.monotonic()
    race = make_race(settings)
    report = race.report
    for report in race.run():
        event = report.running or (report.phase if report.phase != "racing" else None)
        if event:
            print(f"{time.monotonic() - start:6.1f} s  {event}", file=sys.stderr)
    return report
