"""What must hold on any day: fleets, loads and faults drawn at random, the engine in virtual time between.

FEEDMUX_EXAMPLES=1000 draws so many days, anew in every run; without it a few, the same in every run.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from simulated.engine import World, at_rest, world
from simulated.load import LATE, Callers
from simulated.providers import endpoint, provider
from simulated.remote import Call, Remote, body, broken, refusal, unreachable
from simulated.soundness import sound_run
from simulated.windows import Fixed, Sliding

from feedmux import Backoff, FeedmuxError, Gas, Quotes, Terms, Tier, UpstreamTimeout, Window, virtual
from feedmux.clock import Chance
from feedmux.transport import Incoming, Outgoing

MANY = int(os.environ.get("FEEDMUX_EXAMPLES", "0"))
HANGS, AWAY = "hangs", "cannot be reached"
ILLS = {
    "refuses": lambda: refusal(7),
    "refuses without a time": refusal,
    "is down": broken,
    "says junk": lambda: Incoming(200, {}, b"<html>"),
    "says nothing": lambda: body({"prices": {}}),
    "times out": lambda: UpstreamTimeout("did not answer in time"),
    "is of last week": lambda: body({"prices": {"S1": 100.0}, "at": 1_766_000_000}),
}


def days(examples: int, most: int = 1_000_000) -> settings:
    """So many examples: `examples`, or as FEEDMUX_EXAMPLES says, at most `most`."""
    return settings(
        max_examples=min(MANY, most) if MANY else examples,
        derandomize=not MANY,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.generate, Phase.shrink],
    )


class Fault(Struct, frozen=True):
    """One upstream's, from so many seconds on for so long; `share` of its requests meet it."""

    kind: str
    begins: float
    lasts: float
    share: float


class Maker(Struct, frozen=True):
    """A provider and its upstream. `phase` is where the upstream's windows begin, None where they slide."""

    weight: int
    windows: tuple[tuple[int, float], ...]
    phase: float | None
    batch: int
    ttl: float
    concurrency: int
    min_interval: float
    slowest: float
    skew: float
    steps: tuple[float, ...]
    faults: tuple[Fault, ...]


class Day(Struct, frozen=True):
    """Everything that a run depends on."""

    seed: int
    fleet: tuple[Maker, ...]
    rate: float
    symbols: int
    deadline: float
    leaving: float


FAULTS = st.builds(
    Fault,
    kind=st.sampled_from([*ILLS, HANGS, AWAY]),
    begins=st.floats(0, 40),
    lasts=st.floats(5, 60),
    share=st.sampled_from([0.3, 1.0]),
)
WINDOWS = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from([1.0, 2.0, 10.0, 30.0])),
    max_size=2,
    unique_by=lambda window: window[1],
).map(tuple)
MAKERS = st.builds(
    Maker,
    weight=st.integers(1, 30),
    windows=WINDOWS,
    phase=st.none() | st.floats(0, 30),
    batch=st.sampled_from([1, 3, 10]),
    ttl=st.sampled_from([1.0, 5.0, 30.0]),
    concurrency=st.sampled_from([1, 2, 16]),
    min_interval=st.sampled_from([0.0, 0.0, 0.5]),
    slowest=st.sampled_from([0.1, 0.4, 3.0]),
    skew=st.floats(-20, 20),
    steps=st.sampled_from([(5.0, 15.0, 40.0), (10.0, 30.0)]),
    faults=st.lists(FAULTS, max_size=2).map(tuple),
)
DAYS = st.builds(
    Day,
    seed=st.integers(0, 1000),
    fleet=st.lists(MAKERS, min_size=1, max_size=5).map(tuple),
    rate=st.floats(0.5, 8),
    symbols=st.sampled_from([1, 5, 40]),
    deadline=st.sampled_from([0.3, 2.0, 5.0]),
    leaving=st.sampled_from([0.0, 0.2]),
)


