"""`feedmux simulate`: what would become of a day before it comes, or of one that was under another configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich_click as click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedmux import settings
from feedmux.cell import printable
from feedmux.cli import problem, screen
from feedmux.cli.setup import Setup
from feedmux.errors import SettingsError
from feedmux.settings import Settings, nearest
from feedmux.simulate import Outcome, past, read, replay
from feedmux.simulate import simulate as run
from feedmux.simulate.picture import page
from feedmux.simulate.stand_in import stand_ins
from feedmux.simulate.table import clock, left_out, quotas, rows, summary

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("scenario", type=FILE, required=False)
@click.option(
    "--replay",
    "logs",
    type=FILE,
    multiple=True,
    metavar="LOG",
    help="In a scenario's place the questions of a decision log, at their times; given again, of several.",
)
@click.option(
    "--config", type=FILE, metavar="FILE", help="Replay under this configuration, not the current one."
)
@click.option("--weight", "weights", multiple=True, metavar="NAME=N", help="Replay with this weight instead.")
@click.option("--seed", type=int, help="Instead of the scenario's own: another day like it.")
@click.option("--html", type=FILE, help="Also draw it, as a page in this file.")
@click.option("--json/--text", "as_json", default=None, help=screen.JSON_HELP)
@click.pass_context
def simulate(
    ctx: click.Context,
    scenario: Path | None,
    logs: Sequence[Path],
    config: Path | None,
    weights: Sequence[str],
    seed: int | None,
    html: Path | None,
    as_json: bool | None,
) -> None:
    """Run the engine against modelled upstreams in virtual time, as a scenario file says or a decision log tells.

    Nobody is asked. Providers that are installed have the limits that they declare, in a replay those of the
    configuration. The same seed gives the same bytes.
    """
    if (scenario is None) == (not logs):
        ctx.fail("a scenario, or --replay with a decision log: one of the two")
    if scenario is not None and (config or weights):
        ctx.fail("--config and --weight go with --replay; a scenario says itself how providers are asked")
    setup = ctx.ensure_object(Setup)
    with problem.reported(bool(as_json)):
        if scenario is not None:
            installed = setup.registry().providers
            outcome = run(read(scenario), {name: one.limits for name, one in installed.items()}, seed)
        else:
            outcome = _replayed(setup, logs, config, weights, seed or 0)
        if html is not None:
            _draw(outcome, html)
    if screen.wants_json(as_json):
        screen.print_json(outcome)
        return
    _show(screen.out(), outcome)


def _replayed(
    setup: Setup, logs: Sequence[Path], config: Path | None, weights: Sequence[str], seed: int
) -> Outcome:
    plugins = stand_ins(setup.registry().providers)
    chosen = _weighed(settings.load(config or setup.config), weights, list(plugins))
    name = f"Replay of {', '.join(log.name for log in logs)}"
    return replay(name, past.read(logs, plugins), plugins, chosen, seed)


def _weighed(chosen: Settings, weights: Sequence[str], known: Sequence[str]) -> Settings:
    """The configuration with these weights in place of its own."""
    sections = dict(chosen.providers)
    for text in weights:
        name, weight = _weight(text)
        if name not in known:
            raise SettingsError(
                f"--weight {name}: no provider of that name can be simulated{nearest(name, known)}"
            )
        sections[name] = msgspec.structs.replace(chosen.provider(name), weight=weight)
    return msgspec.structs.replace(chosen, providers=sections)


def _weight(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        weight = float(name and number)
    except ValueError:
        raise SettingsError(
            f"--weight: a provider and its weight, such as {name or 'NAME'}=20; got {text!r}"
        ) from None
    if not 0 < weight <= 1e6:
        raise SettingsError(f"--weight {name}: a positive number, at most a million; got {number}")
    return name, weight


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
    _say(console, quotas(outcome))
    sides = outcome.sides
    console.print(_table(("", *sides), summary(list(sides.values()))))
    for name, side in sides.items():
        console.print(Text(name, "bold"))
        console.print(_table(*rows(side)))
    _say(console, [*left_out(outcome), *outcome.notes])
    for broken in outcome.ours.broken:
        console.print(Text(f"BROKEN  {broken}", "bold red"))


def _say(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", overflow="fold")
    for row in body:
        table.add_row(*(printable(text) for text in row))
    return table
