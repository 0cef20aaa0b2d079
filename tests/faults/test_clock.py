"""Faults of time that nothing else here shows: rows T1 to T7, each named in its test."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Call, Remote, body, refusal

from feedmux import Failure, FeedmuxError, NoProvider, Quotes, RateLimited, Settings, Window
from feedmux.clock import LoopClock, from_unix
from feedmux.failure import retry_after
from feedmux.settings import EngineSettings
from feedmux.store import MemoryStore
from feedmux.transport import Incoming
from feedmux.virtual import START

BTC = Quotes(["BTC"])
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Suspended(LoopClock):
    """A clock that goes on while the machine sleeps."""

    def __init__(self) -> None:
        super().__init__(START)
        self.slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept


class Wrong(LoopClock):
    """A clock whose wall reads so many seconds too much."""

    def __init__(self, ahead: float) -> None:
        super().__init__(START + timedelta(seconds=ahead))


def true_time() -> datetime:
    return LoopClock(START).now()


def dating(lie: float = 0.0, **headers: str) -> Remote:
    """An upstream that says what time it is, and that its prices are of just now; a liar adds seconds to the date."""

    def script(call: Call) -> Incoming:
        date = format_datetime(true_time() + timedelta(seconds=lie), usegmt=True)
        prices = dict.fromkeys(call.symbols, 100.0)
        return body({"prices": prices, "at": true_time().timestamp()}, date=date, **headers)

    return Remote(script=script)


@pytest.mark.parametrize("ahead", [-400.0, -7200.0, 7200.0])
async def test_t2_where_several_upstreams_say_that_our_clock_is_wrong_ages_are_right(ahead: float) -> None:
    upstreams = {"one": dating(), "two": dating(), "liar": dating(lie=40_000)}
    providers = {name: (provider(), remote) for name, remote in upstreams.items()}
    async with world(providers, clock=Wrong(ahead)) as simulated:
        mux = simulated.mux
        for name in upstreams:
            with suppress(FeedmuxError):
                await mux.get(BTC, only=[name])
        answer = await mux.get(Quotes(["ETH"]))

        (item,) = answer.items
        assert item.fetched_at is not None
        assert item.observed_at is not None
        assert abs((item.fetched_at - item.observed_at).total_seconds()) < 3
        assert abs((mux.clock.now() - true_time()).total_seconds()) < 3
        assert abs(mux.clock.offset + ahead) < 3


async def test_t2_a_ban_until_an_instant_lasts_as_long_as_it_says_whatever_our_clock_reads() -> None:
    banned = Failure(RateLimited, status=418, reset=r"until (\d{13})")
    upstreams = {"one": dating(), "two": dating(), "three": Remote()}
    providers = {name: (provider(errors=(banned,)), remote) for name, remote in upstreams.items()}
    async with world(providers, clock=Wrong(-600.0)) as simulated:
        for name in ("one", "two"):
            with suppress(FeedmuxError):
                await simulated.mux.get(BTC, only=[name])
        until = int(true_time().timestamp() * 1000) + 120_000
        upstreams["three"].script = lambda call: body({"msg": f"banned until {until}"}, status=418)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["ETH"]), only=["three"])
        (wait,) = [row.wait for row in simulated.mux.providers() if row.name == "three"]

    assert wait == pytest.approx(120, abs=3)


async def test_t2_what_is_kept_over_a_restart_goes_by_the_machines_own_clock() -> None:
    store, upstreams = MemoryStore(), {"one": dating(), "two": dating(), "three": Remote()}
    providers = {name: (provider(), remote) for name, remote in upstreams.items()}
    clock = Wrong(-600.0)
    async with world(providers, clock=clock, store=store) as simulated:
        for name in ("one", "two"):
            with suppress(FeedmuxError):
                await simulated.mux.get(BTC, only=[name])
        assert simulated.mux.clock.offset > 500
        upstreams["three"].script = lambda call: refusal(90)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["ETH"]), only=["three"])
    async with world(providers, clock=clock, store=store) as simulated:
        (wait,) = [row.wait for row in simulated.mux.providers() if row.name == "three"]

    assert wait == pytest.approx(90, abs=3)


async def test_t3_after_eight_hours_of_sleep_the_windows_are_free_and_nothing_is_made_up_for() -> None:
    clock, remote = Suspended(), Remote()
    declared = provider(limits={"windows": (Window(1, 3600),)})
    refreshing = Settings(engine=EngineSettings(refresh=10))
    async with world({"one": (declared, remote)}, clock=clock, settings=refreshing) as simulated:
        for _ in range(5):
            await simulated.mux.get(BTC)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["ETH"]))
        clock.slept = 8 * 3600.0
        await clock.sleep(1)
        assert remote.requests == 1

        assert not (await simulated.mux.get(BTC)).stale
        assert remote.requests == 2


@pytest.mark.parametrize("seconds", [0, 2**31, 2**32, -1])
def test_t5_instants_at_the_edge_of_a_counter_are_read(seconds: int) -> None:
    assert from_unix(seconds).timestamp() == seconds


@pytest.mark.parametrize("date", ["Thu, 31 Dec 2026 23:59:60 GMT", "Tue, 19 Jan 2038 03:14:08 GMT", "x"])
def test_t5_a_date_with_a_leap_second_or_past_2038_is_read_or_passed_over(date: str) -> None:
    asked = retry_after({"retry-after": date}, NOW)
    assert asked is None or 0 < asked <= 7 * 86_400


async def test_t7_what_was_fetched_at_one_moment_is_not_asked_for_again_at_one_moment() -> None:
    remote = Remote(delays=(0.0, 0.0))
    async with world({"one": (provider(ttl=300), remote)}) as simulated:
        mux = simulated.mux
        await asyncio.gather(*(mux.get(Quotes([f"S{number}"])) for number in range(40)))
        await mux.clock.sleep(20)
        waits = {
            round(skipped.wait, 3)
            for number in range(40)
            for skipped in mux.plan(Quotes([f"S{number}"])).events
            if getattr(skipped, "wait", None)
        }

    assert len(waits) > 20
    assert max(waits) - min(waits) > 10
