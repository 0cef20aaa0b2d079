"""The cache: what members said, bounded, with two clocks for each entry. Its interface is aiocache's.

`fresh` belongs to the question and is measured by whoever asks; `ttl_until` belongs to the provider. Expiry is
decided here, on the engine's clock, never by the backend.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from aiocache.base import BaseCache
from aiocache.serializers import NullSerializer
from msgspec import Struct

from feedmux.clock import Clock
from feedmux.crossed import Crossed
from feedmux.items import Item


class Entry(Struct, frozen=True):
    """What one member said to one request. Times are monotonic; `items` are uncut."""

    member: str
    provider: str
    items: tuple[Item, ...]
    fetched: float
    ttl_until: float
    good_until: float
    simulated: bool = False
    stale: bool = False
    """The provider itself says that it is not up to date."""
    voice: bool = False
    """One of several that are heard together: it counts for its ttl, and is never served alone."""
    crossed: Crossed | None = None
    """What several providers said, where it was cross-checked; without consensus there are no items."""

    @property
    def providers(self) -> tuple[str, ...]:
        """Whose words its items are."""
        return (self.provider,) if self.crossed is None else self.crossed.providers


JUMPS_KEPT = 600.0
NOTES = 4
"""Notes kept for each answer kept."""
Cell = dict[str, Entry]
"""For one question the newest entry of each member."""


class Memory(BaseCache):  # type: ignore[misc]
    """aiocache's interface over a bounded dict on our Clock: the least recently written goes first."""

    NAME = "memory"

    def __init__(self, clock: Clock, size: int) -> None:
        super().__init__(serializer=NullSerializer(), timeout=None)  # objects stay what they are
        self._clock = clock
        self._size = size
        self._kept: OrderedDict[Hashable, tuple[Any, float | None]] = OrderedDict()

    def build_key(self, key: Any, namespace: str | None = None) -> Any:
        return key

    def peek(self, key: Hashable) -> Any:
        """The value under a key, without waiting, or None."""
        held = self._kept.get(key)
        if held is None:
            return None
        value, until = held
        if until is not None and until <= self._clock.monotonic():
            del self._kept[key]
            return None
        return value

    def put(self, key: Hashable, value: Any, ttl: float | None) -> None:
        """Keep a value for `ttl` seconds, without waiting."""
        self._kept[key] = (value, None if ttl is None else self._clock.monotonic() + ttl)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget the value under a key, where there is one."""
        self._kept.pop(key, None)

    def forget(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)

    async def _get(self, key: Any, encoding: Any = None, _conn: Any = None) -> Any:
        return self.peek(key)

    async def _multi_get(self, keys: Any, encoding: Any = None, _conn: Any = None) -> list[Any]:
        return [self.peek(key) for key in keys]

    async def _set(
        self, key: Any, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None
    ) -> bool:
        self.put(key, value, ttl)
        return True

    async def _multi_set(self, pairs: Any, ttl: Any = None, _conn: Any = None) -> bool:
        for key, value in pairs:
            self.put(key, value, ttl)
        return True

    async def _add(self, key: Any, value: Any, ttl: Any = None, _conn: Any = None) -> bool:
        if self.peek(key) is not None:
            raise ValueError("the key is taken")
        self.put(key, value, ttl)
        return True

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        return self.peek(key) is not None

    async def _increment(self, key: Any, delta: int, _conn: Any = None) -> int:
        total = int(self.peek(key) or 0) + delta
        self.put(key, total, None)
        return total

    async def _expire(self, key: Any, ttl: float, _conn: Any = None) -> bool:
        value = self.peek(key)
        if value is None:
            return False
        self.put(key, value, ttl or None)
        return True

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        return 1 if self._kept.pop(key, None) is not None else 0

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:
        self.forget()
        return True


class Cache:
    """Entries by key, a key being a question or a provider's request, with whoever watches them."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._memory = Memory(clock, size)
        self._notes = Memory(clock, NOTES * size)
        """What must not be forgotten under a flood of other questions: ttls, unknown symbols, jumps."""
        self._clock = clock
        self._watchers: dict[Hashable, set[Callable[[], None]]] = {}
        self.kept: Callable[[Hashable, Entry], None] = lambda key, entry: None
        """Called with what was kept, but for what is taken up again."""

    def cell(self, key: Hashable) -> Cell | None:
        """The entries under a key. A cell is replaced, never changed: the same object is the same content."""
        cell: Cell | None = self._memory.peek(key)
        return cell

    def keep(self, key: Hashable, entry: Entry) -> None:
        """Keep a member's newest word, drop what is past use, and tell whoever watches."""
        self.take_up(key, entry)
        self.kept(key, entry)

    def take_up(self, key: Hashable, entry: Entry) -> None:
        """`keep` what was kept before."""
        now = self._clock.monotonic()
        kept = {m: e for m, e in (self.cell(key) or {}).items() if max(e.good_until, e.ttl_until) > now}
        kept[entry.member] = entry
        self.remember_asked(key, entry.member, entry.ttl_until)
        longest = max(max(e.good_until, e.ttl_until) for e in kept.values())
        self._memory.put(key, kept, max(0.001, longest - now))
        for told in tuple(self._watchers.get(key, ())):
            told()

    def drop(self, key: Hashable, member: str) -> None:
        """What this member said is served no more; its ttl runs on."""
        cell = self.cell(key) or {}
        kept = {m: e for m, e in cell.items() if m != member}
        if not kept:
            self._memory.drop(key)
        elif len(kept) < len(cell):
            longest = max(max(e.good_until, e.ttl_until) for e in kept.values())
            self._memory.put(key, kept, max(0.001, longest - self._clock.monotonic()))

    def remember_asked(self, key: Hashable, member: str, until: float) -> None:
        """The member was asked for it: not again before its ttl ends (monotonic), whatever came."""
        asked = {m: u for m, u in self.asked(key).items() if u > self._clock.monotonic()}
        self._note("asked", key, asked | {member: until}, until - self._clock.monotonic())

    def asked(self, key: Hashable) -> dict[str, float]:
        """Until when each member must not be asked for it again."""
        asked: dict[str, float] | None = self._notes.peek(("asked", key))
        return asked or {}

    def remember_unknown(self, key: Hashable, member: str, seconds: float) -> None:
        """This member does not know it: it is not asked again for so long."""
        until = self._clock.monotonic() + seconds
        self._note("unknown", key, self._unknown_until(key) | {member: until}, seconds)

    def unknown(self, key: Hashable) -> frozenset[str]:
        """The members that have lately said they do not know it."""
        now = self._clock.monotonic()
        return frozenset(member for member, until in self._unknown_until(key).items() if until > now)

    def _unknown_until(self, key: Hashable) -> dict[str, float]:
        said: dict[str, float] | None = self._notes.peek(("unknown", key))
        return said or {}

    def remember_jump(self, key: Hashable, entry: Entry) -> None:
        """A price that jumped and that nobody confirmed: kept apart, to compare the member's next word with."""
        self._note("jump", key, self._jumps(key) | {entry.member: entry}, JUMPS_KEPT)

    def forget_jump(self, key: Hashable, member: str) -> None:
        """Another member contradicted it: the member's saying so again will be no confirmation."""
        jumps = {m: e for m, e in self._jumps(key).items() if m != member}
        self._note("jump", key, jumps, JUMPS_KEPT)

    def jumped(self, key: Hashable, member: str) -> Entry | None:
        """The member's last jump that nobody confirmed."""
        return self._jumps(key).get(member)

    def _jumps(self, key: Hashable) -> dict[str, Entry]:
        jumps: dict[str, Entry] | None = self._notes.peek(("jump", key))
        return jumps or {}

    def _note(self, kind: str, key: Hashable, value: object, seconds: float) -> None:
        self._notes.put((kind, key), value, max(0.001, seconds))

    def watch(self, key: Hashable, told: Callable[[], None]) -> Callable[[], None]:
        """Call `told` whenever an entry is kept under the key; gives back what ends it."""
        self._watchers.setdefault(key, set()).add(told)

        def end() -> None:
            watchers = self._watchers.get(key, set())
            watchers.discard(told)
            if not watchers:
                self._watchers.pop(key, None)

        return end

    def clear(self) -> int:
        """Forget everything; gives back how much it was."""
        count = len(self._memory)
        self._memory.forget()
        self._notes.forget()
        return count

    def __len__(self) -> int:
        return len(self._memory)


def newest(cell: Cell, now: float) -> Entry | None:
    """The newest entry that may still be served at all."""
    good = [entry for entry in cell.values() if entry.good_until > now and not entry.voice]
    return max(good, key=lambda entry: entry.fetched, default=None)


class Bell:
    """An event that rings whenever a watched key changes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def heard(self) -> None:
        await self._event.wait()
        self._event.clear()
