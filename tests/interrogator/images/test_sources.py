import asyncio
import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

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


# ----- what a client sends as a text

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 2  # in base64 it begins like a path: /9j/
PACKED = base64.b64encode(PICTURE).decode()
LINES = "\r\n".join(PACKED[place : place + 76] for place in range(0, len(PACKED), 76))


@pytest.mark.parametrize(
    "text",
    [
        f"data:image/png;base64,{PACKED}",
        f"data:image/png;base64,{LINES}\n",
        f"DATA:IMAGE/PNG;BASE64,{PACKED}",
        f"data:;base64,{PACKED}",
        f"data:image/png;name=a%2Cb.png;base64,{quote(PACKED, safe='')}",
        f"data:image/png,{quote(PICTURE)}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(PICTURE).decode().rstrip('=')}",
        PACKED,
        LINES,
    ],
    ids=["usual", "lines", "capitals", "no type", "percent", "no base64", "for urls", "bare",
         "bare lines"],
)  # fmt: skip
def test_a_picture_in_a_text_is_unpacked(text, tmp_path):
    for path, url in ((None, text), (text, None), (text, text)):
        assert sources.picture(path, url, str(tmp_path)) == PICTURE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"data:image/png;base64,{PACKED[:-3]}", "data: URL is damaged"),
        ("data:image/png;base64", "data: URL is damaged"),
        (f"data:image/png;base64,é{PACKED}", "data: URL is damaged"),
        (PACKED[:-3], "base64 text is damaged"),
        ("a cat", "`picture` is a text that is neither"),
        ("ftp://example.org/a.png", "`picture` is a text that is neither"),
        ("file:///etc/passwd", "`picture` is a text that is neither"),
    ],
)
def test_a_text_that_is_no_picture_gets_a_sentence(text, says, tmp_path):
    with pytest.raises(InterrogatorError, match=says):
        sources.picture(None, text, str(tmp_path))


def test_a_text_over_the_limit_is_not_unpacked(tmp_path):
    with pytest.raises(InterrogatorError, match="over the 30 MB"):
        sources.picture(None, "data:image/png;base64," + "A" * 63_000_000, str(tmp_path))


@pytest.mark.parametrize("mark", [str, str.upper])
def test_an_address_for_a_picture_is_fetched(server, loopback, tmp_path, mark):
    scheme = mark("http")
    address = f"  {scheme}://localhost:{server.server_port}/picture\n"
    for path, url in ((None, address), (address, None)):
        file = sources.picture(path, url, str(tmp_path))
        assert tmp_path in Path(file).parents
        assert Path(file).read_bytes() == b"picture"


def test_an_address_on_this_network_is_refused(server, tmp_path):
    with pytest.raises(InterrogatorError, match="Nothing can be had"):
        sources.picture(None, f"http://127.0.0.1:{server.server_port}/picture", str(tmp_path))
    assert server.asked == []


def test_uploads_alone_are_read(tmp_path):
    inside = tmp_path / "uploads" / "a.png"
    inside.parent.mkdir()
    inside.write_bytes(PICTURE)
    (tmp_path / "uploads" / "link.png").symlink_to("/etc/passwd")
    folder = str(inside.parent)
    assert sources.picture(str(inside), "/file=a.png", folder) == str(inside)
    assert sources.lists([str(inside)], folder) == [str(inside)]
    assert sources.picture(None, None, folder) is None
    for path in ("/etc/passwd", f"{folder}/../b.png", f"{folder}/link.png", "a\0b", "a." * 5_000):
        with pytest.raises(InterrogatorError, match="other files are not read"):
            sources.picture(path, None, folder)
        with pytest.raises(InterrogatorError, match="other files are not read"):
            sources.lists([str(inside), path], folder)
