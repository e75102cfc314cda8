"""The parts of the race's tab: one stays in them, and axe finds nothing in any of them."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from matmul_demo.racing.disturbance import Spoiled
from matmul_demo.web.charts import bars
from tests.matmul_demo.racing.test_disturbance import outcome, report

pytestmark = pytest.mark.slow

SMALL = "/?race=30x20x10&lanes=naive_lists,matmul_numpy&budget=1"
PARTS = {"Sizes": "#sweep-start", "Roofline": ".race-roofline", "Einsum": "#einsum-start",
         "Race": "#race-start"}  # fmt: skip


@pytest.fixture
def open_page(chromium, app_url):
    pages = []

    def open_(address):
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        pages.append(page)
        page.set_default_timeout(60_000)
        page.goto(app_url + address)
        page.wait_for_selector("#race-start")
        return page

    yield open_
    for page in pages:
        page.close()


def open_part(page, name):
    page.locator("#race-parts").get_by_role("tab", name=name, exact=True).click()
    page.wait_for_selector(PARTS[name])


def test_every_part_leads_to_every_other_and_back_to_the_race(open_page):
    page = open_page(SMALL)
    open_part(page, "Race")  # chosen already
    for name in PARTS:
        open_part(page, name)
        assert page.url.endswith(f"#{name.lower()}")
        open_part(page, "Race")
    page.go_back()
    page.wait_for_selector(PARTS["Einsum"])


def test_on_a_phone_button_headline_and_chart_come_before_what_is_set(open_page):
    page = open_page("/#race")
    page.set_viewport_size({"width": 375, "height": 812})
    page.wait_for_selector(".race-chart >> visible=true")
    order = ("#race-start", ".race-headline", ".race-chart", ".race-guess", "#race-settings button")
    tops = [page.locator(f"{part} >> visible=true").first.bounding_box()["y"] for part in order]
    assert tops == sorted(tops)
    assert tops[2] < 812  # the chart begins on the first screen
    for name in ("Shape", "Lanes", "Settings", "Ghost"):
        fold = page.locator(f"#race-settings button.label-wrap:has-text('{name}')")
        assert "open" not in fold.get_attribute("class").split()
    page.set_viewport_size({"width": 1280, "height": 900})
    start, chart = (page.locator(part).first.bounding_box() for part in order[::2][:2])
    assert start["x"] + start["width"] < chart["x"]  # beside each other where there is room


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_no_part_scrolls_sideways(open_page, theme):
    page = open_page(f"{SMALL}&__theme={theme}")
    page.wait_for_selector("[data-lane='naive_lists']")
    page.click("#race-start")
    page.wait_for_selector('.race[data-phase="done"]')
    page.click("[data-lane='matmul_numpy'] > summary")
    page.click(".race-all-figures > summary")
    found = []
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 900})
        for name in PARTS:
            open_part(page, name)
            wide, high = page.evaluate(
                "(({scrollWidth, scrollHeight}) => [scrollWidth, scrollHeight])"
                "(document.documentElement)"
            )
            assert wide <= width, name
            assert width == 375 or high <= 2500, name
            found += [(name, width, *one) for one in violations(page, "#race-parts")]
    assert not found, found


def violations(page, part):
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
        for one in Axe().run(page, part).response["violations"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_sees_the_badge_of_a_spoiled_lane_and_finds_nothing(open_page, theme):
    """No test can count on busy neighbours: the board of such a race is put in place of ours."""
    page = open_page(f"{SMALL}&__theme={theme}")
    page.wait_for_selector("[data-lane='naive_lists']")
    disturbed = Spoiled("busy", "Other programs took a processor in 9 of 9 samples.")
    board = bars.board(
        report(
            outcome("naive_lists", 1.0, 1.0, 1.0),
            outcome("matmul_numpy", 2e-3, 9e-3, 9e-3, spoiled=disturbed),
            outcome("matmul_torch", 4e-3, 4e-3, 4e-3),
        )
    )
    page.evaluate("board => document.querySelector('.race').outerHTML = board", board)
    page.click("[data-lane='matmul_numpy'] > summary")
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 900})
        badge, label = (
            page.locator(f"[data-lane='matmul_numpy'] {part}").bounding_box()
            for part in (".race-spoiled", ".bar-label")
        )
        assert badge["width"] > 20
        assert badge["x"] >= label["x"]
        assert badge["x"] + badge["width"] <= label["x"] + label["width"] + 1
        assert "Only the fastest sample counts." in page.inner_text("[data-lane='matmul_numpy']")
        assert violations(page, "#race-parts") == []
