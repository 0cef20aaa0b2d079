"""Runs a scenario: the same engine as anywhere, its time virtual, its network modelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import feedmux
from feedmux import Answer, virtual
from feedmux.clock import Chance, Clock
from feedmux.errors import FeedmuxError
from feedmux.items import Item
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
from feedmux.simulate.run import Run
from feedmux.simulate.scenario import Scenario
from feedmux.simulate.tally import Sent, Tally
from feedmux.store import MemoryStore

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
        self._market = Market(self._chance)
        self._tally = Tally(scenario.seconds)
        self._callers = Callers(
            scenario.load, scenario.faults, self._clock, self._chance.generator("callers")
        )
        self._remotes = {name: self._remote(name) for name in limits}

    def _remote(self, name: str) -> Remote:
        remote = Remote(
            self._scenario.providers[name].upstream,
            self._limits[name].windows,
            [fault for fault in self._scenario.faults if fault.provider == name],
            self._market,
            self._clock,
            self._chance.generator(f"upstream/{name}"),
        )
        costs = {f"/{q.capability}": t.cost for q, t in self._limits[name].serves.items()}
        remote.calm_from = SETTLES + max((fault.ends for fault in self._scenario.faults), default=0.0)
        remote.cost = lambda path: cost if isinstance(cost := costs.get(path, 1), int) else 1
        return remote

    async def ours(self) -> Side:
        """The engine's."""
        run = Run(
            self._opened,
            self._callers,
            self._answered,
            self._tally,
            self._clock,
            self._scenario.load.deadline,
        )
        restarts = [fault for fault in self._scenario.faults if fault.kind == "restart"]
        await run.through(restarts, self._scenario.seconds)
        return self._tally.side(self._sent(), run.broken() + self._broken())

    def _sent(self) -> dict[str, Sent]:
        return {name: remote.sent(self._scenario.seconds) for name, remote in self._remotes.items()}

    def _opened(self, store: MemoryStore) -> AbstractAsyncContextManager[Mux]:
        return feedmux.open(
            Settings(engine=EngineSettings(deadline=self._scenario.load.deadline)),
            plugins={name: provider_of(name, limits) for name, limits in self._limits.items()},
            extensions={"upstreams": Wires(self._remotes)},
            clock=self._clock,
            store=store,
            seed=self._chance.seed,
        )

    def _answered(self, answer: Answer[Any], began: float, ended: float) -> None:
        self._counted(answer.query, answer.items, began, ended, stale=answer.stale, cached=ended == began)

    def _counted(
        self, query: Query, items: Sequence[Item], began: float, ended: float, *, stale: bool, cached: bool
    ) -> None:
        """An answer is one for each of its symbols, or one series."""
        given = items if query.many else items[:1]
        self._tally.answered(began, ended, [item.provider for item in given], stale=stale, cached=cached)
        self._tally.wrong += sum(self._market.is_wrong(item, ended) for item in given)

    def _broken(self) -> list[str]:
        """The promises to upstreams that did not hold."""
        broken = []
        for name, remote in self._remotes.items():
            keeps_declared = self._scenario.providers[name].upstream.windows is None
            refuses = any(f.kind == "refuses" and f.provider == name for f in self._scenario.faults)
            if remote.refusals and keeps_declared and not refuses:
                broken.append(f"{name} had to refuse {len(remote.refusals)} times")
            if remote.early:
                broken.append(f"{name} was asked {remote.early} times before the time that it had named")
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

        async def ask(query: Query, **how: Any) -> None:
            began = self._clock.monotonic()
            try:
                items = await naive.get(query)
            except FeedmuxError as error:
                self._tally.failed(began, error.slug)
            else:
                self._counted(query, items, began, self._clock.monotonic(), stale=False, cached=False)

        await self._callers.ask(self._scenario.seconds, ask)
        return self._tally.side(self._sent())
