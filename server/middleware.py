"""What every answer passes on its way out: headers, the password, the limit on uploads."""

from __future__ import annotations

import asyncio
import base64
import binascii
import errno
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import uploads
from server.limits import VisitorLimit

log = logging.getLogger(__name__)

# Gradio's page has its configuration in a script of its own, sets styles in attributes, and makes
# functions of the texts in `js=`. Scripts in attributes, which a text that became HTML by mistake
# could bring along, are not run.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; script-src-attr 'none'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
)
OPEN = ("/healthz", "/gradio_api/startup-events")  # without the password: they tell nothing
DATA, CALL = "/gradio_api/queue/data", "/gradio_api/call/"
UPLOAD, PROGRESS = "/gradio_api/upload", "/gradio_api/upload_progress"
CANCEL = "/gradio_api/cancel"
SECONDS_UNTIL_ASKED = 30.0  # after an upload, how long its progress can still be asked for
FULL = "The disk of this server is full. Try again in an hour."
WRONG_PASSWORD = "This server asks for a password: any name, and the password that you were given."


def is_password(header: str, password: str) -> bool:
    """Tell whether an Authorization header (Basic, RFC 7617) holds the password.

    The comparison takes as long for a wrong one as for the right one.
    """
    kind, _, packed = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(packed, validate=True).partition(b":")[2]
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(given, password.encode())


class SecurityHeaders:
    """Sets headers of every answer that keep browsers from being used against visitors.

    Args:
        app: What answers.
        frame_ancestors: Which sites may show the page in a frame.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: str) -> None:
        self.app = app
        self._headers = {
            "Content-Security-Policy": POLICY + frame_ancestors,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Door:
    """Lets in who knows the password, has not begun too much, and sends no more than is read.

    Args:
        app: What answers.
        password: What visitors must know; empty for nothing.
        limit: How often a visitor may upload, or give a wrong password.
        largest: Bytes that a request may have.
        turned_away: Called with the reason when somebody is not let in.
        listening: Entered with the session, or the event, whose stream is read.
        left: Called with that of a stream that its reader has left.
        asked: Returns the event of a session's request to a function.
    """

    def __init__(
        self,
        app: ASGIApp,
        password: str,
        limit: VisitorLimit,
        largest: int,
        turned_away: Callable[[str], None],
        listening: Callable[[str], AbstractContextManager[None]],
        left: Callable[[str], Awaitable[None]],
        asked: Callable[[str, int], Awaitable[str]],
    ) -> None:
        self.app, self._asked = app, asked
        self._listening, self._left = listening, left
        self._password, self._limit, self._largest = password, limit, largest
        self._turned_away = turned_away
        self._uploads = uploads.Uploads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)
        if refusal:
            await self._drain(receive)
            await refusal(scope, receive, send)
            return
        receive = self._bounded(receive)
        path = request.url.path.rstrip("/")
        if path == UPLOAD:
            with self._uploads.receiving():
                await self.app(scope, receive, send)
        elif listener := _listener(request):
            await self._stream(listener, scope, receive, send)
        elif path == CANCEL:
            await self.app(scope, await self._named(receive), send)
        else:
            await self.app(scope, receive, send)
        if path in (UPLOAD, PROGRESS) and (number := request.query_params.get("upload_id")):
            later = SECONDS_UNTIL_ASKED if path == UPLOAD else 0
            asyncio.get_running_loop().call_later(later, uploads.forget_progress, number)

    async def _stream(self, listener: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a stream; who leaves it wants nothing more, whatever it was doing then."""
        whole = False

        async def send_and_see(message: Message) -> None:
            nonlocal whole
            await send(message)
            whole = message["type"] == "http.response.body" and not message.get("more_body")

        with self._listening(listener):
            try:
                await self.app(scope, receive, send_and_see)
            finally:
                if not whole:
                    await self._left(listener)

    async def _named(self, receive: Receive) -> Receive:
        """Return what reads a wish to cancel, with the event that it means.

        Who presses Stop before the answer to his request has come does not know its event: Gradio's
        page names none, is refused, and what was asked for runs on.
        """
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            wish = json.loads(body)
            if wish["event_id"] is None:
                wish["event_id"] = await self._asked(wish["session_hash"], wish["fn_index"])
                body = json.dumps(wish).encode()
        except (ValueError, TypeError, KeyError):
            pass  # refused as it stands
        parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def read() -> Message:
            return parts.pop() if parts else await receive()

        return read

    def _refusal(self, request: Request) -> Response | None:
        path, length = request.url.path.rstrip("/"), request.headers.get("Content-Length", "0")
        size = int(length) if length.isdecimal() else 0
        if self._password and path not in OPEN:
            given = request.headers.get("Authorization", "")
            if not is_password(given, self._password):
                # Guessing is limited, too; a first visit without a header is none.
                return (self._too_much(request) if given else None) or self._ask()
        if path == PROGRESS and not uploads.is_upload_id(request.query_params.get("upload_id", "")):
            return PlainTextResponse("There is no such upload.", 404)
        if size > self._largest:
            return PlainTextResponse(self._too_large(), 413)
        if path == UPLOAD and request.method == "POST":
            if uploads.disk_free() < uploads.RESERVE + size:
                self._turned_away("disk")
                return PlainTextResponse(FULL, 507)
            return self._too_much(request)
        return None

    def _ask(self) -> Response:
        self._turned_away("password")
        challenge = 'Basic realm="the app", charset="UTF-8"'
        return PlainTextResponse(WRONG_PASSWORD, 401, {"WWW-Authenticate": challenge})

    def _too_much(self, request: Request) -> Response | None:
        seconds = self._limit.seconds_to_wait(request.client.host if request.client else "")
        if not seconds:
            return None
        self._turned_away("limit")
        sentence = self._limit.sentence(seconds)
        return PlainTextResponse(sentence, 429, {"Retry-After": str(seconds)})

    def _too_large(self) -> str:
        return f"A request may have {self._largest // 2**20} MB. Send less at a time."

    def _bounded(self, receive: Receive) -> Receive:
        """Return what reads a request up to the limit, whatever length it claims to have."""
        size = 0

        async def read() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._largest:
                raise HTTPException(413, self._too_large())
            return message

        return read

    async def _drain(self, receive: Receive) -> None:
        """Read what is still being sent: who is cut off while sending never reads the answer."""
        size = 0
        while (message := await receive()).get("more_body") and size <= self._largest:
            size += len(message.get("body", b""))


def _listener(request: Request) -> str:
    """Return the session or the event whose messages a request reads; empty for any other."""
    path = request.url.path
    if request.method != "GET":
        return ""
    if path == DATA:
        return request.query_params.get("session_hash", "")
    return path.rpartition("/")[2] if path.startswith(CALL) else ""


def wrong_call(request: Request, error: Exception) -> Response:
    """Answer a call of an endpoint or of an argument that there is not with a sentence.

    Gradio looks both up without asking whether they are there. Any other error stays one.
    """
    path = request.url.path
    if request.method != "POST" or not path.startswith(CALL):
        raise error
    name = path.removeprefix(CALL).removeprefix("v2/").strip("/")
    if isinstance(error, TypeError):
        said = str(error).partition(". ")[0]
        return JSONResponse({"error": f"/{name} was called wrongly: {said}."}, 422)
    return JSONResponse({"error": f"There is no endpoint /{name[:60]}."}, 404)


def disk_is_full(_: Request, error: Exception) -> Response:
    """Answer an upload that finds no room with a sentence; any other error stays one."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    log.error("the disk for uploads is full", exc_info=error)
    return PlainTextResponse(FULL, 507)
