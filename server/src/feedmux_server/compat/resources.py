"""The catalogue of data resources in the older service's words: whole, by category, searched and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from feedmux import Answer, Resource, Resources, UnknownSymbol
from feedmux_server.compat.translation import Marked, named, one_question, telling
from feedmux_server.desk import Desk
from feedmux_server.question import Question

Name = Annotated[str, Meta(max_length=80, description="the category's name; /api/categories lists them")]
WHOLE = Question(Resources())
"""Every route reads the whole catalogue, which is one answer for all of them."""


class UnknownCategory(UnknownSymbol):
    """The catalogue has no such category."""

    slug: ClassVar[str] = "unknown-category"
    title: ClassVar[str] = "There is no such category"


class WholeParameters(Struct, frozen=True):
    """All of it: there is nothing to choose."""


class ListParameters(Struct, frozen=True):
    """Which part of it."""

    category: Name = ""
    limit: Annotated[int, Meta(ge=1, le=1000, description="how many entries at most")] = 100


class CategoryParameters(Struct, frozen=True):
    """Which category."""

    category: Name


class SearchParameters(Struct, frozen=True):
    """What to look for."""

    q: Annotated[
        str,
        Meta(min_length=1, max_length=200, description="what a name, id, category or address must contain"),
    ]


class Entry(Struct, frozen=True, kw_only=True):
    """`base_url` is null where the entry has no address."""

    id: str
    name: str
    category: str
    base_url: str | None


class Category(Struct, frozen=True):
    """`endpoint` is the path of its entries here."""

    name: str
    count: int
    endpoint: str


class CatalogueStats(Marked, frozen=True, kw_only=True):
    """`categories` says how many entries each has."""

    success: bool
    total_resources: int
    total_categories: int
    categories: dict[str, int]
    source: str
    timestamp: datetime


class Listed(Marked, frozen=True, kw_only=True):
    """`total` is how many there are of what was asked for, `count` how many of them are here."""

    success: bool
    total: int
    count: int
    resources: list[Entry]
    note: str
    source: str
    timestamp: datetime


class Categories(Marked, frozen=True, kw_only=True):
    """Every category of the catalogue."""

    success: bool
    total: int
    categories: list[Category]
    source: str
    timestamp: datetime


class InCategory(Marked, frozen=True, kw_only=True):
    """All of one category."""

    success: bool
    category: str
    total: int
    resources: list[Entry]
    source: str
    timestamp: datetime


class Found(Marked, frozen=True, kw_only=True):
    """What contains `query`, whatever its case."""

    success: bool
    query: str
    total: int
    resources: list[Entry]
    source: str
    timestamp: datetime


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes of the catalogue."""
    stats = one_question(desk, _whole, _stats)
    categories = one_question(desk, _whole, _categories)
    listed = one_question(desk, _whole, _listed)
    category = one_question(desk, _whole, _in_category)
    found = one_question(desk, _whole, _found)
    of_category, by_category = "/api/resources/category/{category}", "The entries of one category"
    return [
        telling(
            desk, "/api/resources/stats", WholeParameters, stats, CatalogueStats, "The catalogue, counted"
        ),
        telling(
            desk, "/api/resources/list", ListParameters, listed, Listed, "The catalogue, or a part of it"
        ),
        telling(desk, "/api/categories", WholeParameters, categories, Categories, "Its categories"),
        telling(desk, of_category, CategoryParameters, category, InCategory, by_category),
        telling(desk, "/api/resources/search", SearchParameters, found, Found, "What it has of something"),
    ]


def _whole(_: Struct) -> Question:
    return WHOLE


def _stats(answer: Answer[Any], _: WholeParameters, at: datetime) -> CatalogueStats:
    counts = Counter(one.category for one in answer.items)
    return CatalogueStats(
        success=True,
        total_resources=len(answer.items),
        total_categories=len(counts),
        categories=dict(counts),
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _categories(answer: Answer[Any], _: WholeParameters, at: datetime) -> Categories:
    counts = Counter(one.category for one in answer.items)
    found = [Category(name, count, f"/api/resources/category/{name}") for name, count in counts.items()]
    return Categories(
        success=True,
        total=len(found),
        categories=found,
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _listed(answer: Answer[Any], asked: ListParameters, at: datetime) -> Listed:
    found = _of(answer, asked.category) if asked.category else answer.items
    shown = [_entry(one) for one in found[: asked.limit]]
    return Listed(
        success=True,
        total=len(found),
        count=len(shown),
        resources=shown,
        note=f"Showing first {len(shown)} of {len(found)} resources",
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _in_category(answer: Answer[Any], asked: CategoryParameters, at: datetime) -> InCategory:
    found = _of(answer, asked.category)
    return InCategory(
        success=True,
        category=asked.category,
        total=len(found),
        resources=[_entry(one) for one in found],
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _found(answer: Answer[Any], asked: SearchParameters, at: datetime) -> Found:
    found = [one for one in answer.items if _mentions(one, asked.q.casefold())]
    return Found(
        success=True,
        query=asked.q,
        total=len(found),
        resources=[_entry(one) for one in found],
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _of(answer: Answer[Any], category: str) -> Sequence[Resource]:
    """Its entries. Raises UnknownCategory, which names the categories that there are."""
    found = [one for one in answer.items if one.category == category]
    if not found:
        known = ", ".join(sorted({one.category for one in answer.items}))
        raise UnknownCategory(f"there is no category {category!a}; the catalogue has {known}")
    return found


def _mentions(resource: Resource, text: str) -> bool:
    return any(
        text in said.casefold()
        for said in (resource.name, resource.id, resource.category, resource.url or "")
    )


def _entry(resource: Resource) -> Entry:
    return Entry(id=resource.id, name=resource.name, category=resource.category, base_url=resource.url)
