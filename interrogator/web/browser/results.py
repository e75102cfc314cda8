"""What was found: written for another model, named in another language, kept and put back.

What the functions of JavaScript do is in `assets/workbench.js`, `history.js` and `languages.js`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import gradio as gr
from gradio.events import Dependency

from interrogator.web.components import QUIET, Components


def rewrite(components: Components, runs: Iterable[Dependency]) -> None:
    """Write the prompt for another model: in the browser, which has all its forms."""
    target, phrases = components["target"], components["phrases"]
    shown = [components["prompt"], components["negative"]]
    target.input(None, target, shown, js="(target) => workbench.written(target)", **QUIET)
    for run in runs:  # whatever was chosen while it went on
        run.then(None, target, shown, js="(target) => workbench.rewritten(target)", **QUIET)
    # A menu's chosen label stands in a field: it is translated as a value.
    labels = f"() => workbench.relabelled({json.dumps(target.choices)})"
    phrases.relabel(None, None, target, js=labels, **QUIET)


def remember(components: Components, emptied: tuple[str, ...]) -> None:
    """Keep what was found, show it and put it back.

    Args:
        components: The tab's.
        emptied: What a result that is put back takes the place of, by name.
    """
    # The secret only has to be the same after a restart: what it hides never leaves the browser.
    history = gr.BrowserState([], storage_key="workbench-history", secret="workbench-history")
    phrases = components["phrases"]
    shown = ("picture", *emptied, "pinned", "dropped", "caption", "target")
    phrases.remember(None, history, history, js="(kept) => [workbench.kept(kept)]", **QUIET)
    history.change(None, history, None, js="(kept) => window.workbench?.show(kept)", **QUIET)
    phrases.restore(
        None, None, [components[name] for name in shown], js="() => workbench.restored()", **QUIET
    )
