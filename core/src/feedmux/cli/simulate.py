"""`feedmux simulate`: what would become of a day, before it comes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import rich_click as click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedmux.cli import problem, screen
from feedmux.cli.setup import Setup
from feedmux.errors import SettingsError
from feedmux.simulate import Outcome, read
from feedmux.simulate import simulate as run
from feedmux.simulate.picture import page
from feedmux.simulate.table import clock, rows, summary


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--seed", type=int, help="Instead of the scenario's own: another day like it.")
@click.option("--html", type=click.Path(path_type=Path), help="Also draw it, as a page in this file.")
@click.option("--json/--text", "as_json", default=None, help=screen.JSON_HELP)
@click.pass_context
def simulate(
    ctx: click.Context, scenario: Path, seed: int | None, html: Path | None, as_json: bool | None
) -> None:
    """Run the engine against modelled upstreams in virtual time, as a scenario file says.

    Nobody is asked. Providers that the scenario names and that are installed have the limits that they declare. The
    same seed gives the same bytes.
    """
    with problem.reported(bool(as_json)):
        installed = ctx.ensure_object(Setup).registry().providers
        outcome = run(read(scenario), {name: one.limits for name, one in installed.items()}, seed)
        if html is not None:
            _draw(outcome, html)
    if screen.wants_json(as_json):
        screen.print_json(outcome)
        return
    _show(screen.out(), outcome)


def _draw(outcome: Outcome, file: Path) -> None:
    try:
        file.write_text(page(outcome), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror or error}") from None


def _show(console: Console, outcome: Outcome) -> None:
    console.print(
        Text(outcome.name, "bold"), Text(f"{clock(outcome.seconds)} simulated, seed {outcome.seed}", "dim")
    )
    if outcome.about:
        console.print(Text(outcome.about, "dim"))
    sides = {"Feedmux": outcome.ours} | ({"counting nothing": outcome.beside} if outcome.beside else {})
    console.print(_table(("", *sides), summary(list(sides.values()))))
    for name, side in sides.items():
        console.print(Text(name, "bold"))
        console.print(_table(*rows(side)))
    for broken in outcome.ours.broken:
        console.print(Text(f"BROKEN  {broken}", "bold red"))


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", overflow="fold")
    for row in body:
        table.add_row(*row)
    return table
