"""The older service's WebSocket, `/ws`: prices in US dollars. It translates what the hub says."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.handlers import WebsocketRouteHandler
from msgspec import Struct

from feedmux import FeedmuxError, Quote, Quotes
from feedmux.settings import ServerSettings
from feedmux.symbol import canonical
from feedmux_server.stream.hub import Hub
from feedmux_server.stream.mailbox import Fixed, Mailbox
from feedmux_server.stream.route import route
from feedmux_server.stream.topic import Topic
from feedmux_server.stream.update import Changed, Failed, Update
from feedmux_server.stream.wording import text_of

PATH = "/ws"
PACE = 0.25
"""Seconds that pass at least between two prices of one symbol."""
REPEAT = 5.0
"""Seconds after which a price that has not changed is sent again."""
HEARTBEAT = 30.0
"""Seconds without a client's message after which a heartbeat is sent."""


class LivePrice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As `/api/market/price` has it; `timestamp` is when the upstream observed the price, in Unix seconds."""

    symbol: str
    price: float
    timestamp: int
    stale: bool = False
    sandbox: bool = False


class Prices:
    """One client's symbols. `most` is how many there may be."""

    def __init__(self, hub: Hub, most: int) -> None:
        self.mailbox = Mailbox(hub.mux.clock, pace=PACE, repeat=REPEAT)
        self._hub = hub
        self._most = most
        self._topics: dict[str, Topic] = {}
        self._beat_at = 0.0

    def opened(self) -> None:
        self._reply("connected", client_id=self._hub.client_id(), message="connected: subscribe to a symbol")

    def heard(self, text: str) -> None:
        try:
            said = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            said = None
        if isinstance(said, dict):
            self._answer(said)
        else:
            self._error("Invalid JSON format")

    def refused(self, status: int, detail: str) -> None:
        self._error(detail)

    def next(self, now: float) -> str | None:
        return self.mailbox.take(now)

    def heartbeat_at(self, heard: float, sent: float) -> float:
        return max(heard, self._beat_at) + HEARTBEAT

    def heartbeat(self) -> str:
        self._beat_at = self._hub.mux.clock.monotonic()
        return self._worded("heartbeat", status="alive")

    def closed(self) -> None:
        for topic in self._topics.values():
            self._hub.part(topic, self)
        self._topics.clear()

    def _answer(self, said: dict[str, Any]) -> None:
        kind, symbol = said.get("type"), said.get("symbol")
        if kind == "ping":
            self._reply("pong")
        elif kind not in ("subscribe", "unsubscribe"):
            self._error(f"Unknown message type: {str(kind)[:100]}")
        elif not symbol:
            self._error("Symbol is required for subscription")
        else:
            try:
                self._subscription(kind, canonical(symbol))
            except FeedmuxError as error:
                self._error(error.detail)

    def _subscription(self, kind: str, symbol: str) -> None:
        if kind == "unsubscribe":
            self._leave(symbol)
            self._reply("unsubscribed", symbol=symbol, message=f"unsubscribed from {symbol}")
            return
        if symbol not in self._topics and len(self._topics) >= self._most:
            self._error(f"at most {self._most} symbols on one connection")
            return
        self._reply("subscribed", symbol=symbol, message=f"subscribed to {symbol}")
        topic = self._topics[symbol] = self._hub.join(Quotes((symbol,)), self)
        if topic.last is not None:
            self.hear(topic, topic.last)

    def _leave(self, symbol: str) -> None:
        if (topic := self._topics.pop(symbol, None)) is not None:
            self._forget(symbol)
            self._hub.part(topic, self)

    def _forget(self, symbol: str) -> None:
        self.mailbox.forget(symbol)
        self.mailbox.forget(("error", symbol))

    def hear(self, topic: Topic, update: Update) -> None:
        symbol = topic.query.elements[0]
        if isinstance(update, Changed):
            self._hub.overtaken += self.mailbox.put(symbol, update.worded(price), keep=True)
            return
        self._forget(symbol)
        detail = (
            update.error.detail if isinstance(update, Failed) else "no provider has answered for too long"
        )
        if isinstance(update, Failed) and update.final:
            del self._topics[symbol]
        self.mailbox.put(("error", symbol), Fixed(self._worded("error", error=detail, symbol=symbol)))

    def _error(self, detail: str) -> None:
        self._reply("error", error=detail)

    def _reply(self, kind: str, **fields: str) -> None:
        self.mailbox.reply(self._worded(kind, **fields))

    def _worded(self, kind: str, **fields: str) -> str:
        timestamp = int(self._hub.mux.clock.now().timestamp())
        return text_of({"type": kind, **fields, "timestamp": timestamp})


def price(update: Changed) -> Fixed:
    """A price as it goes out."""
    answer = update.answer
    quote: Quote = answer.items[0]
    if quote.observed_at is None:
        raise ValueError("an item without its stamps")
    live = LivePrice(
        symbol=quote.symbol,
        price=quote.price,
        timestamp=int(quote.observed_at.timestamp()),
        stale=answer.stale,
        sandbox=answer.sandbox,
    )
    return Fixed(text_of(live))


def live_prices(hub: Hub, server: ServerSettings) -> WebsocketRouteHandler:
    """`/ws`."""
    return route(PATH, hub, server, lambda _: Prices(hub, server.stream_symbols))
