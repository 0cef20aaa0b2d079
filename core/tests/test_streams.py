"""A watch is pushed what a provider streams, polls where it does not, and is told of every gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog
from simulated.engine import at_rest, world
from simulated.providers import provider
from simulated.pusher import QUOTES, Pusher, push
from simulated.remote import Remote, refusal, unreachable

from feedmux import (
    Asked,
    Limits,
    Member,
    NoProvider,
    Provider,
    Quote,
    Quotes,
    Request,
    Settings,
    Terms,
    Window,
    hookimpl,
)
from feedmux.event import StreamLost, StreamOpened, StreamResumed
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming, Network

BTC = Quotes(["BTC"])


def pushing(**declared) -> Provider:
    return provider(push=push(**declared), streams=(QUOTES,))


class Watcher:
    """Collects a watch's answers and when they came."""

    def __init__(self, mux, query=BTC, **how):
        self.seen = []
        self._mux = mux
        self.task = asyncio.create_task(self._watch(query, how))

    async def _watch(self, query, how):
        async for answer in self._mux.watch(query, **how):
            self.seen.append((self._mux.clock.monotonic(), answer))

    @property
    def prices(self):
        return [answer.items[0].price for _, answer in self.seen]

    @property
    def gaps(self):
        return [round(answer.gap, 3) for _, answer in self.seen]

    async def end(self):
        self.task.cancel()
        await asyncio.wait({self.task})


def told(simulated, kind):
    return [event for event in simulated.events if isinstance(event, kind)]


async def test_each_change_comes_at_once_and_nobody_is_asked_meanwhile():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        for price in (101.0, 102.0):
            remote.say("BTC", price)
            await simulated.mux.clock.sleep(25)

        assert watcher.prices == [100.0, 101.0, 102.0]
        assert [at for at, _ in watcher.seen[1:]] == [1.0, 26.0]
        assert remote.requests == 1
        await watcher.end()


async def test_its_items_are_stamped_as_all_others():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        now = simulated.mux.clock.now()
        remote.say("BTC", 101.0, at=now.timestamp() - 2)
        await simulated.mux.clock.sleep(1)
        item = watcher.seen[-1][1].items[0]

        assert (item.provider, item.origin) == ("one", "one")
        assert (now - item.observed_at).total_seconds() == 2
        assert item.fetched_at == now
        await watcher.end()


async def test_a_transport_without_a_stream_of_its_own_is_polled():
    remote = Remote()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(35)

        assert remote.requests == 4
        assert told(simulated, StreamLost) == []
        await watcher.end()


async def test_without_the_library_it_polls_and_says_so_once(monkeypatch):
    monkeypatch.setattr(Network, "dials", False)
    section = ProviderSettings(stream_url="ws://127.0.0.1:9")
    async with world({}, settings=Settings(providers={"one": section})) as simulated:
        simulated.mux._registry.add_provider("one", pushing())
        await simulated.mux._fleet.build()
        with structlog.testing.capture_logs() as logged:
            held = [simulated.mux._streams.follow(BTC, lambda: None) for _ in range(3)]
            for following in held:
                following.look()

        assert not any(following.live for following in held)
        assert [line["event"] for line in logged] == [
            "polling what could be streamed: pip install 'feedmux[stream]'"
        ]


async def test_beside_a_base_url_it_streams_only_from_a_stream_url():
    remote = Pusher()
    section = ProviderSettings(base_url="http://127.0.0.1:9")
    async with world(
        {"one": (pushing(), remote)}, settings=Settings(providers={"one": section})
    ) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(30)
        assert remote.dialled == []
        await watcher.end()

    section = ProviderSettings(base_url="http://127.0.0.1:9", stream_url="ws://127.0.0.1:9/below")
    async with world(
        {"one": (pushing(), remote)}, settings=Settings(providers={"one": section})
    ) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        assert [wire.url for wire in remote.wires] == ["ws://127.0.0.1:9/below/live"]
        await watcher.end()


@pytest.mark.parametrize(
    "section", [ProviderSettings(enabled=False), ProviderSettings(base_url="http://127.0.0.1:9")]
)
async def test_none_is_opened_where_the_provider_gets_no_traffic(section):
    remote, other = Pusher(), Remote()
    settings = Settings(providers={"one": section})
    async with world(
        {"one": (pushing(), remote), "two": (provider(), other)}, settings=settings
    ) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(60)
        assert remote.dialled == []
        await watcher.end()


