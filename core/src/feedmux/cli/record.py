"""`feedmux record`: ask the real upstream once, and keep the exchange as a case."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from msgspec.structs import replace
from rich.text import Text

from feedmux.cell import printable
from feedmux.cli import problem, screen
from feedmux.cli.check import no_provider_reported
from feedmux.cli.question import spelled
from feedmux.cli.setup import Setup
from feedmux.errors import InvalidQuery, SettingsError
from feedmux.settings import Settings, nearest

if TYPE_CHECKING:
    from feedmux.conformance import Case, Subject


@click.command()
@click.argument("name")
@click.argument("question")
@click.option("--member", metavar="M", default="", help="Ask this member of the provider.")
@click.option("--as", "case", metavar="CASE", help="The name of the case; by default the question's.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it; by default the cases of the provider's package, here where that is not in work.",
)
@click.pass_context
def record(
    ctx: click.Context, name: str, question: str, member: str, case: str | None, directory: Path | None
) -> None:
    """Ask the provider NAME one QUESTION, such as "quotes BTC", "health" or "listing", and keep the exchange as a case.

    The real upstream is asked once, with your key where you have set one, or what base_url says in its place. Keys,
    cookies and whatever else may say who you are is left out. Look the file over before you publish it.
    """
    from feedmux.conformance import Subject, installed, recording  # only this command needs it
    from feedmux.conformance.case import encode

    setup = ctx.ensure_object(Setup)
    with problem.reported(as_json=False):
        plugin = (setup.plugins or {}).get(name)
        with no_provider_reported():
            subject = installed(name) if plugin is None else Subject(name, plugin)
            if subject.without_http:
                raise SettingsError(f"{name} declares no host: there is nothing that could be recorded")
        wanted = _wanted(subject, question, member)
        chosen = _only(setup.settings(), name, member)
        cases = asyncio.run(recording.recorded(subject, wanted, chosen))
        place = directory or _cases_of(subject.package)
        for made in cases:
            own = made.capability == wanted.capability
            if not own and subject.listing(member) is not None:
                continue
            file = place / f"{(case if own else None) or _free(place, made.capability)}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encode(made))
            size = f"{len(made.content):,} bytes"
            told = f"{file}: {made.capability}, status {made.status}, {size}, {made.expected}, {made.grade.value}"
            screen.out().print(Text(printable(told)), soft_wrap=True)


def _wanted(subject: Subject, question: str, member: str) -> Case:
    """The question as the provider is asked it; raises InvalidQuery."""
    from feedmux.conformance import recording
    from feedmux.conformance.case import HEALTH, LISTING

    capability, *words = shlex.split(question) or [""]
    capability = capability.replace("-", "_")
    if capability in (HEALTH, LISTING):
        return recording.wanted(capability, None, member)
    serves = {kind.capability: kind for kind in subject.loaded.limits.serves} if subject.loaded else {}
    if capability not in serves:
        known = [*serves, HEALTH, LISTING]
        raise InvalidQuery(f"{subject.name} is not asked for {capability[:40]!a}{nearest(capability, known)}")
    return recording.wanted(capability, spelled(serves[capability], words), member)


def _only(chosen: Settings, name: str, member: str) -> Settings:
    """The settings with that member enabled alone, where one is named."""
    if not member:
        return chosen
    ours = replace(chosen.provider(name), members=(member,))
    return replace(chosen, providers={**chosen.providers, name: ours})


def _cases_of(package: Path | None) -> Path:
    """Where the cases of a package in work stand; here, for one that was installed whole."""
    if package is None or {"site-packages", "dist-packages"} & set(package.parts):
        return Path()
    return package / "cases"


def _free(directory: Path, name: str) -> str:
    """The name, or with the first number behind it that is not taken."""
    taken = {file.stem for file in directory.glob("*.json")}
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in numbered if one not in taken)
