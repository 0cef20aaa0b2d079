"""Injects faults between the engine and its upstreams, as a TOML file says: FEEDMUX_CHAOS_FILE names it.

[acme]
refuse = 0.1     # a share of the requests: 429 with a Retry-After of 30 s
fail = 0.1       # 500
hang = 0.05      # no answer at all
garble = 0.05    # a body that is cut in half
slow = 0.5       # seconds more for each answer
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from feedmux import hookimpl
from feedmux.clock import Chance, Clock, Random
from feedmux.transport import Incoming, Network, Outgoing, Transport

HANGING = 3600.0
Share = Annotated[float, Meta(ge=0, le=1)]


class Faults(Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with one provider: shares of its requests, and seconds."""

    refuse: Share = 0.0
    fail: Share = 0.0
    hang: Share = 0.0
    garble: Share = 0.0
    slow: Annotated[float, Meta(ge=0)] = 0.0


class Unreliable:
    """Another transport, and what goes wrong on the way. Each request suffers one fault at most."""

    def __init__(self, transport: Transport, faults: Faults, clock: Clock, chance: Random) -> None:
        self.simulated = transport.simulated
        self._transport = transport
        self._faults = faults
        self._clock = clock
        self._chance = chance

    async def send(self, outgoing: Outgoing) -> Incoming:
        faults, drawn = self._faults, self._chance.random()
        await self._clock.sleep(faults.slow)
        if drawn < faults.refuse:
            return Incoming(429, {"retry-after": "30"}, b"too many requests")
        if (drawn := drawn - faults.refuse) < faults.fail:
            return Incoming(500, {}, b"internal error")
        if (drawn := drawn - faults.fail) < faults.hang:
            await self._clock.sleep(HANGING)
        incoming = await self._transport.send(outgoing)
        if drawn - faults.hang < faults.garble and drawn >= faults.hang:
            return replace(incoming, body=incoming.body[: len(incoming.body) // 2])
        return incoming

    async def aclose(self) -> None:
        await self._transport.aclose()


class Chaos:
    """Wraps the transport of every provider that has faults. The same seed gives the same faults."""

    def __init__(self, faults: Mapping[str, Faults], seed: int | None = None) -> None:
        self._faults = faults
        self._chance = Chance(seed)

    @hookimpl(wrapper=True)
    def feedmux_transport(
        self, provider: str, clock: Clock
    ) -> Generator[None, Transport | None, Transport | None]:
        transport = yield
        if provider not in self._faults:
            return transport
        generator = self._chance.generator(f"chaos/{provider}")
        return Unreliable(transport or Network(), self._faults[provider], clock, generator)


def read(text: str) -> dict[str, Faults]:
    """The faults of each provider that a TOML text names; raises ValueError naming the key."""
    return msgspec.convert(tomllib.loads(text), dict[str, Faults])


_chosen = os.environ.get("FEEDMUX_CHAOS_FILE")
extension = Chaos(read(Path(_chosen).read_text("utf-8")) if _chosen else {})
