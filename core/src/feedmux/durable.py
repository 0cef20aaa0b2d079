"""What of a member outlives the process: its breaker, its long windows, its listing. Instants are wall time."""

from __future__ import annotations

import msgspec
import structlog
from msgspec import Struct

from feedmux.breaker import BreakerState
from feedmux.clock import Clock
from feedmux.listing import Listed, Listing
from feedmux.standing import Standing
from feedmux.store import Store
from feedmux.window import WindowState

_log = structlog.get_logger("feedmux.durable")


class Kept(Struct, frozen=True):
    """A member as it is stored. `version` 1; anything else is set aside."""

    version: int
    breaker: BreakerState
    windows: tuple[WindowState, ...]
    listing: tuple[Listed, ...] = ()
    listing_due: float = 0.0


def kept(standing: Standing, clock: Clock) -> Kept:
    """A member's state, ready to be stored."""
    now, wall = clock.monotonic(), clock.now().timestamp()
    state = standing.breaker.state
    listed = standing.listing.markets.items() if standing.listing is not None else ()
    return Kept(
        version=1,
        breaker=state.shifted(wall - now) if state.closed else BreakerState(state.state),
        windows=tuple(window.state(now, wall) for window in standing.quota.windows),
        listing=tuple(msgspec.structs.replace(entry, vs=vs) for (_, vs), entry in listed),
        listing_due=standing.listing_due + wall - now,
    )


async def save(standing: Standing, store: Store, clock: Clock) -> None:
    """Write a member's state, over whatever stands there: its own holder knows best."""
    key = f"member/{standing.name}"
    value = msgspec.msgpack.encode(kept(standing, clock))
    for _ in range(3):
        held = await store.read(key)
        if await store.compare_and_set(key, value, held.version if held else 0):
            return
    _log.warning("state not saved: others keep writing it", member=standing.name)


async def restore(standing: Standing, store: Store, clock: Clock) -> None:
    """Take up what the store kept of a member; what cannot be read is set aside with a warning."""
    held = await store.read(f"member/{standing.name}")
    if held is None:
        return
    try:
        found = msgspec.msgpack.decode(held.value, type=Kept)
        if found.version != 1:
            raise ValueError(f"version {found.version}")
    except ValueError as error:
        _log.warning("stored state set aside", member=standing.name, reason=str(error)[:120])
        return
    now, wall = clock.monotonic(), clock.now().timestamp()
    if found.breaker.closed and found.breaker.until != float("inf"):
        standing.breaker.state = found.breaker.shifted(now - wall)
    for window, state in zip(standing.quota.windows, found.windows, strict=False):
        if (window.limit, window.per) == (state.limit, state.per):
            window.restore(state, now, wall)
    if found.listing and found.listing_due > wall:
        standing.listing = Listing({(entry.symbol, entry.vs): entry for entry in found.listing})
        standing.listing_due = now + found.listing_due - wall
    standing.refresh()
