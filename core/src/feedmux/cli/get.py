"""`feedmux get`: ask, and print the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rich_click as click

from feedmux.answer import Answer
from feedmux.cli import problem, screen
from feedmux.cli.question import Capabilities
from feedmux.cli.setup import Setup
from feedmux.cli.sheet import print_answer
from feedmux.cli.source import Source
from feedmux.cli.story import print_trace
from feedmux.clock import SystemClock
from feedmux.errors import NoProvider
from feedmux.how import How
from feedmux.query import Query


def _asked(ctx: click.Context, query: Query, how: How, given: Mapping[str, Any]) -> None:
    explained = given["explained"]
    with ctx.ensure_object(Setup).source() as source:
        answer = _explained(source, query, how) if explained else source.get(query, how)
    if screen.wants_json(given["as_json"]):
        trace = {"trace": answer.trace.events} if explained else {}
        screen.print_json(answer.document() | trace)
    else:
        console = screen.out()
        print_answer(console, answer, SystemClock().now())
        if explained:
            console.print()
            print_trace(console, answer.trace)
    if answer.missing:
        ctx.exit(problem.IN_PART)


def _explained(source: Source, query: Query, how: How) -> Answer[Any]:
    """The answer with its trace; where there is none the trace goes to stderr, since it says why."""
    told = source.explain(query, how)
    if told.answer is not None:
        return told.answer
    print_trace(screen.err(), told.trace)
    raise told.error or NoProvider("nobody answered")


get = Capabilities(
    "get",
    _asked,
    [click.Option(["--explain", "explained"], is_flag=True, help="Also tell how the answer came about.")],
    help="Ask for a CAPABILITY: a table in a terminal, JSON in a pipe.",
)
