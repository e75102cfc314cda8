"""No request goes to a private address, in whatever form it is written or led to."""

import asyncio
import socket

import httpx
import pytest

from interrogator.errors import InterrogatorError
from interrogator.images import sources

PUBLIC = "93.184.215.14"


@pytest.fixture
def network(monkeypatch):
    """A network whose names are in a table, and in which every connection is noted, none made."""
    names, asked = {}, []
    real = socket.getaddrinfo

    def resolve(host, port, *more, **named):
        if host not in names:
            return real(host, port, *more, **named)
        address = names[host].pop(0) if len(names[host]) > 1 else names[host][0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    async def answer(self, request):
        asked.append(request.url.host)
        place = names.get("redirect", [""])[0]
        status, headers = (302, {"Location": place}) if place else (200, {})
        names.pop("redirect", None)
        stream = httpx.ByteStream(b"picture")
        return httpx.Response(status, headers=headers, stream=stream, request=request)

    async def nobody(host):
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)
    monkeypatch.setattr("safehttpx.async_resolve_hostname_google", nobody)
    return names, asked


def fetch(address, folder):
    return asyncio.run(sources.fetch(address, folder))


HOSTS = (
    "localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0",
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[fd00::1]",
    "[fe80::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::1]",
    "[2001:0:7f00:1::1]", "user@127.0.0.1", "127.0.0.1:80", "1.1.1.1@127.0.0.1", "",
)  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_no_form_of_a_private_address_is_asked(network, tmp_path, host):
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        fetch(f"http://{host}/picture.png", tmp_path)
    assert network[1] == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "100.64.0.1", "2002:a00:1::"])
def test_no_name_leads_to_a_private_address(network, tmp_path, address):
    network[0]["innocent.example"] = [address]
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        fetch("https://innocent.example/picture.png", tmp_path)
    assert network[1] == []


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]", "inner.example", "2130706433"])
def test_no_redirect_leads_to_a_private_address(network, tmp_path, host):
    network[0].update({
        "outer.example": [PUBLIC], "inner.example": ["192.168.0.1"],
        "redirect": [f"http://{host}/secret"],
    })  # fmt: skip
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        fetch("http://outer.example/picture.png", tmp_path)
    assert network[1] == [PUBLIC]


def test_a_name_that_changes_its_address_is_asked_at_the_one_that_was_checked(network, tmp_path):
    network[0]["rebound.example"] = [PUBLIC, "127.0.0.1"]
    assert fetch("http://rebound.example/picture.png", tmp_path).read_bytes() == b"picture"
    assert network[1] == [PUBLIC]


def test_no_redirect_leads_to_a_file(network, tmp_path):
    network[0].update({"outer.example": [PUBLIC], "redirect": ["file:///etc/passwd"]})
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        fetch("http://outer.example/picture.png", tmp_path)
    assert network[1] == [PUBLIC]
