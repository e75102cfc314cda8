"""The page under its Content-Security-Policy, and with words that would like to be HTML."""

import shutil

import pytest

from interrogator.models.registry import ASSETS

pytestmark = pytest.mark.slow
CAT = ASSETS / "examples" / "cat-pop-art.jpg"
DONE = "#status .status.done"
HOSTILE = '<img src=x onerror="window.hacked=1">'


@pytest.fixture
def page(chromium, app_url):
    page = chromium.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda line: page.complaints.append(line.text) if line.type == "error" else None,
    )
    page.goto(app_url)
    page.wait_for_selector("#active-models b")
    yield page
    page.close()


def test_both_tabs_work_under_the_security_policy(page):
    page.set_input_files("#picture input[type=file]", CAT)
    page.wait_for_selector(DONE, timeout=60_000)
    assert "cat" in page.input_value("#prompt textarea")
    page.get_by_role("tab", name="Matmul race").click()
    page.get_by_role("tab", name="Einsum").click()
    card = "document.querySelector('#einsum-card').innerHTML"
    before = page.evaluate(card)
    page.fill("#einsum-expression textarea, #einsum-expression input", "ab,bc->ac")
    page.click("#einsum-start")
    page.wait_for_function(f"before => {card} !== before", arg=before, timeout=60_000)
    assert page.complaints == []


def test_words_and_names_of_files_never_become_html(page, tmp_path):
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Words").click()
    page.fill("#set-own-words textarea", f"{HOSTILE}\nfog")
    page.press("#set-own-words textarea", "Tab")
    counted = "document.querySelector('#word-counts').innerText"
    page.wait_for_function(f"!{counted}.includes('counted here')")
    named = tmp_path / f"{HOSTILE.replace('/', '')}.jpg"
    shutil.copyfile(CAT, named)
    page.set_input_files("#picture input[type=file]", named)
    page.wait_for_selector(DONE, timeout=60_000)
    page.get_by_role("tab", name="Matmul race").click()
    page.get_by_role("tab", name="Einsum").click()
    page.fill("#einsum-expression textarea, #einsum-expression input", HOSTILE)
    page.click("#einsum-start")
    page.wait_for_timeout(500)  # a picture that is not there takes a moment to fail
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_script_in_an_attribute_is_not_run_where_html_gets_in_after_all(page):
    page.evaluate(f"document.body.insertAdjacentHTML('beforeend', `{HOSTILE}`)")
    page.wait_for_function("document.querySelector('img[src=x]').complete")
    assert page.evaluate("window.hacked") is None
    assert any("script-src-attr" in line for line in page.complaints)
