"""The store of several machines: a Valkey or Redis server, which nobody ever waits for with a question in hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from msgspec.msgpack import Decoder, decode, encode

from feedmux.clock import Clock
from feedmux.errors import SettingsError
from feedmux.leases import Claim, Grant
from feedmux.settings import StoreSettings
from feedmux.store import SHELF_ANSWERS, SHELF_BYTES, Guarded, Lease, Shelved, Versioned
from feedmux.valkey import client
from feedmux.valkey.machine import Machine, here
from feedmux.valkey.scripts import READ, SHELVE, SHELVED, WRITE
from feedmux.valkey.shares import FORM, Shares, begun, renewed, resumed, shifted

if TYPE_CHECKING:
    from redis.asyncio import Redis

RIVALS = 10
"""How often a renewal is tried where others renew at the same moment."""
AT_ONCE = 4_000_000
"""Bytes of answers in one message, so that the server answers others in between."""
START = 5.0
"""Seconds for which a server that is being started is waited for."""
AGAIN = 0.25
_SHARES = Decoder(Shares)
_log = structlog.get_logger("feedmux.store")


class Unusable(OSError):
    """The server is of no use now; the text says why, without its address."""


class ValkeyStore:
    """A Store on such a server. Raises TimeoutError and OSError for whatever goes wrong with it."""

    shares = True
    lasts = True

    def __init__(self, redis: Redis, namespace: str, machine: Machine) -> None:
        self._redis = redis
        self._namespace = namespace
        self._machine = machine
        self._ended = False
        self._newest = 0
        """The version of the shares that was last written here."""

    async def read(self, key: str) -> Versioned | None:
        held, _ = await self._read(f"kept:{key}")
        return held

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        return await self._write(f"kept:{key}", value, version, 1)

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        return Lease(window, holder, 0)  # until the first renewal

    async def give_back(self, lease: Lease) -> None:
        return None

    async def renew(self, holder: str, wall: float, claims: Sequence[Claim], *, final: bool) -> list[Grant]:
        """None where others were quicker each time: the next renewal is due in a moment."""
        self._machine.enter(holder)
        for _ in range(RIVALS):
            version, shares, now, dead = await self._shares({holder})
            said = [shifted(claim, now - wall) for claim in claims]
            after, grants = renewed(shares, holder, self._machine.name, now, said, dead, final=final)
            if await self._wrote(after, version, now):
                self._ended = final
                self._machine.forget(dead - after.holders.keys())
                return grants
        return []

    async def settling(self) -> float:
        """Seconds until shares can be had; begins what the server has forgotten or never known."""
        for _ in range(RIVALS):
            version, shares, now, _ = await self._shares(set())
            if await self._wrote(shares, version, now):
                return max(0.0, shares.settles - now)
        raise Unusable("others keep writing")

    async def _shares(self, own: set[str]) -> tuple[int, Shares, float, set[str]]:
        """What is kept of them, its version, the server's time, and whose holders are dead for sure."""
        held, now = await self._read("shares")
        if held is None:
            return 0, begun(now), now, set()
        shares = _decoded(held.value)
        if shares is None:
            _log.warning("the shares in the store cannot be read: begun anew")
            return held.version, begun(now), now, set()
        dead = self._machine.dead(shares.holders, now)
        shares = resumed(shares, now, own | dead, behind=held.version < self._newest)
        return held.version, shares, now, dead

    async def _wrote(self, shares: Shares, version: int, now: float) -> bool:
        first = int(now * 1e6)  # so that no version of what was forgotten comes again
        done = await self._write("shares", encode(shares), version, first)
        if done:
            self._newest = version + 1 if version else first
        return done

    async def shelve(self, answers: Sequence[Shelved], wall: float) -> None:
        message: list[bytes | str] = []
        for one in answers:
            message += (one.key, one.value, f"{one.until - wall:.3f}")
            if sum(map(len, message)) > AT_ONCE:
                await self._shelve(message)
                message = []
        if message:
            await self._shelve(message)

    async def _shelve(self, message: list[bytes | str]) -> None:
        await self._asked(SHELVE, self._shelf(), [SHELF_ANSWERS, SHELF_BYTES, *message])

    async def shelved(self, wall: float, after: int) -> list[Shelved]:
        """At most some of them: whoever asks again after the last of these gets the next."""
        found = await self._asked(SHELVED, self._shelf(), [after, AT_ONCE])
        return [
            Shelved(key, value, wall + float(left), int(float(place))) for key, value, left, place in found
        ]

    async def aclose(self) -> None:
        self._machine.leave(ended=self._ended)
        await self._redis.aclose()

    def _shelf(self) -> list[str]:
        return [f"answers:{part}" for part in ("values", "places", "ends")]

    async def _read(self, key: str) -> tuple[Versioned | None, float]:
        """What is kept under a key, and the server's time in Unix seconds."""
        seconds, micros, value, version = await self._asked(READ, [key], [])
        now = int(seconds) + int(micros) / 1e6
        if value is None or version is None:
            return None, now
        if not version.isdigit():
            raise Unusable("somebody else keeps something there: give it another namespace")
        return Versioned(value, int(version)), now

    async def _write(self, key: str, value: bytes, version: int, first: int) -> bool:
        return bool(await self._asked(WRITE, [key], [value, version, first]))

    async def _asked(self, script: str, keys: Sequence[str], arguments: Sequence[bytes | str | float]) -> Any:
        """What a script says that runs on these keys of our own."""
        from redis.exceptions import RedisError
        from redis.exceptions import TimeoutError as Late

        named = [f"{self._namespace}:{key}" for key in keys]
        try:
            return await self._redis.register_script(script)(named, arguments)
        except Late:
            raise TimeoutError("it does not answer") from None
        except RedisError as error:
            raise Unusable(_reason(error)) from None


