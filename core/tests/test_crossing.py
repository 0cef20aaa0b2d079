"""Cross-checked: several of different origin are asked at once, and nobody's word is averaged with its contradiction."""

from __future__ import annotations

import asyncio

import pytest
from simulated.engine import at_rest, sound, world
from simulated.providers import endpoint, provider
from simulated.remote import Remote, body, broken

from feedmux import (
    Candles,
    InvalidQuery,
    Limits,
    Member,
    NoConsensus,
    NoProvider,
    Provider,
    Quotes,
    Request,
    Terms,
    Tier,
    UnknownSymbol,
    Window,
)
from feedmux.event import Compared, Held, Joined, Reason, Skipped
from feedmux.transport import Incoming

BTC = Quotes(["BTC"])


def saying(price, **how):
    """A provider that says this price, and its upstream."""
    remote = Remote()
    remote.prices = dict.fromkeys(("BTC", "ETH", "SOL"), price)
    return provider(**how), remote


def three(first=100.0, second=101.0, third=102.0, **how):
    return {"one": saying(first, **how), "two": saying(second, **how), "three": saying(third, **how)}


async def test_three_that_agree_are_asked_at_once_and_the_median_is_the_answer():
    async with world(three()) as simulated:
        began = simulated.mux.clock.monotonic()
        answer = await simulated.mux.get(BTC, cross_check=True)

        (item,) = answer.items
        assert (item.price, item.provider, item.origin) == (101.0, "consensus", "one, three, two")
        assert sorted(simulated.order) == ["one", "three", "two"]
        assert simulated.mux.clock.monotonic() - began <= 0.1
        sound(answer)
        assert at_rest(simulated.mux)


async def test_one_that_lies_by_a_tenth_is_named_left_out_and_held_against_it():
    async with world(three(third=111.0)) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)
        crossed = answer.crossed["BTC"]
        (held,) = [event for event in answer.trace.events if isinstance(event, Held)]

        assert (answer.items[0].price, answer.items[0].origin) == (100.5, "one, two")
        assert crossed.sources == len(crossed.all_prices) == 3
        assert [voice.member for voice in crossed.voices if not voice.agrees] == ["three"]
        assert crossed.variance > Quotes.tolerance
        assert (held.member, held.what) == ("three", "BTC")
        assert [calls_of(simulated, name) for name in ("one", "two", "three")] == [1, 1, 2]


def calls_of(simulated, name):
    """Outcomes booked in that provider's score: one for its answer, one more where it stood apart."""
    return next(
        one.score.calls for one in simulated.mux._fleet.rotations["quotes"].candidates if one.name == name
    )


async def test_two_that_disagree_are_no_consensus_said_as_such_with_both_values():
    async with world({"one": saying(100.0), "two": saying(110.0)}) as simulated:
        with pytest.raises(NoConsensus, match="BTC: no consensus, heard one 100, two 110") as refused:
            await simulated.mux.get(BTC, cross_check=True)

        crossed = refused.value.crossed["BTC"]
        assert (crossed.price, crossed.median, crossed.confidence) == (None, None, 0.0)
        assert crossed.all_prices == (100.0, 110.0)
        assert (refused.value.status, refused.value.retry_after) == (503, pytest.approx(10, abs=0.2))
        assert {calls_of(simulated, name) for name in ("one", "two")} == {1}


async def test_of_several_symbols_one_without_consensus_is_missing_and_still_told():
    providers = three()
    providers["three"][1].script = lambda call: broken()
    providers["two"][1].prices["ETH"] = 200.0
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC", "ETH"]), cross_check=True)

        assert [item.symbol for item in answer.items] == ["BTC"]
        assert answer.missing["ETH"].reason == "no-consensus"
        assert (answer.crossed["BTC"].price, answer.crossed["ETH"].price) == (100.5, None)
        assert answer.crossed["BTC"].left_out == {"three": "answered 500: internal error"}
        assert set(answer.document()["crossed"]) == {"BTC", "ETH"}


