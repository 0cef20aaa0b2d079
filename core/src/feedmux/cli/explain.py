"""`feedmux explain`: ask, and tell how it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rich_click as click

from feedmux.cli import problem, screen
from feedmux.cli.question import Capabilities
from feedmux.cli.setup import Setup
from feedmux.cli.source import Told
from feedmux.cli.story import print_trace
from feedmux.how import How
from feedmux.query import Query


def _asked(ctx: click.Context, query: Query, how: How, given: Mapping[str, Any]) -> None:
    with ctx.ensure_object(Setup).source() as source:
        told = source.plan(query, how) if given["dry"] else source.explain(query, how)
    if screen.wants_json(given["as_json"]):
        screen.print_json(_document(told))
    else:
        print_trace(screen.out(), told.trace)
        if told.error is not None:
            problem.tell(told.error, as_json=False)
    ctx.exit(_code(told))


def _document(told: Told) -> dict[str, Any]:
    return {
        "answer": told.answer.document() if told.answer else None,
        "error": problem.problem(told.error) if told.error else None,
        "trace": told.trace.events,
    }


def _code(told: Told) -> int:
    if told.error is not None:
        return problem.exit_code(told.error)
    return problem.IN_PART if told.answer and told.answer.missing else problem.ANSWERED


explain = Capabilities(
    "explain",
    _asked,
    [click.Option(["--dry"], is_flag=True, help="Ask nobody: tell who would be asked.")],
    help="Ask for a CAPABILITY and tell how it went: what the cache held, who was passed over and until when, "
    "who was asked and what came.",
)
