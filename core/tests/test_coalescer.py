"""Who asks the same waits for the same answer, and nobody's leaving or error is another's."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import at_rest, world
from simulated.providers import endpoint, provider
from simulated.remote import Remote, asked_for, body

from feedmux import Gas, Quotes, Terms, UnknownSymbol, Window, virtual
from feedmux.event import Joined, Tried
from feedmux.transport import Incoming

BTC = Quotes(["BTC"])


def one(remote, *, batch=1, **limits):
    serves = (endpoint(Quotes, Terms(ttl=60, batch=batch)), endpoint(Gas, Terms(ttl=60)))
    return {"one": (provider(*serves, limits=limits), remote)}


@pytest.mark.parametrize("question", [BTC, Gas()])
async def test_a_thousand_identical_questions_are_one_request(question):
    remote = Remote()
    async with world(one(remote)) as simulated:
        answers = await asyncio.gather(*(simulated.mux.get(question) for _ in range(1000)))

        assert remote.requests == 1
        assert len({answer.items for answer in answers}) == 1
        assert sum(isinstance(event, Joined) for answer in answers for event in answer.trace.events) == 999


@pytest.mark.parametrize("question", [BTC, Gas()])
async def test_where_the_first_is_cancelled_the_others_are_answered_by_one_request(question):
    remote = Remote(delays=(0.5, 0.5))
    async with world(one(remote)) as simulated:
        first = asyncio.create_task(simulated.mux.get(question))
        await simulated.mux.clock.sleep(0)
        others = [asyncio.create_task(simulated.mux.get(question)) for _ in range(9)]
        await simulated.mux.clock.sleep(0.2)
        first.cancel()

        answers = await asyncio.gather(*others)

        assert first.cancelled()
        assert [len(answer) for answer in answers] == [1] * 9
        assert remote.requests == 1


@given(st.lists(st.floats(0, 0.7), min_size=1, max_size=5))
def test_whoever_leaves_whenever_the_rest_is_answered_by_one_request(moments):
    async def main():
        remote = Remote(delays=(0.5, 0.5))
        async with world(one(remote)) as simulated:
            asking = [asyncio.create_task(simulated.mux.get(BTC)) for _ in range(6)]
            begun = simulated.mux.clock.monotonic()
            for moment, task in zip(sorted(moments), asking, strict=False):
                await simulated.mux.clock.sleep(max(0.0, begun + moment - simulated.mux.clock.monotonic()))
                task.cancel()
            ends = await asyncio.gather(*asking, return_exceptions=True)
            assert all(len(end) == 1 for end in ends[len(moments) :])
            assert remote.requests == 1
            assert at_rest(simulated.mux)

    virtual.run(main())


async def test_where_all_are_cancelled_the_answer_still_ends_in_the_cache():
    remote = Remote(delays=(0.5, 0.5))
    async with world(one(remote)) as simulated:
        asking = [asyncio.create_task(simulated.mux.get(BTC)) for _ in range(3)]
        await simulated.mux.clock.sleep(0.2)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await simulated.mux.clock.sleep(0.5)

        await simulated.mux.get(BTC)

        assert remote.requests == 1


async def test_cancellation_leaves_at_once():
    async with world(one(Remote(delays=(4.0, 4.0)))) as simulated:
        task = asyncio.create_task(simulated.mux.get(BTC))
        await simulated.mux.clock.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert simulated.mux.clock.monotonic() < 1.01


async def test_quotes_asked_for_within_ten_milliseconds_share_requests_of_up_to_batch_symbols():
    remote = Remote()
    async with world(one(remote, batch=50, concurrency=100)) as simulated:
        answers = await asyncio.gather(*(simulated.mux.get(Quotes([f"S{n}"])) for n in range(1000)))

        assert [answer.items[0].symbol for answer in answers] == [f"S{n}" for n in range(1000)]
        assert sorted(len(symbols) for symbols in asked_for(remote)) == [50] * 20


async def test_a_lone_quote_does_not_wait_for_company():
    async with world(one(Remote(delays=(0.1, 0.1)), batch=50)) as simulated:
        await simulated.mux.get(BTC)

        assert simulated.mux.clock.monotonic() == pytest.approx(0.1, abs=1e-6)


async def test_those_who_follow_it_wait_at_most_ten_milliseconds():
    async with world(one(Remote(delays=(0.1, 0.1)), batch=50)) as simulated:
        first = asyncio.create_task(simulated.mux.get(BTC))
        await simulated.mux.clock.sleep(0.001)
        await simulated.mux.get(Quotes(["ETH"]))

        assert simulated.mux.clock.monotonic() <= 0.1 + 0.010 + 1e-6
        await first


async def test_questions_in_different_currencies_share_nothing():
    remote = Remote()
    async with world(one(remote, batch=50)) as simulated:
        answers = await asyncio.gather(*(simulated.mux.get(Quotes(["BTC"], vs=vs)) for vs in ("USD", "EUR")))

        assert [answer.items[0].vs for answer in answers] == ["USD", "EUR"]
        assert remote.requests == 2


def refuses_with(bad, status):
    """An upstream that refuses a whole batch for one bad item."""

    def script(call):
        if set(call.symbols) & set(bad):
            return Incoming(status, {}, b'{"error": "bad symbol"}')
        return body({"prices": dict.fromkeys(call.symbols, 1.0)})

    return script


@pytest.mark.parametrize(("status", "slug"), [(400, "invalid-query"), (404, "unknown-symbol")])
@pytest.mark.parametrize("position", range(8))
async def test_a_batch_refused_for_one_item_is_halved_and_only_that_one_fails(status, slug, position):
    symbols = [f"S{n}" for n in range(8)]
    remote = Remote(script=refuses_with([symbols[position]], status))
    async with world(one(remote, batch=8, windows=(Window(100, 60),))) as simulated:
        asking = (simulated.mux.get(Quotes([symbol])) for symbol in symbols)
        ends = await asyncio.gather(*asking, return_exceptions=True)

        assert ends.pop(position).slug == slug
        assert [len(answer) for answer in ends] == [1] * 7
        sizes = [len(asked) for asked in asked_for(remote)]
        assert sorted(sizes, reverse=True) == [8, 4, 4, 2, 2, 1, 1]  # halved log2(8) = 3 times
        assert simulated.mux.ledger()[0].used == len(sizes)


async def test_an_answer_that_knows_none_of_a_batch_is_not_asked_for_again_in_halves():
    remote = Remote(script=lambda call: body({"prices": {}}))
    async with world(one(remote, batch=8)) as simulated:
        with pytest.raises(UnknownSymbol):
            await simulated.mux.get(Quotes([f"S{n}" for n in range(8)]))

        assert remote.requests == 1


async def test_every_half_takes_a_turn():
    remotes = {
        name: Remote(script=refuses_with(["S0"], 404) if name == "one" else None) for name in ("one", "two")
    }
    serves = endpoint(Quotes, Terms(ttl=60, batch=8))
    async with world({name: (provider(serves), remote) for name, remote in remotes.items()}) as simulated:
        await simulated.mux.get(Quotes([f"S{n}" for n in range(8)]), prefer=["one"])
        tries = [event for event in simulated.events if isinstance(event, Tried) and event.member == "one"]

        assert len(tries) == remotes["one"].requests == 7


async def test_a_batch_that_lacks_some_is_completed_by_another_provider():
    half = Remote(script=lambda call: body({"prices": {s: 1.0 for s in call.symbols if s in ("A", "B")}}))
    providers = {
        "half": (provider(endpoint(Quotes, Terms(ttl=60, batch=10))), half),
        "whole": (provider(endpoint(Quotes, Terms(ttl=60, batch=10))), Remote()),
    }
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes("A,B,C,D"), prefer=["half"])

        assert {item.symbol: item.provider for item in answer} == {
            "A": "half",
            "B": "half",
            "C": "whole",
            "D": "whole",
        }
        assert asked_for(providers["whole"][1]) == [["C", "D"]]


async def test_symbols_inside_their_ttl_are_left_out_of_the_call():
    remote = Remote()
    async with world(one(remote, batch=10)) as simulated:
        await simulated.mux.get(Quotes("A,B"))
        await simulated.mux.clock.sleep(11)
        answer = await simulated.mux.get(Quotes("A,B,C,D"))

        assert asked_for(remote) == [["A", "B"], ["C", "D"]]
        assert {item.symbol: item.stale for item in answer} == {"A": True, "B": True, "C": False, "D": False}


async def test_a_question_for_some_that_are_under_way_asks_only_for_the_rest():
    remote = Remote(delays=(0.5, 0.5))
    async with world(one(remote, batch=10)) as simulated:
        first = asyncio.create_task(simulated.mux.get(Quotes("A,B")))
        await simulated.mux.clock.sleep(0.1)
        await simulated.mux.get(Quotes("B,C"))

        assert asked_for(remote) == [["A", "B"], ["C"]]
        await first


async def test_a_failed_flight_is_one_error_for_all_who_wait_for_it():
    remote = Remote()
    remote.fail()
    async with world(one(remote)) as simulated:
        ends = await asyncio.gather(*(simulated.mux.get(BTC) for _ in range(50)), return_exceptions=True)

        assert {end.slug for end in ends} == {"no-provider"}
        assert remote.requests == 1


async def test_closing_the_engine_tells_everybody_who_waits():
    async with world(one(Remote(delays=(4.0, 4.0)))) as simulated:
        asking = [asyncio.create_task(simulated.mux.get(Quotes([f"S{n}"]))) for n in range(5)]
        await simulated.mux.clock.sleep(0.1)

    ends = await asyncio.gather(*asking, return_exceptions=True)
    assert {end.slug for end in ends} == {"no-provider"}
    assert at_rest(simulated.mux)
