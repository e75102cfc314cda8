"""The tab in a running app, through its API and in a browser."""

import json

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

# Gradio leaves event loops open, which are collected in these tests and not in others, and sets an
# option that pandas 3 calls deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client(page):
    client = Client(page.url, verbose=False)
    yield client
    client.close()


def test_race_through_the_api(client):
    race = client.predict(
        shape="12x784x10", lanes=["matmul_torch", "matmul_numpy"], budget=1, api_name="/race"
    )
    json.dumps(race, allow_nan=False)
    assert race["shape"] == "12x784x10"
    assert race["dtype"] == "float32"
    assert [result["strategy"] for result in race["results"]] == ["matmul_numpy", "matmul_torch"]
    assert [result["status"] for result in race["results"]] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"shape": "0x1x1"}, "between 1 and"),
        ({"shape": "1000000x1x1000000"}, "GiB"),
        ({"shape": "many"}, "cannot be read"),
        ({"lanes": ["fastest"]}, "no lane 'fastest'"),
        ({"threads": -1}, "-1 threads"),
        ({"budget": 1e9}, "1 to 120 seconds"),
    ],
)
def test_bad_input_through_the_api_is_a_sentence(client, arguments, complaint):
    with pytest.raises(AppError, match=complaint):
        client.predict(**arguments, api_name="/race")


def test_einsum_through_the_api(client):
    known = client.predict(expression="ik,kj->ij", shapes="2x3, 3x4", api_name="/explain_einsum")
    assert known["result_shape"] == [2, 4]
    assert known["example"] == "result[0, 0] = 1·1 + 2·3 = 7"
    with pytest.raises(AppError, match="does not say what is kept"):
        client.predict(expression="ij,jk", shapes="2x3, 3x4", api_name="/explain_einsum")


def test_only_two_endpoints_are_public_and_they_are_described(client):
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/race", "/explain_einsum"]
    assert not api["unnamed_endpoints"]
    endpoint = api["named_endpoints"]["/race"]
    names = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
    assert names == ["shape", "lanes", "dtype", "device", "threads", "budget", "cache", "baseline"]
    assert all(parameter["parameter_has_default"] for parameter in endpoint["parameters"])


def test_all_that_computes_shares_one_queue(page):
    computing = [fn for fn in page.demo.fns.values() if fn.queue]
    assert computing
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in computing} == {("compute", 1)}


@pytest.fixture
def tab(page, chromium):
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(60_000)
    tab.goto(page.url)
    tab.wait_for_selector(".race")
    yield tab
    tab.close()


def choose(tab, *titles):
    """Leave only these lanes ticked."""
    boxes = tab.locator("#race-lanes")
    if not boxes.is_visible():
        tab.get_by_role("button", name="Lanes").click()
        boxes.wait_for()
    for box in tab.locator("#race-lanes input[type=checkbox]").all():
        name = box.locator("xpath=ancestor::label").inner_text().strip()
        box.set_checked(name in titles)


@pytest.mark.browser
def test_two_lanes_race_and_the_chart_shows_them(tab):
    assert "press Race" in tab.locator(".race-headline").inner_text()
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
    assert tab.locator(".race-table tbody tr").count() == tab.locator(".race-lane").count()


@pytest.mark.browser
def test_stop_ends_the_race_and_the_next_one_starts_clean(tab):
    choose(tab, "Three loops on torch elements (torch)", "A @ B (torch)")
    tab.get_by_label("A square").check()  # fills the sizes
    tab.click("#race-start")
    tab.wait_for_selector(".race-running")
    tab.click("#race-stop")
    tab.wait_for_selector('.race[data-phase="stopped"]')
    tab.wait_for_selector("#race-start:not([disabled])")
    choose(tab, "A @ B (NumPy)")
    tab.click("#race-start")
    tab.wait_for_selector('.race[data-phase="done"]')
    assert "A @ B (NumPy) takes" in tab.inner_text(".race-headline")


@pytest.mark.browser
def test_no_lane_is_a_sentence_on_the_page(tab):
    choose(tab)
    tab.click("#race-start")
    tab.wait_for_selector("text=No lane was chosen; tick at least one.")
    assert tab.locator('.race[data-phase="waiting"]').count() == 1


@pytest.mark.browser
def test_the_code_of_a_chosen_lane_is_shown(tab):
    tab.get_by_label("Lane", exact=True).click()
    tab.get_by_role("option", name="np.einsum (NumPy)").click()
    tab.wait_for_selector("text=def einsum_numpy")
    assert tab.locator("text=no loop is left in Python").count() == 1


@pytest.mark.browser
def test_nothing_overflows_on_a_telephone(tab):
    tab.set_viewport_size({"width": 375, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") == 375