async def test_a_closed_provider_is_not_dialled_until_it_is_open():
    remote = Pusher(script=lambda call: refusal(100))
    async with world({"one": (pushing(), remote), "two": (provider(), Remote())}) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(BTC, only="one")
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(99)
        assert remote.dialled == []

        remote.script = None
        await simulated.mux.clock.sleep(60)
        assert len(remote.dialled) == 1
        await watcher.end()


async def test_a_refused_upgrade_closes_the_provider_as_any_refusal_does():
    remote = Pusher()
    async with world({"one": (pushing(), remote), "two": (provider(), Remote())}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        asked, remote.refusals_to_open = remote.requests, [refusal(100, status=418)]
        remote.wires[0].cut()
        await simulated.mux.clock.sleep(99)
        assert len(remote.dialled) == 2
        assert remote.requests == asked

        await simulated.mux.clock.sleep(60)
        assert len(remote.wires) == 2
        await watcher.end()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Incoming(302, {"location": "wss://elsewhere.example"}, b""), "answered 302: redirects are refused"),
        (Incoming(200, {}, b"<html>"), "answered 200 where an upgrade was due"),
        (Incoming(503, {}, b"busy"), "answered 503: busy"),
        (unreachable(), "cannot be reached"),
    ],
)
async def test_what_is_no_upgrade_is_named_and_tried_again_later(answer, reason):
    remote = Pusher()
    remote.refusals_to_open = [answer]
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(3)

        assert [lost.reason for lost in told(simulated, StreamLost)] == [reason]
        assert len(remote.wires) == 1
        await watcher.end()


