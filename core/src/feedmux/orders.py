"""Orders: what an operator tells one engine to do, done within a second or so by all that share its store.

An order is for the engines that run now. Of what was ordered before, one that starts heeds only that answers were
forgotten: those from before then stay forgotten.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from msgspec import Struct

from feedmux.clock import Clock
from feedmux.durable import RIVALS
from feedmux.store import Store

REMEMBERED = 64
"""Orders kept for the others; who does not look for so long that more were given misses the oldest."""
PLACE = "orders"
_VERSION = 1
_log = structlog.get_logger("feedmux.orders")


class Act(enum.Enum):
    """What is to be done: with the answers, or with a provider."""

    FORGET = "forget"
    DISABLE = "disable"
    ENABLE = "enable"
    RESET = "reset"
    FORCE = "force"


class Order(Struct, frozen=True):
    """One order; `number` grows with each, and is the time in microseconds where the store has forgotten the last."""

    number: int
    act: Act
    provider: str = ""


class _Book(Struct, frozen=True):
    """All orders as they are stored. `forgotten` (Unix seconds): when answers were last forgotten."""

    version: int = _VERSION
    number: int = 0
    forgotten: float = 0.0
    orders: tuple[Order, ...] = ()

    def with_order(self, act: Act, provider: str, wall: float) -> _Book:
        number = max(self.number + 1, _number(wall))
        return _Book(
            number=number,
            forgotten=wall if act is Act.FORGET else self.forgotten,
            orders=(*self.orders, Order(number, act, provider))[-REMEMBERED:],
        )


class Orders:
    """The orders of all engines on one store. `obey` does what another one was told."""

    def __init__(self, store: Store, clock: Clock, obey: Callable[[Order], Awaitable[None]]) -> None:
        self._store = store
        self._clock = clock
        self._obey = obey
        self._done = 0

    async def begin(self) -> float:
        """Take note of what was ordered before; gives back when answers were last forgotten, in Unix seconds."""
        self._done = _number(self._clock.now().timestamp())  # goes where the store cannot be read now
        book, _ = await self._read()
        self._done = book.number
        return book.forgotten

    async def give(self, act: Act, provider: str = "") -> None:
        """Tell the others, once what they were told before is done here."""
        for _ in range(RIVALS):
            book, version = await self._heeded()
            now = book.with_order(act, provider, self._clock.now().timestamp())
            if await self._store.compare_and_set(PLACE, msgspec.msgpack.encode(now), version):
                self._done = now.number
                return
        _log.warning("an order did not reach the other processes", act=act.value, provider=provider)

    async def heed(self) -> None:
        """Do what was ordered elsewhere since the last time."""
        await self._heeded()

    async def _heeded(self) -> tuple[_Book, int]:
        """The orders and the version that is stored, after those that are news were done."""
        book, version = await self._read()
        for order in book.orders:
            if order.number > self._done:
                self._done = order.number
                await self._obey(order)
        return book, version

    async def _read(self) -> tuple[_Book, int]:
        held = await self._store.read(PLACE)
        if held is None:
            return _Book(number=self._done), 0
        try:
            book = msgspec.msgpack.decode(held.value, type=_Book)
        except ValueError:
            return _Book(number=self._done), held.version
        return (book if book.version == _VERSION else _Book(number=self._done)), held.version


def _number(wall: float) -> int:
    return int(wall * 1e6)
