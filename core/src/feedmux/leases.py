"""Leases: how several holders share a window. Pure: who may have how much, given what the others have.

A holder's share is what its window has occupied and a reserve to spend from; the shares of all, the dead included,
never add up to more than the window. What the last second occupied is known to the others; the reserve bounds what
a holder can have sent beyond that when it dies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from msgspec import Struct

LATE = 5.0
"""Seconds after it was last seen within which a holder surely died, clocks that differ by some included."""
HOURS = 3600.0
SHORT, LONG = 0.25, 0.01
"""The reserve as a share of a window shorter than an hour, and of a longer one, whose loss would cost hours."""
AT_LEAST = 8
"""Units of reserve; of a longer window a twentieth where that is less."""
Occupied = tuple[tuple[float, int], ...]
"""(until, units), `until` in Unix seconds."""


class Beat(Struct, frozen=True):
    """Whether a holder lives, and when it was last seen (Unix seconds)."""

    alive: bool
    seen: float


class Claim(Struct, frozen=True):
    """What a holder says of its window: its limit and length, what is occupied until when, what is still under way.

    `holds` is the share that it goes by now, which no other may have before it has let go of it itself. `wants` is
    what it lacks since that time, 0 where it lacks nothing.
    """

    window: str
    limit: int
    per: float
    occupied: Occupied
    under_way: int = 0
    holds: int = 0
    wants: int = 0
    since: float = math.inf

    @property
    def used(self) -> int:
        return self.under_way + sum(units for _, units in self.occupied)


class Share(Struct, frozen=True, array_like=True):
    """A holder's share as it is stored; `final` where its holder has ended in order and said all that it sent."""

    holder: str
    units: int
    wants: int
    since: float
    per: float
    occupied: Occupied
    written: float
    final: bool

    def remains(self, beat: Beat | None, wall: float) -> int:
        """Units that still count: all while it lives, then what was occupied beyond its end, and the rest as if sent last."""
        if self.final:
            return sum(units for until, units in self.occupied if until > wall)
        if beat is not None and beat.alive:
            return self.units
        last = min(max(beat.seen if beat else 0.0, self.written), wall) + LATE
        beyond = [(until, units) for until, units in self.occupied if until > last]
        rest = max(0, self.units - sum(units for _, units in beyond))
        known = sum(units for until, units in beyond if until + LATE > wall)
        return known + (rest if last + self.per > wall else 0)


class Grant(Struct, frozen=True):
    """What a holder may occupy, what it could grow to now, and what others have surely sent.

    `spare` is the reserve it is due: where it has more, somebody else waits for it.
    """

    units: int
    ceiling: int
    elsewhere: int
    spare: int


def reserve(limit: int, per: float) -> int:
    """The units of such a window that a holder would have beside those that it has occupied."""
    if per < HOURS:
        return min(limit, max(AT_LEAST, math.ceil(limit * SHORT)))
    return max(1, min(AT_LEAST, limit // 20), math.ceil(limit * LONG))


def granted(claim: Claim, others: Iterable[Share], beats: Mapping[str, Beat], wall: float) -> Grant:
    """The share of a holder beside those of the others. An idle reserve gives way to whoever lacks something."""
    taken = sent = 0
    hungry: list[float] = []
    for other in others:
        beat = beats.get(other.holder)
        remains = other.remains(beat, wall)
        taken += remains
        sent += min(remains, sum(units for until, units in other.occupied if until > wall))
        if other.wants and beat is not None and beat.alive:
            hungry.append(other.since)
    wanted = max(claim.wants, reserve(claim.limit, claim.per))
    if hungry:
        left = max(0, claim.limit - claim.used - sent)
        fair = left // (len(hungry) + 1)
        first = claim.wants and claim.since < min(hungry)
        wanted = min(wanted, max(fair, claim.wants) if first else fair)
    ceiling = max(0, claim.limit - taken)
    units = max(min(claim.used + wanted, ceiling), claim.holds)  # a clock that is behind may find less left
    return Grant(units, max(ceiling, units), sent, wanted)


def spent(share: Share, beats: Mapping[str, Beat], wall: float) -> bool:
    """Whether nothing of it counts any more."""
    beat = beats.get(share.holder)
    return (share.final or beat is None or not beat.alive) and share.remains(beat, wall) == 0
