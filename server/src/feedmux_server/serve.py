"""`feedmux serve`: the server as a command."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import msgspec
import rich_click as click
from litestar import Litestar
from rich.console import Console
from rich.text import Text

from feedmux import Settings
from feedmux.cli.problem import WRONG, reported
from feedmux.cli.setup import Setup
from feedmux.settings import Sandbox, ServerSettings
from feedmux_server import log, standard
from feedmux_server.app import create_app
from feedmux_server.hosts import is_loopback
from feedmux_server.listener import Address, Unusable, free
from feedmux_server.log import Log
from feedmux_server.runner import run
from feedmux_server.workers import Failed, assigned, refused
from feedmux_server.workers import serve as serve_together


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1, or as configured]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port, 0 for any.  [default: 8000, or as configured]"
)
@click.option("--config", type=click.Path(path_type=Path), help="TOML file instead of ./feedmux.toml.")
@click.option("--decision-log", metavar="FILE", help="Append a line for each question to this file.")
@click.option(
    "--sandbox",
    type=click.Choice([mode.value for mode in Sandbox]),
    help="Simulated answers: never, where no upstream answers at start, or always.  [default: off]",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
@click.pass_context
def serve(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    config: Path | None,
    decision_log: str | None,
    sandbox: str | None,
    workers: int,
) -> None:
    """Serve REST and a status page until interrupted."""
    standard.hold()
    with reported(False):
        setup = _setup(ctx, config, sandbox)
        settings = _applied(setup.settings(), host, port, decision_log)
        try:
            address = assigned() or free(settings.server.host, settings.server.port)
        except Unusable as error:
            click.echo(f"feedmux serve: {error}", err=True)
            ctx.exit(WRONG)
        written = log.configure(settings.server.log)
        if workers > 1:
            _serve_together(ctx, workers, settings, address)
            return
        app = create_app(
            _answering(settings, address),
            plugins=setup.plugins,
            extensions=setup.extensions,
            read=lambda: _answering(_applied(setup.settings(), host, port, decision_log), address),
        )
        try:
            run(app, address, lambda started: _announce(started, address, written), written.close)
        except Unusable as error:
            click.echo(f"feedmux serve: {error}", err=True)
            ctx.exit(WRONG)


def _serve_together(ctx: click.Context, workers: int, settings: Settings, address: Address) -> None:
    """Have other processes serve as this command was asked to, each on its own."""
    if why := refused(settings):
        click.echo(f"feedmux serve: --workers {workers}: {why}", err=True)
        ctx.exit(WRONG)
    before = ctx.obj if isinstance(ctx.obj, Setup) else Setup()
    options = {
        "--config": ctx.params["config"] or before.config,
        "--host": ctx.params["host"],
        "--port": address.port,
        "--decision-log": ctx.params["decision_log"],
        "--sandbox": settings.engine.sandbox.value,
    }
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    try:
        asyncio.run(serve_together(workers, ["-m", "feedmux", "serve", *given], address))
    except Failed as error:
        click.echo(f"feedmux serve: {error}", err=True)
        ctx.exit(WRONG)


def _setup(ctx: click.Context, config: Path | None, sandbox: str | None) -> Setup:
    """What was chosen before the command, changed by what stands behind it."""
    before = ctx.obj if isinstance(ctx.obj, Setup) else Setup()
    changes: dict[str, Any] = {}
    if config is not None:
        changes["config"] = config
    if sandbox is not None:
        changes["sandbox"] = Sandbox(sandbox)
    return msgspec.structs.replace(before, **changes)


def _applied(settings: Settings, host: str | None, port: int | None, decision_log: str | None) -> Settings:
    server: ServerSettings = settings.server
    if host is not None:
        server = msgspec.structs.replace(server, host=host)
    if port is not None:
        server = msgspec.structs.replace(server, port=port)
    if decision_log is not None:
        server = msgspec.structs.replace(server, decision_log=decision_log)
    return msgspec.structs.replace(settings, server=server)


def _answering(settings: Settings, address: Address) -> Settings:
    """The settings of a server that answers to the address, too, to which its host resolved."""
    names = (*settings.server.allowed_hosts, address.host)
    return msgspec.structs.replace(
        settings, server=msgspec.structs.replace(settings.server, allowed_hosts=names)
    )


def _announce(app: Litestar, address: Address, written: Log) -> None:
    """One line with the URL; beside it what must not be overlooked. Nobody has to read either."""
    app.state.gauges.add("feedmux_log_lines_dropped", lambda: written.scribe.dropped)
    file = cast("TextIO", written.scribe)
    console = Console(file=file, force_terminal=sys.stderr.isatty(), highlight=False, soft_wrap=True)
    if app.state.mux.sandbox:
        console.print(
            Text(" SANDBOX  every answer is simulated: no real market data ", "bold black on yellow")
        )
    if not is_loopback(address.host):
        console.print(
            Text(
                f"{address.host} can be reached by other machines, and nothing here asks who calls",
                "bold red",
            )
        )
    with suppress(OSError):
        click.echo(f"Feedmux listens on {address.url}")
