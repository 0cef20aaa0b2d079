"""Providers that say "not so often": closed for as long as they ask, and nobody waits for them."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from feedmux.breaker import State
from feedmux.errors import DeadlineExceeded, NoProvider
from feedmux.event import Result, Tried
from feedmux.mux import Mux
from feedmux.query import Quotes, Trending
from feedmux.status import ProviderStatus

from .bodies import GENERATED
from .clock import ShiftedClock
from .conftest import Engine
from .upstream import Upstream, answering, saying

pytestmark = pytest.mark.anyio
TOO_MUCH = (
    b'{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 MINUTE."}'
)
BINANCE_429 = answering(429, TOO_MUCH, retry_after="30")
GECKO_429 = answering(
    429, b'{"status":{"error_code":429,"error_message":"You\'ve exceeded the Rate Limit."}}'
)
DOWN = answering(500, b"down")


def row(mux: Mux, name: str) -> ProviderStatus:
    return next(provider for provider in mux.providers() if provider.name == name)


async def test_a_429_with_retry_after_30_closes_its_provider_for_30_s_and_another_answers(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine() as mux:
        await mux.get(Quotes("SOL"), only=["binance_dt"])
        upstream.fails("binance_dt", BINANCE_429)
        upstream.forget()

        answer = await mux.get(Quotes("BTC"), prefer=["binance_dt"])

        assert answer.providers == ("alternative_me",)
        assert [e.result for e in answer.trace.events if isinstance(e, Tried)] == [
            Result.REFUSED,
            Result.ANSWERED,
        ]
        assert [arrival.path for arrival in upstream.reached("binance_dt")] == ["/api/v3/ticker/24hr"]
        closed = row(mux, "binance_dt")
        assert closed.state is State.THROTTLED
        assert closed.wait == pytest.approx(30, abs=0.5)
        refused_at = upstream.reached("binance_dt")[0].at

        for symbol in GENERATED[:25]:
            clock.advance(1.0)
            assert (await mux.get(Quotes(symbol), prefer=["binance_dt"])).providers == ("alternative_me",)
        assert [arrival.path for arrival in upstream.reached("binance_dt")] == ["/api/v3/ticker/24hr"]

        upstream.heals("binance_dt")
        upstream.takes("binance_dt", 0.1)
        clock.advance(refused_at + 30.2 - clock.monotonic())
        later = await asyncio.gather(
            *(mux.get(Quotes(symbol), prefer=["binance_dt"]) for symbol in GENERATED[100:110]),
            *(mux.get(Quotes(symbol, "EUR"), prefer=["binance_dt"]) for symbol in GENERATED[100:110]),
        )

    assert all(len(answer) == 1 for answer in later)
    probes = upstream.reached("binance_dt")[1:]
    said = (
        f"429 with Retry-After 30: next request after {probes[0].at - refused_at:.1f} s, {len(probes)} probe"
    )
    print(said)
    assert len(probes) == 1, said
    assert 30 <= probes[0].at - refused_at < 31, said


async def test_one_probe_at_a_time_and_its_answer_opens_the_provider_again(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine() as mux:
        await mux.get(Quotes("SOL"), only=["binance_dt"])
        upstream.fails("binance_dt", BINANCE_429)
        await mux.get(Quotes("BTC"), prefer=["binance_dt"])
        clock.advance(31)
        assert row(mux, "binance_dt").state is State.RECOVERING
        upstream.heals("binance_dt")
        await mux.get(Quotes("ETH"), prefer=["binance_dt"])
        assert row(mux, "binance_dt").state is State.OPEN
        upstream.forget()
        answer = await mux.get(Quotes(GENERATED[:40]), prefer=["binance_dt"])
    assert answer.providers == ("binance_dt",)
    assert len(upstream.reached("binance_dt")) == 2


async def test_binance_s_ban_stands_until_the_instant_it_names(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine() as mux:
        await mux.get(Quotes("SOL"), only=["binance_dt"])
        until = int((clock.now().timestamp() + 1800) * 1000)
        body = f'{{"code":-1003,"msg":"Way too much request weight used; IP banned until {until}."}}'
        upstream.fails("binance_dt", answering(418, body.encode()))
        await mux.get(Quotes("BTC"), prefer=["binance_dt"])
        upstream.heals("binance_dt")
        upstream.forget()
        for symbol in GENERATED[:29]:
            clock.advance(60)
            await mux.get(Quotes(symbol), prefer=["binance_dt"])
        assert not upstream.reached("binance_dt")
        clock.advance(61)
        assert (await mux.get(Quotes("ETH"), prefer=["binance_dt"])).providers == ("binance_dt",)


async def test_the_weight_that_binance_reports_is_believed(engine: Engine, upstream: Upstream) -> None:
    async with engine() as mux:
        await mux.get(Quotes("SOL"), only=["binance_dt"])
        full = saying(
            b"HTTP/1.1 400 Bad Request\r\nx-mbx-used-weight-1m: 6000\r\ncontent-length: 35\r\n\r\n"
            b'{"code":-1121,"msg":"Invalid name"}',
            keep=True,
        )
        upstream.fails("binance_dt", full)
        await mux.get(Quotes("BTC"), prefer=["binance_dt"])
        upstream.heals("binance_dt")
        upstream.forget()
        for symbol in GENERATED[:10]:
            await mux.get(Quotes(symbol), prefer=["binance_dt"])
        assert row(mux, "binance_dt").state is State.EXHAUSTED
    assert not upstream.reached("binance_dt")


async def test_a_last_resort_sees_no_request_while_two_others_are_well(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine() as mux:
        for minute in range(60):
            await asyncio.gather(
                *(mux.get(Quotes(symbol)) for symbol in GENERATED[minute * 16 : minute * 16 + 20])
            )
            await mux.get(Quotes(("BTC", "ETH", "SOL")))
            clock.advance(60)
    counts = {name: len(upstream.reached(name)) for name in ("binance_dt", "alternative_me", "coingecko")}
    print(f"an hour with every provider well: {counts}")
    assert counts["coingecko"] == 0, counts


async def test_a_last_resort_sees_no_two_requests_within_10_s(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine(deadline=0.5) as mux:
        upstream.fails("binance_dt", DOWN)
        upstream.fails("alternative_me", DOWN)
        answered = 0
        for second in range(90):
            asked = [mux.get(Quotes(symbol)) for symbol in GENERATED[second * 4 : second * 4 + 4]]
            found = await asyncio.gather(*asked, mux.get(Trending(10)), return_exceptions=True)
            answered += sum(not isinstance(one, BaseException) for one in found)
            clock.advance(1.0)
    times = [arrival.at for arrival in upstream.reached("coingecko")]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    said = f"90 s with the others down: {len(times)} requests to CoinGecko, at least {min(gaps):.1f} s apart"
    print(f"{said}; {answered} questions answered by it")
    assert 5 <= len(times) <= 9, said
    assert min(gaps) >= 10, said
    assert answered


async def test_a_last_resort_sees_no_request_for_2_minutes_after_its_first_429(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine(deadline=0.5) as mux:
        upstream.fails("binance_dt", DOWN)
        upstream.fails("alternative_me", DOWN)
        upstream.fails("coingecko", GECKO_429)
        for second in range(180):
            with pytest.raises((NoProvider, DeadlineExceeded)):
                await mux.get(Quotes(GENERATED[second]))
            clock.advance(1.0)
    times = [arrival.at for arrival in upstream.reached("coingecko")]
    said = f"after CoinGecko's first 429: the next request {times[1] - times[0]:.1f} s later"
    print(said)
    assert len(times) == 2, said
    assert 120 <= times[1] - times[0] < 122, said


async def test_a_last_resort_s_steps_grow_with_every_refusal_in_a_row(
    engine: Engine, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with engine("coingecko", deadline=0.5) as mux:
        upstream.fails("coingecko", GECKO_429)
        for minute in range(40):
            with pytest.raises((NoProvider, DeadlineExceeded)):
                await mux.get(Quotes(GENERATED[minute]))
            clock.advance(30.0)
        assert row(mux, "coingecko").state is State.BLOCKED
    times = [arrival.at for arrival in upstream.reached("coingecko")]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    print(f"CoinGecko's refusals in a row: asked again after {[round(gap) for gap in gaps]} s")
    assert gaps == pytest.approx([120, 240, 600], abs=15)
