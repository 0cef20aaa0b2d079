"""A log that a server keeps is run again: as it was where nothing is changed, otherwise where weights are."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from simulated.engine import world
from simulated.providers import endpoint, provider
from simulated.remote import Remote

from feedmux import Gas, Quotes, Terms, Window, virtual
from feedmux.clock import Chance
from feedmux.registry import Registry
from feedmux.settings import settings_from
from feedmux.simulate import past, replay
from feedmux.simulate.stand_in import stand_ins
from feedmux_server.decision_log import DecisionLog, LogFile
from feedmux_server.desk import Desk
from feedmux_server.question import How, Question

WEIGHTS = {"north": 60, "east": 30, "south": 10}
MINUTE = Window(200, 60)


def declared():
    serves = (endpoint(Quotes, Terms(ttl=2, batch=5)), endpoint(Gas, Terms(ttl=2)))
    return {
        name: provider(*serves, weight=weight, limits={"windows": (MINUTE,)})
        for name, weight in WEIGHTS.items()
    }


def question(number):
    """Quotes of few coins and of many, some that must not come from the cache, and gas."""
    if number % 10 == 0:
        return Question(Gas(f"chain{number % 3}"))
    how = How(max_age=0.0) if number % 7 == 0 else How()
    return Question(Quotes([f"S{number % 20}" if number % 2 else f"T{number}"]), how)


async def served(file, seconds):
    """A server's counter for so long, five questions a second; gives back its log."""
    chance = Chance(4)
    upstreams = {
        name: (one, Remote(delays=(0.05, 0.09), chance=chance.generator(name)))
        for name, one in declared().items()
    }
    async with world(upstreams, observed=False) as simulated:
        clock, dice = simulated.mux.clock, chance.generator("callers")
        desk = Desk(simulated.mux)
        desk.log = DecisionLog(LogFile(file, clock), clock, seed=1)
        desk.log.begin()

        async def ask(number):
            asked = question(number)
            if desk.at_hand(asked) is None:
                await desk.ask(asked)

        async with asyncio.TaskGroup() as group:
            for number in range(int(5 * seconds)):
                await clock.sleep(dice.expovariate(5))
                group.create_task(ask(number))
        return desk.log


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    file = tmp_path_factory.mktemp("log") / "decisions.jsonl"
    kept = virtual.run(served(file, 300))
    asyncio.run(kept.aclose())
    assert kept.dropped == 0
    return file


def replayed(log, weights=None, seed=0):
    registry = Registry()
    for name, one in declared().items():
        registry.add_provider(name, one)
    made = stand_ins(registry.providers)
    sections = {name: {"weight": weight} for name, weight in (weights or {}).items()}
    return replay("log", past.read([log], made), made, settings_from({"providers": sections}, {}), seed)


def traffic(side):
    return {one.provider: one.traffic for one in side.providers}


def test_under_the_configuration_of_the_log_it_is_the_time_that_was(log):
    outcome = replayed(log)
    ours, logged = outcome.ours, outcome.beside

    assert ours.questions == logged.questions == ours.fresh == logged.fresh == 1500
    assert ours.requests == pytest.approx(logged.requests, rel=0.02)
    assert traffic(ours) == pytest.approx(traffic(logged), abs=0.03)
    assert ours.latency_ms["p50"] == pytest.approx(logged.latency_ms["p50"], rel=0.15)
    assert (ours.refused, list(ours.broken), list(outcome.left_out)) == (0, [], [])


def test_other_weights_move_the_traffic_and_the_windows_with_it(log):
    before, after = replayed(log), replayed(log, {"north": 10, "south": 60})

    assert traffic(after.ours)["south"] > traffic(before.ours)["south"] + 0.2
    windows = {one.pool: one for one in after.windows}
    assert windows["north"].replayed < windows["north"].logged / 2
    assert windows["south"].replayed > 2 * windows["south"].logged
    assert all(one.replayed <= one.limit for one in after.windows)
    assert after.beside == before.beside


def test_the_same_log_configuration_and_seed_give_the_same_bytes(log):
    first, again = (msgspec.json.encode(replayed(log, {"north": 1}, seed=7)) for _ in range(2))

    assert first == again
