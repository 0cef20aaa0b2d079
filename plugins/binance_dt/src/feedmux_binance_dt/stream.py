"""How Binance pushes quotes: combined streams over one WebSocket.

Streams, frames and limits: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw, Struct, json

from feedmux.clock import from_unix_ms
from feedmux.items import Quote
from feedmux.limits import DAY, Window
from feedmux.push import Push, Stream
from feedmux.query import Quotes
from feedmux.request import Asked


class _Event(Struct):
    e: str = ""


class _Combined(_Event):
    stream: str = ""
    data: Raw = Raw(b"{}")


class _Ticker(Struct):
    """E event time, s symbol, c last price, p and P change, h and l range, q volume in the quote currency."""

    E: int
    s: str
    c: float
    p: float
    P: float
    h: float
    l: float  # noqa: E741 - Binance's word
    q: float


def subscribe(channels: Sequence[str], number: int) -> bytes:
    """The message that subscribes to these streams."""
    return json.encode({"method": "SUBSCRIBE", "params": channels, "id": number})


def unsubscribe(channels: Sequence[str], number: int) -> bytes:
    """The message that ends these streams."""
    return json.encode({"method": "UNSUBSCRIBE", "params": channels, "id": number})


def channel_of(frame: bytes) -> str | None:
    """The stream of a frame; None for a reply, an error, and what Binance says of itself."""
    stream = json.decode(frame, type=_Combined).stream
    return None if stream.startswith("!") else stream or None


def ends(frame: bytes) -> bool:
    """Whether Binance announces that it will close the connection."""
    told = json.decode(frame, type=_Combined)
    return (json.decode(told.data, type=_Event).e if told.stream else told.e) == "serverShutdown"


def ticker(asked: Asked[Quotes]) -> str:
    """The rolling 24-hour ticker of a market: once a second where anything changed."""
    return f"{asked.id(asked.query.symbols[0]).lower()}@ticker"


def parse_ticker(frame: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The same figures as the ticker that is asked for. Raises ValueError for another market's."""
    symbol = asked.query.symbols[0]
    told = json.decode(json.decode(frame, type=_Combined).data, type=_Ticker, strict=False)
    if told.s != asked.id(symbol):
        raise ValueError(f"a ticker of {told.s[:40]} where {asked.id(symbol)} was due")
    if not told.c:
        return []
    return [
        asked.quote(
            symbol,
            told.c,
            from_unix_ms(told.E),
            change_24h=told.p,
            change_pct_24h=told.P,
            high_24h=told.h,
            low_24h=told.l,
            volume_24h=told.q,
        )
    ]


# 1024 streams a connection, 5 messages a second, 300 connections in 5 minutes for an address, cut after 24 hours.
# A quiet market pushes only what changed, so that 30 seconds of silence are not rare there; then it is polled.
push = Push(
    hosts=(
        "wss://data-stream.binance.vision",
        "wss://stream.binance.com:9443",
        "wss://stream.binance.com:443",
    ),
    path="/stream",
    subscribe=subscribe,
    unsubscribe=unsubscribe,
    channel_of=channel_of,
    ends=ends,
    per_connection=1024,
    messages=Window(5, per=1),
    connections=Window(300, per=300),
    lifetime=DAY,
    silent_after=30,
)
quotes = Stream(Quotes, ticker, parse_ticker)