class Upstream(Remote):
    """Tells its own time with each price, some seconds off."""

    skew = 0.0
    away: tuple[tuple[float, float], ...] = ()
    """When nothing reaches it, from and until: what is not sent is not counted."""

    async def send(self, outgoing: Outgoing) -> Incoming:
        now = self.clock.monotonic()
        if any(begins <= now < ends for begins, ends in self.away):
            raise unreachable()
        return await super().send(outgoing)

    def answer(self, call: Call) -> Incoming:
        at = self.clock.now().timestamp() + self.skew
        return body({"prices": dict.fromkeys(call.symbols, 100.0), "at": at})


def made(maker: Maker, chance: Chance, name: str, **limits: Any) -> tuple[Any, Upstream]:
    """The provider, and the upstream that falls ill as drawn."""
    rules = [
        Sliding(limit, per) if maker.phase is None else Fixed(limit, per, phase=maker.phase % per)
        for limit, per in maker.windows
    ]
    dice = chance.generator(f"faults/{name}")
    remote = Upstream(*rules, delays=(0.02, maker.slowest), chance=chance.generator(f"delays/{name}"))
    remote.skew = maker.skew
    remote.away = tuple((f.begins, f.begins + f.lasts) for f in maker.faults if f.kind == AWAY)

    def script(call: Call) -> Incoming | FeedmuxError | None:
        for fault in maker.faults:
            met = fault.begins <= call.begun < fault.begins + fault.lasts and dice.random() < fault.share
            if met and fault.kind in ILLS:
                return ILLS[fault.kind]()
        return None

    remote.script = script
    terms = Terms(ttl=maker.ttl, batch=maker.batch)
    declared = {
        "windows": tuple(Window(limit, per) for limit, per in maker.windows),
        "concurrency": maker.concurrency,
        "min_interval": maker.min_interval,
        "backoff": Backoff(maker.steps),
        **limits,
    }
    serves = (endpoint(Quotes, terms), endpoint(Gas, Terms(ttl=maker.ttl)))
    return provider(*serves, weight=maker.weight, limits=declared), remote


async def hanging(simulated: World, maker: Maker, remote: Upstream) -> None:
    """Whoever hangs takes so long that nobody waits for it."""
    clock = simulated.mux.clock
    for fault in maker.faults:
        if fault.kind == HANGS:
            await clock.sleep(max(0.0, fault.begins - clock.monotonic()))
            usual, remote.delays = remote.delays, (1e4, 1e4)
            await clock.sleep(fault.lasts)
            remote.delays = usual


def question(day: Day, number: int) -> Any:
    """Alone and together, of two currencies, and one that cannot be divided."""
    names = [f"S{(number * step) % day.symbols}" for step in (1, 3, 7)]
    kinds = (
        Quotes(names[:1]),
        Quotes(list(dict.fromkeys(names))),
        Quotes(names[:1], vs="EUR"),
        Gas(f"chain{number % 3}"),
    )
    return kinds[number % 4]


