"""Last good answers over a restart: written down beside the questions, taken up again at the start.

A stored answer names its question's class and is decoded as what that class says now: what does not fit is let go of.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Coroutine, Hashable, Mapping
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from feedmux.cache import Cache, Entry
from feedmux.clock import Clock
from feedmux.query import Query
from feedmux.store import Shelved, Store

VERSION = 2
WORTH = 30.0
"""Seconds for which an answer must still be good: what is of less use than a restart takes is not written."""
WAITING = 2000
"""Answers that may wait to be written; the oldest gives way."""
AT_ONCE = 200
SAME = 0.1
"""Seconds within which an answer is the one that is known: clocks are read at different moments."""
LONGEST_KEY, LONGEST_VALUE = 4_000, 2_000_000
"""Bytes."""
_QUERY, _TUPLE = "?", "("
_log = structlog.get_logger("feedmux.kept")


class _Kept(Struct, frozen=True, array_like=True):
    """An entry as it is stored: instants in Unix seconds, its items as JSON, which holds integers of any size."""

    version: int
    member: str
    provider: str
    fetched: float
    ttl_until: float
    good_until: float
    stale: bool
    voice: bool
    items: bytes


class KeptAnswers:
    """What of a cache outlives the process. `background` runs what it is given beside the questions."""

    def __init__(
        self,
        cache: Cache,
        store: Store,
        clock: Clock,
        queries: Mapping[str, type[Query]],
        providers: Container[str],
        background: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._cache = cache
        self._store = store
        self._clock = clock
        self._queries = queries
        self._providers = providers
        self._background = background
        self._waiting: dict[tuple[Hashable, str], Entry] = {}
        self._writing = False
        self._place = 0
        self.forgotten = 0.0
        """Unix seconds: what was fetched by then is not taken up."""

    def forget(self) -> None:
        """Write nothing that waits, and take nothing up that was fetched before now."""
        self._waiting.clear()
        self.forgotten = self._wall()

    def note(self, key: Hashable, entry: Entry) -> None:
        """The cache keeps it: it is written as soon as what was noted before it is."""
        if not self.is_kept(entry):
            return
        self._waiting.pop((key, entry.member), None)
        self._waiting[key, entry.member] = entry
        if len(self._waiting) > WAITING:
            del self._waiting[next(iter(self._waiting))]
        if not self._writing:
            self._writing = True
            self._background(self._write())

    def is_kept(self, entry: Entry) -> bool:
        """Whether it is written down at all: neither simulated nor made of others, and good for long enough."""
        lasting = entry.good_until - self._clock.monotonic() > WORTH
        return lasting and not entry.simulated and entry.crossed is None

    async def _write(self) -> None:
        try:
            await self.flush()
        finally:
            self._writing = False

    async def flush(self) -> None:
        """Write what waits."""
        while self._waiting:
            some = [(place, self._waiting.pop(place)) for place in list(self._waiting)[:AT_ONCE]]
            written = (self.shelved(key, entry) for (key, _), entry in some)
            await self._store.shelve([one for one in written if one is not None], self._wall())

    def _wall(self) -> float:
        return self._clock.now().timestamp()

    def shelved(self, key: Hashable, entry: Entry) -> Shelved | None:
        """The answer as it is stored; None where its key or its items could not be read again."""
        kind, ahead = self._queries.get(_capability(key)), self._wall() - self._clock.monotonic()
        if kind is None or any(type(item) is not kind.item for item in entry.items):
            return None
        try:
            place = msgspec.msgpack.encode([_plain(key), kind.capability, entry.member])
            items = msgspec.json.encode(entry.items)
        except (TypeError, ValueError, OverflowError):
            return None
        kept = _Kept(
            VERSION,
            entry.member,
            entry.provider,
            entry.fetched + ahead,
            entry.ttl_until + ahead,
            entry.good_until + ahead,
            entry.stale,
            entry.voice,
            items,
        )
        value = msgspec.msgpack.encode(kept)
        if len(place) > LONGEST_KEY or len(value) > LONGEST_VALUE:
            return None
        return Shelved(place, value, kept.good_until)

    async def restore(self) -> None:
        """Take up what was kept since the last time. What cannot be read is let go of."""
        lost = 0
        for one in await self._store.shelved(self._wall(), self._place):
            self._place = one.place
            try:
                self._take_up(one)
            except (ValueError, TypeError, KeyError):
                lost += 1
        if lost:
            _log.warning("stored answers cannot be read", answers=lost)

    def _take_up(self, one: Shelved) -> None:
        if (read := self.read(one.key, one.value)) is None:
            return
        key, entry = read
        known = (self._cache.cell(key) or {}).get(entry.member)
        if known is None or known.fetched + SAME < entry.fetched:
            self._cache.take_up(key, entry)

    def read(self, key: bytes, value: bytes) -> tuple[Hashable, Entry] | None:
        """What `shelved` made, in this process's words; None for what is not to be taken up.

        Raises ValueError, TypeError or KeyError for what cannot be read.
        """
        place, capability, _ = msgspec.msgpack.decode(key, type=tuple[Any, str, str])
        kept = msgspec.msgpack.decode(value, type=_Kept)
        if kept.version != VERSION:
            raise ValueError(f"version {kept.version}")
        if kept.provider not in self._providers:
            return None  # it is not installed any more, and nobody could say whose word that is
        if kept.fetched <= self.forgotten:
            return None
        items = msgspec.json.decode(kept.items, type=tuple[self._queries[capability].item, ...])  # type: ignore[misc]
        now = self._clock.monotonic()
        behind = now - self._wall()
        fetched = min(now, kept.fetched + behind)  # the machine's clock may have been set back
        entry = Entry(
            member=kept.member,
            provider=kept.provider,
            items=items,
            fetched=fetched,
            ttl_until=fetched + kept.ttl_until - kept.fetched,
            good_until=fetched + kept.good_until - kept.fetched,
            stale=kept.stale,
            voice=kept.voice,
        )
        return self._whole(place), entry

    def _whole(self, plain: Any) -> Hashable:
        """The key that `_plain` made of it."""
        if not isinstance(plain, list):
            scalar: Hashable = plain
            return scalar
        kind, *rest = plain
        if kind == _QUERY:
            capability, fields = rest
            return msgspec.convert(fields, self._queries[capability])
        return tuple(self._whole(one) for one in rest)


def _plain(key: object) -> Any:
    """A key as msgpack can hold it; raises TypeError for what is neither a question nor made of plain values."""
    if isinstance(key, Query):
        return [_QUERY, key.capability, msgspec.to_builtins(key)]
    if isinstance(key, tuple):
        return [_TUPLE, *map(_plain, key)]
    if key is None or isinstance(key, str | int | float):
        return key
    raise TypeError(f"a {type(key).__name__} cannot be stored")


def _capability(key: object) -> str:
    """Of a question, of what a member's request makes of one, or of its provider's members together."""
    if isinstance(key, Query):
        return key.capability
    if isinstance(key, tuple) and len(key) == 2:
        return _capability(key[1])
    if isinstance(key, tuple) and len(key) == 4:
        return str(key[1])
    return ""
