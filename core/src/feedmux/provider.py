"""A provider as a declaration: hosts, limits, endpoints. Most plugins are nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from feedmux.endpoint import Endpoint, Key, ListingSource, Plan, UsedHeader
from feedmux.failure import Failure
from feedmux.hooks import hookimpl
from feedmux.http import Http
from feedmux.items import Item
from feedmux.limits import Limits, Terms
from feedmux.listing import Listing
from feedmux.push import Push, Stream
from feedmux.query import Query
from feedmux.request import Asked, Request

if TYPE_CHECKING:
    from feedmux.listener import Listener

API = 1
"""The version of the interface between Feedmux and its plugins."""


class Member(Struct, frozen=True):
    """What is routed to and limited on its own, where a provider has several.

    `limits` None: the provider's. `origin` names whose data it is; members of one origin never confirm each other.
    A member that speaks another language than its provider brings `endpoints` of its own: all that it serves, with
    the `listing` they need. `errors` are read before the provider's, `health` instead of its.
    """

    name: str
    hosts: tuple[str, ...]
    limits: Limits | None = None
    weight: float = 1.0
    origin: str = ""
    enabled: bool = True
    endpoints: tuple[Endpoint, ...] = ()
    listing: ListingSource | None = None
    errors: tuple[Failure, ...] = ()
    health: Request | None = None
    push: Push | None = None
    """How it pushes; the provider's own way where it has the provider's hosts, else it does not."""

    def limited(self, provider: Limits, under: Plan) -> Limits:
        """Its limits, of a provider so limited and under a vendor's plan: the plan is the provider's, not its own.

        Raises ValueError naming the field where the two do not go together.
        """
        limits = under.limited(provider)
        if self.limits is not None:
            limits = msgspec.structs.replace(self.limits, serves=self.limits.serves or provider.serves)
        if self.endpoints:
            limits = msgspec.structs.replace(limits, serves={e.query: e.terms for e in self.endpoints})
        return limits


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
    push: Push | None = None
    streamed: frozenset[type] | None = None
    """The Query classes that it streams; None: its hook is asked."""

    def of(self, name: str) -> Upstream:
        """The same as the member of that name speaks; itself where there is none."""
        member = next((one for one in self.members if one.name == name), None)
        if member is None:
            return self
        push = member.push or (self.push if member.hosts in ((), self.hosts) else None)
        streamed = self.streamed if push is not None or self.streamed is None else frozenset[type]()
        failures = (*member.errors, *self.failures)
        spoken = msgspec.structs.replace(self, failures=failures, push=push, streamed=streamed)
        return _speaking(spoken, member.endpoints, member.listing) if member.endpoints else spoken


def _speaking(
    upstream: Upstream, endpoints: Sequence[Endpoint], listing: ListingSource | Listing | None
) -> Upstream:
    return msgspec.structs.replace(
        upstream,
        listing=listing if isinstance(listing, ListingSource) else None,
        listed=frozenset(e.query for e in endpoints if e.listed) if listing else frozenset(),
        currencies={e.query: e.currencies for e in endpoints if e.currencies},
        refuses={e.query: e.refuses for e in endpoints if e.refuses},
    )


class Provider:
    """Implements the hooks from a declaration; a plugin's module makes one and names it `provider`."""

    def __init__(
        self,
        *,
        hosts: Sequence[str],
        limits: Limits,
        endpoints: Sequence[Endpoint] = (),
        health: Request | Callable[[str], Request] | None = None,
        listing: ListingSource | Listing | None = None,
        members: Sequence[Member] = (),
        key: Key | None = None,
        plans: Mapping[str, Plan] | None = None,
        errors: Sequence[Failure] = (),
        used: Sequence[UsedHeader] = (),
        attribution: str = "",
        docs: str = "",
        api: int = API,
        push: Push | None = None,
        streams: Sequence[Stream] = (),
    ) -> None:
        if health is None and not (members and all(member.health for member in members)):
            raise ValueError(
                "health: the request that shows it is well, for the provider or for every member"
            )
        self._members = {member.name: member for member in members}
        self._endpoints = {("", endpoint.query): endpoint for endpoint in endpoints} | {
            (member.name, endpoint.query): endpoint for member in members for endpoint in member.endpoints
        }
        self._health = health
        self._listing = listing
        serves: dict[type[Query], Terms] = {}
        for (_, query), endpoint in self._endpoints.items():
            serves.setdefault(query, endpoint.terms)
        self._limits = msgspec.structs.replace(limits, serves=serves)
        self._streams = {stream.query: stream for stream in streams}
        if streams and push is None and not any(member.push for member in members):
            raise ValueError("streams: need a push, which says where and how it is streamed")
        for query in self._streams.keys() - serves.keys():
            raise ValueError(
                f"streams[{query.__name__}]: an endpoint for it as well; where it is silent, we poll"
            )
        upstream = Upstream(
            hosts=tuple(hosts),
            members=tuple(members),
            key=key,
            plans=plans or {},
            failures=tuple(errors),
            used=tuple(used),
            attribution=attribution,
            docs=docs,
            api=api,
            push=push,
            streamed=frozenset(self._streams),
        )
        self._upstream = _speaking(upstream, endpoints, listing)

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return self._limits

    @hookimpl
    def feedmux_upstream(self) -> Upstream:
        return self._upstream

    @hookimpl
    def feedmux_request(self, asked: Asked[Any]) -> Request:
        return self._endpoint(asked).request(asked)

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Sequence[Item]:
        endpoint = self._endpoint(asked)
        reply = await http.send(endpoint.request(asked))
        return endpoint.parse(reply.body, asked)

    @hookimpl
    async def feedmux_listing(self, http: Http) -> Listing | None:
        member = self._members.get(http.member)
        source = member.listing if member and member.endpoints else self._listing
        if not isinstance(source, ListingSource):
            return source
        reply = await http.send(source.request)
        return Listing.of(source.parse(reply.body))

    @hookimpl
    async def feedmux_health(self, http: Http) -> None:
        member = self._members.get(http.member)
        health = (member and member.health) or self._health
        if health is not None:
            await http.send(health if isinstance(health, Request) else health(http.member))

    @hookimpl
    def feedmux_stream(self, query: Query, http: Listener) -> AsyncIterator[Item] | None:
        stream = self._streams.get(type(query))
        return http.pushed(stream) if stream is not None and stream.channel(http.asked) else None

    def _endpoint(self, asked: Asked[Any]) -> Endpoint:
        kind = type(asked.query)
        return self._endpoints.get((asked.member, kind)) or self._endpoints["", kind]
