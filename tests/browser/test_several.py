"""Several pictures on the page: one prompt for all, and what does not fit which."""

import re
from threading import Event

import pytest

from interrogator.models.registry import ASSETS
from interrogator.web.several import work
from tests.browser.test_workbench import CAT, CITY, bring, prompt_of, violations

pytestmark = pytest.mark.slow
FRUIT, MOON = (ASSETS / "examples" / f"{n}.jpg" for n in ("fruit-cubism", "moon-expressionism"))
HOSTILE = "<img src=x onerror=alert(1)>.jpg"
REPORT = "#several-report"


def offer(page, files):
    page.set_input_files("#several-pictures input[type=file]", files)
    page.wait_for_function(
        "n => document.querySelectorAll('#several-pictures tr.file').length === n", arg=len(files)
    )


def press(page, files):
    offer(page, files)
    page.click("#several-start")
    page.wait_for_selector(f"{REPORT} .status:is(.done, .error)", timeout=60_000)


def numbers(page):
    return [float(text) for text in page.locator(f"{REPORT} .each b").all_inner_texts()]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (375, "dark")])
def test_one_prompt_for_all_with_the_similarity_of_each(visit, width, theme):
    page = visit(width, 900, theme)
    page.get_by_role("button", name="Several pictures").click()
    press(page, [FRUIT, MOON])
    assert page.input_value("#several-prompt textarea") == "oil painting"
    assert len(numbers(page)) == 2
    assert re.search(r"One prompt for 2 pictures\. Similarity .* 0\.\d{3}, \d+ of 77 tokens",
        page.inner_text(REPORT))  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.click("#several-pictures button[aria-label='Clear']")
    page.wait_for_selector(f"{REPORT} .status", state="detached")
    bring(page, CAT)  # the picture above has a prompt of its own
    assert "cat" in prompt_of(page)
    assert page.locator("#phrases .kept").count() == 0


@pytest.fixture
def gate(monkeypatch):
    """A gate behind the first prompt of a search; closed, it holds it."""
    opened, steps = Event(), work.shared_steps

    def held(*values, **named):
        for state in steps(*values, **named):
            yield state
            if not state.found.finished:
                assert opened.wait(60)

    monkeypatch.setattr(work, "shared_steps", held)
    yield opened
    opened.set()


def test_stop_keeps_the_best_so_far_and_says_so(visit, gate):
    page = visit()
    page.get_by_role("button", name="Several pictures").click()
    page.wait_for_selector("#several-stop")
    assert page.is_disabled("#several-stop")
    offer(page, [FRUIT, MOON])
    page.click("#several-start")
    page.wait_for_selector(f"{REPORT} .searching")
    assert page.is_disabled("#several-start")
    best = page.input_value("#several-prompt textarea")
    assert best
    page.click("#several-stop")
    page.wait_for_selector(f"{REPORT} .status.done >> text=Stopped: this is the best so far.")
    assert re.search(r"Similarity with their mean 0\.\d{3}\.", page.inner_text(REPORT))
    assert page.is_disabled("#several-stop")
    gate.set()
    page.click("#several-start")  # what was stopped is not in its way
    page.wait_for_selector(f"{REPORT} .each")
    assert page.is_disabled("#several-stop")
    assert page.is_enabled("#several-start")
    assert page.input_value("#several-prompt textarea") == "oil painting"


def test_stop_while_it_waits_says_that_there_is_no_prompt(visit, gate):
    one, two = visit(), visit()
    for page in (one, two):
        page.get_by_role("button", name="Several pictures").click()
        offer(page, [FRUIT, MOON])
    one.click("#several-start")
    one.wait_for_selector(f"{REPORT} .searching")
    joined = []

    def waits(response):
        """The first is about the models, the second waits for its turn."""
        joined.extend(["queue/join"] * ("queue/join" in response.url))
        return len(joined) == 2

    with two.expect_response(waits):
        two.click("#several-start")
    two.click("#several-stop")
    two.wait_for_selector(f"{REPORT} .status >> text=Stopped before there was a prompt.")
    assert two.is_disabled("#several-stop")
    gate.set()
    one.wait_for_selector(f"{REPORT} .each")
    assert two.inner_text(f"{REPORT} .status") == "Stopped before there was a prompt."


def test_broken_pictures_are_told_by_name_and_the_others_go_on(visit):
    page = visit()
    page.get_by_role("button", name="Several pictures").click()
    picture = {"mimeType": "image/jpeg", "buffer": CITY.read_bytes()}
    broken = {"mimeType": "image/jpeg", "buffer": b"no picture"}
    names = [HOSTILE, "two.jpg", "three.jpg"]
    files = [{"name": f"{i}.jpg", **picture} for i in range(9)]
    press(page, [*({"name": name, **broken} for name in names), *files])
    assert len(numbers(page)) == 9
    assert page.locator(f"{REPORT} .told b").all_inner_texts() == names
    assert page.locator("img[src=x]").count() == 0
    page.click("#several-pictures button[aria-label='Clear']")
    press(page, [{"name": f"{i}.jpg", **picture} for i in range(13)])
    assert page.inner_text(f"{REPORT} .status") == "13 files are too many: choose up to 12."
    page.click("#several-pictures button[aria-label='Clear']")
    press(page, files[:2])
    assert len(numbers(page)) == 2
