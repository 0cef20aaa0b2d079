"""The forecast of a window: how fast it is being used, and when it runs out if that goes on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST = 60.0
"""Seconds over which a rate is taken, at least, where the window is no shorter."""
SHARE = 1 / 24
"""The share of a window over which its rate is taken: of a day the last hour."""


def rate(occupied: Sequence[tuple[float, int]], per: float, now: float) -> float:
    """Units a second lately; `occupied`: (until, units), what is counted from then on being free again."""
    span = min(per, max(SHORTEST, per * SHARE))
    return sum(units for until, units in occupied if until > now + per - span) / span


def runs_out(
    occupied: Sequence[tuple[float, int]], left: int, per: float, speed: float, now: float
) -> float | None:
    """Seconds until nothing is left at so many units a second; None where the window frees itself as fast.

    What is occupied frees itself when its time comes, as the window slides.
    """
    if left <= 0:
        return 0.0
    if speed <= 0.0:
        return None
    room = float(left)
    for until, units in sorted((until, units) for until, units in occupied if until > now):
        if speed * (until - now) >= room:
            break
        room += units
    wait = room / speed
    return wait if wait <= per else None