async def test_what_is_fresh_in_the_cache_has_a_voice_and_is_not_asked_again():
    providers = three(ttl=60)
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, only="one")
        await simulated.mux.clock.sleep(5)
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert answer.crossed["BTC"].sources == 3
        assert {name: remote.requests for name, (_, remote) in providers.items()} == dict.fromkeys(
            providers, 1
        )


async def test_what_is_stale_is_left_out_and_said_to_be():
    providers = three(ttl=60)
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, only="one")
        await simulated.mux.clock.sleep(11)
        crossed = (await simulated.mux.get(BTC, cross_check=True)).crossed["BTC"]

        assert [voice.member for voice in crossed.voices] == ["two", "three"]
        assert crossed.left_out["one"].startswith("asked a moment ago")
        assert providers["one"][1].requests == 1


async def test_one_too_slow_for_the_deadline_is_left_out_and_the_others_answer():
    providers = three()
    providers["three"][1].delays = (60.0, 60.0)
    async with world(providers) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True, deadline=2.0)

        assert answer.items[0].price == 100.5
        assert "three" in answer.crossed["BTC"].left_out
        await simulated.mux.clock.sleep(60)
        assert at_rest(simulated.mux)


async def test_one_that_is_closed_is_not_asked_and_named():
    providers = three()
    providers["two"][1].script = lambda call: Incoming(429, {"retry-after": "60"}, b"{}")
    async with world(providers) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(BTC, only="two")
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert [voice.member for voice in answer.crossed["BTC"].voices] == ["one", "three"]
        assert answer.crossed["BTC"].left_out["two"].startswith("closed")
        assert providers["two"][1].requests == 1


async def test_a_last_resort_is_not_asked_while_two_others_answer():
    last = saying(100.0, limits={"tier": Tier.LAST_RESORT})
    async with world({"one": saying(100.0), "two": saying(101.0), "last": last}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)
        spared = [e for e in answer.trace.events if isinstance(e, Skipped) and e.reason is Reason.SPARED]

        assert answer.crossed["BTC"].sources == 2
        assert last[1].requests == 0
        assert [event.member for event in spared] == ["last"]


