"""Other settings while the engine runs: who is concerned changes, and nothing starts over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from simulated.engine import World, at_rest, world
from simulated.providers import provider
from simulated.remote import Remote, refusal
from simulated.windows import Sliding

from feedmux import Key, NoProvider, Plan, Quotes, Settings, SettingsError, Window, virtual
from feedmux.breaker import State
from feedmux.errors import InvalidQuery
from feedmux.limits import Counts, Limits
from feedmux.quota import Ending, Permit, Quota
from feedmux.settings import settings_from
from feedmux.window import SlidingWindow

BTC, ETH, SOL = Quotes(("BTC",)), Quotes(("ETH",)), Quotes(("SOL",))
PLANS = {"free": Plan(windows=(Window(10, per=60),)), "paid": Plan(windows=(Window(100, per=60),))}


def settings(engine: dict[str, Any] | None = None, **providers: dict[str, Any]) -> Settings:
    return settings_from({"providers": providers, "engine": engine or {}}, {})


def used(simulated: World) -> list[tuple[int, int]]:
    """Limit and units used of each window."""
    return [(row.limit, row.used) for row in simulated.mux.ledger()]


async def test_a_new_plan_inherits_what_the_old_one_sent() -> None:
    asked = {"one": (provider(plans=PLANS), Remote())}
    async with world(asked, settings=settings(one={"plan": "free"})) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.get(ETH)
        await simulated.mux.reload(settings(one={"plan": "paid"}))
        assert used(simulated) == [(100, 2)]
        await simulated.mux.get(SOL)
        assert used(simulated) == [(100, 3)]
        await simulated.mux.reload(settings(one={"plan": "free"}))
        assert used(simulated) == [(10, 3)]


async def test_a_smaller_plan_that_is_used_up_already_sends_nothing() -> None:
    plans = {"free": Plan(windows=(Window(1, per=60),)), "paid": Plan(windows=(Window(9, per=60),))}
    upstream = Remote()
    asked = {"one": (provider(plans=plans), upstream)}
    async with world(asked, settings=settings(one={"plan": "paid"})) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.get(ETH)
        await simulated.mux.reload(settings(one={"plan": "free"}))
        with pytest.raises(NoProvider):
            await simulated.mux.get(SOL)
        assert upstream.requests == 2


async def test_a_new_key_leaves_the_quota_as_it_is() -> None:
    one = provider(key=Key(header="x-key"), limits={"windows": (Window(10, per=60),)})
    async with world({"one": (one, Remote())}, settings=settings(one={"api_key": "old"})) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.reload(settings(one={"api_key": "new"}))
        assert used(simulated) == [(10, 1)]


async def test_a_refusal_stands_through_a_reload() -> None:
    upstream = Remote(script=lambda call: refusal(300))
    async with world({"one": (provider(), upstream)}) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(BTC)
        await simulated.mux.reload(settings(one={"weight": 3}))
        (status,) = simulated.mux.providers()
        assert (status.state, status.weight) == (State.THROTTLED, 3)
        assert status.wait == pytest.approx(300, abs=1)


async def test_a_refused_key_is_forgotten_with_it() -> None:
    upstream = Remote(script=lambda call: refusal(status=401) if call.headers["x-key"] == "old" else None)
    one = provider(key=Key(header="x-key"))
    async with world({"one": (one, upstream)}, settings=settings(one={"api_key": "old"})) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(BTC)
        await simulated.mux.reload(settings(one={"api_key": "old", "weight": 2}))
        assert simulated.mux.providers()[0].state is State.NEEDS_KEY
        await simulated.mux.reload(settings(one={"api_key": "new"}))
        assert (await simulated.mux.get(BTC)).items


async def test_a_question_in_flight_keeps_the_key_it_was_sent_with() -> None:
    upstream = Remote(delays=(1.0, 1.0))
    one = provider(key=Key(header="x-key"))
    async with world({"one": (one, upstream)}, settings=settings(one={"api_key": "old"})) as simulated:
        asking = asyncio.ensure_future(simulated.mux.get(BTC))
        await virtual.virtual_clock().sleep(0.5)
        await simulated.mux.reload(settings(one={"api_key": "new"}))
        assert (await asking).items
        await simulated.mux.get(ETH)
        assert [call.headers["x-key"] for call in upstream.calls] == ["old", "new"]
        assert at_rest(simulated.mux)


async def test_a_refusal_that_comes_after_the_reload_closes_the_member() -> None:
    upstream = Remote(delays=(1.0, 1.0), script=lambda call: refusal(300))
    async with world({"one": (provider(), upstream)}) as simulated:
        asking = asyncio.ensure_future(simulated.mux.get(BTC))
        await virtual.virtual_clock().sleep(0.5)
        await simulated.mux.reload(settings(one={"weight": 3}))
        with pytest.raises(NoProvider):
            await asking
        assert simulated.mux.providers()[0].state is State.THROTTLED


async def test_settings_that_do_not_fit_change_nothing() -> None:
    asked = {"one": (provider(plans=PLANS), Remote()), "two": (provider(plans=PLANS), Remote())}
    before = settings(one={"plan": "free"}, two={"plan": "free"})
    async with world(asked, settings=before) as simulated:
        with pytest.raises(SettingsError, match=r"providers\.two\.plan: is not known; did you mean paid"):
            await simulated.mux.reload(settings(one={"plan": "paid"}, two={"plan": "payd"}))
        assert simulated.mux.settings is before
        assert [row.limit for row in simulated.mux.ledger()] == [10, 10]
        assert (await simulated.mux.get(BTC)).items


async def test_what_only_a_restart_can_change_is_named_and_stays() -> None:
    async with world({"one": (provider(), Remote())}) as simulated:
        late = await simulated.mux.reload(
            settings({"cache_size": 500, "sandbox": "on", "deadline": 2}, one={"weight": 2})
        )
        assert late == ["engine.cache_size", "engine.sandbox"]
        assert simulated.mux.settings.engine.cache_size == 10_000
        assert simulated.mux.settings.engine.deadline == 2
        assert not simulated.mux.sandbox


async def test_who_shares_a_pool_with_a_changed_provider_draws_from_the_same_one() -> None:
    shared = {"pool": "account", "windows": (Window(10, per=60),)}
    plans = {"free": Plan(), "paid": Plan(windows=(Window(20, per=60),))}
    asked = {name: (provider(limits=shared, plans=plans), Remote()) for name in ("one", "two")}
    async with world(asked) as simulated:
        for question in (BTC, ETH):
            await simulated.mux.get(question)
        await simulated.mux.reload(settings(one={"plan": "paid"}))
        assert used(simulated) == [(20, 2)]
        for symbol in ("A", "B"):
            await simulated.mux.get(Quotes((symbol,)))
        assert used(simulated) == [(20, 4)]


async def test_a_key_that_becomes_one_of_several_brings_its_quota_along() -> None:
    one = provider(key=Key(header="x-key"), limits={"windows": (Window(10, per=60),)})
    upstream = Remote()
    async with world({"one": (one, upstream)}, settings=settings(one={"api_key": "a"})) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.reload(settings(one={"api_keys": ["new", "a"]}))
        left = {row.pool: row.used for row in simulated.mux.ledger()}
        assert left == {"one/key-1": 0, "one/key-2": 1}
        for name in "ABCD":
            await simulated.mux.get(Quotes((name,)))
        assert {call.headers["x-key"] for call in upstream.calls[1:]} == {"new", "a"}


async def test_a_key_that_was_refused_stays_refused_in_another_place() -> None:
    upstream = Remote(script=lambda call: refusal(300) if call.headers["x-key"] == "b" else None)
    one = provider(key=Key(header="x-key"))
    async with world({"one": (one, upstream)}, settings=settings(one={"api_keys": ["a", "b"]})) as simulated:
        for name in "ABCD":
            await simulated.mux.get(Quotes((name,)))
        await simulated.mux.reload(settings(one={"api_keys": ["b"]}))
        (status,) = simulated.mux.providers()
        assert [(one.name, one.state) for one in status.members] == [("one/key-1", State.THROTTLED)]


async def test_reloads_in_the_middle_of_traffic_lose_no_question_and_overrun_no_quota() -> None:
    plans = {
        "ten": Plan(windows=(Window(10, per=10),)),
        "also": Plan(windows=(Window(10, per=10), Window(90, per=99))),
    }
    upstream, spare = Remote(Sliding(10, 10)), Remote()
    asked = {"one": (provider(plans=plans, weight=100), upstream), "two": (provider(), spare)}
    async with world(asked, settings=settings(one={"plan": "ten"})) as simulated:
        clock, questions = virtual.virtual_clock(), []
        for number in range(300):
            questions.append(asyncio.ensure_future(simulated.mux.get(Quotes((f"S{number}",)))))
            await clock.sleep(0.1)
            if number % 7 == 0:
                plan = "also" if number % 2 else "ten"
                await simulated.mux.reload(settings(one={"plan": plan, "weight": 100 + number}))
        answers = await asyncio.gather(*questions)
        assert all(answer.items for answer in answers)
        assert upstream.requests > 25
        assert upstream.refusals == []
        assert at_rest(simulated.mux)


async def test_a_disabled_provider_is_not_asked_until_it_is_enabled() -> None:
    one, two = Remote(), Remote()
    async with world({"one": (provider(), one), "two": (provider(), two)}) as simulated:
        await simulated.mux.disable("one")
        for name in "ABCD":
            await simulated.mux.get(Quotes((name,)))
        assert (one.requests, two.requests) == (0, 4)
        assert simulated.mux.providers()[0].cause == "disabled by the operator"
        await simulated.mux.enable("one")
        for name in "EFGH":
            await simulated.mux.get(Quotes((name,)))
        assert one.requests > 0


async def test_a_reload_enables_nobody_whom_the_operator_disabled() -> None:
    async with world({"one": (provider(), Remote())}) as simulated:
        await simulated.mux.disable("one")
        await simulated.mux.reload(settings(one={"weight": 2}))
        assert simulated.mux.providers()[0].state is State.BLOCKED
        assert simulated.mux.switched == {"one": False}


async def test_a_provider_disabled_in_the_settings_can_be_enabled() -> None:
    async with world({"one": (provider(), Remote())}, settings=settings(one={"enabled": False})) as simulated:
        await simulated.mux.enable("one")
        assert (await simulated.mux.get(BTC)).items


async def test_a_reset_opens_who_failed_but_not_who_refused() -> None:
    down, refusing = Remote(), Remote(script=lambda call: refusal(300))
    down.fail()
    asked = {"down": (provider(), down), "refusing": (provider(), refusing)}
    async with world(asked) as simulated:
        for name in "ABCDEF":
            with pytest.raises(NoProvider):
                await simulated.mux.get(Quotes((name,)))
        assert [one.state for one in simulated.mux.providers()] == [State.BLOCKED, State.THROTTLED]
        assert simulated.mux.reset("down") == []
        assert simulated.mux.reset("refusing") == ["refusing"]
        assert [one.state for one in simulated.mux.providers()] == [State.UNKNOWN, State.THROTTLED]
        assert simulated.mux.reset("refusing", force=True) == []
        assert simulated.mux.providers()[1].state is State.UNKNOWN


async def test_only_what_is_installed_can_be_switched() -> None:
    async with world({"one": (provider(), Remote())}) as simulated:
        for work in (simulated.mux.disable("none"), simulated.mux.enable("none")):
            with pytest.raises(InvalidQuery, match="no provider named"):
                await work
        with pytest.raises(InvalidQuery, match="no provider named"):
            simulated.mux.reset("none")


async def test_a_listener_hears_every_event() -> None:
    async with world({"one": (provider(), Remote())}) as simulated:
        heard: list[Any] = []
        simulated.mux.listen(heard.append)
        answer = await simulated.mux.get(BTC)
        assert [event for event in heard if event in answer.trace.events] == list(answer.trace.events)


def quota(*windows: Window, min_interval: float = 0.0) -> Quota:
    return Quota("pool", Limits(weight=1, windows=windows, min_interval=min_interval))


def sent(quota: Quota, times: int, now: float) -> None:
    for _ in range(times):
        permit = quota.take(1, now)
        assert isinstance(permit, Permit)
        permit.end(Ending.OK, now)


def left(window: SlidingWindow, now: float) -> int:
    return window.free(now)


def test_a_shorter_window_inherits_only_what_falls_into_it() -> None:
    before, after = quota(Window(100, per=600)), quota(Window(10, per=60))
    sent(before, 3, now=0.0)
    sent(before, 2, now=100.0)
    after.inherit(before, now=110.0)
    assert left(after.windows[0], 110.0) == 8
    assert left(after.windows[0], 161.0) == 10


def test_a_longer_window_inherits_what_is_still_known() -> None:
    before, after = quota(Window(10, per=60)), quota(Window(100, per=600))
    sent(before, 4, now=0.0)
    after.inherit(before, now=30.0)
    assert left(after.windows[0], 599.0) == 96
    assert left(after.windows[0], 601.0) == 100


def test_what_is_under_way_is_inherited_too() -> None:
    before, after = quota(Window(10, per=60)), quota(Window(20, per=60))
    before.take(1, 0.0)
    after.inherit(before, now=5.0)
    assert left(after.windows[0], 5.0) == 19


def test_a_window_of_cost_inherits_from_one_of_cost() -> None:
    before = quota(Window(50, per=60), Window(50, per=60, counts=Counts.COST))
    after = quota(Window(80, per=60, counts=Counts.COST))
    permit = before.take(7, 0.0)
    assert isinstance(permit, Permit)
    permit.end(Ending.OK, 0.0)
    after.inherit(before, now=1.0)
    assert left(after.windows[0], 1.0) == 73


def test_a_minimum_interval_is_kept_from_the_moment_it_is_declared() -> None:
    before, after = quota(Window(10, per=60)), quota(Window(10, per=60), min_interval=5.0)
    after.inherit(before, now=100.0)
    assert not isinstance(after.take(1, 104.9), Permit)
    assert isinstance(after.take(1, 105.0), Permit)
