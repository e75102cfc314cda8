"""Headers, password, limits, uploads: what the door lets in and what goes out through it."""

import base64
import errno
import time
from pathlib import Path

import httpx
import pytest
from gradio import routes
from gradio.route_utils import GradioUploadFile

from server import middleware, uploads
from server.middleware import is_password
from server.settings import Settings
from tests.server.conftest import API

BASIC = base64.b64encode(b"anybody:open sesame").decode()


def upload(small, data=b"a picture", name="a.png", **more):
    return httpx.post(f"{small.url}{API}/upload", files={"files": (name, data)}, **more)


def stored(small):
    """What lies in the folder of uploads, without the folders."""
    return [path for path in Path(uploads.get_upload_folder()).rglob("*") if path.is_file()]


def test_every_answer_has_the_security_headers(serve):
    small = serve(settings=Settings(frame_ancestors="'self' https://example.org"))
    file = f"{API}/file={upload(small).json()[0]}"
    for path in ("/", "/healthz", "/metrics", "/config", "/theme.css", "/nothing", file):
        headers = httpx.get(f"{small.url}{path}").headers
        policy = dict(part.strip().split(" ", 1) for part in
                      headers["content-security-policy"].split(";"))  # fmt: skip
        assert policy["frame-ancestors"] == "'self' https://example.org"
        assert (policy["script-src-attr"], policy["object-src"]) == ("'none'", "'none'")
        assert policy["connect-src"].split()[0] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("header", "lets_in"),
    [
        (f"Basic {BASIC}", True),
        (f"basic {BASIC}", True),
        ("Basic " + base64.b64encode(b":open sesame").decode(), True),
        ("Basic " + base64.b64encode(b"open sesame").decode(), False),
        ("Basic " + base64.b64encode(b"x:open sesam").decode(), False),
        ("Basic " + base64.b64encode(b"x:").decode(), False),
        (f"Bearer {BASIC}", False),
        ("Basic \xff!", False),
        ("", False),
    ],
)
def test_what_is_the_password(header, lets_in):
    assert is_password(header, "open sesame") is lets_in


def test_with_a_password_nothing_but_health_answers_without_it(serve):
    small = serve(settings=Settings(password="open sesame"))
    for path in ("/", "/metrics", "/config", "/theme.css", f"{API}/info", "/healthz/../config"):
        answer = httpx.get(f"{small.url}{path}")
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert "password" in answer.text
    assert upload(small).status_code == 401
    assert stored(small) == []
    assert httpx.get(f"{small.url}/healthz").status_code == 200
    assert httpx.get(f"{small.url}/config", auth=("me", "wrong")).status_code == 401
    small.work.hold.set()
    visitor = small.visitor("s", authorization=f"Basic {BASIC}")
    visitor.join("held", "a")
    assert visitor.answer()["output"]["data"] == ["done a"]


def test_passwords_are_not_guessed_without_end(serve):
    small = serve(settings=Settings(password="open sesame", visitor_limit=2))
    answers = [httpx.get(f"{small.url}/config", auth=("me", str(n))) for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]


def test_a_visitor_over_the_limit_is_told_when_to_come_back(serve):
    small = serve(settings=Settings(visitor_limit=2))
    visitor = small.visitor()
    small.work.hold.set()
    joined = [visitor.join("held", "a") for _ in range(4)]
    assert [answer.status_code for answer in joined] == [200, 200, 429, 429]
    assert "lets each visitor begin 2 computations and uploads a minute" in joined[2].text
    assert 1 <= int(joined[2].headers["retry-after"]) <= 30
    assert upload(small).status_code == 429
    assert visitor.join("light", "a").status_code == 200  # what computes nothing is free
    assert httpx.get(f"{small.url}/").status_code == 200


def test_a_proxys_word_is_taken_where_it_is_trusted_alone(serve, monkeypatch):
    def begun(small, address):
        visitor = small.visitor(address, **{"x-forwarded-for": address})
        return visitor.join("light" if address == "" else "held", "a").status_code

    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")  # uvicorn's, and its default
    trusted = serve(settings=Settings(visitor_limit=1), most_waiting=9)
    assert [begun(trusted, f"192.0.2.{n}") for n in (1, 2, 1)] == [200, 200, 429]
    assert begun(trusted, "198.51.100.7, 192.0.2.1") == 429  # the proxy's own word stands last
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")
    direct = serve(settings=Settings(visitor_limit=1), most_waiting=9)
    assert [begun(direct, f"192.0.2.{n}") for n in (1, 2)] == [200, 429]


@pytest.mark.parametrize("declared", [True, False])
def test_a_request_longer_than_any_is_refused(serve, declared):
    small = serve(largest=50_000)
    body = b'{"data": ["' + b"a" * 60_000 + b'"]}'
    content = body if declared else (body[start : start + 9000] for start in range(0, 70_000, 9000))
    answer = httpx.post(f"{small.url}{API}/call/light", content=content)
    assert (answer.status_code, "may have" in answer.text) == (413, True)
    assert httpx.post(f"{small.url}{API}/call/light", json={"data": ["a"]}).status_code == 200


