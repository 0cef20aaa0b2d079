"""With more questions than the quotas allow: no upstream ever has to refuse, and little of a quota is left lying.

FEEDMUX_SIMULATED_HOURS=24 simulates the whole day (about 190,000 questions); it is 2 hours otherwise.
"""

from __future__ import annotations

import asyncio
import os

import pytest
from simulated.engine import at_rest, world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote
from simulated.soundness import sound_run
from simulated.windows import Fixed, Sliding, Spacing

from feedmux import DAY, Counts, Gas, Quotes, Settings, Terms, Window
from feedmux.clock import Chance
from feedmux.settings import EngineSettings
from feedmux.store import MemoryStore

HOUR, MINUTE = 3600.0, 60.0
HOURS = float(os.environ.get("FEEDMUX_SIMULATED_HOURS", "2"))
QUESTIONS_PER_SECOND = 2.2
COST = 40
UNHEDGED = Settings(engine=EngineSettings(hedge=False))


def quoting(weight, windows, *, cost=1, **limits):
    terms = Terms(ttl=60, cost=cost)
    return provider(endpoint(Quotes, terms), weight=weight, limits={"windows": windows, **limits})


BY_COST = Window(12 * COST, MINUTE, Counts.COST)
PROVIDERS = {
    "seconds": quoting(30, (Window(4, 10), Window(25, MINUTE))),
    "minute": quoting(25, (Window(18, MINUTE),)),
    "hour": quoting(25, (Window(900, HOUR),)),
    "day": quoting(10, (Window(15, MINUTE), Window(6000, DAY))),
    "spaced": quoting(5, (Window(10, MINUTE),), min_interval=2.0),
    "units": quoting(5, (BY_COST,), cost=COST),
}
"""Together they answer 1.6 questions a second, 1.3 once the day's quota of one is used up."""


def rules():
    """What the upstreams enforce, the binding rule of each first; phases as the upstreams please."""
    return {
        "seconds": (Fixed(4, 10, phase=3.7), Fixed(25, MINUTE, phase=11)),
        "minute": (Sliding(18, MINUTE),),
        "hour": (Fixed(900, HOUR, phase=1234.5),),
        "day": (Sliding(6000, DAY), Fixed(15, MINUTE, phase=31)),
        "spaced": (Sliding(10, MINUTE), Spacing(2)),
        "units": (Fixed(12 * COST, MINUTE, phase=59, by_cost=True),),
    }


async def test_no_upstream_refuses_and_nine_tenths_of_every_binding_window_are_used():
    chance = Chance(7)
    remotes = {
        name: Remote(
            *counts,
            delays=(0.05, 0.3),
            costs={"/quotes": COST},
            chance=chance.generator(name),
            keeps_calls=False,
        )
        for name, counts in rules().items()
    }
    providers = {name: (PROVIDERS[name], remote) for name, remote in remotes.items()}
    async with world(providers, settings=UNHEDGED, observed=False) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.at_random(QUESTIONS_PER_SECOND, HOURS * HOUR, chance.generator("callers"))
        assert at_rest(simulated.mux)

    assert {name for name, remote in remotes.items() if remote.refusals} == set()
    assert sum(remote.requests for remote in remotes.values()) == callers.ended["fresh"]
    assert set(callers.ended) == {"fresh", "no-provider"}
    for name, remote in remotes.items():
        binding = remote.rules[1] if name == "day" and HOURS < 10 else remote.rules[0]
        used = binding.used / max(binding.capacity(HOURS * HOUR), binding.capacity(binding.per))
        assert used >= 0.9, f"{name} used {used:.1%}"


def drawn(chance):
    """Windows at random, and the upstream's reading of them: fixed with some phase, or sliding."""
    windows, rules = [], []
    for per in chance.sample([1.0, 2.0, 10.0, 30.0, 60.0], chance.randint(1, 3)):
        by_cost = chance.random() < 0.3
        limit = max(5, chance.randint(1, int(per) + 3)) if by_cost else chance.randint(1, int(per) + 3)
        windows.append(Window(limit, per, Counts.COST if by_cost else Counts.REQUESTS))
        fixed = Fixed(limit, per, phase=chance.uniform(0, per), by_cost=by_cost)
        rules.append(fixed if chance.random() < 0.5 else Sliding(limit, per, by_cost=by_cost))
    interval = chance.choice([0.0, 0.0, 0.5, 3.0])
    if interval:
        rules.append(Spacing(interval))
    return windows, interval, rules


@pytest.mark.parametrize("seed", range(16))
async def test_whatever_the_windows_no_upstream_refuses(seed):
    chance = Chance(seed).generator("quotas")
    providers, remotes = {}, []
    for name in ("one", "two", "three"):
        windows, interval, counts = drawn(chance)
        remote = Remote(
            *counts,
            delays=(0.01, chance.choice([0.1, 2.0, 8.0])),
            costs={"/quotes": 2, "/gas": 5},
            chance=chance,
        )
        remotes.append(remote)
        serves = (
            endpoint(Quotes, Terms(ttl=5, cost=2, batch=chance.choice([1, 3]))),
            endpoint(Gas, Terms(ttl=5, cost=5)),
        )
        limits = {
            "windows": tuple(windows),
            "min_interval": interval,
            "concurrency": chance.choice([1, 2, 16]),
        }
        providers[name] = (provider(*serves, weight=chance.randint(1, 30), limits=limits), remote)
    async with world(providers, seed=seed) as simulated:
        callers = Callers(simulated.mux, lambda n: Gas(f"{n}") if n % 3 else Quotes([f"A{n}", f"B{n}"]))
        await callers.at_random(8.0, 120.0, chance)
        sound_run(simulated, providers, callers.asked, 2 * callers.asked)

    assert [remote.refusals for remote in remotes] == [[], [], []]
    assert callers.ended.total() == callers.asked


def tight(chance):
    """One provider with two windows, a minimum interval and an upstream that enforces them."""
    remote = Remote(
        Fixed(5, 10, phase=chance.uniform(0, 10)),
        Sliding(20, MINUTE),
        Spacing(0.5),
        delays=(0.1, 1.5),
        chance=chance,
    )
    limits = {"windows": (Window(5, 10), Window(20, MINUTE)), "min_interval": 0.5}
    return {"one": (provider(weight=1, limits=limits), remote)}, remote


@pytest.mark.parametrize("seed", range(4))
async def test_restarts_in_the_middle_of_everything_lose_no_count(seed):
    chance = Chance(seed).generator("restarts")
    providers, remote = tight(chance)
    store = MemoryStore()
    for run in range(30):
        async with world(providers, observed=False, store=store) as simulated:
            asking = [
                asyncio.create_task(simulated.mux.get(Quotes([f"S{run}x{n}"])))
                for n in range(chance.randint(1, 12))
            ]
            await simulated.mux.clock.sleep(chance.uniform(0.0, 8.0))
        await asyncio.gather(*asking, return_exceptions=True)

    assert remote.requests > 10
    assert remote.refusals == []


async def test_engines_that_share_a_store_share_its_windows():
    chance = Chance(9).generator("engines")
    providers, remote = tight(chance)
    store = MemoryStore()
    async with (
        world(providers, observed=False, store=store, seed=1) as first,
        world(providers, observed=False, store=store, seed=2) as second,
    ):
        both = [Callers(one.mux, lambda n: Quotes([f"S{n}"])) for one in (first, second)]
        await asyncio.gather(*(callers.at_random(3, 120, chance) for callers in both))

    assert remote.requests > 30
    assert remote.refusals == []
