"""What a provider that fails at once adds to a question: questions that took two tries against those that took one."""

from __future__ import annotations

import asyncio
import statistics
import time

import feedmux
from bench import upstream
from bench.miss import parse_quotes, quotes_request
from feedmux import Endpoint, Limits, Provider, Quotes, Request, Settings, Terms
from feedmux.event import Tried
from feedmux.settings import EngineSettings, ProviderSettings

QUESTIONS = 4000


def provider() -> Provider:
    """One of two that are the same but for where they are asked."""
    return Provider(
        hosts=("https://bench.invalid",),
        limits=Limits(weight=1, concurrency=100),
        endpoints=(Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=1)),),
        health=Request("/"),
    )


async def measure(port: int) -> None:
    """Ask one question after the other and print what the second try added."""
    base = f"http://127.0.0.1:{port}"
    where = {"well": base, "shaky": base + upstream.SHAKY}
    settings = Settings(
        engine=EngineSettings(cache_size=1000, hedge=False),
        providers={name: ProviderSettings(base_url=url) for name, url in where.items()},
    )
    took: dict[int, list[float]] = {1: [], 2: []}
    async with feedmux.open(settings, plugins={name: provider() for name in where}, seed=1) as mux:
        for number in range(QUESTIONS):
            began = time.perf_counter()
            answer = await mux.get(Quotes((f"S{number}",)))
            seconds = time.perf_counter() - began
            took[sum(isinstance(event, Tried) for event in answer.trace.events)].append(seconds * 1000)
    once, twice = statistics.median(took[1]), statistics.median(took[2])
    first, second = (statistics.quantiles(took[tries], n=100)[98] for tries in (1, 2))
    print(
        f"fail-over: {len(took[1])} questions answered at the first try {once:.2f} ms (p99 {first:.2f}), "
        f"{len(took[2])} at the second, the first answered 500, {twice:.2f} ms (p99 {second:.2f}): "
        f"{twice - once:+.2f} ms (p99 {second - first:+.2f}); {twice / once:.2f} times as long"
    )


def main() -> None:
    """Start the upstream, measure, stop it."""
    with upstream.running() as port:
        asyncio.run(measure(port))


if __name__ == "__main__":
    main()
