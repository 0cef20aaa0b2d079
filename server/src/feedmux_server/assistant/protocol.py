"""The toolbox in the words of the Model Context Protocol. The one module that knows the SDK, and imports it."""

from __future__ import annotations

from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

import feedmux
from feedmux_server.assistant.toolbox import Tool, Toolbox
from feedmux_server.edge import BODY_LIMIT

INSTRUCTIONS = (
    "Crypto-market data from many providers, each answer with who gave it and how old it is. Where `sandbox` is true the "
    "answer is simulated and no market data. Numbers that no provider gave are never made up: an error says why there is "
    "none and when to ask again."
)
READ_ONLY = types.ToolAnnotations(read_only_hint=True, open_world_hint=True)


def server(toolbox: Toolbox) -> Server[Any]:
    """A protocol server of these tools, for any transport."""

    async def listed(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_tool(one) for one in toolbox.tools()])

    async def called(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        told = await toolbox.call(params.name, params.arguments or {})
        if told is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name[:60]!a}")
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=told.text)],
            structured_content=told.document,
            is_error=told.failed,
        )

    return Server(
        "feedmux",
        version=feedmux.__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=listed,
        on_call_tool=called,
    )


def manager(toolbox: Toolbox) -> StreamableHTTPSessionManager:
    """The HTTP transport: no sessions and no open streams, so that a stop waits for nobody."""
    return StreamableHTTPSessionManager(
        server(toolbox), stateless=True, json_response=True, max_request_body_size=BODY_LIMIT
    )


def _tool(one: Tool) -> types.Tool:
    return types.Tool(
        name=one.name, description=one.description, input_schema=dict(one.schema), annotations=READ_ONLY
    )
