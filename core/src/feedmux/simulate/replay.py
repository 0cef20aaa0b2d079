"""Runs the questions of decision logs again, at their times, under another configuration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import feedmux
from feedmux import Answer, virtual
from feedmux.cell import instant
from feedmux.clock import Chance, Clock, from_unix
from feedmux.event import Event, Reason, Skipped
from feedmux.mux import Mux
from feedmux.provider import Provider
from feedmux.settings import Settings
from feedmux.simulate.exchange import Exchange, Line, cost_of
from feedmux.simulate.fitted import Fits
from feedmux.simulate.logged import Pools, logged_side
from feedmux.simulate.market import Market
from feedmux.simulate.notes import notes
from feedmux.simulate.occupancy import Spent, fullest
from feedmux.simulate.outcome import Filled, Outcome, Side
from feedmux.simulate.past import Past
from feedmux.simulate.remote import Remote
from feedmux.simulate.retold import Retold
from feedmux.simulate.run import Run
from feedmux.simulate.scenario import Fault
from feedmux.simulate.stand_in import settings_for, standings
from feedmux.simulate.tally import Sent, Tally
from feedmux.standing import Standing
from feedmux.store import MemoryStore

NAMES = ("replayed", "as logged")


def replay(
    name: str, past: Past, plugins: Mapping[str, Provider], chosen: Settings, seed: int = 0
) -> Outcome:
    """What that time would have been with these stand-ins under this configuration. The same seed gives the same outcome.

    Raises SettingsError for a configuration that does not fit the stand-ins.
    """
    return virtual.run(_Replay(past, plugins, chosen, seed).outcome(name))


class _Replay:
    """One replay, from the modelled upstreams to what came of it."""

    def __init__(self, past: Past, plugins: Mapping[str, Provider], chosen: Settings, seed: int) -> None:
        self._past = past
        self._plugins = plugins
        self._settings = settings_for(chosen, plugins)
        self._chance = Chance(seed)
        self._clock: Clock = virtual.virtual_clock(from_unix(past.began))
        self._seconds = math.floor(past.seconds) + 1.0
        self._tally = Tally(self._seconds)
        self._exchange = Exchange()
        self._remotes: dict[str, Remote] = {}
        self._spent: dict[str, list[Spent]] = {}
        self._skipped = Counter[str]()

    async def outcome(self, name: str) -> Outcome:
        """Both sides, and each window's fill."""
        fits = Fits(attempt for _, _, attempt in self._past.attempts())
        everyone = await standings(self._plugins, self._exchange, self._settings, self._clock)
        members = [standing for standing in everyone if not standing.disabled]
        self._connect(members, fits)
        ours = await self._ours(members)
        asked = {name for name, remote in self._remotes.items() if remote.requests}
        return Outcome(
            name=name,
            about=self._about(),
            seed=self._chance.seed,
            seconds=self._seconds,
            ours=ours,
            beside=logged_side(self._past, [one.provider for one in ours.providers], self._seconds),
            faults=(),
            names=NAMES,
            windows=self._windows(members),
            left_out=self._past.left_out,
            notes=notes(self._past, everyone, fits.unknown, asked),
        )

    def _connect(self, members: Sequence[Standing], fits: Fits) -> None:
        """A modelled upstream behind each member and key; what they are sent is noted under the quota that it is drawn from."""
        market = Market(self._chance)
        for standing in members:
            dice = self._chance.generator(f"upstream/{standing.name}")
            windows = standing.limits.windows
            remote = Remote(fits.of(standing), windows, (), market, self._clock, dice)
            remote.cost = cost_of
            spent = self._spent.setdefault(standing.quota.name, [])
            self._exchange.connect(standing, Line(remote, spent, self._clock))
            self._remotes[standing.name] = remote

    async def _ours(self, members: Sequence[Standing]) -> Side:
        run = Run(
            self._opened,
            Retold(self._past, self._clock),
            self._answered,
            self._tally,
            self._clock,
            self._settings.engine.deadline,
        )
        restarts = [Fault(kind="restart", at=at - self._past.began) for at in self._past.restarts]
        await run.through(restarts, self._seconds)
        return self._tally.side(self._sent(members), run.broken(), judged=False)

    @asynccontextmanager
    async def _opened(self, store: MemoryStore) -> AsyncIterator[Mux]:
        async with feedmux.open(
            self._settings,
            plugins=self._plugins,
            extensions={"exchange": self._exchange},
            clock=self._clock,
            store=store,
            seed=self._chance.seed,
        ) as mux:
            mux.listen(self._heard)
            yield mux

    def _heard(self, event: Event) -> None:
        if isinstance(event, Skipped) and event.reason is Reason.EXHAUSTED:
            self._skipped[event.member] += 1

    def _answered(self, answer: Answer[Any], began: float, ended: float) -> None:
        self._tally.answered(began, ended, answer.providers, stale=answer.stale, cached=ended == began)

    def _sent(self, members: Sequence[Standing]) -> dict[str, Sent]:
        """What each provider was sent, whoever of its members."""
        of: dict[str, list[Remote]] = {}
        for standing in members:
            of.setdefault(standing.provider, []).append(self._remotes[standing.name])
        return {
            name: Sent(
                requests=sum(remote.requests for remote in remotes),
                refusals=sorted(at for remote in remotes for at in remote.refusals),
            )
            for name, remotes in of.items()
        }

    def _windows(self, members: Sequence[Standing]) -> list[Filled]:
        logged = Pools(members).spent(self._past)
        skipped, pools = Counter[str](), dict[str, Standing]()
        for standing in members:
            skipped[standing.quota.name] += self._skipped[standing.name]
            pools.setdefault(standing.quota.name, standing)
        return [
            Filled(
                pool=pool,
                limit=window.limit,
                per=window.per,
                counts=window.counts,
                logged=fullest(logged.get(pool, ()), window),
                replayed=fullest(self._spent[pool], window),
                skipped=skipped[pool],
            )
            for pool, standing in pools.items()
            for window in standing.limits.windows
        ]

    def _about(self) -> str:
        began = self._past.began
        return f"{instant(from_unix(began))} to {instant(from_unix(began + self._past.seconds))}"
