"""A feed: one thing that one member streams, passed through the guard into the cache, and watched for silence.

What counts is the age of the data, not that frames come: a stream that says nothing newer for `silent_after` seconds
is lost, however busy it is, and its old words are kept as old as they are.
"""

from __future__ import annotations

import asyncio
import enum
import math
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from feedmux.attempt import Attempts
from feedmux.cache import Entry
from feedmux.cell import printable
from feedmux.clock import Clock, Random
from feedmux.errors import BadPayload, FeedmuxError
from feedmux.event import Event, Held, StreamLost, StreamOpened, StreamResumed
from feedmux.items import Item
from feedmux.keeper import Keeper
from feedmux.lead import Lead
from feedmux.line import LOOK, STEADY, first
from feedmux.lines import Lines
from feedmux.listener import Listener
from feedmux.listings import PATIENCE, Listings
from feedmux.pace import pause
from feedmux.pushed import Heard, checked, is_new
from feedmux.query import Query
from feedmux.quota import Ending, Full, Permit
from feedmux.rotation import Candidate

HEARD_ELSEWHERE = "another process streams it"
TAKEN_OVER = "another process streamed it until now"
DOUBT = 10.0
"""Seconds for which a price that jumped is not looked at again: another provider is asked meanwhile."""


class Flow(enum.Enum):
    """How a feed does: nothing has come yet, it is alive, or it was lost."""

    OPENING = "opening"
    LIVE = "live"
    LOST = "lost"


class Follower(Protocol):
    """Hears how a feed does."""

    def lost(self, since: float, event: Event) -> None: ...

    def resumed(self, event: Event) -> None: ...

    def ended(self, feed: Feed) -> None: ...


class Shop(Struct, frozen=True):
    """What feeds work with. `confirm` has a price that jumped looked at by others."""

    clock: Clock
    chance: Random
    keeper: Keeper
    attempts: Attempts
    listings: Listings
    tell: Callable[[Event], None]
    confirm: Callable[[Query], None]