async def test_a_last_resort_is_the_second_voice_where_only_one_other_answers():
    providers = {"one": saying(100.0), "two": saying(101.0)}
    providers["two"][1].fail()
    last = saying(102.0, limits={"tier": Tier.LAST_RESORT})
    async with world(providers | {"last": last}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert (answer.items[0].price, answer.items[0].origin) == (101.0, "last, one")
        assert simulated.order[-1] == "last"


async def test_only_one_that_can_answer_is_given_as_it_is_and_said_to_be_alone():
    async with world({"one": saying(100.0)}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert (answer.items[0].provider, answer.items[0].price) == ("one", 100.0)
        assert (answer.crossed["BTC"].sources, answer.crossed["BTC"].confidence) == (1, 0.5)


def exchanges(fan_out, names, **prices):
    """A provider whose members, one for each exchange, are heard as one."""
    made = Provider(
        hosts=(),
        members=tuple(Member(name, (f"https://{name}.example",), origin=name) for name in names),
        limits=Limits(weight=10),
        endpoints=(endpoint(Quotes, Terms(ttl=1, fan_out=fan_out)),),
        health=Request("/health"),
    )

    def script(call):
        name = call.host.removeprefix("https://").removesuffix(".example")
        return body({"prices": dict.fromkeys(call.symbols, prices.get(name, 100.0))})

    return made, Remote(script=script)


async def test_a_provider_of_many_members_has_one_voice_for_the_origins_that_nobody_else_has():
    many = exchanges(3, ("north", "one", "east"), north=101.0, one=900.0, east=102.0)
    async with world({"one": saying(100.0), "many": many}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)
        voices = {voice.member: (voice.origin, voice.price) for voice in answer.crossed["BTC"].voices}

        assert voices == {"one": ("one", 100.0), "many": ("east, north", 101.5)}
        assert {call.host for call in many[1].calls} == {"https://north.example", "https://east.example"}


async def test_a_provider_whose_members_all_have_another_ones_data_has_no_voice():
    async with world({"one": saying(100.0), "many": exchanges(2, ("one",))}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert answer.crossed["BTC"].sources == 1
        assert simulated.order.count("one") + simulated.order.count("many") == 1


async def test_two_whose_items_name_one_origin_count_once():
    def resold(call):
        return body({"prices": {"BTC": 90.0}})

    seller = exchanges(1, ("one",))
    seller[1].script = resold
    async with world({"one": saying(100.0), "two": saying(101.0), "seller": seller}) as simulated:
        crossed = (await simulated.mux.get(BTC, cross_check=True)).crossed["BTC"]

        assert crossed.sources == 2
        assert len({voice.origin for voice in crossed.voices}) == 2


async def test_what_a_member_has_no_quota_for_it_is_not_asked():
    providers = three()
    tight, remote = saying(100.0, limits={"windows": (Window(2, per=60),)})
    async with world(providers | {"one": (tight, remote)}) as simulated:
        for _ in range(6):
            await simulated.mux.get(BTC, cross_check=True)
            await simulated.mux.clock.sleep(11)

        assert remote.requests <= 2
        assert remote.refusals == []


async def test_fifty_callers_are_one_flight_and_the_answer_stands_while_it_is_fresh():
    providers = three()
    async with world(providers) as simulated:
        answers = await asyncio.gather(*(simulated.mux.get(BTC, cross_check=True) for _ in range(50)))
        await simulated.mux.clock.sleep(9)
        again = await simulated.mux.get(BTC, cross_check=True)

        assert len({answer.items for answer in answers} | {again.items}) == 1
        assert sum(isinstance(event, Joined) for answer in answers for event in answer.trace.events) == 49
        assert [remote.requests for _, remote in providers.values()] == [1, 1, 1]
        assert again.crossed == answers[0].crossed


async def test_a_plain_question_is_never_served_what_was_cross_checked():
    async with world(three()) as simulated:
        await simulated.mux.get(BTC, cross_check=True)
        answer = await simulated.mux.get(BTC)

        assert answer.providers != ("consensus",)
        assert answer.crossed == {}
        assert "crossed" not in answer.document()


async def test_where_nobody_answers_any_more_the_last_consensus_is_served_stale():
    providers = three()
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, cross_check=True)
        for _, remote in providers.values():
            remote.fail()
        await simulated.mux.clock.sleep(60)
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert (answer.items[0].provider, answer.stale) == ("consensus", True)


async def test_no_consensus_is_never_papered_over_with_an_older_one():
    providers = {"one": saying(100.0), "two": saying(101.0)}
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, cross_check=True)
        providers["two"][1].prices["BTC"] = 120.0
        await simulated.mux.clock.sleep(11)
        for _ in range(2):
            with pytest.raises(NoConsensus):
                await simulated.mux.get(BTC, cross_check=True)

        assert providers["two"][1].requests == 2


async def test_a_jump_that_another_confirms_is_kept_and_one_alone_is_not_believed():
    providers = {"one": saying(100.0), "two": saying(100.0)}
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, cross_check=True)
        for _, remote in providers.values():
            remote.prices["BTC"] = 200.0
        await simulated.mux.clock.sleep(11)
        confirmed = await simulated.mux.get(BTC, cross_check=True)
        plain = await simulated.mux.get(BTC)

        assert confirmed.items[0].price == plain.items[0].price == 200.0
        assert plain.trace.events[0].state == "hit"


async def test_only_pins_a_cross_check_too_and_its_answer_is_its_own():
    async with world(three()) as simulated:
        pinned = await simulated.mux.get(BTC, cross_check=True, only=["one", "two"])
        free = await simulated.mux.get(BTC, cross_check=True)

        assert (pinned.crossed["BTC"].sources, free.crossed["BTC"].sources) == (2, 3)


