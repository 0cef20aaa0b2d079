"""The broadcast: what this process keeps is told to the others at once, and what they keep is taken up here.

What is taken up passes the guard once more and is told to nobody: it goes one way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol

import structlog
from msgspec import Raw

from feedmux import hearsay
from feedmux.cache import Cache, Entry
from feedmux.clock import Clock
from feedmux.errors import described
from feedmux.hearsay import Lost, Queries, Thing, Told, Wanted, Word
from feedmux.kept import KeptAnswers
from feedmux.query import Query
from feedmux.relay import Relay

WAITING = 2000
"""Words that may wait to be said; the oldest gives way, and a newer answer takes the place of the one before."""
AT_ONCE, ABOUT = 100, 256 * 1024
"""Words in one message, and bytes."""
PATIENCE = 0.5
"""Seconds that a message may take to be handed over."""
AGAIN = 1.0
"""Seconds between two tries to listen."""
_log = structlog.get_logger("feedmux.broadcast")


class Feeds(Protocol):
    """The feeds of this process, as others speak of them: a member's name and the part."""

    def overheard(self, member: str, part: Query, entry: Entry) -> None: ...

    def lost_elsewhere(self, member: str, part: Query, reason: str) -> None: ...

    def wanted_elsewhere(self, member: str, part: Query) -> None: ...


class Broadcast:
    """One process among others. `holder` is its name among them."""

    def __init__(self, relay: Relay, holder: str, cache: Cache, clock: Clock) -> None:
        self._relay = relay
        self._holder = holder
        self._cache = cache
        self._clock = clock
        self._waiting: dict[Hashable, tuple[Hashable, Entry] | Word] = {}
        self._streamed: dict[Hashable, Thing] = {}
        """Which of the answers that wait a stream has brought."""
        self._stir = asyncio.Event()
        self._fails = False
        self._kept: KeptAnswers
        self._queries: Queries = {}
        self._feeds: Feeds
        self.listens = False
        self.dropped = 0
        """Messages, or words of one, that could not be read or could not be true."""

    def begin(
        self,
        kept: KeptAnswers,
        queries: Queries,
        feeds: Feeds,
        keep: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        """Speak and listen for as long as the engine is open: `keep` runs what it is given as long, whatever it raises."""
        self._kept, self._queries, self._feeds = kept, queries, feeds
        before = self._cache.kept

        def note(key: Hashable, entry: Entry) -> None:
            before(key, entry)
            self.note(key, entry)

        self._cache.kept = note
        keep(self._speak)
        keep(self._listen)

    # speaking

    def note(self, key: Hashable, entry: Entry) -> None:
        """The cache keeps it: the others hear of it as soon as the event loop is free."""
        if self._kept.is_kept(entry):
            self._put((key, entry.member), (key, entry))

    def pushed(self, member: str, part: Query, key: Hashable, source: str) -> None:
        """What was noted a moment ago came over a stream."""
        if (key, source) in self._waiting:
            self._streamed[key, source] = Thing.of(member, part)

    def lost(self, member: str, part: Query, reason: str) -> None:
        """This process leads on it and hears nothing new."""
        self._put((Lost, member, part), Lost(Thing.of(member, part), reason))

    def wanted(self, member: str, part: Query) -> None:
        """This process would try, where whoever leads hears nothing either."""
        self._put((Wanted, member, part), Wanted(Thing.of(member, part)))

    def _put(self, place: Hashable, word: tuple[Hashable, Entry] | Word) -> None:
        self._waiting.pop(place, None)
        self._waiting[place] = word
        if len(self._waiting) > WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._streamed.pop(oldest, None)
        self._stir.set()

    def _oldest(self) -> Word | None:
        """What has waited longest, as it is said; None where the others could not read it."""
        place = next(iter(self._waiting))
        word, thing = self._waiting.pop(place), self._streamed.pop(place, None)
        if not isinstance(word, tuple):
            return word
        row = self._kept.shelved(*word)
        return None if row is None else Told(row.key, row.value, thing)

    async def _speak(self) -> None:
        while True:
            await self._stir.wait()
            self._stir.clear()
            await self.flush()

    async def flush(self) -> None:
        """Say what waits."""
        while self._waiting:
            words, size = list[Raw](), 0
            while self._waiting and len(words) < AT_ONCE and size < ABOUT:
                if (word := self._oldest()) is not None:
                    words.append(hearsay.worded(word))
                    size += len(words[-1])
            await self._publish(hearsay.message_of(self._holder, words))

    async def _publish(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._relay.publish(message)
        except Exception as error:  # noqa: BLE001 - whatever a relay raises, the service goes on
            if not self._fails:
                _log.warning("the other processes cannot be told", reason=described(error))
            self._fails = True
        else:
            self._fails = False

    # listening

    async def _listen(self) -> None:
        told = False
        while True:
            try:
                async with self._relay.listening() as messages:
                    self.listens, told = True, False
                    async for message in messages:
                        self._hear(message)
                        await self._clock.sleep(0)  # many in a row leave room for what else there is
            except Exception as error:  # noqa: BLE001 - whatever a relay raises, the service goes on
                if not told:
                    _log.warning("the other processes cannot be heard", reason=described(error))
                told = True
            finally:
                self.listens = False
            await self._clock.sleep(AGAIN)

    def _hear(self, message: bytes) -> None:
        """Take up what a message says; what cannot be read or cannot be true is dropped and counted."""
        try:
            said = hearsay.read(message)
        except hearsay.BAD as error:
            self._drop(error)
            return
        if said.holder == self._holder:
            return
        for word in said.words:
            try:
                self._heed(hearsay.read_word(word))
            except hearsay.BAD as error:
                self._drop(error)

    def _heed(self, word: Word) -> None:
        match word:
            case Told():
                self._take_up(word)
            case Lost(thing, reason):
                self._feeds.lost_elsewhere(thing.member, thing.part(self._queries), reason[:200])
            case Wanted(thing):
                self._feeds.wanted_elsewhere(thing.member, thing.part(self._queries))

    def _take_up(self, told: Told) -> None:
        read = self._kept.read(told.key, told.value)
        if read is None:
            return
        key, entry = read
        hearsay.check(key, entry, self._queries, self._clock.now())
        known = (self._cache.cell(key) or {}).get(entry.member)
        is_news = known is None or known.fetched < entry.fetched
        if is_news and entry.good_until > self._clock.monotonic():
            self._cache.take_up(key, entry)
        if told.thing is not None:
            self._feeds.overheard(told.thing.member, told.thing.part(self._queries), entry)

    def _drop(self, error: Exception) -> None:
        self.dropped += 1
        if self.dropped == 1 or self.dropped % 1000 == 0:
            reason = described(error)[:200]
            _log.warning("what another process said is dropped", dropped=self.dropped, reason=reason)
