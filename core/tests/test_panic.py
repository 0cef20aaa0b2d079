"""What was merely inferred never empties the pool; what a provider demanded stands."""

from __future__ import annotations

import asyncio

import pytest
from simulated.engine import at_rest, world
from simulated.load import Callers
from simulated.providers import provider
from simulated.remote import Remote, refusal

from feedmux import NoProvider, Quotes

BTC = Quotes(["BTC"])


async def all_closed_by_faults(simulated, remotes):
    """Fail, again and again, until our own count holds every member to be down for a while."""
    for remote in remotes:
        remote.fail()
    for round_ in range(100):
        callers = Callers(simulated.mux, lambda n, r=round_: Quotes([f"S{r}-{n}"]))
        await callers.in_bursts(40, 10)
        members = [provider.members[0] for provider in simulated.mux.providers()]
        if all(member.state.value == "blocked" and (member.wait or 0) > 20 for member in members):
            break
        await simulated.mux.clock.sleep(30)
    else:
        raise AssertionError("they never were all closed at once")
    for remote in remotes:
        remote.calls.clear()


def three():
    return {f"p{n}": (provider(), Remote()) for n in range(3)}


async def test_where_all_are_merely_held_to_be_down_one_is_asked():
    providers = three()
    remotes = [remote for _, remote in providers.values()]
    async with world(providers) as simulated:
        await all_closed_by_faults(simulated, remotes)
        await simulated.mux.clock.sleep(1)
        for remote in remotes:
            remote.script = None

        assert len(await simulated.mux.get(BTC)) == 1


async def test_a_crowd_gets_one_request_through_and_the_rest_is_refused():
    providers = three()
    remotes = [remote for _, remote in providers.values()]
    async with world(providers) as simulated:
        await all_closed_by_faults(simulated, remotes)
        await simulated.mux.clock.sleep(1)
        for remote in remotes:
            remote.calls.clear()
        asked = [simulated.mux.get(Quotes([f"T{n}"])) for n in range(50)]
        await asyncio.gather(*asked, return_exceptions=True)

        sent = sum(len(remote.calls) for remote in remotes)
        assert 1 <= sent <= 2  # the one asked in the panic and, where its new pause is short, its probe
        assert at_rest(simulated.mux)


async def test_an_answer_in_a_panic_opens_the_member():
    providers = three()
    remotes = [remote for _, remote in providers.values()]
    async with world(providers) as simulated:
        await all_closed_by_faults(simulated, remotes)
        await simulated.mux.clock.sleep(1)
        for remote in remotes:
            remote.script = None
        await simulated.mux.get(BTC)

        answers = await asyncio.gather(*(simulated.mux.get(Quotes([f"T{n}"])) for n in range(20)))

        assert all(len(answer) == 1 for answer in answers)


async def test_a_refusal_is_no_inference_and_no_panic_overrides_it():
    providers = three()
    remotes = [remote for _, remote in providers.values()]
    for remote in remotes:
        remote.script = lambda call: refusal(600)
    async with world(providers) as simulated:
        for n in range(5):
            with pytest.raises(NoProvider):
                await simulated.mux.get(Quotes([f"S{n}"]))
            await simulated.mux.clock.sleep(10)

        assert [len(remote.calls) for remote in remotes] == [1, 1, 1]


async def test_while_one_is_open_nobody_is_asked_in_a_panic():
    providers = three()
    remotes = [remote for _, remote in providers.values()]
    async with world({**providers, "open": (provider(weight=1), Remote())}) as simulated:
        for remote in remotes:
            remote.fail()
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.in_bursts(200, 40)
        asked = [len(remote.calls) for remote in remotes]
        await callers.in_bursts(100, 1)

        probes = [
            sum(call.path == "/health" for call in remote.calls[n:])
            for n, remote in zip(asked, remotes, strict=True)
        ]
        assert [len(remote.calls) for remote in remotes] == [
            n + p for n, p in zip(asked, probes, strict=True)
        ]
        assert callers.ended["fresh"] >= 100
