"""How long does a visitor wait, and how much of it is the page's? Timed in headless Chromium.

The app is started on a free port with the embedded models. What a step takes is read off the
browser's own clock, from the event of the visitor's hand to the first frame that shows what came of
it; the same work is then timed without a page. Every round has a picture that nobody saw before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Page, sync_playwright

import interrogator
from benchmarks.load import pictures, served
from interrogator.images import decode
from interrogator.insight.heatmap import heat_map
from interrogator.settings import Settings
from interrogator.web.handlers import MAP_SIDE

WORDS, WHOLE = "first words after the upload", "the whole prompt, fast"
CHANGE, TYPING, HEAT = "a phrase left out", "typing → score", "a heat map"
LIMITS = {WORDS: 1.0, CHANGE: 1.0, TYPING: 0.3, HEAT: 2.0}  # seconds, as promised
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MOST_OVER = 0.2  # seconds that a step of the page may take beside the work below it
PATIENCE = 60_000  # milliseconds, after which a step has failed
DONE = "document.querySelector('#status .status.done:not([data-old])')"
TYPED = "a picture, oil painting, vibrant colors"
# Watch for what a step shows, from the first such event on; the promise has milliseconds by name.
WATCH = """([kind, within, ends]) => {
  let since = null;
  const begin = (event) => { if (event.target.closest?.(within)) since ??= performance.now() };
  document.addEventListener(kind, begin, true);
  document.querySelector("#status .status")?.setAttribute("data-old", "");
  const left = Object.entries(ends).map(([name, code]) => [name, new Function(`return ${code}`)]);
  window.watched = new Promise((finish) => {
    const found = {};
    const look = () => {
      for (const [name, ended] of left)
        if (since !== null && !(name in found) && ended()) found[name] = performance.now() - since;
      if (Object.keys(found).length < left.length) return requestAnimationFrame(look);
      document.removeEventListener(kind, begin, true);
      finish(found);
    };
    look();
  });
}"""


def timed(
    page: Page, event: tuple[str, str], act: Callable[[], object], ends: dict[str, str]
) -> dict[str, float]:
    """Return the seconds from an event, kind and selector, to each end, an expression."""
    page.evaluate(WATCH, [*event, ends])
    act()
    milliseconds: dict[str, float] = page.evaluate("window.watched")
    return {name: value / 1000 for name, value in milliseconds.items()}


def visit(page: Page, data: bytes) -> dict[str, float]:
    """Return the seconds of every step with one picture."""
    if page.locator("#picture img").count():
        page.hover("#picture img")
        page.click("#picture [aria-label='Remove Image'], #picture [title='Remove Image']")
        page.wait_for_function("document.querySelector('#prompt textarea').value === ''")
    file: Any = {"name": "picture.png", "mimeType": "image/png", "buffer": data}
    seconds = timed(
        page, ("change", "#picture"),
        lambda: page.set_input_files("#picture input[type=file]", file),
        {WORDS: "document.querySelector('#caption input').value", WHOLE: DONE},
    )  # fmt: skip
    menu = ("click", ".phrase-menu")
    page.click("#phrases button[data-phrase]")
    seconds |= timed(
        page, menu, page.get_by_role("menuitem", name="Leave it out").click, {CHANGE: DONE}
    )
    seconds |= timed(
        page, ("input", "#prompt"), lambda: page.fill("#prompt textarea", TYPED), {TYPING: DONE}
    )
    page.click("#phrases button[data-phrase]")
    seen = "[...document.querySelectorAll('#where img')].some(i => i.complete && i.naturalWidth)"
    return seconds | timed(
        page, menu, page.get_by_role("menuitem", name="Where is it?").click, {HEAT: seen}
    )


def on_the_page(url: str, files: list[bytes]) -> list[dict[str, float]]:
    """Return the seconds of every step with each picture; the first has the models loaded."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("There is no chromium on the PATH: install it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.wait_for_selector("#active-models b")
        found = [visit(page, data) for data in files]
        browser.close()
    return found


def below(files: list[bytes]) -> list[dict[str, float]]:
    """Return the seconds of the same work without a page."""
    ready = interrogator.load("demo")
    pipeline, _ = ready.service.prepare(ready.request)
    return [_work(pipeline, data) for data in files]


def _work(pipeline: Any, data: bytes) -> dict[str, float]:  # noqa: ANN401
    seconds, start = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal start
        seconds[name] = time.perf_counter() - start
        start = time.perf_counter()

    picture = decode.read(data)
    states = pipeline.steps(picture)
    next(states)  # the caption
    seconds[WORDS] = time.perf_counter() - start
    *_, done = states
    lap(WHOLE)
    settings = Settings()
    rules = replace(settings.rules, dropped=(done.phrases[0].text,) if done.phrases else ())
    pipeline.run(decode.read(data), replace(settings, rules=rules), features=done.features)
    lap(CHANGE)
    pipeline.score(decode.read(data), TYPED, done.features)
    lap(TYPING)
    small = decode.read(data)
    small.thumbnail((MAP_SIDE, MAP_SIDE))
    heat_map(small, TYPED.partition(",")[0], pipeline.models.clip)
    lap(HEAT)
    return seconds


def main() -> None:
    """Print the table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    files = pictures(options.rounds + 1)
    with served(None) as (url, _):
        first, *page = on_the_page(url, files)
    _, *alone = below(files)
    print(f"{options.rounds} pictures, median and worst; the first visitor's words after "
          f"{first[WORDS]:.2f} s\n")  # fmt: skip
    print("| step | page | worst | promised | work below | page's own |\n" + "|---" * 6 + "|")
    rows = []
    for step in alone[0]:
        times = [one[step] for one in page]
        seconds, work = statistics.median(times), statistics.median(one[step] for one in alone)
        over, limit = seconds - work, LIMITS.get(step)
        promised = f"≤ {limit:g} s" if limit else ""
        rows.append({
            "step": step, "seconds": seconds, "worst": max(times), "limit": limit, "work": work,
            "over": over,
        })  # fmt: skip
        print(
            f"| {step} | {seconds:.2f} s | {max(times):.2f} s | {promised} | {work:.3f} s | "
            f"{over:.2f} s |"
        )
    told = {"rounds": options.rounds, "first_words_cold": first[WORDS], "most_over": MOST_OVER}
    print(json.dumps({**told, "steps": rows}))


if __name__ == "__main__":
    main()
