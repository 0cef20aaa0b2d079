"""A provider of many members: several are asked at once, as one try, and heard together."""

from __future__ import annotations

import pytest
from simulated.engine import at_rest, world
from simulated.providers import endpoint
from simulated.remote import Remote, body

from feedmux import BadPayload, FeedmuxError, Limits, Member, News, Provider, Quotes, Request, Terms
from feedmux.event import Held, Tried
from feedmux.transport import Incoming

NAMES = ("north", "south", "east", "west")


def exchanges(fan_out=3, **prices):
    """A provider whose members say these prices, and the upstream that speaks for them all."""

    def script(call):
        price = prices.get(call.host.removeprefix("https://").removesuffix(".example"), 100.0)
        return (
            price if isinstance(price, FeedmuxError) else body({"prices": dict.fromkeys(call.symbols, price)})
        )

    provider = Provider(
        hosts=(),
        members=tuple(Member(name, (f"https://{name}.example",), origin=name) for name in NAMES),
        limits=Limits(weight=10),
        endpoints=(endpoint(Quotes, Terms(ttl=30, fan_out=fan_out, batch=5)),),
        health=Request("/health"),
    )
    return provider, Remote(script=script)


async def test_three_are_asked_at_once_and_the_median_is_the_answer():
    provider, remote = exchanges(north=100.0, south=101.0, east=103.0, west=102.0)
    async with world({"many": (provider, remote)}) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC"]))
        hosts = {call.host for call in remote.calls}

        assert remote.requests == len(hosts) == 3
        assert (
            answer.items[0].price
            == sorted(
                {"north": 100.0, "south": 101.0, "east": 103.0, "west": 102.0}[
                    host.split("/")[-1].split(".")[0]
                ]
                for host in hosts
            )[1]
        )
        assert len(answer.items[0].origin.split(", ")) == 3
        assert answer.providers == ("many",)
        assert at_rest(simulated.mux)


async def test_who_stands_apart_is_left_out_named_and_counted_against():
    provider, remote = exchanges(north=850e9, fan_out=4)
    async with world({"many": (provider, remote)}) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC"]))
        held = [event for event in simulated.events if isinstance(event, Held)]

        assert answer.items[0].price == 100.0
        assert "north" not in answer.items[0].origin
        assert [(event.member, event.what) for event in held] == [("many/north", "BTC")]


async def test_two_that_disagree_are_no_consensus_and_never_averaged():
    provider, remote = exchanges(fan_out=2, north=100.0, south=150.0, east=100.0, west=150.0)
    async with world({"many": (provider, remote)}) as simulated:
        try:
            price = (await simulated.mux.get(Quotes(["BTC"]))).items[0].price
        except BadPayload as error:
            assert "no consensus" in error.detail
        else:
            assert price in (100.0, 150.0)


async def test_the_one_that_answers_is_heard_where_the_others_fail():
    down = BadPayload("garbage")
    provider, remote = exchanges(fan_out=4, north=down, south=down, east=down)
    async with world({"many": (provider, remote)}) as simulated:
        answer = await simulated.mux.get(Quotes(["BTC"]))

        assert (answer.items[0].price, answer.items[0].origin) == (100.0, "west")


async def test_a_panel_is_one_try_and_its_answer_is_cached_as_the_providers():
    provider, remote = exchanges()
    async with world({"many": (provider, remote)}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        again = await simulated.mux.get(Quotes(["BTC"]))
        tried = [event for event in simulated.events if isinstance(event, Tried)]

        assert remote.requests == len(tried) == 3
        assert again.items[0].provider == "many"


async def test_a_large_question_goes_in_batches_each_heard_together():
    provider, remote = exchanges()
    symbols = [f"S{n}" for n in range(12)]
    async with world({"many": (provider, remote)}) as simulated:
        answer = await simulated.mux.get(Quotes(symbols))

        assert [item.symbol for item in answer.items] == symbols
        assert remote.requests == 9


async def test_a_voice_alone_is_never_served():
    provider, remote = exchanges(fan_out=2, north=100.0, south=150.0, east=180.0, west=240.0)
    async with world({"many": (provider, remote)}) as simulated:
        with pytest.raises(BadPayload, match="no consensus"):
            await simulated.mux.get(Quotes(["BTC"]))

        assert not simulated.mux.held(Quotes(["BTC"]))


async def test_a_jump_that_members_of_one_origin_say_is_not_believed_at_once():
    prices = {"north": 100.0, "south": 100.0}

    def script(call):
        name = call.host.removeprefix("https://").removesuffix(".example")
        return body({"prices": dict.fromkeys(call.symbols, prices[name])})

    provider = Provider(
        hosts=(),
        members=tuple(Member(name, (f"https://{name}.example",), origin="one") for name in prices),
        limits=Limits(weight=10),
        endpoints=(endpoint(Quotes, Terms(ttl=5, fan_out=2)),),
        health=Request("/health"),
    )
    async with world({"many": (provider, Remote(script=script))}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        prices.update(north=1000.0, south=1000.0)
        await simulated.mux.clock.sleep(11)
        held = await simulated.mux.get(Quotes(["BTC"]))
        await simulated.mux.clock.sleep(11)
        accepted = await simulated.mux.get(Quotes(["BTC"]))

        assert (held.items[0].price, held.stale) == (100.0, True)
        assert (accepted.items[0].price, accepted.stale) == (1000.0, False)


async def test_every_batch_of_a_large_question_is_heard_by_the_whole_panel():
    provider, remote = exchanges(north=100.0, south=101.0, east=103.0, west=102.0)
    async with world({"many": (provider, remote)}) as simulated:
        answer = await simulated.mux.get(Quotes([f"S{n}" for n in range(12)]))

        assert {len(item.origin.split(", ")) for item in answer.items} == {3}


async def test_a_batch_that_a_member_refuses_for_one_item_is_halved_there_too():
    def script(call):
        return (
            Incoming(404, {}, b"{}")
            if "BAD" in call.symbols
            else body({"prices": dict.fromkeys(call.symbols, 1.0)})
        )

    provider, _ = exchanges()
    async with world({"many": (provider, Remote(script=script))}) as simulated:
        answer = await simulated.mux.get(Quotes(["A", "B", "BAD", "C"]))

        assert [item.symbol for item in answer.items] == ["A", "B", "C"]
        assert list(answer.missing) == ["BAD"]


def test_headlines_of_several_feeds_are_merged_and_each_given_once():
    from datetime import UTC, datetime

    from feedmux import Headline
    from feedmux.consensus import Said

    def line(title, day):
        return Headline(title=title, url="https://x.example", published_at=datetime(2026, 1, day, tzinfo=UTC))

    said = [
        Said("a", 1.0, (line("Bitcoin falls", 2),)),
        Said("b", 1.0, (line("BITCOIN  falls!", 1), line("Up", 3))),
    ]

    assert [item.title for item in News().together(said).items] == ["Up", "Bitcoin falls"]
