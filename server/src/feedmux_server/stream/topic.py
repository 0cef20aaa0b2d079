"""A topic: one question that is watched as long as anybody listens, and what was last said about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import structlog

from feedmux import Answer, FeedmuxError, InvalidQuery, Mux, Query, UnknownSymbol
from feedmux_server.stream.update import Changed, Failed, Lapsed, Update

PACE = 0.25
"""Seconds that pass between two changes that are told; of those between, the newest is."""
SOON, LATE = 1.0, 15.0
"""Seconds after which a question that failed is asked again: as the error says, within these."""
FINAL = (InvalidQuery, UnknownSymbol)
_log = structlog.get_logger("feedmux.stream")


class Listener(Protocol):
    """Whoever is told what a topic says; must not wait."""

    def hear(self, topic: Topic, update: Update) -> None: ...


class Mark(NamedTuple):
    """How far a topic had come: the number of its last change and by what that change is known again."""

    seq: int
    fetched_at: datetime | None = None
    observed_at: datetime | None = None
    stale: bool = False


class Topic:
    """Watches `query` from `begin` to `end`. `seq` counts its changes; `last` is what a newcomer is told."""

    def __init__(self, mux: Mux, query: Query, mark: Mark, ended: Callable[[Topic], None]) -> None:
        self.name = name_of(query)
        self.query = query
        self.mark = mark
        self.listeners: dict[Listener, None] = {}
        self.last: Update | None = None
        self.conflated = 0
        """Changes that were overtaken before they were told."""
        self._mux = mux
        self._ended = ended
        self._answer: Answer[Any] | None = None
        self._gap = 0.0
        self._told_at = float("-inf")
        self._telling: asyncio.TimerHandle | None = None
        self._lapsing: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch."""
        self._task = asyncio.get_running_loop().create_task(self._follow())
        self._task.add_done_callback(self._stopped)

    def end(self) -> None:
        """Stop watching and forget who listened."""
        self.listeners.clear()
        for timer in (self._telling, self._lapsing):
            if timer is not None:
                timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        while True:
            try:
                async for answer in self._mux.watch(self.query):
                    self._heard(answer)
            except FINAL as error:
                self._give_up(error)
                return
            except FeedmuxError as error:
                self._tell(Failed(self.name, error, final=False))
                await self._mux.clock.sleep(min(LATE, max(SOON, error.retry_after or SOON)))

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """A watch that broke is told like any failure."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a watch broke", topic=self.name[:100], exc_info=error)
            self._give_up(FeedmuxError("something went wrong here; the log has it"))

    def _give_up(self, error: FeedmuxError) -> None:
        self._tell(Failed(self.name, error, final=True))
        self._ended(self)

    def _heard(self, answer: Answer[Any]) -> None:
        """Count a change, and tell it now or as soon as the pace allows."""
        known = (answer.fetched_at, answer.observed_at, answer.stale)
        if known != self.mark[1:] or not answer.items:
            self.mark = Mark(self.mark.seq + 1, *known)
        self.conflated += self._telling is not None
        self._answer = answer
        self._gap = max(self._gap, answer.gap)
        wait = self._told_at + PACE - self._mux.clock.monotonic()
        if wait <= 0:
            self._tell_newest()
        elif self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(wait, self._tell_newest)

    def _tell_newest(self) -> None:
        answer, self._telling = self._answer, None
        if answer is None:
            return
        now, wall = self._mux.clock.monotonic(), self._mux.clock.now()
        fetched = wall if answer.fetched_at is None else answer.fetched_at
        observed = fetched if answer.observed_at is None else answer.observed_at
        since = now - max(0.0, (wall - fetched).total_seconds())
        self._told_at = now
        self._lapse_after(self.query.max_stale - (wall - observed).total_seconds(), since)
        gap, self._gap = self._gap, 0.0
        self._tell(Changed(self.name, self.mark.seq, answer, since, gap))

    def _lapse_after(self, seconds: float, since: float) -> None:
        if self._lapsing is not None:
            self._lapsing.cancel()
        lapsed = Lapsed(self.name, self.mark.seq, since)
        self._lapsing = asyncio.get_running_loop().call_later(max(0.0, seconds), self._tell, lapsed)

    def _tell(self, update: Update) -> None:
        self.last = update
        for listener in tuple(self.listeners):
            listener.hear(self, update)


def name_of(query: Query) -> str:
    """The name of a question: its capability and, as a URL spells them, its parameters."""
    spelled = urlencode(query.to_strings(), doseq=True, safe=":,")
    return f"{query.capability}?{spelled}" if spelled else query.capability
