"""The first tab as a workbench: phrases one can touch, what stands where, and what goes wrong."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from interrogator.images import stored
from interrogator.models.registry import ASSETS

pytestmark = pytest.mark.slow
CAT = ASSETS / "examples" / "cat-pop-art.jpg"
CITY = ASSETS / "examples" / "city-art-deco.jpg"
DONE = "#status .status.done"
ARTIST = "#phrases button[data-phrase='by Roy Lichtenstein']"
HOSTILE = "<img src=x onerror=alert(1)>${1+1}{{x}}"
SHIFTS = """() => { window.shift = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.shift += entry.value;
}).observe({type: "layout-shift", buffered: true}) }"""


def mark(page):
    """Mark the status line that stands, so that `finish` waits for another."""
    page.evaluate("document.querySelector('#status .status').dataset.old = true")


def bring(page, picture=CAT):
    mark(page)
    page.set_input_files("#picture input[type=file]", picture)
    finish(page)


def finish(page):
    page.wait_for_selector(f"{DONE}:not([data-old])", timeout=60_000)


def prompt_of(page):
    return page.input_value("#prompt textarea")


def chips_of(page):
    return page.eval_on_selector_all("#phrases [data-phrase]", "e => e.map(x => x.dataset.phrase)")


def wait_for(page, chips):
    page.wait_for_function(
        "chips => [...document.querySelectorAll('#phrases [data-phrase]')]"
        ".map(x => x.dataset.phrase).join() === chips.join()",
        arg=chips,
    )
    finish(page)


def test_a_phrase_is_left_out_kept_banned_and_all_of_it_taken_back(visit):
    page = visit()
    page.get_by_role("button", name="by hand").click()
    bring(page)
    first = chips_of(page)
    without = [chip for chip in first if chip != "by Roy Lichtenstein"]
    assert set(first) > set(without)
    page.click(ARTIST)
    page.get_by_role("menuitem", name="Leave it out").click()
    wait_for(page, without)
    assert "Lichtenstein" not in prompt_of(page)
    page.click("#phrases [data-act=undo]")
    wait_for(page, first)
    page.click("#phrases [data-act=redo]")
    wait_for(page, without)
    page.click("#phrases [data-back=dropped]")
    wait_for(page, first)
    page.click(ARTIST)
    page.get_by_role("menuitem", name="Ban it").click()
    wait_for(page, without)
    assert page.input_value("#set-banned textarea") == "by Roy Lichtenstein"
    bring(page, CITY)  # what is banned is the visitor's, what was done is the picture's
    assert page.is_disabled("#phrases [data-act=undo]")
    page.click("#phrases [data-back=banned]")
    page.wait_for_selector("#phrases [data-back=banned]", state="detached")
    assert page.input_value("#set-banned textarea") == ""


def test_a_change_waits_for_one_turn_alone_where_the_models_are_there(visit):
    page = visit()
    bring(page)
    turns = []
    page.on("request", lambda asked: turns.append(asked.url) if "/queue/join" in asked.url else 0)
    mark(page)
    page.click(ARTIST)
    page.get_by_role("menuitem", name="Leave it out").click()
    finish(page)
    assert len(turns) == 1


def test_the_keyboard_opens_the_menu_of_a_phrase_and_keeps_it(visit):
    page = visit()
    bring(page)
    page.focus("#phrases button[data-phrase='pop art']")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=menu]")
    for key in ("ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.phrase") == "pop art"
    assert page.locator("[role=menu]").count() == 0
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the first of the menu
    page.wait_for_selector("#phrases .kept[data-phrase='pop art']")
    finish(page)
    bring(page, CITY)
    assert page.locator("#phrases .kept").count() == 0
    assert "pop art" not in prompt_of(page)


def test_prompt_and_caption_are_edited_and_the_rest_follows(visit):
    page = visit()
    bring(page)
    page.fill("#prompt textarea", "a cat, pop art, green")
    page.wait_for_selector("#phrases button[data-phrase='green']")
    assert re.search(r"Similarity 0\.\d{3}, 9 of 77 tokens", page.inner_text("#status"))
    assert prompt_of(page) == "a cat, pop art, green"
    page.fill("#caption input", "a comic cat")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('a comic')")
    finish(page)
    page.click("#phrases [data-act=undo]")
    page.wait_for_function("!document.querySelector('#prompt textarea').value.includes('comic')")
    finish(page)
    page.fill("#caption input", "a comic cat")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('a comic')")
    finish(page)
    bring(page, CITY)
    assert "comic" not in prompt_of(page)
    assert "comic" not in page.input_value("#caption input")


def test_no_old_prompt_stands_beside_a_new_picture(visit, gate):
    page = visit()
    bring(page)
    assert page.is_visible("#prompt .icon-button-wrapper")
    gate.clear()
    other = visit()
    other.set_input_files("#picture input[type=file]", CITY)  # takes the turn
    other.wait_for_function("document.querySelector('#prompt textarea').value")
    page.set_input_files("#picture input[type=file]", CITY)
    page.wait_for_selector("#status :text('Waiting for your turn')")
    assert prompt_of(page) == ""
    assert page.input_value("#caption input") == ""
    assert chips_of(page) == []
    assert page.is_hidden("#prompt .icon-button-wrapper")
    gate.set()
    finish(page)
    assert "city" in prompt_of(page)
    assert "art deco" in chips_of(other) or prompt_of(other) == prompt_of(page)


def test_stop_keeps_the_best_so_far_and_says_nothing_where_nothing_runs(visit, gate):
    page = visit()
    assert page.is_disabled("#stop")
    page.click("#mode label:has([value=best])")
    gate.clear()
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector("#status :text('the best so far')", timeout=60_000)
    found = prompt_of(page)
    assert found
    page.click("#stop")
    gate.set()
    page.wait_for_selector("#status :text('Stopped: this is the best so far. Similarity 0.')")
    assert prompt_of(page) == found
    assert chips_of(page) == found.split(", ")
    assert page.is_disabled("#stop")
    page.click("#start")
    page.wait_for_selector("#status :text('Done in')", timeout=60_000)
    done = page.inner_text("#status")
    page.evaluate("document.querySelector('#stop').disabled = false")  # as a click in that moment
    page.click("#stop")
    page.click("#prompt textarea")
    assert page.inner_text("#status") == done


def choose(page, preset):
    page.click("#set-preset input")
    page.get_by_role("option", name=preset).click()
    chosen = "preset => document.querySelector('#set-preset input').value.startsWith(preset)"
    page.wait_for_function(chosen, arg=preset)


def test_an_error_goes_with_the_preset_that_caused_it(visit):
    page = visit()
    page.get_by_role("button", name="Settings").click()
    choose(page, "quality")
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector("#status .status.error", timeout=120_000)
    choose(page, "demo")
    page.wait_for_selector("#status .status.error", state="detached", timeout=60_000)
    page.click("#start")
    finish(page)
    page.hover("#picture img")
    page.click("#picture [aria-label='Remove Image'], #picture [title='Remove Image']")
    page.wait_for_function("document.querySelector('#prompt textarea').value === ''")
    assert "Ready" in page.inner_text("#status")


def test_a_phrase_is_swapped_for_one_like_it(visit):
    page = visit()
    bring(page)
    page.click("#phrases button[data-phrase='pop art']")
    others = page.locator("[role=menuitem]:has(.chip-value)")
    assert others.count() == 6
    other = others.first.evaluate("item => item.firstChild.data")
    others.first.click()
    page.wait_for_selector(f"#phrases .kept[data-phrase='{other}']")
    finish(page)
    assert "pop art" not in chips_of(page)
    assert page.locator("#phrases [data-back=dropped]").inner_text() == "pop art"
    page.click("#phrases [data-act=undo]")
    page.wait_for_selector("#phrases button[data-phrase='pop art']")


def write_for(page, target):
    page.click("#target input")
    page.get_by_role("option", name=target).click()


def test_one_prompt_is_written_for_many_without_another_search(visit, gate):
    page = visit()
    page.check("#set-with-negative input")
    bring(page)
    plain, negative = prompt_of(page), page.input_value("#negative textarea")
    gate.clear()  # whatever is searched now never ends
    write_for(page, "Midjourney")
    page.wait_for_function("document.querySelector('#prompt textarea').value.endsWith('--ar 1:1')")
    assert prompt_of(page) == f"{plain} --no {negative} --ar 1:1"
    write_for(page, "A1111")
    page.wait_for_function("document.querySelector('#prompt textarea').value.includes(':1.2)')")
    assert page.input_value("#negative textarea") == negative
    write_for(page, "SDXL")
    page.wait_for_selector("#target :text('CLIP ViT-bigG: ')")
    assert prompt_of(page) == plain
    write_for(page, "Stable Diffusion 3")
    page.wait_for_function(
        "document.querySelector('#prompt textarea').value.includes('in the style')"
    )
    gate.set()
    bring(page, CITY)  # what is chosen holds
    assert "in the style of art deco" in prompt_of(page)
    assert re.search(r"about \d+ of 256 tokens", page.inner_text("#target"))


def test_what_is_edited_in_a_targets_form_is_scored_without_its_signs(visit):
    page = visit()
    bring(page)
    page.fill("#prompt textarea", "a cat, pop art, green")
    page.wait_for_selector("#phrases button[data-phrase='green']")
    scored = page.inner_text("#status")
    for target, text in (
        ("A1111", "a cat, (pop art:1.2), (green:0.9)"),
        ("Midjourney", "a cat, pop art, green --no blue --ar 1:1"),
    ):
        page.fill("#prompt textarea", "a dog")
        page.wait_for_selector("#phrases button[data-phrase='a dog']")
        assert page.inner_text("#status") != scored
        write_for(page, target)
        page.wait_for_function("document.querySelector('#target input').value.includes(':')")
        page.fill("#prompt textarea", text)
        page.wait_for_selector("#phrases button[data-phrase='green']")
        assert chips_of(page) == ["a cat", "pop art", "green"]
        assert page.inner_text("#status") == scored
        assert prompt_of(page) == text
    write_for(page, "the prompt as it is")
    page.wait_for_function("!document.querySelector('#prompt textarea').value.includes('--')")
    assert prompt_of(page) == "a cat, pop art, green"


def test_a_stored_prompt_is_used_and_ours_goes_home_in_the_picture(visit, tmp_path):
    page, path = visit(), tmp_path / "stored.jpg"
    path.write_bytes(stored.with_prompt(CAT.read_bytes(), "a tomcat, pop art"))
    bring(page, path)
    ours = prompt_of(page)
    with page.expect_download() as download:
        page.click("#copy")
    assert stored.read(Path(download.value.path()).read_bytes()).prompts[0].prompt == ours
    assert page.inner_text(".stored [translate=no]") == "a tomcat, pop art"
    page.click("[data-act=use]")
    page.wait_for_selector("#phrases button[data-phrase='a tomcat']")
    assert prompt_of(page) == "a tomcat, pop art"


def test_a_phrase_is_found_in_the_picture(visit):
    page = visit()
    bring(page)
    page.click(ARTIST)
    page.get_by_role("menuitem", name="Where is it?").click()
    page.wait_for_selector("#where img[alt='Where “by Roy Lichtenstein” is seen']")
    assert page.inner_text("#where b") == "by Roy Lichtenstein"
    bring(page, CITY)
    assert page.locator("#where img").count() == 0
    assert violations(page) == []


def boxes(page, *selectors):
    return [page.locator(selector).first.bounding_box() for selector in selectors]


def test_everything_stands_where_it_is_looked_for(visit):
    page = visit()
    page.evaluate(SHIFTS)
    picture, examples, start, prompt, chips = boxes(
        page, "#picture", "#examples", "#start", "#prompt", "#phrases"
    )
    assert picture["x"] + picture["width"] <= prompt["x"]
    assert abs(picture["y"] - prompt["y"]) < 4
    assert prompt["y"] < chips["y"]
    assert max(box["y"] + box["height"] for box in (examples, start)) <= 900
    bring(page)
    assert page.evaluate("window.shift") <= 0.1
    sentence = page.locator("#mode-sentence p:visible")
    assert sentence.inner_text().startswith("The caption and the plausible phrases")
    page.click("#mode label:has([value=best])")
    assert sentence.inner_text().startswith("Searches for the best prompt")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_the_prompt_comes_into_view(visit, theme):
    page = visit(375, 800, theme)
    page.evaluate(SHIFTS)
    tops = [
        box["y"] for box in boxes(page, "#picture", "#prompt", "#phrases", "#mode", "#explained")
    ]
    assert tops == sorted(tops)
    assert boxes(page, "#examples")[0]["y"] < 800
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    bring(page)
    page.wait_for_function(
        """() => { const box = document.querySelector("#prompt").getBoundingClientRect();
        return box.top >= 0 && box.bottom <= innerHeight }"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.evaluate("window.shift") <= 0.1


