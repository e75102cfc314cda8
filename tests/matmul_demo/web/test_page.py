"""The tab in a running app, through its API and in a browser."""

import csv
import json
import time

import pytest
from gradio_client import Client

from matmul_demo.machine.accelerator import missing_gpu

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(url):
    client = Client(url, verbose=False)
    yield client
    client.close()


def test_visitors_at_once_are_served_in_turn(client, threads):
    """Whose race it is, is decided in the server; the races themselves run in its threads."""
    jobs = [
        client.submit(shape="8x8x8", lanes=["matmul_numpy"], budget=1, api_name="/race")
        for _ in range(5)
    ]
    ranks = set()
    while not all(job.done() for job in jobs):
        ranks |= {job.status().rank for job in jobs if not job.done()}
        time.sleep(0.05)
    assert [job.result()["results"][0]["status"] for job in jobs] == ["ok"] * 5
    assert (threads.started, threads.most) == (5, 1)
    assert len(ranks - {None}) >= 3  # each visitor hears how many are before


@pytest.fixture
def open_tab(url, chromium):
    tabs = []

    def open_(query=""):
        tab = chromium.new_page(viewport={"width": 1280, "height": 900})
        tabs.append(tab)
        tab.set_default_timeout(60_000)
        tab.goto(url + query)
        tab.wait_for_selector(".race")
        return tab

    yield open_
    for tab in tabs:
        tab.close()


@pytest.fixture
def tab(open_tab):
    return open_tab()


def unfold(tab, name, inside):
    """Open a folded part of the form."""
    if not tab.locator(inside).is_visible():
        tab.click(f"button.label-wrap:has-text('{name}')")
        tab.locator(inside).wait_for()


def choose(tab, *titles):
    """Leave only these lanes ticked."""
    unfold(tab, "Lanes", "#race-lanes")
    for box in tab.locator("#race-lanes input[type=checkbox]").all():
        name = box.locator("xpath=ancestor::label").inner_text().strip()
        box.set_checked(name in titles)


def test_two_lanes_race_and_the_chart_shows_them(open_tab):
    tab = open_tab("?race=10x784x10&budget=2")
    tab.wait_for_selector("a[href='?race=10x784x10&budget=2']")
    assert "Press Race" in tab.locator(".race-headline").inner_text()
    choose(tab, "Three loops on lists (Python)", "A @ B (NumPy)")
    tab.click("#race-start")
    tab.wait_for_selector('.race[data-phase="done"]')
    assert "The floor of this machine is" in tab.inner_text(".race-headline")
    naive = tab.locator('[data-lane="naive_lists"]')
    fast = tab.locator('[data-lane="matmul_numpy"]')
    for lane in (naive, fast):
        track = lane.locator(".bar-track").bounding_box()["width"]
        assert 0 < lane.locator(".bar-fill").bounding_box()["width"] <= track
    assert naive.locator(".bar-value").inner_text().endswith("s")
    assert tab.locator(".race-floor").count() == 2
    assert tab.locator(".race-figures tbody tr").count() == tab.locator(".race-lane").count() == 2


def test_stop_ends_the_race_and_the_next_one_starts_clean(tab):
    choose(tab, "Three loops on torch elements (torch)", "A @ B (torch)")
    unfold(tab, "Shape", "#race-sizes")
    tab.get_by_label("A square").check()  # fills the sizes
    tab.wait_for_selector("a[href^='?race=1024x1024x1024']")
    tab.click("#race-start")
    tab.wait_for_selector(".race-running")
    tab.click("#race-stop")
    tab.wait_for_selector('.race[data-phase="stopped"]:has-text("has no winner")')
    assert tab.locator(".race-lane .race-best").count() == 0
    tab.wait_for_selector("#race-start:not([disabled])")
    choose(tab, "A @ B (NumPy)")
    tab.click("#race-start")
    tab.wait_for_selector('.race[data-phase="done"]')
    assert "A @ B (NumPy) takes" in tab.inner_text(".race-headline")


def test_no_lane_is_a_sentence_on_the_page(tab):
    choose(tab)
    tab.click("#race-start")
    tab.wait_for_selector("text=No lane was chosen; choose at least one.")
    assert tab.locator('.race[data-phase="waiting"]').count() == 1


