"""Orders: what an operator tells one process is done by all that share its store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from simulated.engine import World, at_rest, world
from simulated.providers import provider
from simulated.remote import Remote, broken, refusal
from simulated.statefile import AtOnce

from feedmux import NoProvider, Quotes
from feedmux.breaker import State
from feedmux.clock import SystemClock
from feedmux.orders import PLACE, Act, Order, Orders
from feedmux.store import MemoryStore, Versioned

BTC = Quotes(("BTC",))


@asynccontextmanager
async def two(path: Path, **remotes: Remote) -> AsyncIterator[tuple[World, World]]:
    """Two engines on one state file, as two workers are."""
    fleet = {name: (provider(ttl=60), remote) for name, remote in remotes.items()}
    async with (
        world(fleet, store=AtOnce(path), seed=1) as first,
        world(fleet, store=AtOnce(path), seed=2) as second,
    ):
        yield first, second


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def state(simulated: World) -> State:
    await simulated.mux.clock.sleep(1.5)
    return simulated.mux.providers()[0].state


async def test_a_provider_that_one_disables_is_disabled_for_all_and_so_is_enabling(path: Path) -> None:
    async with two(path, one=Remote()) as (first, second):
        await first.mux.disable("one")
        assert await state(second) is State.BLOCKED
        await second.mux.enable("one")
        assert await state(first) is State.UNKNOWN
        assert first.mux.switched == {"one": True}


async def test_what_one_forgets_all_forget_and_a_restart_does_not_bring_it_back(path: Path) -> None:
    remote = Remote()
    async with two(path, one=remote) as (first, second):
        await first.mux.get(BTC)
        await second.mux.clock.sleep(1.5)
        await second.mux.get(BTC)
        assert remote.requests == 1
        second.mux.clear_cache()
        await first.mux.clock.sleep(1.5)
        await first.mux.get(BTC)
        assert remote.requests == 2
        first.mux.clear_cache()
        await first.mux.clock.sleep(0.1)
    remote.script = lambda call: broken()
    async with world({"one": (provider(ttl=60), remote)}, store=AtOnce(path), seed=3) as later:
        with pytest.raises(NoProvider):
            await later.mux.get(BTC)


async def test_what_another_wrote_before_answers_were_forgotten_is_not_taken_up_after_it(path: Path) -> None:
    remote = Remote()
    async with two(path, one=remote) as (first, second):
        await first.mux.get(BTC)
        second.mux.clear_cache()
        await second.mux.clock.sleep(1.5)
        await second.mux.get(BTC)
        assert remote.requests == 2


async def test_a_closure_that_one_ends_is_ended_for_all(path: Path) -> None:
    async with two(path, one=Remote(script=lambda call: refusal(300))) as (first, second):
        with pytest.raises(NoProvider):
            await first.mux.get(BTC)
        assert await state(second) is State.THROTTLED
        assert second.mux.reset("one") == ["one"]
        assert await state(first) is State.THROTTLED
        second.mux.reset("one", force=True)
        assert await state(first) is State.UNKNOWN
        assert await state(second) is State.UNKNOWN
        assert at_rest(first.mux)
        assert at_rest(second.mux)


async def test_who_starts_later_goes_by_its_settings(path: Path) -> None:
    async with two(path, one=Remote()) as (first, _):
        await first.mux.disable("one")
        async with world({"one": (provider(), Remote())}, store=AtOnce(path), seed=3) as later:
            assert await state(later) is State.UNKNOWN


async def test_a_book_that_cannot_be_read_is_written_anew(path: Path) -> None:
    async with two(path, one=Remote()) as (first, second):
        await first.mux.disable("one")
        assert await state(second) is State.BLOCKED
        store = AtOnce(path)
        held = await store.read(PLACE)
        assert held is not None
        await store.compare_and_set(PLACE, b"\xff", held.version)
        await store.aclose()
        assert await state(second) is State.BLOCKED
        await first.mux.enable("one")
        assert await state(second) is State.UNKNOWN


class Flaky(MemoryStore):
    """A store behind whose guard nothing is read or written while it is away."""

    away = False

    async def read(self, key: str) -> Versioned | None:
        return None if self.away else await super().read(key)

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        return self.away or await super().compare_and_set(key, value, version)

    def flush(self) -> None:
        self._values.clear()


def heeding(store: Flaky, done: list[str]) -> Orders:
    async def obey(order: Order) -> None:
        done.append(order.provider)

    return Orders(store, SystemClock(), obey)


async def test_an_order_given_while_the_store_is_away_brings_no_older_ones_back() -> None:
    store, done = Flaky(), list[str]()
    first = heeding(store, done)
    for name in ("one", "two", "three"):
        await first.give(Act.DISABLE, name)
    store.away = True
    await first.give(Act.ENABLE, "three")
    store.away = False
    await first.heed()
    assert done == []


async def test_who_starts_while_the_store_is_away_does_not_do_what_was_ordered_before() -> None:
    store, done = Flaky(), list[str]()
    await heeding(store, []).give(Act.DISABLE, "one")
    store.away = True
    later = heeding(store, done)
    await later.begin()
    store.away = False
    await later.heed()
    assert done == []


async def test_orders_are_heeded_after_the_store_has_forgotten_all() -> None:
    store, done = Flaky(), list[str]()
    first, second = heeding(store, []), heeding(store, done)
    for name in ("one", "two", "three"):
        await first.give(Act.DISABLE, name)
    await second.begin()
    store.flush()
    await first.give(Act.ENABLE, "three")
    await second.heed()
    assert done == ["three"]