async def test_the_next_host_is_dialled_where_one_cannot_be_reached():
    remote = Pusher()
    remote.refusals_to_open = [unreachable()]
    two = pushing(hosts=("wss://one.example", "wss://two.example"))
    async with world({"one": (two, remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)

        assert [wire.url for wire in remote.wires] == ["wss://two.example/live"]
        assert told(simulated, StreamLost) == []
        await watcher.end()


async def test_pauses_grow_while_it_cannot_be_opened():
    remote = Pusher()
    remote.refusals_to_open = [unreachable() for _ in range(1000)]
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(3600)

        assert 10 < len(remote.dialled) < 40
        assert len(told(simulated, StreamLost)) == 1
        await watcher.end()


async def test_one_that_breaks_as_soon_as_it_is_heard_is_not_opened_in_a_loop():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        for price in range(3600):
            await simulated.mux.clock.sleep(1)
            remote.say("BTC", 100.0 + price % 9)
            for wire in remote.wires:
                wire.cut()

        assert len(remote.dialled) < 40
        await watcher.end()


async def test_a_break_is_told_to_whoever_watches_with_the_seconds_unheard():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux, every=1000)
        await simulated.mux.clock.sleep(1)
        remote.say("BTC", 101.0)
        await simulated.mux.clock.sleep(20)
        remote.wires[0].cut()
        await simulated.mux.clock.sleep(9)
        remote.say("BTC", 102.0)
        await simulated.mux.clock.sleep(1)
        remote.say("BTC", 103.0)
        await simulated.mux.clock.sleep(1)

        assert watcher.prices == [100.0, 101.0, 102.0, 103.0]
        assert watcher.gaps == [0, 0, 29, 0]
        answer = watcher.seen[2][1]
        assert answer.document()["gap"] == 29
        assert "nothing was heard for 29 s before this" in answer.notes()
        assert [type(event) for event in answer.trace.events[:2]] == [StreamLost, StreamResumed]
        assert "gap" not in watcher.seen[3][1].document()
        assert [event.seconds for event in told(simulated, StreamResumed)] == [29]
        await watcher.end()


async def test_while_it_is_silent_others_are_asked_and_the_first_answer_tells_the_gap():
    remote, other = Pusher(), Remote()
    async with world({"one": (pushing(silent_after=30), remote), "two": (provider(), other)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        remote.say("BTC", 101.0)
        await simulated.mux.clock.sleep(75)

        assert 4 <= remote.requests + other.requests <= 7
        assert other.requests > 0
        assert watcher.gaps[:3] == [0, 0, pytest.approx(30, abs=0.2)]
        assert set(watcher.gaps[3:]) <= {0}
        remote.say("BTC", 102.0)
        await simulated.mux.clock.sleep(1)
        assert watcher.prices[-1] == 102.0
        assert 0 < watcher.gaps[-1] <= 11
        await watcher.end()


async def test_a_stream_without_times_of_its_own_that_repeats_itself_is_silent():
    remote = Pusher()
    async with world({"one": (pushing(silent_after=30), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        for _ in range(40):
            remote.say("BTC", 101.0)
            await simulated.mux.clock.sleep(1)

        assert [event.reason for event in told(simulated, StreamLost)] == ["nothing new for 30 s"]
        await watcher.end()


async def test_what_was_said_before_does_not_come_again():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        now = simulated.mux.clock.now().timestamp()
        for price, at in ((101.0, now), (99.0, now - 5), (102.0, now)):
            remote.say("BTC", price, at=at)
            await simulated.mux.clock.sleep(0.1)

        assert watcher.prices == [100.0, 101.0, 102.0]
        await watcher.end()


async def test_a_line_that_brings_nothing_new_is_opened_anew():
    remote = Pusher()
    async with world({"one": (pushing(silent_after=30), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(40)

        assert [wire.closed for wire in remote.wires] == [True, False]
        await watcher.end()


async def test_a_quiet_channel_alone_costs_the_others_nothing():
    remote = Pusher()
    async with world({"one": (pushing(silent_after=30), remote)}) as simulated:
        watchers = [Watcher(simulated.mux), Watcher(simulated.mux, Quotes(["ETH"]))]
        for price in range(120):
            remote.say("BTC", 100.0 + price % 2)
            await simulated.mux.clock.sleep(1)

        assert len(remote.wires) == 1
        assert {event.what for event in told(simulated, StreamLost)} == {"quotes ETH"}
        for watcher in watchers:
            await watcher.end()


async def test_one_that_answers_no_ping_is_dead():
    remote = Pusher()
    async with world({"one": (pushing(silent_after=3600), remote)}) as simulated:
        watcher = Watcher(simulated.mux, every=1000)
        await simulated.mux.clock.sleep(119)
        assert remote.wires[0].pings == 5
        remote.wires[0].answers_pings = False
        await simulated.mux.clock.sleep(45)

        assert [wire.closed for wire in remote.wires] == [True, False]
        assert told(simulated, StreamLost)[0].reason == "answered no ping for 20 s"
        await watcher.end()


async def test_where_one_connection_is_full_there_is_another():
    remote = Pusher()
    symbols = [f"S{n}" for n in range(5)]
    async with world({"one": (pushing(per_connection=2), remote)}) as simulated:
        watchers = [Watcher(simulated.mux, Quotes([symbol])) for symbol in symbols]
        await simulated.mux.clock.sleep(1)

        assert sorted(len(wire.channels) for wire in remote.wires) == [1, 2, 2]
        for watcher in watchers:
            await watcher.end()


async def test_two_questions_about_one_channel_share_it():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watchers = [Watcher(simulated.mux, Quotes(["BTC"], vs)) for vs in ("USD", "USDT")]
        await simulated.mux.clock.sleep(1)
        assert [message["on"] for message in remote.wires[0].messages] == [["price:BTC"]]

        await watchers[0].end()
        await simulated.mux.clock.sleep(1)
        assert len(remote.wires[0].messages) == 1
        await watchers[1].end()


async def test_messages_keep_their_pace_and_leave_room_for_a_pong():
    remote = Pusher()
    async with world({"one": (pushing(batch=1), remote)}) as simulated:
        watcher = Watcher(simulated.mux, Quotes([f"S{n}" for n in range(20)]))
        sent = []
        for _ in range(60):
            await simulated.mux.clock.sleep(0.1)
            sent.append(len(remote.wires[0].messages) if remote.wires else 0)

        assert sent[-1] == 20
        assert max(later - earlier for earlier, later in zip(sent, sent[10:], strict=False)) <= 4
        await watcher.end()


async def test_no_connection_is_opened_beyond_the_limit():
    remote = Pusher()
    declared = pushing(per_connection=1, connections=Window(3, per=60))
    async with world({"one": (declared, remote)}) as simulated:
        watcher = Watcher(simulated.mux, Quotes([f"S{n}" for n in range(10)]))
        await simulated.mux.clock.sleep(59)
        assert len(remote.dialled) == 3
        await watcher.end()


async def test_what_a_member_does_not_stream_is_polled():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux, Quotes(["MUTE"]))
        await simulated.mux.clock.sleep(35)

        assert remote.dialled == []
        assert remote.requests == 4
        await watcher.end()


async def test_what_only_some_of_it_is_pushed_for_is_polled_for_the_rest():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux, Quotes(["BTC", "MUTE"]))
        for price in range(40):
            remote.say("BTC", 100.0 + price % 3)
            await simulated.mux.clock.sleep(1)

        assert {call.params["symbols"] for call in remote.calls[2:]} == {"MUTE"}
        await watcher.end()


async def test_a_jump_is_looked_at_by_others_and_kept_once_they_agree():
    remote, other = Pusher(), Remote()
    async with world({"one": (pushing(), remote), "two": (provider(), other)}) as simulated:
        watcher = Watcher(simulated.mux)
        for price in (100.0, 101.0):
            await simulated.mux.clock.sleep(1)
            remote.say("BTC", price)
        for _ in range(5):
            await simulated.mux.clock.sleep(1)
            remote.say("BTC", 200.0)
        await simulated.mux.clock.sleep(1)
        assert 200.0 not in watcher.prices

        other.prices["BTC"] = remote.prices["BTC"] = 200.0
        for extra in range(30):
            remote.say("BTC", 201.0 + extra / 100)
            await simulated.mux.clock.sleep(1)
        assert watcher.prices[-1] > 200.0
        await watcher.end()


async def test_a_jump_that_nobody_else_can_confirm_passes_once_the_member_says_it_again_when_asked():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        remote.say("BTC", 101.0)
        await simulated.mux.clock.sleep(1)
        remote.prices["BTC"] = 200.0
        for second in range(40):
            remote.say("BTC", 200.0 + second / 100)
            await simulated.mux.clock.sleep(1)

        assert watcher.prices[-1] >= 200.0
        await watcher.end()


class ByHand:
    """A provider that writes the hook itself."""

    def __init__(self, *runs):
        self.runs = list(runs)
        self.began = 0
        self.ended = 0

    @hookimpl
    def feedmux_limits(self):
        return Limits(weight=1, serves={Quotes: Terms(ttl=1)})

    @hookimpl
    async def feedmux_fetch(self, asked: Asked, http):
        return [Quote(symbol=symbol, price=100.0, vs=asked.query.vs) for symbol in asked.query.symbols]

    @hookimpl
    def feedmux_stream(self, query, http) -> AsyncIterator[Quote]:
        return self._stream(query, http)

    async def _stream(self, query, http):
        self.began += 1
        try:
            for price in self.runs.pop(0) if self.runs else []:
                if isinstance(price, BaseException):
                    raise price
                yield Quote(symbol=query.symbols[0], price=price, vs=query.vs)
        finally:
            self.ended += 1


@pytest.mark.parametrize("failure", [RuntimeError("broken"), ValueError("no"), SystemExit(1)])
async def test_a_hook_written_by_hand_that_fails_is_called_again_and_the_gap_is_told(failure):
    plugin = ByHand([101.0, failure], [102.0])
    async with world({"one": (plugin, Pusher())}) as simulated:
        watcher = Watcher(simulated.mux, every=1000)
        await simulated.mux.clock.sleep(5)

        assert watcher.prices[-1] == 102.0
        assert watcher.gaps[-1] > 0
        await watcher.end()
    assert plugin.began == plugin.ended


async def test_a_hook_that_ends_at_once_is_not_called_in_a_loop():
    plugin = ByHand()
    async with world({"one": (plugin, Pusher())}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(3600)

        assert plugin.began < 40
        await watcher.end()


async def test_nothing_is_left_once_the_engine_is_closed():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        watcher = Watcher(simulated.mux)
        await simulated.mux.clock.sleep(1)
        mux = simulated.mux
    await watcher.end()

    assert [wire.closed for wire in remote.wires] == [True]
    assert at_rest(mux)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_watches_that_come_and_go_leave_nothing_behind():
    remote = Pusher()
    async with world({"one": (pushing(), remote)}) as simulated:
        for _ in range(20):
            watcher = Watcher(simulated.mux)
            await simulated.mux.clock.sleep(0.3)
            await watcher.end()
        await simulated.mux.clock.sleep(15)

        assert len(remote.wires) == 1
        assert remote.wires[0].closed
        assert simulated.mux._streams._feeds == {}
        assert told(simulated, StreamOpened) == []


def test_a_stream_needs_a_push_and_an_endpoint_beside_it():
    with pytest.raises(ValueError, match="push"):
        provider(streams=(QUOTES,))
    with pytest.raises(ValueError, match="endpoint"):
        Provider(
            hosts=("https://api.example",),
            limits=Limits(weight=1),
            health=Request("/health"),
            push=push(),
            streams=(QUOTES,),
        )


def test_a_member_with_hosts_of_its_own_pushes_only_in_its_own_way():
    own = push(hosts=("wss://us.example",))
    members = (
        Member("home", hosts=("https://api.example",)),
        Member("away", hosts=("https://away.example",)),
        Member("us", hosts=("https://us.example",), push=own),
    )
    upstream = provider(push=push(), streams=(QUOTES,), members=members).feedmux_upstream()
    assert upstream.of("home").push == upstream.push
    assert upstream.of("away").push is None
    assert upstream.of("away").streamed == frozenset()
    assert upstream.of("us").push is own
