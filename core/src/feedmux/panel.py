"""A panel: several members asked at once, each in batches of its own size, and what they say together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from feedmux.cache import Entry
from feedmux.errand import Errand
from feedmux.errors import BadPayload, FeedmuxError, InvalidQuery, UnknownSymbol, UpstreamDown
from feedmux.keeper import Fetched
from feedmux.query import Query
from feedmux.quota import Permit
from feedmux.rotation import Candidate
from feedmux.route import Pins
from feedmux.turn import Turns

if TYPE_CHECKING:
    from feedmux.router import Router


class Spoken(Struct, frozen=True):
    """What members said to one part: one of them, or several of a provider as one. `jumped`: it must be confirmed."""

    by: tuple[Candidate, ...]
    entry: Entry
    jumped: bool = False


class Panel:
    """Asks for the errands of one flight; an errand is looked up by its part and knows who was asked."""

    def __init__(self, router: Router, turns: Turns, pins: Pins, errands: Mapping[Query, Errand]) -> None:
        self._router = router
        self._clock = router.clock
        self._turns = turns
        self._pins = pins
        self._errands = errands
        self.missed: dict[Query, dict[str, str]] = {}
        """What each member said that could not answer, by part."""

    async def ask(
        self, wanted: Mapping[Candidate, Sequence[Query]], until: float, first: Permit | None = None
    ) -> dict[Query, list[Spoken]]:
        """Ask each member for its parts, at once and until then (monotonic); what a member cannot say is booked.

        `first` is a permit for the first batch of the first member, where it was taken already.
        """
        voices = []
        for member, parts in wanted.items():
            size = member.terms.batch
            for start in range(0, len(parts), size):
                voices.append(self._voice(member, tuple(parts[start : start + size]), first, until))
                first = None
        said: dict[Query, list[Spoken]] = {part: [] for parts in wanted.values() for part in parts}
        for member, asked, fetched in await asyncio.gather(*voices):
            for part, entry in fetched.entries.items():
                if part in said:
                    said[part].append(Spoken((member,), entry))
            for part, entry in fetched.suspects.items():
                if part in said:
                    said[part].append(Spoken((member,), entry, jumped=True))
            self._missed(member, asked, fetched)
        return said

    def _missed(self, candidate: Candidate, parts: Sequence[Query], fetched: Fetched) -> None:
        """Book what a member could not say."""
        if fetched.error is not None:
            for part in parts:
                if part not in fetched.entries and part not in fetched.suspects:
                    self._errands[part].failed(candidate, fetched.error)
                    self.missed.setdefault(part, {})[candidate.name] = fetched.error.detail

    async def _voice(
        self, candidate: Candidate, parts: tuple[Query, ...], permit: Permit | None, until: float
    ) -> tuple[Candidate, tuple[Query, ...], Fetched]:
        """What one member says to these parts; a batch refused for one bad item is halved."""
        if permit is None:
            parts, permit = await self._permitted(candidate, parts, until)
            if permit is None:
                return candidate, parts, Fetched({})
            for part in parts:
                self._errands[part].asked.add(candidate.name)
        limit = max(0.0, until - self._clock.monotonic())
        fetched = await self._router.fetcher.fetch(candidate, parts, permit, limit, self._turns.events)
        if not (
            fetched.refused and isinstance(fetched.error, (InvalidQuery, UnknownSymbol)) and len(parts) > 1
        ):
            return candidate, parts, fetched
        return candidate, parts, await self._halved(candidate, parts, until)

    async def _halved(self, candidate: Candidate, parts: tuple[Query, ...], until: float) -> Fetched:
        entries: dict[Query, Entry] = {}
        suspects: dict[Query, Entry] = {}
        for half in (parts[: len(parts) // 2], parts[len(parts) // 2 :]):
            order = self._router.route(half, self._pins).order
            further = self._turns.take(candidate, half, order) if self._clock.monotonic() < until else None
            if further is None:
                self._missed(candidate, half, Fetched({}, refused_batch(candidate)))
                continue
            _, _, found = await self._voice(candidate, half, further, until)
            self._missed(candidate, half, found)
            entries |= found.entries
            suspects |= found.suspects
        return Fetched(entries, suspects=suspects)

    async def _permitted(
        self, candidate: Candidate, parts: tuple[Query, ...], until: float
    ) -> tuple[tuple[Query, ...], Permit | None]:
        """What the member may be asked for and a permit for it, once it has a place for one more request."""
        quota = candidate.standing.quota
        if candidate.listed and candidate.standing.listing is None and not self._turns.is_closed(candidate):
            await self._router.fetcher.listings.have(candidate.standing, until - self._clock.monotonic())
        while quota.in_flight >= quota.concurrency and self._clock.monotonic() < until:
            await self._turns.place(quota, until)
        route = self._router.route(parts, self._pins)
        parts = route.parts_for_now(candidate)
        permit = self._turns.take(candidate, parts, route.order) if parts else None
        quota.admit()
        return parts, permit

    def together(self, part: Query, said: Sequence[Spoken]) -> Spoken | FeedmuxError | None:
        """What members of one provider say together to a part, or no consensus; None where nobody has a voice.

        What is stale has no voice. A price that jumped is believed where members of two origins say so.
        """
        keeper = self._router.fetcher.keeper
        fresh = [(one.by[0], one.entry) for one in said if not one.entry.stale]
        if not fresh:
            return None
        heard, apart = keeper.together(part, fresh, self._turns.events)
        for member in apart:
            self._router.fetcher.conduct.outlier(member, part)
        if isinstance(heard, FeedmuxError):
            return heard
        agreeing = [(member, entry) for member, entry in fresh if member.name not in apart]
        origins = {entry.items[0].origin for _, entry in agreeing if entry.items}
        doubtful = len(origins) < 2 and bool(heard.items)
        jumped = doubtful and bool(keeper.jumped(agreeing[0][0], part, heard.items[0]))
        if len(origins) > 1:
            for candidate, _ in agreeing:
                keeper.doubts.agreed(candidate.source, part)
        return Spoken(tuple(member for member, _ in agreeing), heard, jumped)

    def keep(self, part: Query, spoken: Spoken) -> None:
        """Keep what members of one provider say together as the provider's word."""
        keeper = self._router.fetcher.keeper
        keeper.backed(part, spoken.entry)
        keeper.cache.keep(keeper.keys(spoken.by[0], part)[-1], spoken.entry)


def refused_batch(candidate: Candidate) -> UpstreamDown:
    """A batch was refused, and nobody found out for which of its items."""
    return UpstreamDown("refused a batch", provider=candidate.standing.provider)


def unconfirmed(candidate: Candidate) -> BadPayload:
    """A price jumped, and nobody confirmed it."""
    return BadPayload("a jump that nobody confirmed", provider=candidate.name)
