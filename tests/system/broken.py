"""Plugins that do what no plugin may, and one that is well: all behind one upstream on loopback."""

from __future__ import annotations

import asyncio
import time  # noqa: TID251 - a plugin that blocks is what is tested
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from feedmux.endpoint import Endpoint, ListingSource
from feedmux.hooks import hookimpl
from feedmux.http import Http
from feedmux.items import Coin, Item, Quote
from feedmux.limits import Limits, Terms
from feedmux.listing import Listed
from feedmux.provider import Provider
from feedmux.query import Quotes
from feedmux.request import Asked, Request

from .bodies import PRICES, Body, Params

Parse = Callable[[bytes, Asked[Quotes]], Any]
FIRST, SECOND = 1000.0, 1.0
"""Weights: who misbehaves is asked first."""


def prices(path: str, params: Params, now: datetime) -> Body:
    """The upstream of them all: a price for each symbol."""
    return 200, msgspec.json.encode({symbol: PRICES[symbol] for symbol in params["symbols"].split(",")})


def good(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The parse function as it should be."""
    return [Quote(symbol=symbol, price=price) for symbol, price in msgspec.json.decode(body).items()]


def declared(parse: Parse, weight: float, listing: ListingSource | None = None) -> Provider:
    """A provider whose parse function is this."""
    return Provider(
        hosts=("https://prices.example",),
        limits=Limits(weight=weight),
        endpoints=[Endpoint(Quotes, _request, parse, Terms(ttl=1, batch=50), listed=listing is not None)],
        health=Request("/quotes", {"symbols": "BTC"}),
        listing=listing,
    )


def _request(asked: Asked[Quotes]) -> Request:
    return Request("/quotes", {"symbols": ",".join(asked.query.symbols)})


def well() -> Provider:
    """A provider that does nothing wrong."""
    return declared(good, SECOND)


def bad(parse: Parse) -> Provider:
    """A provider that is asked first and has this parse function."""
    return declared(parse, FIRST)


def bad_listing(parse: Callable[[bytes], Any]) -> Provider:
    """A provider whose listing is parsed by this."""
    return declared(good, FIRST, ListingSource(Request("/quotes", {"symbols": "BTC"}), parse))


# parse functions that raise or give nonsense


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class Foreign(BaseException):
    """An exception that no `except Exception` catches."""


def raising(error: BaseException) -> Parse:
    def parse(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
        raise error

    return parse


def endless_recursion(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return endless_recursion(body, asked)


def giving(items: Callable[[Asked[Quotes]], Any]) -> Parse:
    def parse(body: bytes, asked: Asked[Quotes]) -> Any:
        return items(asked)

    return parse


def quote(asked: Asked[Quotes], **changed: Any) -> Quote:
    return Quote(**{"symbol": asked.query.symbols[0], "price": 1.0, **changed})


def generator(asked: Asked[Quotes]) -> Generator[Quote]:
    yield quote(asked)


def coin(asked: Asked[Quotes]) -> Coin:
    return Coin(symbol=asked.query.symbols[0], name="a coin", price=1.0)


class Lookalike:
    """Has every attribute that anybody asks for."""

    def __getattr__(self, name: str) -> Any:
        return 1.0


class Trap(Sequence[Any]):
    """A sequence that raises when it is looked into."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        raise KeyError("trap")

    def __iter__(self) -> Iterator[Any]:
        raise KeyError("trap")


def listed(body: bytes) -> list[Listed]:
    raise KeyError("symbols")


# plugins that keep the loop or will not end


def blocking(seconds: float) -> Parse:
    """Keeps the event loop for so long before it answers."""

    def parse(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
        time.sleep(seconds)
        return good(body, asked)

    return parse


class NeverEnds:
    """Swallows its cancellation, again and again."""

    def __init__(self) -> None:
        self.running = 0

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(weight=FIRST, serves={Quotes: Terms(ttl=1, batch=50)})

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Sequence[Item]:
        self.running += 1
        try:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    continue
        finally:
            self.running -= 1


class Quiet:
    """An extension that counts events."""

    def __init__(self) -> None:
        self.heard = 0

    @hookimpl
    def feedmux_event(self, event: object) -> None:
        self.heard += 1


class Loud:
    """An extension that raises at every event."""

    def __init__(self) -> None:
        self.heard = 0

    @hookimpl
    def feedmux_event(self, event: object) -> None:
        self.heard += 1
        raise KeyError("event")
