"""`feedmux providers`: who can be asked, and how each of them is."""

from __future__ import annotations

from collections.abc import Sequence

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


ROOMY = 110
"""Columns of a terminal from which on every heading fits."""
NUMBERS = ("weight", "quota left", "resets in")
LONGEST_STATE = max(len(state.value) for state in State)
SPARED = ("distribution", "weight")
"""What a narrower one does without."""


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
    narrow = console.width < ROOMY
    console.print(_table(states.providers, SPARED if narrow else ()))
    if narrow:
        console.print(Text(f"not shown: {', '.join(SPARED)}; --json has everything", "dim"))
    for row in states.providers:
        for note in row.notes:
            console.print(Text(f"{printable(row.name)}: {printable(note)}", "yellow"))
    said_by = f"as {name} has it" if name else "no server was asked, so states are unknown"
    console.print(Text(said_by, "dim"))


def _table(rows: list[ProviderStatus], spared: Sequence[str]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    headings = [
        heading for heading in ("provider", "distribution", "state", *NUMBERS) if heading not in spared
    ]
    for heading in headings:
        number = heading in NUMBERS
        table.add_column(
            heading,
            justify="right" if number else "left",
            no_wrap=number or heading == "provider",
            overflow="fold",
            min_width=LONGEST_STATE if heading == "state" else None,
        )
    table.add_column("last error", overflow="fold", min_width=LONGEST_STATE)
    for row in rows:
        cells = {
            "provider": Text(printable(row.name), "bold"),
            "distribution": Text(printable(f"{row.distribution} {row.version}".strip()), "dim"),
            "weight": Text("" if row.weight is None else f"{row.weight:g}"),
            **_condition(row),
        }
        table.add_row(*(cells[heading] for heading in (*headings, "last error")))
        for member in row.members if len(row.members) > 1 else ():
            cells = {"provider": Text(f"  {printable(member.name)}"), **_condition(member)}
            table.add_row(*(cells.get(heading, Text("")) for heading in (*headings, "last error")))
    return table


def _condition(row: ProviderStatus | MemberStatus) -> dict[str, Text]:
    """How it is, by heading."""
    return {
        "state": _state(row.state, row.wait),
        "quota left": Text(_share(row.quota_left)),
        "resets in": Text(_in(row.next_reset)),
        "last error": Text(printable(_trouble(row.cause, row.last_error))),
    }


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
