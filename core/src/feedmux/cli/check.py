"""`feedmux check-provider`: does a provider keep what it promises? Asked of its cases, without a network."""

from __future__ import annotations

import rich_click as click
from rich.console import Console
from rich.text import Text

from feedmux.cell import printable
from feedmux.cli import screen
from feedmux.errors import SettingsError


@click.command("check-provider")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def check_provider(ctx: click.Context, name: str, as_json: bool) -> None:
    """Check the provider NAME against the cases in its package, thousands of broken bodies among them.

    Nobody is asked. Takes about a second for each case. Exit code 0: all of it holds; 1: something does not.
    """
    from feedmux import conformance  # only this command needs it

    try:
        subject = conformance.installed(name)
    except SettingsError as error:
        ctx.fail(error.detail)
    report = conformance.report(subject)
    if as_json:
        screen.print_json(report)
    else:
        _print(screen.out(), report)
    ctx.exit(0 if report.passed else 1)


def _print(console: Console, report: object) -> None:
    for line in str(report).splitlines():
        mark = line.split("  ", 1)[0].strip()
        style = {"yes": "green", "no": "bold red", "left out": "yellow"}.get(mark, "")
        console.print(Text(printable(line), style), soft_wrap=True)
