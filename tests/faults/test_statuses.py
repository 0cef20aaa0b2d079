"""Faults told by a status that nothing else here shows: rows H1 to H19, each named in its test."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import provider
from simulated.remote import Remote, body, broken, refusal
from simulated.windows import Sliding

from feedmux import InvalidQuery, Quotes, Settings, UnknownSymbol, Window
from feedmux.breaker import State
from feedmux.clock import Chance
from feedmux.settings import EngineSettings
from feedmux.transport import Incoming

BTC = Quotes(["BTC"])
UNHEDGED = Settings(engine=EngineSettings(hedge=False))


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
        for number in range(20):
            with pytest.raises(InvalidQuery):
                await simulated.mux.get(Quotes([f"S{number}"]))
        remote.script = None

        assert len(await simulated.mux.get(BTC)) == 1
        assert simulated.mux.providers()[0].members[0].failures == 0


async def test_h10_a_404_for_everything_costs_a_try_each_and_the_next_answers() -> None:
    moved, well = Remote(script=lambda call: body({}, status=404)), Remote()
    providers = {"one": (provider(weight=1000), moved), "two": (provider(), well)}
    async with world(providers) as simulated:
        for number in range(8):
            answer = await simulated.mux.get(Quotes([f"S{number}"]))
            assert {item.provider for item in answer.items} == {"two"}


async def test_h4_a_refusal_that_tells_its_reset_in_another_header_closes_until_then() -> None:
    refusing = Remote(script=lambda call: Incoming(429, {"x-ratelimit-reset": "45"}, b""))
    async with world({"one": (provider(), refusing), "two": (provider(), Remote())}) as simulated:
        await simulated.mux.get(BTC, prefer=["one"])
        (waits,) = [row.wait for row in simulated.mux.providers() if row.name == "one"]

    assert waits == pytest.approx(45, abs=1)


async def test_h7_who_does_not_serve_this_place_is_asked_once_in_hours_and_the_next_answers() -> None:
    barred, well = Remote(script=lambda call: Incoming(451, {}, b"not in your country")), Remote()
    async with world({"one": (provider(weight=1000), barred), "two": (provider(), well)}) as simulated:
        for number in range(12):
            answer = await simulated.mux.get(Quotes([f"S{number}"]))
            assert {item.provider for item in answer.items} == {"two"}
            await simulated.mux.clock.sleep(1700)
        cause = next(row.cause for row in simulated.mux.providers() if row.name == "one")

    assert barred.requests == 1
    assert "does not serve this place" in cause


async def test_h10_who_answers_404_to_everything_is_soon_asked_no_more_and_comes_back() -> None:
    moved, well = Remote(), Remote()
    names = [f"S{number}" for number in range(40)]
    providers = {"one": (provider(weight=1000), moved), "two": (provider(), well)}
    async with world(providers) as simulated:
        for name in names:
            await simulated.mux.get(Quotes([name]))
        moved.script = lambda call: body({}, status=404)
        before = moved.requests
        for _ in range(20):
            for name in names:
                answer = await simulated.mux.get(Quotes([name]))
                assert {item.provider for item in answer.items} <= {"one", "two"}
            await simulated.mux.clock.sleep(61)
        asked = moved.requests - before
        closed = next(row for row in simulated.mux.providers() if row.name == "one")
        moved.script = None
        await simulated.mux.clock.sleep(400)
        for name in names[:5]:
            answer = await simulated.mux.get(Quotes([name]))

    assert asked <= 5 + 20
    assert closed.state is State.BLOCKED
    assert "404" in closed.cause
    assert {item.provider for item in answer.items} == {"one"}


@pytest.mark.parametrize("allowed", [10, 1])
async def test_h16_a_limit_lowered_in_silence_is_learned_at_the_cost_of_few_refusals(allowed: int) -> None:
    chance = Chance(3)
    lowered = Remote(Sliding(allowed, 60), chance=chance.generator("one"), keeps_calls=False)
    declared = provider(weight=1000, ttl=60, limits={"windows": (Window(60, 60),)})
    providers = {"one": (declared, lowered), "two": (provider(), Remote(keeps_calls=False))}
    async with world(providers, settings=UNHEDGED) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.at_random(1.0, 3600.0, chance.generator("callers"))
        (row,) = simulated.mux.ledger()
        for number in range(allowed + 5):
            await simulated.mux.get(Quotes([f"B{number}"]), prefer=["one"])
        skipped = simulated.mux.plan(Quotes(["ETH"])).events

    assert len(lowered.refusals) <= 4
    assert lowered.requests >= 0.7 * allowed * 60
    assert row.believed is not None
    assert row.limit == 60
    assert any(f"of {row.limit} declared" in getattr(event, "detail", "") for event in skipped)


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
    remote = Remote(script=lambda call: body({}, status=404) if "NOPE" in call.symbols[0] else None)
    async with world({"one": (provider(), remote)}) as simulated:
        for number in range(20):
            for _ in range(2):
                with pytest.raises(UnknownSymbol):
                    await simulated.mux.get(Quotes([f"NOPE{number}"]))
        assert remote.requests == 20

        assert len(await simulated.mux.get(BTC)) == 1
