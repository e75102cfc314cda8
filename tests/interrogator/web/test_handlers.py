"""The API end to end, with a client that knows nothing of our code."""

import base64
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from interrogator.errors import InterrogatorError
from interrogator.images import decode, stored
from interrogator.models.choice import active_notice
from interrogator.models.registry import ASSETS, PRESETS
from interrogator.networks.clip import Clip
from interrogator.prompts.ranking import RankedPhrase
from interrogator.result import Interrogation
from interrogator.vocabulary.artists import Artist
from interrogator.web import folds, views
from interrogator.web.components import undecoded
from interrogator.web.handlers import PATIENCE_SECONDS
from tests.interrogator.images.test_decode import bomb

CAT = ASSETS / "examples" / "cat-pop-art.jpg"


@pytest.fixture(scope="module")
def client(app_url):
    return Client(app_url, verbose=False)


def test_a_picture_gives_the_contracts_json(client):
    done = client.predict(handle_file(CAT), api_name="/interrogate")
    assert "pop art" in done["prompt"]
    assert "cat" in done["caption"]
    assert done["models"]["embedded"] is True


def test_mode_preset_and_caption_are_arguments(client):
    done = client.predict(
        handle_file(CAT), mode="classic", preset="demo", caption="a tomcat", api_name="/interrogate"
    )
    assert done["mode"] == "classic"
    assert done["prompt"].startswith("a tomcat, ")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"a text", "not a picture"),
        (CAT.read_bytes()[:2000], "damaged"),
        (bomb(10_000, 10_000), "too large"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
    ids=["empty", "text", "cut", "100 MP", "svg"],
)
def test_a_bad_file_gets_a_sentence_and_the_next_picture_works(client, tmp_path, data, says):
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(AppError, match=says):
        client.predict(handle_file(path), api_name="/interrogate")
    assert client.predict(handle_file(CAT), api_name="/interrogate")["prompt"]


def test_no_picture_at_all_gets_a_sentence(client):
    with pytest.raises(AppError, match="no picture yet"):
        client.predict(None, api_name="/interrogate")