class Feed:
    """Runs until it is closed or its member turns out not to stream this.

    With a `lead` it streams only while that is held; else it hears from the process that has it.
    """

    def __init__(
        self,
        candidate: Candidate,
        part: Query,
        silent_after: float,
        shop: Shop,
        lines: Lines | None,
        lead: Lead | None = None,
    ) -> None:
        self.candidate = candidate
        self.part = part
        self.silent_after = silent_after
        self.flow = Flow.OPENING
        self.news_at = shop.clock.monotonic()
        """When something new came last; before that, when it began."""
        self.followers: list[Follower] = []
        self.lead = lead
        """None where there are no other processes."""
        self._shop = shop
        self._lines = lines
        self._ear: Listener | None = None
        self._heard = Heard()
        self._begun = False
        self._complained = False
        self._doubted_until = -math.inf
        self._news = asyncio.Event()

    # keeping it running

    async def run(self) -> None:
        """Have the hook run, again and again with growing pauses where it ends by itself."""
        failures = 0
        while True:
            await self._is_ours()
            if why := self._hindrance():
                self.lose(why)
                await self._shop.clock.sleep(LOOK)
                continue
            began = self._shop.clock.monotonic()
            reason = await self._while_ours()
            if reason is None:
                break
            self.lose(reason)
            failures = 0 if self.news_at - began >= STEADY else failures
            await self._shop.clock.sleep(pause(failures, self._shop.chance))
            failures += 1
        for follower in tuple(self.followers):
            follower.ended(self)

    def _hindrance(self) -> str:
        standing = self.candidate.standing
        return "" if standing.open else f"it is closed: {standing.condition(self._shop.clock.monotonic())[1]}"

    async def _is_ours(self) -> None:
        """Wait until no other process streams it; what that one would have said in between is a gap."""
        if self.lead is None or self.lead.held:
            return
        await self.lead.until(True)
        if self.flow is Flow.LIVE:
            self.lose(TAKEN_OVER)

    async def _while_ours(self) -> str | None:
        """`_streamed`, ended where another process has the lead from now on."""
        if self.lead is None:
            return await self._streamed()
        streaming = asyncio.ensure_future(self._streamed())
        await first(streaming, self.lead.until(False))
        await asyncio.wait({streaming})
        return HEARD_ELSEWHERE if streaming.cancelled() else streaming.result()

    async def _streamed(self) -> str | None:
        """Run the hook once; why it ended, None where the member does not stream this."""
        try:
            streams = await self._shop.attempts.run(
                self.candidate.standing, "feedmux_stream", self._consume, math.inf
            )
        except FeedmuxError as error:
            return error.detail
        return "the stream ended" if streams else None

    async def _consume(self) -> bool:
        standing, shop = self.candidate.standing, self._shop
        if self.candidate.listed and (error := await shop.listings.have(standing, PATIENCE)):
            raise error
        self._ear = ear = self._listener()
        items = None
        try:
            items = standing.calls.stream(query=self.part, http=ear)
            if items is None:
                return False
            async for item in items:
                self._hear(item)
        finally:
            ear.close(Ending.NEUTRAL)
            if items is not None and hasattr(items, "aclose"):
                await items.aclose()
        return True

    def _listener(self) -> Listener:
        standing, shop = self.candidate.standing, self._shop
        cost = self.candidate.cost_of(self.part)

        def another() -> Permit | Full:
            return standing.quota.take(cost, shop.clock.monotonic())

        asked = shop.keeper.asked(self.candidate, self.part)
        return Listener(standing, asked, shop.clock, another, self._lines, self.lose, self._complain)

    async def watch_for_silence(self) -> None:
        """Lose the feed each time nothing new has come for `silent_after` seconds."""
        while True:
            wait = self.news_at + self.silent_after - self._shop.clock.monotonic()
            if wait > 0:
                await self._shop.clock.sleep(wait)
                continue
            self._news.clear()
            self.lose(f"nothing new for {self.silent_after:g} s")
            if self._ear is not None:
                self._ear.silent = True
            if self._lines is not None:
                self._lines.look()
            if self.lead is not None:
                self.lead.want()
            await self._news.wait()

    # what comes

    def _hear(self, said: Item) -> None:
        """Keep an item where it is new and can be true."""
        candidate, part, now = self.candidate, self.part, self._shop.clock.now()
        if not is_new(said, self._heard):
            return
        try:
            item = checked(said, part, candidate, self.silent_after, now)
        except BadPayload as error:
            self._complain(error.detail)
            return
        if self._is_doubtful(item):
            return
        if self._shop.keeper.kept(candidate, part, [part], [item], []).entries:
            self._heard = self._heard.after(said, now)
            if self.lead is not None:
                self.lead.pushed(self._shop.keeper.key(candidate, part), candidate.source)
            self._arrived()

    # what another process hears

    def overheard(self, entry: Entry) -> None:
        """Whoever has the lead was pushed this, and it is in the cache here too."""
        if self._leads() or entry.member != self.candidate.source:
            return
        now = self._shop.clock.now()
        newest = max((item.observed_at for item in entry.items if item.observed_at), default=now)
        if (now - newest).total_seconds() <= self.silent_after:
            self._arrived()

    def lost_elsewhere(self, reason: str) -> None:
        """Whoever has the lead hears nothing. Where that has lasted too long, this process would try."""
        if self._leads():
            return
        self.lose(reason)
        if self.lead is not None and self._shop.clock.monotonic() - self.news_at >= self.silent_after:
            self.lead.want()

    def wanted_elsewhere(self) -> None:
        """Another process would try, where nothing is heard here."""
        if self.lead is not None and self.flow is Flow.LOST:
            self.lead.give_up()

    def _leads(self) -> bool:
        return self.lead is None or self.lead.held

    def _is_doubtful(self, item: Item) -> bool:
        """Whether its price jumped: then others are asked, and it is not kept until one of them, or its own next
        answer, says the same."""
        why = self._shop.keeper.jumped(self.candidate, self.part, item)
        now = self._shop.clock.monotonic()
        if why and now >= self._doubted_until:
            self._doubted_until = now + DOUBT
            self._complain(why)
            self._shop.confirm(self.part)
        return bool(why)

    def _complain(self, why: str) -> None:
        """Tell of something that was not kept; once, until something is."""
        if not self._complained:
            self._complained = True
            at, name = self._shop.clock.monotonic(), self.candidate.name
            self._shop.tell(Held(at=at, member=name, what=self._what, detail=printable(why)[:200]))

    # how it does

    @property
    def _what(self) -> str:
        return " ".join((self.part.capability, *self.part.elements))[:80]

    def _arrived(self) -> None:
        now, was_live, since = self._shop.clock.monotonic(), self.flow is Flow.LIVE, self.news_at
        self.news_at, self.flow, self._complained = now, Flow.LIVE, False
        self._news.set()
        if self._ear is not None:
            self._ear.silent = False
        if was_live:
            return
        name, begun, self._begun = self.candidate.name, self._begun, True
        if not begun:
            self._shop.tell(StreamOpened(at=now, member=name, what=self._what))
            return
        event = StreamResumed(at=now, member=name, what=self._what, seconds=now - since)
        self._shop.tell(event)
        for follower in tuple(self.followers):
            follower.resumed(event)

    def lose(self, reason: str) -> None:
        """Nothing can be heard, or what is heard is nothing new: told once, until something new comes."""
        if self.flow is Flow.LOST:
            return
        self.flow = Flow.LOST
        told = printable(self.candidate.standing.wire.redacted(reason))[:200]
        event = StreamLost(
            at=self._shop.clock.monotonic(), member=self.candidate.name, what=self._what, reason=told
        )
        self._shop.tell(event)
        if self.lead is not None:
            self.lead.lost(told)
        if self._begun:
            for follower in tuple(self.followers):
                follower.lost(self.news_at, event)
