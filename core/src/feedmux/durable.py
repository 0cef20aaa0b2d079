"""What outlives the process: a member's breaker and listing, a pool's quota. Instants are wall time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import structlog
from msgspec import Struct

from feedmux.breaker import BreakerState
from feedmux.clock import Clock
from feedmux.listing import Listed, Listing
from feedmux.quota import Quota
from feedmux.standing import Standing
from feedmux.store import Store
from feedmux.window import WindowState

VERSION = 1
RIVALS = 3
"""How often a write is tried where somebody else keeps writing the same state."""
LONG = 3600.0
"""A window of so many seconds or more is worth keeping while it is drawn on: losing it costs hours."""
EVERY = 30.0
"""Seconds between two writes of such a window: the most that a crash may forget of it."""
T = TypeVar("T", "Kept", "KeptQuota", "KeptListing")
_log = structlog.get_logger("feedmux.durable")


class Kept(Struct, frozen=True):
    """A member as it is stored. Another `version` than ours is set aside."""

    version: int
    breaker: BreakerState


class KeptQuota(Struct, frozen=True):
    """A pool's quota as it is stored, once for all members that draw from it."""

    version: int
    windows: tuple[WindowState, ...]


class KeptListing(Struct, frozen=True):
    """A member's listing as it is stored; `due` is when it is to be renewed."""

    version: int
    entries: tuple[tuple[str, str, Listed], ...]
    ids: tuple[Listed, ...]
    due: float


def place(standing: Standing) -> str:
    """Under what a member's breaker is stored."""
    return f"member/{standing.name}"


def kept_breaker(standing: Standing, clock: Clock) -> bytes:
    """A member's breaker as it is stored."""
    state, ahead = standing.breaker.state, clock.now().timestamp() - clock.monotonic()
    return msgspec.msgpack.encode(
        Kept(VERSION, breaker=state.shifted(ahead) if state.closed else BreakerState())
    )


def told_breaker(value: bytes, clock: Clock) -> BreakerState | None:
    """A stored breaker on this process's clock; None for what cannot be read."""
    try:
        kept = msgspec.msgpack.decode(value, type=Kept)
    except ValueError:
        return None
    if kept.version != VERSION:
        return None
    return kept.breaker.shifted(clock.monotonic() - clock.now().timestamp())


async def save_quota(quota: Quota, store: Store, clock: Clock) -> None:
    """Write a pool's quota, where its shares do not say it."""
    if store.shares:
        return

    def kept() -> KeptQuota:
        return KeptQuota(VERSION, quota.state(clock.monotonic(), clock.now().timestamp()))

    await _write(store, f"quota/{quota.name}", kept, quota.writing)


class LongWindows:
    """Writes quotas of long windows down while they are drawn on, so that a crash forgets little of them.

    `background` runs what it is given beside the questions.
    """

    def __init__(
        self, store: Store, clock: Clock, background: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._store = store
        self._clock = clock
        self._background = background
        self._written: dict[str, float] = {}
        self._waiting: set[str] = set()

    def spent(self, standing: Standing) -> None:
        """The member's quota was drawn on: it is written soon, and each pool at most every 30 s."""
        quota = standing.quota
        if self._store.shares or quota.name in self._waiting:
            return
        if any(window.per >= LONG for window in quota.windows):
            self._waiting.add(quota.name)
            self._background(self._write(quota))

    async def _write(self, quota: Quota) -> None:
        due = self._written.get(quota.name, -math.inf) + EVERY
        await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
        self._written[quota.name] = self._clock.monotonic()
        self._waiting.discard(quota.name)
        await save_quota(quota, self._store, self._clock)


async def save_listing(standing: Standing, store: Store, clock: Clock) -> None:
    """Write a member's listing."""

    def kept() -> KeptListing:
        listing = standing.listing or Listing({})
        entries = tuple((symbol, vs, entry) for (symbol, vs), entry in listing.markets.items())
        due = standing.listing_due - clock.monotonic() + clock.now().timestamp()
        return KeptListing(VERSION, entries, tuple(listing.ids.values()), due)

    if standing.listing is not None:
        await _write(store, f"listing/{standing.source}", kept, standing.writing)


async def restore(standing: Standing, store: Store, clock: Clock) -> None:
    """Take up what the store kept of a member; what cannot be read is set aside with a warning."""
    now, wall = clock.monotonic(), clock.now().timestamp()
    kept = await _read(store, f"member/{standing.name}", Kept)
    if kept is not None and kept.breaker.closed and not math.isinf(kept.breaker.until):
        standing.breaker.state = kept.breaker.shifted(now - wall)
    listing = await _read(store, f"listing/{standing.source}", KeptListing)
    if listing is not None and listing.due > wall:
        markets = {(symbol, vs): entry for symbol, vs, entry in listing.entries}
        standing.listing = Listing(markets, {entry.id: entry for entry in listing.ids})
        standing.listing_due = now + listing.due - wall
    standing.refresh()


async def restore_quota(quota: Quota, store: Store, clock: Clock) -> None:
    """Take up what the store kept of a pool's quota, where its shares do not say it."""
    if store.shares:
        return
    kept = await _read(store, f"quota/{quota.name}", KeptQuota)
    if kept is not None:
        quota.restore(kept.windows, clock.monotonic(), clock.now().timestamp())


async def _write(
    store: Store, key: str, value: Callable[[], Kept | KeptQuota | KeptListing], turn: asyncio.Lock
) -> None:
    """Write what is so at that moment; who else writes the same waits, so that the newest is what stays."""
    async with turn:
        for _ in range(RIVALS):
            held = await store.read(key)
            if await store.compare_and_set(key, msgspec.msgpack.encode(value()), held.version if held else 0):
                return
    _log.warning("state not saved: others keep writing it", key=key)


async def _read(store: Store, key: str, kind: type[T]) -> T | None:
    held = await store.read(key)
    if held is None:
        return None
    try:
        found = msgspec.msgpack.decode(held.value, type=kind)
    except ValueError as error:
        _log.warning("stored state set aside", key=key, reason=str(error)[:120])
        return None
    return found if found.version == VERSION else None
