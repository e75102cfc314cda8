"""Requests with values at limits, beyond them and of other types: none may cost over its price.

`python benchmarks/hostile_requests.py --requests N [--seed S] [--json]` draws requests from the
table of options, runs each through the API's handlers with the embedded models, and prints how
many were answered or refused with which sentence, the longest, and how far memory rose. One that
raises anything but a sentence, or holds the queue longer than is allowed, fails; exit status 1.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from interrogator.errors import InterrogatorError
from interrogator.models.registry import ASSETS
from interrogator.options import options_of

CAT = ASSETS / "examples" / "cat-pop-art.jpg"

TEXTS = (
    "", " ", "\0", "\u200b", "\u202egnp.cat", "\ud800", "a \udfff cat", "fog", "Ünïcödé 漢字 🐈",
    "a" + "\u0301" * 300, "x" * 2000, "x" * 2001, "word " * 400, "a," * 1000, "😀" * 500,
    "<script>alert(1)</script>", "{0.__class__}", "__import__('os')", "../../etc/passwd", "%s%n",
    "(fog:1.2)", "\x1b[31m", "مرحبا", "ＦＵＬＬ", "category:artists", '"fog', "group:", "nan", "-0",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 0.5, 1e-300, 1e300, 64, 65, 200, 201, 10, 11, 10**400, float("nan"),
    float("inf"), -float("inf"), "7", "1e999", "٣", True, None, [], {}, "9" * 5000,
)  # fmt: skip
ODD: tuple[Any, ...] = (None, True, 0, 3.5, [], {}, [1], [None], {"a": 1}, b"fog")


def _many(rng: random.Random) -> list[str]:
    count = rng.choice((1, 2, 64, 65, 1000, 1001))
    return [f"{rng.choice(TEXTS[7:20])} {n}" for n in range(count)]


def _lines(rng: random.Random) -> str:
    """Return lists of one's own, from none to more than are read."""
    line = rng.choice(("fog {}", "{} ((((", "{} 漢字 " * 20, "{}" + " ,.!" * 40, "x" * 190 + "{}"))
    return "\n".join(
        line.replace("{}", str(n))
        for n in range(rng.choice((0, 1, 50, 400, 2001) if rng.random() < 0.3 else (0, 1, 20)))
    )


def hostile_values(rng: random.Random) -> dict[str, Any]:
    """Return values for some options of the API, most of them odd; a demo model is asked for."""
    options = options_of("api")
    values: dict[str, Any] = {"preset": "demo"}
    for name in rng.sample(sorted(options), rng.randint(1, 4)):
        option = options[name]
        numeric = option.kind in ("whole", "share", "seconds")
        usual: tuple[Any, ...] = NUMBERS if numeric else TEXTS
        if option.choices and rng.random() < 0.7:
            usual = tuple(option.choices)
        if name in ("preset", "clip", "caption_model", "judge"):  # others would be downloaded
            usual = ("demo", "", "no such", "\ud800", "x" * 300)
        if name == "own_words" and rng.random() < 0.8:
            usual = (_lines(rng),)
        if option.kind in ("phrases", "bans") and rng.random() < 0.5:
            usual = (_many(rng),)
        if option.kind == "files":
            usual = (["/no/such.txt"], ["\0"], ["/"], ["/dev/zero"], ["x.txt"] * 1000)
        if numeric and option.most and rng.random() < 0.5:
            usual = (option.least, option.most, option.most + 1, option.least - 1)
        values[name] = rng.choice(ODD) if rng.random() < 0.1 else rng.choice(usual)
    return values


def main(arguments: list[str] | None = None) -> int:
    """Run hostile requests and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    options = parser.parse_args(arguments)
    from interrogator.serving.price import HOLD_SECONDS
    from interrogator.serving.service import Service
    from interrogator.web.handlers import Handlers

    handlers, rng, process = Handlers(Service()), random.Random(options.seed), psutil.Process()
    handlers.interrogate(str(CAT), {"preset": "demo"})
    before = process.memory_info().rss
    said: Counter[str] = Counter()
    failures, longest = [], (0.0, "")
    for _ in range(options.requests):
        values = hostile_values(rng)
        started, shown = time.perf_counter(), ascii(values)[:200]
        try:
            json.dumps(handlers.interrogate(str(CAT), values), ensure_ascii=False).encode()
            said["answered"] += 1
        except InterrogatorError as error:
            said[re.sub(r"'.*?'|\".*?\"|[\d,.]+\b|“.*?”", "…", str(error))[:90]] += 1
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}: {shown}")
        longest = max(longest, (time.perf_counter() - started, shown))
    failures += [f"{longest[0]:.0f} s: {longest[1]}"] * (longest[0] > HOLD_SECONDS)
    rise = process.memory_info().rss - before
    print(f"{options.requests:,} requests, {len(failures)} failures\n")
    print("\n".join(f"{count:8,}  {text}" for text, count in said.most_common(30)))
    print(f"\nthe longest took {longest[0]:.2f} s: {longest[1]}\nmemory rose {rise / 1e6:.0f} MB")
    print("\n".join(failures), file=sys.stderr)
    if options.json:
        print(json.dumps({
            "requests": options.requests, "answered": said["answered"], "failures": failures,
            "longest_seconds": longest[0], "limit_seconds": HOLD_SECONDS, "rise_mb": rise / 1e6,
        }))  # fmt: skip
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