def test_folds_stay_as_they_were_left(visit):
    page = visit()
    page.click("[data-fold=ranked] summary")
    bring(page)
    assert page.is_visible("[data-fold=ranked] .bars")
    assert page.is_hidden("[data-fold=compared] .bars")
    page.reload()
    page.wait_for_selector("[data-fold=ranked][open]")
    page.click("[data-fold=ranked] summary")
    page.reload()
    page.wait_for_selector("#active-models b")
    assert page.locator("details[open]").count() == 0


def test_what_comes_from_outside_is_text(visit, tmp_path):
    page = visit()
    path = tmp_path / "<b onmouseover=alert(1)>${1+1}.jpg"
    path.write_bytes(CAT.read_bytes())
    bring(page, path)
    page.fill("#prompt textarea", f"a cat, {HOSTILE}, {{{{y}}}}")
    page.wait_for_selector("#phrases button[data-phrase='{{y}}']")
    assert HOSTILE in chips_of(page)
    page.locator("#phrases button", has_text="onerror").click()
    page.get_by_role("menuitem", name="Keep it").click()
    page.wait_for_selector("#phrases .kept")
    finish(page)
    assert HOSTILE in prompt_of(page)
    page.fill("#caption input", HOSTILE)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('<img')")
    finish(page)
    assert page.locator("[onerror], [onmouseover]").count() == 0


