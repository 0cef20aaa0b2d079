"""Runs a scenario: the same engine as anywhere, its time virtual, its network modelled."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any

import feedmux
from feedmux import Answer, virtual
from feedmux.clock import Chance, Clock
from feedmux.errors import FeedmuxError
from feedmux.limits import Limits, Tier
from feedmux.mux import Mux
from feedmux.query import Query
from feedmux.settings import EngineSettings, Settings
from feedmux.simulate.asking import Callers
from feedmux.simulate.fleet import Wires, limits_of, provider_of, serving
from feedmux.simulate.market import Market
from feedmux.simulate.naive import Naive
from feedmux.simulate.outcome import Outcome, Shown, Side
from feedmux.simulate.remote import Remote
from feedmux.simulate.scenario import Fault, Scenario
from feedmux.simulate.tally import Tally
from feedmux.store import MemoryStore

GRACE = 0.05
"""Seconds by which an answer may miss its deadline."""
RESTARTING = "restarting"
SETTLES = 900.0
"""Seconds after the last fault within which every provider has to have traffic again."""
ENOUGH = 200
"""Requests in calm from which on nobody may be without one."""


def simulate(
    scenario: Scenario, installed: Mapping[str, Limits] | None = None, seed: int | None = None
) -> Outcome:
    """What comes of it. `installed`: the limits that plugins declare, by name. The same seed gives the same outcome.

    Raises SettingsError for a provider or a question that cannot be simulated.
    """
    chosen = scenario.seed if seed is None else seed
    limits = {name: limits_of(name, one, installed or {}) for name, one in scenario.providers.items()}
    serving(scenario, limits)
    return Outcome(
        name=scenario.name,
        about=scenario.about,
        seed=chosen,
        seconds=scenario.seconds,
        ours=virtual.run(_Trial(scenario, limits, chosen).ours()),
        beside=virtual.run(_Trial(scenario, limits, chosen).beside()) if scenario.beside else None,
        faults=[Shown(f.kind, f.provider, f.begins, f.ends, f.value) for f in scenario.faults],
    )


class _Trial:
    """One side's run."""

    def __init__(self, scenario: Scenario, limits: Mapping[str, Limits], seed: int) -> None:
        self._scenario = scenario
        self._limits = limits
        self._chance = Chance(seed)
        self._clock: Clock = virtual.virtual_clock()
        market = Market(self._chance)
        self._tally = Tally(scenario.seconds, market)
        self._callers = Callers(
            scenario.load, scenario.faults, self._clock, self._chance.generator("callers")
        )
        self._remotes = {name: self._remote(name, market) for name in limits}
        self._expired = 0

    def _remote(self, name: str, market: Market) -> Remote:
        remote = Remote(
            self._scenario.providers[name].upstream,
            self._limits[name].windows,
            [fault for fault in self._scenario.faults if fault.provider == name],
            market,
            self._clock,
            self._chance.generator(f"upstream/{name}"),
        )
        costs = {f"/{q.capability}": t.cost for q, t in self._limits[name].serves.items()}
        remote.calm_from = SETTLES + max((fault.ends for fault in self._scenario.faults), default=0.0)
        remote.cost = lambda path: cost if isinstance(cost := costs.get(path, 1), int) else 1
        return remote

    async def ours(self) -> Side:
        """The engine's, opened anew after each restart with what the store kept."""
        store, left = MemoryStore(), 0
        restarts = [fault for fault in self._scenario.faults if fault.kind == "restart"]
        for fault in (*restarts, Fault(kind="restart", at=self._scenario.seconds)):
            async with self._opened(store) as mux:
                await self._callers.ask(fault.begins, partial(self._ask, mux))
                left += mux.under_way
            await self._callers.ask(min(fault.ends, self._scenario.seconds), self._refused)
        return self._tally.side(self._remotes, self._broken(left))

    def _opened(self, store: MemoryStore) -> AbstractAsyncContextManager[Mux]:
        return feedmux.open(
            Settings(engine=EngineSettings(deadline=self._scenario.load.deadline)),
            plugins={name: provider_of(name, limits) for name, limits in self._limits.items()},
            extensions={"upstreams": Wires(self._remotes)},
            clock=self._clock,
            store=store,
            seed=self._chance.seed,
        )

    async def _ask(self, mux: Mux, query: Query) -> None:
        began = self._clock.monotonic()
        try:
            answer = await mux.get(query)
        except FeedmuxError as error:
            self._tally.failed(began, error.slug)
        else:
            ended = self._clock.monotonic()
            cached = ended == began
            self._expired += _expired(answer, self._clock.now())
            self._tally.answered(query, began, ended, answer.items, stale=answer.stale, cached=cached)
        late = self._clock.monotonic() - began - self._scenario.load.deadline
        self._tally.late = max(self._tally.late, late)

    async def _refused(self, query: Query) -> None:
        self._tally.failed(self._clock.monotonic(), RESTARTING)

    def _broken(self, left: int) -> list[str]:
        """The promises that did not hold."""
        broken = []
        if self._tally.late > GRACE:
            broken.append(f"an answer came {self._tally.late:.3f} s after its deadline")
        if left:
            broken.append(f"{left} questions were left under way")
        for name, remote in self._remotes.items():
            keeps_declared = self._scenario.providers[name].upstream.windows is None
            refuses = any(f.kind == "refuses" and f.provider == name for f in self._scenario.faults)
            if remote.refusals and keeps_declared and not refuses:
                broken.append(f"{name} had to refuse {len(remote.refusals)} times")
            if remote.early:
                broken.append(f"{name} was asked {remote.early} times before the time that it had named")
        if self._expired:
            broken.append(f"{self._expired} answers were older than they may be")
        return broken + self._forgotten()

    def _forgotten(self) -> list[str]:
        """Primaries that nobody asks any more though all has been well for long; a large weight is asked often."""
        total = sum(remote.late for remote in self._remotes.values())
        weights = sum(limits.weight for limits in self._limits.values())
        return [
            f"{name} was not asked again after the last fault"
            for name, remote in self._remotes.items()
            if not (remote.late or remote.refusals or self._limits[name].tier is not Tier.PRIMARY)
            and total * self._limits[name].weight / weights >= ENOUGH
        ]

    async def beside(self) -> Side:
        """That of a client which counts nothing."""
        naive = Naive(self._scenario.beside, self._remotes, self._limits, self._clock)

        async def ask(query: Query) -> None:
            began = self._clock.monotonic()
            try:
                items = await naive.get(query)
            except FeedmuxError as error:
                self._tally.failed(began, error.slug)
            else:
                self._tally.answered(query, began, self._clock.monotonic(), items, stale=False, cached=False)

        await self._callers.ask(self._scenario.seconds, ask)
        return self._tally.side(self._remotes)


def _expired(answer: Answer[Any], now: datetime) -> bool:
    """Whether any of it, of a series its newest, is older than it may be served."""
    ages = [(now - item.observed_at).total_seconds() for item in answer.items if item.observed_at]
    return bool(ages) and (max if answer.query.many else min)(ages) > answer.query.max_stale