@pytest.mark.parametrize(
    ("data", "says"),
    [(bomb(10_000, 10_000), "too large"), (b"text", "not a picture"), (b"", "empty")],
)
def test_a_data_url_meets_the_same_limits(client, data, says):
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    payload = {"url": url, "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match=says):
        client.predict(payload, api_name="/interrogate")


def test_an_address_is_fetched_within_limits(client, monkeypatch, tmp_path):
    asked = []

    async def fetch(address, folder):
        asked.append(address)
        if "large" in address:
            raise InterrogatorError("The file at the address has over 30 MB.")
        path = folder / "by-address" / "picture"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(CAT.read_bytes())
        return path

    monkeypatch.setattr("interrogator.images.sources.fetch", fetch)
    mark = {"meta": {"_type": "gradio.FileData"}}
    done = client.predict({"path": "http://example.org/cat.jpg", **mark}, api_name="/interrogate")
    assert "cat" in done["caption"]
    with pytest.raises(AppError, match="over 30 MB"):
        client.predict({"path": "https://example.org/large", **mark}, api_name="/interrogate")
    assert asked == ["http://example.org/cat.jpg", "https://example.org/large"]


def test_a_preset_that_cannot_be_had_is_refused_by_name(client):
    with pytest.raises(AppError, match="'light' are not on this machine"):
        client.predict(handle_file(CAT), preset="light", api_name="/interrogate")


def test_the_endpoint_describes_its_arguments(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    described = endpoints["/interrogate"]
    names = [p["parameter_name"] for p in described["parameters"]]
    assert names == [
        "picture", "mode", "preset", "caption", "with_negative", "artists", "fewest", "most",
        "pinned", "dropped", "banned", "seconds", "judge",
        "name_artists", "own_words", "own_files", "own_lists", "caption_model", "clip",
        "caption_beams", "caption_fewest", "caption_most", "caption_no_repeat", "daring",
        "caption_detail", "target",
    ]  # fmt: skip
    assert all(p["parameter_has_default"] for p in described["parameters"][1:])
    assert "Write the prompt" in described["description"]


def request_for(handlers, preset=None, mode="best"):
    return handlers.request({"preset": preset, "mode": mode})


def test_the_caption_is_drawn_before_the_ranking_is_finished(handlers):
    drawn = list(handlers.draw(str(CAT), request_for(handlers)))
    captions = [i for i, d in enumerate(drawn) if d.caption and "a cat" in d.caption]
    ranked = [i for i, d in enumerate(drawn) if d.explained and "pop art" in d.explained]
    prompts = [i for i, d in enumerate(drawn) if d.prompt]
    assert captions[0] < ranked[0] < prompts[0]
    last = drawn[-1]
    assert "Done in" in last.status
    assert 'data-phrase="by Roy Lichtenstein"' in last.phrases
    assert all(f">{name}<" in last.explained for name in ("caption", "classic", "fast", "best"))
    assert "embedded" in last.explained


def test_a_search_is_drawn_with_what_it_found_and_its_curve(handlers, monkeypatch):
    monkeypatch.setattr("interrogator.web.updates.DRAW_SECONDS", 0.0)
    drawn = list(handlers.draw(str(CAT), request_for(handlers)))
    searching = [d for d in drawn if "Searching" in d.status]
    assert re.search(r"Searching: 1 prompt compared, the best so far 0\.\d{3}", searching[0].status)
    assert re.search(r"Searching: \d+ prompts compared", searching[-1].status)
    found = [re.search(r"so far ([\d.]+) similar", d.status)[1] for d in searching]
    assert found == sorted(found)
    points = re.search(r'points="([^"]+)"', drawn[-1].status)[1].split()
    assert len(points) == len(set(found))


def test_what_is_left_is_told_where_it_is_known(handlers, monkeypatch):
    monkeypatch.setattr("interrogator.web.updates.DRAW_SECONDS", 0.0)
    request = request_for(handlers)
    handlers._usual.clear()
    first = [d.status for d in handlers.draw(str(CAT), request)]
    assert not any("left" in line or "last time" in line for line in first)
    handlers._usual = dict.fromkeys(handlers._usual, 100.0)
    second = [d.status for d in handlers.draw(str(CAT), request)]
    assert any("about 100 s left, if it takes as long as the last time" in line for line in second)


def test_an_error_is_drawn_as_a_sentence_and_puts_the_picture_away(handlers):
    *_, last = handlers.draw(b"text", request_for(handlers))
    assert last.no_picture
    assert "not a picture" in last.status
    assert 'role="alert"' in last.status
    (nothing,) = handlers.draw(None, request_for(handlers))
    assert not nothing.no_picture


def test_a_prompt_is_scored_as_it_is_typed_without_another_look(handlers, monkeypatch):
    request = request_for(handlers)
    features = [d.features for d in handlers.draw(str(CAT), request)][-1]
    monkeypatch.setattr(Clip, "encode_images", lambda *_: pytest.fail("looked at again"))
    (drawn,) = handlers.rescore(str(CAT), "a cat, pop art", request, features, "Stopped. ")
    assert re.search(r"Stopped\. Similarity 0\.\d{3}, 7 of 77 tokens\.", drawn.status)
    assert 'data-phrase="a cat"' in drawn.phrases
    assert 'data-phrase="pop art"' in drawn.phrases
    (long,) = handlers.rescore(str(CAT), "a cat " * 300, request, features)
    assert "77 of 77 tokens; what is beyond is not read" in long.status
    (endless,) = handlers.rescore(str(CAT), "a cat " * 9000, request, features)
    assert 'role="alert"' in endless.status


def test_a_bug_is_logged_and_told_without_a_traceback(handlers, monkeypatch, caplog):
    monkeypatch.setattr(handlers.service, "prepare", lambda *a, **k: 1 / 0)
    *_, last = handlers.draw(str(CAT), request_for(handlers))
    assert "on our side" in last.status
    assert "ZeroDivisionError" not in str(last)
    assert "ZeroDivisionError" in caplog.text


def test_loading_is_shown_with_its_progress(handlers, monkeypatch):
    def slow(request, report, *_):
        report("Downloading some/model: 5 of 10 MB", 0.5)
        raise InterrogatorError("The disk is full.")

    monkeypatch.setattr(handlers.service, "prepare", slow)
    lines = [drawn.status for drawn in handlers.draw(str(CAT), request_for(handlers, "quality"))]
    assert any("5 of 10 MB" in line and "width:50.0%" in line for line in lines)
    assert "The disk is full." in lines[-1]


def test_files_are_fetched_before_a_turn_and_no_picture_is_worth_no_download(handlers, monkeypatch):
    asked = []

    def slow(request, report):
        asked.append((request.names.preset, request.judge))
        report("Downloading some/model: 5 of 10 MB", 0.5)

    monkeypatch.setattr(handlers.service, "fetch", slow)
    drawn = [drawn for drawn in handlers.fetch(str(CAT), request_for(handlers, "light")) if drawn]
    assert "5 of 10 MB" in drawn[0].status
    assert "Waiting for your turn" in drawn[-1].status
    for picture, says in ((None, "no picture yet"), (b"text", "not a picture")):
        with pytest.raises(InterrogatorError, match=says):
            list(handlers.fetch(picture, request_for(handlers, "light")))
    assert asked == [("light", None)]


def test_a_failed_fetch_is_drawn_and_ends_it(handlers, monkeypatch):
    def refuse(*_):
        raise InterrogatorError("The disk is full.")

    monkeypatch.setattr(handlers.service, "fetch", refuse)
    drawn, telling = [], handlers.fetch(str(CAT), request_for(handlers, "light"))
    with pytest.raises(InterrogatorError, match="disk is full"):
        drawn.extend(one for one in telling if one)
    assert "The disk is full." in drawn[-1].status
    assert 'role="alert"' in drawn[-1].status
    assert drawn[-1].prompt is None, "what stands on the page is taken away"


def test_a_program_waits_for_a_download_for_a_while_alone(handlers, monkeypatch):
    patience = []
    monkeypatch.setattr(handlers.service, "fetch", lambda *values: patience.append(values[-1]))
    assert handlers.interrogate(str(CAT), {"mode": "fast"})["prompt"]
    assert patience == [PATIENCE_SECONDS]


def test_the_notice_names_the_active_models_and_says_why(handlers):
    notice, chooser, note = handlers.greet()
    assert "on this machine already" in note
    assert "Demo models are active" in notice
    assert "The hub is not there." in notice
    assert chooser == "demo"
    assert "choose the preset light or quality" in notice
    assert "Salesforce/blip-image-captioning-large" in active_notice(PRESETS["quality"])


def test_a_preset_tells_its_download_before_it_is_used(handlers, monkeypatch):
    monkeypatch.setattr("interrogator.web.handlers.download_bytes", lambda names: 2_600_000_000)
    assert "2.6 GB to download once" in handlers.describe_models({"preset": "quality"})
    monkeypatch.setattr("interrogator.web.handlers.download_bytes", lambda names: 2_345_678)
    assert "2.3 MB to download once" in handlers.describe_models({"preset": "quality"})
    monkeypatch.setattr("interrogator.web.handlers.download_bytes", lambda names: 0)
    assert "on this machine already" in handlers.describe_models({"preset": "quality"})


def test_an_upload_is_handed_over_undecoded():
    uploaded = str(Path(get_upload_folder()) / "x.png")
    assert undecoded(None) is None
    assert undecoded({"path": uploaded}) == uploaded
    assert undecoded({"url": "data:image/png;base64,aGk="}) == b"hi"
    with pytest.raises(InterrogatorError, match="neither an address"):
        undecoded({"url": "file:///etc/passwd"})
    for damaged in ("%%%", "é"):
        with pytest.raises(InterrogatorError, match="damaged"):
            undecoded({"url": f"data:image/png;base64,{damaged}"})


@pytest.mark.parametrize("mark", [{}, {"meta": {}}, {"meta": {"_type": "gradio.FileData"}}])
def test_no_client_can_have_a_file_of_the_server_read(app_url, tmp_path, mark):
    secret = tmp_path / "secret.png"
    secret.write_bytes(CAT.read_bytes())
    call = f"{app_url}/gradio_api/call/interrogate"
    payload = {"data": [{"path": str(secret), **mark}, "fast", "demo", ""]}
    asked = httpx.post(call, json=payload, timeout=60)
    if asked.status_code == 200:
        told = httpx.get(f"{call}/{asked.json()['event_id']}", timeout=60).text
        assert "event: error" in told
        assert "prompt" not in told


HOSTILE = "<img src=x onerror=alert(1)>\"' ${1+1} {{x}}"


def test_what_comes_from_outside_is_escaped(handlers):
    values = {
        "preset": "demo", "caption": HOSTILE, "pinned": [HOSTILE], "dropped": ["<b>", '"'],
        "banned": "<i>", "own_words": "<u>fog</u>",
    }  # fmt: skip
    drawn = list(handlers.draw(str(CAT), handlers.request(values)))
    last = drawn[-1]
    assert ">&lt;img src=x onerror=alert(1)&gt;" in last.phrases
    html = last.phrases + last.notes + last.explained + last.status + views.status("<b>")
    assert not re.search(r"<(img|b|i|u)[ >]", html)
    (scored,) = handlers.rescore(str(CAT), HOSTILE, handlers.request(values))
    assert "<img" not in scored.phrases


def test_what_is_kept_left_out_and_banned_is_shown_to_be_taken_back(handlers):
    values = {
        "preset": "demo",
        "pinned": ["Pop art"],
        "dropped": ["vibrant colors"],
        "banned": "by",
    }
    *_, last = handlers.draw(str(CAT), handlers.request(values))
    assert re.search(r'class="chip[^"]* kept"[^>]* data-phrase="pop art"', last.phrases)
    assert 'data-back="dropped" data-text="vibrant colors"' in last.phrases
    assert 'data-back="banned" data-text="by"' in last.phrases


def test_what_is_left_out_but_stands_in_the_caption_is_said(handlers):
    values = {"preset": "demo", "caption": "a cat in pop art", "dropped": ["pop art"]}
    *_, last = handlers.draw(str(CAT), handlers.request(values))
    assert "The caption says “pop art” too" in last.notes


def test_the_years_of_an_artist_are_told_where_they_are_known():
    phrases = [RankedPhrase(name, "artists", 0.3, 0.1, 0.1) for name in ("by A", "by B", "by C")]
    state = Interrogation("fast", {}, {}, ranked={"artists": phrases})
    artists = {"by A": Artist("A", 1471, 1528), "by B": Artist("B", 1961)}
    html = folds.ranked(state, artists)
    assert "1471–1528" in html
    assert "1961–<" in html
    assert "none stands out" in html
    assert html.count("–<") == 1


def with_words(path, prompt, negative=""):
    path.write_bytes(stored.with_prompt(CAT.read_bytes(), prompt, negative))
    return str(path)


def test_a_prompt_in_the_pictures_file_is_shown_beside_ours_as_text(handlers, tmp_path):
    path = with_words(tmp_path / "cat.jpg", f"a cat, pop art, {HOSTILE}", "dogs")
    *_, last = handlers.draw(path, request_for(handlers, "demo", "fast"))
    assert "a cat, pop art, &lt;img" in last.notes
    assert "<img" not in last.notes
    score = handlers.score(path, f"a cat, pop art, {HOSTILE}", {"preset": "demo"})["similarity"]
    assert f"Similarity {score:.3f}." in last.notes
    *_, none = handlers.draw(str(CAT), request_for(handlers, "demo", "fast"))
    assert "stored" not in none.notes


def test_metadata_that_is_too_much_is_said_and_a_stored_prompt_without_words_is_not_shown(
    handlers, tmp_path
):
    info = PngInfo()
    info.add_text("parameters", ", ,, ")
    info.add_text("large", "a" * 3_000_000)
    Image.open(CAT).save(tmp_path / "cat.png", pnginfo=info)
    *_, last = handlers.draw(str(tmp_path / "cat.png"), request_for(handlers, "demo", "fast"))
    assert "Done in" in last.status
    assert "MB of metadata" in last.notes
    assert "stored" not in last.notes


def test_ours_is_written_into_a_copy(handlers, tmp_path):
    copy = handlers.write_copy(str(CAT), "a cat, pop art", "a dog", tmp_path)
    assert copy == tmp_path / CAT.name
    (found, *_) = stored.read(copy).prompts
    assert (found.prompt, found.negative) == ("a cat, pop art", "a dog")
    with pytest.raises(InterrogatorError, match="no picture yet"):
        handlers.write_copy(None, "a", "", tmp_path)


def test_where_a_phrase_is_seen_is_shown_over_the_picture(handlers):
    html = handlers.where(str(CAT), "cat <b>", {"preset": "demo"})
    address = re.search(r'src="data:image/jpeg;base64,([^"]+)"', html)[1]
    shown = decode.read(base64.b64decode(address))
    assert max(shown.size) <= 480
    original = decode.read(str(CAT)).resize(shown.size)
    assert np.abs(np.asarray(shown, int) - np.asarray(original, int)).max() > 60  # something is lit
    assert "<b>cat" not in html
    assert re.search(r"costs 0\.\d{3} of -?\d\.\d{3}", html)
    assert 'role="alert"' in handlers.where(None, "cat", {"preset": "demo"})


def test_a_guess_is_told_beside_the_prompt(handlers, tmp_path):
    Image.effect_noise((256, 256), 80).save(tmp_path / "noise.png")
    for path, guess in ((CAT, False), (tmp_path / "noise.png", True)):
        *_, last = handlers.draw(str(path), request_for(handlers))
        assert (views.GUESS in last.status) is guess
