"""Visitors of the running app, as browsers and programs speak with it: upload, join, listen, leave.

Gradio's own protocol: a picture is uploaded, a request joins the queue under the number of a
session, and everything about it comes as server-sent events of that session.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx
from PIL import Image

API = "/gradio_api"
PATIENCE = 180.0  # seconds, after which a request without an answer is lost
MIX = {"interrogate": 52, "analyze": 20, "leave": 13, "stop": 13, "race": 2}
SIZE = 256  # of a visitor's picture, in pixels


def picture_of(visitor: int, examples: list[Image.Image]) -> bytes:
    """Return a picture that no other visitor has: another cut of another example, in PNG."""
    example = examples[visitor % len(examples)]
    turn = visitor // len(examples)
    left, top = 7 * (turn % 8), 7 * (turn // 8)
    cut = example.crop((left, top, example.width - 56 + left, example.height - 56 + top))
    file = io.BytesIO()
    cut.resize((SIZE, SIZE)).save(file, "PNG")
    return file.getvalue()


def fingerprint(answer: dict[str, Any]) -> list[float]:
    """Return what tells one picture's answer from another's: its most similar phrases' cosines."""
    ranked = answer["ranked"]
    return [ranked[category][0]["similarity"] for category in sorted(ranked) if ranked[category]]


def owner(answer: dict[str, Any], alone: list[list[float]]) -> int:
    """Return the visitor to whose picture an answer is nearest."""
    found = fingerprint(answer)

    def distance(visitor: int) -> float:
        return max(abs(a - b) for a, b in zip(found, alone[visitor], strict=True))

    return min(range(len(alone)), key=distance)


