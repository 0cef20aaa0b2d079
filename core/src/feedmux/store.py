"""The store: what outlives a question, a process or a machine, behind one small interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import structlog
from msgspec import Struct

from feedmux.errors import described
from feedmux.leases import Claim, Grant

PATIENCE = 0.5
"""Seconds that anybody waits for a store."""
REST = 5.0
"""Seconds for which a store that did not answer is not asked again: a start asks it hundreds of things."""
SHELF_BYTES = 64_000_000
SHELF_ANSWERS = 10_000
"""What a store that lasts keeps of answers, at most."""
T = TypeVar("T")
_log = structlog.get_logger("feedmux.store")


class Versioned(Struct, frozen=True):
    """A stored value and the version that the next compare-and-set must name."""

    value: bytes
    version: int


class Shelved(Struct, frozen=True):
    """An answer as it is stored. `until` (Unix seconds): nobody can serve it after that. `place` grows with each write."""

    key: bytes
    value: bytes
    until: float
    place: int = 0


class Lease(Struct, frozen=True):
    """A share of a window: `units` that its holder may occupy at once, without asking again.

    The shares of all holders never add up to more than the window, so each may count on its own.
    """

    window: str
    holder: str
    units: int


class Store(Protocol):
    """Shared state. Hot paths never wait for it: they spend leases already held."""

    shares: bool
    """Whether several holders share windows here by `renew`; where not, `lease` gives the whole and states are written."""
    lasts: bool
    """Whether what is kept may be read by a later engine: answers need not be written where not."""

    async def read(self, key: str) -> Versioned | None:
        """The value under a key, or None."""
        ...

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        """Write where the stored version is still this one (0: where there is none); False where it is not."""
        ...

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        """As much of a window of `limit` units as is not leased to others: maybe nothing."""
        ...

    async def renew(self, holder: str, wall: float, claims: Sequence[Claim], *, final: bool) -> list[Grant]:
        """Say what a holder has occupied of its windows and have its shares renewed, all at once; `final`: for good."""
        ...

    async def give_back(self, lease: Lease) -> None:
        """End a lease. Its units must be unoccupied, or their state written, before others may have them."""
        ...

    async def shelve(self, answers: Sequence[Shelved], wall: float) -> None:
        """Keep answers, each in the place of the one under its key; `wall` is now, in Unix seconds."""
        ...

    async def shelved(self, wall: float, after: int) -> list[Shelved]:
        """The answers that may still be served and were written after that place, the oldest first."""
        ...


class MemoryStore:
    """A store that lives as long as the object: one process, nothing on disk."""

    shares = False
    lasts = True

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

    async def renew(self, holder: str, wall: float, claims: Sequence[Claim], *, final: bool) -> list[Grant]:
        return []

    async def give_back(self, lease: Lease) -> None:
        self._leases.get(lease.window, {}).pop(lease.holder, None)

    async def shelve(self, answers: Sequence[Shelved], wall: float) -> None:
        """Nothing: whoever could read it again has it in its cache."""

    async def shelved(self, wall: float, after: int) -> list[Shelved]:
        return []


class FleetingStore(MemoryStore):
    """A store that ends with its engine."""

    lasts = False


class Guarded:
    """A store that may fail or hang: nobody waits for it for long, and the engine goes on with what it holds.

    A lease that cannot be had is taken to be the whole window, as one holder alone would have it: several
    processes that lose their store at once count each for itself, up to the declared limit. Shares that were never
    had are one part of `processes` of each window, or nothing where that is 0.
    """

    def __init__(self, store: Store, processes: int = 0) -> None:
        self._store = store
        self._processes = processes
        self._shared = False
        self.shares = store.shares
        self.lasts = store.lasts
        self._rests_until = 0.0
        self.degraded = ""
        """Why the store was of no use when it was last asked, empty where it was."""

    async def read(self, key: str) -> Versioned | None:
        return await self._tried("read", lambda: self._store.read(key), None)

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        return await self._tried("written", lambda: self._store.compare_and_set(key, value, version), True)

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        whole = Lease(window, holder, limit)
        return await self._tried("leased from", lambda: self._store.lease(window, limit, holder), whole)

    async def renew(self, holder: str, wall: float, claims: Sequence[Claim], *, final: bool) -> list[Grant]:
        """None where they cannot be renewed: everybody keeps what they have."""
        grants: list[Grant] | None = await self._tried(
            "shared", lambda: self._store.renew(holder, wall, claims, final=final), None
        )
        if grants is not None:
            self._shared = True
            return grants
        return [] if self._shared or not self._processes else [_part(one, self._processes) for one in claims]

    async def give_back(self, lease: Lease) -> None:
        await self._tried("given back to", lambda: self._store.give_back(lease), None)

    async def shelve(self, answers: Sequence[Shelved], wall: float) -> None:
        await self._tried("written", lambda: self._store.shelve(answers, wall), None)

    async def shelved(self, wall: float, after: int) -> list[Shelved]:
        return await self._tried("read", lambda: self._store.shelved(wall, after), [])

    async def _tried(self, what: str, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        time = asyncio.get_running_loop().time
        if time() < self._rests_until:
            return otherwise
        try:
            async with asyncio.timeout(PATIENCE):
                done = await work()
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the service goes on
            if not self.degraded:
                _log.warning(f"the store cannot be {what}: going on in memory", reason=described(error))
            self.degraded = f"it cannot be {what}: {described(error)}"
            if isinstance(error, TimeoutError):
                self._rests_until = time() + REST
            return otherwise
        if self.degraded:
            self.degraded = ""
            _log.info("the store answers again")
        return done


def _part(claim: Claim, processes: int) -> Grant:
    """What each of so many may have who do not hear of each other."""
    units = claim.limit // processes
    return Grant(units, units, 0, units)
