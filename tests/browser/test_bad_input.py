"""What nobody should give the page: far too much of it, and HTML. It is text, or a sentence."""

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.browser.test_workbench import CAT, CITY, bring, chips_of, finish, mark, prompt_of

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>${1+1}{{x}}"
PAGE = "a cat on a chair, asleep in the sun, oil painting, " * 60  # about 3,000 characters
ERROR = "#status .status.error"


def open_words(page):
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Words").click()


def type_words(page, text):
    page.fill("#set-own-words textarea", text)
    page.press("#set-own-words textarea", "Tab")


def paste_words(page, app_url, text):
    """As a person does: typed line by line, so much takes Chromium minutes."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app_url)
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.focus("#set-own-words textarea")
    page.keyboard.press("Control+V")
    page.press("#set-own-words textarea", "Tab")


def nothing_ran(page):
    """No element came of the HTML; a script's alert would fail the visit."""
    assert page.locator("img[src=x], #workbench script, [onerror]").count() == 0


def with_texts(path, *texts):
    """Write the cat as a PNG with texts in its metadata, as A1111 stores prompts."""
    info = PngInfo()
    for place, text in enumerate(texts):
        info.add_text("parameters" if place == 0 else f"text{place}", text)
    Image.open(CAT).save(path, pnginfo=info)
    return path


def test_five_thousand_phrases_get_a_sentence_and_fewer_are_ranked(visit, app_url):
    page = visit()
    open_words(page)
    paste_words(page, app_url, "\n".join(f"phrase number {i}" for i in range(5000)))
    sentence = "Your lists have 5,000 phrases; up to 2,000 are read here."
    page.wait_for_selector(f"#word-counts :text('{sentence}')", timeout=60_000)
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(f"#status :text('{sentence}')", timeout=60_000)
    assert prompt_of(page) == ""
    type_words(page, "a cat in dots\nfog")
    page.wait_for_selector("#word-counts :text('2 phrases')")
    mark(page)
    page.click("#start")
    finish(page)
    assert "cat" in prompt_of(page)


def test_forty_pages_of_prompt_or_caption_get_a_sentence(visit):
    page = visit()
    bring(page)
    good = prompt_of(page)
    page.fill("#prompt textarea", PAGE * 40)
    page.wait_for_selector(f"{ERROR} :text('The prompt has over')", timeout=60_000)
    page.fill("#prompt textarea", PAGE[:1900])  # scored as far as it is read
    page.wait_for_selector("#status :text('what is beyond is not read')", timeout=60_000)
    page.fill("#prompt textarea", good)
    page.wait_for_selector("#phrases button[data-phrase='pop art']")
    page.fill("#caption input", PAGE * 40)
    page.keyboard.press("Enter")
    page.wait_for_selector(ERROR, timeout=60_000)
    assert "caption" in page.inner_text("#status").lower()
    mark(page)
    page.fill("#caption input", "a comic cat")
    page.keyboard.press("Enter")
    finish(page)
    assert prompt_of(page).startswith("a comic cat")


def test_ten_megabytes_of_metadata_are_left_unread_and_the_picture_is_not(visit, tmp_path):
    page = visit()
    for texts in (["a" * 10_000_000], ["a cat, pop art", *["b" * 1_900_000] * 6]):
        bring(page, with_texts(tmp_path / "large.png", *texts))
        assert "cat" in prompt_of(page)
        page.wait_for_selector("#notes :text('MB of metadata')")
    assert page.inner_text(".stored [translate=no]") == "a cat, pop art"
    bring(page, with_texts(tmp_path / "long.png", PAGE * 40))  # it is shown, cut
    assert 1000 < len(page.inner_text(".stored [translate=no]")) <= 2000
    bring(page, with_texts(tmp_path / "empty.png", ", ,, "))  # nothing to score
    assert "cat" in prompt_of(page)
    assert page.locator(".stored").count() == 0
    bring(page, CITY)
    assert page.locator("#notes :text('MB of metadata')").count() == 0


def test_html_is_text_wherever_it_comes_from(visit, tmp_path):
    page = visit()
    open_words(page)
    type_words(page, f"{HOSTILE}\nfog")
    page.wait_for_selector("#word-counts :text('phrase')")
    path = with_texts(tmp_path / "<b onmouseover=alert(1)>.png", f"a cat, {HOSTILE}")
    bring(page, path)
    assert page.inner_text(".stored [translate=no]") == f"a cat, {HOSTILE}"
    page.click("[data-act=use]")
    page.wait_for_selector("#phrases button[data-phrase='a cat']")
    assert HOSTILE in chips_of(page)
    page.locator("#phrases button", has_text="onerror").click()
    page.get_by_role("menuitem", name="Where is it?").click()
    page.wait_for_selector("#where img[src^='data:']", timeout=60_000)
    assert page.inner_text("#where b") == HOSTILE
    nothing_ran(page)
    mark(page)
    page.fill("#caption input", HOSTILE)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('<img')")
    finish(page)
    nothing_ran(page)
    page.click("[data-fold=history] summary")
    page.wait_for_selector(".history li p:text('<img src=x')")
    nothing_ran(page)
    page.click("#copy")  # a file by that name comes back
    bring(page, CITY)
    nothing_ran(page)
