"""`feedmux mcp`: the tools over standard input and output, with an engine of their own, as assistants start them."""

from __future__ import annotations

import rich_click as click

import feedmux
from feedmux.cli.problem import WRONG, reported
from feedmux.cli.setup import Setup
from feedmux_server.assistant.route import INSTALL, installed
from feedmux_server.assistant.toolbox import Toolbox
from feedmux_server.desk import Desk


@click.command("mcp")
@click.pass_context
def mcp(ctx: click.Context) -> None:
    """Offer every capability as a tool to an assistant, over standard input and output."""
    if not installed():
        click.echo(f"feedmux mcp: the Model Context Protocol's SDK is not installed: {INSTALL}", err=True)
        ctx.exit(WRONG)
    import anyio

    setup = ctx.obj if isinstance(ctx.obj, Setup) else Setup()
    with reported(False):
        anyio.run(_serve, setup)


async def _serve(setup: Setup) -> None:
    from mcp.server.stdio import stdio_server

    from feedmux_server.assistant import protocol

    chosen = setup.settings()
    async with (
        feedmux.open(chosen, plugins=setup.plugins, extensions=setup.extensions) as mux,
        stdio_server() as (read, write),
    ):
        server = protocol.server(Toolbox(Desk(mux)))
        await server.run(read, write, server.create_initialization_options())
