"""The catalogue of one day, shipped for when the service is down; and ids for entries that share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from msgspec import Struct, json
from msgspec.structs import replace

from feedmux.errors import InvalidQuery
from feedmux.hooks import hookimpl
from feedmux.http import Http
from feedmux.items import Instant, Resource
from feedmux.limits import Limits, Terms, Tier
from feedmux.query import Resources
from feedmux.request import Asked


def distinct(resources: Iterable[Resource]) -> list[Resource]:
    """The same, each with an id of its own: the second `x` of a list is `x-2`."""
    by_id: dict[str, Resource] = {}
    seen = Counter[str]()
    for resource in resources:
        free = resource.id
        while free in by_id:
            seen[resource.id] += 1
            free = f"{resource.id}-{seen[resource.id] + 1}"
        by_id[free] = replace(resource, id=free)
    return list(by_id.values())


class _Catalogue(Struct):
    """The shape of catalogue.json, which is ours."""

    as_of: Instant
    resources: list[Resource]


@cache
def _catalogue() -> _Catalogue:
    return json.decode(files(__package__ or "").joinpath("catalogue.json").read_bytes(), type=_Catalogue)


@cache
def categories() -> frozenset[str]:
    """The categories of the shipped catalogue."""
    return frozenset(one.category for one in _catalogue().resources)


class Shipped:
    """A provider that asks nobody and is asked where all else failed; what it says is marked stale."""

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(weight=1, tier=Tier.EMERGENCY, serves={Resources: Terms(ttl=60)})

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Resources], http: Http) -> Sequence[Resource]:
        wanted, whole = asked.query.category, _catalogue()
        found = [one for one in whole.resources if wanted in ("", one.category)]
        if not found:
            known = ", ".join(sorted(categories()))
            raise InvalidQuery(
                f"the catalogue of {whole.as_of:%Y-%m-%d} has no {wanted!a} but {known}", field="category"
            )
        return [replace(one, observed_at=whole.as_of, stale=True) for one in distinct(found)]
