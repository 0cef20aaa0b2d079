"""How full a window was at its fullest."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from feedmux.limits import Counts, Window


class Spent(Struct, frozen=True):
    """A request, or several at once: when, in seconds from the start, how many, and the units that each costs."""

    at: float
    requests: int
    cost: int


def fullest(spent: Sequence[Spent], window: Window) -> int:
    """The most that any stretch of the window's length held, in the units that it counts."""
    ordered = sorted(spent, key=lambda one: one.at)
    most, inside, first = 0, 0, 0
    for one in ordered:
        inside += _units(one, window)
        while ordered[first].at <= one.at - window.per:
            inside -= _units(ordered[first], window)
            first += 1
        most = max(most, inside)
    return most


def _units(one: Spent, window: Window) -> int:
    return one.requests * (one.cost if window.counts is Counts.COST else 1)
