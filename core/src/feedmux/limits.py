"""What a provider declares of itself to the router: how much of it, how often, and for which questions."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from feedmux.query import Query

DAY = 86_400.0
MONTH = 31 * DAY


class Tier(enum.Enum):
    """When a provider's turn comes. `last_resort` spares a precious quota; `emergency` is asked where all else failed."""

    PRIMARY = "primary"
    LAST_RESORT = "last_resort"
    EMERGENCY = "emergency"


class Counts(enum.Enum):
    """What a window counts."""

    REQUESTS = "requests"
    COST = "cost"


class Window(Struct, frozen=True):
    """At most `limit` in any `per` seconds, of requests or of cost units."""

    limit: int
    per: float
    counts: Counts = Counts.REQUESTS


class Backoff(Struct, frozen=True):
    """How long a provider is left alone after refusing (429, 418).

    The n-th refusal in a row closes it for the n-th step (seconds; the last one repeats) or for what it asks for
    itself, whichever is longer. From the `blacklist_after`-th on it counts as blocked.
    """

    steps: tuple[float, ...] = (10.0, 30.0, 60.0, 300.0)
    blacklist_after: int | None = None


class Terms(Struct, frozen=True):
    """On what terms a provider answers one kind of question.

    `cost` is in the units of its cost windows, a number or a pure function of the query. `ttl` is the seconds for
    which the same request is not sent again. `max_stale` may only shorten the query's own. `batch` is how many
    elements one request takes. `fan_out` is how many members are asked at once, as one try, and combined: for a
    provider of many members.
    """

    ttl: float
    cost: int | Callable[[Any], int] = 1
    max_stale: float | None = None
    batch: int = 1
    fan_out: int = 1


class Limits(Struct, frozen=True, kw_only=True):
    """All that the router knows of a provider.

    `weight` is its share of the traffic among equals. `pool` names the quota it draws from, by default its own;
    who shares an account or an address shares a pool. `min_interval` is in seconds between two requests, from the
    end of one to the start of the next. An answer slower than `slow_after` seconds counts as slow.
    """

    weight: float
    tier: Tier = Tier.PRIMARY
    windows: tuple[Window, ...] = ()
    pool: str = ""
    min_interval: float = 0.0
    concurrency: int = 16
    slow_after: float = 0.5
    backoff: Backoff = Backoff()
    serves: Mapping[type[Query], Terms] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise ValueError(problem)


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _problems(limits: Limits) -> list[str]:
    found = []
    if not _positive(limits.weight):
        found.append(f"weight: a positive number, got {limits.weight!r}")
    if not (math.isfinite(limits.min_interval) and limits.min_interval >= 0):
        found.append(f"min_interval: 0 or more seconds, got {limits.min_interval!r}")
    if limits.concurrency < 1:
        found.append(f"concurrency: 1 or more, got {limits.concurrency!r}")
    if not _positive(limits.slow_after):
        found.append(f"slow_after: a positive number of seconds, got {limits.slow_after!r}")
    for window in limits.windows:
        if window.limit < 1 or not _positive(window.per):
            found.append(f"windows: at least 1 in a positive number of seconds, got {window}")
    if not limits.backoff.steps or not all(_positive(step) for step in limits.backoff.steps):
        found.append(f"backoff.steps: at least one positive number of seconds, got {limits.backoff.steps!r}")
    for query, terms in limits.serves.items():
        found.extend(_problems_of_terms(query, terms, limits))
    return found


def _problems_of_terms(query: type[Query], terms: Terms, limits: Limits) -> list[str]:
    name = f"serves[{query.__name__}]"
    found = []
    longest = query.max_stale if terms.max_stale is None else terms.max_stale
    if not _positive(terms.ttl):
        found.append(f"{name}.ttl: a positive number of seconds, got {terms.ttl!r}")
    elif terms.ttl > longest:
        found.append(f"{name}.ttl: at most max_stale ({longest:g} s), got {terms.ttl:g}")
    if not _positive(longest) or longest > query.max_stale:
        found.append(f"{name}.max_stale: at most the query's {query.max_stale:g} s, got {longest!r}")
    if terms.fan_out < 1:
        found.append(f"{name}.fan_out: 1 or more, got {terms.fan_out!r}")
    if terms.batch < 1:
        found.append(f"{name}.batch: 1 or more, got {terms.batch!r}")
    if isinstance(terms.cost, int):
        tightest = min((w.limit for w in limits.windows if w.counts is Counts.COST), default=None)
        if terms.cost < 0 or (tightest is not None and terms.cost > tightest):
            found.append(f"{name}.cost: 0 to the smallest cost window ({tightest}), got {terms.cost}")
    return found
