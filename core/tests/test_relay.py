"""What one process learns reaches the others at once, and each thing is streamed once among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
import structlog
from simulated.engine import World, world
from simulated.providers import SPEAKS, endpoint, provider
from simulated.pusher import QUOTES, Pusher, push
from simulated.remote import Remote, unreachable

from feedmux import Candles, FearGreed, Gas, Mux, Quotes, Terms, Trending
from feedmux.broadcast import WAITING
from feedmux.event import StreamLost, StreamResumed
from feedmux.lead import HANDOVER, LASTS
from feedmux.relay import MemoryRelay
from feedmux.virtual import virtual_clock

BTC = Quotes(["BTC"])
SILENT = 30.0


class Cable(MemoryRelay):
    """A relay that can be cut for those who hold this end of it."""

    def __init__(self, whole: MemoryRelay) -> None:
        self._whole = whole
        self.cut = asyncio.Event()
        self.mute = False
        self.delay = 0.0
        self.said: list[bytes] = []

    def _check(self) -> None:
        if self.cut.is_set():
            raise ConnectionError("cut")

    async def publish(self, message: bytes) -> None:
        self._check()
        self.said.append(message)
        if not self.mute:
            await self._whole.publish(message)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[bytes]]:
        self._check()
        async with self._whole.listening() as messages:
            yield self._until_cut(messages)

    async def _until_cut(self, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            coming, cut = asyncio.ensure_future(anext(messages)), asyncio.ensure_future(self.cut.wait())
            try:
                await asyncio.wait({coming, cut}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in (coming, cut):
                    one.cancel()
            self._check()
            yield coming.result()

    async def lead(self, names: Any, holder: str, seconds: float) -> frozenset[str]:
        self._check()
        led = await self._whole.lead(names, holder, seconds)
        await self._whole._clock.sleep(self.delay)
        return led

    async def resign(self, names: Any, holder: str) -> None:
        self._check()
        await self._whole.resign(names, holder)


class Process:
    """One engine of the deployment, its own way to the upstream and its end of the relay."""

    def __init__(self, simulated: World, remote: Pusher, cable: Cable) -> None:
        self.events = simulated.events
        self.mux = simulated.mux
        self.remote = remote
        self.cable = cable
        self.answers: list[Any] = []
        self.at: list[float] = []
        self._task: asyncio.Task[None] | None = None

    def watch(self, query: Quotes = BTC) -> None:
        self._task = asyncio.create_task(self._watch(query))

    async def _watch(self, query: Quotes) -> None:
        async for answer in self.mux.watch(query, every=1000):
            self.answers.append(answer)
            self.at.append(self.mux.clock.monotonic())

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def die(self) -> None:
        """End as a process ends that is killed: nothing of it runs on, and it says nothing more."""
        self.cable.cut.set()
        for wire in self.remote.wires:
            wire.closed = True
        for tasks in self.mux._streams._running.values():
            for task in tasks:
                task.cancel()

    @property
    def prices(self) -> list[float]:
        return [answer.items[0].price for answer in self.answers]

    @property
    def streams(self) -> int:
        """Upstream streams that are open and on which something is subscribed to."""
        return sum(1 for wire in self.remote.wires if wire.channels and not wire.closed)

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Deployment:
    """Several processes on one relay and one clock."""

    def __init__(self) -> None:
        self.clock = virtual_clock()
        self.relay = MemoryRelay(self.clock)
        self._open = AsyncExitStack()
        self._ends: dict[Process, AsyncExitStack] = {}

    async def __aenter__(self) -> Deployment:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for process in tuple(self._ends):
            await self.end(process)

    async def begin(self, remote: Pusher | None = None, **declared: Any) -> Process:
        end = AsyncExitStack()
        remote, cable = remote or Pusher(), Cable(self.relay)
        plugin = provider(push=push(silent_after=SILENT, **declared), streams=(QUOTES,))
        simulated = await end.enter_async_context(
            world({"one": (plugin, remote)}, relay=cable, clock=self.clock, seed=len(self._ends) + 1)
        )
        process = Process(simulated, remote, cable)
        self._ends[process] = end
        await self.pass_(0.01)
        return process

    async def watching(self, count: int) -> list[Process]:
        """So many processes that all watch one thing; the first leads on it."""
        processes = []
        for _ in range(count):
            process = await self.begin()
            process.watch()
            await self.pass_(1)
            processes.append(process)
        return processes

    async def end(self, process: Process) -> None:
        """In order."""
        await process.leave()
        await self._ends.pop(process).aclose()

    async def pass_(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


async def test_two_processes_open_one_stream_and_both_see_each_price_at_once():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        for price in (101.0, 102.0, 103.0):
            first.remote.say("BTC", price)
            await deployment.pass_(20)

        assert (first.streams, second.streams, second.remote.dialled) == (1, 0, [])
        assert first.prices[-3:] == second.prices[-3:] == [101.0, 102.0, 103.0]
        assert second.at[-3:] == first.at[-3:]
        assert {answer.gap for answer in first.answers + second.answers} == {0}


async def test_what_is_heard_over_the_relay_is_not_polled():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        for price in range(30):
            first.remote.say("BTC", 101.0 + price)
            await deployment.pass_(10)

        assert [first.remote.requests, second.remote.requests] == [1, 1]  # the first answer
        assert second.told(StreamLost) == []


async def test_ten_pushes_in_a_second_are_ten_changes_elsewhere():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        for price in range(10):
            first.remote.say("BTC", 101.0 + price)
            await deployment.pass_(0.05)

        assert second.prices[-10:] == [101.0 + price for price in range(10)]


async def test_an_answer_that_one_process_fetched_serves_the_other():
    async with Deployment() as deployment:
        first, second = await deployment.begin(), await deployment.begin()
        await first.mux.get(BTC)
        await deployment.pass_(0.01)
        answer = await second.mux.get(BTC)

        assert second.remote.requests == 0
        assert answer.items[0].fetched_at < deployment.clock.now()


@pytest.mark.parametrize(
    "query",
    [Candles("BTC", "1h", 50), FearGreed(1), Trending(5), Gas("ethereum"), Quotes(["BTC", "ETH"], "EUR")],
)
async def test_an_answer_to_any_question_is_taken_up_whole(query):
    plugin, clock = provider(*(endpoint(kind, Terms(ttl=60)) for kind in SPEAKS)), virtual_clock()
    relay, remotes = MemoryRelay(clock), (Remote(), Remote())
    async with (
        world({"one": (plugin, remotes[0])}, relay=relay, clock=clock) as one,
        world({"one": (plugin, remotes[1])}, relay=relay, clock=clock, seed=2) as two,
    ):
        await clock.sleep(0.01)
        asked = await one.mux.get(query)
        await clock.sleep(0.01)
        heard = await two.mux.get(query)

        assert heard.items == asked.items
        assert remotes[1].requests == two.mux._company.broadcast.dropped == 0


async def test_an_observation_a_little_ahead_of_our_clock_is_taken_up():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        first.remote.say("BTC", 101.0, at=deployment.clock.now().timestamp() + 60)
        await deployment.pass_(1)

        assert second.prices[-1] == 101.0


async def test_what_is_older_than_what_is_known_changes_nothing():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        for price in (101.0, 102.0):
            first.remote.say("BTC", price)
            await deployment.pass_(1)
        await deployment.relay.publish(first.cable.said[-2])
        await deployment.pass_(1)

        assert second.prices[-1] == 102.0


async def test_what_was_heard_is_not_said_again():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        second.cable.said.clear()
        for price in range(5):
            first.remote.say("BTC", 101.0 + price)
            await deployment.pass_(1)

        assert second.cable.said == []


async def test_where_the_leader_ends_in_order_another_streams_within_a_second_and_tells_the_gap():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        first.remote.say("BTC", 101.0)
        await deployment.pass_(5)
        await deployment.end(first)
        await deployment.pass_(1)
        assert second.streams == 1
        second.remote.say("BTC", 102.0)
        await deployment.pass_(1)

        assert second.prices[-1] == 102.0
        assert second.answers[-1].gap > 0
        assert len(second.told(StreamLost)) == len(second.told(StreamResumed)) == 1


async def test_where_nobody_watches_it_in_the_leading_process_any_more_another_streams():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        await first.leave()
        await deployment.pass_(1)

        assert second.streams == 1


async def test_a_lead_that_comes_after_the_last_watch_has_left_is_given_back():
    async with Deployment() as deployment:
        first, second = await deployment.begin(), await deployment.begin()
        first.cable.delay = 0.4
        await first.mux.get(BTC)
        first.watch()
        await deployment.pass_(0.1)
        await first.leave()
        second.watch()
        await deployment.pass_(LASTS / 2)

        assert (first.streams, second.streams) == (0, 1)


async def test_where_the_leader_dies_one_of_the_others_streams_once_its_lead_has_ended():
    async with Deployment() as deployment:
        first, *others = await deployment.watching(3)
        first.remote.say("BTC", 101.0)
        await deployment.pass_(0.1)
        first.die()
        await deployment.pass_(LASTS + 2)
        assert sorted(one.streams for one in others) == [0, 1]

        for one in others:
            one.remote.say("BTC", 102.0)
        await deployment.pass_(0.1)
        assert [one.prices[-1] for one in others] == [102.0, 102.0]
        assert all(0 < one.answers[-1].gap <= LASTS + 3 for one in others)


async def test_a_break_at_the_leader_is_a_gap_for_all():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        first.remote.say("BTC", 101.0)
        await deployment.pass_(5)
        first.remote.wires[0].cut()
        await deployment.pass_(4)
        first.remote.say("BTC", 102.0)
        await deployment.pass_(0.1)

        assert (first.streams, second.streams) == (1, 0)
        assert first.answers[-1].gap == second.answers[-1].gap == 9


async def test_a_leader_that_hears_nothing_new_lets_another_try():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        first.remote.say("BTC", 101.0)
        await deployment.pass_(SILENT + HANDOVER)

        assert (first.streams, second.streams) == (0, 1)
        second.remote.say("BTC", 102.0)
        await deployment.pass_(1)
        assert first.prices[-1] == second.prices[-1] == 102.0


async def test_a_leader_whose_upstream_stays_out_of_reach_lets_another_try():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        first.remote.say("BTC", 101.0)
        await deployment.pass_(1)
        first.remote.refusals_to_open = [unreachable() for _ in range(1000)]
        first.remote.wires[0].cut()
        await deployment.pass_(SILENT - 2)
        assert (first.streams, second.streams) == (0, 0)

        await deployment.pass_(HANDOVER + 1)
        assert second.streams == 1


async def test_who_asked_too_early_for_the_lead_asks_again_once_the_leader_hears_nothing():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        first.cable.mute = True
        for price in range(4):
            first.remote.say("BTC", 101.0 + price)
            await deployment.pass_(SILENT / 2)
        assert (first.streams, second.streams) == (1, 0)

        first.cable.mute = False
        await deployment.pass_(SILENT)
        assert (first.streams, second.streams) == (0, 1)


async def test_what_another_streams_from_one_provider_is_not_streamed_from_a_second():
    clock = virtual_clock()
    relay, parts = MemoryRelay(clock), [Quotes([f"S{number}"]) for number in range(6)]
    remotes = [{"one": Pusher(), "two": Pusher()} for _ in range(2)]
    async with AsyncExitStack() as opened:
        processes = []
        for seed, pair in enumerate(remotes):
            providers = {
                name: (provider(push=push(), streams=(QUOTES,)), remote) for name, remote in pair.items()
            }
            one = world(providers, relay=relay, clock=clock, seed=seed)
            processes.append(await opened.enter_async_context(one))
        for seed, simulated in enumerate(processes):
            for part in parts[::-1] if seed else parts:
                simulated.mux._streams.follow(part, lambda: None).look()
                await simulated.mux.get(Quotes([f"{part.symbols[0]}X{seed}"]))
            await clock.sleep(1)
            for remote in remotes[0].values():
                for part in parts:
                    remote.say(part.symbols[0], 101.0)
            await clock.sleep(1)

        wires = [wire for pair in remotes for remote in pair.values() for wire in remote.wires]
        channels = [channel for wire in wires for channel in wire.channels]
        assert [len(remote.wires) for remote in remotes[0].values()] == [1, 1]
        assert sorted(channels) == [f"price:S{number}" for number in range(6)]


async def test_where_nobody_hears_anything_the_lead_does_not_go_round():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        await deployment.pass_(10 * SILENT)

        subscriptions = [m for p in (first, second) for w in p.remote.wires for m in w.messages if "on" in m]
        alone = 10  # a line that brings nothing new is opened anew each time
        assert len(subscriptions) <= 2 * alone


async def test_data_that_is_old_is_no_sign_of_life():
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        wall = deployment.clock.now().timestamp()
        first.remote.say("BTC", 101.0, at=wall - SILENT + 1)
        await deployment.pass_(0.01)
        assert second.mux._streams._feeds["one", BTC].news_at == deployment.clock.monotonic() - 0.01

        second.mux._streams._feeds["one", BTC].overheard(_aged(second.mux))
        assert second.mux._streams._feeds["one", BTC].news_at < deployment.clock.monotonic()


def _aged(mux: Mux) -> Any:
    """What is in the cache, as it would be if it had been observed long ago."""
    (entry,) = mux._cache.cell(BTC).values()
    old = mux.clock.now().fromtimestamp(mux.clock.now().timestamp() - SILENT - 60, mux.clock.now().tzinfo)
    item = msgspec.structs.replace(entry.items[0], observed_at=old)
    return msgspec.structs.replace(entry, items=(item,))


async def test_where_the_relay_is_lost_each_streams_by_itself_and_says_so():
    async with Deployment() as deployment:
        with structlog.testing.capture_logs() as logged:
            processes = await deployment.watching(2)
            for process in processes:
                process.cable.cut.set()
            await deployment.pass_(LASTS + 2)

            assert [process.streams for process in processes] == [1, 1]
            lost = [line for line in logged if line["event"].startswith("the relay is lost")]
            assert len(lost) == 2
            assert all(process.mux.degraded for process in processes)
        for process in processes:
            process.cable.cut.clear()
        await deployment.pass_(5)
        assert sorted(process.streams for process in processes) == [0, 1]
        assert not any(process.mux.degraded for process in processes)


async def test_a_process_that_is_cut_off_alone_leaves_the_others_their_one_stream():
    async with Deployment() as deployment:
        first, second, third = await deployment.watching(3)
        first.cable.cut.set()
        await deployment.pass_(LASTS + 2)

        assert first.streams == 1
        assert second.streams + third.streams == 1


async def test_without_a_relay_each_engine_streams_by_itself():
    clock, remotes = virtual_clock(), (Pusher(), Pusher())
    plugin = provider(push=push(), streams=(QUOTES,))
    async with (
        world({"one": (plugin, remotes[0])}, clock=clock) as one,
        world({"one": (plugin, remotes[1])}, clock=clock) as two,
    ):
        for simulated in (one, two):
            follow = simulated.mux._streams.follow(BTC, lambda: None)
            follow.look()
        await clock.sleep(1)

        assert [len(remote.wires) for remote in remotes] == [1, 1]


def _forged(message: bytes, **changed: Any) -> bytes:
    """An answer as another process says it, but for what is changed."""
    version, _, words = msgspec.msgpack.decode(message)
    word = words[0]
    key, value = msgspec.msgpack.decode(word[1]), msgspec.msgpack.decode(word[2])
    items = msgspec.json.decode(value[8])
    items[0].update(changed.get("item", {}))
    for place, put in changed.get("value", {}).items():
        value[place] = put
    value[8] = msgspec.json.encode(items)
    word[1], word[2] = msgspec.msgpack.encode(key), msgspec.msgpack.encode(value)
    return msgspec.msgpack.encode([changed.get("version", version), "forger", [word]])


FORGED: dict[str, dict[str, Any]] = {
    "a price that is none": {"item": {"price": -1.0}},
    "a price that is no number": {"item": {"price": "101"}},
    "another symbol": {"item": {"symbol": "ETH"}},
    "another currency": {"item": {"vs": "EUR"}},
    "an observation in the future": {"item": {"observed_at": "2027-01-01T00:00:00Z"}},
    "an observation of long ago": {"item": {"observed_at": "2020-01-01T00:00:00Z"}},
    "no source": {"item": {"provider": ""}},
    "good for ever": {"value": {5: 1e12}},
    "a ttl that never ends": {"value": {4: float("inf")}},
    "good for no number of seconds": {"value": {5: float("nan")}},
    "a version to come": {"version": 2},
}


@pytest.mark.parametrize("what", FORGED)
async def test_what_cannot_be_true_is_dropped_and_counted(what):
    async with Deployment() as deployment:
        first = await deployment.begin()
        await first.mux.get(BTC)
        await deployment.pass_(0.01)
        good, second = first.cable.said[0], await deployment.begin()
        await deployment.relay.publish(_forged(good, **FORGED[what]))
        await deployment.pass_(0.01)

        assert second.mux._company.broadcast.dropped == 1
        assert second.mux.cached == 0


@pytest.mark.parametrize(
    "message", [b"", b"\xc1", b"nonsense", b"\x93\x01\xa1x\x91\x92\xa6answer\xc4\x00", b"\x91" * 10_000]
)
async def test_a_message_that_cannot_be_read_is_dropped_and_what_follows_is_heard(message):
    async with Deployment() as deployment:
        first, second = await deployment.watching(2)
        await deployment.relay.publish(message)
        first.remote.say("BTC", 101.0)
        await deployment.pass_(0.1)

        assert second.mux._company.broadcast.dropped == 1
        assert second.prices[-1] == 101.0


async def test_a_relay_that_hangs_holds_nobody_up_and_what_waits_is_bounded():
    class Hanging(MemoryRelay):
        async def publish(self, message: bytes) -> None:
            await asyncio.Event().wait()

    clock, remote = virtual_clock(), Remote()
    relay = Hanging(clock)
    async with world({"one": (provider(), remote)}, clock=clock, relay=relay) as simulated:
        began = clock.monotonic()
        await simulated.mux.get(BTC)
        assert clock.monotonic() - began < 0.2

        (entry,) = simulated.mux._cache.cell(BTC).values()
        for number in range(WAITING + 500):
            simulated.mux._cache.keep(Quotes([f"S{number}"]), entry)
        assert len(simulated.mux._company.broadcast._waiting) <= WAITING


async def test_a_lead_is_had_by_one_and_ends_by_itself():
    clock = virtual_clock()
    relay = MemoryRelay(clock)
    assert await relay.lead(["x", "y"], "a", 5) == {"x", "y"}
    assert await relay.lead(["x", "z"], "b", 5) == {"z"}
    await clock.sleep(4)
    assert await relay.lead(["x"], "a", 5) == {"x"}
    await clock.sleep(4)
    assert await relay.lead(["x", "y"], "b", 5) == {"y"}
    await relay.resign(["x"], "b")
    assert await relay.lead(["x"], "b", 5) == frozenset()
    await relay.resign(["x"], "a")
    assert await relay.lead(["x"], "b", 5) == {"x"}