def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(serve):
    small = serve(largest=2_000_000)
    assert upload(small, bytes(600_000)).status_code == 413
    assert stored(small) == []


def test_an_upload_that_breaks_off_leaves_nothing(serve):
    small = serve()

    def half():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        yield bytes(100_000)
        while not stored(small):
            time.sleep(0.005)
        raise OSError("gone")

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    with pytest.raises(OSError, match="gone"):
        httpx.post(f"{small.url}{API}/upload", content=half(), headers=kind)
    while stored(small):
        time.sleep(0.005)
    assert upload(small).status_code == 200


def test_a_disk_that_gets_full_is_told_and_freed_of_what_was_written(serve, monkeypatch):
    small = serve()
    real = GradioUploadFile.write

    async def write(self, data):
        await real(self, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device: /secret/a.png")

    with monkeypatch.context() as patch:
        patch.setattr(GradioUploadFile, "write", write)
        answer = upload(small, bytes(100_000))
        assert (answer.status_code, answer.text) == (507, middleware.FULL)
        while stored(small):  # deleted once it has been told
            time.sleep(0.005)
    assert upload(small).status_code == 200


def test_an_upload_for_which_there_is_no_room_is_not_begun(serve, monkeypatch):
    small = serve()
    monkeypatch.setattr(uploads, "disk_free", lambda: uploads.RESERVE + 5_000)
    answer = upload(small, bytes(10_000))
    assert (answer.status_code, answer.text) == (507, middleware.FULL)
    assert upload(small, bytes(1_000)).status_code == 200


def test_nothing_is_kept_of_an_uploads_progress(serve, monkeypatch):
    monkeypatch.setattr(middleware, "SECONDS_UNTIL_ASKED", 0.0)
    small, kept = serve(), routes.file_upload_statuses
    before = len(kept._signals)
    assert upload(small, params={"upload_id": "abc123"}).status_code == 200
    long = httpx.get(f"{small.url}{API}/upload_progress", params={"upload_id": "a" * 65})
    assert long.status_code == 404
    httpx.get(f"{small.url}/healthz")  # the loop has gone on since
    assert (len(kept._signals), "abc123" in kept._statuses) == (before, False)


def test_empty_folders_of_uploads_go(serve, tmp_path):
    serve()
    folder = tmp_path / "uploads"
    (folder / "full").mkdir()
    (folder / "full" / "a.png").write_bytes(b"a")
    (folder / "empty").mkdir()
    uploads.delete_empty_folders(age=3600)
    assert (folder / "empty").exists()
    uploads.delete_empty_folders(age=-1)
    assert [path.name for path in folder.iterdir()] == ["full"]


def test_uploads_lie_where_this_user_alone_can_read_and_go_with_the_process(monkeypatch):
    monkeypatch.delenv(uploads.FOLDER, raising=False)
    with uploads.own_folder():
        folder = Path(uploads.get_upload_folder())
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "a").mkdir()
    assert not folder.exists()
    assert uploads.FOLDER not in uploads.os.environ


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "page.xhtml"])
def test_an_upload_is_never_shown_as_a_page_of_this_site(serve, name):
    small = serve()
    path = upload(small, b"<script>alert(1)</script>", name).json()[0]
    headers = httpx.get(f"{small.url}{API}/file={path}").headers
    assert headers["content-disposition"].startswith("attachment")


def test_other_sites_cannot_read_answers(serve):
    small = serve()
    answer = httpx.get(f"{small.url}/config", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc/passwd", "//etc/passwd",
        "file:///etc/passwd", "app.py", "server/turns.py", "README.md", "UPLOADS/../secret.txt",
        "UPLOADS/link.txt", "UPLOADS/folder/secret.txt", "/proc/self/environ", "~/.bashrc",
    ],
)  # fmt: skip
def test_no_file_outside_the_uploads_is_served(serve, tmp_path, path):
    small, folder = serve(), tmp_path / "uploads"
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "folder").symlink_to(tmp_path)
    address = f"{small.url}{API}/file={path.replace('UPLOADS', str(folder))}"
    answer = httpx.get(address)
    assert answer.status_code in (403, 404), answer.text[:100]
    assert "secret" not in answer.text.replace("secret.txt", "")


def test_a_call_of_what_there_is_not_gets_a_sentence(serve):
    small = serve()
    unknown = httpx.post(f"{small.url}{API}/call/v2/nothing", json={})
    assert unknown.status_code == 404
    assert unknown.json() == {"error": "There is no endpoint /nothing."}
    wrong = httpx.post(f"{small.url}{API}/call/v2/light", json={"colour": "red"})
    assert wrong.status_code == 422
    assert "/light was called wrongly" in wrong.json()["error"]
    assert "colour" in wrong.json()["error"]
