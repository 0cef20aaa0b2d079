"""Background refreshing: the questions asked most are asked anew shortly before they are too old to be served as fresh."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict

from msgspec import Struct

from feedmux.clock import Clock
from feedmux.event import Event
from feedmux.limits import Tier
from feedmux.query import Query
from feedmux.quota import Full, Permit
from feedmux.rotation import Candidate
from feedmux.router import Router
from feedmux.turn import joined

TICK = 0.25
"""Seconds between two looks at what is due."""
EARLY = 0.1
"""The share of `fresh` before its end at which a question is refreshed."""
OFTEN = 3
"""Uses in the time that is counted which make a question worth it."""
HALF_LIFE = 60.0
"""Seconds after which a use counts half."""
IDLE = 2.0
"""Times `fresh` without a question after which it is left alone."""
COUNTED = 10
"""Questions that are counted, for each that may be refreshed."""


class Use(Struct):
    """How much a question is asked: uses, older ones counting less, and when it was last (monotonic)."""

    count: float = 0.0
    last: float = 0.0

    def at(self, now: float) -> float:
        """The count as it has faded by now."""
        return float(self.count * 2.0 ** ((self.last - now) / HALF_LIFE))


class Refresher:
    """Keeps the `size` questions that are asked most fresh, with quota that can be spared, and asks no reserve."""

    def __init__(self, router: Router, clock: Clock, size: int, patience: float) -> None:
        self._router = router
        self._clock = clock
        self._size = size
        self._patience = patience
        self._uses: OrderedDict[Query, Use] = OrderedDict()
        self._refreshed: dict[Query, float] = {}

    def used(self, query: Query) -> None:
        """Somebody asked this."""
        now, use = self._clock.monotonic(), self._uses.get(query)
        if use is None:
            use = self._uses[query] = Use()
            if len(self._uses) > COUNTED * self._size:
                self._uses.popitem(last=False)
        use.count, use.last = use.at(now) + 1.0, now
        self._uses.move_to_end(query)

    def hottest(self) -> list[Query]:
        """What is kept fresh now, most asked first; what nobody has asked for two periods is forgotten."""
        now = self._clock.monotonic()
        for query in [q for q, use in self._uses.items() if now - use.last > IDLE * q.fresh]:
            del self._uses[query]
        often = [(use.at(now), query) for query, use in self._uses.items()]
        ranked = sorted((one for one in often if one[0] > OFTEN - 1), key=lambda one: -one[0])
        return [query for _, query in ranked[: self._size]]

    async def run(self) -> None:
        """Refresh what is due, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._clock.sleep(TICK)
                for query in self.hottest():
                    if due := self._due(query):
                        group.create_task(self._refresh(due))

    def _due(self, query: Query) -> list[Query]:
        """Its parts that are due: each once in its time, whatever came of it."""
        now, often = self._clock.monotonic(), 1.0 - EARLY
        due = [
            part
            for part in query.parts()
            if now - self._refreshed.get(part, -math.inf) >= part.fresh * often and self._is_due(part)
        ]
        if due:
            recent = {part: at for part, at in self._refreshed.items() if now - at < part.fresh}
            self._refreshed = recent | dict.fromkeys(due, now)
        return due

    def _is_due(self, part: Query) -> bool:
        """Whether its newest answer is about to be too old; what was never answered is left to whoever asks."""
        keeper, now = self._router.fetcher.keeper, self._clock.monotonic()
        rotation = self._router.rotations.get(part.capability)
        keys = (
            [part]
            if part.many
            else [key for one in (rotation.candidates if rotation else ()) for key in keeper.keys(one, part)]
        )
        cells = [keeper.cache.cell(key) or {} for key in keys]
        fetched = [entry.fetched for cell in cells for entry in cell.values() if not entry.voice]
        return bool(fetched) and now - max(fetched) >= part.fresh * (1.0 - EARLY)

    async def _refresh(self, parts: list[Query]) -> None:
        """Ask for these parts, in as many requests as that takes, where somebody can spare them."""
        left = parts
        while left:
            asked = await self._ask(left)
            left = [part for part in left if part not in asked] if asked else []

    async def _ask(self, parts: list[Query]) -> tuple[Query, ...]:
        """Ask the first in the plan who can spare it; for which parts it was asked."""
        route = self._router.route(parts)
        for candidate in route.order:
            able = route.parts_for(candidate)[: candidate.terms.batch]
            permit = self._permit(candidate, able, route.order)
            if permit is not None:
                told: list[Event] = []
                await self._router.fetcher.fetch(candidate, able, permit, self._patience, told)
                return able
        return ()

    def _permit(
        self, candidate: Candidate, parts: tuple[Query, ...], order: tuple[Candidate, ...]
    ) -> Permit | None:
        """Spare quota of a primary in good standing that speaks for itself, and the turn that it takes."""
        standing, now = candidate.standing, self._clock.monotonic()
        if candidate.seat.tier is not Tier.PRIMARY or candidate.fan_out > 1 or not standing.open:
            return None
        if candidate.listed and standing.listing is None:
            return None
        taken = standing.quota.take_spare(candidate.cost_of(joined(parts)), now)
        if isinstance(taken, Full):
            return None
        self._router.rotations[candidate.query.capability].take_turn(candidate, list(order), now)
        return taken
