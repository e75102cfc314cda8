"""What a newcomer stumbles over: settings that changed, no artists, why a phrase is there."""

import re

import pytest

from interrogator.insight.round_trip import obstacle
from tests.browser.test_workbench import (
    ARTIST,
    CAT,
    CITY,
    bring,
    chips_of,
    finish,
    mark,
    prompt_of,
    write_for,
)

pytestmark = pytest.mark.slow
HINT = "#settings-hint :text('Settings changed: press “Write the prompt”.')"
NO_HINT = "document.querySelector('#settings-hint').innerText.trim() === ''"


def choose_mode(page, mode):
    page.click(f"#mode label:has([value={mode}])")


def test_a_changed_setting_is_said_until_it_is_used_or_taken_back(visit):
    page = visit()
    choose_mode(page, "classic")
    bring(page)
    assert page.evaluate(NO_HINT)  # the result is of what was set
    choose_mode(page, "best")
    page.wait_for_selector(HINT)
    choose_mode(page, "classic")
    page.wait_for_function(NO_HINT)
    write_for(page, "Midjourney")  # takes no run
    page.wait_for_function("document.querySelector('#prompt textarea').value.includes('--ar')")
    assert page.evaluate(NO_HINT)
    page.get_by_role("button", name="Settings").click()
    page.fill("#set-most input[type=number]", "1")
    page.press("#set-most input[type=number]", "Tab")
    page.wait_for_selector(HINT)
    mark(page)
    page.click("#start")
    page.wait_for_function(NO_HINT)
    finish(page)
    assert len(chips_of(page)) == 1
    page.click("#phrases button[data-phrase]")
    page.get_by_role("menuitem", name="Leave it out").click()  # searches by itself
    page.wait_for_selector("#phrases [data-back=dropped]")
    page.wait_for_function(NO_HINT)
    page.check("#set-with-negative input")
    page.wait_for_selector(HINT)
    page.hover("#picture img")
    page.click("#picture [aria-label='Remove Image'], #picture [title='Remove Image']")
    page.wait_for_function(NO_HINT)  # there is no result


