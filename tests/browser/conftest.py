"""Fixtures of the tests that drive the page."""

from threading import Event

import pytest

from interrogator.pipeline import Interrogator


@pytest.fixture
def visit(chromium, app_url):
    """Open the page as a new visitor; no script may fail on it."""
    contexts, errors = [], []

    def visit(width=1280, height=900, theme="light", locale="en-US"):
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, locale=locale)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        page.goto(f"{app_url}/?__theme={theme}")
        page.wait_for_selector("#active-models b")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def gate(monkeypatch):
    """A gate before whatever follows the first prompt of a search; closed, it holds it."""
    opened, steps = Event(), Interrogator.steps
    opened.set()

    def held(self, *values, **named):
        for state in steps(self, *values, **named):
            yield state
            if state.prompt and not state.finished:
                assert opened.wait(60)

    monkeypatch.setattr(Interrogator, "steps", held)
    yield opened
    opened.set()
