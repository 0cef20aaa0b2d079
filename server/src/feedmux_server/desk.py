"""Where questions reach the engine: at most so many at a time that the cache does not answer, the rest refused."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from feedmux import Answer, FeedmuxError, Mux
from feedmux.event import Trace
from feedmux_server.decision_log import DecisionLog
from feedmux_server.question import Question
from feedmux_server.tracing import Tracing

ROOM = 512
"""Questions under way at a time that the cache could not answer at once."""


class Overloaded(FeedmuxError):
    """More is asked at once than can be answered in time."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "overloaded"
    title: ClassVar[str] = "Too much is asked at once"


class Desk:
    """One engine's counter."""

    def __init__(self, mux: Mux, room: int = ROOM) -> None:
        self.mux = mux
        self.waiting = 0
        self._room = room
        self.tracing: Tracing | None = None
        """Where questions are told to once they have ended."""
        self.log: DecisionLog | None = None
        """Where they are written down."""

    def at_hand(self, question: Question) -> Answer[Any] | None:
        """The answer where nobody need be asked; never waits."""
        answer = self.mux.fresh(question.query) if question.plain else None
        if answer is not None and self.tracing is not None:
            self.tracing.hit(question.query.capability, len(answer.items))
        if answer is not None and self.log is not None:
            self.log.answered(question, answer, self.mux.clock.monotonic())
        return answer

    async def ask(self, question: Question) -> Answer[Any]:
        """The answer, whoever must be asked; raises Overloaded at once where too many wait, else as `Mux.get`."""
        with self._place():
            return await self._told(question, self.mux.get(question.query, **question.conditions()))

    async def explain(self, question: Question) -> Answer[Any]:
        """`ask`, with the whole way of the question in the answer's trace."""
        with self._place():
            return await self._told(question, self.mux.explain(question.query, **question.conditions()))

    async def _told(self, question: Question, asking: Awaitable[Answer[Any]]) -> Answer[Any]:
        began = self.mux.clock.monotonic()
        try:
            answer = await asking
        except FeedmuxError as error:
            if self.tracing is not None:
                self.tracing.failed(error)
            if self.log is not None:
                self.log.failed(question, error, began)
            raise
        if self.tracing is not None:
            self.tracing.question(answer.trace.events)
        if self.log is not None:
            self.log.answered(question, answer, began)
        return answer

    def plan(self, question: Question) -> Trace:
        """Who would be asked; asks nobody."""
        return self.mux.plan(
            question.query,
            only=question.how.only,
            prefer=question.how.prefer,
            cross_check=question.how.cross_check,
        )

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.waiting >= self._room:
            raise Overloaded(f"{self.waiting} questions wait for an answer already", retry_after=1.0)
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1