def test_no_artists_is_a_tick_beside_the_button_and_remembered(visit):
    page = visit()
    bring(page)
    assert "by Roy Lichtenstein" in chips_of(page)
    page.check("#no-artists input")
    page.wait_for_selector(HINT)
    mark(page)
    page.click("#start")
    finish(page)
    assert chips_of(page)
    assert "Lichtenstein" not in prompt_of(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Words").click()
    page.wait_for_selector("#set-name-artists [value=none]:checked")
    page.wait_for_selector("#word-counts :text('names an artist')")
    page.click("#set-name-artists label:has([value=no-living])")
    page.wait_for_selector("#no-artists input:not(:checked)")
    page.check("#no-artists input")
    page.uncheck("#no-artists input")
    page.wait_for_selector("#set-name-artists [value=no-living]:checked")
    page.check("#no-artists input")
    choose_mode(page, "best")
    page.wait_for_selector("#set-name-artists [value=none]:checked")
    page.reload()
    page.wait_for_selector("#no-artists input:checked")
    page.wait_for_selector("#mode [value=best]:checked")
    bring(page)
    assert "Lichtenstein" not in prompt_of(page)
    assert page.evaluate(NO_HINT)
    assert not visit().is_checked("#no-artists input")


def test_the_menu_says_why_a_phrase_is_there_and_what_its_numbers_are(visit):
    page = visit()
    bring(page)
    page.click("#phrases button[data-phrase='pop art']")
    why, like = page.locator("[role=menu] p").all_inner_texts()
    assert re.match(r"“pop art” is the likeliest of \d+ movements \(\d+%\)\. It makes the ", why)
    assert "similar each is to the picture" in like
    numbers = page.locator("[role=menu] .chip-value").all_inner_texts()
    assert [float(n) for n in numbers] == sorted(map(float, numbers), reverse=True)
    page.keyboard.press("Escape")
    page.fill("#prompt textarea", "a cat, pop art, green")
    page.wait_for_selector("#phrases button[data-phrase='green']")
    page.click("#phrases button[data-phrase='green']")
    why = page.locator("[role=menu] p").first
    assert why.inner_text().startswith("“green” is a part of the prompt as it stands. It ")
    page.select_option("#language", "de")
    page.wait_for_selector("[role=menu] p:text('ein Teil des Prompts, wie er dasteht. Der Prompt')")


def test_the_map_of_a_phrase_comes_into_view_and_goes_with_the_phrase(visit):
    page = visit(1280, 600)
    bring(page)
    page.click(ARTIST)
    page.get_by_role("menuitem", name="Where is it?").click()
    page.wait_for_selector("#where img")
    page.wait_for_function(
        """() => { const box = document.querySelector("#where img").getBoundingClientRect();
        return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight }"""
    )
    page.click(ARTIST)
    page.get_by_role("menuitem", name="Leave it out").click()
    page.wait_for_selector("#where b", state="detached")
    finish(page)
    bring(page, CITY)
    assert page.locator("#where img").count() == 0


def test_a_negative_that_stands_elsewhere_is_said_and_the_form_holds_while_it_runs(visit, gate):
    page = visit()
    page.check("#set-with-negative input")
    write_for(page, "Midjourney")
    gate.clear()
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_function("document.querySelector('#prompt textarea').value")
    assert prompt_of(page).endswith(" --ar 1:1")
    gate.set()
    finish(page)
    assert re.search(r" --no .+ --ar 1:1$", prompt_of(page))
    field = page.locator("#negative textarea")
    assert field.input_value() == ""
    page.wait_for_function(
        "document.querySelector('#negative textarea').placeholder.includes('behind --no.')"
    )
    assert field.is_visible()
    write_for(page, "FLUX")
    page.wait_for_function(
        "document.querySelector('#negative textarea').placeholder.includes('FLUX reads no neg')"
    )
    write_for(page, "SDXL")
    page.wait_for_function("document.querySelector('#negative textarea').value")
    assert field.get_attribute("placeholder") == ""


def test_what_is_chosen_while_it_runs_is_what_it_is_written_for(visit, gate):
    page = visit()
    gate.clear()
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_function("document.querySelector('#prompt textarea').value")
    write_for(page, "Midjourney")
    gate.set()
    finish(page)
    page.wait_for_function("document.querySelector('#prompt textarea').value.endsWith('--ar 1:1')")


def test_what_it_is_written_for_is_named_in_the_language_of_the_page(visit):
    page = visit(locale="de-DE")
    value = "text => document.querySelector('#target input').value === text"
    page.wait_for_function(value, arg="der Prompt, wie er ist")
    write_for(page, "Midjourney: mit --no")
    page.wait_for_function(value, arg="Midjourney: mit --no und --ar")
    page.select_option("#language", "es")
    page.wait_for_function(value, arg="Midjourney: con --no y --ar")
    page.select_option("#language", "en")
    page.wait_for_function(value, arg="Midjourney: with --no and --ar")
    bring(page)
    assert prompt_of(page).endswith("--ar 1:1")


def test_where_nothing_can_be_drawn_one_line_says_so(visit):
    if not obstacle():
        pytest.skip("a picture can be drawn here")
    page = visit()
    page.click("#round-trip button")
    assert page.inner_text("#redrawn").strip() == obstacle()
    assert page.locator("#redraw:visible").count() == 0


def test_what_an_upload_does_and_what_the_negative_mode_is_not_for_is_said(visit):
    page = visit()
    assert page.inner_text("#at-once") == "The work begins as soon as a picture is here."
    choose_mode(page, "negative")
    said = page.locator("#mode-sentence p:visible").inner_text()
    assert said.startswith("Only what the picture is not. For a prompt with its negative, tick ")
