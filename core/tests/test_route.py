"""Who would be asked, in which order, and why not the others."""

from __future__ import annotations

import asyncio

import pytest
from simulated.engine import world
from simulated.providers import LISTING, endpoint, provider
from simulated.remote import Remote, body, in_turn, refusal

from feedmux import (
    DAY,
    Backoff,
    BadPayload,
    FearGreed,
    Gas,
    InvalidQuery,
    Key,
    NoProvider,
    Quotes,
    Settings,
    Terms,
    Tier,
    Trending,
    UnknownSymbol,
    Window,
)
from feedmux.event import Considered, Reason, Skipped, Tried
from feedmux.settings import ProviderSettings

BTC = Quotes(["BTC"])


def named(**providers):
    """Providers with a remote of their own each."""
    return {name: (made, Remote()) for name, made in providers.items()}


def order(trace):
    (considered,) = (event for event in trace.events if isinstance(event, Considered))
    return list(considered.members)


def skips(trace):
    return {event.member: event.reason for event in trace.events if isinstance(event, Skipped)}


def tried(answer):
    return [event.member for event in answer.trace.events if isinstance(event, Tried)]


def tier(which, **limits):
    return provider(limits={"tier": which, **limits})


async def test_tiers_come_one_after_the_other_whatever_the_weights():
    providers = named(
        reserve=provider(weight=90, limits={"tier": Tier.LAST_RESORT}),
        alarm=provider(weight=90, limits={"tier": Tier.EMERGENCY}),
        small=provider(weight=1),
        large=provider(weight=9),
    )
    async with world(providers) as simulated:
        assert order(simulated.mux.plan(BTC)) == ["large", "small", "reserve", "alarm"]


async def test_a_plan_asks_nobody_and_takes_no_turn():
    providers = named(one=provider(), two=provider())
    async with world(providers) as simulated:
        plans = {tuple(order(simulated.mux.plan(BTC))) for _ in range(20)}

        assert len(plans) == 1
        assert simulated.order == []


async def test_a_last_resort_is_spared_while_two_others_were_asked_a_moment_ago():
    providers = named(one=provider(ttl=60), two=provider(ttl=60), reserve=tier(Tier.LAST_RESORT))
    async with world(providers) as simulated:
        for name in ("one", "two"):
            await simulated.mux.get(BTC, only=[name], max_age=0)

        trace = simulated.mux.plan(BTC)

        assert order(trace) == []
        assert skips(trace) == {
            "one": Reason.INSIDE_TTL,
            "two": Reason.INSIDE_TTL,
            "reserve": Reason.SPARED,
        }


async def test_a_last_resort_is_asked_where_the_others_refuse():
    providers = named(one=provider(), two=provider(), reserve=tier(Tier.LAST_RESORT))
    providers["one"][1].script = providers["two"][1].script = in_turn(refusal(60))
    async with world(providers) as simulated:
        answer = await simulated.mux.get(BTC)

        assert tried(answer)[2:] == ["reserve"]
        assert answer.providers == ("reserve",)


async def test_a_last_resort_comes_first_where_nobody_else_serves_the_question():
    providers = named(reserve=tier(Tier.LAST_RESORT), other=provider(endpoint(Gas, Terms(ttl=5))))
    async with world(providers) as simulated:
        assert (await simulated.mux.get(BTC)).providers == ("reserve",)


async def test_at_most_three_members_are_tried_and_an_emergency_is_one_more():
    providers = named(
        **{f"p{n}": provider(limits={"backoff": Backoff(steps=(1,))}) for n in range(5)},
        alarm=tier(Tier.EMERGENCY),
    )
    for name, (_, remote) in providers.items():
        remote.script = None if name == "alarm" else in_turn(refusal())
    async with world(providers) as simulated:
        answer = await simulated.mux.get(BTC)

        assert len(tried(answer)) == 4
        assert tried(answer)[3] == "alarm"


async def test_only_pins_and_nothing_else_is_asked_in_silence():
    providers = named(one=provider(), two=provider())
    providers["one"][1].fail()
    async with world(providers) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(BTC, only=["one"])

        assert providers["two"][1].requests == 0
        assert skips(simulated.mux.plan(BTC, only=["one"])) == {"two": Reason.NOT_PINNED}


async def test_an_answer_of_another_provider_is_none_to_a_pinned_question():
    providers = named(one=provider(), two=provider())
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, only=["two"])

        assert (await simulated.mux.get(BTC, only=["one"])).providers == ("one",)


async def test_prefer_comes_first_and_the_others_still_may():
    providers = named(one=provider(weight=1), two=provider(weight=99))
    async with world(providers) as simulated:
        assert order(simulated.mux.plan(BTC, prefer=["one"])) == ["one", "two"]
        providers["one"][1].fail()

        assert (await simulated.mux.get(BTC, prefer=["one"])).providers == ("two",)


