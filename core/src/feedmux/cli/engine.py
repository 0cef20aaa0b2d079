"""An engine of the command's own: it has asked nobody yet, so states are unknown."""

from __future__ import annotations

from typing import Any

from feedmux import blocking
from feedmux.answer import Answer
from feedmux.cli.source import How, States, Told
from feedmux.errors import FeedmuxError
from feedmux.event import Trace
from feedmux.query import Query
from feedmux.status import LedgerRow


class Engine:
    """A Source inside this process."""

    name = ""

    def __init__(self, mux: blocking.Mux) -> None:
        self._mux = mux

    def get(self, query: Query, how: How) -> Answer[Any]:
        return self._mux.get(
            query, max_age=how.max_age, deadline=how.deadline, only=how.only, prefer=how.prefer
        )

    def explain(self, query: Query, how: How) -> Told:
        try:
            answer = self._mux.explain(
                query, max_age=how.max_age, deadline=how.deadline, only=how.only, prefer=how.prefer
            )
        except FeedmuxError as error:
            if not isinstance(error.trace, Trace):
                raise
            return Told(None, error, error.trace)
        return Told(answer, None, answer.trace)

    def plan(self, query: Query, how: How) -> Told:
        return Told(None, None, self._mux.plan(query, only=how.only, prefer=how.prefer))

    def states(self) -> States:
        return States(self._mux.providers(), self._mux.sandbox)

    def ledger(self) -> list[LedgerRow]:
        return self._mux.ledger()
