import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from interrogator.errors import InterrogatorError
from interrogator.images import sources


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/picture")
            self.end_headers()
        elif self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
        elif self.path == "/silent":
            self.server.released.wait(20)
        elif self.path in ("/picture", "/endless", "/packed", "/lists/artists%20.csv?v=2"):
            self.send_response(200)
            self.server.encodings.append(self.headers["Accept-Encoding"])
            if self.path == "/packed":
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(b"picture")
            try:
                while self.path == "/endless" and not self.server.released.is_set():
                    self.wfile.write(bytes(2**20))
            except OSError:
                self.server.hung_up.set()
        else:
            self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.asked, server.encodings = [], []
    server.released, server.hung_up = threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def loopback(monkeypatch):
    """Take this machine for a host of the public network."""

    async def validate(host):
        return "127.0.0.1"

    monkeypatch.setattr(sources, "async_validate_url", validate)


def fetch(server, path, folder):
    address = f"http://localhost:{server.server_port}{path}"
    return asyncio.run(sources.fetch(address, folder))


@pytest.mark.parametrize("path", ["/picture", "/moved"])
def test_a_picture_is_fetched_and_a_redirect_followed(server, loopback, tmp_path, path):
    file = fetch(server, path, tmp_path)
    assert file.read_bytes() == b"picture"
    assert file.is_relative_to(tmp_path)


def test_nothing_packed_is_taken(server, loopback, tmp_path):
    """A few bytes of it could be gigabytes."""
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        fetch(server, "/packed", tmp_path)
    assert server.encodings == ["identity"]


def test_a_list_keeps_its_name(server, loopback, tmp_path):
    """It tells the category, and how the lines are read."""
    assert fetch(server, "/lists/artists%20.csv?v=2", tmp_path).name == "artists_20.csv"


def test_what_is_too_long_is_given_up(server, loopback, tmp_path):
    with pytest.raises(InterrogatorError, match="over 30 MB"):
        fetch(server, "/endless", tmp_path)
    assert server.hung_up.wait(20)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_long_is_given_up(server, loopback, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_SECONDS", 0.3)
    with pytest.raises(InterrogatorError, match="did not give the file within"):
        fetch(server, "/silent", tmp_path)


@pytest.mark.parametrize("path", ["/nothing", "/round"])
def test_what_is_not_there_is_told(server, loopback, tmp_path, path):
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        fetch(server, path, tmp_path)
    assert len(server.asked) <= sources.MOST_REDIRECTS + 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "169.254.169.254", "[::1]", ""])
def test_no_address_of_this_network_is_asked(server, tmp_path, host, monkeypatch):
    async def nobody(host):
        return []

    monkeypatch.setattr("safehttpx.async_resolve_hostname_google", nobody)
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        asyncio.run(sources.fetch(f"http://{host}:{server.server_port}/picture", tmp_path))
    assert server.asked == []
