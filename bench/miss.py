"""A question that misses the cache, against the same request with the bare HTTP client: CPU in this process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import httpx
import msgspec
from msgspec import Struct

import feedmux
from bench import upstream
from feedmux import Asked, Endpoint, Limits, Provider, Quote, Quotes, Request, Settings, Terms
from feedmux.settings import EngineSettings, ProviderSettings

ROUNDS, CALLS = 9, 300


class Row(Struct):
    """What the upstream says."""

    symbol: str
    price: float


def quotes_request(asked: Asked[Quotes]) -> Request:
    """One symbol."""
    return Request("/quotes", {"symbols": asked.query.symbols[0]})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The upstream always says BTC; the benchmark asks for something new each time."""
    return [
        Quote(symbol=asked.query.symbols[0], price=row.price)
        for row in msgspec.json.decode(body, type=list[Row])
    ]


PROVIDER = Provider(
    hosts=("https://bench.invalid",),
    limits=Limits(weight=1, concurrency=100),
    endpoints=(Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=1)),),
    health=Request("/"),
)


async def cpu(ask: Callable[[int], Awaitable[object]], first: int) -> float:
    """Microseconds of CPU for one call, over CALLS of them, one after the other."""
    began = time.process_time()
    for number in range(first, first + CALLS):
        await ask(number)
    return (time.process_time() - began) / CALLS * 1e6


async def measure(port: int) -> None:
    """Interleave bare and engine rounds and print medians."""
    base = f"http://127.0.0.1:{port}"
    settings = Settings(
        engine=EngineSettings(cache_size=1000), providers={"bench": ProviderSettings(base_url=base)}
    )
    async with (
        httpx.AsyncClient(base_url=base, trust_env=False) as client,
        feedmux.open(settings, plugins={"bench": PROVIDER}, seed=1) as mux,
    ):

        async def bare(number: int) -> object:
            reply = await client.get("/quotes", params={"symbols": f"S{number}"})
            return msgspec.json.decode(reply.content, type=list[Row])

        async def engine(number: int) -> object:
            return await mux.get(Quotes((f"S{number}",)))

        await cpu(bare, 0)
        await cpu(engine, 0)
        bares, engines = [], []
        for turn in range(1, ROUNDS + 1):
            bares.append(await cpu(bare, turn * CALLS))
            engines.append(await cpu(engine, turn * CALLS))
    above = [e - b for e, b in zip(engines, bares, strict=True)]
    print(
        f"miss: bare httpx.AsyncClient {statistics.median(bares):.0f} us of CPU, engine "
        f"{statistics.median(engines):.0f} us; above the bare client {statistics.median(above):+.0f} us "
        f"({min(above):+.0f} to {max(above):+.0f}), ratio {statistics.median(engines) / statistics.median(bares):.2f}; "
        f"{ROUNDS} interleaved rounds of {CALLS} sequential GETs, both decode the body"
    )


def main() -> None:
    """Start the upstream, measure, stop it."""
    with upstream.running() as port:
        asyncio.run(measure(port))


if __name__ == "__main__":
    main()
