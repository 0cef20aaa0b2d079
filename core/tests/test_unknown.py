"""A symbol that nobody knows is asked once a minute at most, and is nobody's fault."""

from __future__ import annotations

from contextlib import suppress

import pytest
from simulated.engine import at_rest, world
from simulated.providers import LISTING, endpoint, provider
from simulated.remote import Remote, asked_for, body, broken

from feedmux import Failure, Gas, NoProvider, Quotes, Terms, UnknownSymbol
from feedmux.breaker import State
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


async def asked(mux, names):
    for name in names:
        with suppress(NoProvider, UnknownSymbol):
            await mux.get(Quotes([name]), max_age=0.001)


def state_of(mux, name="one"):
    return next(row.state for row in mux.providers() if row.name == name)


FIVE = ["A", "B", "C", "D", "E"]


async def test_who_answers_404_to_five_in_a_row_that_it_answered_before_is_down_until_a_probe_is_answered():
    remote = Remote()
    async with world({"one": (provider(ttl=1), remote)}) as simulated:
        await asked(simulated.mux, FIVE)
        await simulated.mux.clock.sleep(2)
        remote.script = not_found
        await asked(simulated.mux, FIVE[:4])
        assert state_of(simulated.mux) is State.OPEN
        await asked(simulated.mux, FIVE[4:])
        assert state_of(simulated.mux) is State.BLOCKED

        await simulated.mux.clock.sleep(300)
        assert state_of(simulated.mux) in (State.BLOCKED, State.RECOVERING)
        before = len(asked_for(remote))
        await simulated.mux.clock.sleep(3600)
        assert len(asked_for(remote)) == before

        remote.script = None
        await simulated.mux.clock.sleep(400)
        assert (await simulated.mux.get(Quotes(["A"]), max_age=0.001)).items
        assert state_of(simulated.mux) is State.OPEN


async def test_one_answer_in_between_begins_the_row_anew():
    remote = Remote()
    async with world({"one": (provider(ttl=1), remote)}) as simulated:
        await asked(simulated.mux, [*FIVE, "F", "G"])
        await simulated.mux.clock.sleep(2)
        remote.script = lambda call: None if call.symbols == ["G"] else not_found(call)
        await asked(simulated.mux, [*FIVE[:4], "G", FIVE[4], "F"])

        assert state_of(simulated.mux) is State.OPEN


async def test_what_its_own_listing_has_is_there():
    def script(call):
        return body({"names": [*FIVE, "F"]}) if call.path == "/listing" else not_found(call)

    plugin = provider(endpoint(Quotes, Terms(ttl=1)), listing=LISTING)
    async with world({"one": (plugin, Remote(script=script))}) as simulated:
        await asked(simulated.mux, FIVE)

        assert state_of(simulated.mux) is State.BLOCKED


async def test_who_never_answered_anything_is_measured_by_what_others_answer():
    providers = {"one": (provider(weight=1000), Remote(script=not_found)), "two": (provider(), Remote())}
    async with world(providers) as simulated:
        await asked(simulated.mux, FIVE)

        assert state_of(simulated.mux) is State.BLOCKED


async def test_who_has_answered_is_not_hurt_by_what_only_others_know():
    def script(call):
        return None if call.symbols == ["BTC"] else not_found(call)

    providers = {"one": (provider(weight=1000), Remote(script=script)), "two": (provider(), Remote())}
    async with world(providers) as simulated:
        await asked(simulated.mux, ["BTC", *(f"S{n}" for n in range(30))])

        assert state_of(simulated.mux) is State.OPEN


async def test_a_404_that_the_dictionary_explains_shows_that_it_is_well():
    said = Failure(UnknownSymbol, status=404, path="error", contains="not found")
    providers = {
        "one": (provider(weight=1000, errors=(said,)), Remote(script=not_found)),
        "two": (provider(), Remote()),
    }
    async with world(providers) as simulated:
        await asked(simulated.mux, [f"S{n}" for n in range(30)])

        assert state_of(simulated.mux) is not State.BLOCKED


async def test_a_health_check_that_is_gone_is_no_good_health():
    remote = Remote(script=lambda call: broken())
    async with world({"one": (provider(), remote)}) as simulated:
        await asked(simulated.mux, FIVE)
        remote.script = lambda call: not_found(call) if call.path == "/health" else None
        await simulated.mux.clock.sleep(1000)

        assert state_of(simulated.mux) is State.BLOCKED


async def test_while_it_is_lost_a_404_to_what_nobody_knows_opens_nothing():
    here = Remote(script=lambda call: None if call.path == "/health" else not_found(call))
    providers = {"one": (provider(weight=1000), here), "two": (provider(), Remote())}
    async with world(providers) as simulated:
        await asked(simulated.mux, FIVE)
        providers["two"][1].script = not_found
        await simulated.mux.clock.sleep(400)
        with pytest.raises(UnknownSymbol):
            await simulated.mux.get(NOPE)

        assert state_of(simulated.mux) is not State.OPEN


async def test_a_symbol_is_not_unknown_because_its_listing_took_the_last_permit_of_an_interval():
    remote = Remote(script=lambda call: body({"names": ["BTC"]}) if call.path == "/listing" else None)
    plugin = provider(endpoint(Quotes, Terms(ttl=1)), listing=LISTING, limits={"min_interval": 2.0})
    async with world({"one": (plugin, remote)}) as simulated:
        assert (await simulated.mux.get(Quotes(["BTC"]))).items

    first, second = (call.begun for call in remote.calls)
    assert second - first >= 2.0