async def test_a_large_question_is_asked_of_everybody_in_batches():
    providers = three(batch=5)
    symbols = [f"S{n}" for n in range(12)]
    for _, remote in providers.values():
        remote.prices = {}
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes(symbols), cross_check=True)

        assert [item.symbol for item in answer.items] == symbols
        assert {crossed.sources for crossed in answer.crossed.values()} == {3}
        assert [remote.requests for _, remote in providers.values()] == [3, 3, 3]


async def test_more_requests_than_may_be_in_flight_wait_in_line():
    providers = three(limits={"concurrency": 2})
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes([f"S{n}" for n in range(9)]), cross_check=True)

        assert {crossed.sources for crossed in answer.crossed.values()} == {3}
        assert max(remote.most_in_flight for _, remote in providers.values()) == 2
        assert at_rest(simulated.mux)


async def test_where_all_are_busy_it_waits_as_any_question_does():
    slow = saying(100.0, limits={"min_interval": 1.0})
    async with world({"one": slow}) as simulated:
        await simulated.mux.get(Quotes(["ETH"]))
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert (answer.items[0].price, answer.crossed["BTC"].sources) == (100.0, 1)


async def test_a_symbol_that_nobody_knows_is_unknown():
    providers = three()
    for _, remote in providers.values():
        remote.script = lambda call: Incoming(404, {}, b"{}")
    async with world(providers) as simulated:
        with pytest.raises(UnknownSymbol):
            await simulated.mux.get(BTC, cross_check=True)


async def test_the_plan_names_who_would_be_asked_and_who_not_and_asks_nobody():
    last = saying(100.0, limits={"tier": Tier.LAST_RESORT})
    async with world(three() | {"last": last, "many": exchanges(1, ("one",))}) as simulated:
        told = simulated.mux.plan(BTC, cross_check=True).events
        skipped = {event.member: event.reason for event in told if isinstance(event, Skipped)}

        assert set(told[-1].members) < {"one", "two", "three", "many/one", "many"}
        assert len(told[-1].members) == 3
        assert skipped["last"] is Reason.SPARED
        assert simulated.order == []


async def test_the_trace_tells_plan_tries_and_outcome_in_order():
    async with world(three(third=110.0)) as simulated:
        answer = await simulated.mux.explain(BTC, cross_check=True)
        kinds = [type(event).__name__ for event in answer.trace.events]
        (told,) = [event for event in answer.trace.events if isinstance(event, Compared)]

        assert kinds == ["Cached", "Considered", "Tried", "Tried", "Tried", "Held", "Compared", "Answered"]
        assert (told.what, told.price, told.apart) == ("BTC", 100.5, ("three",))
        assert told.said == {"one": 100.0, "two": 101.0, "three": 110.0}


async def test_what_cannot_be_compared_is_refused_by_name():
    async with world(three()) as simulated:
        with pytest.raises(InvalidQuery) as refused:
            await simulated.mux.get(Candles("BTC"), cross_check=True)

        assert refused.value.field == "cross_check"


@pytest.mark.parametrize("third", [111.0, 160.0])
@pytest.mark.parametrize("delay", [0.01, 0.4])
async def test_what_the_others_contradict_is_served_to_nobody_whoever_speaks_first(third, delay):
    providers = three(third=third)
    providers["three"][1].delays = (delay, delay)
    async with world(providers) as simulated:
        crossed = await simulated.mux.get(BTC, cross_check=True)
        plain = await simulated.mux.get(BTC)

        assert crossed.items[0].price == 100.5
        assert plain.items[0].price in (100.0, 101.0)
        assert sum(remote.requests for _, remote in providers.values()) == 3


async def test_an_emergency_is_no_second_voice():
    alarm = saying(100.0, limits={"tier": Tier.EMERGENCY})
    async with world({"one": saying(101.0), "alarm": alarm}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert (answer.providers, alarm[1].requests) == (("one",), 0)


async def test_a_preferred_last_resort_is_asked_with_the_first():
    last = saying(100.0, limits={"tier": Tier.LAST_RESORT})
    async with world(three() | {"last": last}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True, prefer="last")

        assert "last" in answer.crossed["BTC"].providers
        assert last[1].requests == 1


async def test_two_voices_are_enough_once_others_have_failed():
    providers = three(ttl=60) | {"four": saying(100.0, ttl=60)}
    providers["two"][1].fail()
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, only="one")
        answer = await simulated.mux.get(BTC, cross_check=True, prefer=["two", "three"])

        assert answer.crossed["BTC"].sources == 2
        assert providers["four"][1].requests == 0


