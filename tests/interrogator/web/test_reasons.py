"""Why a phrase stands in a prompt, in words, and what is drawn while a search goes on."""

import re
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from PIL import Image

from interrogator.explanation import reason, reason_of_part
from interrogator.images import decode
from interrogator.insight.round_trip import NOT_HERE
from interrogator.models.registry import ASSETS
from interrogator.prompts.rules import Rules
from interrogator.result import Interrogation, PromptPart, PromptPhrase
from interrogator.web.updates import SearchView
from tests.interrogator.web.test_languages import has_row, texts_of

CAT = ASSETS / "examples" / "cat-pop-art.jpg"
POP_ART = PromptPhrase("pop art", "movements", 0.2, 0.0114, 0.999, (), (1, 1102))
MORE = "It makes the prompt 0.011 more similar to the picture"


@pytest.mark.parametrize(
    ("phrase", "mode", "rules", "says"),
    [
        (POP_ART, "fast", Rules(), "is the likeliest of 1,102 movements (100%). " + MORE + "."),
        (
            replace(POP_ART, place=(3, 1102), confidence=0.7, contribution=-0.002), "best", Rules(),
            "is number 3 of 1,102 movements by likelihood (70%). It makes the prompt 0.002 less "
            "similar to the picture; it stands here because it is likely true of the picture.",
        ),
        (
            replace(POP_ART, contribution=0.0001), "best", Rules(),
            "leaves the similarity of the prompt as it is; it stands here because it is likely",
        ),
        (replace(POP_ART, confidence=0.2), "best", Rules(daring=1), f"(20%). {MORE}; it is a"),
        (POP_ART, "best", Rules(pinned=("Pop Art",)), f"{MORE}; it stands here because you keep"),
        (replace(POP_ART, place=None), "best", Rules(pinned=("pop art",)), "is in no list. It"),
        (
            replace(POP_ART, category="negative", contribution=-0.1, confidence=0.0), "negative",
            Rules(), "list “negative”, and unlike the picture. It makes the prompt 0.100 less "
            "similar to the picture; that is what this mode looks for.",
        ),
    ],
)  # fmt: skip
def test_a_phrase_has_its_reason_in_every_language(phrase, mode, rules, says):
    text = reason(phrase, mode, rules)
    assert says in text
    assert text.startswith("“pop art” is ")
    assert has_row(text)


def test_a_part_of_the_caption_is_told_from_one_that_somebody_wrote():
    captions = ["", "a cat on a mat"]
    told = [
        reason_of_part(PromptPart(text, 0.0114), captions, Rules(pinned=("green",)))
        for text in ("a cat", "green")
    ]
    assert told == [
        f"“a cat” belongs to the caption. {MORE}.",
        f"“green” is a part of the prompt as it stands. {MORE}; it stands here because you "
        "keep it.",
    ]
    assert all(map(has_row, told))


def test_a_prompt_that_grows_has_the_form_of_the_finished_one(handlers):
    for target, begins, ends in (
        ("midjourney", "a screen print", " --ar 1:1"), ("sd3", "A screen print", "."),
    ):  # fmt: skip
        values = {"preset": "demo", "mode": "best", "target": target, "with_negative": True}
        request = handlers.request(values)
        drawn = list(handlers.draw(str(CAT), request))
        prompts = [update.prompt for update in drawn if update.prompt]
        assert len(prompts) > 1
        assert all(p.startswith(begins) and p.endswith(ends) for p in prompts), prompts
    assert "in the style of" in prompts[0]


def test_a_search_draws_the_negative_where_the_target_has_it():
    state = Interrogation(
        "best", {}, {}, prompt="a cat", negative_prompt="blurry", similarity=0.1, tried=1,
        size=(16, 9), target="midjourney",
    )  # fmt: skip
    drawn = SearchView(None, {}).drawn(state)
    assert drawn.prompt == "a cat --no blurry --ar 16:9"
    assert drawn.negative == ""
    assert texts_of(drawn.status)


def test_a_picture_drawn_from_the_prompt_stands_beside_the_original(handlers, monkeypatch):
    drawn = SimpleNamespace(images=[Image.new("RGB", (64, 64), "red")])
    values = {"preset": "demo", "target": "midjourney"}
    ask = partial(handlers.draw_again, str(CAT), "<b> a cat --ar 1:1", "", values)
    monkeypatch.setattr("interrogator.web.handlers.obstacle", lambda: NOT_HERE)
    assert NOT_HERE in ask()
    monkeypatch.setattr("interrogator.web.handlers.obstacle", str)
    monkeypatch.setattr("interrogator.web.handlers.load_painter", lambda runtime: lambda **_: drawn)
    shown = ask()
    assert shown.count("<img src") == 2
    assert '<p translate="no">&lt;b&gt; a cat</p>' in shown
    assert re.search(r"Similarity of the two pictures: -?0\.\d{3}\.", shown)
    assert all(has_row(text) for text in texts_of(shown) if "a cat" not in text)
    assert "no prompt" in handlers.draw_again(str(CAT), " --ar 1:1", "", values)
    for why in ("diffusers is missing", "no GPU was found"):
        assert has_row(NOT_HERE.format(why))


def test_what_is_like_a_phrase_is_in_the_order_of_what_is_shown(handlers):
    request = handlers.request({"preset": "demo"})
    *_, done = handlers.service.interrogate(decode.read(str(CAT)), request)
    for phrase in done.phrases:
        similar = [similarity for _, similarity in phrase.alike]
        assert similar == sorted(similar, reverse=True)
        place, length = phrase.place
        assert 1 <= place <= length
