"""A renewal: providers whose settings changed are declared anew and change in their places; nobody else is touched.

A member stays the same object, so that its breaker, listing, score and counts go on, and so do the attempts under
way: each keeps the address, the key and the permit that it was sent with.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from feedmux.breaker import BreakerState, State
from feedmux.fleet import Fleet
from feedmux.limits import Limits
from feedmux.quota import Quota
from feedmux.rotation import Seat
from feedmux.settings import Sandbox, Settings
from feedmux.standing import Standing
from feedmux.store import Lease
from feedmux.transport import Transport

AT_ONCE = ("deadline",)
"""What of `[engine]` a reload changes; the rest was built in when the engine was opened."""


class Renewal(Fleet):
    """The members of those providers as other settings make them. `build` may fail; `adopt` happens at once."""

    def __init__(self, fleet: Fleet, settings: Settings) -> None:
        super().__init__(fleet._clock, fleet._registry, settings, fleet._store, fleet._holder)
        self._fleet = fleet
        self._held = {lease.window: lease for lease in fleet._leases}
        self._made: list[Seat] = []

    async def _build(self) -> None:
        changed = self._changed()
        for loaded in self._registry.providers.values():
            if loaded.name in changed:
                self._made += await self._seats(self._chosen(loaded))

    def _changed(self) -> set[str]:
        """The providers whose settings differ, and who shares a pool with them: the first of a pool declares it."""
        old = self._fleet.settings
        names = {n for n in self._registry.providers if old.provider(n) != self.settings.provider(n)}
        everyone = self._fleet.standings.values()
        while True:
            pools = {one.quota.name for one in everyone if one.provider in names}
            more = names | {one.provider for one in everyone if one.quota.name in pools}
            if more == names:
                return names
            names = more

    def _transport(self, provider: str) -> Transport:
        """The one it has: an extension chose it when the engine was opened."""
        return next(one.wire.transport for one in self._fleet.standings.values() if one.provider == provider)

    async def _quota(self, pool: str, limits: Limits) -> Quota:
        before = self._fleet._quotas.get(pool)
        if pool not in self._quotas and before is not None and before.declared_by(limits):
            self._quotas[pool] = before
        return await super()._quota(pool, limits)

    async def _lease(self, window: str, limit: int) -> Lease:
        return self._held.get(window) or await super()._lease(window, limit)

    @property
    def newcomers(self) -> list[Standing]:
        """Members that were not there before: a further key makes one."""
        return [one for name, one in self.standings.items() if name not in self._fleet.standings]

    def adopt(self) -> list[Standing]:
        """Let the new settings hold, all at once; gives back the members that they concern."""
        now, before = self._clock.monotonic(), dict(self._fleet.standings)
        for pool, quota in self._quotas.items():
            other = self._fleet._quotas.get(pool)
            if other is not None and other is not quota:
                quota.inherit(other, now)
        for one in self.standings.values():
            _moved(one, before, now)
        self._fleet._quotas.update(self._quotas)
        self._fleet._leases += self._leases
        self._fleet.settings = self.settings
        renewed = self._members(before)
        for seat in self._made:
            self._seated(seat, now)
        return renewed

    def _members(self, before: dict[str, Standing]) -> list[Standing]:
        """Put the members in their places, those that are no more out of the fleet."""
        standings = self._fleet.standings
        concerned = {one.provider for one in self.standings.values()}
        for name, old in before.items():
            if old.provider in concerned and name not in self.standings:
                del standings[name]
                old.disabled = "it is no more"
                old.refresh()
        for name, new in self.standings.items():
            standings[name] = _renewed(before[name], new) if name in before else new
        for name, new in self.standings.items():
            standings[name].ring = tuple(standings[one.name] for one in new.ring)
        return [standings[name] for name in self.standings]

    def _seated(self, made: Seat, now: float) -> None:
        """Put what changed of a seat into the one that stands in the rotation; who is known keeps score and credit."""
        rotation = self._fleet.rotations[made.candidates[0].query.capability]
        seat = next(one for one in rotation.seats if (one.provider, one.tier) == (made.provider, made.tier))
        known = {candidate.name: candidate for candidate in seat.candidates}
        for new in made.candidates:
            new.seat = seat
            if new.name in known:
                known[new.name].weight = new.weight
        seat.candidates = [known.get(new.name, new) for new in made.candidates]
        seat.weight = made.weight
        rotation.rescore(seat.candidates[0], now)


def _renewed(old: Standing, new: Standing) -> Standing:
    """The member under its new settings. A key that was refused is forgotten; what the upstream refused is not."""
    before, wire = old.wire, new.wire
    same_hosts = before.address.hosts == wire.address.hosts
    if same_hosts and before.address.chosen_by_operator == wire.address.chosen_by_operator:
        wire = msgspec.structs.replace(wire, address=before.address)  # it knows which hosts to pass over
    old.wire, old.limits, old.quota, old.disabled = wire, new.limits, new.quota, new.disabled
    same_key = same_hosts and (before.secret, before.key) == (wire.secret, wire.key)
    if old.breaker.state.state is State.NEEDS_KEY and not same_key:
        old.breaker.state = BreakerState()
    old.refresh()
    return old


def _moved(new: Standing, before: dict[str, Standing], now: float) -> None:
    """A key that has another place among several brings its count and its refusal along."""
    secret = new.wire.secret
    for old in before.values():
        if secret is not None and old.source == new.source and old.wire.secret == secret:
            if old.name == new.name:
                return
            here = before.get(new.name, new)
            new.quota.inherit(old.quota, now)
            if old.breaker.state.demanded and old.breaker.state.until > here.breaker.state.until:
                here.breaker.state = old.breaker.state
                here.refresh()


def settled(running: Settings, wanted: Settings) -> tuple[Settings, list[str]]:
    """The settings that can hold now, and the names of those among them that only a restart can change."""
    late = [f"store.{name}" for name in _changed(running.store, wanted.store)]
    late += [f"engine.{name}" for name in _changed(running.engine, wanted.engine) if name not in AT_ONCE]
    if wanted.engine.sandbox is Sandbox.AUTO:
        late = [
            name for name in late if name != "engine.sandbox"
        ]  # it was decided when the engine was opened
    now = {name: getattr(wanted.engine, name) for name in AT_ONCE}
    engine = msgspec.structs.replace(running.engine, **now)
    return msgspec.structs.replace(wanted, store=running.store, engine=engine), late


def _changed(one: Struct, other: Struct) -> list[str]:
    return [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]
