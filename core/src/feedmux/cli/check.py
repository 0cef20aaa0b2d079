"""`feedmux check-provider`: does a provider keep what it promises? Asked of its cases, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console
from rich.text import Text

from feedmux.cell import printable
from feedmux.cli import screen
from feedmux.errors import SettingsError

if TYPE_CHECKING:
    from feedmux.conformance import Report, Subject

STYLES = {"yes": "green", "no": "bold red", "left out": "yellow"}


@click.command("check-provider")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--bodies",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Break each case's body so many times.",
)
@click.pass_context
def check_provider(ctx: click.Context, name: str, as_json: bool, bodies: int) -> None:
    """Check the provider NAME against the cases in its package, thousands of broken bodies among them.

    Nobody is asked. Takes about a second for each case. Exit code 0: all of it holds; 1: something does not.
    """
    from feedmux import conformance  # only this command needs it

    with no_provider_reported():
        subject = conformance.installed(name, bodies=bodies)
    if as_json:
        report = conformance.report(subject)
        screen.print_json(report)
    else:
        report = _told(screen.out(), subject)
    ctx.exit(0 if report.passed else 1)


class NoSuchProvider(click.ClickException):
    """The name given is none of a provider that could be asked."""

    exit_code = 2


@contextmanager
def no_provider_reported() -> Iterator[None]:
    """What names no provider that could be asked ends the command with exit code 2, and says why."""
    try:
        yield
    except SettingsError as error:
        raise NoSuchProvider(error.detail) from error


def _told(console: Console, subject: Subject) -> Report:
    """Print each line as soon as it is known, and in a terminal what is being checked meanwhile."""
    from feedmux.conformance import CHECKS, concluded, fact, head, line

    _print(console, head(subject.name, len(subject.cases)))
    lines = []
    for check in CHECKS:
        with screen.err().status(f"{subject.name}: {fact(check)} …"):
            lines.append(line(check, subject))
        _print(console, str(lines[-1]))
    report = concluded(subject, lines)
    _print(console, report.end, "green" if report.passed else "bold red")
    return report


def _print(console: Console, told: str, style: str = "") -> None:
    for row in told.splitlines():
        mark = row.split("  ", 1)[0].strip()
        console.print(Text(printable(row), STYLES.get(mark, style)), soft_wrap=True)
