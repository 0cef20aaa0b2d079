"""Stand-ins for installed providers: limits, plans, members and keys as declared, their upstreams modelled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from feedmux.clock import Clock
from feedmux.endpoint import Endpoint, Key, Plan
from feedmux.fleet import Fleet
from feedmux.limits import Terms
from feedmux.provider import Member, Provider, Upstream
from feedmux.query import Query
from feedmux.registry import Loaded, Registry
from feedmux.request import Asked, Request
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings, Sandbox, Settings
from feedmux.simulate.dialect import SPOKEN
from feedmux.simulate.exchange import HEADER, Exchange
from feedmux.simulate.fleet import HOST
from feedmux.standing import Standing
from feedmux.store import MemoryStore


def stand_ins(installed: Mapping[str, Loaded]) -> dict[str, Provider]:
    """One for each provider that serves any question which can be simulated."""
    made = {name: _provider(loaded) for name, loaded in installed.items()}
    return {name: provider for name, provider in made.items() if provider is not None}


def settings_for(chosen: Settings, plugins: Mapping[str, Provider]) -> Settings:
    """The configuration as far as it says how these are asked; no key and no address is left in it."""
    sections = {
        name: _section(section, plugins[name])
        for name, section in chosen.providers.items()
        if name in plugins
    }
    engine = msgspec.structs.replace(chosen.engine, sandbox=Sandbox.OFF)
    return Settings(engine=engine, providers=sections)


def _section(section: ProviderSettings, plugin: Provider) -> ProviderSettings:
    members = section.members
    if members is not None and (left := {member.name for member in plugin.feedmux_upstream().members}):
        members = tuple(name for name in members if name in left)
    return msgspec.structs.replace(
        section,
        base_url=None,
        stream_url=None,
        api_key=Secret("key") if section.api_key is not None else None,
        api_keys=section.api_keys and tuple(Secret(f"key {place}") for place in range(len(section.api_keys))),
        members=members,
    )


def _provider(loaded: Loaded) -> Provider | None:
    upstream = loaded.upstream
    endpoints = _endpoints(loaded.limits.serves.items(), upstream)
    if not endpoints:
        return None
    return Provider(
        hosts=(_host(loaded.name),),
        limits=loaded.limits,
        endpoints=endpoints,
        members=[one for member in upstream.members if (one := _member(member, loaded)) is not None],
        health=Request("/health/1"),
        key=_key(upstream.key),
        plans={name: _plan(plan) for name, plan in upstream.plans.items()},
    )


def _member(member: Member, loaded: Loaded) -> Member | None:
    """None where nothing of what it serves can be simulated."""
    declared = [(endpoint.query, endpoint.terms) for endpoint in member.endpoints]
    endpoints = _endpoints(declared, loaded.upstream.of(member.name))
    if declared and not endpoints:
        return None
    return Member(
        member.name,
        (_host(f"{loaded.name}.{member.name}"),),
        limits=member.limits,
        weight=member.weight,
        origin=member.origin,
        enabled=member.enabled,
        endpoints=endpoints,
    )


def _endpoints(serves: Iterable[tuple[type[Query], Terms]], upstream: Upstream) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            query,
            _asking(terms),
            SPOKEN[query.capability].read,
            terms,
            listed=False,
            currencies=upstream.currencies.get(query, frozenset()),
            refuses=upstream.refuses.get(query),
        )
        for query, terms in serves
        if query.capability in SPOKEN and SPOKEN[query.capability].query is query
    )


def _asking(terms: Terms) -> Callable[[Asked[Any]], Request]:
    """Requests whose path ends in what they cost; what differs in anything but a cut is another request."""

    def request(asked: Asked[Any]) -> Request:
        query = asked.query
        cost = terms.cost if isinstance(terms.cost, int) else max(0, int(terms.cost(query)))
        cuts = () if query.series else query.cuts
        others = {
            name: ",".join(texts)
            for name, texts in query.to_strings().items()
            if name != query.many and name not in cuts
        }
        return Request(
            f"/{query.capability}/{cost}", {**others, **SPOKEN[query.capability].ask(asked).params}
        )

    return request


def _plan(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, hosts=None, key=_key(plan.key))


def _key(key: Key | None) -> Key | None:
    return None if key is None else Key(header=HEADER, required=key.required)


def _host(name: str) -> str:
    return HOST.format(name.replace("_", "-"))


async def standings(
    plugins: Mapping[str, Provider], exchange: Exchange, chosen: Settings, clock: Clock
) -> list[Standing]:
    """Every member as the engine would make it of this configuration; raises SettingsError where it cannot."""
    registry = Registry()
    registry.add_extension("exchange", exchange)
    for name, plugin in plugins.items():
        registry.add_provider(name, plugin)
    fleet = Fleet(clock, registry, chosen, MemoryStore(), "simulation")
    await fleet.build()
    await fleet.aclose()
    return list(fleet.standings.values())
