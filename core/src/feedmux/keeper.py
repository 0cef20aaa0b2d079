"""Keeps what members said: through the guard into the cache, or why not."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from feedmux import guard
from feedmux.cache import Cache, Entry
from feedmux.clock import Clock, Random
from feedmux.consensus import Said, origins
from feedmux.doubt import Doubts
from feedmux.errors import BadPayload, FeedmuxError, InvalidQuery, UnknownSymbol
from feedmux.event import Event, Held
from feedmux.items import Item
from feedmux.listing import Listed
from feedmux.query import Query
from feedmux.request import Asked, Request
from feedmux.rotation import Candidate

REMEMBER_UNKNOWN = 60.0
"""Seconds for which a member is not asked again for what it does not know."""


class Fetched(Struct, frozen=True):
    """What a request brought: an entry for each part that was answered, and the error of the rest."""

    entries: Mapping[Query, Entry]
    error: FeedmuxError | None = None
    refused: bool = False
    """The request failed as a whole; False where an answer merely lacks some parts."""
    suspects: Mapping[Query, Entry] = {}
    """Prices that jumped: not kept until another member confirms them."""


class Keeper:
    """Between what a plugin parsed and what may be served."""

    def __init__(self, clock: Clock, cache: Cache, chance: Random, tell: Callable[[Event], None]) -> None:
        self._clock = clock
        self.cache = cache
        self._chance = chance
        self._tell = tell
        self.doubts = Doubts(clock)

    def asked(self, candidate: Candidate, query: Query) -> Asked[Any]:
        """The question as that candidate's member is asked it."""
        standing = candidate.standing
        ids: dict[str, Listed] = {}
        if candidate.listed and standing.listing is not None:
            vs = getattr(query, "vs", "")
            for symbol in query.symbols_asked:
                if (listed := standing.listing.find(symbol, vs)) is not None:
                    ids[symbol] = listed
        return Asked(query, self._clock.now(), ids, standing.member)

    def key(self, candidate: Candidate, part: Query) -> Hashable:
        """Under what a member's answer is kept: the part of a divisible question, else the request it makes, with
        all of the question that the request's items carry.
        """
        if part.many:
            return part
        whole = tuple(getattr(part, name) for name in type(part).whole_fields())
        return candidate.source, part.capability, whole, self._request_key(candidate, part)

    def _request_key(self, candidate: Candidate, part: Query) -> Hashable:
        try:
            request = candidate.standing.calls.request(asked=self.asked(candidate, part))
            return request.key if isinstance(request, Request) else part
        except (Exception, SystemExit):  # noqa: BLE001 - it will raise again where it is asked, and be named there
            return part

    def keys(self, candidate: Candidate, part: Query) -> tuple[Hashable, ...]:
        """Where a member's answers may be kept: its own, and last where its provider's members are heard together."""
        key = self.key(candidate, part)
        if part.many or candidate.fan_out == 1:
            return (key,)
        return key, ("together", key)

    def kept(
        self, candidate: Candidate, query: Query, parts: Sequence[Query], items: list[Item], told: list[Event]
    ) -> Fetched:
        """Pass the items through the guard and keep those that are good."""
        if not query.many:
            return self._kept_whole(candidate, query, items)
        by_element: dict[str, Item] = {}
        for item in items:
            by_element.setdefault(getattr(item, query.item_key), item)
        asked_for = {part.elements[0]: part for part in parts}
        entries: dict[Query, Entry] = {}
        suspects: dict[Query, Entry] = {}
        refusals: list[str] = []
        for element, item in by_element.items():
            part = asked_for.get(element) or _surplus(query, element)
            if part is None:
                continue
            if why := guard.too_old((item,), query, candidate.terms, self._clock.now()):
                refusals.append(self._held(candidate, element, why, told))
                self.cache.remember_asked(part, candidate.source, self._ttl_until(candidate))
                continue
            entry = self._entry(candidate, (item,))
            if not entry.voice and (why := self.jumped(candidate, part, item)):
                self._held(candidate, element, why, told)
                self.cache.remember_asked(part, candidate.source, entry.ttl_until)
                if element in asked_for:
                    suspects[part] = entry
                continue
            if not entry.voice:
                self.backed(part, entry)
            self.cache.keep(part, entry)
            if element in asked_for:
                entries[part] = entry
        lacking = [e for e, part in asked_for.items() if part not in entries and part not in suspects]
        unknown = [element for element in lacking if element not in by_element]
        for element in unknown:
            self.remember_unknown(candidate, asked_for[element])
        return Fetched(entries, _lack(candidate, lacking, refusals), suspects=suspects)

    def _kept_whole(self, candidate: Candidate, query: Query, items: list[Item]) -> Fetched:
        if not items and not type(query).may_be_empty:
            raise BadPayload("gave no items", provider=candidate.name)
        if why := guard.too_old(items, query, candidate.terms, self._clock.now()):
            self.cache.remember_asked(
                self.key(candidate, query), candidate.source, self._ttl_until(candidate)
            )
            raise BadPayload(why, provider=candidate.name)
        entry = self._entry(candidate, tuple(items))
        self.cache.keep(self.key(candidate, query), entry)
        return Fetched({query: entry})

    def _ttl_until(self, candidate: Candidate) -> float:
        """When its ttl ends, lengthened by up to a tenth so that not all end at once."""
        return self._clock.monotonic() + candidate.terms.ttl * (1.0 + self._chance.uniform(0.0, 0.1))

    def _entry(self, candidate: Candidate, items: tuple[Item, ...]) -> Entry:
        now, wall = self._clock.monotonic(), self._clock.now()
        newest = max((item.observed_at for item in items if item.observed_at), default=wall)
        left = guard.longest_stale(candidate.query, candidate.terms) - (wall - newest).total_seconds()
        return Entry(
            member=candidate.source,
            provider=candidate.standing.provider,
            items=items,
            fetched=now,
            ttl_until=self._ttl_until(candidate),
            good_until=now + left,
            simulated=candidate.standing.simulated,
            stale=any(item.stale for item in items),
            voice=candidate.fan_out > 1,
        )

    def knows_of(self, candidate: Candidate, part: Query) -> bool:
        """Whether the member itself has shown that this is there: its listing has it, or it answered it lately."""
        if candidate.listed and candidate.standing.listing is not None:
            return True
        return candidate.source in (self.cache.cell(self.key(candidate, part)) or ())

    def jumped(self, candidate: Candidate, part: Query, item: Item | None) -> str:
        """Why this price must be confirmed; empty where it may be kept."""
        if item is None or type(part).max_jump is None:
            return ""
        last = self._known(part, item)
        if last is None:
            return "contradicted lately, and nothing is known of it" if self.suspects(candidate) else ""
        why = guard.jump(item, last, part)
        if not why or self.suspects(candidate):
            return why
        before = self.cache.jumped(part, _speaker(candidate))
        if before is not None and guard.agree(item, before.items[0], part):
            return ""  # it says so a second time
        return why

    def _known(self, part: Query, item: Item) -> Item | None:
        """The newest good value that this one can be measured against."""
        cell = self.cache.cell(part)
        if not cell:
            return None
        good = (entry.items[0] for entry in cell.values() if not entry.voice)
        last = max(good, key=lambda one: one.observed_at or self._clock.now(), default=None)
        return last if last is not None and guard.comparable(item, last, part) else None

    def knows(self, part: Query, entry: Entry) -> bool:
        """Whether there is a good value that this one can be measured against."""
        return self._known(part, entry.items[0]) is not None

    def suspects(self, candidate: Candidate) -> bool:
        """Whether its word alone is not believed where nothing is known."""
        return self.doubts.suspects(_speaker(candidate)) or self.doubts.suspects(candidate.source)

    def agree(self, part: Query, one: Entry, other: Entry) -> bool:
        """Whether two members say the same, and neither has it from the other's source."""
        if not origins(one.items[0].origin).isdisjoint(origins(other.items[0].origin)):
            return False
        return guard.agree(one.items[0], other.items[0], part)

    def backed(self, part: Query, entry: Entry) -> None:
        """A word is kept: book whether another's stands beside it."""
        if type(part).max_jump is None:
            return
        for other in (self.cache.cell(part) or {}).values():
            if other.member != entry.member and not other.voice and self.agree(part, entry, other):
                self.doubts.agreed(entry.member, part)
                return
        self.doubts.said_alone(entry.member, part)

    def is_backed(self, part: Query, entry: Entry, against: Entry) -> bool:
        """Whether a word against another has a second one on its side: that member's own before, or a third's.

        One against one says nothing of who is wrong, but where one of them is suspected.
        """
        if self.doubts.suspects(entry.member) or self.doubts.suspects(against.member):
            return not self.doubts.suspects(entry.member)
        return any(
            other.member != entry.member and not other.voice and self.agree(part, entry, other)
            for other in (self.cache.cell(part) or {}).values()
        )

    def retract(self, member: str) -> None:
        """Serve no more what that member said alone of late."""
        for part in self.doubts.taken_back(member):
            self.cache.drop(part, member)

    def together(
        self, part: Query, said: Sequence[tuple[Candidate, Entry]], told: list[Event]
    ) -> tuple[Entry | FeedmuxError, tuple[str, ...]]:
        """What several members say together, as their provider's entry, and who was left out."""
        spoken = [Said(candidate.name, candidate.weight, entry.items) for candidate, entry in said]
        heard = part.together(spoken)
        by_name = {candidate.name: candidate for candidate, _ in said}
        for member, why in heard.apart.items():
            self._held(by_name[member], part.elements[0] if part.elements else part.capability, why, told)
        provider = said[0][1].provider
        if heard.disagreement:
            return BadPayload(heard.disagreement, provider=provider), tuple(heard.apart)
        entries = [entry for candidate, entry in said if candidate.name not in heard.apart]
        combined = Entry(
            member=provider,
            provider=provider,
            items=heard.items,
            fetched=min(entry.fetched for entry in entries),
            ttl_until=min(entry.ttl_until for entry in entries),
            good_until=min(entry.good_until for entry in entries),
            simulated=any(entry.simulated for entry in entries),
            stale=any(entry.stale for entry in entries),
        )
        return combined, tuple(heard.apart)

    def confirmed(self, part: Query, first: Entry, second: Entry) -> Entry | None:
        """The second entry, kept, where two members of different origin say the same; else None."""
        if not self.agree(part, first, second):
            return None
        for one in (first, second):
            self.doubts.agreed(one.member, part)
        self.cache.keep(part, second)
        return second

    def _held(self, candidate: Candidate, element: str, why: str, told: list[Event]) -> str:
        event = Held(at=self._clock.monotonic(), member=candidate.name, what=element[:80], detail=why)
        told.append(event)
        self._tell(event)
        return why

    def remember_unknown(self, candidate: Candidate, part: Query) -> None:
        """The candidate does not know this part: it is not asked for it again for a minute."""
        seconds = REMEMBER_UNKNOWN * (1.0 + self._chance.uniform(0.0, 0.1))
        self.cache.remember_unknown(part, candidate.source, seconds)


def _speaker(candidate: Candidate) -> str:
    """Under whose name its word is kept: its provider's where members are heard together."""
    return candidate.standing.provider if candidate.fan_out > 1 else candidate.source


def _surplus(query: Query, element: str) -> Query | None:
    """The question that an item nobody asked for would answer; None where it could not be asked."""
    try:
        return query.narrowed((element,))
    except InvalidQuery:
        return None


def _lack(candidate: Candidate, lacking: Sequence[str], refusals: Sequence[str]) -> FeedmuxError | None:
    """The error of the elements that came without a good item."""
    if not lacking:
        return None
    if refusals:
        return BadPayload(refusals[0], provider=candidate.name)
    return UnknownSymbol("does not know it", provider=candidate.name)
