"""An assistant asks through the Model Context Protocol, spoken by the protocol's own client."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from feedmux_server.assistant.toolbox import Toolbox
from feedmux_server.desk import Desk

pytestmark = pytest.mark.anyio
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def call(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def tool(client: Any, name: str, **arguments: Any) -> dict[str, Any]:
    body = call("tools/call", name=name, arguments=arguments)
    result: dict[str, Any] = (await client.post("/mcp", json=body, headers=HEADERS)).json()["result"]
    return result


async def test_every_capability_is_a_tool_those_of_third_parties_too(client: Any) -> None:
    listed = (await client.post("/mcp", json=call("tools/list"), headers=HEADERS)).json()["result"]["tools"]
    tools = {one["name"]: one for one in listed}
    assert {"quotes", "explain_quotes", "candles", "rainfall", "explain_rainfall", "providers"} <= set(tools)
    assert tools["rainfall"]["description"] == "How much it rained."
    assert tools["rainfall"]["inputSchema"]["required"] == ["place"]
    assert tools["quotes"]["inputSchema"]["properties"]["symbols"]["type"] == "array"
    assert tools["quotes"]["annotations"]["readOnlyHint"] is True


async def test_a_question_is_answered_as_text_and_as_json(client: Any) -> None:
    result = await tool(client, "quotes", symbols=["BTC", "ETH"], max_age=5)
    assert [item["price"] for item in result["structuredContent"]["items"]] == [100.0, 100.0]
    assert result["structuredContent"]["items"][0]["provider"] == "alpha"
    assert "BTC" in result["content"][0]["text"]
    assert result["isError"] is False


async def test_an_answer_can_be_explained(client: Any) -> None:
    result = await tool(client, "explain_quotes", symbols=["BTC"])
    assert "tried alpha" in result["content"][0]["text"]
    assert any(event.get("result") == "answered" for event in result["structuredContent"]["trace"])


async def test_a_failure_is_explained_too(client: Any, wire: Any) -> None:
    wire.status = 500
    assert "tried alpha" in (await tool(client, "explain_quotes", symbols=["BTC"]))["content"][0]["text"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("quotes", {}, "symbols: is missing"),
        ("quotes", {"symbols": ["BTC"], "colour": "red"}, "colour: is no parameter"),
        ("candles", {"symbol": "BTC", "interval": "2h"}, "interval: "),
        ("quotes", {"symbols": ["BTC"], "only": ["nobody"]}, "nobody"),
    ],
)
async def test_what_is_wrong_is_said_to_the_assistant(
    client: Any, name: str, arguments: dict[str, Any], said: str
) -> None:
    result = await tool(client, name, **arguments)
    assert result["isError"] is True
    assert said in result["content"][0]["text"]


async def test_a_wrong_argument_is_named_once(client: Any) -> None:
    said = (await tool(client, "quotes"))["content"][0]["text"]
    assert said.startswith("The question is not valid: symbols: is missing")


async def test_every_tool_takes_each_argument_that_it_offers(client: Any) -> None:
    box = Toolbox(Desk(client.app.state.mux))
    offered = {one.name: set(one.schema["properties"]) for one in box.tools()}
    assert "cross_check" in offered["quotes"]
    assert "cross_check" not in offered["rainfall"] | offered["explain_rainfall"]


async def test_an_upstream_that_is_down_is_an_error_with_a_time_and_no_number(client: Any, wire: Any) -> None:
    wire.status = 500
    result = await tool(client, "quotes", symbols=["BTC"])
    assert result["isError"] is True
    assert "Ask again in" in result["content"][0]["text"]
    assert "items" not in result["structuredContent"]


async def test_a_tool_that_does_not_exist_is_no_result(client: Any) -> None:
    body = call("tools/call", name="nothing", arguments={})
    assert (
        "there is no tool"
        in (await client.post("/mcp", json=body, headers=HEADERS)).json()["error"]["message"]
    )


async def test_only_posts_are_taken_so_that_no_stream_stays_open(client: Any) -> None:
    reply = await client.get("/mcp", headers=HEADERS)
    assert (reply.status_code, reply.headers["content-type"]) == (405, "application/problem+json")


async def test_a_page_of_another_origin_calls_no_tool(client: Any) -> None:
    headers = HEADERS | {"origin": "https://evil.example"}
    assert (await client.post("/mcp", json=call("tools/list"), headers=headers)).status_code == 403


async def test_providers_are_listed(client: Any) -> None:
    result = await tool(client, "providers")
    assert result["structuredContent"]["providers"][0]["name"] == "alpha"


async def test_arguments_of_any_json_type_are_read_as_a_url_would_spell_them(client: Any) -> None:
    box = Toolbox(Desk(client.app.state.mux))
    told = await box.call("rainfall", {"place": "bergen", "days": 3, "max_age": None})
    assert told is not None
    assert told.document["items"][0]["mm"] == 3.5


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_command_serves_a_client_over_standard_input_and_output(
    anyio_backend: str, tmp_path: Any
) -> None:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    command = StdioServerParameters(
        command=sys.executable, args=["-m", "feedmux", "--sandbox", "on", "mcp"], cwd=str(tmp_path)
    )
    async with stdio_client(command) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        names = {one.name for one in (await session.list_tools()).tools}
        result = await session.call_tool("quotes", {"symbols": ["BTC"]})
    assert "candles" in names
    assert result.structured_content["sandbox"] is True
    assert result.structured_content["items"][0]["price"] > 0