@asynccontextmanager
async def opened(chosen: StoreSettings, clock: Clock) -> AsyncIterator[Guarded]:
    """The store for as long as an engine is open, once shares can be had.

    Raises SettingsError where it cannot be used at the start and no number of processes says what each may have.
    """
    store = ValkeyStore(client(chosen), chosen.namespace, here())
    try:
        if why := await _met(store, clock):
            if not chosen.processes:
                raise SettingsError(
                    f"store.url: the server there is of no use, {why}; [store] processes says how to do without"
                )
            _log.warning(f"the store is of no use: each quota is parted among {chosen.processes}", reason=why)
        yield Guarded(store, chosen.processes)
    finally:
        await store.aclose()


async def _met(store: ValkeyStore, clock: Clock) -> str:
    """Wait until shares can be had; why they cannot, where the server is of no use for a while."""
    until = clock.monotonic() + START
    while True:
        try:
            if seconds := await store.settling():
                _log.info(f"waiting {seconds:.0f} s for whoever may live to say what they have")
                await clock.sleep(seconds)
            return ""
        except OSError as error:
            if clock.monotonic() >= until:
                return str(error)
        await clock.sleep(AGAIN)


def _reason(error: Exception) -> str:
    """Why, without an address."""
    from redis import exceptions

    known = (
        (exceptions.BusyLoadingError, "it is still loading"),
        (exceptions.AuthenticationError, "it refuses the password, or that there is none"),
        (exceptions.ConnectionError, "it cannot be reached"),
        (exceptions.ReadOnlyError, "it is a replica that cannot be written to"),
        (exceptions.OutOfMemoryError, "its memory is full"),
        (exceptions.MovedError, "it is one of a cluster, which cannot be used"),
    )
    for kind, words in known:
        if isinstance(error, kind):
            return words
    return f"it refuses: {error}"


def _decoded(value: bytes) -> Shares | None:
    """None for what is not ours; raises Unusable for what a version to come has written."""
    try:
        form = decode(value)[0]
        if isinstance(form, int) and form > FORM:
            raise Unusable("a newer version of Feedmux keeps its shares there: upgrade this one")
        return _SHARES.decode(value)
    except (ValueError, TypeError, LookupError):
        return None
