"""What every answer passes on its way out: headers, the password, the limit on uploads."""

from __future__ import annotations

import base64
import binascii
import errno
import hmac
import logging
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.limits import VisitorLimit

log = logging.getLogger(__name__)

# Gradio's page has its configuration in a script of its own, sets styles in attributes, and makes
# functions of the texts in `js=`; its frames on other sites are resized by one script from there.
RESIZER = "https://cdnjs.cloudflare.com/ajax/libs/iframe-resizer/"
POLICY = (
    "default-src 'self'; "
    f"script-src 'self' 'unsafe-inline' 'unsafe-eval' {RESIZER}; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
)
OPEN = ("/healthz", "/gradio_api/startup-events")  # without the password: they tell nothing
UPLOAD = "/gradio_api/upload"
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


class Guard:
    """Sets the headers of every answer; lets in whom the password and the limit let in.

    Args:
        app: What answers.
        frame_ancestors: Which sites may show the page in a frame.
        password: What visitors must know; empty for nothing.
        limit: How often a visitor may upload, or give a wrong password.
        turned_away: Called with the reason when somebody is not let in.
    """

    def __init__(
        self,
        app: ASGIApp,
        frame_ancestors: str,
        password: str,
        limit: VisitorLimit,
        turned_away: Callable[[str], None],
    ) -> None:
        self.app = app
        self._headers = {
            "Content-Security-Policy": POLICY + frame_ancestors,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        self._password, self._limit, self._turned_away = password, limit, turned_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await _drain(receive)
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        path, address = scope["path"], scope["client"][0] if scope["client"] else ""
        if self._password and path not in OPEN:
            header = Headers(scope=scope).get("Authorization", "")
            if not is_password(header, self._password):
                # Guessing is limited, too; a first visit without a header is none.
                seconds = self._limit.seconds_to_wait(address) if header else 0
                return self._too_much(seconds) if seconds else self._ask()
        if path.rstrip("/") == UPLOAD and scope["method"] == "POST":
            seconds = self._limit.seconds_to_wait(address)
            return self._too_much(seconds) if seconds else None
        return None

    def _ask(self) -> Response:
        self._turned_away("password")
        challenge = 'Basic realm="the app", charset="UTF-8"'
        return PlainTextResponse(WRONG_PASSWORD, 401, {"WWW-Authenticate": challenge})

    def _too_much(self, seconds: int) -> Response:
        self._turned_away("limit")
        sentence = self._limit.sentence(seconds)
        return PlainTextResponse(sentence, 429, {"Retry-After": str(seconds)})


async def _drain(receive: Receive) -> None:
    """Read what is still being sent: who is cut off while sending never reads the answer."""
    while (await receive()).get("more_body"):
        pass


def disk_is_full(_: Request, error: Exception) -> Response:
    """Answer an upload that finds no room with a sentence; any other error stays one."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    log.error("the disk for uploads is full", exc_info=error)
    return PlainTextResponse("The disk of this server is full. Try again in an hour.", 507)
