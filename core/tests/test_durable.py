"""What must survive a restart does, and what cannot be read is set aside."""

from __future__ import annotations

import asyncio

import pytest
from simulated.engine import world
from simulated.providers import LISTING, endpoint, provider
from simulated.remote import Remote, body, in_turn, refusal

from feedmux import DAY, Backoff, Listed, ListingSource, NoProvider, Quotes, Request, Settings, Terms, Window
from feedmux.breaker import State
from feedmux.settings import ProviderSettings
from feedmux.store import FleetingStore, MemoryStore

BTC = Quotes(["BTC"])


def refusing(**limits):
    backoff = Backoff(steps=(120, 240, 600), blacklist_after=3)
    return provider(limits={"backoff": backoff, **limits}), Remote(script=in_turn(refusal()))


async def refuse_once(simulated):
    with pytest.raises(NoProvider):
        await simulated.mux.get(BTC)


def status(simulated):
    (row,) = simulated.mux.providers()
    return row


async def test_a_backoff_survives_a_restart():
    store, (declared, remote) = MemoryStore(), refusing()
    async with world({"one": (declared, remote)}, store=store) as simulated:
        await refuse_once(simulated)
        await simulated.mux.clock.sleep(20)
    async with world({"one": (declared, remote)}, store=store) as simulated:
        assert status(simulated).state is State.THROTTLED
        assert status(simulated).wait == pytest.approx(100, abs=0.1)
        await refuse_once(simulated)

        assert remote.requests == 1


async def test_the_row_of_refusals_survives_too_and_goes_on_to_the_blacklist():
    store, (declared, remote) = MemoryStore(), refusing()
    waits = []
    for _ in range(4):
        async with world({"one": (declared, remote)}, store=store) as simulated:
            await refuse_once(simulated)
            waits.append(status(simulated).wait)
            await simulated.mux.clock.sleep(waits[-1])
            last = status(simulated)

    assert waits == pytest.approx([120, 240, 600, 600])
    assert "4 times in a row" in last.cause


async def test_a_window_survives_a_restart():
    store, declared, remote = MemoryStore(), provider(limits={"windows": (Window(3, DAY),)}), Remote()
    for n in range(5):
        async with world({"one": (declared, remote)}, store=store) as simulated:
            if n < 3:
                await simulated.mux.get(Quotes([f"S{n}"]))
            else:
                await refuse_once(simulated)
                assert simulated.mux.ledger()[0].left == 0

    assert remote.requests == 3


async def test_a_listing_survives_a_restart():
    def script(call):
        return body({"names": ["BTC"]}) if call.path == "/listing" else None

    store, remote = MemoryStore(), Remote(script=script)
    declared = provider(endpoint(Quotes, Terms(ttl=1)), listing=LISTING)
    for _ in range(2):
        async with world({"one": (declared, remote)}, store=store) as simulated:
            await simulated.mux.get(BTC)

    assert [call.path for call in remote.calls] == ["/listing", "/quotes", "/quotes"]


async def test_a_refused_key_is_tried_again_after_a_restart():
    store, declared = MemoryStore(), provider()
    remote = Remote(script=in_turn(body({"error": "key"}, status=401), None))
    async with world({"one": (declared, remote)}, store=store) as simulated:
        await refuse_once(simulated)
        assert status(simulated).state is State.NEEDS_KEY
    async with world({"one": (declared, remote)}, store=store) as simulated:
        assert len(await simulated.mux.get(BTC)) == 1


async def test_a_window_declared_anew_starts_empty():
    store, remote = MemoryStore(), Remote()
    async with world(
        {"one": (provider(limits={"windows": (Window(3, DAY),)}), remote)}, store=store
    ) as simulated:
        await simulated.mux.get(BTC)
    async with world(
        {"one": (provider(limits={"windows": (Window(9, DAY),)}), remote)}, store=store
    ) as simulated:
        assert simulated.mux.ledger()[0].left == 9


@pytest.mark.parametrize("junk", [b"", b"\xff\x00", b"\x80", b"\x85\xa7version\x02", b"null" * 1000])
async def test_what_cannot_be_read_is_set_aside_and_the_engine_starts(junk):
    store = MemoryStore()
    await store.compare_and_set("member/one", junk, 0)
    async with world({"one": (provider(), Remote())}, store=store) as simulated:
        assert len(await simulated.mux.get(BTC)) == 1


async def test_state_of_a_provider_that_is_disabled_meanwhile_is_kept():
    store, (declared, remote) = MemoryStore(), refusing()
    off = Settings(providers={"one": ProviderSettings(enabled=False)})
    async with world({"one": (declared, remote)}, store=store) as simulated:
        await refuse_once(simulated)
    async with world({"one": (declared, remote)}, store=store, settings=off):
        pass
    async with world({"one": (declared, remote)}, store=store) as simulated:
        assert status(simulated).state is State.THROTTLED


