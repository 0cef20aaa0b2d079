"""What the provider costs: seconds and memory to load, texts a second, how long the event loop waits.

`python tools/measure.py`. Numbers of one machine: compare runs on the same one, with nothing else running.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import feedmux
from feedmux.clock import SystemClock
from feedmux_sentiment import provider
from feedmux_sentiment.fit import sentences

T = TypeVar("T")
PATIENCE = 120.0
TICK = 0.002
clock = SystemClock()


def resident() -> float:
    """MB of memory that this process holds (Linux)."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def timed(work: Awaitable[T]) -> tuple[float, float]:
    """Seconds that it took, and the longest that a task which wants to run every 2 ms had to wait meanwhile."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = clock.monotonic()
            await clock.sleep(TICK)
            longest = max(longest, clock.monotonic() - before - TICK)

    ticking = asyncio.create_task(tick())
    began = clock.monotonic()
    await work
    took = clock.monotonic() - began
    ticking.cancel()
    return took, longest


async def main() -> None:
    """Print a line for each way of asking, every text a new one."""
    texts = [sentence.text for sentence in sentences()]
    before = resident()
    async with feedmux.open(feedmux.Settings(), plugins={"sentiment": provider}) as mux:

        async def ask(some: list[str]) -> None:
            await mux.get(feedmux.Sentiment(some), deadline=PATIENCE)

        async def one_by_one(some: list[str]) -> None:
            for text in some:
                await ask([text])

        async def at_once(some: list[str]) -> None:
            await asyncio.gather(*(ask([text]) for text in some))

        took, waited = await timed(ask(["first"]))
        print(f"first answer: {took:.1f} s, loop waited {waited * 1e3:.0f} ms")
        print(f"memory: {before:.0f} MB before, {resident():.0f} MB with the model")
        third = len(texts) // 3
        for name, work in (
            ("one after the other", one_by_one(texts[:third])),
            ("as many callers at once", at_once(texts[third : 2 * third])),
            ("in one question", ask(texts[2 * third :])),
        ):
            took, waited = await timed(work)
            print(f"{third} texts {name}: {third / took:.0f} a second, loop waited {waited * 1e3:.0f} ms")
        took, _ = await timed(ask(["word " * 2000]))
        print(f"a text of 10,000 characters: {took * 1e3:.0f} ms; memory: {resident():.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())
