"""`feedmux quota`: the ledger, each window of each pool."""

from __future__ import annotations

import rich_click as click
from rich import box
from rich.table import Table
from rich.text import Text

from feedmux.cell import printable, span
from feedmux.cli import problem, screen
from feedmux.cli.setup import Setup
from feedmux.limits import Counts
from feedmux.status import LedgerRow

ROOMY = 112
"""Columns of a terminal from which on a bar and the upstream's own count fit."""
BAR = 20
SCARCE = 0.2
UNITS = {Counts.REQUESTS: "requests", Counts.COST: "cost units"}


@click.command()
@click.option("--json/--text", "as_json", default=None, help=screen.JSON_HELP)
@click.pass_context
def quota(ctx: click.Context, as_json: bool | None) -> None:
    """Show what is used and what is left of every quota, as counted here and as the upstream says."""
    with problem.reported(bool(as_json)), ctx.ensure_object(Setup).source() as source:
        ledger, name = source.ledger(), source.name
    if screen.wants_json(as_json):
        screen.print_json({"quota": ledger})
        return
    console = screen.out()
    if not ledger:
        console.print(Text("no provider that is installed declares a quota"))
        return
    narrow = console.width < ROOMY
    console.print(_table(ledger, narrow))
    if narrow:
        console.print(Text("not shown: upstream says, resets in; --json has everything", "dim"))
    console.print(Text(f"as {name} has it" if name else "no server was asked: nothing is used yet", "dim"))


def _table(ledger: list[LedgerRow], narrow: bool) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    table.add_column("pool", overflow="fold")
    table.add_column("window", overflow="fold")
    table.add_column("left", no_wrap=True)
    for heading in (
        ("used", "runs out in") if narrow else ("used", "upstream says", "resets in", "runs out in")
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in ledger:
        upstream = Text("" if row.used_upstream is None else f"{row.used_upstream:,}")
        table.add_row(
            Text(printable(row.pool), "bold"),
            Text(_window(row)),
            _left(row) if narrow else Text.assemble(_bar(row), " ", _left(row)),
            Text(f"{row.used:,}"),
            *(() if narrow else (upstream, Text("" if row.reset is None else span(row.reset)))),
            Text("" if row.runs_out is None else span(row.runs_out), "yellow"),
        )
    return table


def _window(row: LedgerRow) -> str:
    declared = f"{row.limit:,} {UNITS[row.counts]} in {span(row.per)}"
    return declared if row.believed is None else f"{declared}, it seems {row.believed:,}"


def _bar(row: LedgerRow) -> Text:
    filled = round(_share(row) * BAR)
    return Text.assemble(("█" * filled, _colour(row)), ("░" * (BAR - filled), "dim"))


def _left(row: LedgerRow) -> Text:
    left = f"{row.left:,} left" if row.left else "EXHAUSTED"
    today = "" if row.today is None or not row.left else f", {row.today:,} today"
    return Text(left + today, _colour(row) if _share(row) <= SCARCE else "")


def _share(row: LedgerRow) -> float:
    return max(0.0, min(1.0, row.left / (row.believed or row.limit)))


def _colour(row: LedgerRow) -> str:
    return "green" if _share(row) > SCARCE else "yellow" if row.left else "red"
