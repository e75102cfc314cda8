"""The race in the whole app, as visitors meet it: addresses, one screen, the keyboard."""

import json

import pytest

from matmul_demo.racing import saved

pytestmark = pytest.mark.slow

SMALL = "/?race=30x20x10&lanes=naive_torch,elementwise_torch,matmul_torch&budget=1"
DONE = '.race[data-phase="done"]'


@pytest.fixture
def open_page(chromium, app_url):
    pages = []

    def open_(address, **others):
        page = chromium.new_page(viewport={"width": 1280, "height": 900}, **others)
        pages.append(page)
        page.set_default_timeout(90_000)
        page.goto(app_url + address)
        return page

    yield open_
    for page in pages:
        page.close()


def chosen(page):
    """The tabs that are selected, from the outside in."""
    return [tab.inner_text() for tab in page.locator('[role="tab"][aria-selected="true"]').all()]


def wait_for_tab(page, name):
    page.wait_for_selector(f'[role="tab"][aria-selected="true"]:text-is("{name}") >> visible=true')


def test_an_address_opens_a_part_reload_keeps_it_and_back_returns(open_page):
    page = open_page("/#einsum")
    wait_for_tab(page, "Einsum")
    page.wait_for_selector("#einsum-start")
    page.get_by_role("tab", name="Sizes").click()
    page.wait_for_selector("#sweep-start")
    assert page.url.endswith("#sizes")
    page.reload()
    wait_for_tab(page, "Sizes")
    page.get_by_role("tab", name="Prompt interrogator").click()
    wait_for_tab(page, "Prompt interrogator")
    page.go_back()
    wait_for_tab(page, "Matmul race")
    wait_for_tab(page, "Sizes")


def test_the_lesson_in_one_screen(open_page):
    page = open_page("/#race")
    page.wait_for_selector(".race .bar")
    steps = [lane.get_attribute("data-lane") for lane in page.locator(".race-lane:visible").all()]
    assert steps[:5] == [
        "naive_torch", "dot_numba", "elementwise_torch", "dot_torch", "broadcast_torch",
    ]  # fmt: skip
    page.click("#race-start")
    page.wait_for_selector(DONE)
    page.click('.race-lane[data-lane="dot_torch"] > summary >> visible=true')
    page.wait_for_selector("ins:has-text('torch.dot(a[i, :], b[:, j])') >> visible=true")
    bottoms = [
        page.locator(part).first.bounding_box() for part in (".race-headline", ".race-chart")
    ]
    assert all(box["y"] + box["height"] <= 900 for box in bottoms), bottoms
    assert page.evaluate("document.documentElement.scrollHeight") <= 2500
    assert page.locator(".race-full").count() == 1
    page.get_by_role("tab", name="Roofline").click()
    page.wait_for_selector(".race-roofline .plot >> nth=1")  # the full set has its own
    assert page.evaluate("document.documentElement.scrollHeight") <= 2500


def test_the_keyboard_alone_guesses_races_and_opens_a_lane(open_page):
    page = open_page(SMALL)
    page.wait_for_selector('[data-question="1"]')
    page.focus('[data-question="1"] input >> nth=0')
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.focus("#race-start")
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)
    page.wait_for_selector('[data-question="1"] [data-guess="10"] >> visible=true')
    assert page.locator('[data-question="1"] [data-guess="1"]').is_hidden()
    assert "Measured" in page.inner_text('[data-question="1"]')
    page.focus('[data-lane="elementwise_torch"] > summary')
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-lane='elementwise_torch'] .race-code >> visible=true")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-lane='elementwise_torch'] .race-code", state="hidden")


def test_three_lanes_are_ordered_with_the_keyboard_and_the_truth_comes_with_the_race(open_page):
    page = open_page(SMALL)
    page.wait_for_selector("a[href*='30x20x10']")
    page.wait_for_selector("[data-order*=naive_torch][data-order*=matmul_torch]")
    lanes = page.locator("[data-order] fieldset")
    for place, lane in enumerate(lanes.all()):
        lane.locator("input").nth(place).focus()
        page.keyboard.press("Space")
    lanes.nth(0).locator("input").nth(0).focus()
    page.keyboard.press("ArrowRight")  # the place of the second lane, which gets the first

    def chosen():
        return [one.get_attribute("value") for one in page.locator("[data-order] :checked").all()]

    assert chosen() == ["place-1", "place-0", "place-2"]
    page.click("#race-start")
    page.wait_for_selector(DONE)
    page.wait_for_selector("text=Measured, fastest first:")
    assert chosen() == ["place-1", "place-0", "place-2"]  # though the section is drawn anew
    assert page.locator("[data-order] [data-guess]:visible").count() == 3
    slowest = page.locator("[data-order] fieldset:has-text('Three loops') [data-truth]")
    assert slowest.get_attribute("data-truth") == "slowest"


def choose_file(page, file):
    with page.expect_file_chooser() as chooser:
        page.click("#race-ghost")
    chooser.value.set_files(file)


def test_a_saved_race_is_a_ghost_of_the_next_and_another_file_a_sentence(open_page, tmp_path):
    page = open_page(SMALL)
    page.wait_for_selector("a[href*='30x20x10']")
    page.click("#race-start")
    page.wait_for_selector(DONE)
    with page.expect_download() as download:
        page.click(".race-files a:has-text('JSON')")
    file = tmp_path / "race.json"
    file.write_bytes(download.value.path().read_bytes())
    page.click("button.label-wrap:has-text('Ghost')")
    choose_file(page, file)
    page.wait_for_selector(".race-ghost")
    assert page.locator(".race-ghost").count() == 3
    race = json.loads(file.read_text())
    file.write_text(json.dumps({**race, "dtype": "float64"}))
    choose_file(page, file)
    page.wait_for_selector(".race-notice:has-text('multiplied 30x20x10 in float64')")
    assert page.locator(".race-ghost").count() == 0
    page.get_by_label("Ghost", exact=True).click()  # the processor of our benchmarks
    page.get_by_role("option", name=list(saved.devices())[-1]).click()
    page.wait_for_selector(".race-notice:has-text('multiplied 10x784x10 in float32')")
    file.write_text("<script>")
    choose_file(page, file)
    page.wait_for_selector("text=This file is not JSON.")


def test_the_loops_are_stepped_through_with_the_arrow_keys(open_page):
    page = open_page("/#einsum")
    page.wait_for_selector(".race-frame >> nth=0")
    page.focus('.race-steps input[value="1"]')
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=i = 0, j = 0, k = 1: C[0, 0] += A[0, 1] · B[1, 0] >> visible=true")
    assert page.locator(".race-frame:visible").count() == 1
    assert page.locator(".race-frame:visible .meets").count() == 3
