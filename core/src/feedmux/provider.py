"""A provider as a declaration: hosts, limits, endpoints. Most plugins are nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from feedmux.endpoint import Endpoint, Key, ListingSource, Plan, UsedHeader
from feedmux.failure import Failure
from feedmux.hooks import hookimpl
from feedmux.http import Http
from feedmux.items import Item
from feedmux.limits import Limits
from feedmux.listing import Listing
from feedmux.request import Asked, Request

API = 1
"""The version of the interface between Feedmux and its plugins."""


class Member(Struct, frozen=True):
    """What is routed to and limited on its own, where a provider has several.

    `limits` None: the provider's. `origin` names whose data it is; members of one origin never confirm each other.
    """

    name: str
    hosts: tuple[str, ...]
    limits: Limits | None = None
    weight: float = 1.0
    origin: str = ""
    enabled: bool = True


class Upstream(Struct, frozen=True, kw_only=True):
    """Where a provider is reached over HTTP and how it speaks; the engine's HTTP client is built from it."""

    hosts: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    key: Key | None = None
    plans: Mapping[str, Plan] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    used: tuple[UsedHeader, ...] = ()
    listing: ListingSource | None = None
    listed: frozenset[type] = frozenset()
    """The Query classes that need the listing."""
    currencies: Mapping[type, frozenset[str]] = field(default_factory=dict)
    """For a Query class the currencies it can be answered in; in any where it is not named."""
    refuses: Mapping[type, Callable[[Any], str]] = field(default_factory=dict)
    """For a Query class a pure function that says why a question is not for this provider, empty where it is."""
    attribution: str = ""
    docs: str = ""
    api: int = API


class Provider:
    """Implements the hooks from a declaration; a plugin's module makes one and names it `provider`."""

    def __init__(
        self,
        *,
        hosts: Sequence[str],
        limits: Limits,
        endpoints: Sequence[Endpoint],
        health: Request | Callable[[str], Request],
        listing: ListingSource | Listing | None = None,
        members: Sequence[Member] = (),
        key: Key | None = None,
        plans: Mapping[str, Plan] | None = None,
        errors: Sequence[Failure] = (),
        used: Sequence[UsedHeader] = (),
        attribution: str = "",
        docs: str = "",
        api: int = API,
    ) -> None:
        self._endpoints = {endpoint.query: endpoint for endpoint in endpoints}
        self._health = health
        self._listing = listing
        self._limits = msgspec.structs.replace(limits, serves={e.query: e.terms for e in endpoints})
        self._upstream = Upstream(
            hosts=tuple(hosts),
            members=tuple(members),
            key=key,
            plans=plans or {},
            failures=tuple(errors),
            used=tuple(used),
            listing=listing if isinstance(listing, ListingSource) else None,
            listed=frozenset(e.query for e in endpoints if e.listed) if listing else frozenset(),
            currencies={e.query: e.currencies for e in endpoints if e.currencies},
            refuses={e.query: e.refuses for e in endpoints if e.refuses},
            attribution=attribution,
            docs=docs,
            api=api,
        )

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return self._limits

    @hookimpl
    def feedmux_upstream(self) -> Upstream:
        return self._upstream

    @hookimpl
    def feedmux_request(self, asked: Asked[Any]) -> Request:
        return self._endpoints[type(asked.query)].request(asked)

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Sequence[Item]:
        endpoint = self._endpoints[type(asked.query)]
        reply = await http.send(endpoint.request(asked))
        return endpoint.parse(reply.body, asked)

    @hookimpl
    async def feedmux_listing(self, http: Http) -> Listing | None:
        if not isinstance(self._listing, ListingSource):
            return self._listing
        reply = await http.send(self._listing.request)
        return Listing.of(self._listing.parse(reply.body))

    @hookimpl
    async def feedmux_health(self, http: Http) -> None:
        await http.send(self._health if isinstance(self._health, Request) else self._health(http.member))
