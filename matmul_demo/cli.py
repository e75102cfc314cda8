"""The race on the command line: `python -m matmul_demo`."""

from __future__ import annotations

import argparse
import json
import sys
import time

from matmul_demo import text, workloads
from matmul_demo.errors import RaceError
from matmul_demo.lanes import ladder as strategies
from matmul_demo.racing import race
from matmul_demo.racing.report import RaceReport


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    lanes = ", ".join(lane.key for lane in strategies.LADDER)
    command = argparse.ArgumentParser(
        prog="python -m matmul_demo",
        description="Multiply two matrices in many ways and time each, beside the machine's limit.",
        epilog=f"Lanes: {lanes}.",
    )
    command.add_argument(
        "--shape", default=workloads.LESSON_BATCH, metavar="ROWSxINNERxCOLUMNS",
        help=f"sizes of the product (default {workloads.LESSON_BATCH}; "
        f"the lesson's other one is {workloads.LESSON_FULL})",
    )  # fmt: skip
    command.add_argument("--dtype", default="float32", help="float32 (default) or float64")
    command.add_argument("--device", default="cpu", help="cpu (default), or cuda to add the GPU")
    command.add_argument("--threads", type=int, help="size of every thread pool (default: all)")
    command.add_argument("--only", metavar="a,b", help="these lanes only (default: all)")
    command.add_argument(
        "--budget", type=float, default=race.DEFAULT_BUDGET, metavar="SECONDS",
        help=f"for the whole race, about (default {race.DEFAULT_BUDGET:g})",
    )  # fmt: skip
    command.add_argument("--cache", default="warm", help="warm (default), or cold to empty it")
    command.add_argument(
        "--data", default="auto",
        help="normal numbers, digits (inner size 784), or auto (default): digits if they fit",
    )  # fmt: skip
    command.add_argument("--baseline", metavar="LANE", help="speed-ups over it (default: first)")
    command.add_argument("--json", action="store_true", help="end with one line of JSON")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Race, log on stderr, print the table on stdout; returns the exit status."""
    options = parser().parse_args(arguments)
    only = [key.strip() for key in options.only.split(",")] if options.only is not None else None
    try:
        contest = race.make_race(
            options.shape, only, options.dtype, options.device, options.threads, options.budget,
            options.cache, options.baseline, options.data,
        )  # fmt: skip
        report = _run(contest)
    except RaceError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    print(text.text_table(report))
    if options.json:
        print(json.dumps(report.to_json(), allow_nan=False))
    return 0


def _run(contest: race.Race) -> RaceReport:
    """Race to the end, with a line on stderr whenever something begins."""
    start = time.monotonic()
    report = contest.snapshot("waiting")
    for report in contest.run():
        lane = report.running or (report.phase if report.phase != "racing" else None)
        if lane:
            print(f"{time.monotonic() - start:6.1f} s  {lane}", file=sys.stderr)
    return report
