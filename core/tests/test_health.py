"""A primary that failed is probed by its health check; one that refused is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from simulated.engine import at_rest, world
from simulated.load import Callers
from simulated.providers import provider
from simulated.remote import Remote, broken, refusal

from feedmux import Key, NoProvider, Quotes, Tier, Window, virtual
from feedmux.breaker import State
from feedmux.settings import settings_from
from feedmux.store import MemoryStore


def checks(remote):
    return [call.begun for call in remote.calls if call.path == "/health"]


def state(simulated, name):
    return next(row.state for row in simulated.mux.providers() if row.name == name)


async def fail_until_closed(simulated, remote):
    remote.fail()
    callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
    while state(simulated, "one") is not State.BLOCKED:
        await callers.ask()


async def test_it_is_probed_until_it_is_well_and_then_waits_for_a_question():
    remote = Remote()
    providers = {"one": (provider(), remote), "other": (provider(), Remote())}
    async with world(providers) as simulated:
        await fail_until_closed(simulated, remote)
        await simulated.mux.clock.sleep(600)
        assert len(checks(remote)) >= 3

        remote.script = None
        await simulated.mux.clock.sleep(400)

        assert state(simulated, "one") is State.RECOVERING
        probes = len(checks(remote))
        await simulated.mux.clock.sleep(1000)
        assert len(checks(remote)) == probes
        await simulated.mux.get(Quotes(["BTC"]), only=["one"])
        assert state(simulated, "one") is State.OPEN
        assert at_rest(simulated.mux)


async def test_a_probe_goes_only_once_its_backoff_is_over():
    remote = Remote()
    async with world({"one": (provider(), remote), "other": (provider(), Remote())}) as simulated:
        await fail_until_closed(simulated, remote)
        for _ in range(300):
            (row,) = (row for row in simulated.mux.providers() if row.name == "one")
            before = len(checks(remote))
            if row.wait:
                await simulated.mux.clock.sleep(row.wait * 0.99)
                assert len(checks(remote)) == before
            await simulated.mux.clock.sleep(1)


async def test_one_that_refuses_is_never_probed():
    remote = Remote(script=lambda call: refusal(60))
    async with world({"one": (provider(), remote)}) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))
        await simulated.mux.clock.sleep(3600)

        assert checks(remote) == []


@pytest.mark.parametrize("tier", [Tier.LAST_RESORT, Tier.EMERGENCY])
async def test_only_primaries_are_probed(tier):
    remote = Remote()
    providers = {"one": (provider(limits={"tier": tier}), remote)}
    async with world(providers) as simulated:
        await fail_until_closed(simulated, remote)
        await simulated.mux.clock.sleep(3600)

        assert checks(remote) == []


async def test_probes_leave_a_fifth_of_the_quota_to_questions():
    remote = Remote()
    providers = {"one": (provider(limits={"windows": (Window(10, 3600),)}), remote)}
    async with world(providers) as simulated:
        await fail_until_closed(simulated, remote)
        remote.script = lambda call: broken()
        await simulated.mux.clock.sleep(3000)

        assert remote.requests == 8


async def test_a_health_check_that_is_refused_closes_as_any_refusal_does():
    remote = Remote()
    async with world({"one": (provider(), remote), "other": (provider(), Remote())}) as simulated:
        await fail_until_closed(simulated, remote)
        remote.script = lambda call: refusal(900)
        await simulated.mux.clock.sleep(60)

        assert state(simulated, "one") is State.THROTTLED
        assert len(checks(remote)) == 1
        await simulated.mux.clock.sleep(3600)
        assert len(checks(remote)) == 1


KEY = Key(header="x-key", required=True)
WITH_KEY = settings_from({"providers": {"one": {"api_key": "k"}}}, {})


async def closed_by_faults(store):
    remote = Remote()
    async with world({"one": (provider(key=KEY), remote)}, store=store, settings=WITH_KEY) as simulated:
        await fail_until_closed(simulated, remote)


async def test_what_was_closed_by_faults_is_probed_after_a_restart_whatever_the_new_clock_reads():
    store, remote = MemoryStore(), Remote()
    await closed_by_faults(store)
    later = virtual.virtual_clock(virtual.START + timedelta(days=2))
    async with world(
        {"one": (provider(key=KEY), remote)}, store=store, settings=WITH_KEY, clock=later
    ) as simulated:
        assert state(simulated, "one") is State.RECOVERING
        await simulated.mux.clock.sleep(1)

        assert len(checks(remote)) == 1


async def test_one_that_has_lost_its_key_meanwhile_is_not_probed():
    store, remote = MemoryStore(), Remote()
    await closed_by_faults(store)
    async with world({"one": (provider(key=KEY), remote)}, store=store) as simulated:
        await simulated.mux.clock.sleep(600)

        assert remote.requests == 0
