"""The guard between parse and cache: what a provider said is kept only where it can be true."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from feedmux.errors import BadPayload
from feedmux.items import Candle, Item
from feedmux.limits import Terms
from feedmux.query import Query

FUTURE = timedelta(minutes=5)
"""How far ahead of our clock an observation may lie."""
MOST_ITEMS = 20_000


class Stamp(Struct, frozen=True):
    """Whose word an item is, and when it was fetched."""

    provider: str
    origin: str
    fetched_at: datetime


def stamped(items: object, query: Query, stamp: Stamp) -> list[Item]:
    """The items as the engine keeps them, each of the right type and stamped; a series in order, each once.

    Raises BadPayload where the plugin gave something else than a sequence of the query's items.
    """
    kind = type(query).item
    if not isinstance(items, Sequence) or not all(type(item) is kind for item in items):
        raise BadPayload(f"gave something else than a list of {kind.__name__}")
    if len(items) > MOST_ITEMS:
        raise BadPayload(f"gave more than {MOST_ITEMS} items")
    vs = getattr(query, "vs", None)
    for item in items:
        if vs is not None and getattr(item, "vs", vs) != vs:
            raise BadPayload(f"gave {item.vs[:10]} where the currency asked for is {vs}")
    marked = [_stamp(item, stamp) for item in items]
    return _in_order(marked, query) if type(query).series else marked


def _stamp(item: Item, stamp: Stamp) -> Item:
    made = copy.copy(item)
    put = msgspec.structs.force_setattr
    put(made, "provider", stamp.provider)
    put(made, "fetched_at", stamp.fetched_at)
    if not item.origin:
        put(made, "origin", stamp.origin)
    if isinstance(item, Candle):
        put(made, "observed_at", min(item.closes_at, stamp.fetched_at))
    elif item.observed_at is None:
        put(made, "observed_at", stamp.fetched_at)
    return made


def _in_order(items: list[Item], query: Query) -> list[Item]:
    """A series oldest first, its last word on each instant kept; raises BadPayload for a foreign candle."""
    by_instant: dict[datetime, Item] = {}
    for item in items:
        if isinstance(item, Candle):
            if (item.symbol, item.interval) != (getattr(query, "symbol", ""), getattr(query, "interval", "")):
                raise BadPayload(f"gave a candle of {item.symbol[:40]} {item.interval}")
            by_instant[item.opened_at] = item
        else:
            by_instant[_observed(item)] = item
    return [by_instant[instant] for instant in sorted(by_instant)]


def too_old(items: Sequence[Item], query: Query | type[Query], terms: Terms | None, now: datetime) -> str:
    """Why these items cannot be an answer now, empty where they can: age of a series is that of its newest."""
    newest = max((_observed(item) for item in items), default=None)
    if newest is None:
        return ""
    latest = max([newest, *(item.opened_at for item in items if isinstance(item, Candle))])
    if latest > now + FUTURE:
        return f"observed {(latest - now).total_seconds():.0f} s in the future"
    age = (now - newest).total_seconds()
    longest = longest_stale(query, terms)
    return f"observed {age:.0f} s ago; at most {longest:.0f} s are allowed" if age > longest else ""


def longest_stale(query: Query | type[Query], terms: Terms | None) -> float:
    """Seconds after which an observation is no answer any more: the query's, or less where the terms say so."""
    longest = query.max_stale
    return longest if terms is None or terms.max_stale is None else min(longest, terms.max_stale)


def jump(item: Item, good: Item | None, query: Query) -> str:
    """Why an item needs a second provider's word, empty where it does not: its price jumped."""
    bound = type(query).max_jump
    if bound is None or good is None or not comparable(item, good, query):
        return ""
    price, before = getattr(item, "price", None), getattr(good, "price", None)
    if price is None or before is None or abs(price / before - 1.0) <= bound:
        return ""
    return f"{price:g} after {before:g} is a jump of more than {bound:.0%}"


def comparable(item: Item, good: Item, query: Query) -> bool:
    """Whether a jump may be measured against that good value: while it may be served at all."""
    return _observed(item) - _observed(good) <= timedelta(seconds=query.max_stale)


def agree(one: Item, other: Item, query: Query) -> bool:
    """Whether two items confirm each other: within the bound of a jump."""
    return comparable(one, other, query) and not jump(one, other, query)


def _observed(item: Item) -> datetime:
    if item.observed_at is None:
        raise ValueError("the item was not stamped")
    return item.observed_at
