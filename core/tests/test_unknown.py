"""A symbol that nobody knows is asked once a minute at most, and is nobody's fault."""

from __future__ import annotations

import pytest
from simulated.engine import at_rest, world
from simulated.providers import LISTING, endpoint, provider
from simulated.remote import Remote, asked_for, body, broken

from feedmux import Gas, NoProvider, Quotes, Terms, UnknownSymbol
from feedmux.transport import Incoming

NOPE = Quotes(["NOPE"])


def not_found(call):
    return Incoming(404, {}, b'{"error": "not found"}')


def lacks(*names):
    return lambda call: body({"prices": {s: 1.0 for s in call.symbols if s not in names}})


@pytest.mark.parametrize("script", [not_found, lacks("NOPE")], ids=["404", "left out"])
async def test_an_unknown_symbol_is_remembered_for_60_s(script):
    remote = Remote(script=script)
    async with world({"one": (provider(), remote)}) as simulated:
        for _ in range(50):
            with pytest.raises(UnknownSymbol, match="NOPE is unknown to one"):
                await simulated.mux.get(NOPE)
            await simulated.mux.clock.sleep(1)
        assert remote.requests == 1

        await simulated.mux.clock.sleep(17)
        with pytest.raises(UnknownSymbol):
            await simulated.mux.get(NOPE)
        assert remote.requests == 2


async def test_it_is_unknown_only_where_all_who_could_know_say_so():
    providers = {"one": (provider(), Remote(script=not_found)), "two": (provider(), Remote())}
    providers["two"][1].script = lambda call: broken()
    async with world(providers) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(NOPE)

        providers["two"][1].script = not_found
        with pytest.raises(UnknownSymbol, match="one, two"):
            await simulated.mux.get(NOPE)


async def test_another_provider_may_know_it():
    providers = {"one": (provider(), Remote(script=not_found)), "two": (provider(), Remote())}
    async with world(providers) as simulated:
        assert (await simulated.mux.get(NOPE, prefer=["one"])).providers == ("two",)


async def test_not_knowing_is_no_failure():
    remote = Remote(script=not_found)
    async with world({"one": (provider(), remote)}) as simulated:
        for n in range(30):
            with pytest.raises(UnknownSymbol):
                await simulated.mux.get(Quotes([f"S{n}"]))
        remote.script = None

        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1
        (row,) = simulated.mux.providers()
        assert row.members[0].failures == 0
        assert at_rest(simulated.mux)


async def test_of_several_symbols_the_unknown_one_is_missing_and_says_why():
    remote = Remote(script=lacks("NOPE"))
    async with world({"one": (provider(batch=10), remote)}) as simulated:
        answer = await simulated.mux.get(Quotes("BTC,NOPE,ETH"))

        assert [item.symbol for item in answer] == ["BTC", "ETH"]
        assert {name: why.reason for name, why in answer.missing.items()} == {"NOPE": "unknown-symbol"}
        assert asked_for(remote) == [["BTC", "NOPE", "ETH"]]


async def test_a_404_to_a_question_without_a_symbol_means_the_provider_is_down():
    providers = {"one": (provider(endpoint(Gas, Terms(ttl=5))), Remote(script=not_found))}
    async with world(providers) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Gas())


async def test_a_symbol_is_not_unknown_because_its_listing_took_the_last_permit_of_an_interval():
    remote = Remote(script=lambda call: body({"names": ["BTC"]}) if call.path == "/listing" else None)
    plugin = provider(endpoint(Quotes, Terms(ttl=1)), listing=LISTING, limits={"min_interval": 2.0})
    async with world({"one": (plugin, remote)}) as simulated:
        assert (await simulated.mux.get(Quotes(["BTC"]))).items

    first, second = (call.begun for call in remote.calls)
    assert second - first >= 2.0
