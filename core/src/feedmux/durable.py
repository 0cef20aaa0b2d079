"""What outlives the process: a member's breaker and listing, a pool's quota. Instants are wall time."""

from __future__ import annotations

import math
from typing import TypeVar

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


async def save(standing: Standing, store: Store, clock: Clock) -> None:
    """Write a member's breaker and its pool's quota, over whatever stands there: its own holder knows best."""
    now, wall = clock.monotonic(), clock.now().timestamp()
    state = standing.breaker.state
    kept = Kept(VERSION, breaker=state.shifted(wall - now) if state.closed else BreakerState())
    await _write(store, f"member/{standing.name}", kept)
    quota = standing.quota
    await _write(store, f"quota/{quota.name}", KeptQuota(VERSION, quota.state(now, wall)))


async def save_listing(standing: Standing, store: Store, clock: Clock) -> None:
    """Write a member's listing."""
    if standing.listing is None:
        return
    entries = tuple((symbol, vs, entry) for (symbol, vs), entry in standing.listing.markets.items())
    due = standing.listing_due - clock.monotonic() + clock.now().timestamp()
    await _write(
        store,
        f"listing/{standing.name}",
        KeptListing(VERSION, entries, tuple(standing.listing.ids.values()), due),
    )


async def restore(standing: Standing, store: Store, clock: Clock) -> None:
    """Take up what the store kept of a member; what cannot be read is set aside with a warning."""
    now, wall = clock.monotonic(), clock.now().timestamp()
    kept = await _read(store, f"member/{standing.name}", Kept)
    if kept is not None and kept.breaker.closed and not math.isinf(kept.breaker.until):
        standing.breaker.state = kept.breaker.shifted(now - wall)
    listing = await _read(store, f"listing/{standing.name}", KeptListing)
    if listing is not None and listing.due > wall:
        markets = {(symbol, vs): entry for symbol, vs, entry in listing.entries}
        standing.listing = Listing(markets, {entry.id: entry for entry in listing.ids})
        standing.listing_due = now + listing.due - wall
    standing.refresh()


async def restore_quota(quota: Quota, store: Store, clock: Clock) -> None:
    """Take up what the store kept of a pool's quota."""
    kept = await _read(store, f"quota/{quota.name}", KeptQuota)
    if kept is not None:
        quota.restore(kept.windows, clock.monotonic(), clock.now().timestamp())


async def _write(store: Store, key: str, value: Kept | KeptQuota | KeptListing) -> None:
    encoded = msgspec.msgpack.encode(value)
    for _ in range(RIVALS):
        held = await store.read(key)
        if await store.compare_and_set(key, encoded, held.version if held else 0):
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
