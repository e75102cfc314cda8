"""The app as an MCP server, called by the protocol's own client; where the extra is installed."""

import asyncio
import base64
import json

import pytest

from interrogator.models.registry import ASSETS

pytest.importorskip("mcp", reason="requirements-mcp.txt is not installed here: it is an extra")

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

CAT = ASSETS / "examples" / "cat-pop-art.jpg"
TOOLS = {"interrogate", "analyze", "score", "race", "explain_einsum"}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def session_of(url, *calls):
    """Return the tools that the server offers, and what it answers to each call."""

    async def call():
        async with (
            streamablehttp_client(f"{url}/gradio_api/mcp/") as (reader, writer, _),
            ClientSession(reader, writer) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool(*call) for call in calls]

    return asyncio.run(call())


def test_the_tools_are_the_endpoints_and_say_what_they_do(app_url):
    tools, _ = session_of(app_url)
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert len(tool.description) > 100
        for name, schema in tool.inputSchema["properties"].items():
            assert len(schema.get("description", "")) > 10, (tool.name, name)
            assert schema.get("enum") != [], (tool.name, name)
            assert schema.get("items", {}).get("enum") != [], (tool.name, name)


def test_a_prompt_and_a_race(app_url):
    picture = "data:image/jpeg;base64," + base64.b64encode(CAT.read_bytes()).decode()
    _, (prompt, race) = session_of(
        app_url,
        ("interrogate", {"picture": picture, "mode": "classic", "pinned": ["fog"]}),
        ("race", {"shape": "10x784x10", "lanes": ["matmul_numpy"], "budget": 1}),
    )
    assert not prompt.isError, prompt.content
    assert "pop art" in prompt.content[0].text
    assert "fog" in prompt.content[0].text
    assert not race.isError, race.content
    assert "matmul_numpy" in race.content[0].text


def test_a_mistake_is_reported_in_a_sentence(app_url):
    _, (answer,) = session_of(app_url, ("race", {"shape": "0x0x0"}))
    assert answer.isError
    assert "must lie between 1 and" in json.dumps([part.text for part in answer.content])
