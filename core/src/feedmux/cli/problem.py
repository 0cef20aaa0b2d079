"""Errors as a command line tells them (a line and a remedy, problem JSON, an exit code) and as a server does."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from click.exceptions import Exit
from msgspec import Struct
from rich.text import Text

from feedmux import errors
from feedmux.cell import printable, span
from feedmux.cli import screen
from feedmux.errors import FeedmuxError

ANSWERED, UNEXPECTED, WRONG, UNKNOWN, UNAVAILABLE, IN_PART, INTERRUPTED, CLOSED_PIPE = (
    0,
    1,
    2,
    3,
    4,
    5,
    130,
    141,
)
EXIT_CODES = """\
Exit codes: 0 answered in full; 1 unexpected; 2 a wrong option, question or configuration; 3 nobody knows the
symbol; 4 nobody can answer now; 5 answered in part; 130 interrupted."""
URN = "urn:feedmux:problem:"


class FromServer(FeedmuxError):
    """A server refused for a reason of its own."""

    status, slug, title = 503, "server", "The server does not answer this"


class Problem(Struct):
    """Problem JSON as a server sends it."""

    type: str = ""
    title: str = ""
    detail: str = ""
    field: str = ""
    retry_after: float | None = None


def exit_code(error: FeedmuxError) -> int:
    """What a script is told of an error."""
    if isinstance(error, errors.InvalidQuery | errors.SettingsError):
        return WRONG
    if isinstance(error, errors.UnknownSymbol):
        return UNKNOWN
    return UNAVAILABLE if error.status in (502, 503, 504) else UNEXPECTED


def problem(error: FeedmuxError) -> dict[str, Any]:
    """The error as problem JSON (RFC 9457), as the server words it."""
    told: dict[str, Any] = {
        "type": URN + error.slug,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if isinstance(error, errors.InvalidQuery) and error.field:
        told["field"] = error.field
    if error.retry_after is not None:
        told["retry_after"] = math.ceil(error.retry_after)
    return told


def raised(told: Problem) -> FeedmuxError:
    """The error that a server told of."""
    kind = _by_slug().get(told.type.removeprefix(URN), FromServer)
    error = kind(told.detail or told.title)
    error.retry_after = told.retry_after
    if isinstance(error, errors.InvalidQuery):
        error.field = told.field
    return error


@functools.cache
def _by_slug() -> dict[str, type[FeedmuxError]]:
    known = [value for value in vars(errors).values() if isinstance(value, type)]
    return {kind.slug: kind for kind in known if issubclass(kind, FeedmuxError) and kind is not FeedmuxError}


def remedy(error: FeedmuxError) -> str:
    """What to do about it, in one clause; empty where the error says it all."""
    if error.retry_after is not None:
        return f"ask again in {span(math.ceil(error.retry_after))}"
    return _REMEDIES.get(type(error), "")


_REMEDIES: dict[type[FeedmuxError], str] = {
    errors.UnknownSymbol: "check the spelling, or name one asset exactly, such as PROVIDER:ID",
    errors.Unauthorized: "set the key: FEEDMUX_NAME_API_KEY, or api_key under [providers.NAME]",
    errors.SettingsError: "correct the configuration: --config FILE, FEEDMUX_CONFIG or feedmux.toml",
    errors.InvalidQuery: "--help behind the command says what it takes",
    errors.DeadlineExceeded: "--deadline SECONDS allows more time",
    errors.NoConsensus: "--json of the same question with fewer symbols, or feedmux explain, says who said what",
    errors.NoProvider: "feedmux explain with the same question says why; feedmux providers shows their states",
}


def tell(error: FeedmuxError, as_json: bool) -> None:
    """Say it on stderr: one or two lines, or problem JSON."""
    if as_json:
        screen.print_json(problem(error), sys.stderr)
        return
    console = screen.err()
    console.print(Text.assemble((f"{error.title}: ", "bold red"), printable(str(error))), soft_wrap=True)
    if advice := remedy(error):
        console.print(Text(f"  {advice}", "dim"), soft_wrap=True)


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Tell what is raised inside and end the command with its exit code."""
    try:
        yield
    except FeedmuxError as error:
        tell(error, as_json)
        raise Exit(exit_code(error)) from None
