"""What the tests share: an upstream in this process, providers that ask it, and a client of the whole application."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any

import msgspec
import pytest
import structlog
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from structlog.testing import capture_logs

from feedmux import (
    Backoff,
    Candle,
    Candles,
    Endpoint,
    Failure,
    FeedmuxError,
    Key,
    Limits,
    Provider,
    Query,
    Quote,
    Quotes,
    Request,
    Sentiment,
    Settings,
    Terms,
    TextSentiment,
    Unauthorized,
    UnknownSymbol,
    Window,
    hookimpl,
)
from feedmux.items import INTERVALS, Item
from feedmux.settings import EngineSettings, Sandbox
from feedmux.transport import Incoming, Outgoing
from feedmux.virtual import START, VirtualLoop, virtual_clock
from feedmux_server import create_app

ADDRESS = "http://127.0.0.1:8000"


class Rain(Item, frozen=True, kw_only=True):
    """Millimetres in a place."""

    place: str
    mm: float


class Rainfall(Query, frozen=True):
    """How much it rained."""

    place: str
    days: int = 1

    capability = "rainfall"
    item = Rain
    path = "/rain/{place}"
    may_be_empty = True


class Taken(Query, frozen=True):
    """A question that wants a path which is the server's own."""

    capability = "taken"
    item = Rain
    path = "/providers"


class Crooked(Query, frozen=True):
    """A question whose path names a field that it does not have."""

    capability = "crooked"
    item = Rain
    path = "/crooked/{nothing}"


class Client(AsyncClient):
    """Asks an application on the loop it was opened on, so that both share its virtual time."""

    def __init__(self, app: Litestar) -> None:
        super().__init__(transport=ASGITransport(app), base_url=ADDRESS)
        self.app = app


class Wire:
    """Every request goes here. `reply` decides the status and the body; `asked` holds what came."""

    simulated = False

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.price = 100.0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.error: FeedmuxError | None = None
        self.seconds = 0.01

    async def send(self, outgoing: Outgoing) -> Incoming:
        self.asked.append(outgoing.url)
        await virtual_clock().sleep(self.seconds)
        if self.error is not None:
            raise self.error
        body = msgspec.json.encode({"price": self.price}) if self.body is None else self.body
        return Incoming(self.status, self.headers, body)

    async def aclose(self) -> None: ...


class Extension:
    """Puts the wire in the network's place."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @hookimpl
    def feedmux_transport(self, provider: str) -> Wire:
        return self._wire


class _Body(msgspec.Struct):
    price: float


def _quotes(body: bytes, asked: Any) -> list[Quote]:
    price = msgspec.json.decode(body, type=_Body).price
    known = [symbol for symbol in asked.query.symbols if symbol != "NOPE"]
    if not known:
        raise UnknownSymbol("there is no such symbol")
    return [
        Quote(
            symbol=s,
            price=price,
            change_pct_24h=-1.5,
            name=f"{s} <coin>",
            observed_at=asked.at - timedelta(seconds=2),
        )
        for s in known
    ]


def _candles(body: bytes, asked: Any) -> list[Candle]:
    price, step = msgspec.json.decode(body, type=_Body).price, INTERVALS[asked.query.interval]
    first = START - asked.query.limit * step
    return [
        Candle(
            symbol=asked.query.symbol,
            interval=asked.query.interval,
            opened_at=first + (n + 1) * step,
            open=price,
            high=price + n,
            low=price - 1,
            close=price,
            volume=None if n == 0 else 5.0,
            closed=n < asked.query.limit - 1,
        )
        for n in range(asked.query.limit)
    ]


def _rain(body: bytes, asked: Any) -> list[Rain]:
    return [] if asked.query.place == "sahara" else [Rain(place=asked.query.place, mm=3.5)]


def _endpoint(query: type[Query], parse: Any) -> Endpoint:
    def request(asked: Any) -> Request:
        return Request(f"/{query.capability}", asked.query.to_strings())

    return Endpoint(query, request, parse, Terms(ttl=1, batch=50), listed=False)


ENDPOINTS = (
    _endpoint(Quotes, _quotes),
    _endpoint(Candles, _candles),
    _endpoint(Rainfall, _rain),
    _endpoint(Taken, lambda body, asked: [Rain(place="taken", mm=1.0)]),
    _endpoint(Crooked, lambda body, asked: [Rain(place="crooked", mm=1.0)]),
)


def provider(name: str = "alpha", key: Key | None = None) -> Provider:
    """A provider that asks the wire."""
    return Provider(
        hosts=(f"https://{name}.example",),
        limits=Limits(weight=1, windows=(Window(600, per=60),), backoff=Backoff(steps=(90.0,))),
        endpoints=ENDPOINTS,
        health=Request("/health"),
        errors=(Failure(Unauthorized, status=401),),
        key=key,
        attribution=f"{name} data",
    )


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Time is virtual: waiting costs nothing."""
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def one_provider() -> Provider:
    """The provider `alpha`."""
    return provider()


Serving = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def serving(wire: Wire) -> Serving:
    """The application with these providers (by default one, `alpha`; or `plugins` by name), and a client of it."""

    @asynccontextmanager
    async def opened(
        *names: str,
        plugins: Mapping[str, object] | None = None,
        read: Callable[[], Settings] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Client]:
        app = create_app(
            Settings(**({"engine": EngineSettings(deadline=2.0)} | settings)),
            plugins=plugins or {name: provider(name) for name in names or ("alpha",)},
            extensions={"wire": Extension(wire)},
            clock=virtual_clock(),
            seed=1,
            read=read,
        )
        async with app.lifespan(), Client(app) as client:
            yield client

    return opened


@pytest.fixture
async def client(serving: Serving) -> AsyncIterator[Client]:
    async with serving() as opened:
        yield opened


class Judge:
    """Judges texts without a model: one that has `moon` in it is bullish; of `nothing` it says nothing."""

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(weight=1, serves={Sentiment: Terms(ttl=60, batch=10)})

    @hookimpl
    async def feedmux_fetch(self, asked: Any, http: Any) -> list[TextSentiment]:
        return [
            TextSentiment(
                text=text,
                label="bullish" if "moon" in text else "neutral",
                score=0.9,
                confidence=0.8,
                model="rule",
            )
            for text in asked.query.texts
            if text != "nothing"
        ]


@pytest.fixture
def installed(wire: Wire) -> Serving:
    """The application with every installed provider, and a client of it: in the sandbox, or where `live` on the wire.

    `texts` in the place of those that judge texts, which load a model.
    """

    @asynccontextmanager
    async def opened(
        live: bool = False, texts: Mapping[str, object] | None = None, **settings: Any
    ) -> AsyncIterator[Client]:
        found = {point.name: point.load() for point in entry_points(group="feedmux.providers")}
        plugins = {name: plugin for name, plugin in found.items() if name != Sentiment.capability}
        (sandbox,) = entry_points(group="feedmux.extensions", name="sandbox")
        engine = EngineSettings(deadline=2.0, sandbox=Sandbox.OFF if live else Sandbox.ON)
        app = create_app(
            Settings(**({"engine": engine} | settings)),
            plugins={**plugins, **({"judge": Judge()} if texts is None else texts)},
            extensions={"wire": Extension(wire)} if live else {"sandbox": sandbox.load()},
            clock=virtual_clock(),
            seed=1,
        )
        async with app.lifespan(), Client(app) as client:
            yield client

    return opened


@pytest.fixture
async def sandboxed(installed: Serving) -> AsyncIterator[Client]:
    async with installed() as opened:
        yield opened


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What is logged, from information on."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with capture_logs() as found:
        yield found
    structlog.reset_defaults()
