"""What requests cost, known before it is spent, and that none costs more than is given."""

import contextlib
import dataclasses
import math
import random

import pytest
import torch

from benchmarks.hostile_requests import CAT, hostile_values
from interrogator.errors import InterrogatorError
from interrogator.networks.captioning import MOST_BEAMS, MOST_TOKENS
from interrogator.options import OPTIONS, parse
from interrogator.prompts import table
from interrogator.request import request_of
from interrogator.serving.price import (
    HOLD_SECONDS,
    MOST_BYTES,
    SEARCH_SECONDS,
    Price,
    Sizes,
    check_price,
    price_of,
    sizes_of,
    within_time,
)
from interrogator.serving.service import Service
from interrogator.settings import Settings


def words(text):
    return len(text.split()) + 2


# As large as the models of `sdxl`: BLIP large, and the text tower of ViT-bigG-14.
LARGE = Sizes(446_000_000, 695_000_000, 1280, 77, "cpu", words)


def asked(**values):
    return request_of(parse({"preset": "demo", **values}, "api"), lambda: "demo")


def test_the_price_is_that_of_the_arithmetic():
    phrases = "\n".join(f"phrase number {n}" for n in range(100))
    price = price_of(asked(own_words=phrases, caption="a cat"), LARGE)
    assert price.seconds["your own phrases"] == pytest.approx(2 * 695e6 * 100 * 5 / 100e9)
    assert price.seconds["the caption"] == price.seconds["the search"] == 0
    assert price.bytes == 4 * 100 * 1280 * 4
    caption = price_of(asked(caption_beams=10, caption_most=200), LARGE).seconds["the caption"]
    assert caption == pytest.approx(200 * 4 * 446e6 / 8e9)  # reading the weights takes longest
    several = price_of(asked(), LARGE, prompt="a, b, c").seconds["the parts of the prompt"]
    assert several == pytest.approx(2 * 695e6 * 3 * 77 / 100e9)


def test_a_search_without_limit_has_one():
    assert price_of(asked(mode="best"), LARGE).seconds["the search"] == SEARCH_SECONDS
    assert within_time(Settings("best")).seconds == SEARCH_SECONDS
    assert within_time(Settings("best", seconds=3)).seconds == 3


def test_what_is_too_dear_is_refused_with_its_price_and_what_to_do():
    with pytest.raises(InterrogatorError, match=r"about 320 seconds.*280 of them for the caption"):
        check_price(Price({"the caption": 280.0, "the search": 40.0}, 0))
    with pytest.raises(InterrogatorError, match=r"about 2\.0 GB of memory.*1\.1 GB"):
        check_price(Price({}, 2 * 10**9))


def test_phrases_that_a_large_model_would_read_for_half_an_hour_are_refused(handlers, monkeypatch):
    encoded = []
    monkeypatch.setattr(
        "interrogator.serving.service.sizes_of",
        lambda _: dataclasses.replace(LARGE, text_parameters=10**12),
    )
    monkeypatch.setattr(table, "_compute", lambda *_: encoded.append(1))
    lines = "\n".join(f"fog {n}" for n in range(50))
    with pytest.raises(InterrogatorError, match=r"seconds.*for your own phrases.*smaller models"):
        handlers.interrogate(str(CAT), {"own_words": lines})
    assert encoded == []


def test_the_dearest_settings_are_affordable_with_every_model_that_is_known_but_the_largest():
    blip2 = dataclasses.replace(LARGE, caption_parameters=3_745_000_000)
    dear = {"caption_beams": MOST_BEAMS, "caption_most": MOST_TOKENS, "mode": "best"}
    check_price(price_of(asked(**dear, with_negative=True), LARGE))
    with pytest.raises(InterrogatorError, match="for the caption"):
        check_price(price_of(asked(**dear), blip2))


@pytest.mark.parametrize(
    "count", [100, pytest.param(2000, marks=pytest.mark.slow)], ids=["fast", "all"]
)
def test_no_request_is_over_its_price(count, demo):
    rng, small = random.Random(count), sizes_of(demo.models)
    priced = refused = 0
    for _ in range(count):
        values = hostile_values(rng)
        try:
            request = request_of(parse(values, "api"), lambda: "demo")
        except InterrogatorError:
            refused += 1
            continue
        for sizes in (small, LARGE):
            price = price_of(request, sizes, rng.choice(("", "a cat", "a," * 1000)))
            assert price.total >= 0
            affordable = price.total <= HOLD_SECONDS and price.bytes <= MOST_BYTES
            with contextlib.nullcontext() if affordable else pytest.raises(InterrogatorError):
                check_price(price)
        assert within_time(request.settings).seconds <= SEARCH_SECONDS
        priced += 1
    assert min(priced, refused) > count / 10


def test_some_of_them_are_answered_as_said(handlers):
    rng = random.Random(7)
    outcomes = {"answered": 0, "refused": 0}
    for _ in range(10):
        try:
            done = handlers.interrogate(str(CAT), hostile_values(rng))
        except InterrogatorError:
            outcomes["refused"] += 1
        else:
            assert math.isfinite(done["similarity"])
            assert str(done).encode()
            outcomes["answered"] += 1
    assert min(outcomes.values()) > 0


def test_every_option_of_the_api_is_attacked():
    rng, seen = random.Random(0), set()
    for _ in range(300):
        seen |= hostile_values(rng).keys()
    assert seen == {o.name for o in OPTIONS if "api" in o.places and "interrogate" in o.tasks}


def test_encoding_that_is_ended_goes_on_where_it_stopped(demo, tmp_path, monkeypatch):
    """A visitor has no time left: what was encoded is there for the next."""
    monkeypatch.setattr(table, "BLOCK", 8)
    vocabulary, clip, begun, shares = demo.table.vocabulary, demo.models.clip, [], []

    def until(text, share):
        shares.append(share)
        if share > 0.5:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        table.table_for(vocabulary, clip, until, tmp_path, begun=begun)
    done = sum(map(len, begun))
    assert 0 < done < len(vocabulary.phrases)
    again = []
    whole = table.table_for(
        vocabulary, clip, lambda text, share: again.append(share), tmp_path, begun=begun
    )
    assert min(again[1:]) * len(vocabulary.phrases) > done
    torch.testing.assert_close(whole.matrix, demo.table.matrix)
    assert begun == []


def test_a_service_keeps_what_was_begun(demo, monkeypatch):
    lists = []
    monkeypatch.setattr(
        "interrogator.serving.service.table_for",
        lambda *_, begun, **__: lists.append(begun) or demo.table,
    )
    service = Service(demo.models.runtime)
    for _ in range(2):
        service._tables.clear()
        service._encoded(demo.table.vocabulary, demo.models, print, True)
    assert lists[0] is lists[1]