@dataclass
class Tally:
    """What became of all requests.

    Attributes:
        outcomes: How many were done, left, stopped, refused, lost, cut, foreign or in error.
        waits: Of those done: kind, seconds from joining to the answer, and when it came.
        estimates: Seconds that were foretold at joining, and that it took.
        seen: Sentences of refusals and errors, for reading, each once.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    waits: list[tuple[str, float, float]] = field(default_factory=list)
    estimates: list[tuple[float, float]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


class Endpoints:
    """The functions of the app: under which number, and with which values."""

    def __init__(self, config: dict[str, Any], info: dict[str, Any]) -> None:
        self._numbers = {one["api_name"]: one["id"] for one in config["dependencies"]}
        self._parameters = {
            name: info["named_endpoints"][f"/{name}"]["parameters"]
            for name in ("interrogate", "analyze", "race")
        }

    def body(self, name: str, values: dict[str, Any], session: str) -> dict[str, Any]:
        """Return what joins the queue."""
        data = [
            values.get(one["parameter_name"], one.get("parameter_default"))
            for one in self._parameters[name]
        ]
        return {"data": data, "fn_index": self._numbers[name], "session_hash": session}


class Visitor:
    """One visitor with one picture.

    Args:
        number: Which picture.
        client: A connection pool of his own, as a browser has.
        endpoints: What can be asked for.
        picture: The file.
        alone: What the pipeline alone says of every visitor's picture.
        tally: Where outcomes are counted.
    """

    def __init__(
        self,
        number: int,
        client: httpx.AsyncClient,
        endpoints: Endpoints,
        picture: bytes,
        alone: list[list[float]],
        tally: Tally,
    ) -> None:
        self._number, self._client, self._endpoints = number, client, endpoints
        self._picture, self._alone, self._tally = picture, alone, tally
        self._random = random.Random(number)
        self._session, self._path = secrets.token_hex(6), ""

    async def come_and_go(self, end: float, mix: dict[str, int]) -> None:
        """Ask for one thing after another until the end."""
        await asyncio.sleep(self._random.uniform(0, 2))
        while time.monotonic() < end:
            (kind,) = self._random.choices(list(mix), list(mix.values()))
            pause = 0.0
            try:
                pause = await asyncio.wait_for(self._ask(kind), PATIENCE)
            except TimeoutError:
                self._tally.outcomes["lost"] += 1
            except httpx.TransportError as error:
                self._tally.outcomes["cut"] += 1
                self._tally.seen[repr(error)] += 1
            if self._random.random() < 0.1:  # he comes back later, in a new tab
                self._session, self._path = secrets.token_hex(6), ""
            await asyncio.sleep(min(pause, max(0.0, end - time.monotonic())))

    async def _ask(self, kind: str) -> float:
        """Ask for one thing; return for how many seconds to stay away."""
        name = kind if kind in ("analyze", "race") else "interrogate"
        if kind == "race":
            values: dict[str, Any] = {
                "shape": "32x32x32", "lanes": ["matmul_numpy"], "budget": 1, "threads": 1,
            }  # fmt: skip
        else:
            self._path = self._path or await self._upload()
            file = {"path": self._path, "meta": {"_type": "gradio.FileData"}}
            values = {"picture": file, "preset": "demo"}
        begun = time.monotonic()
        body = self._endpoints.body(name, values, self._session)
        answer = await self._client.post(f"{API}/queue/join", json=body)
        if answer.status_code in (429, 503):
            return self._refused(answer)
        answer.raise_for_status()
        await self._listen(kind, answer.json()["event_id"], body["fn_index"], begun)
        return 0.0

    async def _upload(self) -> str:
        files = {"files": (f"{self._number}.png", self._picture)}
        answer = await self._client.post(f"{API}/upload", files=files)
        answer.raise_for_status()
        return answer.json()[0]

    def _refused(self, answer: httpx.Response) -> float:
        """Note a refusal; return the seconds after which it says to come back."""
        sentence = str(answer.json()["detail"])
        self._tally.outcomes["refused"] += 1
        self._tally.seen[re.sub(r"\d+", "N", sentence)] += 1
        seconds = re.search(r"(\d+) seconds", sentence)
        return float(seconds[1]) * self._random.uniform(1, 1.5) if seconds else 5.0

    async def _listen(self, kind: str, event: str, function: int, begun: float) -> None:
        """Follow a request to its answer, unless this visitor stops it or leaves."""
        foretold: float | None = None
        async with aclosing(self._messages()) as messages:
            async for message in messages:
                if message.get("event_id") not in (event, None):
                    continue
                if message["msg"] == "estimation" and foretold is None:
                    foretold = message.get("rank_eta")
                if kind == "leave" and message["msg"] in ("estimation", "process_starts"):
                    self._tally.outcomes["left"] += 1
                    self._session = secrets.token_hex(6)
                    return
                if kind == "stop" and message["msg"] == "estimation":
                    await self._stop(event, function)
                    kind = "stopped"
                if message["msg"] == "unexpected_error":
                    self._tally.outcomes["lost"] += 1
                    self._tally.seen[str(message.get("message"))] += 1
                    return
                if message["msg"] == "process_completed":
                    self._done(kind, message, begun, foretold)
                    return
        self._tally.outcomes["cut"] += 1
        self._tally.seen["the stream ended without an answer"] += 1

    async def _messages(self) -> AsyncGenerator[dict[str, Any]]:
        parameters = {"session_hash": self._session}
        async with self._client.stream("GET", f"{API}/queue/data", params=parameters) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    async def _stop(self, event: str, function: int) -> None:
        body = {"session_hash": self._session, "fn_index": function, "event_id": event}
        (await self._client.post(f"{API}/cancel", json=body)).raise_for_status()

    def _done(
        self, kind: str, message: dict[str, Any], begun: float, foretold: float | None
    ) -> None:
        now, output = time.monotonic(), message["output"]
        if kind == "stopped":
            self._tally.outcomes["stopped"] += 1
        elif not message["success"]:
            self._tally.outcomes["error"] += 1
            self._tally.seen[str(output.get("error"))] += 1
        elif kind != "race" and owner(output["data"][0], self._alone) != self._number:
            self._tally.outcomes["foreign"] += 1
        else:
            self._tally.outcomes["done"] += 1
            self._tally.waits.append((kind, now - begun, now))
            if foretold:
                self._tally.estimates.append((foretold, now - begun))