async def test_questions_that_prefer_one_cost_it_no_turns_of_the_others():
    providers = named(one=provider(), two=provider())
    async with world(providers) as simulated:
        for n in range(100):
            await simulated.mux.get(Quotes([f"S{n}"]), prefer=["one"])
        simulated.order.clear()
        for n in range(20):
            await simulated.mux.get(Quotes([f"T{n}"]))

        assert simulated.order.count("one") == 10


@pytest.mark.parametrize("pins", [{"only": ["nobody"]}, {"prefer": ["nobody"]}])
async def test_pinning_a_provider_that_is_not_installed_is_refused(pins):
    async with world(named(one=provider())) as simulated:
        with pytest.raises(InvalidQuery) as refused:
            await simulated.mux.get(BTC, **pins)

    assert refused.value.field in pins


async def test_an_exact_asset_goes_to_its_provider_alone():
    providers = named(one=provider(), two=provider())
    async with world(providers) as simulated:
        answer = await simulated.mux.get(Quotes(["one:Bit-Coin"]))

        assert answer.items[0].symbol == "one:Bit-Coin"
        assert skips(simulated.mux.plan(Quotes(["one:x"]))) == {"two": Reason.NOT_LISTED}


async def test_an_exact_asset_of_nobody_is_refused():
    async with world(named(one=provider())) as simulated:
        with pytest.raises(InvalidQuery, match="nobody"):
            await simulated.mux.get(Quotes(["nobody:x"]))


def listing_provider(**limits):
    return provider(endpoint(Quotes, Terms(ttl=1, batch=10)), listing=LISTING, limits=limits)


def listing_of(*names):
    return lambda call: body({"names": list(names)}) if call.path == "/listing" else None


async def test_a_listing_is_fetched_once_before_the_first_question_and_gives_its_ids():
    remote = Remote(script=listing_of("BTC", "ETH"))
    async with world({"one": (listing_provider(), remote)}) as simulated:
        for symbol in ("BTC", "ETH"):
            answer = await simulated.mux.get(Quotes([symbol]))
            assert answer.items[0].symbol == symbol

        assert [call.path for call in remote.calls] == ["/listing", "/quotes", "/quotes"]
        assert [call.symbols for call in remote.calls[1:]] == [["id-btc"], ["id-eth"]]


async def test_a_member_whose_listing_lacks_the_symbol_is_not_asked_and_that_is_no_try():
    remotes = {name: Remote(script=listing_of("ETH")) for name in ("one", "two", "three", "four")}
    remotes["four"].script = listing_of("BTC")
    async with world({name: (listing_provider(), remote) for name, remote in remotes.items()}) as simulated:
        answer = await simulated.mux.get(BTC)

        assert answer.providers == ("four",)
        assert tried(answer) == ["four"]
        assert skips(simulated.mux.plan(BTC))["one"] is Reason.NOT_LISTED


async def test_a_symbol_that_no_listing_has_is_unknown_without_asking():
    remote = Remote(script=listing_of("BTC"))
    async with world({"one": (listing_provider(), remote)}) as simulated:
        await simulated.mux.get(BTC)
        with pytest.raises(UnknownSymbol, match="unknown to one"):
            await simulated.mux.get(Quotes(["NOPE"]))

        assert [call.path for call in remote.calls] == ["/listing", "/quotes"]


async def test_an_empty_listing_is_refused_and_not_fetched_again_at_once():
    remote = Remote(script=listing_of())
    async with world({"one": (listing_provider(), remote)}) as simulated:
        for _ in range(5):
            with pytest.raises(BadPayload, match="listing is empty"):
                await simulated.mux.get(BTC)

        assert [call.path for call in remote.calls] == ["/listing"]


async def test_a_listing_spends_a_permit_and_takes_no_turn():
    remotes = {name: Remote(script=listing_of("BTC")) for name in ("one", "two")}
    limits = {"windows": (Window(10, 60),)}
    providers = {name: (listing_provider(**limits), remote) for name, remote in remotes.items()}
    async with world(providers) as simulated:
        for _ in range(2):
            await simulated.mux.get(BTC, max_age=0)
            await simulated.mux.clock.sleep(1)

        assert simulated.order == ["one", "one", "two", "two"]
        assert [row.used for row in simulated.mux.ledger()] == [2, 2]


async def test_the_same_request_is_not_sent_twice_inside_a_providers_ttl():
    providers = named(one=provider(ttl=300))
    async with world(providers) as simulated:
        for _ in range(50):
            answer = await simulated.mux.get(BTC, max_age=1)
            await simulated.mux.clock.sleep(5)

        assert answer.stale
        assert providers["one"][1].requests == 1
        assert 300 <= simulated.mux.plan(BTC).events[1].wait + 250 <= 331  # jittered by up to a tenth


