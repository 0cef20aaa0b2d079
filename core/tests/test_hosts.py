"""A member's hosts in order: one that cannot be reached, or does not serve this place, is passed over for an hour."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote, body, broken, refusal, unreachable

from feedmux import Failure, NoProvider, Quotes, Unavailable, Window
from feedmux.breaker import NOT_HERE, State
from feedmux.event import Tried
from feedmux.transport import Incoming

FIRST, SECOND = "https://a.example", "https://b.example"


def two_hosts(first, **limits):
    """A provider with two hosts, the first of which answers as given."""
    remote = Remote(script=lambda call: first() if call.host == FIRST else None)
    return {"one": (provider(hosts=(FIRST, SECOND), limits=limits), remote)}, remote


def hosts(remote):
    return [call.host for call in remote.calls]


def not_here():
    return Incoming(451, {}, b"not in your country")


@pytest.mark.parametrize("fault", [not_here, unreachable])
async def test_the_next_host_is_asked_within_the_same_try(fault):
    providers, remote = two_hosts(fault)
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC"]))

        assert hosts(remote) == [FIRST, SECOND]
        assert len([event for event in answer.trace.events if isinstance(event, Tried)]) == 1


@pytest.mark.parametrize("fault", [not_here, unreachable])
async def test_the_host_is_passed_over_for_an_hour_and_then_asked_again(fault):
    providers, remote = two_hosts(fault)
    async with world(providers) as simulated:
        await simulated.mux.get(Quotes(["A"]))
        await simulated.mux.clock.sleep(3590)
        await simulated.mux.get(Quotes(["B"]))
        await simulated.mux.clock.sleep(20)
        await simulated.mux.get(Quotes(["C"]))

        assert hosts(remote) == [FIRST, SECOND, SECOND, FIRST, SECOND]


@pytest.mark.parametrize("fault", [broken, refusal])
async def test_a_host_that_fails_or_refuses_hands_nothing_on(fault):
    providers, remote = two_hosts(fault)
    async with world(providers) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))

        assert hosts(remote) == [FIRST]


async def test_where_no_host_serves_this_place_it_is_left_alone_for_hours_and_that_is_no_failure():
    remote = Remote(script=lambda call: not_here())
    async with world({"one": (provider(hosts=(FIRST, SECOND)), remote)}) as simulated:
        with pytest.raises(NoProvider, match="unavailable"):
            await simulated.mux.get(Quotes(["BTC"]))
        await simulated.mux.clock.sleep(NOT_HERE - 60)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))

        assert hosts(remote) == [FIRST, SECOND]
        (row,) = simulated.mux.providers()
        assert "does not serve this place" in row.cause
        assert row.members[0].failures == 0
        (score,) = [one.score for one in simulated.mux._fleet.rotations["quotes"].candidates]
        assert score.calls == 0

        remote.script = None
        await simulated.mux.clock.sleep(60)
        assert (await simulated.mux.get(Quotes(["BTC"]))).items
        assert simulated.mux.providers()[0].state is State.OPEN


@pytest.mark.parametrize("barred", [FIRST, SECOND])
async def test_a_place_not_served_by_one_host_says_nothing_of_another_that_is_down(barred):
    remote = Remote(script=lambda call: not_here() if call.host == barred else unreachable())
    async with world({"one": (provider(hosts=(FIRST, SECOND)), remote)}) as simulated:
        for name in "AB":
            with pytest.raises(NoProvider):
                await simulated.mux.get(Quotes([name]))

        assert simulated.mux.providers()[0].state is not State.BLOCKED


async def test_the_dictionary_may_say_for_how_long_it_is_not_served():
    line = Failure(Unavailable, status=404, wait=300)
    remote = Remote(script=lambda call: body({}, status=404))
    async with world({"one": (provider(errors=(line,)), remote)}) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))

        assert simulated.mux.providers()[0].wait == pytest.approx(300, abs=1)


async def test_a_second_host_that_was_sent_to_spends_a_permit_of_its_own():
    providers, _ = two_hosts(not_here, windows=(Window(10, 60),))
    async with world(providers) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))

        assert simulated.mux.ledger()[0].used == 2


async def test_where_nothing_was_sent_nothing_is_spent():
    providers, remote = two_hosts(unreachable, windows=(Window(10, 60),))
    async with world(providers) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        assert simulated.mux.ledger()[0].used == 1

        remote.script = lambda call: unreachable()
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["ETH"]))
        assert simulated.mux.ledger()[0].used == 1
