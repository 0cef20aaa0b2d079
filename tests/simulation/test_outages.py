"""Whatever happens to the providers: every question ends in time, and all is as before once they are well again."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote, broken, refusal
from simulated.remote import body as answer
from simulated.soundness import back_in_use, sound_run

from feedmux import BadPayload, Gas, NoProvider, Quotes, Terms, UpstreamDown, UpstreamTimeout
from feedmux.clock import Chance
from feedmux.transport import Incoming

LONGEST = 330.0
"""Seconds: the longest backoff, and until it is somebody's turn again."""
WEIGHTS = {"north": 40, "east": 30, "south": 20, "west": 10}
FAULTS = {
    "refuses": lambda: refusal(5),
    "is down": broken,
    "says junk": lambda: Incoming(200, {}, b"<html>we will be back</html>"),
    "says nothing": lambda: answer({"prices": {}}),
    "breaks connections": lambda: UpstreamDown("broke the connection"),
    "cannot be reached": lambda: UpstreamDown("cannot be reached", sent=False),
    "times out": lambda: UpstreamTimeout("did not answer in time"),
    "sends too much": lambda: BadPayload("the body is larger than 16777216 bytes"),
    "lies in the type": lambda: answer({"prices": {"BTC": "a lot"}}),
}


def four(chance):
    serves = (endpoint(Quotes, Terms(ttl=2, batch=5)), endpoint(Gas, Terms(ttl=2)))
    return {
        name: (provider(*serves, weight=weight), Remote(chance=chance.generator(name)))
        for name, weight in WEIGHTS.items()
    }


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outage_of_one_provider_is_not_noticed(fault):
    chance = Chance(2)
    providers = four(chance)
    providers["north"][1].script = lambda call: FAULTS[fault]()
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.at_random(10, 120, chance.generator("callers"))
        providers["north"][1].script, well = None, simulated.mux.clock.monotonic()
        await callers.at_random(2, LONGEST, chance.generator("afterwards"))
        sound_run(simulated, providers, callers.asked, callers.asked)
        back_in_use(simulated, providers, well, LONGEST)

    assert callers.ended == {"fresh": callers.asked}


async def test_a_provider_that_hangs_costs_no_more_than_its_share_of_the_deadline():
    chance = Chance(2)
    providers = four(chance)
    providers["north"][1].delays = (1e6, 1e6)
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]), deadline=6.0)
        await callers.at_random(10, 120, chance.generator("callers"))
        sound_run(simulated, providers, callers.asked, callers.asked)

    assert callers.ended == {"fresh": callers.asked}
    assert callers.longest <= 2.0 + 0.1
    assert providers["north"][1].requests < 40  # each of them a time-out, and a pause after every five


@pytest.mark.parametrize("seed", range(8))
async def test_faults_at_random_are_survived_and_afterwards_shares_are_what_they_were(seed):
    chance = Chance(seed)
    providers = four(chance)
    dice = chance.generator("faults")
    ills = list(FAULTS.values())

    def ill(call):
        return dice.choice(ills)() if dice.random() < 0.6 else None

    async with world(providers, seed=seed) as simulated:
        callers = Callers(simulated.mux, lambda n: Gas(f"{n}") if n % 4 else Quotes([f"A{n % 40}", "BTC"]))
        for _, remote in providers.values():
            remote.script = ill
        await callers.at_random(10, 60, chance.generator("callers"))
        sound_run(simulated, providers, callers.asked, 2 * callers.asked)
        well = simulated.mux.clock.monotonic()
        for _, remote in providers.values():
            remote.script = None
        await callers.at_random(4, LONGEST, chance.generator("waiting"))
        back_in_use(simulated, providers, well, LONGEST)
        before, since = callers.ended.copy(), len(simulated.order)
        await callers.at_random(10, 120, chance.generator("callers"))

        assert callers.ended - before == {"fresh": callers.asked - before.total()}
        shares = Counter(simulated.order[since:])
        for name, weight in WEIGHTS.items():
            assert 100 * shares[name] / shares.total() == pytest.approx(weight, abs=10)
        sound_run(simulated, providers, callers.asked, 2 * callers.asked)


async def test_while_all_are_down_what_was_known_is_served_and_marked_stale():
    providers = four(Chance(1))
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n % 10}"]))
        await callers.every(1, 20)
        assert callers.ended == {"fresh": 20}
        for _, remote in providers.values():
            remote.fail()
        await simulated.mux.clock.sleep(11)
        await callers.every(1, 600)

        assert callers.ended == {"fresh": 20, "stale": 600}
        await simulated.mux.clock.sleep(3600)
        await callers.every(1, 20)
        assert callers.ended["no-provider"] == 20
        sound_run(simulated, providers, callers.asked, callers.asked)


async def test_while_all_are_down_the_upstreams_see_at_most_one_question_a_second():
    providers = four(Chance(1))
    for _, remote in providers.values():
        remote.fail()
    async with world(providers, observed=False) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.at_random(50, 10, Chance(1).generator("callers"))
        already = len(simulated.order)
        await callers.at_random(50, 60, Chance(2).generator("callers"))

        assert 50 <= len(simulated.order) - already <= 61
        assert set(callers.ended) == {"no-provider"}


async def test_refusals_of_all_stop_all_traffic_until_the_first_reopens():
    providers = four(Chance(1))
    for wait, (_, remote) in zip((40, 30, 50, 60), providers.values(), strict=True):
        remote.script = lambda call, wait=wait: refusal(wait)
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.every(0.1, 3)
        assert len(simulated.order) == 4

        await asyncio.gather(*(callers.ask() for _ in range(30)))
        await callers.every(0.1, 20)
        assert len(simulated.order) == 4

        sound_run(simulated, providers, callers.asked, callers.asked)
        with pytest.raises(NoProvider) as refused:
            await simulated.mux.get(Quotes(["BTC"]))
        first = providers["east"][1].calls[0].begun + 30
        assert refused.value.retry_after == pytest.approx(first - simulated.mux.clock.monotonic(), abs=1.1)
