"""An upstream that pushes, and everything it can do wrong: what whoever watches saw, real sockets on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

import msgspec
import pytest

import feedmux
from feedmux import Answer, Mux, Quotes, Upstream, hookimpl
from feedmux.breaker import State
from feedmux.event import Changed, Event, Held, StreamLost, StreamOpened, StreamResumed
from feedmux.settings import settings_from
from feedmux_binance_dt import provider, stream

from .bodies import PRICES
from .clock import ShiftedClock, until
from .streamer import PRICE, Streamer, ahead, frame, hastened
from .upstream import Upstream as Servers

pytestmark = pytest.mark.anyio
BTC = Quotes(["BTC"])
SILENT = stream.push.silent_after


class Watcher:
    """Collects what a watch is told, and when."""

    def __init__(self, mux: Mux, query: Quotes = BTC, every: float | None = None) -> None:
        self.seen: list[Answer[Any]] = []
        self._watch = mux.watch(query, every=every)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for answer in self._watch:
            self.seen.append(answer)

    @property
    def last(self) -> Answer[Any]:
        return self.seen[-1]

    @property
    def prices(self) -> list[float]:
        return [answer.items[0].price for answer in self.seen]

    async def saw(self, count: int) -> None:
        await until(lambda: len(self.seen) >= count)

    async def saw_price(self, price: float) -> None:
        await until(lambda: bool(self.seen) and self.last.items[0].price == price)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


class Scene:
    """An engine whose Binance is the two servers on loopback."""

    def __init__(self, mux: Mux, streamer: Streamer, upstream: Servers, clock: ShiftedClock) -> None:
        self.mux = mux
        self.streamer = streamer
        self.upstream = upstream
        self.clock = clock
        self.events: list[Event] = []
        mux.listen(self.events.append)

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def watched(self, **how: Any) -> Watcher:
        """A watcher to whom a first price has been pushed."""
        watcher = Watcher(self.mux, **how)
        await until(lambda: self.streamer.listens_to("BTC") == 1)
        await self.streamer.tick()
        await watcher.saw_price(PRICE)
        return watcher

    async def back(self) -> None:
        """The pause is over and the ticker subscribed to once more."""
        await hastened(self.clock, lambda: self.streamer.listens_to("BTC") == 1)


@pytest.fixture
async def scene(
    streamer: Streamer, upstream: Servers, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("FEEDMUX_PLUGINS", "binance_dt,coingecko")
    sections = {
        "binance_dt": {"base_url": upstream.base_url("binance_dt"), "stream_url": streamer.url},
        "coingecko": {"base_url": upstream.base_url("coingecko")},
    }
    async with feedmux.open(settings_from({"providers": sections}, {}), clock=clock, seed=1) as mux:
        yield Scene(mux, streamer, upstream, clock)
    await until(lambda: not streamer.connections)
    left = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    assert not [name for name in left if name.startswith(("Feed.", "Line.", "Connection.", "Mux."))]


async def test_fifty_watches_cost_one_connection_and_one_subscription(scene: Scene) -> None:
    watchers = [Watcher(scene.mux) for _ in range(50)]
    await until(lambda: scene.streamer.listens_to("BTC") == 1)
    for price in (PRICE, PRICE + 1, PRICE + 2):
        await scene.streamer.tick(price=price)
        for watcher in watchers:
            await watcher.saw_price(price)

    assert scene.streamer.dialled == 1
    assert [methods for _, methods, _ in scene.streamer.heard] == ["SUBSCRIBE"]
    assert {answer.gap for watcher in watchers for answer in watcher.seen} == {0.0}
    assert len(scene.upstream.reached()) <= 2  # the listing, and the first answer
    for watcher in watchers:
        await watcher.end()
    await hastened(scene.clock, lambda: not scene.streamer.connections)


async def test_what_is_pushed_answers_questions_too(scene: Scene) -> None:
    watcher = await scene.watched()
    scene.upstream.forget()
    answer = await scene.mux.get(BTC)

    assert answer.items[0].price == PRICE
    assert (answer.items[0].provider, answer.items[0].pair) == ("binance_dt", "BTC/USDT")
    assert answer.items[0].observed_at <= answer.items[0].fetched_at
    assert scene.upstream.reached() == []
    await watcher.end()


async def test_the_last_to_leave_ends_the_subscription_and_then_the_connection(scene: Scene) -> None:
    first, second = await scene.watched(), Watcher(scene.mux)
    await first.end()
    await scene.streamer.tick(price=PRICE + 1)
    await second.saw_price(PRICE + 1)
    await second.end()
    await until(lambda: scene.streamer.listens_to("BTC") == 0)

    assert scene.streamer.heard[-1][1:] == ("UNSUBSCRIBE", ["btcusdt@ticker"])
    assert len(scene.streamer.connections) == 1
    await hastened(scene.clock, lambda: not scene.streamer.connections)
    assert scene.streamer.closed_with == [1000]


async def test_a_silent_stream_is_given_up_and_polled_for(scene: Scene) -> None:
    watcher = await scene.watched()
    scene.upstream.forget()
    scene.clock.advance(SILENT + 0.01)
    await until(lambda: watcher.last.items[0].price == PRICES["BTC"])

    assert [lost.reason for lost in scene.told(StreamLost)] == ["nothing new for 30 s"]
    assert SILENT <= watcher.last.gap < SILENT + 1
    assert not watcher.last.stale
    assert isinstance(watcher.last.trace.events[0], StreamLost)
    assert len(scene.upstream.reached()) >= 1
    await watcher.end()


async def test_one_event_repeated_is_silence(scene: Scene) -> None:
    watcher = await scene.watched()
    said = frame("BTC", PRICE + 5, scene.clock.now())
    await scene.streamer.say(said)
    await watcher.saw_price(PRICE + 5)
    for _ in range(4):
        scene.clock.advance(SILENT / 4 + 0.1)
        await scene.streamer.say(said)
    await until(lambda: bool(scene.told(StreamLost)))
    await watcher.saw_price(PRICES["BTC"])

    assert watcher.last.gap >= SILENT
    assert watcher.prices.count(PRICE + 5) == 1
    await watcher.end()


async def test_events_that_come_too_late_are_never_served_as_fresh(scene: Scene) -> None:
    watcher = await scene.watched()
    await scene.streamer.tick(price=PRICE + 9, at=ahead(scene.clock, -SILENT - 5))
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert PRICE + 9 not in watcher.prices
    await watcher.end()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1011, 1012, 1013])
async def test_whatever_code_it_is_closed_with_it_is_opened_again(scene: Scene, code: int) -> None:
    watcher = await scene.watched(every=1000)
    await scene.streamer.close(code)
    await until(lambda: bool(scene.told(StreamLost)))
    await scene.back()
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert str(code) in scene.told(StreamLost)[0].reason
    assert 0 < watcher.last.gap < 3
    assert len(scene.told(StreamResumed)) == 1
    assert scene.streamer.dialled == 2
    await scene.streamer.tick(price=PRICE + 2)
    await watcher.saw_price(PRICE + 2)
    assert watcher.last.gap == 0
    await watcher.end()


async def test_half_a_frame_is_nothing(scene: Scene) -> None:
    watcher = await scene.watched(every=1000)
    whole = frame("BTC", PRICE + 7, scene.clock.now()).encode()
    scene.streamer.cut(after=b"\x81\x7e" + len(whole).to_bytes(2, "big") + whole[:100])
    await until(lambda: bool(scene.told(StreamLost)))
    await scene.back()
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert PRICE + 7 not in watcher.prices
    assert watcher.last.gap > 0
    await watcher.end()


async def test_a_message_without_end_is_not_read(scene: Scene) -> None:
    watcher = await scene.watched(every=1000)
    await scene.streamer.say("x" * (1024 * 1024 + 1))
    await until(lambda: bool(scene.told(StreamLost)))

    assert "larger than 1048576 bytes" in scene.told(StreamLost)[0].reason
    await scene.back()
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)
    await watcher.end()


@pytest.mark.parametrize(
    "garbage",
    ["<html><body>502</body></html>", b"\xff\xfe\x00", "{", "[]", "null", '{"stream":"btcusdt@ticker"}', ""],
)
async def test_garbage_in_between_is_passed_over(scene: Scene, garbage: str | bytes) -> None:
    watcher = await scene.watched()
    await scene.streamer.say(garbage)
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert scene.told(StreamLost) == []
    assert watcher.prices[-2:] == [PRICE, PRICE + 1]
    await watcher.end()


@pytest.mark.parametrize(
    "said",
    [{"s": "ETHUSDT"}, {"c": "-1"}, {"c": "NaN"}, {"c": "0.00000000"}, {"c": None}, {"E": "soon"}],
)
async def test_what_cannot_be_true_is_held_back(scene: Scene, said: dict[str, Any]) -> None:
    watcher = await scene.watched()
    await scene.streamer.tick(price=PRICE + 9, **said)
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert watcher.prices[-2:] == [PRICE, PRICE + 1]
    await watcher.end()


async def test_an_event_from_the_future_is_held_back(scene: Scene) -> None:
    watcher = await scene.watched()
    await scene.streamer.tick(price=PRICE + 9, at=ahead(scene.clock, 400))
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert PRICE + 9 not in watcher.prices
    assert "in the future" in scene.told(Held)[0].detail
    await watcher.end()


async def test_a_clock_that_runs_a_minute_fast_for_one_event_silences_nothing(scene: Scene) -> None:
    watcher = await scene.watched()
    await scene.streamer.tick(price=PRICE + 1, at=ahead(scene.clock, 60))
    await watcher.saw_price(PRICE + 1)
    scene.clock.advance(1)
    await scene.streamer.tick(price=PRICE + 2)
    await watcher.saw_price(PRICE + 2)
    await watcher.end()


async def test_a_price_that_jumps_is_shown_only_once_another_provider_says_so(scene: Scene) -> None:
    watcher = await scene.watched()
    scene.upstream.forget()
    await scene.streamer.tick(price=PRICE * 3)
    await until(lambda: bool(scene.upstream.reached()))
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert PRICE * 3 not in watcher.prices
    assert "jump" in scene.told(Held)[0].detail
    await watcher.end()


async def test_its_pings_are_answered(scene: Scene) -> None:
    watcher = await scene.watched()
    pong = await scene.streamer.connections[0].ping(b"1672515782136")
    await asyncio.wait_for(pong, 2)
    await watcher.end()


async def test_where_ours_are_not_the_connection_is_replaced(scene: Scene) -> None:
    watcher = await scene.watched(every=1000)
    scene.streamer.reads(again=False)
    await hastened(scene.clock, lambda: scene.streamer.dialled == 2, step=1)
    scene.streamer.reads(again=True)
    await scene.back()
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)

    assert len(scene.told(StreamResumed)) == 1
    await watcher.end()


async def test_a_refused_upgrade_closes_the_provider_for_its_retry_after(scene: Scene) -> None:
    scene.streamer.refuses(429, retry_after="40")
    watcher = Watcher(scene.mux, every=0.05)
    await until(lambda: bool(scene.told(StreamLost)))
    await watcher.saw(1)
    closed = [event for event in scene.told(Changed) if event.state is State.THROTTLED]
    assert [(event.member, event.wait) for event in closed] == [("binance_dt", 40)]
    scene.upstream.forget()
    for _ in range(6):
        scene.clock.advance(6)
        await scene.clock.sleep(0.02)
    assert scene.streamer.dialled == 1
    assert "binance_dt" not in {arrival.provider for arrival in scene.upstream.reached()}

    scene.streamer.refusal = None
    await hastened(scene.clock, lambda: scene.streamer.listens_to("BTC") == 1)
    await watcher.end()


async def test_a_stream_that_cannot_be_reached_is_polled_for_until_it_can(scene: Scene) -> None:
    await scene.streamer.stop()
    watcher = Watcher(scene.mux, every=0.05)
    await until(lambda: bool(scene.told(StreamLost)))
    await watcher.saw(2)

    assert scene.told(StreamLost)[0].reason == "cannot be reached"
    assert {answer.gap for answer in watcher.seen} == {0.0}
    await scene.streamer.start()
    await scene.back()
    await scene.streamer.tick()
    await watcher.saw_price(PRICE)
    assert len(scene.told(StreamOpened)) == 1
    await watcher.end()


async def test_no_more_is_said_in_a_second_than_the_upstream_lets_us(scene: Scene) -> None:
    watchers = []
    for number in range(40):
        watchers.append(Watcher(scene.mux, Quotes([f"GEN{number}"])))
        await until(lambda: True)
        await scene.streamer.clock.sleep(0.05)
    await until(lambda: all(scene.streamer.listens_to(f"GEN{n}") == 1 for n in range(40)))

    assert scene.streamer.dialled == 1
    assert scene.streamer.busiest() <= stream.push.messages.limit - 1
    for watcher in watchers:
        await watcher.end()


class ShortLived:
    """The extension that has Binance cut its connections after fewer seconds."""

    @hookimpl(wrapper=True)
    def feedmux_upstream(self) -> Generator[None, Upstream, Upstream]:
        upstream = yield
        assert upstream.push is not None
        return msgspec.structs.replace(upstream, push=msgspec.structs.replace(upstream.push, lifetime=200))


async def test_nothing_is_lost_where_a_connection_ends_after_its_lifetime(
    streamer: Streamer, upstream: Servers, clock: ShiftedClock
) -> None:
    section = {"base_url": upstream.base_url("binance_dt"), "stream_url": streamer.url}
    chosen = settings_from({"providers": {"binance_dt": section}}, {})
    plugins, extensions = {"binance_dt": provider}, {"short": ShortLived()}
    async with feedmux.open(chosen, plugins=plugins, extensions=extensions, clock=clock, seed=1) as mux:
        scene = Scene(mux, streamer, upstream, clock)
        watcher = await scene.watched(every=1000)
        for second in range(25, 200, 25):
            clock.advance(25)
            await streamer.tick(price=PRICE + second)
            await watcher.saw_price(PRICE + second)
        assert streamer.dialled == 1
        await hastened(clock, lambda: streamer.listens_to("BTC") == 2)
        await streamer.tick(price=PRICE - 1)
        await watcher.saw_price(PRICE - 1)
        await until(lambda: len(streamer.connections) == 1)

        assert scene.told(StreamLost) == []
        assert {answer.gap for answer in watcher.seen} == {0.0}
        await watcher.end()


async def test_an_announced_shutdown_is_evaded(scene: Scene) -> None:
    watcher = await scene.watched(every=1000)
    await scene.streamer.say('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}')
    await hastened(scene.clock, lambda: scene.streamer.dialled == 2)
    await until(lambda: scene.streamer.listens_to("BTC") == 2)
    await scene.streamer.tick(price=PRICE + 1)
    await watcher.saw_price(PRICE + 1)
    await until(lambda: len(scene.streamer.connections) == 1)

    assert scene.told(StreamLost) == []
    await watcher.end()


async def test_a_base_url_alone_means_polling(
    streamer: Streamer, upstream: Servers, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDMUX_PLUGINS", "binance_dt")
    sections = {"binance_dt": {"base_url": upstream.base_url("binance_dt")}}
    async with feedmux.open(settings_from({"providers": sections}, {}), clock=clock, seed=1) as mux:
        watcher = Watcher(mux, every=0.05)
        await watcher.saw(2)
        assert streamer.dialled == 0
        await watcher.end()
