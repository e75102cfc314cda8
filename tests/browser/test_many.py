"""Many pictures on the page: brought as files or a zip, edited in bulk, taken home as texts."""

import io
import json
import zipfile
from threading import Event

import pytest

from interrogator.models.registry import ASSETS
from interrogator.web.handlers import Handlers
from interrogator.web.many import work
from server.turns import Turns
from tests.browser.test_workbench import CAT, bring, prompt_of, violations

pytestmark = pytest.mark.slow
EXAMPLES = sorted((ASSETS / "examples").glob("*.jpg"))
ROWS = ".many-table tbody tr"
LINE = "#many-status .status"


def pictures(count=30, start=0):
    """Different files: bytes behind a picture's end do not change it."""
    return [
        (f"p{i:02}.jpg", EXAMPLES[i % len(EXAMPLES)].read_bytes() + bytes([i]))
        for i in range(start, start + count)
    ]


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return [("mine.zip", packed.getvalue())]


def offer(page, files, rows):
    page.get_by_role("button", name="Many pictures").click()
    page.set_input_files(
        "#many-pictures input[type=file]",
        [{"name": name, "mimeType": "", "buffer": data} for name, data in files],
    )
    page.wait_for_function(
        "n => document.querySelectorAll('.many-table tbody tr').length === n", arg=rows
    )


def write(page):
    page.click("#many-start")
    finish(page)


def finish(page):
    page.wait_for_selector(f"{LINE}.done >> text=have a prompt", timeout=120_000)


def edit(page, action, words, expected, other=None):
    page.click("#many-action input")
    page.get_by_role("option", name=action).click()
    page.wait_for_selector("#many-other", state="hidden" if other is None else "visible")
    page.fill("#many-words textarea", words)
    if other is not None:
        page.fill("#many-other textarea", other)
    page.click("#many-edit")
    page.wait_for_selector(f"{LINE} >> text={expected}")


def prompts(page):
    """What stands in the table: name → prompt."""
    cells = "r => [r.querySelector('.name').textContent, r.querySelector('textarea').value]"
    return dict(page.eval_on_selector_all(ROWS, f"rows => rows.map({cells})"))


def take(page):
    with page.expect_download() as download:
        page.click("#many-take")
    with zipfile.ZipFile(download.value.path()) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize(("width", "theme", "pack"), [(1280, "light", list), (375, "dark", zipped)])
def test_thirty_are_written_edited_in_bulk_and_taken_home(visit, width, theme, pack):
    page = visit(width, 900, theme)
    broken = "<img src=x onerror=alert(1)>.jpg"
    offer(page, pack([*pictures(), (broken, b"no picture")]), 31)
    assert page.locator(".many-table img").count() == 30
    write(page)
    assert page.inner_text(LINE) == "30 of 31 pictures have a prompt."
    assert "not a picture" in page.locator(ROWS).last.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    before = prompts(page)
    assert "pop art" in before["p03.jpg"]
    page.focus(f"{ROWS}:nth-child(1) input")
    page.keyboard.press("Space")  # selects
    page.keyboard.press("Tab")
    page.keyboard.press("Control+End")
    page.keyboard.type(", by hand")
    page.keyboard.press("Tab")
    page.wait_for_selector(f"{LINE} >> text=Edited by hand. Rows changed: 1 of 31.")
    edit(page, "Add a phrase", "only this", "Added “only this”. Rows changed: 1 of 1.")
    page.uncheck(f"{ROWS}:nth-child(1) input")
    edit(page, "Find and replace", "AN OIL PAINTING", "with “a picture”. Rows changed", "a picture")
    edit(page, "Remove a phrase", "pop art", "Removed “pop art”. Rows changed")
    edit(page, "Trigger word in front", "sks", "Put “sks” in front. Rows changed: 30 of 30.")
    now = prompts(page)
    assert now["p00.jpg"].endswith(", by hand, only this")
    assert now["p03.jpg"] == "sks, " + before["p03.jpg"].replace(", pop art", "")
    assert now["p02.jpg"].startswith("sks, a picture of")
    home = take(page)
    lines = [json.loads(line) for line in home.pop("prompts.jsonl").splitlines()]
    del now[broken]
    assert home == {name.replace(".jpg", ".txt"): f"{text}\n" for name, text in now.items()}
    assert {line["path"]: line["prompt"] for line in lines[:30]} == now
    assert (lines[30]["path"], lines[30]["prompt"]) == (broken, None)
    assert "not a picture" in lines[30]["error"]