async def test_a_window_shared_by_two_providers_is_counted_once_over_a_restart():
    store, limits = MemoryStore(), {"windows": (Window(10, DAY),), "pool": "account"}
    providers = {name: (provider(limits=limits), Remote()) for name in ("one", "two")}
    async with world(providers, store=store) as simulated:
        for n in range(3):
            await simulated.mux.get(Quotes([f"S{n}"]))
    async with world(providers, store=store) as simulated:
        (row,) = simulated.mux.ledger()
        assert (row.pool, row.left) == ("account", 7)


async def test_the_minimum_interval_outlasts_a_restart():
    store, remote = MemoryStore(), Remote(delays=(0.1, 0.1))
    declared = provider(limits={"min_interval": 30})
    for n in range(2):
        async with world({"one": (declared, remote)}, store=store) as simulated:
            if n:
                with pytest.raises(NoProvider):
                    await simulated.mux.get(Quotes([f"S{n}"]))
                await simulated.mux.clock.sleep(30)
            await simulated.mux.get(Quotes([f"S{n}"]))

    first, second = (call.begun for call in remote.calls)
    assert second - first >= 30.1


async def test_an_exact_asset_that_shares_its_symbol_with_a_larger_one_is_found_and_stays_so():
    def twins(body):
        return [Listed("ABC", id="large", rank=1), Listed("ABC", id="small", rank=2)]

    store, remote = MemoryStore(), Remote()
    declared = provider(listing=ListingSource(Request("/listing"), twins))
    for _ in range(2):
        async with world({"one": (declared, remote)}, store=store) as simulated:
            assert len(await simulated.mux.get(Quotes(["one:small"]))) == 1

    assert [call.symbols for call in remote.calls if call.path == "/quotes"] == [["small"], ["small"]]


class SlowOnce(MemoryStore):
    """Takes its time for the first write of a member."""

    clock = None

    async def compare_and_set(self, key, value, version):
        if key.startswith("member/") and (clock := self.clock):
            self.clock = None
            await clock.sleep(0.4)
        return await super().compare_and_set(key, value, version)


class RefusesTwice(Remote):
    """Asks for 20 s, and to a request that it answers later for 600 s."""

    async def _answer(self, call):
        later = call.symbols == ["B"]
        await self.clock.sleep(0.2 if later else 0.1)
        return refusal(600 if later else 20)


async def test_what_is_stored_is_the_newest_state_however_long_a_write_takes():
    store, remote = SlowOnce(), RefusesTwice()
    async with world({"one": (provider(), remote)}, store=store) as simulated:
        store.clock = simulated.mux.clock
        questions = (simulated.mux.get(Quotes([symbol]), deadline=0.5) for symbol in "AB")
        await asyncio.gather(*questions, return_exceptions=True)
        await simulated.mux.clock.sleep(3)
        stored = dict(store._values)
    copy = MemoryStore()
    copy._values = stored
    async with world({"one": (provider(), remote)}, store=copy) as simulated:
        assert status(simulated).wait > 500


async def crash(providers, questions):
    """The store as a process leaves it that asked so much, one question a second, and then was no more."""
    store, crashed = MemoryStore(), MemoryStore()
    async with world(providers, store=store) as simulated:
        for n in range(questions):
            await simulated.mux.get(Quotes([f"S{n}"]))
            await simulated.mux.clock.sleep(1)
        await simulated.mux.clock.sleep(30)
        crashed._values = dict(store._values)
    return crashed


async def test_a_long_window_survives_a_crash():
    providers = {"one": (provider(limits={"windows": (Window(100, DAY),)}), Remote())}
    store = await crash(providers, 8)
    async with world(providers, store=store) as simulated:
        assert simulated.mux.ledger()[0].left == 92


class Counting(MemoryStore):
    writes = 0

    async def compare_and_set(self, key, value, version):
        self.writes += key.startswith("quota/")
        return await super().compare_and_set(key, value, version)


@pytest.mark.parametrize(("per", "most"), [(DAY, 5), (60.0, 1)])
async def test_only_a_long_window_is_written_while_it_is_drawn_on_and_at_most_every_30_s(per, most):
    store = Counting()
    providers = {"one": (provider(limits={"windows": (Window(500, per),)}), Remote())}
    async with world(providers, store=store) as simulated:
        at_start = store.writes
        for n in range(100):
            await simulated.mux.get(Quotes([f"S{n}"]))
            await simulated.mux.clock.sleep(1)
        written = store.writes - at_start

    assert most - 1 <= written <= most


@pytest.mark.parametrize(("kind", "written"), [(MemoryStore, True), (FleetingStore, False)])
async def test_answers_are_written_only_where_a_later_engine_may_read_them(kind, written):
    class Shelving(kind):
        shelved_any = False

        async def shelve(self, answers, now):
            self.shelved_any = self.shelved_any or bool(answers)
            await super().shelve(answers, now)

    store = Shelving()
    async with world({"one": (provider(), Remote())}, store=store) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))

    assert store.shelved_any is written
