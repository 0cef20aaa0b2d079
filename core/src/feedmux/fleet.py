"""The fleet: every member of every loaded provider, as declared and as the operator's settings change it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from feedmux.clock import Clock
from feedmux.endpoint import Plan
from feedmux.errors import SettingsError
from feedmux.http import Address, Wire
from feedmux.limits import Limits, Terms
from feedmux.provider import Member, Upstream
from feedmux.query import Query
from feedmux.quota import Quota
from feedmux.registry import Loaded, Registry
from feedmux.rotation import Candidate, Rotation, Seat
from feedmux.settings import ProviderSettings, Settings, nearest
from feedmux.standing import Standing
from feedmux.store import Lease, Store
from feedmux.transport import Network, Transport


class Fleet:
    """Members by name, rotations by capability, and the transports they travel over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.standings: dict[str, Standing] = {}
        self.rotations: dict[str, Rotation] = {}
        self._network: Network | None = None
        self._transports: list[Transport] = []
        self._leases: list[Lease] = []

    async def build(self, registry: Registry, settings: Settings, store: Store, holder: str) -> None:
        """Make every member from its provider's declaration; raises SettingsError for settings that do not fit."""
        quotas: dict[str, Quota] = {}
        seats: dict[str, list[Seat]] = {}
        for loaded in registry.providers.values():
            chosen = settings.provider(loaded.name)
            transport = self._transport(registry, settings, loaded.name)
            plan = _plan(loaded, chosen)
            limits = _applied(loaded.limits, plan, chosen)
            members = _members(loaded, chosen)
            made: dict[type[Query], list[tuple[Standing, Terms, float]]] = {}
            for member in members:
                standing = await self._member(
                    loaded, member, limits, plan, chosen, transport, registry, store, holder, quotas
                )
                self.standings[standing.name] = standing
                for query, terms in standing.limits.serves.items():
                    made.setdefault(query, []).append((standing, terms, member.weight))
            for query, rows in made.items():
                candidates = [Candidate(standing, query, terms, weight) for standing, terms, weight in rows]
                seat = Seat(loaded.name, limits.weight, limits.tier, candidates)
                seats.setdefault(query.capability, []).append(seat)
        self.rotations = {capability: Rotation(found) for capability, found in seats.items()}

    def _transport(self, registry: Registry, settings: Settings, provider: str) -> Transport:
        chosen: Transport | None = registry.hook.feedmux_transport(
            provider=provider, settings=settings, clock=self._clock
        )
        if chosen is not None:
            self._transports.append(chosen)
            return chosen
        if self._network is None:
            self._network = Network()
            self._transports.append(self._network)
        return self._network

    async def _member(
        self,
        loaded: Loaded,
        member: Member,
        limits: Limits,
        plan: Plan,
        chosen: ProviderSettings,
        transport: Transport,
        registry: Registry,
        store: Store,
        holder: str,
        quotas: dict[str, Quota],
    ) -> Standing:
        own = limits if member.limits is None else _applied(member.limits, Plan(), chosen)
        if not own.serves:
            own = msgspec.structs.replace(own, serves=limits.serves)
        name = loaded.name if member.name == loaded.name else f"{loaded.name}/{member.name}"
        pool = own.pool or name
        if pool not in quotas:
            leases = [
                await store.lease(f"{pool}/{w.limit}/{w.per:g}/{w.counts.value}", w.limit, holder)
                for w in own.windows
            ]
            self._leases += leases
            quotas[pool] = Quota(pool, own, [lease.units for lease in leases])
        upstream = loaded.upstream
        hosts = (chosen.base_url,) if chosen.base_url else plan.hosts or member.hosts or upstream.hosts
        wire = Wire(
            address=Address(hosts, chosen_by_operator=chosen.base_url is not None),
            transport=transport,
            failures=upstream.failures,
            key=plan.key or upstream.key,
            secret=chosen.api_key,
        )
        return Standing(
            provider=loaded.name,
            member=member.name,
            limits=own,
            upstream=upstream,
            calls=registry.calls(loaded.name),
            quota=quotas[pool],
            wire=wire,
            origin=member.origin,
            simulated=transport.simulated and bool(hosts),
            enabled=chosen.enabled and member.enabled,
        )

    async def aclose(self, store: Store) -> None:
        """Give leases back and close what touches sockets."""
        for lease in self._leases:
            await store.give_back(lease)
        for transport in self._transports:
            await transport.aclose()


def _plan(loaded: Loaded, chosen: ProviderSettings) -> Plan:
    """The plan by name; else the first that wants a key where there is one, the first that wants none where not."""
    plans: Mapping[str, Plan] = loaded.upstream.plans
    if chosen.plan is not None:
        if chosen.plan not in plans:
            raise SettingsError(
                f"providers.{loaded.name}.plan: is not known{nearest(chosen.plan, list(plans))}"
            )
        return plans[chosen.plan]
    for plan in plans.values():
        if (plan.key is not None) == (chosen.api_key is not None):
            return plan
    return Plan()


def _applied(limits: Limits, plan: Plan, chosen: ProviderSettings) -> Limits:
    changes: dict[str, object] = {}
    if plan.windows is not None:
        changes["windows"] = plan.windows
    if plan.min_interval is not None:
        changes["min_interval"] = plan.min_interval
    if chosen.weight is not None:
        changes["weight"] = chosen.weight
    return msgspec.structs.replace(limits, **changes) if changes else limits


def _members(loaded: Loaded, chosen: ProviderSettings) -> list[Member]:
    upstream: Upstream = loaded.upstream
    declared = list(upstream.members) or [Member(loaded.name, upstream.hosts)]
    if chosen.members is None:
        return declared
    names = [member.name for member in declared]
    for name in chosen.members:
        if name not in names:
            raise SettingsError(
                f"providers.{loaded.name}.members: {name!r} is not known{nearest(name, names)}"
            )
    return [msgspec.structs.replace(member, enabled=member.name in chosen.members) for member in declared]
