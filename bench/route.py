"""A route decision, plan and turn, among 6 and among 100 members; the loop of a plain weighted choice beside it."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable

import feedmux
from bench.miss import parse_quotes, quotes_request
from feedmux import Endpoint, Limits, Provider, Quotes, Request, Settings, Terms, Window

ROUNDS, CALLS = 11, 1000


def provider(weight: float) -> Provider:
    """One member with a quota that never ends."""
    return Provider(
        hosts=("https://bench.invalid",),
        limits=Limits(weight=weight, windows=(Window(1_000_000, per=60),), concurrency=1000),
        endpoints=(Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=1)),),
        health=Request("/"),
    )


def microseconds(work: Callable[[], object]) -> float:
    """Microseconds for one call."""
    began = time.perf_counter()
    for _ in range(CALLS):
        work()
    return (time.perf_counter() - began) / CALLS * 1e6


async def measure(members: int) -> None:
    """Interleave rounds of the engine's decision and of `random.choices` over the same weights."""
    plugins = {f"p{number}": provider(1 + number % 7) for number in range(members)}
    async with feedmux.open(Settings(), plugins=plugins, seed=1) as mux:
        router, parts = mux._router, (Quotes(["BTC"]),)
        rotation = router.rotations["quotes"]
        names, weights = list(plugins), [1.0 + number % 7 for number in range(members)]
        draw = random.Random(1)

        def decide() -> None:
            route = router.route(parts)
            rotation.take_turn(route.order[0], list(route.order), mux.clock.monotonic())

        microseconds(decide)
        ours, plain = [], []
        for _ in range(ROUNDS):
            ours.append(microseconds(decide))
            plain.append(microseconds(lambda: draw.choices(names, weights)))
    print(
        f"route: a decision among {members} members takes {statistics.median(ours):.1f} us "
        f"({min(ours):.1f} to {max(ours):.1f}), {statistics.median(ours) / statistics.median(plain):.0f} times a bare "
        f"random.choices over the weights; it orders all {members} and says why the others are out"
    )


def main() -> None:
    """Among few and among many."""
    for members in (6, 100):
        asyncio.run(measure(members))


if __name__ == "__main__":
    main()
