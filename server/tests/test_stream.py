"""Both protocols on a hub and an engine in virtual time; clients are sockets of our own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

import feedmux
from feedmux import Settings, hookimpl
from feedmux.errors import UpstreamDown
from feedmux.settings import EngineSettings
from feedmux.virtual import virtual_clock
from feedmux_server.compat.socket import Prices
from feedmux_server.stream.connection import Close, Connection, Gone
from feedmux_server.stream.hub import RESTING, Hub
from feedmux_server.stream.native import Native, Options

pytestmark = pytest.mark.anyio
RATE = 20


class Client:
    """One end of a connection. It reads until `reads` is cleared."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.frames: list[str] = []
        self.at: list[float] = []
        self.closed: tuple[int, str] | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.served: asyncio.Task[Close | None]
        self._said: asyncio.Queue[str | None] = asyncio.Queue()

    def say(self, *messages: object) -> None:
        for message in messages:
            self._said.put_nowait(message if isinstance(message, str) else json.dumps(message))

    async def leave(self) -> None:
        self._said.put_nowait(None)
        await asyncio.wait({self.served})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.got if message.get("type") == kind]

    @property
    def prices(self) -> list[dict[str, Any]]:
        return [message for message in self.got if "price" in message]

    async def accept(self) -> None: ...

    async def receive(self) -> str | None:
        return await self._said.get()

    async def send(self, text: str) -> None:
        await self.reads.wait()
        if self.closed is not None:
            raise Gone
        self.frames.append(text)
        found = json.loads(text)
        self.got += found if isinstance(found, list) else [found]
        self.at.append(virtual_clock().monotonic())

    async def close(self, code: int, reason: str) -> None:
        await self.reads.wait()
        self.closed = (code, reason)


