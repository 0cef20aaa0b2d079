"""An endpoint: how one kind of question becomes a request, and a body becomes items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from feedmux.items import Item
from feedmux.limits import Counts, Limits, Terms, Window
from feedmux.listing import Listed
from feedmux.query import Query
from feedmux.request import Asked, Request

Parse = Callable[[bytes, Asked[Any]], Sequence[Item]]


class Endpoint(Struct, frozen=True):
    """`request` builds what to send and `parse` reads what came; both are pure functions of their arguments.

    `listed` says whether this endpoint needs the provider's listing, `currencies` in which it can answer (empty:
    in any, or as its listing says), `refuses` why a question is not for this provider (empty where it is).
    """

    query: type[Query]
    request: Callable[[Asked[Any]], Request]
    parse: Parse
    terms: Terms
    listed: bool = True
    currencies: frozenset[str] = frozenset()
    refuses: Callable[[Any], str] | None = None


class ListingSource(Struct, frozen=True):
    """Where a provider lists what it calls each symbol, and what reading that costs."""

    request: Request
    parse: Callable[[bytes], Sequence[Listed]]
    cost: int = 1
    ttl: float = 86_400.0


class Key(Struct, frozen=True):
    """How a provider's key travels: in a header, or in a query parameter where the upstream insists."""

    header: str = ""
    param: str = ""
    required: bool = False

    def __post_init__(self) -> None:
        if bool(self.header) == bool(self.param):
            raise ValueError("key: name one header or one parameter that carries it")


class Plan(Struct, frozen=True):
    """One of the vendor's plans: what differs from the provider's own declaration. None: nothing does."""

    windows: tuple[Window, ...] | None = None
    hosts: tuple[str, ...] | None = None
    key: Key | None = None
    min_interval: float | None = None

    def limited(self, limits: Limits) -> Limits:
        """The provider's limits under this plan; raises ValueError naming the field that cannot be."""
        return msgspec.structs.replace(
            limits,
            windows=limits.windows if self.windows is None else self.windows,
            min_interval=limits.min_interval if self.min_interval is None else self.min_interval,
        )


class UsedHeader(Struct, frozen=True):
    """A reply header in which the upstream says how much of a window it has counted."""

    name: str
    per: float
    counts: Counts = Counts.COST
