"""Plugins that misbehave while they run: contained, named, set aside where they keep at it; the others answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

import feedmux
from feedmux.breaker import State
from feedmux.errors import UpstreamDown
from feedmux.event import Held, Tried
from feedmux.mux import Mux
from feedmux.query import Quotes
from feedmux.settings import settings_from
from feedmux.status import ProviderStatus

from . import broken
from .bodies import GENERATED, PRICES
from .clock import SLACK, ShiftedClock, elapsed_since, real_now, until
from .upstream import Upstream

pytestmark = pytest.mark.anyio
Opened = Callable[..., AbstractAsyncContextManager[Mux]]


@pytest.fixture
def opened(upstream: Upstream, clock: ShiftedClock) -> Opened:
    """Opens an engine with a plugin that is well and the one that is given, which is asked first."""
    upstream.upstreams = {"well": broken.prices, "bad": broken.prices}

    def made(bad: object, *, deadline: float = 4.0, **extensions: object) -> AbstractAsyncContextManager[Mux]:
        urls = {name: {"base_url": upstream.base_url(name)} for name in ("well", "bad")}
        chosen = settings_from({"engine": {"deadline": deadline}, "providers": urls}, {})
        plugins = {"bad": bad, "well": broken.well()}
        return feedmux.open(chosen, plugins=plugins, extensions=extensions, clock=clock, seed=1)

    return made


def row(mux: Mux, name: str) -> ProviderStatus:
    return next(provider for provider in mux.providers() if provider.name == name)


PARSE: dict[str, tuple[broken.Parse, str]] = {
    "raises KeyError": (broken.raising(KeyError("price")), "KeyError"),
    "raises TypeError": (broken.raising(TypeError("a text is no number")), "TypeError"),
    "raises ValueError": (broken.raising(ValueError("no number")), "no number"),
    "raises MemoryError": (broken.raising(MemoryError()), "MemoryError"),
    "raises StopIteration": (broken.raising(StopIteration()), "StopIteration"),
    "raises an exception group": (broken.raising(ExceptionGroup("two", [KeyError(), OSError()])), "two"),
    "raises what cannot be printed": (broken.raising(broken.Unprintable()), "Unprintable"),
    "raises SystemExit": (broken.raising(SystemExit(3)), "SystemExit"),
    "raises a foreign BaseException": (broken.raising(broken.Foreign("odd")), "Foreign"),
    "raises CancelledError": (broken.raising(asyncio.CancelledError()), "cancel"),
    "raises one of our errors": (broken.raising(UpstreamDown("it says so itself")), "it says so itself"),
    "recurses without an end": (broken.endless_recursion, "RecursionError"),
    "gives None": (broken.giving(lambda asked: None), "something else than a list of Quote"),
    "gives one item": (broken.giving(broken.quote), "something else than a list of Quote"),
    "gives a generator": (broken.giving(broken.generator), "something else than a list of Quote"),
    "gives a mapping": (broken.giving(lambda asked: {"BTC": broken.quote(asked)}), "a list of Quote"),
    "gives items of another kind": (broken.giving(lambda asked: [broken.coin(asked)]), "a list of Quote"),
    "gives look-alikes": (broken.giving(lambda asked: [broken.Lookalike()]), "a list of Quote"),
    "gives a sequence that raises": (broken.giving(lambda asked: broken.Trap()), "KeyError"),
    "gives a million items": (broken.giving(lambda asked: [broken.quote(asked)] * 1_000_000), "more than"),
    "gives a price that is not finite": (
        broken.giving(lambda asked: [broken.quote(asked, price=float("inf"))]),
        "price",
    ),
    "gives a price of zero": (broken.giving(lambda asked: [broken.quote(asked, price=0.0)]), "price"),
    "gives a price that is a text": (broken.giving(lambda asked: [broken.quote(asked, price="1")]), "price"),
}


@pytest.mark.parametrize("what", PARSE)
async def test_a_plugin_whose_parse_function_is_broken_costs_one_try_and_is_named(
    what: str, opened: Opened
) -> None:
    parse, words = PARSE[what]
    async with opened(broken.bad(parse)) as mux:
        answer = await mux.get(Quotes("BTC"))
        assert answer.providers == ("well",)
        assert answer.items[0].price == PRICES["BTC"]
        assert [event.member for event in answer.trace.events if isinstance(event, Tried)] == ["bad", "well"]
        assert words in row(mux, "bad").last_error
        assert row(mux, "well").last_error == ""
        assert mux.under_way == 0


@pytest.mark.parametrize(("days", "words"), [(1, "in the future"), (-365, "ago; at most")])
async def test_a_price_of_another_day_is_held_back_and_the_next_is_asked(
    days: int, words: str, opened: Opened
) -> None:
    parse = broken.giving(lambda asked: [broken.quote(asked, observed_at=asked.at + timedelta(days=days))])
    async with opened(broken.bad(parse)) as mux:
        answer = await mux.get(Quotes("BTC"))
    assert answer.providers == ("well",)
    (held,) = [event for event in answer.trace.events if isinstance(event, Held)]
    assert held.member == "bad"
    assert words in held.detail


async def test_an_answer_about_another_symbol_is_no_answer(opened: Opened) -> None:
    parse = broken.giving(lambda asked: [broken.quote(asked, symbol="ETH")])
    async with opened(broken.bad(parse)) as mux:
        answer = await mux.get(Quotes("BTC"))
    assert [(item.symbol, item.provider) for item in answer] == [("BTC", "well")]


async def test_a_plugin_that_keeps_failing_is_closed_and_the_rest_goes_on(
    opened: Opened, upstream: Upstream
) -> None:
    async with opened(broken.bad(broken.raising(KeyError("price")))) as mux:
        for symbol in GENERATED[:40]:
            assert (await mux.get(Quotes(symbol))).providers == ("well",)
        assert row(mux, "bad").state is State.BLOCKED
        assert "KeyError" in row(mux, "bad").cause
    assert len(upstream.reached("bad")) < 10
    assert len(upstream.reached("well")) == 40


async def test_a_plugin_whose_listing_is_broken_is_passed_over_and_named(opened: Opened) -> None:
    async with opened(broken.bad_listing(broken.listed)) as mux:
        for symbol in GENERATED[:10]:
            assert (await mux.get(Quotes(symbol))).providers == ("well",)
        states = row(mux, "bad")
    assert "KeyError" in f"{states.cause} {states.last_error}"


async def test_a_plugin_that_blocks_the_loop_is_reported_and_set_aside_the_third_time(
    opened: Opened, upstream: Upstream
) -> None:
    async with opened(broken.bad(broken.blocking(0.6)), deadline=3.0) as mux:
        for symbol in GENERATED[:3]:
            assert row(mux, "bad").state is not State.QUARANTINED
            answers = await asyncio.gather(mux.get(Quotes(symbol)), mux.get(Quotes("BTC"), only=["well"]))
            assert all(len(answer) == 1 for answer in answers)
        assert row(mux, "bad").state is State.QUARANTINED
        assert re.search(r"blocked the event loop for \d\.\d s, 3 times", row(mux, "bad").cause)
        assert mux.stats.misbehaved["bad"] == 3
        upstream.forget()
        answer = await mux.get(Quotes(GENERATED[10:60]))
    assert answer.providers == ("well",)
    assert not upstream.reached("bad")


async def test_a_plugin_that_swallows_its_cancellation_is_left_behind_and_set_aside_the_third_time(
    opened: Opened,
) -> None:
    endless = broken.NeverEnds()
    async with opened(endless, deadline=0.8) as mux:
        for symbol in GENERATED[:3]:
            assert row(mux, "bad").state is not State.QUARANTINED
            began = real_now()
            answer = await mux.get(Quotes(symbol))
            assert answer.providers == ("well",)
            assert elapsed_since(began) < 0.8 + SLACK
        assert endless.running == 3
        assert row(mux, "bad").state is State.QUARANTINED
        assert "swallowed its cancellation" in row(mux, "bad").cause
        for symbol in GENERATED[10:30]:
            assert (await mux.get(Quotes(symbol))).providers == ("well",)
        assert endless.running == 3
    assert endless.running == 0


async def test_a_plugin_set_aside_is_asked_by_nobody_who_insists(opened: Opened) -> None:
    endless = broken.NeverEnds()
    async with opened(endless, deadline=0.6) as mux:
        for symbol in GENERATED[:3]:
            await mux.get(Quotes(symbol))
        with pytest.raises(feedmux.NoProvider, match="disabled"):
            await mux.get(Quotes("BTC"), only=["bad"])
    assert endless.running == 0


async def test_an_observer_that_raises_disturbs_no_question_and_no_other_observer(
    opened: Opened,
) -> None:
    loud, quiet, late = broken.Loud(), broken.Quiet(), broken.Loud()
    with capture_logs() as said:
        async with opened(broken.well(), loud=loud, quiet=quiet, late=late) as mux:
            for symbol in GENERATED[:20]:
                assert len(await mux.get(Quotes(symbol))) == 1
            await until(lambda: quiet.heard >= 40)
            await until(lambda: loud.heard == late.heard == quiet.heard)
    assert [line["event"] for line in said] == ["an observer raised"] * 2
