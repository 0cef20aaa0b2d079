"""Faults told by a status that nothing else here shows: rows H1 to H19, each named in its test."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote, body, broken, refusal

from feedmux import InvalidQuery, Quotes, UnknownSymbol
from feedmux.breaker import State

BTC = Quotes(["BTC"])


async def test_h1_h15_a_refusal_costs_one_request_however_often_it_is_asked_meanwhile() -> None:
    refusing, well = Remote(script=lambda call: refusal(60)), Remote()
    async with world({"one": (provider(weight=1000), refusing), "two": (provider(), well)}) as simulated:
        for _ in range(5):
            answer = await simulated.mux.get(BTC, prefer=["one"])
            await simulated.mux.clock.sleep(11)

    assert refusing.requests == 1
    assert {item.provider for item in answer.items} == {"two"}


async def test_h11_what_is_refused_as_our_mistake_is_held_against_nobody() -> None:
    remote = Remote(script=lambda call: body({"error": "bad symbol"}, status=400))
    async with world({"one": (provider(), remote)}) as simulated:
        for _ in range(8):
            with pytest.raises(InvalidQuery):
                await simulated.mux.get(BTC)
            await simulated.mux.clock.sleep(61)
        remote.script = None

        assert len(await simulated.mux.get(BTC)) == 1


async def test_h10_a_404_for_everything_costs_a_try_each_and_the_next_answers() -> None:
    moved, well = Remote(script=lambda call: body({}, status=404)), Remote()
    providers = {"one": (provider(weight=1000), moved), "two": (provider(), well)}
    async with world(providers) as simulated:
        for number in range(8):
            answer = await simulated.mux.get(Quotes([f"S{number}"]))
            assert {item.provider for item in answer.items} == {"two"}


async def test_h13_one_that_fails_every_second_time_costs_no_question_an_answer() -> None:
    calls = iter(range(10_000))
    flapping = Remote(script=lambda call: broken() if next(calls) % 2 else None)
    providers = {"one": (provider(), flapping), "two": (provider(), Remote())}
    async with world(providers) as simulated:
        for number in range(60):
            assert len(await simulated.mux.get(Quotes([f"S{number}"]))) == 1
        shares = simulated.order.count("one"), simulated.order.count("two")
        state = next(status.state for status in simulated.mux.providers() if status.name == "one")

    assert shares[0] < shares[1]
    assert state is not State.BLOCKED


async def test_h9_a_404_for_one_symbol_is_unknown_and_no_failure() -> None:
    remote = Remote(script=lambda call: body({}, status=404) if "NOPE" in call.symbols else None)
    async with world({"one": (provider(), remote)}) as simulated:
        for number in range(6):
            with pytest.raises(UnknownSymbol):
                await simulated.mux.get(Quotes(["NOPE"]))
            await simulated.mux.clock.sleep(61)
            assert len(await simulated.mux.get(Quotes([f"S{number}"]))) == 1