SMALL = "?race=30x20x10&lanes=naive_lists,numba_ikj,matmul_numpy&budget=1"


def test_the_second_visitor_sees_a_place_in_the_queue_and_can_leave_it(open_tab):
    first = open_tab("?race=2000x2000x2000&lanes=naive_torch,matmul_numpy&budget=60")
    second = open_tab(SMALL)
    first.click("#race-start")
    first.wait_for_selector(".race-running")
    second.click("#race-start")
    second.wait_for_selector("#race-place:has-text('queue: 1/1')")
    assert "Waiting for other visitors" in second.inner_text(".race-headline")
    second.click("#race-stop")
    second.wait_for_selector('.race[data-phase="stopped"]')
    second.wait_for_selector("#race-start:not([disabled])")  # while the first still runs
    assert first.locator(".race-running").count() == 1
    second.click("#race-start")
    second.wait_for_selector("#race-place:has-text('queue: 1/1')")  # the old place is given up
    first.click("#race-stop")
    first.wait_for_selector('.race[data-phase="stopped"]')
    second.wait_for_selector('.race[data-phase="done"]')


def test_a_link_restores_the_settings_and_says_what_it_ignored(open_tab):
    tab = open_tab(SMALL + "&threads=1&dtype=float99&baseline=naive_lists")
    tab.wait_for_selector("text=What the link says of dtype was ignored.")
    unfold(tab, "Shape", "#race-sizes")
    sizes = [box.input_value() for box in tab.locator("#race-sizes input").all()]
    assert sizes == ["30", "20", "10"]
    link = "a[href='?race=30x20x10&lanes=naive_lists,numba_ikj,matmul_numpy&threads=1&budget=1"
    tab.wait_for_selector(f"{link}&baseline=naive_lists']")
    tab.click("#race-start")
    tab.wait_for_selector('.race[data-phase="done"]')
    assert tab.locator('[data-lane="numba_ikj"] .bar-fill').count() == 1
    assert tab.locator('[data-lane="zip_lists"]').count() == 0
    assert "than Three loops on lists" in tab.inner_text(".race-headline")


def test_presets_fill_the_settings_and_the_gpus_is_greyed_with_its_reason(tab):
    tab.get_by_role("button", name="Loop order").click()
    tab.wait_for_selector("a[href*='threads=1'][href*='baseline=numba_ijk']")
    tab.wait_for_selector(".race-headline:has-text('Press Race')")
    tab.wait_for_selector("#race-note:has-text('One thread')")
    lanes = "document.querySelectorAll('.race-lane').length"
    tab.wait_for_function(f"{lanes} === 4")  # what was chosen, and nothing else
    unfold(tab, "Shape", "#race-sizes")
    sizes = "[...document.querySelectorAll('#race-sizes input')].map(box => box.value)"
    tab.wait_for_function(f"{sizes}.join() === '1024,1024,1024'")
    assert tab.get_by_label("A square").is_checked()
    reason = missing_gpu()
    assert tab.get_by_role("button", name="GPU clocks").is_disabled() == (reason is not None)
    assert reason is None or reason in tab.inner_text("#race-note")


def test_own_sizes_outside_the_limits_are_a_sentence(tab):
    unfold(tab, "Shape", "#race-sizes")
    rows = tab.locator("#race-sizes input").first
    rows.fill("")
    tab.wait_for_selector(".race-link:not(:has(a))")
    tab.click("#race-start")
    tab.wait_for_selector("text=No number is given for rows; write a whole number")
    rows.fill("2000000")
    tab.wait_for_selector(".race-link:not(:has(a))")
    tab.click("#race-start")
    tab.wait_for_selector("text=each of the three sizes must lie between 1 and 1,000,000")
    rows.fill("12")
    tab.wait_for_selector("a[href^='?race=12x784x10']")
    assert tab.locator("input[type=radio]:checked[value='10x784x10']").count() == 0


