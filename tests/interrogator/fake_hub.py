"""A server on loopback that answers as the hub does, and as badly as a test wants it to.

What the real one does: HEAD and GET of /ORG/NAME/resolve/REVISION/FILE; large files are a redirect
to another host, their SHA-256 and size in X-Linked-ETag and X-Linked-Size; small ones are sent at
once, with git's SHA-1 as ETag; ranges are honoured; X-Error-Code says what is wrong.
"""

import hashlib
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVISIONS = ("main", "v1", COMMIT)
LARGE = 20_000  # bytes, from which on a file is stored elsewhere
TOKEN = "hf_right"


@dataclass
class Trouble:
    """What goes wrong with the contents of a file.

    Attributes:
        status: Answer with this status instead.
        cut_after: End the connection after so many bytes of the answer.
        vanishes: The hub is gone after that cut, and answers nothing any more.
        silent: Send no byte until the test ends.
        slow_after: Send so many bytes, and the rest when the test says so (`released`).
        altered: Send other bytes than were announced.
        longer: Send the bytes ten times, and no length.
        ignores_range: Ignore the range that was asked for.
        wrong_range: Send another range than was asked for, and say so.
        times: How often; afterwards all is well.
        then: What goes wrong after that instead.
    """

    status: int = 0
    cut_after: int | None = None
    vanishes: bool = False
    silent: bool = False
    slow_after: int | None = None
    altered: bool = False
    longer: bool = False
    ignores_range: bool = False
    wrong_range: bool = False
    times: int = 1_000_000
    then: "Trouble | None" = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        hub = self.server
        headers = {name.lower(): value for name, value in self.headers.items()}
        if hub.gone:
            self.close_connection = True
            return None
        hub.asked.append((self.command, self.path, headers))
        if hub.hanging:
            hub.released.wait(20)
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[0] == "elsewhere":
            return self._send_file(hub.folder.joinpath(*parts[1:]))
        if "resolve" not in parts:
            return self._refuse(404, "EntryNotFound")
        at = parts.index("resolve")
        repository, revision, name = parts[:at], parts[at + 1], parts[at + 2 :]
        refusal = self._refusal(repository, revision, hub.folder.joinpath(*repository, *name))
        if refusal:
            return self._refuse(*refusal)
        path = hub.folder.joinpath(*repository, *name)
        if path.stat().st_size < LARGE:
            return self._send_file(path)
        location = f"http://localhost:{hub.server_port}/elsewhere/{'/'.join((*repository, *name))}"
        announced = {
            "Location": location,
            "X-Linked-ETag": f'"{hub.sha256(path)}"',
            "X-Linked-Size": str(path.stat().st_size),
            "X-Repo-Commit": COMMIT,
        }
        return self._send(302, announced, b"")

    def _refusal(self, repository, revision, path):
        hub = self.server
        if hub.status:
            return hub.status, ""
        if not hub.folder.joinpath(*repository).is_dir():
            return 401, "RepoNotFound"
        authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if "/".join(repository) in hub.gated and not authorized:
            return 401, "GatedRepo"
        if revision not in REVISIONS:
            return 404, "RevisionNotFound"
        return None if path.is_file() else (404, "EntryNotFound")

    def _send_file(self, path):
        data = path.read_bytes()
        trouble = self.server.trouble.get(path.name, Trouble(times=0))
        if not trouble.times and trouble.then:
            trouble = self.server.trouble[path.name] = trouble.then
        if self.command == "GET" and trouble.times > 0:
            trouble.times -= 1
        else:
            trouble = Trouble()
        if trouble.status:
            return self._refuse(trouble.status, "")
        if trouble.silent:
            self.server.released.wait(20)
        headers = {
            "ETag": f'"{git_sha1(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"
        }  # fmt: skip
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(data) and start:
            return self._refuse(416, "")
        sent = bytes(b ^ 1 for b in data) if trouble.altered else data
        if trouble.longer:
            self.close_connection = True
            return self._send(200, headers, sent * 10, length=None)
        if start and not trouble.ignores_range:
            start = 1 if trouble.wrong_range else start
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return self._send(206, headers, sent[start:], cut_after=trouble.cut_after)
        if trouble.slow_after:
            return self._send_slowly(headers, sent, trouble.slow_after)
        self._send(200, headers, sent, cut_after=trouble.cut_after)
        if trouble.vanishes:
            self.server.vanish()
        return None

    def _send_slowly(self, headers, data, first):
        self._send(200, {**headers, "Content-Length": str(len(data))}, data[:first], length=None)
        self.wfile.flush()
        self.server.released.wait(20)
        self.wfile.write(data[first:])

    def _refuse(self, status, code):
        headers = {"X-Error-Code": code} if code else {}
        return self._send(status, headers, b"no")

    def _send(self, status, headers, data, length=0, cut_after=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            with suppress(ConnectionError):  # the client may have read enough
                self.wfile.write(data if cut_after is None else data[:cut_after])
            if cut_after is not None:
                self.close_connection = True

    def log_message(self, *_):
        pass


class FakeHub(ThreadingHTTPServer):
    """Serves a folder of ORG/NAME/FILE on a free port of loopback while in its `with` block.

    Attributes:
        asked: Method, path and headers, in small letters, of every request.
        trouble: What goes wrong with a file, by its name.
        gated: Repositories that only `TOKEN` opens.
        status: What all requests of files are answered with, if not 0.
    """

    daemon_threads = True

    def __init__(self, folder, hanging=False):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.hanging, self.asked = Path(folder), hanging, []
        self.trouble, self.gated, self.status = {}, set(), 0
        self.released, self.gone = threading.Event(), False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def got(self, name):
        """The ranges that the contents of a large file were asked for with, in order."""
        return [
            headers.get("range")
            for method, path, headers in self.asked
            if method == "GET" and path.startswith("/elsewhere/") and path.endswith(name)
        ]

    @staticmethod
    def sha256(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def vanish(self):
        """Stop listening, and close the connections that are open without an answer."""
        self.gone = True
        self.shutdown()
        self.server_close()

    def __exit__(self, *_):
        self.released.set()
        self.vanish()


def git_sha1(data):
    """How git, and so the hub, names the contents of a small file."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest()
