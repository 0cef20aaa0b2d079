"""What questions cost at the upstreams, counted where the requests arrive."""

from __future__ import annotations

import asyncio
import math

import pytest

from feedmux.mux import Mux
from feedmux.query import Candles, FearGreed, Markets, Quotes

from .bodies import GENERATED, PRICES
from .clock import ShiftedClock, elapsed_since, real_now
from .conftest import Engine
from .upstream import Upstream

pytestmark = pytest.mark.anyio
BATCHES = {"binance_dt": 20, "alternative_me": 1000}
"""Symbols a request may name, as each upstream's own pages say."""


async def warmed(mux: Mux, upstream: Upstream) -> None:
    """Have every listing at hand, and count from here."""
    for name in ("binance_dt", "alternative_me"):
        if any(provider.name == name for provider in mux.providers()):
            await mux.get(Quotes("SOL"), only=[name])
    upstream.forget()


async def test_200_callers_at_once_asking_one_price_cost_one_request(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine() as mux:
        await warmed(mux, upstream)
        answers = await asyncio.gather(*(mux.get(Quotes("BTC")) for _ in range(200)))
    assert [answer.items[0].price for answer in answers] == [PRICES["BTC"]] * 200
    print(f"200 callers at once, one price: {len(upstream.arrivals)} upstream request")
    assert len(upstream.arrivals) == 1


@pytest.mark.parametrize(
    "query", [Candles("BTC", "1h", 50), FearGreed(30), Markets(50)], ids=lambda q: q.capability
)
async def test_200_callers_at_once_asking_one_question_of_any_kind_cost_one_request(
    query: Candles, engine: Engine, upstream: Upstream
) -> None:
    async with engine() as mux:
        await warmed(mux, upstream)
        answers = await asyncio.gather(*(mux.get(query) for _ in range(200)))
    assert {len(answer) for answer in answers} == {query.limit}
    assert len(upstream.arrivals) == 1


@pytest.mark.parametrize("provider", BATCHES)
async def test_1000_symbols_as_1000_questions_cost_a_batch_each_and_one_more(
    provider: str, engine: Engine, upstream: Upstream
) -> None:
    async with engine(provider) as mux:
        await warmed(mux, upstream)
        began = real_now()
        answers = await asyncio.gather(*(mux.get(Quotes((symbol,))) for symbol in GENERATED))
        took = elapsed_since(began)
    assert [answer.items[0].price for answer in answers] == [PRICES[symbol] for symbol in GENERATED]
    _within_bound(provider, upstream, "1,000 questions", took)


@pytest.mark.parametrize("provider", BATCHES)
async def test_1000_symbols_in_one_question_cost_a_batch_each_and_one_more(
    provider: str, engine: Engine, upstream: Upstream
) -> None:
    async with engine(provider) as mux:
        await warmed(mux, upstream)
        began = real_now()
        answer = await mux.get(Quotes(GENERATED))
        took = elapsed_since(began)
    assert not answer.missing
    assert [item.price for item in answer] == [PRICES[symbol] for symbol in GENERATED]
    _within_bound(provider, upstream, "one question of 1,000", took)


async def test_1000_symbols_with_every_provider_well_never_reach_the_last_resort(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine() as mux:
        await warmed(mux, upstream)
        answer = await mux.get(Quotes(GENERATED))
        again = await mux.get(Quotes(GENERATED))
    assert len(answer) == len(again) == 1000
    print(f"1,000 symbols, every provider well: {len(upstream.arrivals)} upstream requests")
    assert not upstream.reached("coingecko")
    assert len(upstream.arrivals) <= math.ceil(1000 / min(BATCHES.values())) + 1


async def test_a_thousand_symbols_that_nobody_lists_cost_nothing_at_a_provider_with_a_listing(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine("binance_dt") as mux:
        await warmed(mux, upstream)
        answer = await mux.get(Quotes(("BTC", *(f"NOBODY{n}" for n in range(999)))))
    assert {missing.reason for missing in answer.missing.values()} == {"unknown-symbol"}
    assert len(answer.missing) == 999
    assert len(upstream.arrivals) == 1


async def test_questions_beyond_a_provider_s_concurrency_wait_in_line_and_are_answered(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine("binance_dt") as mux:
        await warmed(mux, upstream)
        upstream.takes("binance_dt", 0.05)
        answers = await asyncio.gather(*(mux.get(Candles(symbol, "1h", 10)) for symbol in GENERATED[:80]))
    assert {len(answer) for answer in answers} == {10}
    assert len(upstream.arrivals) == 80
    assert upstream.most_at_once["binance_dt"] <= 16


async def test_the_same_question_again_inside_its_freshness_costs_nothing(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine() as mux:
        await mux.get(Quotes("BTC"))
        upstream.forget()
        for _ in range(100):
            await mux.get(Quotes("BTC"))
            clock.advance(0.09)
    assert not upstream.arrivals


def _within_bound(provider: str, upstream: Upstream, what: str, took: float) -> None:
    bound = math.ceil(1000 / BATCHES[provider]) + 1
    said = f"{what} at {provider}: {len(upstream.arrivals)} upstream requests (at most {bound}), {took:.2f} s"
    print(said)
    assert len(upstream.arrivals) <= bound, said
