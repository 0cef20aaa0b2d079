"""Whatever a plugin does, it hurts only itself."""

from __future__ import annotations

import asyncio

import pytest
from simulated.engine import at_rest, world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import (
    BadPayload,
    Coin,
    FeedmuxError,
    Limits,
    Quote,
    Quotes,
    Request,
    Terms,
    Trending,
    TrendingCoin,
    Upstream,
    hookimpl,
    virtual,
)
from feedmux.breaker import State
from feedmux.event import Misbehaved

BTC = Quotes(["BTC"])


class ByHand:
    """A provider without a declaration, whose answer is what `fetch` gives."""

    def __init__(self, fetch):
        self._fetch = fetch

    @hookimpl
    def feedmux_limits(self):
        return Limits(weight=10, serves={Quotes: Terms(ttl=1), Trending: Terms(ttl=1)})

    @hookimpl
    def feedmux_upstream(self):
        return Upstream(hosts=("https://api.example",))

    @hookimpl
    def feedmux_fetch(self, asked, http):
        return self._fetch(asked, http)


def gives(value):
    async def fetch(asked, http):
        return value

    return fetch


def raises(error):
    async def fetch(asked, http):
        raise error

    return fetch


def at_once(error):
    def fetch(asked, http):
        raise error

    return fetch


async def recurses(asked, http):
    return await recurses(asked, http)


def good():
    return [Quote(symbol="BTC", price=1.0)]


BAD = {
    "None": gives(None),
    "a number": gives(5),
    "a generator": gives(item for item in good()),
    "a dict": gives({"BTC": 1}),
    "another type": gives([Request("/")]),
    "items of another kind": gives([Coin(symbol="BTC", name="a coin", price=1.0)]),
    "nothing": gives([]),
    "raises KeyError": raises(KeyError("price")),
    "raises TypeError": raises(TypeError("x")),
    "raises MemoryError": raises(MemoryError()),
    "raises StopAsyncIteration": raises(StopAsyncIteration()),
    "recurses": recurses,
    "raises when called": at_once(RuntimeError("x")),
    "is not awaitable": lambda asked, http: 5,
    "is answered at once": lambda asked, http: good(),
    "raises with line breaks": raises(ValueError("a\nb\x1b[31m" + "x" * 5000)),
    "raises an unprintable error": raises(type("Odd", (Exception,), {"__str__": lambda self: 1 / 0})()),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_plugin_that_answers_nonsense_is_named_and_the_next_is_asked(case):
    providers = {"bad": (ByHand(BAD[case]), Remote()), "well": (provider(), Remote())}
    async with world(providers) as simulated:
        for n in range(6):
            answer = await simulated.mux.get(Quotes([f"S{n}"] if n else ["BTC"]), prefer=["bad"])
            assert answer.providers == ("well",)
        assert at_rest(simulated.mux)


@pytest.mark.parametrize("case", BAD)
async def test_alone_it_is_a_bad_payload_or_an_unknown_symbol_in_one_line(case):
    async with world({"bad": (ByHand(BAD[case]), Remote())}) as simulated:
        with pytest.raises(Exception, match="bad") as refused:
            await simulated.mux.get(BTC)

        assert refused.value.slug in ("bad-payload", "unknown-symbol")
        assert len(refused.value.detail) < 300
        assert refused.value.detail.isprintable()


async def test_a_plugin_that_raises_cancelled_error_does_not_cancel_the_question():
    providers = {"bad": (ByHand(raises(asyncio.CancelledError())), Remote()), "well": (provider(), Remote())}
    async with world(providers) as simulated:
        assert (await simulated.mux.get(BTC, prefer=["bad"])).providers == ("well",)


async def test_a_price_is_checked_when_the_item_is_made():
    def fetch(asked, http):
        return gives([Quote(symbol="BTC", price=float("nan"))])(asked, http)

    async with world({"bad": (ByHand(fetch), Remote())}) as simulated:
        with pytest.raises(BadPayload, match="price"):
            await simulated.mux.get(BTC)


async def test_an_answer_that_is_changed_afterwards_is_not_ours():
    kept = [TrendingCoin(symbol="BTC", name="a coin", position=1)]
    async with world({"odd": (ByHand(gives(kept)), Remote())}) as simulated:
        answer = await simulated.mux.get(Trending())
        kept.clear()

        assert len(answer) == len(await simulated.mux.get(Trending())) == 1


async def test_a_request_that_would_leave_its_host_is_never_sent():
    for path in ("https://evil.example/", "//evil.example", "/../etc", "/a?b=c", "/a\r\nHost: evil"):
        with pytest.raises(ValueError, match="path"):
            Request(path)
    with pytest.raises(ValueError, match="headers"):
        Request("/", headers={"X": "a\r\nb"})


async def test_http_outlives_no_attempt():
    kept = []

    async def fetch(asked, http):
        kept.append(http)
        return good()

    async with world({"odd": (ByHand(fetch), Remote())}) as simulated:
        await simulated.mux.get(BTC)
        with pytest.raises(Exception, match="the attempt is over"):
            await kept[0].get("/more")


async def test_a_plugin_that_keeps_the_loop_is_reported_and_in_the_end_set_aside():
    loop = asyncio.get_running_loop()

    def busy(asked, http):
        async def work():
            loop.virtual_now += 2.0  # as a blocking call would
            return [Quote(symbol=asked.query.symbols[0], price=1.0)]

        return work()

    async with world({"busy": (ByHand(busy), Remote()), "well": (provider(), Remote())}) as simulated:
        for n in range(3):
            await simulated.mux.get(Quotes([f"S{n}"]), prefer=["busy"])
        await simulated.mux.clock.sleep(1)

        reports = [event.detail for event in simulated.events if isinstance(event, Misbehaved)]
        assert reports == ["feedmux_fetch blocked the event loop for 2.0 s"] * 3
        states = {row.name: row.state for row in simulated.mux.providers()}
        assert states["busy"] is State.QUARANTINED
        assert states["well"] in (State.OPEN, State.UNKNOWN)


async def test_a_blocked_loop_is_nobody_elses_failure():
    loop = asyncio.get_running_loop()

    async def busy(asked, http):
        loop.virtual_now += 10.0
        return good()

    providers = {f"busy{n}": (ByHand(busy), Remote()) for n in range(6)}
    async with world({**providers, "well": (provider(), Remote(delays=(1.0, 1.0)))}) as simulated:
        for n in range(6):
            victim = asyncio.create_task(simulated.mux.get(Quotes([f"S{n}"]), only=["well"], deadline=3.0))
            await simulated.mux.clock.sleep(0.1)
            await simulated.mux.get(BTC, only=[f"busy{n}"], max_age=1)
            with pytest.raises(FeedmuxError):
                await victim

        (row,) = (row for row in simulated.mux.providers() if row.name == "well")
        assert row.state is not State.BLOCKED
        assert row.members[0].success_share in (None, 1.0)


def test_an_engine_belongs_to_one_loop():
    kept = []

    async def opened():
        async with world({"one": (provider(), Remote())}) as simulated:
            kept.append(simulated.mux)

    virtual.run(opened())
    with pytest.raises(RuntimeError, match="another event loop"):
        virtual.run(kept[0].get(BTC))
