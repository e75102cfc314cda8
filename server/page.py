"""The page itself, written once: Gradio writes it anew for each visitor, and sends it as it is.

Writing takes some 50 ms, in which nothing else is computed, and the page is the same for everybody
but for the address that it was asked for at.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What Gradio makes the addresses within the page from; see gradio.route_utils.get_root_url.
ADDRESS = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
LONGEST_ADDRESS = 500  # characters
MOST = 8  # addresses whose pages are kept

Address = tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """The bytes of a page, as they are and compressed."""

    plain: bytes
    packed: bytes


class KeptPage:
    """Answers with the page that was written for an earlier visitor of the same address.

    Args:
        app: What writes it. Whoever may not see the page must not come as far as here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages: OrderedDict[Address, Page] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        address = _address(scope)
        if address is None:
            await self.app(scope, receive, send)
            return
        page = self._pages.get(address)
        if page is None:
            page = await self._write(scope, receive, send)
            if page is None:
                return
            self._pages[address] = page
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)
        packs = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if packs else {})
        body = page.packed if packs else page.plain
        await Response(body, headers=headers, media_type="text/html")(scope, receive, send)

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> Page | None:
        """Have the page written; what is none, an error say, is passed on."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        start = messages[0]
        kind = Headers(raw=start.get("headers", [])).get("content-type", "")
        if start.get("status") != 200 or not kind.startswith("text/html"):
            for message in messages:
                await send(message)
            return None
        plain = b"".join(message.get("body", b"") for message in messages)
        return Page(plain, gzip.compress(plain))


def _address(scope: Scope) -> Address | None:
    """Return what the page depends on; None where something else is asked for."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in ("", "/"):
        return None
    if b"deep_link" in scope["query_string"]:  # a page with somebody's values
        return None
    headers = Headers(scope=scope)
    named = (headers.get(name, "") for name in ADDRESS)
    address = (scope["scheme"], scope.get("root_path", ""), *named)
    return address if sum(map(len, address)) <= LONGEST_ADDRESS else None