def test_two_visitors_see_nothing_of_each_other(visit):
    one, two = visit(), visit()
    one.set_input_files("#picture input[type=file]", CAT)
    two.click("#mode label:has([value=classic])")
    two.set_input_files("#picture input[type=file]", CITY)
    finish(one)
    finish(two)
    assert "cat" in prompt_of(one)
    assert "city" in prompt_of(two)
    one.click(ARTIST)
    one.get_by_role("menuitem", name="Ban it").click()
    one.wait_for_selector("#phrases [data-back=banned]")
    mark(two)
    two.click("#start")
    finish(two)
    assert two.locator("#phrases [data-back]").count() == 0
    assert "cat" not in prompt_of(two)


def saved(page, press):
    with page.expect_download() as download:
        press()
    return Path(download.value.path()).read_text("utf-8")


def test_what_was_found_stays_in_the_browser_and_goes_home_as_a_file(visit):
    page = visit()
    for picture in (CAT, CITY):
        bring(page, picture)
    page.click("[data-fold=history] summary")
    page.wait_for_function("document.querySelectorAll('.history li').length === 2")
    city, cat = page.locator(".history li p:first-child").all_inner_texts()
    assert city == prompt_of(page)
    assert "cat" in cat
    page.reload()  # another connection, the same browser
    page.wait_for_function("document.querySelectorAll('.history li img').length === 2")
    assert page.evaluate("[...document.querySelectorAll('.history img')].every(i => i.src)")
    mark(page)
    page.locator(".history li").nth(1).locator("[data-act=restore]").click()
    finish(page)
    assert prompt_of(page) == cat
    assert set(chips_of(page)) == set(cat.split(", "))
    assert page.locator("#picture img").count() == 1
    assert float(re.search(r"Similarity (0\.\d+)", page.inner_text("#status"))[1]) > 0.2
    everything = json.loads(saved(page, lambda: page.click(".take [data-act=json]")))
    assert [one["prompt"] for one in everything] == [city, cat]
    assert all(
        {"mode", "similarity", "caption", "models", "time"} <= set(one) for one in everything
    )
    one = page.locator(".history li").nth(1).locator("[data-act=text]")
    assert saved(page, one.click) == cat + "\n"
    page.locator(".history li").nth(0).locator("[data-act=forget]").click()
    page.wait_for_function("document.querySelectorAll('.history li').length === 1")
    page.click(".take [data-act=forget]")
    page.wait_for_function("document.querySelectorAll('.history li').length === 0")
    page.reload()
    page.wait_for_selector("[data-fold=history] p")
    assert visit().locator(".history li").count() == 0


