"""What a client sends, or names by its address → a path or bytes, undecoded and within limits.

A server that fetches what strangers name must not be talked into reading its own network, or into
filling its disk: hosts are resolved once and must be public, every redirect anew, and what is
longer than a picture may be is given up. Nothing is unpacked: a few bytes could become gigabytes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import httpx
import safehttpx  # type: ignore[import-untyped]

from interrogator.errors import InterrogatorError
from interrogator.images.decode import MAX_BYTES

MOST_REDIRECTS = 5
MOST_SECONDS = 15.0  # for all of it
MOST_NAME = 80  # characters of a file's name
MOST_PATH = 4096  # characters; a text that is longer is no path

ADDRESS = ("http://", "https://")
_WRAPPERS = [ipaddress.ip_network(n) for n in ("64:ff9b::/32", "2002::/16", "2001::/32")]
_NOT_BASE64 = re.compile(r"[^\w\s+/=%-]")


def picture(path: str | None, url: str | None, folder: str) -> str | bytes | None:
    """Return an upload's path, or the bytes or file of what was sent as a text, undecoded.

    It may wait for the network: call it from a thread of its own, not from an event loop.

    Args:
        path: What the client calls its upload.
        url: What it sent instead: an address, a data: URL or base64.
        folder: Where uploads are kept, and what is fetched. Gradio checks paths only in payloads
            that say they are files: a client that leaves the mark out could name any file.

    Raises:
        InterrogatorError: It is no upload, cannot be had, is too large, or damaged.
    """
    if path and len(path) <= MOST_PATH and _within([path], folder):
        return path
    text = next((t.strip() for t in (path, url) if t and _is_text(t)), "")
    if text.lower().startswith(ADDRESS):
        return str(asyncio.run(fetch(text, Path(folder))))
    if text:
        return _from_text(text)
    if path:
        raise InterrogatorError("Upload the picture: other files are not read.")
    if url and url.strip():
        raise InterrogatorError(
            "`picture` is a text that is neither an address (http, https) nor a data: URL nor "
            "base64. Send the file, or one of these."
        )
    return None


def lists(paths: Sequence[str], folder: str) -> list[str]:
    """Return the paths of uploaded lists.

    Raises:
        InterrogatorError: One is no upload.
    """
    if not _within(paths, folder):
        raise InterrogatorError("Upload the lists: other files are not read.")
    return list(paths)


def _within(paths: Sequence[str], folder: str) -> bool:
    root = Path(folder).resolve()
    try:
        return all(Path(path).resolve().is_relative_to(root) for path in paths)
    except (OSError, ValueError):  # a name that no file can have
        return False


def _is_text(value: str) -> bool:
    """Tell whether a picture or its address stands in a text, rather than a file's name."""
    start = value[:1000].lstrip().lower()
    if start.startswith((*ADDRESS, "data:")):
        return True
    return len(value) > 200 and not _NOT_BASE64.search(start)


def _from_text(text: str) -> bytes:
    """Return the bytes of a data: URL (RFC 2397), or of base64 by itself.

    Line breaks, percent signs, the alphabet for URLs and missing `=` at the end are understood.
    """
    if len(text) > 2 * MAX_BYTES:
        raise InterrogatorError(f"The picture is over the {MAX_BYTES // 2**20} MB that are read.")
    head, comma, body = text.partition(",") if text[:5].lower() == "data:" else ("", ",", text)
    try:
        if not comma:
            raise ValueError("no comma")
        data = unquote_to_bytes(body) if "%" in body or head else body.encode("ascii")
        if head and not head.lower().rstrip().endswith(";base64"):
            return data
        packed = b"".join(data.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except ValueError as error:
        raise InterrogatorError(
            f"`picture`: the {'data: URL' if head else 'base64 text'} is damaged. Send it whole, "
            "or send the file."
        ) from error


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


async def async_validate_url(host: str) -> str:
    """Return the address of a host that all the world means by it.

    Beside the private ones, which safehttpx refuses, are refused those that providers share out
    inwards (RFC 6598), and those of IPv6 that wrap one of IPv4 (NAT64, 6to4, Teredo), which leads
    to wherever the wrapped one does.
    """
    address = await safehttpx.async_validate_url(host)
    parsed = ipaddress.ip_address(address)
    wrapped = parsed.version == 6 and any(parsed in network for network in _WRAPPERS)
    if wrapped or not parsed.is_global:
        raise ValueError("not on the public network")
    return address


async def _get(address: str) -> bytes | str:
    """Return the bytes at an address, or where it points to instead."""
    host = urlsplit(address).hostname
    if not host:
        raise ValueError("no host")
    transport = safehttpx.AsyncSecureTransport(await async_validate_url(host))
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