async def test_a_last_resort_is_spared_where_two_others_are_fresh_in_the_cache():
    last = saying(100.0, limits={"tier": Tier.LAST_RESORT})
    async with world({"one": saying(100.0), "two": saying(101.0), "last": last}) as simulated:
        for name in ("one", "two"):
            await simulated.mux.get(BTC, only=name)
        await simulated.mux.clock.sleep(3)
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert (answer.crossed["BTC"].sources, last[1].requests) == (2, 0)


async def test_more_in_the_cache_than_three_of_different_origin_are_three_voices():
    providers = three(ttl=60) | {"four": saying(100.0, ttl=60), "seller": exchanges(1, ("four",))}
    async with world(providers) as simulated:
        for name in providers:
            await simulated.mux.get(BTC, only=name)
        crossed = (await simulated.mux.get(BTC, cross_check=True)).crossed["BTC"]

        assert len({voice.origin for voice in crossed.voices}) == crossed.sources == 3
        assert sum(remote.requests for _, remote in providers.values()) == 5


async def test_a_provider_whose_turn_comes_first_leaves_an_origin_to_who_is_reached_by_itself():
    many = exchanges(2, ("one", "east"), one=900.0)
    async with world({"one": saying(100.0, weight=1), "many": many}) as simulated:
        planned = simulated.mux.plan(BTC, cross_check=True).events[-1].members
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert planned == ("many/east", "one")
        assert answer.crossed["BTC"].sources == 2


async def test_a_jump_that_nobody_else_could_confirm_is_not_believed_until_it_is_said_again():
    providers = {"one": saying(100.0)}
    async with world(providers) as simulated:
        prices = []
        for price in (100.0, 200.0, 200.0):
            providers["one"][1].prices["BTC"] = price
            prices.append((await simulated.mux.get(BTC, cross_check=True)).items[0].price)
            await simulated.mux.clock.sleep(11)

        assert prices == [100.0, 100.0, 200.0]


async def test_where_one_hangs_there_is_time_left_to_ask_a_last_resort():
    providers = {"one": saying(100.0), "two": saying(101.0)}
    providers["two"][1].delays = (60.0, 60.0)
    last = saying(102.0, limits={"tier": Tier.LAST_RESORT})
    async with world(providers | {"last": last}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True, deadline=4.0)

        assert [voice.member for voice in answer.crossed["BTC"].voices] == ["one", "last"]


async def test_members_of_a_provider_that_has_spoken_are_no_further_voice():
    many = exchanges(2, ("north", "south", "east", "west"))
    async with world({"many": many}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert answer.crossed["BTC"].sources == 1
        assert many[1].requests == 2


async def test_a_provider_whose_members_disagree_has_no_voice():
    many = exchanges(2, ("north", "south", "east", "west"), north=100.0, south=200.0, east=300.0, west=400.0)
    async with world({"one": saying(100.0), "many": many}) as simulated:
        answer = await simulated.mux.get(BTC, cross_check=True)

        assert answer.providers == ("one",)
        assert "no consensus" in answer.crossed["BTC"].left_out["many"]
        assert many[1].requests == 2


async def test_who_is_passed_over_is_told_once_however_many_symbols_and_rounds():
    providers = three()
    providers["two"][1].fail()
    async with world(providers) as simulated:
        for symbol in ("A", "B", "C", "D", "E"):
            with pytest.raises(NoProvider):
                await simulated.mux.get(Quotes([symbol]), only="two")
        answer = await simulated.mux.get(Quotes(["BTC", "ETH"]), cross_check=True)
        skipped = [event.member for event in answer.trace.events if isinstance(event, Skipped)]

        assert skipped == ["two"]