def test_the_ranking_is_taken_along_as_it_is_shown(visit, app_url):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app_url)
    bring(page)
    page.click("[data-fold=ranked] summary")
    rows = saved(page, lambda: page.click("[data-act=csv-ranked]")).splitlines()
    assert rows[0] == '"list","phrase","similarity","confidence","years"'
    assert sum(row.startswith('"movements"') for row in rows) == 5
    assert any(re.match(r'"artists","by Roy Lichtenstein","0\.\d{4}","0\.\d{4}"', r) for r in rows)
    page.select_option("[data-top]", "10")
    page.click("[data-act=copy-ranked]")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert sum(row.startswith("movements\t") for row in copied) == 10
    assert page.locator("[data-fold=ranked] h3", has_text="none stands out").count() == 0


def test_the_page_speaks_the_language_of_the_browser_or_the_chosen_one(visit):
    page = visit(locale="de-DE")
    page.wait_for_selector("#start:text('Prompt schreiben')")
    bring(page)
    page.wait_for_selector("#status :text('Fertig in')")
    assert re.search(r"Ähnlichkeit 0\.\d{3}, \d+ von 77 Tokens", page.inner_text("#status"))
    assert page.get_attribute("html", "lang") == "de"
    assert "pop art" in chips_of(page)
    page.click("#phrases button[data-phrase='pop art']")
    page.get_by_role("menuitem", name="Weglassen").click()
    page.wait_for_selector("#phrases [data-back=dropped]")
    page.get_by_role("button", name="Einstellungen").click()
    page.get_by_role("button", name="Wörter").click()
    page.fill("#set-own-words textarea", "(a cat in dots:1.3)\n\nfog\nFog")
    page.press("#set-own-words textarea", "Tab")
    page.wait_for_selector("#word-counts :text('2 Zeilen verworfen (leere Zeile 1, doppelt 1)')")
    page.fill("#prompt textarea", "a cat " * 2000)
    page.wait_for_selector("#status :text-matches('^Der Prompt hat über [0-9,]+ Zeichen.$')")
    page.select_option("#language", "es")
    page.wait_for_selector("#status :text-matches('^El prompt tiene más de [0-9,]+ caracteres.$')")
    page.select_option("#language", "zh")
    page.wait_for_selector("#start:text('写提示词')")
    page.reload()
    page.wait_for_selector("#start:text('写提示词')")
    page.select_option("#language", "en")
    page.wait_for_selector("#start:text('Write the prompt')")


def test_the_tab_is_in_the_address(visit):
    page = visit()
    page.get_by_role("tab", name="Matmul race").click()
    page.wait_for_selector("#race-start")
    page.reload()
    page.wait_for_selector("#race-start")
    page.go_back()
    page.wait_for_selector("#picture")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_nothing(visit, theme, width):
    page = visit(width, 900, theme)
    assert violations(page) == []
    bring(page)
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert violations(page) == []
    for name in ("by hand", "Settings"):
        page.get_by_role("button", name=name).click()
    page.click("#phrases button[data-phrase]")
    assert violations(page) == []


def violations(page):
    # What is between two colours is neither.
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    found = Axe().run(page).response["violations"]
    return [json.dumps([v["id"], *(n["html"][:200] for n in v["nodes"])]) for v in found]
