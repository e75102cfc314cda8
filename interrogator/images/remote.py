"""A picture or list at an address on the network → a file, within limits of size, time and place.

A server that fetches what strangers name must not be talked into reading its own network, or into
filling its disk: hosts are resolved once and must be public, every redirect anew, and what is
longer than a picture may be is given up. Nothing is unpacked: a few bytes could become gigabytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from safehttpx import AsyncSecureTransport, async_validate_url  # type: ignore[import-untyped]

from interrogator.errors import InterrogatorError
from interrogator.images.decode import MAX_BYTES

MOST_REDIRECTS = 5
MOST_SECONDS = 15.0  # for all of it
MOST_NAME = 80  # characters of a file's name


async def fetch(address: str, folder: Path) -> Path:
    """Return the file in which the bytes at an address were put.

    Args:
        address: http or https, on the public network.
        folder: Where the file comes to lie, under its own name, in a folder named by its contents.

    Raises:
        InterrogatorError: It cannot be had, is too large, or takes too long; in a sentence.
    """
    try:
        async with asyncio.timeout(MOST_SECONDS):
            data = await _follow(address)
    except TimeoutError as error:
        raise InterrogatorError(
            f"Its address did not give the file within {MOST_SECONDS:.0f} seconds. "
            "Send the file itself."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise InterrogatorError(
            "Nothing can be had from the file's address. Send the file itself."
        ) from error
    path = folder / hashlib.sha256(data).hexdigest() / _name(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _name(address: str) -> str:
    """Return what the file is called: a list's name tells its category, and how it is read."""
    last = urlsplit(address).path.rpartition("/")[2]
    return re.sub(r"[^\w.-]", "_", last)[-MOST_NAME:].lstrip(".") or "file"


async def _follow(address: str) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        given = await _get(address)
        if isinstance(given, bytes):
            return given
        address = urljoin(address, given)
    raise ValueError("redirected too often")


async def _get(address: str) -> bytes | str:
    """Return the bytes at an address, or where it points to instead."""
    host = urlsplit(address).hostname
    if not host:
        raise ValueError("no host")
    transport = AsyncSecureTransport(await async_validate_url(host))
    async with (
        httpx.AsyncClient(transport=transport, timeout=MOST_SECONDS) as client,
        client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer,
    ):
        if answer.has_redirect_location:
            return answer.headers["Location"]
        answer.raise_for_status()
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise ValueError("packed, though it was asked for unpacked")
        data = bytearray()
        async for chunk in answer.aiter_raw():
            data += chunk
            if len(data) > MAX_BYTES:
                raise InterrogatorError(
                    f"The file at the address has over {MAX_BYTES // 2**20} MB, which is more than "
                    "is read."
                )
        return bytes(data)
