"""The page is written once for each address, and each visitor gets that of his own."""

import gzip

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from server.page import LONGEST_ADDRESS, MOST, KeptPage

TEXT = "<p>{host} {number}</p>" + " " * 1000


@pytest.fixture
def written():
    """The addresses that the page was written for."""
    return []


@pytest.fixture
def visitor(written):
    def page(request):
        host = request.headers.get("x-forwarded-host", request.headers["host"])
        written.append(host)
        if host == "broken":
            return PlainTextResponse("no", 500)
        return HTMLResponse(TEXT.format(host=host, number=len(written)))

    routes = [Route("/", page), Route("/other", page)]
    return TestClient(KeptPage(Starlette(routes=routes)))


def test_it_is_written_once(visitor, written):
    first, second = visitor.get("/"), visitor.get("/?__theme=dark")
    assert first.text == second.text == TEXT.format(host="testserver", number=1)
    assert second.headers["content-type"] == "text/html; charset=utf-8"
    assert written == ["testserver"]


def test_another_address_has_a_page_of_its_own(visitor):
    for name in ("host", "x-forwarded-host"):
        assert "own.example" in visitor.get("/", headers={name: "own.example"}).text
        assert "testserver" in visitor.get("/").text


@pytest.mark.parametrize("path", ["/other", "/?deep_link=5"])
def test_what_is_another_page_is_not_kept(visitor, written, path):
    assert visitor.get(path).text != visitor.get(path).text
    assert len(written) == 2


def test_an_error_is_passed_on_and_not_kept(visitor, written):
    for _ in range(2):
        answer = visitor.get("/", headers={"host": "broken"})
        assert (answer.status_code, answer.text) == (500, "no")
    assert len(written) == 2


def test_invented_addresses_take_no_memory(visitor, written):
    for number in range(3 * MOST):
        visitor.get("/", headers={"x-forwarded-host": f"h{number}"})
    assert len(visitor.app._pages) == MOST
    for _ in range(2):
        visitor.get("/", headers={"x-forwarded-host": "h" * LONGEST_ADDRESS})
    assert len(written) == 3 * MOST + 2


def test_it_is_sent_compressed_to_who_can_read_that(serve):
    small = serve()
    with httpx.Client(base_url=small.url) as client:
        packed = client.get("/", headers={"accept-encoding": "gzip, deflate, br"})
        plain = client.get("/", headers={"accept-encoding": "identity"})
        with client.stream("GET", "/", headers={"accept-encoding": "gzip"}) as raw:
            sent = b"".join(raw.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == gzip.decompress(sent)
    assert f'"root":"{small.url}"' in plain.text
    assert len(sent) < len(plain.content) / 3
