"""Many hours: a fleet, a load and faults for each seed, one to four engines on one state file, and the upstreams' own count.

Not collected: `PYTHONPATH=core/tests/support python -m tests.faults.hours --seeds 1000`. An hour is one of virtual time. Ends with 1 where an
upstream had to refuse because its quota was exceeded, or was asked while it had closed itself.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct
from simulated.engine import at_rest, world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote, broken, refusal
from simulated.soundness import obeyed
from simulated.statefile import AtOnce
from simulated.windows import Fixed, Sliding

from feedmux import Backoff, Quotes, Terms, Window, virtual
from feedmux.clock import Chance, Random

HOUR = 3600.0
CALLERS = 50
THINKS = 40.0
"""Seconds that a caller waits between two questions, at most."""
WINDOWS = ((2, 10.0), (6, 10.0), (10, 60.0), (30, 60.0), (300, HOUR), (900, HOUR))


class Hour(Struct, frozen=True):
    """What became of one: questions by how they ended, requests, and those beyond a quota or inside a closure."""

    ended: Counter[str]
    requests: int
    beyond: int
    early: int


class Told(Struct):
    """All hours so far."""

    hours: int = 0
    ended: Counter[str] = Counter()
    requests: int = 0
    beyond: int = 0
    early: int = 0

    def add(self, hour: Hour) -> None:
        self.hours += 1
        self.ended = self.ended + hour.ended
        self.requests += hour.requests
        self.beyond += hour.beyond
        self.early += hour.early

    def __str__(self) -> str:
        questions = self.ended.total()
        served = self.ended["fresh"] + self.ended["stale"]
        return (
            f"{self.hours:,} hours, {questions:,} questions ({served / max(1, questions):.1%} answered), "
            f"{self.requests:,} requests, {self.beyond} beyond a quota, {self.early} inside a closure"
        )


def upstream(chance: Chance, name: str) -> tuple[Any, Remote]:
    """A provider with one or two windows, and its upstream, which counts them its own way and falls ill at times."""
    dice = chance.generator(f"maker/{name}")
    windows = {per: limit for limit, per in dice.sample(WINDOWS, dice.choice([1, 2]))}
    slides = dice.random() < 0.5
    rules = [
        Sliding(limit, per) if slides else Fixed(limit, per, phase=dice.uniform(0, per))
        for per, limit in windows.items()
    ]
    remote = Remote(
        *rules, delays=(0.05, dice.choice([0.3, 0.9, 3.0])), chance=chance.generator(f"delays/{name}")
    )
    begins, lasts = dice.uniform(0, HOUR), dice.uniform(30, 900)
    ill = dice.choice([None, broken, refusal, lambda: refusal(45)])

    def script(call: Any) -> Any:
        return ill() if ill and begins <= call.begun < begins + lasts else None

    remote.script = script
    limits = {
        "windows": tuple(Window(limit, per) for per, limit in windows.items()),
        "backoff": Backoff((10.0, 60.0, 300.0)),
    }
    serves = endpoint(Quotes, Terms(ttl=dice.choice([1.0, 10.0, 60.0]), batch=dice.choice([1, 10])))
    return provider(serves, weight=dice.randint(1, 30), limits=limits), remote


async def asking(callers: Callers, dice: Random, clock: Any) -> None:
    """One caller, for an hour."""
    while clock.monotonic() < HOUR:
        await clock.sleep(dice.uniform(0, THINKS))
        await callers.ask()


async def lived(seed: int, engines: int, file: Path) -> Hour:
    """The hour of a seed."""
    chance = Chance(seed)
    dice = chance.generator("hour")
    fleet = {f"p{n}": upstream(chance, f"p{n}") for n in range(dice.randint(2, 5))}
    symbols = dice.choice([30, 300, 3000])
    async with AsyncExitStack() as stack:
        worlds = [
            await stack.enter_async_context(
                world(fleet, observed=False, store=AtOnce(file) if engines > 1 else None, seed=seed + place)
            )
            for place in range(engines)
        ]
        asked = [Callers(one.mux, lambda n: Quotes([f"S{(n * 7919) % symbols}"])) for one in worlds]
        await asyncio.gather(
            *(
                asking(asked[number % engines], chance.generator(f"caller/{number}"), worlds[0].mux.clock)
                for number in range(CALLERS)
            )
        )
        await worlds[0].mux.clock.sleep(30)
        assert all(at_rest(one.mux) for one in worlds)
    return Hour(
        sum((callers.ended for callers in asked), Counter[str]()),
        sum(remote.requests for _, remote in fleet.values()),
        sum(len(remote.refusals) for _, remote in fleet.values()),
        sum(_early(name, *pair) for name, pair in fleet.items()) if engines == 1 else 0,
    )


def _early(name: str, declared: Any, remote: Remote) -> int:
    try:
        obeyed(name, remote.spans, declared.feedmux_limits().backoff)
    except AssertionError as error:
        print(error)
        return 1
    return 0


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--engines", type=int, choices=(1, 2, 3, 4), help="else one to four, by the seed")
    wanted = parser.parse_args(given)
    told = Told()
    for seed in range(wanted.first, wanted.first + wanted.seeds):
        with tempfile.TemporaryDirectory() as folder:
            engines = wanted.engines or 1 + seed % 4
            hour = virtual.run(lived(seed, engines, Path(folder) / "state.db"))
        told.add(hour)
        if hour.beyond or hour.early:
            print(f"seed {seed}, {engines} engines: {hour}", flush=True)
        if told.hours % 20 == 0:
            print(told, flush=True)
    print(told)
    return 1 if told.beyond or told.early else 0


if __name__ == "__main__":
    sys.exit(main())
