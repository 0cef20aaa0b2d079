"""Streams: which member pushes what to whom. One feed for each thing streamed, whoever watches; one set of lines a member."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import structlog

from feedmux.access import MemberAccess, stream_hosts
from feedmux.cache import Entry
from feedmux.clock import Clock, Random
from feedmux.event import Event, Reason
from feedmux.feed import Feed, Shop
from feedmux.fetcher import Fetcher
from feedmux.fleet import Fleet
from feedmux.following import Following
from feedmux.lead import Leads
from feedmux.lines import Lines
from feedmux.push import SILENT_AFTER, Push
from feedmux.query import Query
from feedmux.rotation import Candidate
from feedmux.route import Need, plan
from feedmux.standing import Standing
from feedmux.transport import Network

_NO_MATTER = (Reason.EXHAUSTED, Reason.BUSY)
"""Why a member may not be asked, though it may push: a stream draws on no quota."""
ELSEWHERE = 10_000
"""Parts of which it is known that another process streams them."""
_log = structlog.get_logger("feedmux.streams")


class Streams:
    """All feeds of one engine. `confirm` has a price that jumped looked at by others. With `leads`, each thing is
    streamed once among all processes.
    """

    def __init__(
        self,
        fleet: Fleet,
        fetcher: Fetcher,
        clock: Clock,
        chance: Random,
        tell: Callable[[Event], None],
        confirm: Callable[[Query], None],
        leads: Leads | None = None,
    ) -> None:
        self._fleet = fleet
        self._fetcher = fetcher
        self._clock = clock
        self._chance = chance
        self._leads = leads
        self._elsewhere: dict[Query, tuple[str, float]] = {}
        """Which member another process streams this from, and when that was heard."""
        self._shop = Shop(clock, chance, fetcher.keeper, fetcher.attempts, fetcher.listings, tell, confirm)
        self._feeds: dict[tuple[str, Query], Feed] = {}
        self._running: dict[Feed, list[asyncio.Task[None]]] = {}
        self._lines: dict[str, Lines] = {}
        self._ending: set[asyncio.Task[Any]] = set()
        self._said: set[str] = set()

    def follow(self, query: Query, ring: Callable[[], None]) -> Following:
        """A watch's hold on what is pushed of its question; `ring` is called where it must look again."""
        return Following(query.parts(), self._clock, ring, self._held, self._let_go)

    def _held(self, part: Query, following: Following) -> Feed | None:
        """The feed of the first member that may push this part, begun where nobody has yet."""
        for candidate in self._as_elsewhere(self._candidates(part), part):
            if (candidate.name, part) in following.refused:
                continue
            feed = self._feeds.get((candidate.name, part)) or self._begun(candidate, part)
            feed.followers.append(following)
            return feed
        return None

    def _as_elsewhere(self, candidates: list[Candidate], part: Query) -> list[Candidate]:
        """The member that another process streams this from goes first: nobody needs a second stream."""
        member, heard_at = self._elsewhere.get(part, ("", -math.inf))
        if self._clock.monotonic() - heard_at > SILENT_AFTER:
            return candidates
        return sorted(candidates, key=lambda one: one.name != member)

    def overheard(self, member: str, part: Query, entry: Entry) -> None:
        """Another process was pushed this by that member."""
        self._elsewhere.pop(part, None)
        self._elsewhere[part] = member, self._clock.monotonic()
        if len(self._elsewhere) > ELSEWHERE:
            del self._elsewhere[next(iter(self._elsewhere))]
        if feed := self._feeds.get((member, part)):
            feed.overheard(entry)

    def lost_elsewhere(self, member: str, part: Query, reason: str) -> None:
        """The process that streams this hears nothing, or has ended its stream."""
        if feed := self._feeds.get((member, part)):
            feed.lost_elsewhere(reason)
            if self._leads is not None:
                self._leads.look()

    def wanted_elsewhere(self, member: str, part: Query) -> None:
        """Another process would stream this, where nothing is heard here."""
        if feed := self._feeds.get((member, part)):
            feed.wanted_elsewhere()

    def _candidates(self, part: Query) -> list[Candidate]:
        """Who could push this, in the order in which they would be asked."""
        rotation = self._fleet.rotations.get(part.capability)
        if rotation is None or not any(self._may_push(one) for one in rotation.candidates):
            return []
        route = plan(rotation, Need((part,)), self._clock.monotonic())
        able = [*route.order, *(skip.candidate for skip in route.skips if skip.reason in _NO_MATTER)]
        return [one for one in able if self._may_push(one) and one.standing.open]

    def _may_push(self, candidate: Candidate) -> bool:
        standing = candidate.standing
        if "feedmux_stream" not in standing.calls.implements or candidate.fan_out > 1:
            return False
        upstream = standing.upstream
        if upstream.streamed is not None and candidate.query not in upstream.streamed:
            return False
        if not hasattr(standing.wire.transport, "dial"):
            return False
        if upstream.push is None:
            return True
        return bool(self._hosts(standing)) and self._has_library(standing)

    def _hosts(self, standing: Standing) -> tuple[str, ...]:
        return stream_hosts(standing.upstream.push, self._fleet.settings.provider(standing.provider))

    def _has_library(self, standing: Standing) -> bool:
        """Whether sockets can be opened; where they cannot, that is said once for each provider."""
        if not isinstance(standing.wire.transport, Network) or standing.wire.transport.dials:
            return True
        if standing.provider not in self._said:
            self._said.add(standing.provider)
            _log.warning(
                "polling what could be streamed: pip install 'feedmux[stream]'", provider=standing.provider
            )
        return False

    def _begun(self, candidate: Candidate, part: Query) -> Feed:
        push = candidate.standing.upstream.push
        lines = self._lines_of(candidate.standing, push) if push is not None else None
        silent_after = push.silent_after if push is not None else SILENT_AFTER
        lead = self._leads.want(candidate.name, part) if self._leads is not None else None
        feed = Feed(candidate, part, silent_after, self._shop, lines, lead)
        self._feeds[candidate.name, part] = feed
        loop = asyncio.get_running_loop()
        running = loop.create_task(feed.run())
        running.add_done_callback(lambda _: self._over(feed))
        self._running[feed] = [running, loop.create_task(feed.watch_for_silence())]
        return feed

    def _lines_of(self, standing: Standing, push: Push) -> Lines:
        if standing.name not in self._lines:
            access = MemberAccess(
                standing,
                push,
                lambda: self._fleet.settings.provider(standing.provider),
                self._clock,
                self._fetcher.conduct,
            )
            self._lines[standing.name] = Lines(access, push, self._clock, self._chance)
        return self._lines[standing.name]

    def _let_go(self, feed: Feed, following: Following) -> None:
        """The last to leave closes the feed."""
        if following in feed.followers:
            feed.followers.remove(following)
        if not feed.followers:
            self._over(feed)

    def _over(self, feed: Feed) -> None:
        if self._feeds.get((feed.candidate.name, feed.part)) is feed:
            del self._feeds[feed.candidate.name, feed.part]
        if self._leads is not None and feed.lead is not None:
            self._leads.leave(feed.lead)
        for task in self._running.pop(feed, ()):
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def aclose(self) -> None:
        """Close every feed and every connection; nothing is left."""
        for feed in tuple(self._running):
            self._over(feed)
        if self._ending:
            await asyncio.wait(tuple(self._ending), timeout=1.0)
        for lines in self._lines.values():
            await lines.aclose()
