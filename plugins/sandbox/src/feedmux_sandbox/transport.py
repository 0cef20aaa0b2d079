"""Transports with nothing real behind them: one that asks a model of the upstream, one that has none to ask."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import msgspec

from feedmux.clock import Clock
from feedmux.errors import UpstreamDown
from feedmux.transport import Incoming, Outgoing, Transport
from feedmux_sandbox.alternative_me import AlternativeMe
from feedmux_sandbox.binance import Binance
from feedmux_sandbox.call import Call, Model
from feedmux_sandbox.coingecko import CoinGecko
from feedmux_sandbox.news import News

MODELS: dict[str, Callable[[], Model]] = {
    "alternative_me": AlternativeMe,
    "binance_dt": Binance,
    "coingecko": CoinGecko,
    "news": News,
}
"""The models by the name of the provider that they answer for."""
MARK = "x-feedmux-sandbox"


class Simulated:
    """Answers in the upstream's place, after about its latency. Every answer carries `x-feedmux-sandbox: true`."""

    simulated = True

    def __init__(self, model: Model, clock: Clock) -> None:
        self._model = model
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Incoming:
        jitter = crc32(outgoing.url.encode()) % 10 / 1000
        await self._clock.sleep(self._model.latency + jitter)
        incoming = self._model.answer(Call.of(outgoing, self._clock.now()))
        return msgspec.structs.replace(incoming, headers={**incoming.headers, MARK: "true"})

    async def aclose(self) -> None: ...


class Absent:
    """Refuses every request: a provider that has no model is not asked for real beside those that have."""

    simulated = True
    absent = True

    async def send(self, outgoing: Outgoing) -> Incoming:
        raise UpstreamDown("has no sandbox", sent=False)

    async def aclose(self) -> None: ...


def transport_for(provider: str, clock: Clock) -> Transport:
    """The transport of a provider, its counts at zero."""
    model = MODELS.get(provider)
    return Absent() if model is None else Simulated(model(), clock)
