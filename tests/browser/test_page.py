"""The page in a real browser: what a visitor does, and what a visitor sees."""

import re

import pytest

from interrogator.models.registry import ASSETS
from tests.interrogator.small_captioners import write_custom_clip, write_git

pytestmark = pytest.mark.slow
CAT = ASSETS / "examples" / "cat-pop-art.jpg"
DONE = "#status .status.done"


@pytest.fixture
def page(chromium, app_url):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app_url)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(app_url)
    page.wait_for_selector("#active-models b")
    yield page
    assert page.errors == []
    context.close()


def test_words_are_chosen_and_counted(page):
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Words").click()
    page.fill("#set-own-words textarea", "(a cat in dots:1.3)\n\nfog\nFog")
    page.press("#set-own-words textarea", "Tab")
    dropped = "#word-counts :text('2 lines dropped (blank line 1, duplicate 1)')"
    page.wait_for_selector(dropped)
    page.get_by_text("none – no artist, in no list").click()
    page.wait_for_selector("#word-counts :text('names an artist 38')")
    assert page.locator(dropped).count() == 1
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    assert "by " not in prompt_of(page)
    assert "a cat in dots" in page.content()


def prompt_of(page):
    return page.input_value("#prompt textarea")


def test_upload_read_and_copy_the_prompt(page):
    assert "Demo models are active" in page.inner_text("#active-models")
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    prompt = prompt_of(page)
    assert "cat" in prompt
    assert "pop art" in prompt
    page.click("#prompt button")
    assert page.evaluate("navigator.clipboard.readText()") == prompt
    assert re.search(r"Similarity 0\.\d{3}, \d+ of 77 tokens", page.inner_text("#status"))
    assert page.locator(".bar").count() >= 25


def test_an_example_is_one_click(page):
    page.locator("#examples button, #examples img").first.click()
    page.wait_for_selector(DONE, timeout=60_000)
    assert "abstract composition" in prompt_of(page)


def test_a_bad_file_gets_a_sentence_and_the_next_picture_works(page, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")
    page.set_input_files("#picture input[type=file]", bad)
    page.wait_for_selector("#status .status.error", timeout=60_000)
    assert "not a picture that can be read" in page.inner_text("#status")
    page.wait_for_selector("#picture button.upload-container")  # the broken picture is put away
    assert page.locator("#picture img").count() == 0
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    assert "cat" in prompt_of(page)


def test_pressing_the_button_without_a_picture_says_what_to_do(page):
    page.click("#start")
    page.wait_for_selector("#status .status.error")
    assert "upload one, paste one or pick an example" in page.inner_text("#status")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_screen_needs_no_sideways_scrolling(chromium, app_url, theme):
    page = chromium.new_page(viewport={"width": 375, "height": 800})
    page.goto(f"{app_url}/?__theme={theme}")
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()


def choose_model(page, name, model):
    """Type the name of a model that is not in the list, as a person does."""
    field = page.locator(f"#set-{name} input")
    field.click()
    field.fill(model)
    field.press("Enter")


def test_models_of_ones_own_are_chosen_by_folder(page, tmp_path):
    captioner = write_git(tmp_path / "git")
    clip = write_custom_clip(tmp_path / "siglip", causal=False)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Other models").click()
    choose_model(page, "caption-model", captioner)
    choose_model(page, "clip", clip)
    page.wait_for_selector(f"#models-note :text('{captioner}')")
    page.get_by_role("button", name="How the caption is written").click()
    page.locator("#set-caption-fewest input[type=number]").fill("4")
    page.get_by_role("button", name="Words").click()
    page.fill("#set-own-words textarea", "dots\nstripes\nfog")
    page.get_by_text("in place of our lists").click()
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    words = set(prompt_of(page).replace(",", "").split())
    assert len(words & {"a", "cat", "boat", "on", "the", "sea"}) >= 1
    assert captioner in page.content()
    assert clip in page.content()
    page.get_by_text("Known models").click()
    assert page.get_by_text("Stable Diffusion 2.x").is_visible()


def test_another_caption_is_one_click_and_the_prompt_follows(page):
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    others = page.locator("#captions button")
    count, other = others.count(), others.first.inner_text().strip()
    assert count > 0
    assert not prompt_of(page).startswith(other)
    others.first.click()
    page.wait_for_function(
        "text => document.querySelector('#prompt textarea').value.startsWith(text)", arg=other
    )
    page.wait_for_selector(DONE, timeout=60_000)
    assert page.input_value("#caption input") == other
    assert page.locator("#captions button").count() == count
