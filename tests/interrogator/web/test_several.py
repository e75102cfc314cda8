"""Several pictures, one prompt: what is read, composed and told, without a browser."""

import io
import re
from html import unescape

import pytest
from PIL import Image

from interrogator.images import decode
from interrogator.insight.together import shared
from interrogator.models.registry import ASSETS
from interrogator.networks.clip import direction
from interrogator.settings import Settings
from interrogator.web.several import work
from interrogator.web.several.work import NamedFile

EXAMPLES = ("cat-pop-art", "city-art-deco", "moon-expressionism")
HOSTILE = "<img src=x onerror=alert(1)>.png"


def files(*names):
    return [NamedFile(str(ASSETS / "examples" / f"{name}.jpg"), f"{name}.jpg") for name in names]


def broken(folder, name, data):
    path = folder / f"{len(list(folder.iterdir()))}.png"
    path.write_bytes(data)
    return NamedFile(str(path), name)


def draw(handlers, several, **values):
    request = handlers.request({"preset": "demo", **values})
    return list(work.draw(handlers.service, several, request))[-1]


def test_each_similarity_and_misfit_is_that_of_the_picture_alone(demo):
    pictures = [decode.read(file.path) for file in files(*EXAMPLES)]
    found = shared(demo, pictures, Settings())
    clip, prompt = demo.models.clip, found.found.prompt
    text = clip.encode_text([prompt])[0]
    for picture, score in zip(pictures, found.each, strict=True):
        cosine = float(text @ direction(clip.encode_pair(picture)))
        assert score.similarity == pytest.approx(cosine, abs=1e-6)
        assert score == demo.score(picture, prompt)


def test_pictures_that_share_no_subject_get_a_prompt_without_a_caption(demo):
    fruit, moon = (decode.read(f.path) for f in files("fruit-cubism", "moon-expressionism"))
    done = shared(demo, [fruit, moon], Settings()).found
    assert done.prompt == "oil painting"  # both are; nothing else is true of both
    assert done.notes[1] == "No caption is true of them all."
    own = shared(demo, [fruit, moon], Settings(caption="a picture")).found
    assert own.prompt == "a picture, oil painting"
    same = shared(demo, [fruit, fruit.rotate(2, fillcolor="white")], Settings()).found
    assert same.prompt.startswith(same.caption)
    assert same.caption


def test_three_broken_of_twelve_are_told_by_name_and_the_others_go_on(handlers, tmp_path):
    empty = io.BytesIO()
    Image.new("RGB", (9, 9)).save(empty, "PNG")
    bad = [
        broken(tmp_path, HOSTILE, b"no picture"),
        broken(tmp_path, "empty.png", b""),
        broken(tmp_path, "cut.png", empty.getvalue()[:40]),
    ]
    prompt, report = draw(handlers, [*bad, *files(*EXAMPLES * 3)])
    assert prompt
    assert report.count("<li><img") == 9
    assert "One prompt for 9 pictures." in report
    assert HOSTILE not in report
    told = unescape(re.sub(r"<[^>]*>", "\n", report))
    for file in bad:
        assert file.name in told
    assert "is empty" in told


def test_what_does_not_fit_a_picture_is_told_beside_it(handlers):
    several = files("cat-pop-art", "moon-expressionism")
    _, report = draw(handlers, several, pinned=["pop art"])
    rows = re.findall(r"<li><img.*?</li>", report)
    numbers = [float(re.search(r'<b class="num">(-?0\.\d{3})', row)[1]) for row in rows]
    assert numbers[0] > numbers[1]
    assert "Does not fit:" not in rows[0]
    assert re.search(r'Does not fit:.*>pop art</span> <span class="num">-0.', rows[1])


def test_too_many_and_too_few_get_a_sentence(handlers, tmp_path):
    many = draw(handlers, files(*EXAMPLES * 5))
    assert many[0] == ""
    assert "15 files are too many: choose up to 12." in many[1]
    assert "two pictures or more" in draw(handlers, files("cat-pop-art"))[1]
    one = [broken(tmp_path, "bad.png", b"no"), *files("cat-pop-art")]
    report = draw(handlers, one)[1]
    assert "two pictures or more" in report
    assert "bad.png" in report


def test_the_chosen_target_and_mode_count(handlers):
    several = files("cat-pop-art", "cat-pop-art")
    plain, _ = draw(handlers, several, mode="best")
    tags, _ = draw(handlers, several, mode="best", target="a1111")
    assert "(" in tags
    assert "(" not in plain


def test_a_bug_is_a_sentence_too(handlers, monkeypatch):
    monkeypatch.setattr(handlers.service, "ask_steps", lambda *_: iter([1]))
    assert "in the server's log" in draw(handlers, files(*EXAMPLES))[1].replace("&#x27;", "'")


def test_the_best_so_far_is_shown_with_what_stands_there_once_it_is_stopped(handlers, monkeypatch):
    monkeypatch.setattr(work, "DRAW_SECONDS", 0)
    request = handlers.request({"preset": "demo", "mode": "best"})
    drawn = list(work.draw(handlers.service, files("cat-pop-art", "cat-pop-art"), request))
    searching = [(prompt, report) for prompt, report in drawn if "Searching" in report]
    assert len(searching) > 1
    for prompt, report in searching:
        similarity = re.search(r"the best so far (0\.\d{3}) similar", report)[1]
        assert prompt
        assert f"best so far. Similarity with their mean {similarity}." in report
    assert "<template>" not in drawn[-1][1]