def test_a_race_can_be_saved_and_told_over_another_lane(open_tab):
    tab = open_tab(SMALL)
    tab.wait_for_selector("a[href*='numba_ikj']")
    assert tab.locator(".race-files a").count() == 0
    tab.click("#race-start")
    tab.wait_for_selector(".race-files a")
    files = []
    for name in ("JSON", "CSV"):
        with tab.expect_download() as download:
            tab.locator(".race-files a", has_text=name).click()
        files.append(download.value.path().read_text(encoding="utf-8"))
    race, rows = json.loads(files[0]), list(csv.DictReader(files[1].splitlines()))
    assert race["shape"] == rows[0]["shape"] == "30x20x10"
    assert [float(r["seconds"]) for r in rows if r["seconds"]] == [
        r["seconds"] for r in race["results"] if r["seconds"]
    ]
    tab.click("button.label-wrap:has-text('Settings')")
    tab.get_by_label("Speed-up over").click()
    tab.get_by_role("option", name="A @ B (NumPy)").click()
    tab.wait_for_selector('[data-lane="matmul_numpy"] .race-total:text-is("1.00×")')
    tab.get_by_label("Speed-up over").click()
    tab.get_by_role("option", name="A @ B (torch)", exact=True).click()
    tab.wait_for_selector("text=The chosen baseline was not raced: speed-ups are over Three loops")
    tab.click("text=All figures")
    assert tab.locator(".race-figures tr:has-text('A @ B')").is_visible()
    tab.get_by_role("tab", name="Roofline").click()
    tab.wait_for_selector(".race-roofline .plot-mark")
    marks = tab.locator(".race-roofline .plot-mark")
    assert marks.count() == 3


def test_a_sweep_draws_its_lines_and_stop_keeps_what_was_measured(tab):
    tab.get_by_role("tab", name="Sizes").click()
    tab.get_by_label("Sizes", exact=True).click()
    tab.get_by_role("option", name="Tall: n×784 · 784×10").click()
    tab.click("#sweep-start")
    tab.wait_for_selector(".plot-x-name:text-is('n, of n×784 · 784×10')")
    tab.wait_for_selector(".race-sweep .plot-mark")
    tab.wait_for_selector(".race-sweep[data-phase='racing']:has-text('1 of 10 sizes done')")
    tab.click("#sweep-stop")
    tab.wait_for_selector('.race-sweep[data-phase="stopped"]')
    assert tab.locator(".race-sweep .plot-mark").count() >= 6
    tab.wait_for_selector("#sweep-start:not([disabled])")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_is_readable_on_a_telephone(open_tab, theme):
    tab = open_tab(f"{SMALL}&__theme={theme}")
    tab.set_viewport_size({"width": 375, "height": 800})
    tab.wait_for_selector("a[href*='numba_ikj']")
    tab.click("#race-start")
    tab.wait_for_selector('.race[data-phase="done"]')
    assert tab.evaluate("document.documentElement.scrollWidth") == 375
    tab.click("text=All figures")
    assert tab.locator(".race-scrolls").is_visible()  # it says that the table scrolls
    assert tab.evaluate("document.documentElement.scrollWidth") == 375
    tab.get_by_role("tab", name="Roofline").click()
    tab.wait_for_selector(".race-roofline .plot-mark")
    for mark in tab.locator(".race-roofline .plot-mark").all():
        box = mark.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 375
    tab.click(".plot-list summary")
    assert [item.is_visible() for item in tab.locator(".plot-list li").all()] == [True] * 3
    ground = colour(tab, "--body-background-fill")
    assert contrast(colour(tab, "--body-text-color"), ground) >= 4.5  # WCAG 2.2, text
    for name in ("--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-bad"):
        assert contrast(colour(tab, name), ground) >= 2.0, name


def colour(tab, name):
    """What a name of the stylesheet stands for where the chart is, as rgb(…)."""
    return tab.locator(".plot").first.evaluate(
        """(plot, name) => { const e = document.createElement("i");
        e.style.color = `var(${name})`; plot.append(e); return getComputedStyle(e).color }""",
        name,
    )


def contrast(*colours):
    """The ratio of two CSS colours' luminances, as WCAG 2.2 defines it."""

    def luminance(colour):
        channels = [float(x) / 255 for x in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(luminance, colours))
    return (high + 0.05) / (low + 0.05)
