"""The questions asked most are always answered from the cache, with quota that can be spared, while somebody asks."""

from __future__ import annotations

import pytest
from simulated.engine import at_rest, world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes, Settings, Window
from feedmux.event import Answered
from feedmux.limits import Tier
from feedmux.settings import EngineSettings

BTC = Quotes(["BTC"])
ON = Settings(engine=EngineSettings(refresh=2))


def one(**limits):
    return {"p": (provider(limits=limits), Remote())}


async def asked_every(simulated, seconds, times, query=BTC):
    for _ in range(times):
        await simulated.mux.get(query)
        await simulated.mux.clock.sleep(seconds)


async def test_what_is_asked_again_and_again_is_always_a_hit():
    async with world(one(), settings=ON) as simulated:
        await asked_every(simulated, 2, 60)

        ends = [event.source for event in simulated.events if isinstance(event, Answered)]
        assert ends == ["flight"] + ["cache"] * 59


async def test_without_the_setting_nothing_is_asked_in_the_background():
    async with world(one()) as simulated:
        await asked_every(simulated, 2, 60)

        ends = [event.source for event in simulated.events if isinstance(event, Answered)]
        assert ends.count("flight") > 9


async def test_it_stops_when_nobody_has_asked_for_two_periods():
    providers = one()
    async with world(providers, settings=ON) as simulated:
        await asked_every(simulated, 1, 10)
        await simulated.mux.clock.sleep(30)
        sent = providers["p"][1].requests
        await simulated.mux.clock.sleep(600)

        assert providers["p"][1].requests == sent


async def test_what_is_asked_once_is_not_refreshed():
    providers = one()
    async with world(providers, settings=ON) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.clock.sleep(60)

        assert providers["p"][1].requests == 1


async def test_only_so_many_are_kept_those_asked_most():
    providers = one()
    async with world(providers, settings=ON) as simulated:
        for _ in range(5):
            for symbol, times in (("A", 3), ("B", 2), ("C", 1)):
                await asked_every(simulated, 0.1, times, Quotes([symbol]))

        assert simulated.mux._refresher.hottest() == [Quotes(["A"]), Quotes(["B"])]


async def test_a_fifth_of_the_quota_stays_for_questions():
    providers = one(windows=(Window(10, 10_000),))
    async with world(providers, settings=ON) as simulated:
        await asked_every(simulated, 2, 4)
        for _ in range(100):
            simulated.mux._refresher.used(BTC)
            await simulated.mux.clock.sleep(5)

        assert providers["p"][1].requests == 8


@pytest.mark.parametrize("tier", [Tier.LAST_RESORT, Tier.EMERGENCY])
async def test_a_reserve_is_never_asked_in_the_background(tier):
    providers = one(tier=tier)
    async with world(providers, settings=ON) as simulated:
        await asked_every(simulated, 1, 9)
        await simulated.mux.clock.sleep(10)

        assert providers["p"][1].requests == 1


async def test_one_that_fails_is_not_asked_again_before_its_time():
    providers = one()
    async with world(providers, settings=ON) as simulated:
        await asked_every(simulated, 1, 4)
        providers["p"][1].fail()
        for _ in range(20):
            simulated.mux._refresher.used(BTC)
            await simulated.mux.clock.sleep(1)

        assert providers["p"][1].requests == 1 + 2


async def test_a_question_of_more_than_a_batch_is_refreshed_whole():
    remote = Remote()
    many = Quotes([f"S{n}" for n in range(10)])
    async with world({"p": (provider(batch=4), remote)}, settings=ON) as simulated:
        await asked_every(simulated, 2, 20, many)

        ends = [event.source for event in simulated.events if isinstance(event, Answered)]
        assert ends == ["flight"] + ["cache"] * 19


async def test_when_it_is_closed_nothing_is_left():
    async with world(one(), settings=ON) as simulated:
        await asked_every(simulated, 1, 12)
    assert at_rest(simulated.mux)
