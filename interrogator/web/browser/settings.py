"""What a visitor has set: whether the result is of it, what is remembered, and one tick for it.

What the functions of JavaScript do is in `assets/settings.js`.
"""

from __future__ import annotations

import json
from typing import Any

from gradio.events import Dependency

from interrogator.options import options_of
from interrogator.web.components import QUIET, Components

SETTINGS = ("target", *options_of("page"))  # by name, all that a visitor can set


def with_names(function: str) -> str:
    """Return a function of JavaScript that hands on what is set, with the names before."""
    return f"(...values) => workbench.{function}({json.dumps(SETTINGS)}, ...values)"


def set_by_visitor(components: Components) -> list[Any]:
    """Return the components of what a visitor can set."""
    return [components[name] for name in SETTINGS]


def tick_no_artists(components: Components) -> Dependency:
    """Have the tick “No artists” set the option of which artists may be named, and follow it."""
    naming, none = components["name_artists"], components["no_artists"]
    usual = json.dumps(options_of("page")["name_artists"].default)
    set_naming = f"(none, chosen) => workbench.nameArtists(none, chosen, {usual})"
    naming.input(None, naming, none, js='(chosen) => chosen === "none"', **QUIET)
    return none.input(None, [none, naming], naming, js=set_naming, **QUIET)


def follow_settings(components: Components, ticked: Dependency) -> None:
    """Say when the result is not of what is set now, and remember that: in the browser."""
    changes = [*(component.change for component in set_by_visitor(components)), ticked.then]
    for change in changes:
        change(None, set_by_visitor(components), None, js=with_names("settingsNow"), **QUIET)
    options = options_of("page")
    known = {
        "mode": list(options["mode"].choices), "with_negative": [True, False],
        "name_artists": list(options["name_artists"].choices),
        "target": [value for _, value in components["target"].choices],
    }  # fmt: skip
    recalled = [components[name] for name in (*known, "no_artists")]
    recall = f"() => workbench.recalled({json.dumps(known)})"
    components["phrases"].recall(None, None, recalled, js=recall, **QUIET)
