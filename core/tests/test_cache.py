"""The memory behind the cache: bounded, on our clock, and a whole aiocache."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes, Settings
from feedmux.cache import Memory
from feedmux.settings import EngineSettings
from feedmux.virtual import virtual_clock


def memory(size=10):
    return Memory(virtual_clock(), size)


async def test_it_gives_back_what_it_was_given():
    kept = memory()
    await kept.set("a", 1)
    await kept.multi_set([("b", 2), ("c", 3)])

    assert await kept.multi_get(["a", "b", "c", "d"]) == [1, 2, 3, None]
    assert await kept.exists("a")
    assert await kept.delete("a") == 1
    assert not await kept.exists("a")


async def test_what_is_past_its_time_is_gone():
    kept = memory()
    await kept.set("a", 1, ttl=5)
    await virtual_clock().sleep(4.9)
    assert await kept.get("a") == 1
    await virtual_clock().sleep(0.1)

    assert await kept.get("a") is None
    assert len(kept) == 0


async def test_it_never_holds_more_than_its_size_and_the_least_recently_written_goes():
    kept = memory(3)
    for n in range(10):
        await kept.set(n, n)
    assert len(kept) == 3
    await kept.set(7, "again")
    await kept.set(10, 10)

    assert [await kept.get(n) for n in (7, 8, 9, 10)] == ["again", None, 9, 10]


async def test_clearing_and_setting_again_works():
    kept = memory()
    await kept.set("a", 1)
    await kept.clear()
    await kept.set("a", 2)

    assert await kept.get("a") == 2


async def test_a_key_is_added_once_and_counted_up():
    kept = memory()
    await kept.add("a", 1)
    with pytest.raises(ValueError, match="taken"):
        await kept.add("a", 2)

    assert await kept.increment("a", 5) == 6
    assert await kept.expire("a", 1)
    assert not await kept.expire("b", 1)


async def test_however_many_symbols_are_asked_for_the_bound_holds():
    small = Settings(engine=EngineSettings(cache_size=100))
    async with world(
        {"one": (provider(batch=1000, limits={"concurrency": 1000}), Remote())}, settings=small
    ) as simulated:
        for n in range(0, 20_000, 1000):
            await simulated.mux.get(Quotes([f"S{n + k}" for k in range(1000)]))

        assert simulated.mux.cached <= 100


async def test_clearing_the_cache_forgets_ttls_too():
    remote = Remote()
    async with world({"one": (provider(ttl=300), remote)}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        assert simulated.mux.clear_cache() >= 1
        await simulated.mux.get(Quotes(["BTC"]))

        assert remote.requests == 2


async def test_a_fresh_answer_is_given_as_it_is_until_something_of_it_changes():
    async with world({"one": (provider(), Remote())}) as simulated:
        await simulated.mux.get(Quotes("A,B"))
        first = await simulated.mux.get(Quotes("A,B"))
        assert await simulated.mux.get(Quotes("A,B")) is first
        await simulated.mux.clock.sleep(2)
        await simulated.mux.get(Quotes(["A"]), max_age=1)

        assert await simulated.mux.get(Quotes("A,B")) is not first
