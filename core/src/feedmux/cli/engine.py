"""An engine of the command's own: it has asked nobody yet, so states are unknown."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from feedmux import blocking
from feedmux.answer import Answer
from feedmux.cli.source import States, Told
from feedmux.errors import FeedmuxError
from feedmux.event import Trace
from feedmux.how import How
from feedmux.query import Query
from feedmux.status import LedgerRow


class Engine:
    """A Source inside this process."""

    name = ""

    def __init__(self, mux: blocking.Mux) -> None:
        self._mux = mux

    def get(self, query: Query, how: How) -> Answer[Any]:
        return self._mux.get(query, **asdict(how))

    def explain(self, query: Query, how: How) -> Told:
        try:
            answer = self._mux.explain(query, **asdict(how))
        except FeedmuxError as error:
            if not isinstance(error.trace, Trace):
                raise
            return Told(None, error, error.trace)
        return Told(answer, None, answer.trace)

    def plan(self, query: Query, how: How) -> Told:
        planned = self._mux.plan(query, only=how.only, prefer=how.prefer, cross_check=how.cross_check)
        return Told(None, None, planned)

    def states(self) -> States:
        return States(self._mux.providers(), self._mux.sandbox)

    def ledger(self) -> list[LedgerRow]:
        return self._mux.ledger()
