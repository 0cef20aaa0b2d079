"""The store: what outlives a question, a process or a machine, behind one small interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog
from msgspec import Struct

from feedmux.errors import described

PATIENCE = 0.5
"""Seconds that anybody waits for a store."""
REST = 5.0
"""Seconds for which a store that did not answer is not asked again: a start asks it hundreds of things."""
T = TypeVar("T")
_log = structlog.get_logger("feedmux.store")


class Versioned(Struct, frozen=True):
    """A stored value and the version that the next compare-and-set must name."""

    value: bytes
    version: int


class Lease(Struct, frozen=True):
    """A share of a window: `units` that its holder may occupy at once, without asking again.

    The shares of all holders never add up to more than the window, so each may count on its own.
    """

    window: str
    holder: str
    units: int


class Store(Protocol):
    """Shared state. Hot paths never wait for it: they spend leases already held."""

    async def read(self, key: str) -> Versioned | None:
        """The value under a key, or None."""
        ...

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        """Write where the stored version is still this one (0: where there is none); False where it is not."""
        ...

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        """As much of a window of `limit` units as is not leased to others: maybe nothing."""
        ...

    async def give_back(self, lease: Lease) -> None:
        """End a lease. Its units must be unoccupied, or their state written, before others may have them."""
        ...


class MemoryStore:
    """A store that lives as long as the object: one process, nothing on disk."""

    def __init__(self) -> None:
        self._values: dict[str, Versioned] = {}
        self._leases: dict[str, dict[str, int]] = {}

    async def read(self, key: str) -> Versioned | None:
        return self._values.get(key)

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        held = self._values.get(key)
        if (held.version if held else 0) != version:
            return False
        self._values[key] = Versioned(value, version + 1)
        return True

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        holders = self._leases.setdefault(window, {})
        others = sum(units for name, units in holders.items() if name != holder)
        holders[holder] = max(0, limit - others)
        return Lease(window, holder, holders[holder])

    async def give_back(self, lease: Lease) -> None:
        self._leases.get(lease.window, {}).pop(lease.holder, None)


class Guarded:
    """A store that may fail or hang: nobody waits for it for long, and the engine goes on with what it holds.

    A lease that cannot be had is taken to be the whole window, as one holder alone would have it: several
    processes that lose their store at once count each for itself, up to the declared limit.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rests_until = 0.0
        self._warned: set[tuple[str, type]] = set()

    async def read(self, key: str) -> Versioned | None:
        return await self._tried("read", lambda: self._store.read(key), None)

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        return await self._tried("written", lambda: self._store.compare_and_set(key, value, version), True)

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        whole = Lease(window, holder, limit)
        return await self._tried("leased from", lambda: self._store.lease(window, limit, holder), whole)

    async def give_back(self, lease: Lease) -> None:
        await self._tried("given back to", lambda: self._store.give_back(lease), None)

    async def _tried(self, what: str, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        time = asyncio.get_running_loop().time
        if time() < self._rests_until:
            return otherwise
        try:
            async with asyncio.timeout(PATIENCE):
                return await work()
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the service goes on
            if (what, type(error)) not in self._warned:
                self._warned.add((what, type(error)))
                _log.warning(f"the store cannot be {what}", reason=described(error))
            if isinstance(error, TimeoutError):
                self._rests_until = time() + REST
            return otherwise
