"""`feedmux` itself: the options before the command, the commands, those that other packages bring."""

from __future__ import annotations

import os
import sys
from importlib.metadata import EntryPoint
from io import TextIOWrapper
from pathlib import Path

import rich_click as click
from click import Abort, ClickException, NoSuchOption
from click.exceptions import Exit

from feedmux import __version__
from feedmux.cli import log, problem
from feedmux.cli.check import check_provider
from feedmux.cli.explain import explain
from feedmux.cli.get import get
from feedmux.cli.new import new_provider
from feedmux.cli.providers import providers
from feedmux.cli.quota import quota
from feedmux.cli.record import record
from feedmux.cli.setup import SERVER, Setup
from feedmux.cli.simulate import simulate
from feedmux.errors import InvalidQuery
from feedmux.settings import Sandbox

ELSEWHERE = {"serve": SERVER}
"""Commands that are known to come with another distribution."""
GLOBAL = ("--config", "--server", "--sandbox")


class Commands(click.RichGroup):
    """Our commands, then those of other packages, found through their entry points and loaded when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(
            {*super().list_commands(ctx), *(entry.name for entry in ctx.ensure_object(Setup).brought())}
        )

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None:
            return own
        entry = next((entry for entry in ctx.ensure_object(Setup).brought() if entry.name == name), None)
        return _loaded(entry) if entry is not None else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in ELSEWHERE and args[0] not in self.list_commands(ctx):
            ctx.fail(f"feedmux {args[0]} comes with another package: pip install {ELSEWHERE[args[0]]}")
        return super().resolve_command(ctx, args)


def _loaded(entry: EntryPoint) -> click.Command | None:
    """The command, or None and a word on stderr where it cannot be had."""
    try:
        command = entry.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.value} is no click command")
    except Exception as error:  # noqa: BLE001 - the plugin boundary
        whose = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
        told = f"the command {entry.name}{whose} is skipped: {type(error).__name__}: {error}"
        click.echo(told.splitlines()[0][:300], err=True)
        return None
    return command


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=problem.EXIT_CODES
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="The configuration, a TOML file."
)
@click.option("--server", metavar="URL", help="Ask this server.")
@click.option(
    "--sandbox",
    type=click.Choice([mode.value for mode in Sandbox]),
    help="Ask no server but an engine of this command's own, and whether it is simulated.",
)
@click.version_option(__version__, "--version", message="feedmux %(version)s")
@click.pass_context
def root(ctx: click.Context, config: Path | None, server: str | None, sandbox: str | None) -> None:
    """Ask about crypto markets, whoever can answer.

    The running server of the configuration is asked where there is one, else an engine of the command's own.
    """
    if server is not None and sandbox is not None:
        ctx.fail("--server and --sandbox exclude each other: a sandbox is the server's own choice")
    setup = ctx.ensure_object(Setup)
    setup.config, setup.server = config, server
    setup.sandbox = None if sandbox is None else Sandbox(sandbox)


for command in (get, explain, providers, quota, check_provider, record, new_provider, simulate):
    root.add_command(command)


def run(args: list[str], setup: Setup | None = None) -> int:
    """Run one command, by default with what is installed; gives back the exit code and raises only what nobody expected."""
    log.configure()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if "_FEEDMUX_COMPLETE" in os.environ:
        root.main(args, prog_name="feedmux")
    try:
        code = _invoked(args, setup)
        sys.stdout.flush()
    except ClickException as error:
        _tell(error, as_json="--json" in args)
        return error.exit_code
    except (Abort, KeyboardInterrupt):
        return problem.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is flushed into it at exit
        return problem.CLOSED_PIPE
    return code


def _invoked(args: list[str], setup: Setup | None) -> int:
    try:
        with root.make_context("feedmux", args, obj=setup) as ctx:
            root.invoke(ctx)
    except Exit as ended:
        return ended.exit_code
    return problem.ANSWERED


def _tell(error: ClickException, as_json: bool) -> None:
    """What is wrong with the words of a command line."""
    if as_json:
        problem.tell(InvalidQuery(error.format_message()), as_json)
        return
    error.show()
    if isinstance(error, NoSuchOption) and error.option_name in GLOBAL:
        click.echo(f"It stands before the command: feedmux {error.option_name} ...", err=True)