class Room:
    """A hub, whoever connects to it, and time."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.wait: Callable[[float], Awaitable[None]] = hub.mux.clock.sleep

    async def native(self, *, most: int = 200, batch: bool = False) -> Client:
        return await self._connected(Native(self.hub, most, RATE, Options(batch)))

    async def older(self, *, most: int = 200) -> Client:
        return await self._connected(Prices(self.hub, most))

    async def _connected(self, dialogue: Native | Prices) -> Client:
        client = Client()
        client.served = asyncio.create_task(Connection(client, self.hub, dialogue, RATE).serve())
        await self.wait(0)
        return client


Opened = Callable[..., AbstractAsyncContextManager[Room]]


@pytest.fixture
def opened(wire: Any, one_provider: object) -> Opened:
    @asynccontextmanager
    async def open_room(*, clients: int = 1000, **limits: int) -> AsyncIterator[Room]:
        class Wires:
            @hookimpl
            def feedmux_transport(self, provider: str) -> Any:
                return wire

        async with feedmux.open(
            Settings(engine=EngineSettings(deadline=2.0)),
            plugins={"alpha": one_provider},
            extensions={"wire": Wires()},
            clock=virtual_clock(),
            seed=1,
        ) as mux:
            hub = Hub(mux, clients, seed=1, **limits)
            yield Room(hub)
            await hub.aclose()

    return open_room


@pytest.fixture
async def room(opened: Opened) -> AsyncIterator[Room]:
    async with opened() as one:
        yield one


def subscribe(*symbols: str, id: str = "1", **more: object) -> dict[str, object]:
    return {"type": "subscribe", "id": id, "capability": "quotes", "params": {"symbols": symbols}, **more}


BTC = "quotes?symbols=BTC"
OLD_BTC = {"type": "subscribe", "symbol": "BTC"}


# /v1/stream


async def test_a_subscription_is_confirmed_then_answered_with_a_snapshot_of_each_symbol(room: Room) -> None:
    client = await room.native()
    client.say(subscribe("btc", "ETH"))
    await room.wait(1)
    hello, subscribed, *snapshots = client.got
    assert (hello["type"], hello["epoch"]) == ("hello", room.hub.epoch)
    assert subscribed["topics"] == [BTC, "quotes?symbols=ETH"]
    assert [(s["type"], s["topic"], s["seq"], s["items"][0]["price"]) for s in snapshots] == [
        ("snapshot", BTC, 1, 100.0),
        ("snapshot", "quotes?symbols=ETH", 1, 100.0),
    ]
    assert {"observed_at", "fetched_at", "stale", "sandbox", "gap", "age", "missing"} <= snapshots[0].keys()


async def test_changes_follow_as_updates_with_rising_numbers(room: Room, wire: Any) -> None:
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(1)
    wire.price = 101.0
    await room.wait(25)
    updates = client.of("update")
    assert [u["seq"] for u in updates] == [2, 3]
    assert updates[0]["items"][0]["price"] == 101.0


async def test_an_age_counts_from_when_it_was_fetched(room: Room) -> None:
    first = await room.native()
    first.say(subscribe("BTC"))
    await room.wait(7)
    second = await room.native()
    second.say(subscribe("BTC"))
    await room.wait(0.1)
    assert first.of("snapshot")[0]["age"] == pytest.approx(0.01, abs=0.02)
    assert second.of("snapshot")[0]["age"] == pytest.approx(7.0, abs=0.05)


async def test_100_clients_of_one_question_cost_one_watch_and_get_the_same_bytes(
    room: Room, wire: Any
) -> None:
    clients = [await room.native() for _ in range(100)]
    for client in clients:
        client.say(subscribe("BTC"))
    await room.wait(35)
    watches = [task for task in asyncio.all_tasks() if "Topic._follow" in repr(task.get_coro())]
    assert (room.hub.clients, room.hub.topics, len(watches)) == (100, 1, 1)
    assert len(wire.asked) == 4
    assert len({tuple(client.frames[2:]) for client in clients}) == 1


async def test_the_last_to_leave_ends_the_watch(room: Room, wire: Any) -> None:
    first, second = await room.native(), await room.native()
    first.say(subscribe("BTC"))
    second.say(subscribe("BTC", "ETH"))
    await room.wait(1)
    second.say({"type": "unsubscribe", "id": "1"})
    await room.wait(1)
    assert room.hub.topics == 1
    await first.leave()
    assert (room.hub.clients, room.hub.topics) == (1, 0)
    asked = len(wire.asked)
    await room.wait(100)
    assert len(wire.asked) == asked
    assert second.of("unsubscribed") == [{"type": "unsubscribed", "id": "1"}]


async def test_any_capability_can_be_asked_for(room: Room) -> None:
    client = await room.native()
    client.say(
        {"type": "subscribe", "id": "c", "capability": "candles", "params": {"symbol": "BTC", "limit": 3}},
        {"type": "subscribe", "id": "r", "capability": "rainfall", "params": {"place": "sahara"}},
    )
    await room.wait(1)
    candles, rain = client.of("snapshot")
    assert (candles["topic"], len(candles["items"])) == ("candles?symbol=BTC&limit=3", 3)
    assert rain["items"] == []


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("[[[", "a message is one JSON object"),
        ("[" * 30_000, "a message is one JSON object"),
        ("[1]", "a message is one JSON object"),
        ({"type": "shout"}, "type: 'shout' is no message; there are subscribe, unsubscribe, ping"),
        (
            {"type": "subscribe", "capability": "quots"},
            "capability: 'quots' is not known; did you mean quotes?",
        ),
        ({"type": "subscribe", "capability": "quotes"}, "symbols: is missing; quotes needs it"),
        (subscribe("BTC", id=""), "id: expected `str` of length >= 1"),
        (subscribe("B C"), "symbols: 'B C' is no symbol"),
        ({"type": "subscribe", "capability": "quotes", "params": {"symbols": {}}}, "symbols: is a text"),
        ({"type": "subscribe", "capability": "quotes", "params": {"symbls": "BTC"}}, "symbls: quotes takes"),
        ({"type": "unsubscribe", "id": "x"}, "id: no subscription of this connection has it"),
        (subscribe("BTC", resume={BTC: "one"}), "resume"),
    ],
)
async def test_what_is_wrong_is_said_and_the_connection_stays_open(
    room: Room, message: object, detail: str
) -> None:
    client = await room.native()
    client.say(message, {"type": "ping", "id": "p"})
    await room.wait(1)
    (error,) = client.of("error")
    assert error["detail"].startswith(detail)
    assert (error["status"], error["problem"]) == (400, "urn:feedmux:problem:invalid-query")
    assert client.of("pong")[0]["id"] == "p"


async def test_an_error_names_the_subscription_it_belongs_to(room: Room) -> None:
    client = await room.native()
    client.say(subscribe("BTC", id="a"), subscribe("ETH", id="a"), subscribe("NOPE", id="b"))
    await room.wait(1)
    taken, unknown = client.of("error")
    assert (taken["id"], taken["detail"]) == ("a", "id: is in use on this connection")
    assert (unknown["id"], unknown["status"], unknown["topic"]) == ("b", 404, "quotes?symbols=NOPE")
    assert room.hub.topics == 1
    client.say(subscribe("ETH", id="b"))
    await room.wait(1)
    assert [s["topic"] for s in client.of("snapshot")] == [BTC, "quotes?symbols=ETH"]


async def test_no_more_topics_than_one_connection_may_have(room: Room) -> None:
    client = await room.native(most=2)
    client.say(subscribe("A", "B", id="1"), subscribe("C", id="2"))
    await room.wait(1)
    (error,) = client.of("error")
    assert (error["id"], error["status"], error["detail"]) == ("2", 429, "at most 2 topics on one connection")
    assert room.hub.topics == 2


async def test_a_client_that_comes_back_gets_one_snapshot_that_says_what_it_missed(room: Room) -> None:
    stays = await room.native()
    stays.say(subscribe("BTC"))
    comes = await room.native()
    comes.say(subscribe("BTC"))
    await room.wait(1)
    await comes.leave()
    await room.wait(30)
    back = await room.native()
    back.say(subscribe("BTC", epoch=room.hub.epoch, resume={BTC: 1}))
    await room.wait(1)
    (snapshot,) = back.of("snapshot")
    assert (snapshot["seq"], snapshot["skipped"]) == (4, 2)


async def test_a_client_that_comes_back_and_missed_nothing_gets_nothing(room: Room) -> None:
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(1)
    await client.leave()
    assert room.hub.topics == 0
    back = await room.native()
    back.say(subscribe("BTC", epoch=room.hub.epoch, resume={BTC: 1}))
    await room.wait(1)
    assert back.of("snapshot") == []
    await room.wait(10)
    assert [u["seq"] for u in back.of("update")] == [2]


@pytest.mark.parametrize("others", [0, RESTING + 1])
async def test_a_change_while_nobody_listened_is_told_however_many_topics_came_between(
    room: Room, wire: Any, others: int
) -> None:
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(1)
    await client.leave()
    listener = Native(room.hub, 1, RATE, Options())
    for n in range(others):
        room.hub.part(room.hub.join(feedmux.Quotes([f"S{n}"]), listener), listener)
    wire.price = 101.0
    await room.wait(60)
    back = await room.native()
    back.say(subscribe("BTC", epoch=room.hub.epoch, resume={BTC: 1}))
    await room.wait(1)
    (snapshot,) = back.of("snapshot")
    assert (snapshot["items"][0]["price"], snapshot["seq"], snapshot["skipped"]) == (101.0, 2, 0)


async def test_no_more_is_watched_than_the_engine_can_keep_up_with(opened: Opened) -> None:
    async with opened(most_topics=3) as room:
        client = await room.native()
        client.say(subscribe("A", "B", id="1"), subscribe("C", "D", id="2"), subscribe("B", "C", id="2"))
        await room.wait(1)
        (error,) = client.of("error")
        assert (error["id"], error["status"], error["retry_after"]) == ("2", 503, 60)
        assert room.hub.topics == 3


@pytest.mark.parametrize("resume", [{"epoch": "of another run", "resume": {BTC: 1}}, {"resume": {BTC: 1}}])
async def test_numbers_of_another_run_of_the_server_count_for_nothing(
    room: Room, resume: dict[str, object]
) -> None:
    client = await room.native()
    client.say(subscribe("BTC", **resume))
    await room.wait(1)
    (snapshot,) = client.of("snapshot")
    assert "skipped" not in snapshot


async def test_what_nobody_can_refresh_comes_again_marked_stale_and_lapses_in_the_end(
    room: Room, wire: Any
) -> None:
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(1)
    wire.status = 500
    await room.wait(60)
    assert [u["stale"] for u in client.of("update")] == [True]
    assert client.of("stale") == []
    await room.wait(3600)
    (stale,) = client.of("stale")
    assert stale["topic"] == BTC
    assert stale["age"] == pytest.approx(3598, abs=2)
    newcomer = await room.native()
    newcomer.say(subscribe("BTC"))
    await room.wait(1)
    assert [message["type"] for message in newcomer.got] == ["hello", "subscribed", "stale"]
    wire.status, wire.price = 200, 102.0
    await room.wait(600)
    assert client.of("update")[-1]["items"][0]["price"] == 102.0
    assert newcomer.of("snapshot")[0]["items"][0]["price"] == 102.0


async def test_where_there_was_never_an_answer_errors_come_until_there_is_one(room: Room, wire: Any) -> None:
    wire.status = 500
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(30)
    errors = client.of("error")
    assert {(e["id"], e["topic"], e["status"]) for e in errors} == {("1", BTC, 503)}
    assert 2 <= len(errors) <= 31
    wire.status = 200
    await room.wait(60)
    assert client.of("snapshot")[0]["items"][0]["price"] == 100.0


async def test_a_heartbeat_comes_where_nothing_else_does(room: Room) -> None:
    client = await room.native()
    await room.wait(50)
    assert [message["type"] for message in client.got] == ["hello", "heartbeat", "heartbeat", "heartbeat"]
    assert client.at == [0.0, 15.0, 30.0, 45.0]


async def test_a_client_that_asked_for_batches_gets_what_is_due_in_one_frame(room: Room) -> None:
    client = await room.native(batch=True)
    client.say(subscribe(*(f"S{n}" for n in range(50))))
    await room.wait(12)
    assert len(client.of("snapshot")) == len(client.of("update")) == 50
    assert len(client.frames) <= 6


# limits, whichever protocol


async def test_a_client_that_never_reads_is_closed_and_costs_the_others_nothing(
    room: Room, wire: Any
) -> None:
    stuck, reads = await room.native(), await room.native()
    for client in (stuck, reads):
        client.say(subscribe("BTC"))
    await room.wait(2)
    stuck.reads.clear()
    for n in range(60):
        wire.price = 100.0 + n / 10
        await room.hub.mux.get(feedmux.Quotes(["BTC"]), max_age=0.5)
        await room.wait(1.3)
    assert stuck.served.done()
    assert stuck.served.result() == Close(1013, "messages are not read")
    assert room.hub.clients == 1
    assert len(reads.of("update")) == 60
    assert room.hub.dropped > 0


async def test_a_slow_client_gets_the_newest_and_never_what_was_overtaken(room: Room, wire: Any) -> None:
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(2)
    client.reads.clear()
    for n in range(1, 7):
        wire.price = 100.0 + n
        await room.hub.mux.get(feedmux.Quotes(["BTC"]), max_age=0.5)
        await room.wait(1.3)
    client.reads.set()
    await room.wait(1)
    assert [u["items"][0]["price"] for u in client.of("update")] == [101.0, 106.0]
    assert [u["seq"] for u in client.of("update")] == [2, 7]
    assert room.hub.dropped == 4


async def test_changes_in_quick_succession_are_told_four_times_a_second(room: Room, wire: Any) -> None:
    client = await room.native()
    client.say(subscribe("BTC"))
    await room.wait(1)
    topic = next(iter(room.hub._topics.values()))
    (answer,) = [topic.last.answer]  # type: ignore[union-attr]
    for n in range(100):
        item = feedmux.Quote(
            symbol="BTC", price=1.0 + n, provider="alpha", fetched_at=room.hub.mux.clock.now()
        )
        topic._heard(feedmux.Answer(query=answer.query, items=(item,)))
        await room.wait(0.01)
    await room.wait(0.3)
    updates = client.of("update")
    assert 4 <= len(updates) <= 6
    assert updates[-1]["items"][0]["price"] == 100.0
    assert room.hub.dropped == 100 - len(updates)


@pytest.mark.parametrize("older", [False, True])
async def test_a_client_that_says_too_much_is_told_and_closed(room: Room, older: bool) -> None:
    client = await (room.older() if older else room.native())
    client.say(*[{"type": "ping"}] * (RATE + 1))
    await room.wait(1)
    assert client.closed == (1008, "at most 20 messages a second")
    assert len(client.of("pong")) == RATE
    assert client.got[-1]["type"] == "error"
    assert room.hub.clients == 0


@pytest.mark.parametrize("text", ["x" * 65_537, "é" * 40_000])
async def test_a_message_that_is_too_long_closes_the_connection(room: Room, text: str) -> None:
    client = await room.native()
    client.say(text)
    await room.wait(1)
    assert client.closed == (1009, "a message is at most 64 KiB")
    assert client.got[-1]["status"] == 413


async def test_a_client_that_asks_and_does_not_read_is_closed(room: Room) -> None:
    client = await room.native()
    client.reads.clear()
    for _ in range(300):
        client.say({"type": "ping"})
        await room.wait(0.05)
    assert client.served.done()
    assert room.hub.clients == 0


async def test_one_client_too_many_is_closed_and_told_why(opened: Opened) -> None:
    async with opened(clients=2) as room:
        clients = [await room.native() for _ in range(3)]
        assert [client.closed for client in clients] == [None, None, (1013, "too many clients are connected")]
        await clients[0].leave()
        assert (await room.native()).closed is None


async def test_when_the_server_stops_everybody_is_told_and_nobody_waits_for_who_does_not_read(
    opened: Opened,
) -> None:
    async with opened() as room:
        reading = [await room.native(), await room.older()]
        stuck = await room.native()
        stuck.say(subscribe("BTC"))
        stuck.reads.clear()
        await room.wait(1)
        began = room.hub.mux.clock.monotonic()
        await room.hub.aclose()
        assert room.hub.mux.clock.monotonic() - began < 2.0
        assert [client.closed for client in reading] == [(1001, "the server is stopping")] * 2
        assert (room.hub.clients, room.hub.topics) == (0, 0)
        assert (await room.native()).closed is not None


async def test_100_clients_that_come_and_go_leave_nothing_behind(room: Room) -> None:
    await room.wait(1)
    before = len(asyncio.all_tasks())
    for n in range(100):
        client = await (room.native() if n % 2 else room.older())
        client.say(subscribe("BTC", f"S{n}") if n % 2 else OLD_BTC)
        await room.wait(0.1)
        await client.leave()
    await room.wait(5)
    assert (room.hub.clients, room.hub.topics) == (0, 0)
    assert len(asyncio.all_tasks()) == before


# /ws


async def test_the_older_protocol_greets_confirms_and_gives_the_price_at_once(room: Room) -> None:
    client = await room.older()
    client.say({"type": "subscribe", "symbol": "btc"})
    await room.wait(0.1)
    connected, subscribed, price = client.got
    assert (connected["type"], type(connected["client_id"]), type(connected["message"])) == (
        "connected",
        str,
        str,
    )
    assert (subscribed["type"], subscribed["symbol"]) == ("subscribed", "BTC")
    assert {message["timestamp"] for message in (connected, subscribed)} == {1767225600}
    assert price == {"symbol": "BTC", "price": 100.0, "timestamp": 1767225598}


async def test_a_price_comes_on_each_change_and_at_least_every_5_seconds(room: Room, wire: Any) -> None:
    client = await room.older()
    client.say(OLD_BTC)
    await room.wait(1)
    wire.price = 101.0
    await room.wait(20)
    times = [at for at, message in zip(client.at, client.got, strict=True) if "price" in message]
    assert times == pytest.approx([0.01, 5.01, 10.01, 10.26, 15.26, 20.03], abs=0.01)
    assert [message["price"] for message in client.prices] == [100.0] * 3 + [101.0] * 3


async def test_two_prices_of_one_symbol_are_never_closer_than_250_ms(room: Room) -> None:
    client = await room.older()
    for _ in range(10):
        client.say(OLD_BTC)
        await room.wait(0.06)
    await room.wait(1)
    times = [at for at, message in zip(client.at, client.got, strict=True) if "price" in message]
    assert len(times) > 1
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.2499


async def test_unsubscribing_ends_the_prices(room: Room) -> None:
    client = await room.older()
    client.say(OLD_BTC)
    await room.wait(1)
    client.say({"type": "unsubscribe", "symbol": "BTC"})
    await room.wait(20)
    assert len(client.prices) == 1
    assert client.of("unsubscribed")[0]["symbol"] == "BTC"
    assert room.hub.topics == 0


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "subscribe"}, "Symbol is required for subscription"),
        ({"type": "subscribe", "symbol": ""}, "Symbol is required for subscription"),
        ({"type": "dance"}, "Unknown message type: dance"),
        ({}, "Unknown message type: None"),
        ("{", "Invalid JSON format"),
        ("[]", "Invalid JSON format"),
        ("", "Invalid JSON format"),
        ("[" * 30_000, "Invalid JSON format"),
        ({"type": "subscribe", "symbol": 7}, "symbol: a symbol is text such as BTC, not int"),
    ],
)
async def test_the_older_errors_are_word_for_word_and_the_connection_stays_open(
    room: Room, message: object, error: str
) -> None:
    client = await room.older()
    client.say(message, {"type": "ping"})
    await room.wait(1)
    assert client.got[1:] == [
        {"type": "error", "error": error, "timestamp": 1767225600},
        {"type": "pong", "timestamp": 1767225600},
    ]


async def test_the_older_heartbeat_comes_after_30_seconds_without_a_message(room: Room) -> None:
    client = await room.older()
    await room.wait(20)
    client.say({"type": "ping"})
    await room.wait(65)
    beats = [at for at, message in zip(client.at, client.got, strict=True) if message["type"] == "heartbeat"]
    assert beats == [50.0, 80.0]
    assert client.of("heartbeat")[0] == {"type": "heartbeat", "status": "alive", "timestamp": 1767225650}


async def test_an_outage_is_an_error_or_a_price_marked_stale_and_never_a_price_of_0(
    room: Room, wire: Any
) -> None:
    client = await room.older()
    wire.error = UpstreamDown("gone", provider="alpha")
    client.say(OLD_BTC)
    await room.wait(10)
    assert client.prices == []
    assert {error["symbol"] for error in client.of("error")} == {"BTC"}
    wire.error = None
    await room.wait(60)
    assert client.prices[-1]["price"] == 100.0
    wire.error = UpstreamDown("gone", provider="alpha")
    await room.wait(60)
    assert client.prices[-1] == {**client.prices[-1], "price": 100.0, "stale": True}
    assert all(message["price"] > 0 for message in client.prices)


async def test_a_price_that_lapsed_is_sent_no_more(room: Room, wire: Any) -> None:
    client = await room.older()
    client.say(OLD_BTC)
    await room.wait(1)
    wire.status = 500
    await room.wait(3700)
    prices = len(client.prices)
    await room.wait(60)
    assert len(client.prices) == prices
    assert client.of("error")[-1]["symbol"] == "BTC"


async def test_a_symbol_that_nobody_knows_is_an_error_and_may_be_asked_for_again(room: Room) -> None:
    client = await room.older(most=1)
    client.say({"type": "subscribe", "symbol": "NOPE"})
    await room.wait(1)
    client.say(OLD_BTC, {"type": "subscribe", "symbol": "ETH"})
    await room.wait(1)
    assert [error["error"] for error in client.of("error")] == [
        "NOPE is unknown to alpha",
        "at most 1 symbols on one connection",
    ]
    assert [message["symbol"] for message in client.prices] == ["BTC"]
