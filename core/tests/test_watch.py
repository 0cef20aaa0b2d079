"""A watch is told what anybody fetches, and asks itself where nobody does."""

from __future__ import annotations

import asyncio

import pytest
from simulated.engine import world
from simulated.providers import LISTING, endpoint, provider
from simulated.remote import Remote, body

from feedmux import Candles, Gas, Quotes, Terms, UnknownSymbol
from feedmux.transport import Incoming

BTC = Quotes(["BTC"])


class Watcher:
    """Collects a watch's answers and when they came."""

    def __init__(self, mux, query, **how):
        self.seen = []
        self._mux = mux
        self.task = asyncio.create_task(self._watch(query, how))

    async def _watch(self, query, how):
        async for answer in self._mux.watch(query, **how):
            self.seen.append((self._mux.clock.monotonic(), answer))

    async def end(self):
        self.task.cancel()
        await asyncio.wait({self.task})


async def test_it_is_pushed_what_somebody_else_fetched():
    remote = Remote(delays=(0.1, 0.1))
    async with world({"one": (provider(), remote)}) as simulated:
        watcher = Watcher(simulated.mux, BTC, every=1000)
        await simulated.mux.clock.sleep(2)
        remote.prices["BTC"] = 101.0
        await simulated.mux.get(BTC, max_age=1)
        fetched = simulated.mux.clock.monotonic()
        await simulated.mux.clock.sleep(1)

        assert [answer.items[0].price for _, answer in watcher.seen] == [100.0, 101.0]
        assert watcher.seen[1][0] == fetched
        assert remote.requests == 2
        await watcher.end()


async def test_where_nobody_asks_it_asks_itself_as_often_as_the_question_is_fresh():
    remote = Remote()
    async with world({"one": (provider(), remote)}) as simulated:
        watcher = Watcher(simulated.mux, BTC)
        await simulated.mux.clock.sleep(100)

        assert 9 <= remote.requests <= 11
        await watcher.end()


async def test_many_watches_of_one_question_cost_what_one_does():
    remote = Remote()
    async with world({"one": (provider(), remote)}) as simulated:
        watchers = [Watcher(simulated.mux, BTC) for _ in range(50)]
        await simulated.mux.clock.sleep(100)

        assert remote.requests <= 11
        assert len({len(watcher.seen) for watcher in watchers}) == 1
        for watcher in watchers:
            await watcher.end()


async def test_while_nobody_can_answer_the_last_answer_comes_once_more_marked_stale():
    remote = Remote()
    async with world({"one": (provider(), remote)}) as simulated:
        watcher = Watcher(simulated.mux, BTC)
        await simulated.mux.clock.sleep(5)
        remote.fail()
        await simulated.mux.clock.sleep(60)

        assert [answer.stale for _, answer in watcher.seen] == [False, True]
        remote.script = None
        remote.prices["BTC"] = 99.0
        await simulated.mux.clock.sleep(30)
        last = watcher.seen[-1][1]
        assert (last.items[0].price, last.stale) == (99.0, False)
        await watcher.end()


async def test_where_there_was_never_an_answer_it_raises_as_get_does():
    remote = Remote(script=lambda call: Incoming(404, {}, b""))
    async with world({"one": (provider(), remote)}) as simulated:
        with pytest.raises(UnknownSymbol):
            await anext(simulated.mux.watch(BTC))


async def test_a_watch_that_ends_leaves_nothing_behind():
    async with world({"one": (provider(), Remote())}) as simulated:
        for _ in range(10):
            watcher = Watcher(simulated.mux, BTC)
            await simulated.mux.clock.sleep(1)
            await watcher.end()

        assert simulated.mux._cache._watchers == {}


@pytest.mark.parametrize("query", [BTC, Gas()])
async def test_it_begins_with_the_answer_of_now(query):
    serves = endpoint(type(query), Terms(ttl=5))
    async with world({"one": (provider(serves), Remote())}) as simulated:
        watch = simulated.mux.watch(query)
        answer = await anext(watch)
        await watch.aclose()

        assert len(answer) == 1


async def test_it_hears_of_fetches_under_the_id_that_a_listing_gives():
    def script(call):
        return body({"names": ["BTC"]}) if call.path == "/listing" else None

    declared = provider(endpoint(Candles, Terms(ttl=1)), listing=LISTING)
    async with world({"one": (declared, Remote(script=script))}) as simulated:
        watcher = Watcher(simulated.mux, Candles("BTC", limit=2))
        await simulated.mux.clock.sleep(70)
        await simulated.mux.get(Candles("BTC", limit=2), max_age=1)
        fetched = simulated.mux.clock.monotonic()
        await simulated.mux.clock.sleep(1)

        assert watcher.seen[-1][0] == fetched
        await watcher.end()
