"""`feedmux new-provider`: a package to begin with, ready to be installed, checked and published."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from rich.text import Text

from feedmux.cell import printable
from feedmux.cli import screen
from feedmux.clock import SystemClock

LICENCES = ("MIT", "Apache-2.0", "BSD-3-Clause")
"""Those whose text is among the templates."""


@click.command("new-provider")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it; by default ./feedmux-NAME.",
)
@click.option(
    "--sample",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A body of the upstream, saved with curl: the code is drafted from its shape.",
)
@click.option("--licence", type=click.Choice(LICENCES), default="MIT", show_default=True)
@click.pass_context
def new_provider(
    ctx: click.Context, name: str, directory: Path | None, sample: Path | None, licence: str
) -> None:
    """Write the package of a new provider NAME: a page of code, a case, tests that pass."""
    from feedmux import scaffold  # only this command needs it

    body = sample.read_bytes() if sample else None
    try:
        draft = scaffold.drafted(body) if body is not None else None
        written = scaffold.files(name, licence, SystemClock().now(), body, draft)
    except ValueError as error:
        ctx.fail(str(error))
    place = directory or Path(f"feedmux-{name.replace('_', '-')}")
    if place.exists() and any(place.iterdir()):
        ctx.fail(f"{place} is not empty")
    for path, content in written.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
    console = screen.out()
    console.print(Text(printable(f"{place}: {len(written)} files")), soft_wrap=True)
    console.print(
        Text(printable(f"next: pip install -e {place} && feedmux check-provider {name}")), soft_wrap=True
    )
