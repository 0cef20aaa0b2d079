"""Memory after 100,000 distinct questions: it is bounded by the cache's size, not by what was asked."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import feedmux
from bench.route import provider
from feedmux import Quotes, Settings, hookimpl
from feedmux.clock import Clock
from feedmux.settings import EngineSettings
from feedmux.transport import Incoming, Outgoing, Transport

BODY = b'[{"symbol":"BTC","price":67500.25}]'
STEPS = (20_000, 60_000, 100_000)


class InProcess:
    """Answers every request with the same body."""

    simulated = False

    async def send(self, outgoing: Outgoing) -> Incoming:
        return Incoming(200, {}, BODY)

    async def aclose(self) -> None:
        """Nothing to close."""


class Extension:
    """Puts InProcess in the network's place."""

    @hookimpl
    def feedmux_transport(self, provider: str, settings: Settings, clock: Clock) -> Transport:
        return InProcess()


async def measure() -> None:
    """Ask, and print what is held after each step."""
    settings = Settings(engine=EngineSettings(cache_size=10_000))
    async with feedmux.open(
        settings, plugins={"p": provider(1)}, extensions={"e": Extension()}, seed=1
    ) as mux:
        tracemalloc.start()
        asked, held = 0, []
        for step in STEPS:
            while asked < step:
                await asyncio.gather(*(mux.get(Quotes([f"S{asked + n}"])) for n in range(200)))
                asked += 200
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0] / 1e6)
    grown = held[-1] - held[0]
    print(
        f"memory: {', '.join(f'{mb:.1f} MB after {step:,}' for mb, step in zip(held, STEPS, strict=True))} distinct "
        f"questions with cache_size 10,000; {grown:+.1f} MB from {STEPS[0]:,} to {STEPS[-1]:,}"
    )


def main() -> None:
    """Measure in one process."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
