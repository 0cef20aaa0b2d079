"""What questions share and what they must not: requests, ttls, currencies, words that were refused."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import endpoint, provider
from simulated.remote import Remote, body

import feedmux
from feedmux import BadPayload, Candles, InvalidQuery, NoProvider, Quotes, Terms
from feedmux.event import Considered, Skipped


async def test_candles_in_one_currency_are_never_given_for_another_though_the_request_is_the_same():
    remote = Remote()  # its candles say USD, whatever was asked for
    async with world({"p0": (provider(endpoint(Candles, Terms(ttl=60))), remote)}) as simulated:
        assert {candle.vs for candle in await simulated.mux.get(Candles("BTC", limit=3))} == {"USD"}
        with pytest.raises(BadPayload, match="currency"):
            await simulated.mux.get(Candles("BTC", limit=3, vs="USDT"))

        assert remote.requests == 2


async def test_an_answer_that_was_refused_is_not_asked_for_again_within_the_ttl():
    hours_ago = 1767225600.0 - 7200
    remote = Remote(script=lambda call: body({"prices": dict.fromkeys(call.symbols, 1.0), "at": hours_ago}))
    async with world({"p0": (provider(ttl=300), remote)}) as simulated:
        for _ in range(5):
            with pytest.raises(feedmux.FeedmuxError):
                await simulated.mux.get(Quotes(["BTC"]))
            await simulated.mux.clock.sleep(1)

        assert remote.requests == 1


async def test_an_answer_is_never_served_past_its_last_use_however_fresh_it_was_fetched():
    nearly_an_hour_ago = 1767225600.0 - 3595
    remote = Remote(
        script=lambda call: body({"prices": dict.fromkeys(call.symbols, 1.0), "at": nearly_an_hour_ago})
    )
    async with world({"p0": (provider(ttl=1), remote)}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        await simulated.mux.get(Quotes(["BTC"]))
        await simulated.mux.clock.sleep(6)

        assert simulated.mux.fresh(Quotes(["BTC"])) is None


async def test_a_currency_that_nobody_answers_in_is_the_questions_fault():
    import msgspec

    dollars = msgspec.structs.replace(endpoint(Quotes, Terms(ttl=60)), currencies=frozenset({"USD"}))
    async with world({"p0": (provider(dollars), Remote())}) as simulated:
        with pytest.raises(InvalidQuery, match="does not answer in EUR"):
            await simulated.mux.get(Quotes(["BTC"], vs="EUR"))


async def test_ttls_are_remembered_under_a_flood_of_other_questions():
    from feedmux.settings import EngineSettings, Settings

    settings = Settings(engine=EngineSettings(cache_size=100))
    remote = Remote()
    async with world({"p0": (provider(ttl=300), remote)}, settings=settings) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        for n in range(200):
            await simulated.mux.get(Quotes([f"S{n}"]))
        before = remote.requests
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))

        assert remote.requests == before


async def test_a_panic_asks_a_member_only_for_what_it_serves():
    from feedmux.errors import UpstreamDown

    def down(call):
        return UpstreamDown("down")

    remotes = {name: Remote(script=down) for name in ("a", "b")}
    async with world({name: (provider(), remote) for name, remote in remotes.items()}) as simulated:
        for n in range(12):
            with pytest.raises(feedmux.FeedmuxError):
                await simulated.mux.get(Quotes([f"S{n}"]))
            await simulated.mux.clock.sleep(0.01)
        await simulated.mux.clock.sleep(1.5)
        for remote in remotes.values():
            remote.script = None
            remote.calls.clear()
        try:
            await simulated.mux.get(Quotes(["a:one", "b:two"]))
        except feedmux.FeedmuxError:
            pass

        assert all("two" not in call.symbols for call in remotes["a"].calls)
        assert all("one" not in call.symbols for call in remotes["b"].calls)


async def test_observers_hear_who_was_considered_and_who_was_passed_over():
    async with world({"p0": (provider(), Remote()), "p1": (provider(), Remote())}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]), only=["p0"])
        await simulated.mux.clock.sleep(0.01)
        kinds = {type(event) for event in simulated.events}

        assert {Considered, Skipped} <= kinds
        assert simulated.mux.stats.skips