async def lived(day: Day) -> tuple[str, Counter[str]]:
    """Run the day and check it; gives back the hash of all that was told, and how questions ended."""
    chance = Chance(day.seed)
    fleet = {f"p{place}": made(maker, chance, f"p{place}") for place, maker in enumerate(day.fleet)}
    async with world(fleet, seed=day.seed) as simulated:
        clock = simulated.mux.clock
        callers = Callers(simulated.mux, lambda number: question(day, number), deadline=day.deadline)
        ills = [
            asyncio.create_task(hanging(simulated, maker, remote))
            for maker, (_, remote) in zip(day.fleet, fleet.values(), strict=True)
        ]
        dice, asking, left = chance.generator("callers"), list[asyncio.Task[str]](), 0
        while clock.monotonic() < 70:
            await clock.sleep(dice.expovariate(day.rate))
            task = asyncio.create_task(callers.ask())
            asking.append(task)
            if dice.random() < day.leaving:
                asyncio.get_running_loop().call_later(dice.uniform(0, 0.5), task.cancel)
        for task in asking:
            left += isinstance(
                (await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError
            )
        for task in ills:
            task.cancel()
        await clock.sleep(120)
        for task in asking:
            if not task.cancelled():
                task.result()
        assert callers.ended.total() == len(asking) - left
        sound_run(simulated, fleet, callers.ended.total(), 3 * len(asking))
        told = b"\n".join(msgspec.json.encode(event) for event in simulated.events)
        return hashlib.sha256(told).hexdigest(), callers.ended


def ran(main: Coroutine[Any, Any, Any]) -> Any:
    return virtual.run(main)


@days(25)
@given(DAYS)
def test_any_day_is_sound(day: Day) -> None:
    ran(lived(day))


@days(3, most=100)
@given(DAYS)
def test_the_same_seed_is_the_same_day_to_the_last_event(day: Day) -> None:
    assert ran(lived(day)) == ran(lived(day))


@days(10, most=400)
@given(st.lists(MAKERS, max_size=3), st.integers(0, 1000))
def test_a_last_resort_gets_nothing_while_two_others_answer(others: list[Maker], seed: int) -> None:
    async def main() -> None:
        chance = Chance(seed)
        fleet: dict[str, Any] = {f"p{n}": made(maker, chance, f"p{n}") for n, maker in enumerate(others)}
        fleet |= {name: (provider(), Upstream(chance=chance.generator(name))) for name in ("well", "too")}
        last = provider(weight=1000, limits={"tier": Tier.LAST_RESORT})
        fleet["last"] = (last, Upstream(chance=chance.generator("last")))
        async with world(fleet, seed=seed) as simulated:
            callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
            await callers.at_random(5, 60, chance.generator("callers"))

        assert fleet["last"][1].requests == 0

    ran(main())


@days(5, most=100)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.integers(0, 1000))
def test_e11_shares_are_the_weights_within_a_twentieth(weights: list[int], seed: int) -> None:
    async def main() -> None:
        chance = Chance(seed)
        fleet = {
            f"p{n}": (provider(weight=w), Remote(delays=(0.05, 0.06), chance=chance.generator(f"p{n}")))
            for n, w in enumerate(weights)
        }
        async with world(fleet, seed=seed, observed=False) as simulated:
            await Callers(simulated.mux, lambda n: Quotes([f"S{n}"])).in_bursts(600, of=10)
            asked = Counter(simulated.order)
        for name, weight in zip(fleet, weights, strict=True):
            due = 600 * weight / sum(weights)
            assert asked[name] == pytest.approx(due, abs=0.05 * due + len(weights))

    ran(main())


CALLER = st.tuples(st.floats(0, 0.4), st.sampled_from(["USD", "EUR"]), st.none() | st.floats(0, 0.5))


@days(40, most=1000)
@given(st.lists(CALLER, min_size=1, max_size=12))
def test_e1_a_question_costs_one_flight_whoever_leaves(
    callers: list[tuple[float, str, float | None]],
) -> None:
    async def main() -> None:
        remote = Remote(delays=(0.5, 0.5))
        async with world({"one": (provider(ttl=60), remote)}) as simulated:
            clock = simulated.mux.clock

            async def ask(after: float, vs: str, patience: float | None) -> str:
                await clock.sleep(after)
                try:
                    async with asyncio.timeout(patience):
                        answer = await simulated.mux.get(Quotes(["BTC"], vs=vs))
                except TimeoutError:
                    assert patience is not None
                    assert clock.monotonic() <= after + patience + LATE
                    return vs
                return str(answer.items[0].vs)

            told = await asyncio.gather(*(ask(*caller) for caller in callers))
            await clock.sleep(1)
            assert told == [vs for _, vs, _ in callers]
            assert remote.requests == len(set(told))
            assert at_rest(simulated.mux)

    ran(main())
