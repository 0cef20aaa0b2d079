"""A client of the older service's `/ws`, as they are written: `python old_client.py URL SECONDS SYMBOL…`.

It knows the old messages only, checks each word for word, and prints what it counted as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from feedmux.clock import SystemClock

FORMS: dict[str, dict[str, type]] = {
    "connected": {"client_id": str, "message": str},
    "subscribed": {"symbol": str, "message": str},
    "unsubscribed": {"symbol": str, "message": str},
    "pong": {},
    "error": {"error": str},
    "heartbeat": {"status": str},
}
"""The fields of each message beside its `type` and `timestamp`; others may be added."""
ALIVE = 5.5
"""Seconds within which a price comes again."""


class OldClient:
    """What came, and when prices came last."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.stale = 0
        self.longest = 0.0
        self.shortest = float("inf")
        self.prices: dict[str, float] = {}
        self._at: dict[str, float] = {}
        self._clock = SystemClock()

    def take(self, text: str | bytes) -> None:
        """Check one message as an old client reads it."""
        if not isinstance(text, str):
            self.wrong.append("a frame that is no text")
            return
        message = json.loads(text)
        form = FORMS.get(message.get("type", ""))
        if "price" in message:
            self._price(message)
        elif form is None:
            self.wrong.append(text)
        else:
            self.counts[message["type"]] += 1
            self._check(message, form)
            if message["type"] == "error":
                self.errors[message["error"]] += 1

    def _check(self, message: dict[str, Any], form: dict[str, type]) -> None:
        wanted = {**form, "timestamp": int}
        if any(type(message.get(name)) is not kind for name, kind in wanted.items()):
            self.wrong.append(json.dumps(message))

    def _price(self, message: dict[str, Any]) -> None:
        self._check(message, {"symbol": str, "price": float})
        if not message["price"] > 0:
            self.wrong.append(json.dumps(message))
        now, symbol = self._clock.monotonic(), message["symbol"]
        if symbol in self._at:
            self.longest = max(self.longest, now - self._at[symbol])
            self.shortest = min(self.shortest, now - self._at[symbol])
        self._at[symbol] = now
        self.prices[symbol] = message["price"]
        self.counts["price"] += 1
        self.stale += bool(message.get("stale"))

    def summary(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "errors": dict(self.errors),
            "wrong": self.wrong,
            "stale": self.stale,
            "longest_gap": round(self.longest, 3),
            "shortest_gap": round(self.shortest, 3) if self.shortest < float("inf") else None,
            "prices": self.prices,
        }


async def talk(url: str, seconds: float, symbols: list[str]) -> dict[str, Any]:
    """Subscribe, ping now and then, and make each of the old mistakes once."""
    client = OldClient()
    async with connect(url, ping_interval=None) as socket:
        reading = asyncio.create_task(_read(socket, client))
        await socket.send("no json")
        await socket.send(json.dumps({"type": "subscribe"}))
        await socket.send(json.dumps({"type": "dance"}))
        for symbol in symbols:
            await socket.send(json.dumps({"type": "subscribe", "symbol": symbol}))
        clock = SystemClock()
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            await clock.sleep(min(left, 40.0))
            await socket.send(json.dumps({"type": "ping"}))
        for symbol in symbols:
            await socket.send(json.dumps({"type": "unsubscribe", "symbol": symbol}))
        await clock.sleep(0.3)
        reading.cancel()
    return client.summary()


async def _read(socket: ClientConnection, client: OldClient) -> None:
    async for text in socket:
        client.take(text)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(talk(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))))
