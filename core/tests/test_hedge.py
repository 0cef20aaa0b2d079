"""A request that takes longer than its member's requests do is sent to the next as well, inside quota and budget."""

from __future__ import annotations

import asyncio
import statistics

import pytest
from simulated.engine import at_rest, world
from simulated.providers import provider
from simulated.remote import Remote, broken

from feedmux import Quotes, Settings, Window
from feedmux.clock import Random
from feedmux.event import Hedged, Result, Tried
from feedmux.hedge import SOONEST
from feedmux.limits import Tier
from feedmux.score import ENOUGH
from feedmux.settings import EngineSettings

OFF = Settings(engine=EngineSettings(hedge=False))


def two(**second):
    quick = (0.05, 0.05)
    return {
        "first": (provider(), Remote(delays=quick)),
        "second": (provider(**second), Remote(delays=quick)),
    }


async def measured(simulated):
    """The first member has answered often enough to know what is long for it."""
    for n in range(ENOUGH):
        await simulated.mux.get(Quotes([f"M{n}"]), only=["first"])


async def late(simulated, providers, **how):
    """The first member is asked and takes two seconds; the answer, and how long it took."""
    await measured(simulated)
    providers["first"][1].delays = (2.0, 2.0)
    began = simulated.mux.clock.monotonic()
    answer = await simulated.mux.get(Quotes(["BTC"]), **{"prefer": ["first"], **how})
    return answer, simulated.mux.clock.monotonic() - began


async def test_past_a_members_own_p95_the_next_is_asked_beside_it():
    providers = two()
    async with world(providers) as simulated:
        answer, took = await late(simulated, providers)

        assert answer.providers == ("second",)
        assert took == pytest.approx(SOONEST + 0.05, abs=0.001)
        assert [(e.member, e.beside) for e in simulated.events if isinstance(e, Hedged)] == [
            ("second", "first")
        ]


async def test_who_loses_ends_in_the_cache_and_nothing_is_left():
    providers = two()
    async with world(providers) as simulated:
        await late(simulated, providers)
        assert simulated.mux.under_way == 0
        await simulated.mux.clock.sleep(3)

        kept = simulated.mux._cache.cell(Quotes(["BTC"]))
        lost = [e for e in simulated.events if isinstance(e, Tried)][-1]
        assert set(kept) == {"first", "second"}
        assert (lost.member, lost.result) == ("first", Result.ANSWERED)
        assert at_rest(simulated.mux)


@pytest.mark.parametrize("spent", [7, 8])
async def test_it_leaves_a_fifth_of_every_window(spent):
    providers = two(limits={"windows": (Window(10, 1000),)})
    async with world(providers) as simulated:
        for n in range(spent):
            await simulated.mux.get(Quotes([f"S{n}"]), only=["second"])
        await late(simulated, providers)

        assert len([e for e in simulated.events if isinstance(e, Hedged)]) == (spent < 8)


@pytest.mark.parametrize("tier", [Tier.LAST_RESORT, Tier.EMERGENCY])
async def test_a_reserve_is_never_asked_beside(tier):
    providers = two(limits={"tier": tier})
    async with world(providers) as simulated:
        answer, _ = await late(simulated, providers)

        assert answer.providers == ("first",)


async def test_a_question_pinned_to_one_provider_is_not_hedged():
    providers = two()
    async with world(providers) as simulated:
        answer, _ = await late(simulated, providers, only=["first"], prefer=[])

        assert answer.providers == ("first",)


async def test_before_there_are_enough_answers_nothing_is_long():
    providers = two()
    providers["first"][1].delays = (0.5, 0.5)
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC"]), prefer=["first"])

        assert answer.providers == ("first",)


async def test_switched_off_nobody_is_asked_beside():
    providers = two()
    async with world(providers, settings=OFF) as simulated:
        answer, _ = await late(simulated, providers)

        assert answer.providers == ("first",)


async def test_many_late_requests_at_once_are_hedged_only_as_the_budget_allows():
    providers = two()
    for name in providers:
        providers[name] = (provider(limits={"concurrency": 100}), Remote(delays=(0.05, 0.05)))
    async with world(providers) as simulated:
        await measured(simulated)
        await simulated.mux.clock.sleep(11)
        providers["first"][1].delays = (1.0, 1.0)
        questions = [Quotes([f"Q{n}"]) for n in range(50)]
        await asyncio.gather(*(simulated.mux.get(one, prefer=["first"]) for one in questions))

        assert len([e for e in simulated.events if isinstance(e, Hedged)]) == 10


async def test_where_the_one_beside_fails_the_first_is_waited_for():
    providers = two()
    async with world(providers) as simulated:
        providers["second"][1].script = lambda call: broken()
        answer, took = await late(simulated, providers)

        assert answer.providers == ("first",)
        assert took == pytest.approx(2.0, abs=0.001)


async def test_closed_while_a_loser_is_under_way_it_leaves_nothing():
    providers = two()
    async with world(providers) as simulated:
        await late(simulated, providers)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


class Lognormal(Random):
    """Takes as long as networks do: lognormal around 80 ms, one in fifty two seconds."""

    def uniform(self, a, b):
        return 2.0 if self.random() < 0.02 else self.lognormvariate(-2.53, 0.35)


async def waits(settings):
    providers = {f"p{n}": (provider(), Remote(chance=Lognormal(n))) for n in range(3)}
    took = []
    async with world(providers, settings=settings, observed=False) as simulated:
        clock = simulated.mux.clock
        for n in range(5000):
            began = clock.monotonic()
            await simulated.mux.get(Quotes([f"S{n}"]))
            took.append(clock.monotonic() - began)
            await clock.sleep(max(0.0, began + 0.3 - clock.monotonic()))
        requests = sum(remote.requests for _, remote in providers.values())
    cuts = statistics.quantiles(took, n=1000)
    return cuts[499], cuts[989], cuts[998], requests / 5000 - 1


async def test_stragglers_are_cut_to_a_fifth_for_a_few_requests_more():
    without, with_hedges = await waits(OFF), await waits(None)

    assert without[1] > 1.6
    assert with_hedges[0] == pytest.approx(without[0], rel=0.05)
    assert with_hedges[1] <= without[1] / 5
    assert with_hedges[2] <= without[2]
    assert with_hedges[3] < 0.10
