"""Shares of a window: whatever processes do, what all of them send is never more than the window allows."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from simulated.engine import world
from simulated.load import Callers
from simulated.processes import Process, most
from simulated.providers import provider
from simulated.remote import Remote, in_turn, refusal
from simulated.statefile import AtOnce
from simulated.windows import Fixed, Sliding, Spacing

from feedmux import NoProvider, Quotes, Window, virtual
from feedmux.clock import Chance
from feedmux.leases import LATE, Beat, Claim, Share, granted, reserve

ALIVE, DEAD = Beat(True, 0.0), Beat(False, 0.0)


def share(holder, units, *occupied, wants=0, per=60.0, final=False):
    return Share(holder, units, wants, 0.0, per, occupied, 0.0, final)


def test_alone_a_holder_gets_what_it_has_occupied_and_a_reserve_and_could_grow_to_the_whole():
    grant = granted(Claim("w", 100, 60, ((30.0, 10),)), [], {}, 0.0)
    assert (grant.units, grant.ceiling) == (10 + reserve(100, 60), 100)


def test_what_others_have_is_not_granted_again():
    grant = granted(Claim("w", 100, 60, ()), [share("b", 95)], {"b": ALIVE}, 0.0)
    assert (grant.units, grant.ceiling) == (5, 5)


def test_an_idle_reserve_gives_way_to_who_lacks_something():
    others = [share("b", 0, wants=1)]
    grant = granted(Claim("w", 1, 60, (), holds=0), others, {"b": ALIVE}, 0.0)
    assert (grant.units, grant.spare) == (0, 0)


def test_nobody_else_is_promised_what_a_holder_still_goes_by():
    grant = granted(Claim("w", 1, 60, (), holds=1), [share("b", 0, wants=1)], {"b": ALIVE}, 0.0)
    assert (grant.units, grant.spare) == (1, 0)


def test_a_dead_holders_share_counts_until_what_it_may_have_sent_last_does_not():
    dead = share("b", 20, per=10.0)
    assert dead.remains(DEAD, LATE + 9.9) == 20
    assert dead.remains(DEAD, LATE + 10.1) == 0


def test_what_a_dead_holder_said_it_had_sent_counts_by_its_own_times_and_the_rest_as_if_sent_last():
    dead = share("b", 12, (500.0, 10), per=100.0)
    assert [dead.remains(DEAD, wall) for wall in (50.0, 200.0, 510.0)] == [12, 10, 0]


def test_who_ended_in_order_leaves_only_what_it_sent():
    ended = share("b", 30, (50.0, 10), final=True)
    assert [ended.remains(DEAD, wall) for wall in (49.0, 51.0)] == [10, 0]


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_processes_do_no_window_ever_holds_more_than_it_allows(seed, tmp_path):
    chance, clock, sent = Chance(seed).generator("leases"), virtual.virtual_clock(), []
    windows = tuple(Window(chance.randint(1, 40), per) for per in chance.sample([2.0, 10.0, 30.0, 3000.0], 2))
    path, alive, born, outage, locked = tmp_path / "state.db", [], 0, 0.0, None
    for _ in range(1200):
        if locked is None and len(alive) < 4 and chance.random() < 0.02:
            born += 1
            alive.append(Process(AtOnce(path), f"p{born}", windows, chance, sent))
        if alive and chance.random() < 0.01:
            await alive.pop(chance.randrange(len(alive))).kill()
        if alive and chance.random() < 0.01:
            chance.choice(alive).paused_until = clock.monotonic() + chance.uniform(0.0, 12.0)
        if locked is None and chance.random() < 0.002 and path.exists():
            locked, outage = sqlite3.connect(path, isolation_level=None), chance.uniform(0.0, 9.0)
            locked.execute("begin immediate")
            for process in alive:
                process.store._database._connection.execute("pragma busy_timeout = 0")
        for process in alive:
            await process.step(chance.choice([0.0, 0.3, 0.8]))
        await clock.sleep(0.05)
        outage -= 0.05
        if locked is not None and outage <= 0:
            locked.close()
            locked = None
    if locked is not None:
        locked.close()
    for process in alive:
        await process.kill()

    assert sent
    for window in windows:
        assert most(sent, window.per) <= window.limit


async def test_a_window_of_one_goes_from_hand_to_hand(stores):
    chance, clock, sent = Chance(1).generator("hands"), virtual.virtual_clock(), [[], []]
    both = [Process(stores(), f"p{n}", (Window(1, 2.0),), chance, sent[n]) for n in (0, 1)]
    for _ in range(1200):
        for process in both:
            await process.step(0.5)
        await clock.sleep(0.05)
    for process in both:
        await process.kill()

    assert min(map(len, sent)) >= 5
    assert sum(map(len, sent)) >= 15
    assert most(sorted(sent[0] + sent[1]), 2.0) == 1


async def test_a_refusal_that_one_process_meets_closes_the_member_for_the_other_within_a_second(stores):
    remotes = [Remote(script=in_turn(refusal(120))), Remote()]
    store = [stores() for _ in remotes]
    async with (
        world({"one": (provider(), remotes[0])}, store=store[0], seed=1) as first,
        world({"one": (provider(), remotes[1])}, store=store[1], seed=2) as second,
    ):
        with pytest.raises(NoProvider):
            await first.mux.get(Quotes(["BTC"]))
        await second.mux.clock.sleep(1.1)
        with pytest.raises(NoProvider):
            await second.mux.get(Quotes(["BTC"]))
        (row,) = second.mux.providers()

    assert remotes[1].requests == 0
    assert row.wait == pytest.approx(119, abs=0.5)


@pytest.mark.parametrize("seed", range(3))
async def test_two_engines_on_one_file_share_every_window(seed, stores):
    chance = Chance(seed).generator("engines")
    remote = Remote(
        Fixed(12, 10, phase=chance.uniform(0, 10)), Sliding(40, 60.0), Spacing(0.3), chance=chance
    )
    limits = {"windows": (Window(12, 10), Window(40, 60.0)), "min_interval": 0.3}
    providers = {"one": (provider(limits=limits), remote)}
    store = [stores() for _ in range(2)]
    async with (
        world(providers, observed=False, store=store[0], seed=1) as first,
        world(providers, observed=False, store=store[1], seed=2) as second,
    ):
        both = [Callers(one.mux, lambda n: Quotes([f"S{n}"])) for one in (first, second)]
        await asyncio.gather(*(callers.at_random(3, 180, chance) for callers in both))

    assert remote.refusals == []
    assert remote.requests >= 0.8 * 3 * 40
