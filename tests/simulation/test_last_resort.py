"""A precious provider: spared while two others are well, spaced out when it is needed, left alone once it refuses."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from simulated.engine import world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote, broken, in_turn, refusal
from simulated.soundness import back_in_use, sound_run
from simulated.windows import Fixed, Spacing

from feedmux import Backoff, Quotes, Terms, Tier, Window
from feedmux.clock import Chance

INTERVAL = 10.0
LONGEST = 330.0
"""Seconds: the longest backoff, and until it is somebody's turn again."""
PRECIOUS = provider(
    endpoint(Quotes, Terms(ttl=300, batch=50)),
    weight=5,
    limits={
        "tier": Tier.LAST_RESORT,
        "windows": (Window(5, 60), Window(10_000, 31 * 86_400)),
        "min_interval": INTERVAL,
        "backoff": Backoff(steps=(120, 240, 600), blacklist_after=3),
    },
)


def scene():
    """Two common providers and the precious one."""
    chance = Chance(5)
    common = {name: (provider(), Remote(chance=chance.generator(name))) for name in ("daily", "plain")}
    rules = Spacing(INTERVAL), Fixed(5, 60, phase=17)
    precious = Remote(*rules, delays=(0.1, 0.4), chance=chance.generator("precious"))
    return {**common, "precious": (PRECIOUS, precious)}


def questions(n):
    return Quotes([f"S{n}"])


async def test_it_sees_no_request_while_two_others_are_well():
    providers = scene()
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, questions)
        await callers.at_random(10, 300, Chance(3).generator("callers"))
        sound_run(simulated, providers, callers.asked, callers.asked)

    assert providers["precious"][1].requests == 0
    assert callers.ended == {"fresh": callers.asked}


async def test_it_answers_when_the_others_fail_and_never_twice_within_its_interval():
    providers = scene()
    precious = providers["precious"][1]
    providers["daily"][1].fail()
    providers["plain"][1].fail()
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, questions)
        await callers.at_random(3, 600, Chance(3).generator("callers"))
        sound_run(simulated, providers, callers.asked, callers.asked)
        providers["daily"][1].script = providers["plain"][1].script = None
        well = simulated.mux.clock.monotonic()
        await callers.at_random(3, LONGEST, Chance(3).generator("afterwards"))
        back_in_use(simulated, ("daily", "plain"), well, LONGEST)
        spared = precious.requests
        await callers.at_random(3, 60, Chance(3).generator("later"))
        assert precious.requests == spared

    begun = [call.begun for call in precious.calls]
    assert len(begun) > 40
    assert all(later - earlier >= INTERVAL for earlier, later in pairwise(begun))
    assert precious.refusals == []
    assert callers.ended["fresh"] > 40


async def test_it_is_left_alone_for_120_s_after_its_first_refusal_and_240_s_after_the_next():
    providers = scene()
    precious = providers["precious"][1]
    providers["daily"][1].fail()
    providers["plain"][1].fail()
    precious.script = in_turn(None, refusal(), refusal(), None)
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, questions)
        await callers.at_random(3, 480, Chance(3).generator("callers"))
        sound_run(simulated, providers, callers.asked, callers.asked)

    answered, refused, again, well = (call.begun for call in precious.calls[:4])
    assert refused - answered >= INTERVAL
    assert 120 <= again - refused < 123
    assert 240 <= well - again < 243


async def test_it_sees_nothing_while_it_refuses_even_where_everybody_else_is_down():
    providers = scene()
    precious = providers["precious"][1]
    providers["daily"][1].fail()
    providers["plain"][1].fail()
    precious.script = in_turn(refusal())
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, questions)
        await callers.every(0.5, 20)
        asked_for = precious.requests
        await asyncio.gather(*(callers.ask() for _ in range(50)))
        sound_run(simulated, providers, callers.asked, callers.asked)

    assert asked_for == precious.requests == 1
    assert set(callers.ended) == {"no-provider"}


async def test_background_work_never_spends_what_it_has():
    providers = scene()
    precious = providers["precious"][1]
    for _, remote in providers.values():
        remote.script = in_turn(broken())
    async with world(providers) as simulated:
        await Callers(simulated.mux, questions).every(1, 60)
        probed = len(simulated.order)
        precious.calls.clear()
        await simulated.mux.clock.sleep(1200)

    assert len(simulated.order) > probed  # the others are probed
    assert precious.calls == []
