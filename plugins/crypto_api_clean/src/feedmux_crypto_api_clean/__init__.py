"""A catalogue of crypto data resources: live from the Crypto API Clean service, and as shipped where that is down.

Service and shapes: https://github.com/nimazasinich/crypto-dt-source. Its bodies carry other people's keys, which are
dropped where they are read; its times name no zone and are not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, json
from msgspec.structs import replace

from feedmux.endpoint import Endpoint
from feedmux.errors import InvalidQuery, Unavailable
from feedmux.failure import Failure
from feedmux.hooks import hookimpl
from feedmux.http import Http
from feedmux.items import Item, Resource
from feedmux.limits import Backoff, Limits, Terms, Window
from feedmux.provider import Provider
from feedmux.query import Resources
from feedmux.request import Asked, Request
from feedmux_crypto_api_clean.catalogue import Shipped, categories, distinct
from feedmux_crypto_api_clean.keys import without_keys

__all__ = ["provider", "shipped"]

_NAME = "^[a-z0-9_]{1,80}$"
ADDED = frozenset({"cors_proxies"})
"""The categories that the service has and the shipped catalogue lacks."""
_Text = Annotated[str, Meta(min_length=1, max_length=500)]


class _Auth(Struct):
    key: str | None = None


class _Entry(Struct):
    id: _Text
    name: _Text
    base_url: Annotated[str, Meta(max_length=2000)] | None = None
    auth: _Auth | None = None


class _Category(Struct):
    category: str
    resources: Annotated[list[_Entry], Meta(max_length=5000)]


class _Named(Struct):
    name: Annotated[str, Meta(pattern=_NAME)]


class _Categories(Struct):
    categories: Annotated[list[_Named], Meta(min_length=1, max_length=40)]


def no_such_category(query: Resources) -> str:
    """Why a category is not for the service, which has had the same twelve since it began."""
    known = categories() | ADDED
    return "" if query.category in ("", *known) else f"category: one of {', '.join(sorted(known))}"


def resources_request(asked: Asked[Resources]) -> Request:
    """One category whole or, for all, what categories there are: the service lists no more than 100 entries at once."""
    category = asked.query.category
    if category and not re.fullmatch(_NAME, category):
        raise InvalidQuery(f"{category!a} is no category", field="category")
    return Request(f"/api/resources/category/{category}" if category else "/api/categories")


def parse_categories(body: bytes) -> list[str]:
    """Their names, in the service's order."""
    return [category.name for category in json.decode(body, type=_Categories).categories]


def parse_resources(body: bytes, asked: Asked[Resources]) -> list[Resource]:
    """The entries of the category that was asked for, without keys."""
    found = json.decode(body, type=_Category)
    if found.category != asked.query.category:
        raise ValueError(f"category {found.category[:80]!a} where another was asked for")
    return distinct(_resource(entry, found.category) for entry in found.resources)


def _resource(entry: _Entry, category: str) -> Resource:
    key, url = entry.auth.key if entry.auth else None, entry.base_url or ""
    return Resource(
        id=without_keys(entry.id, key),
        name=without_keys(entry.name, key),
        category=category,
        url=without_keys(url, key) if re.match("(https?|wss?)://", url) else None,
    )


class _Live(Provider):
    """For the whole catalogue every category is asked, all at once."""

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Sequence[Item]:
        if asked.query.category:
            return await super().feedmux_fetch(asked, http)
        names = parse_categories((await http.send(resources_request(asked))).body)
        parts = [replace(asked, query=Resources(name)) for name in names]
        replies = await http.send_all([resources_request(part) for part in parts])
        return distinct(
            resource
            for reply, part in zip(replies, parts, strict=True)
            for resource in parse_resources(reply.body, part)
        )


# 60 requests a minute and 1000 an hour, says its registry. A service that sleeps answers 502 or 503 with a page, one that
# is gone 404 with a page.
provider = _Live(
    hosts=(
        "https://really-amin-crypto-api-clean-fixed.hf.space",
        "https://really-amin-crypto-api-clean.hf.space",
    ),
    limits=Limits(
        weight=30,
        windows=(Window(60, per=60), Window(1000, per=3600)),
        slow_after=5,
        backoff=Backoff(steps=(60, 300, 900)),
    ),
    endpoints=(
        Endpoint(
            Resources,
            resources_request,
            parse_resources,
            Terms(ttl=3600, max_stale=604_800),
            refuses=no_such_category,
        ),
    ),
    health=Request("/health"),
    errors=(
        Failure(InvalidQuery, status=404, path="error", contains="^Category .* not found$"),
        Failure(Unavailable, status=404, wait=300),  # the next host may be there
    ),
    attribution="Crypto API Clean (https://github.com/nimazasinich/crypto-dt-source)",
    docs="https://github.com/nimazasinich/crypto-dt-source",
)
shipped = Shipped()
