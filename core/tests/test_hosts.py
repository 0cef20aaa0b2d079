"""A member's hosts in order: one that cannot be reached, or does not serve this place, is passed over for an hour."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote, broken, refusal, unreachable

from feedmux import NoProvider, Quotes, Window
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


async def test_where_no_host_serves_this_place_the_member_has_failed():
    remote = Remote(script=lambda call: not_here())
    async with world({"one": (provider(hosts=(FIRST, SECOND)), remote)}) as simulated:
        with pytest.raises(NoProvider, match="unavailable"):
            await simulated.mux.get(Quotes(["BTC"]))

        assert hosts(remote) == [FIRST, SECOND]


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
