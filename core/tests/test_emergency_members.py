"""A member may be for emergencies though its provider is not: asked where everything else failed, and one try more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from simulated.engine import world
from simulated.providers import endpoint, provider
from simulated.remote import Call, Remote, broken, refusal

from feedmux import Limits, Member, NoProvider, Quotes, Settings, Terms, Tier
from feedmux.breaker import State
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming

ALARM = "https://alarm.example"


def of_two(tier: Tier = Tier.PRIMARY, **limits: Any) -> Any:
    """A provider with a member of its own tier and one for emergencies."""
    alarm = Member("alarm", (ALARM,), limits=Limits(weight=1, tier=Tier.EMERGENCY), enabled=False)
    return provider(
        endpoint(Quotes, Terms(ttl=1)), members=(Member("plain", ()), alarm), limits={"tier": tier, **limits}
    )


def both(name: str = "two") -> Settings:
    return Settings(providers={name: ProviderSettings(members=("plain", "alarm"))})


class Hosts:
    """An upstream that answers at the hosts that are well."""

    def __init__(self, *ill: str, says: Incoming | None = None) -> None:
        self.ill = ill
        self.says = says or broken()
        self.asked: list[str] = []

    def __call__(self, call: Call) -> Incoming | None:
        self.asked.append(call.host)
        return self.says if call.host in self.ill else None


PLAIN = "https://api.example"


async def test_while_another_member_answers_it_is_never_asked():
    hosts = Hosts()
    async with world({"two": (of_two(), Remote(script=hosts))}, settings=both()) as w:
        for number in range(20):
            await w.mux.get(Quotes([f"S{number}"]))

    assert set(hosts.asked) == {PLAIN}


async def test_it_is_asked_where_the_others_failed_and_where_they_are_closed():
    hosts = Hosts(PLAIN, says=refusal(300))
    async with world({"two": (of_two(), Remote(script=hosts))}, settings=both()) as w:
        first = await w.mux.get(Quotes(["BTC"]))
        second = await w.mux.get(Quotes(["ETH"]))

    assert hosts.asked == [PLAIN, ALARM, ALARM]
    assert first.items
    assert second.items


async def test_every_other_provider_comes_before_it():
    hosts, last = Hosts(PLAIN), Remote()
    others = {"last": (provider(weight=1, limits={"tier": Tier.LAST_RESORT}), last)}
    async with world({"two": (of_two(), Remote(script=hosts)), **others}, settings=both()) as w:
        answer = await w.mux.get(Quotes(["BTC"]))

    assert answer.items[0].provider == "last"
    assert hosts.asked == [PLAIN]


async def test_it_is_one_try_more_than_three():
    hosts = Hosts(PLAIN)
    broken_ones = {f"p{n}": (provider(), Remote(script=lambda call: broken())) for n in range(4)}
    async with world({**broken_ones, "two": (of_two(), Remote(script=hosts))}, settings=both()) as w:
        answer = await w.mux.get(Quotes(["BTC"]))
        tried = sum(upstream.requests for _, upstream in broken_ones.values())

    assert answer.items
    assert tried + hosts.asked.count(PLAIN) == 3
    assert hosts.asked[-1] == ALARM


async def test_what_a_busy_member_cannot_take_at_once_waits_rather_than_raise_the_alarm():
    hosts = Hosts()
    plugin = of_two(concurrency=1)
    async with world({"two": (plugin, Remote(script=hosts))}, settings=both()) as w:
        await asyncio.gather(*(w.mux.get(Quotes([f"S{number}"])) for number in range(4)))

    assert set(hosts.asked) == {PLAIN}


async def test_it_is_off_until_the_operator_names_it():
    hosts = Hosts(PLAIN)
    async with world({"two": (of_two(), Remote(script=hosts))}) as w:
        with pytest.raises(NoProvider):
            await w.mux.get(Quotes(["BTC"]))
        (alarm,) = [one for one in w.mux.providers()[0].members if one.name == "two/alarm"]

    assert hosts.asked == [PLAIN]
    assert (alarm.state, alarm.cause) == (State.BLOCKED, "disabled in the configuration")


async def test_a_member_never_comes_before_its_providers_tier():
    eager = Member("eager", (ALARM,), limits=Limits(weight=1))
    plugin = provider(endpoint(Quotes, Terms(ttl=1)), members=(eager,), limits={"tier": Tier.LAST_RESORT})
    async with world({"late": (plugin, Remote()), "first": (provider(weight=1), Remote())}) as w:
        for number in range(10):
            await w.mux.get(Quotes([f"S{number}"]))

    assert w.order == ["first"] * 10