async def test_a_request_that_two_questions_share_is_sent_once():
    remote = Remote()
    async with world({"one": (provider(endpoint(Trending, Terms(ttl=300))), remote)}) as simulated:
        five = await simulated.mux.get(Trending(5))
        ten = await simulated.mux.get(Trending(10))

        assert (len(five), len(ten)) == (5, 10)
        assert remote.requests == 1


async def test_inside_one_providers_ttl_another_is_asked():
    providers = named(one=provider(ttl=300), two=provider(ttl=300))
    async with world(providers) as simulated:
        answers = []
        for _ in range(3):
            answers.append(await simulated.mux.get(BTC, max_age=1))
            await simulated.mux.clock.sleep(2)

        assert [answer.providers for answer in answers] == [("one",), ("two",), ("two",)]
        assert [answer.stale for answer in answers] == [False, False, True]


async def test_a_provider_without_its_required_key_is_skipped_and_says_so():
    keyed = provider(key=Key(header="X-Key", required=True))
    async with world(named(keyed=keyed, other=provider())) as simulated:
        assert skips(simulated.mux.plan(BTC)) == {"keyed": Reason.NEEDS_KEY}


async def test_a_disabled_provider_is_skipped_and_says_so():
    off = Settings(providers={"one": ProviderSettings(enabled=False)})
    async with world(named(one=provider(), two=provider()), settings=off) as simulated:
        assert skips(simulated.mux.plan(BTC)) == {"one": Reason.DISABLED}


async def test_a_used_up_quota_says_until_when():
    providers = named(one=provider(limits={"windows": (Window(1, 60),)}))
    async with world(providers) as simulated:
        await simulated.mux.get(BTC)
        trace = simulated.mux.plan(Quotes(["ETH"]))

        (skip,) = (event for event in trace.events if isinstance(event, Skipped))
        assert skip.reason is Reason.EXHAUSTED
        assert 59 < skip.wait <= 60


async def test_a_question_nobody_serves_is_refused_as_such():
    async with world(named(one=provider())) as simulated:
        with pytest.raises(NoProvider, match="no installed provider serves fear_greed"):
            await simulated.mux.get(FearGreed())


class SlowListing(Remote):
    """Takes two seconds for its listing."""

    async def _answer(self, call):
        await self.clock.sleep(2.0 if call.path == "/listing" else 0.05)
        return (self.script and self.script(call)) or self.answer(call)


def renewals(remote):
    return [round(call.begun / DAY, 1) for call in remote.calls if call.path == "/listing"]


async def test_a_last_resorts_listing_is_renewed_by_a_question_and_an_old_one_serves_on_where_that_fails():
    remote = Remote(script=listing_of("BTC"))
    async with world({"one": (listing_provider(tier=Tier.LAST_RESORT), remote)}) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.clock.sleep(1.5 * DAY)
        assert renewals(remote) == [0.0]

        remote.script = lambda call: refusal(0) if call.path == "/nothing" else listing_of("BTC", "ETH")(call)
        await simulated.mux.get(BTC)
        assert renewals(remote) == [0.0, 1.5]
        assert [call.path for call in remote.calls][-2:] == ["/listing", "/quotes"]

        await simulated.mux.clock.sleep(1.5 * DAY)
        remote.script = listing_of()
        assert len(await simulated.mux.get(Quotes(["ETH"]))) == 1


async def test_a_primarys_listing_is_renewed_beside_the_question():
    remote = SlowListing(script=listing_of("BTC"))
    async with world({"one": (listing_provider(), remote)}) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.clock.sleep(1.5 * DAY)
        began = simulated.mux.clock.monotonic()
        await simulated.mux.get(BTC)

        assert simulated.mux.clock.monotonic() - began < 1
        await simulated.mux.clock.sleep(1)
        assert renewals(remote) == [0.0, 1.5]


async def test_of_a_member_that_recovers_the_listing_is_the_probe_and_nothing_goes_beside_it():
    def script(call):
        return refusal(60) if call.path == "/gas" else listing_of("BTC")(call)

    remote = SlowListing(script=script)
    declared = provider(
        endpoint(Quotes, Terms(ttl=1)), endpoint(Gas, Terms(ttl=1), listed=False), listing=LISTING
    )
    async with world({"one": (declared, remote)}) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Gas())
        remote.script = listing_of("BTC")
        await simulated.mux.clock.sleep(61)
        quotes = asyncio.create_task(simulated.mux.get(BTC))
        await simulated.mux.clock.sleep(1)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Gas(), deadline=0.5)

        assert len(await quotes) == 1
        assert [call.path for call in remote.calls] == ["/gas", "/listing", "/quotes"]
