"""The fleet: every member of every loaded provider, as declared and as the operator's settings change it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import structlog
from msgspec import Struct

from feedmux.clock import Clock
from feedmux.endpoint import Plan
from feedmux.errors import SettingsError, described
from feedmux.http import Address, Wire
from feedmux.limits import Limits, Tier
from feedmux.provider import Member, Upstream
from feedmux.query import Query
from feedmux.quota import Quota
from feedmux.registry import Loaded, Registry
from feedmux.rotation import Candidate, Rotation, Seat
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings, Settings, nearest
from feedmux.standing import Standing
from feedmux.store import Lease, Store
from feedmux.transport import Network, Transport

_log = structlog.get_logger("feedmux.fleet")


class _Key(Struct, frozen=True):
    """One of a provider's keys, and what it adds to the names of what is counted by key; nothing where it is the only one."""

    secret: Secret | None = None
    suffix: str = ""


class _Chosen(Struct, frozen=True):
    """One provider as its declaration, the vendor's plan and the operator's settings make it together."""

    loaded: Loaded
    settings: ProviderSettings
    plan: Plan
    limits: Limits
    transport: Transport


class Fleet:
    """Members by name, rotations by capability, and the transports they travel over."""

    def __init__(
        self, clock: Clock, registry: Registry, settings: Settings, store: Store, holder: str
    ) -> None:
        self._clock = clock
        self._registry = registry
        self.settings = settings
        self._store = store
        self._holder = holder
        self.standings: dict[str, Standing] = {}
        self.rotations: dict[str, Rotation] = {}
        self._quotas: dict[str, Quota] = {}
        self._network: Network | None = None
        self._transports: list[Transport] = []
        self._leases: list[Lease] = []

    async def build(self) -> None:
        """Make every member from its provider's declaration; raises SettingsError for settings that do not fit."""
        try:
            await self._build()
        except BaseException:
            await self.aclose()
            raise

    async def _build(self) -> None:
        seats: dict[str, list[Seat]] = {}
        for loaded in self._registry.providers.values():
            for seat in await self._seats(self._chosen(loaded)):
                seats.setdefault(seat.candidates[0].query.capability, []).append(seat)
        self.rotations = {capability: Rotation(found) for capability, found in seats.items()}

    def _chosen(self, loaded: Loaded) -> _Chosen:
        settings = self.settings.provider(loaded.name)
        plan = _plan(loaded, settings)
        limits = _weighed(plan.limited(loaded.limits), settings)
        if settings.api_keys and not (plan.key or loaded.upstream.key):
            whose = f"its plan {settings.plan}" if settings.plan else "it"
            raise SettingsError(f"providers.{loaded.name}.api_keys: {whose} takes no key")
        return _Chosen(loaded, settings, plan, limits, self._transport(loaded.name))

    def _transport(self, provider: str) -> Transport:
        chosen = self._registry.transport(provider, self.settings, self._clock)
        if chosen is None:
            chosen = self._network = self._network or Network()
        if chosen not in self._transports:
            self._transports.append(chosen)
        return chosen

    async def _seats(self, chosen: _Chosen) -> list[Seat]:
        """A provider's seat for each question it serves, and for each tier in which its members do."""
        made: dict[tuple[type[Query], Tier], list[Candidate]] = {}
        for member in declared_members(chosen.loaded, chosen.settings):
            ring = await self._ring(member, chosen)
            for standing in ring:
                for query, terms in standing.limits.serves.items():
                    candidate = Candidate(standing, query, terms, member.weight)
                    made.setdefault((query, standing.limits.tier), []).append(candidate)
        weight = chosen.limits.weight
        return [Seat(chosen.loaded.name, weight, tier, found) for (_, tier), found in made.items()]

    async def _ring(self, member: Member, chosen: _Chosen) -> tuple[Standing, ...]:
        """A member with each of its provider's keys."""
        ring = tuple([await self._member(member, chosen, key) for key in _keys(chosen.settings)])
        for standing in ring:
            standing.ring = ring
            self.standings[standing.name] = standing
        return ring

    async def _member(self, member: Member, chosen: _Chosen, key: _Key) -> Standing:
        provider, upstream = chosen.loaded.name, chosen.loaded.upstream.of(member.name)
        limits = _weighed(_placed(member.limited(chosen.loaded.limits, chosen.plan), chosen), chosen.settings)
        source = provider if member.name == provider else f"{provider}/{member.name}"
        base_url = chosen.settings.base_url
        hosts = (base_url,) if base_url else chosen.plan.hosts or member.hosts or upstream.hosts
        return Standing(
            provider=provider,
            member=member.name,
            limits=limits,
            upstream=upstream,
            calls=self._registry.calls(provider),
            quota=await self._quota((limits.pool or source) + key.suffix, limits),
            wire=Wire(
                address=Address(hosts, chosen_by_operator=base_url is not None),
                transport=chosen.transport,
                failures=upstream.failures,
                key=chosen.plan.key or upstream.key,
                secret=key.secret,
            ),
            origin=member.origin,
            key=key.suffix,
            simulated=chosen.transport.simulated and bool(hosts),
            disabled=_disabled(chosen, member, hosts),
        )

    async def _quota(self, pool: str, limits: Limits) -> Quota:
        """The pool's quota, its windows leased from the store; the first member to name a pool declares it."""
        if pool not in self._quotas:
            leases = [
                await self._lease(f"{pool}/{w.limit}/{w.per:g}/{w.counts.value}", w.limit)
                for w in limits.windows
            ]
            self._quotas[pool] = Quota(pool, limits, [lease.units for lease in leases])
        return self._quotas[pool]

    async def _lease(self, window: str, limit: int) -> Lease:
        lease = await self._store.lease(window, limit, self._holder)
        self._leases.append(lease)
        return lease

    @property
    def quotas(self) -> dict[str, Quota]:
        """Each pool's quota, once, whoever draws from it."""
        return {standing.quota.name: standing.quota for standing in self.standings.values()}

    async def aclose(self) -> None:
        """Give leases back and close what touches sockets, each of them whatever the others do."""
        try:
            for lease in self._leases:
                await self._store.give_back(lease)
        finally:
            for transport in self._transports:
                try:
                    await transport.aclose()
                except Exception as error:  # noqa: BLE001 - an extension's transport may raise anything
                    _log.warning("a transport cannot be closed", reason=described(error))


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
        if (plan.key is not None) == bool(chosen.keys):
            return plan
    return Plan()


def _keys(chosen: ProviderSettings) -> list[_Key]:
    """The keys by which a member is asked, each on its own; one that is empty where there is none."""
    if chosen.api_keys is None:
        return [_Key(chosen.api_key)]
    return [_Key(secret, f"/key-{place}") for place, secret in enumerate(chosen.api_keys, start=1)]


def _placed(limits: Limits, chosen: _Chosen) -> Limits:
    """A member's own tier holds where it comes later than its provider's, never where it comes before."""
    tier = max(limits.tier, chosen.limits.tier, key=list(Tier).index)
    return msgspec.structs.replace(limits, tier=tier)


def _weighed(limits: Limits, chosen: ProviderSettings) -> Limits:
    return limits if chosen.weight is None else msgspec.structs.replace(limits, weight=chosen.weight)


def declared_members(loaded: Loaded, chosen: ProviderSettings) -> list[Member]:
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


def _disabled(chosen: _Chosen, member: Member, hosts: tuple[str, ...]) -> str:
    """Why a member is never asked, empty where it is."""
    if not (chosen.settings.enabled and member.enabled):
        return "disabled in the configuration"
    if hosts and getattr(chosen.transport, "absent", False):
        return "the sandbox has no model of it"
    return ""
