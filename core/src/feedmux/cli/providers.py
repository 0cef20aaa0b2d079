"""`feedmux providers`: who can be asked, and how each of them is."""

from __future__ import annotations

from collections.abc import Iterator

import rich_click as click
from rich import box
from rich.table import Table
from rich.text import Text

from feedmux.answer import SIMULATED
from feedmux.breaker import State
from feedmux.cell import printable, span
from feedmux.cli import problem, screen
from feedmux.cli.setup import Setup
from feedmux.status import MemberStatus, ProviderStatus

COLOURS = {
    State.OPEN: "green",
    State.RECOVERING: "cyan",
    State.UNKNOWN: "dim",
    State.EXHAUSTED: "yellow",
    State.THROTTLED: "yellow",
    State.NEEDS_KEY: "magenta",
    State.BLOCKED: "red",
    State.QUARANTINED: "bold red",
}


@click.command()
@click.option("--json/--text", "as_json", default=None, help=screen.JSON_HELP)
@click.pass_context
def providers(ctx: click.Context, as_json: bool | None) -> None:
    """List the providers: state, weight, what is left of the quota, the last error; with the reason those set aside.

    Only a running server knows states: an engine of the command's own has asked nobody yet.
    """
    with problem.reported(bool(as_json)), ctx.ensure_object(Setup).source() as source:
        states, name = source.states(), source.name
    if screen.wants_json(as_json):
        screen.print_json(states)
        return
    console = screen.out()
    if states.sandbox:
        console.print(Text(f" {SIMULATED} ", "black on yellow"))
    if not states.providers:
        console.print(Text("no provider is installed: pip install feedmux-NAME"))
        return
    console.print(_table(states.providers))
    said_by = f"as {name} has it" if name else "no server was asked, so states are unknown"
    console.print(Text(said_by, "dim"))


def _table(rows: list[ProviderStatus]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    table.add_column("provider", no_wrap=True)
    table.add_column("distribution", overflow="fold")
    table.add_column("state")
    for heading in ("weight", "quota left", "resets in"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("last error", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
        for member in row.members if len(row.members) > 1 else ():
            table.add_row(*_member(member))
    return table


def _cells(row: ProviderStatus) -> Iterator[Text]:
    yield Text(printable(row.name), "bold")
    yield Text(printable(f"{row.distribution} {row.version}".strip()), "dim")
    yield _state(row.state, row.wait)
    yield Text("" if row.weight is None else f"{row.weight:g}")
    yield Text(_share(row.quota_left))
    yield Text(_in(row.next_reset))
    yield Text(printable(_trouble(row.cause, row.last_error)))


def _member(row: MemberStatus) -> Iterator[Text]:
    yield Text(f"  {printable(row.name)}")
    yield Text("")
    yield _state(row.state, row.wait)
    yield Text("")
    yield Text(_share(row.quota_left))
    yield Text(_in(row.next_reset))
    yield Text(printable(_trouble(row.cause, row.last_error)))


def _state(state: State, wait: float | None) -> Text:
    more = "" if wait is None else f", {span(wait)} more"
    return Text(state.value + more, COLOURS.get(state, ""))


def _trouble(cause: str, last_error: str) -> str:
    """Why it is as it is, and its last error where that says something else."""
    return cause if last_error in cause else "; ".join(filter(None, (cause, last_error)))


def _share(left: float | None) -> str:
    return "" if left is None else f"{left:.0%}"


def _in(seconds: float | None) -> str:
    return "" if seconds is None else span(seconds)