def can_press(page):
    """The buttons that can be pressed, and that which has the look of the next step."""
    names = ("start", "stop", "take")
    chosen = page.locator("#many :is(#many-start, #many-take).primary").all()
    return (
        [name for name in names if page.is_enabled(f"#many-{name}")],
        [button.get_attribute("id").removeprefix("many-") for button in chosen],
    )


def states(page):
    return page.locator(f"{ROWS} td.state").all_inner_texts()


def test_line_rows_and_buttons_say_the_same_at_every_moment(visit, gate):
    opened, _ = gate
    one, two = visit(), visit()
    offer(one, pictures(8), 8)
    assert can_press(one) == (["start"], ["start"])
    one.click("#many-start")
    one.wait_for_selector(f"{LINE} >> text=4 of 8 written")
    one.wait_for_selector(f"{ROWS} >> text=in work")
    assert states(one) == ["done"] * 4 + ["in work"] * 4
    assert can_press(one) == (["stop", "take"], ["start"])
    offer(two, pictures(2), 2)
    with two.expect_request("**/queue/join**", timeout=60_000) as joined:
        two.click("#many-start")
    joined.value.response()
    two.wait_for_selector(f"{LINE} >> text=Waiting for your turn")
    assert states(two) == ["waiting"] * 2
    assert can_press(two) == (["stop"], ["start"])
    opened.set()
    finish(one)
    finish(two)
    assert can_press(one) == (["start", "take"], ["take"])
    gap = (
        "document.querySelector('#many-take').getBoundingClientRect().top - "
        "document.querySelector('#many-status').getBoundingClientRect().bottom"
    )
    assert one.evaluate(gap) < 20  # beside its line or right below it
    one.get_by_role("button", name="Many pictures").click()
    one.get_by_role("button", name="Many pictures").click()  # closed and opened again
    assert can_press(one) == (["start", "take"], ["take"])


def test_two_visitors_at_once_see_nothing_of_each_other(visit):
    one, two = visit(), visit()
    offer(one, pictures(30), 30)
    offer(two, zipped(pictures(30, 50)), 30)
    one.click("#many-start")
    write(two)
    finish(one)
    for page, start in ((one, 0), (two, 50)):
        names = [f"p{i:02}" for i in range(start, start + 30)]
        assert set(take(page)) == {*(f"{name}.txt" for name in names), "prompts.jsonl"}
        assert all(prompts(page)[f"{name}.jpg"] for name in names)


@pytest.fixture
def gate(monkeypatch):
    """Closed, it holds the second turn of many pictures; notes what is computed."""
    opened, order, asked = Event(), [], work._prompts

    def held(*values, **named):
        order.append("many")
        if len(order) == 2:
            assert opened.wait(90)
        return asked(*values, **named)

    monkeypatch.setattr(work, "_prompts", held)
    yield opened, order
    opened.set()


def test_a_single_picture_comes_between_the_turns_of_many(visit, gate, monkeypatch):
    opened, order = gate
    push, draw = Turns.push, Handlers.draw

    async def pushed(self, body, request, username):
        answer = await push(self, body, request, username)
        if self.blocks.fns[body.fn_index].fn.__name__ == "draw":
            opened.set()  # it waits for its turn
        return answer

    def drawn(self, *values):
        order.append("one")
        yield from draw(self, *values)

    one, two = visit(), visit()
    offer(one, pictures(16), 16)
    one.click("#many-start")
    one.wait_for_selector(f"{LINE} >> text=4 of 16 written")
    monkeypatch.setattr(Turns, "push", pushed)
    monkeypatch.setattr(Handlers, "draw", drawn)
    bring(two, CAT)
    assert "cat" in prompt_of(two)
    finish(one)
    assert order == ["many", "many", "one", "many", "many"]


def test_stopped_it_keeps_what_is_written_and_goes_on_from_there(visit, gate):
    opened, _ = gate
    page = visit()
    offer(page, pictures(12), 12)
    page.click("#many-start")
    page.wait_for_selector(f"{LINE} >> text=4 of 12 written")
    page.fill(f"{ROWS}:nth-child(1) textarea", "mine")
    page.click("#many-stop")
    page.wait_for_selector(f"{LINE} >> text=Stopped")
    opened.set()
    assert page.locator(f"{ROWS} >> text=waiting").count() == 8
    write(page)
    assert prompts(page)["p00.jpg"] == "mine"
    assert all(prompts(page).values())
    page.click("#many-pictures button[aria-label='Clear']")
    page.wait_for_selector(ROWS, state="detached")
    assert can_press(page) == (["start"], ["start"])
