"""Who answers a command: an engine of its own or a running server, which commands need not tell apart."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from feedmux.answer import Answer
from feedmux.errors import FeedmuxError
from feedmux.event import Trace
from feedmux.how import How
from feedmux.query import Query
from feedmux.status import LedgerRow, ProviderStatus


class Told(Struct, frozen=True):
    """A question and how it went: an answer or an error, neither where nobody was asked."""

    answer: Answer[Any] | None
    error: FeedmuxError | None
    trace: Trace


class States(Struct, frozen=True):
    """Every provider, and whether answers are simulated."""

    providers: list[ProviderStatus]
    sandbox: bool


class Source(Protocol):
    """What commands ask. Every method raises FeedmuxErrors only."""

    name: str
    """Where answers come from, for a person; empty for an engine of its own."""

    def get(self, query: Query, how: How) -> Answer[Any]: ...

    def explain(self, query: Query, how: How) -> Told: ...

    def plan(self, query: Query, how: How) -> Told:
        """As `explain`, but nobody is asked."""
        ...

    def states(self) -> States: ...

    def ledger(self) -> list[LedgerRow]: ...
