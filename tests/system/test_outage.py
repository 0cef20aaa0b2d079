"""Every upstream dead at once: what is cached is served and marked, what is not fails fast and says until when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from feedmux.errors import DeadlineExceeded, NoProvider
from feedmux.query import FearGreed, Quotes

from .bodies import GENERATED, PRICES
from .clock import SLACK, ShiftedClock, elapsed_since, real_now, until
from .conftest import Engine
from .upstream import UPSTREAMS, Upstream, answering, dropping, hanging

pytestmark = pytest.mark.anyio
DEADLINE = 0.8
ENGINE = ("Mux.", "Fetcher.", "Walk.", "bounded")
"""How the engine's own tasks are called."""


async def refused(upstream: Upstream) -> None:
    await upstream.stop()


async def hung(upstream: Upstream) -> None:
    for name in UPSTREAMS:
        upstream.fails(name, hanging())


async def failing(upstream: Upstream) -> None:
    for name in UPSTREAMS:
        upstream.fails(name, answering(500, b'{"status":500,"error":"Internal Server Error"}'))


async def dropped(upstream: Upstream) -> None:
    for name in UPSTREAMS:
        upstream.fails(name, dropping)


Outage = Callable[[Upstream], Awaitable[None]]
OUTAGES = pytest.mark.parametrize(
    "outage", [refused, hung, failing, dropped], ids=lambda outage: outage.__name__
)


@OUTAGES
async def test_a_cached_answer_comes_back_marked_stale(
    outage: Outage, engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine(deadline=DEADLINE) as mux:
        good = await mux.get(Quotes(("BTC", "ETH")))
        mood = await mux.get(FearGreed())
        assert not good.stale
        clock.advance(3000)
        await outage(upstream)
        began = real_now()
        answer = await mux.get(Quotes(("BTC", "ETH")))
        took = elapsed_since(began)
        old = await mux.get(FearGreed(), max_age=60)
    print(f"every upstream {outage.__name__}: a stale answer after {took * 1000:.0f} ms")
    assert answer.stale
    assert [item.price for item in answer] == [PRICES["BTC"], PRICES["ETH"]]
    assert all(item.stale for item in answer)
    assert answer.fetched_at == good.fetched_at
    assert old.stale
    assert old.items[0].value == mood.items[0].value
    assert took < DEADLINE + SLACK


@OUTAGES
async def test_an_answer_past_its_use_is_not_served_at_all(
    outage: Outage, engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine(deadline=0.3) as mux:
        await mux.get(Quotes("BTC"))
        clock.advance(3700)
        await outage(upstream)
        with pytest.raises((NoProvider, DeadlineExceeded)):
            await mux.get(Quotes("BTC"))


@OUTAGES
async def test_an_uncached_question_gets_no_provider_before_its_deadline_and_is_told_when(
    outage: Outage, engine: Engine, upstream: Upstream
) -> None:
    async with engine(deadline=DEADLINE) as mux:
        await mux.get(Quotes("SOL"), only=["binance_dt"])
        await outage(upstream)
        began = real_now()
        with pytest.raises(NoProvider) as raised:
            await mux.get(Quotes("BTC"))
        took = elapsed_since(began)
    said = f"every upstream {outage.__name__}: NoProvider after {took * 1000:.0f} ms of {DEADLINE:g} s"
    print(f"{said}, retry after {raised.value.retry_after:g} s")
    assert took < DEADLINE + SLACK, said
    assert raised.value.retry_after is not None
    assert raised.value.retry_after >= 1


async def test_where_time_is_up_while_somebody_could_still_be_asked_the_deadline_is_the_reason(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine(deadline=DEADLINE) as mux:
        upstream.fails("binance_dt", hanging())
        with pytest.raises(DeadlineExceeded):
            await mux.get(Quotes("BTC"), prefer=["binance_dt"], deadline=0.001)


async def test_200_callers_in_an_outage_all_get_their_error_and_hardly_reach_the_upstreams(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine(deadline=0.3) as mux:
        await mux.get(Quotes("SOL"), only=["binance_dt"])
        await failing(upstream)
        upstream.forget()
        for _ in range(20):
            found = await asyncio.gather(
                *(mux.get(Quotes(symbol)) for symbol in GENERATED[:200]), return_exceptions=True
            )
            assert all(isinstance(error, (NoProvider, DeadlineExceeded)) for error in found)
    print(f"4,000 questions in an outage: {len(upstream.arrivals)} upstream requests")
    assert len(upstream.arrivals) < 100


async def test_when_the_upstreams_are_back_answers_are_fresh_again(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine(deadline=0.3) as mux:
        await mux.get(Quotes("BTC"))
        await refused(upstream)
        for symbol in GENERATED[:12]:
            with pytest.raises((NoProvider, DeadlineExceeded)):
                await mux.get(Quotes(symbol))
        await upstream.start()
        clock.advance(400)
        answer = await mux.get(Quotes("BTC"))
        assert not answer.stale
        assert answer.items[0].price == PRICES["BTC"]


async def test_nothing_is_left_open_where_an_engine_closes_in_the_middle_of_it_all(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine() as mux:
        await hung(upstream)
        asked = [asyncio.ensure_future(mux.get(Quotes(symbol))) for symbol in GENERATED[:50]]
        await until(lambda: bool(upstream.arrivals))
    left = [name for task in asyncio.all_tasks() if (name := task.get_coro().__qualname__).startswith(ENGINE)]
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, NoProvider) for error in ended)
    assert mux.under_way == 0
    assert not left
    await until(lambda: upstream.open_connections == 0)
