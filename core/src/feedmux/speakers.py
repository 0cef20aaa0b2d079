"""Speakers: whom of a route to ask where several are to be heard, so that no two have the same data. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from feedmux.event import Reason
from feedmux.rotation import Candidate
from feedmux.route import Skip


class Speaker(Struct, frozen=True):
    """Who has one voice: a member, or several of a provider that are heard as one."""

    members: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        first = self.members[0]
        return first.seat.provider if first.fan_out > 1 else first.name


class Choice(Struct, frozen=True):
    """Who is asked now, and why others are not. `waiting` are asked later, where too few of the former answer."""

    speakers: tuple[Speaker, ...] = ()
    skips: tuple[Skip, ...] = ()
    waiting: tuple[Skip, ...] = ()


def choose(ready: Sequence[Candidate], heard: frozenset[str], room: int) -> Choice:
    """The first `room` speakers of a route whose origins are neither `heard` already nor those of another.

    Who is reached by itself goes before a provider of many members, which then speaks for the origins left to it.
    """
    groups: list[list[Candidate]] = []
    skips: list[Skip] = []
    for candidate in ready:
        if any(_speaks_for(group, candidate) for group in groups):
            continue
        mine = [one for one in ready if one.seat is candidate.seat] if candidate.fan_out > 1 else [candidate]
        if len(groups) == room:
            skips.append(Skip(candidate, Reason.ENOUGH))
        elif all(_shared_out([*groups, mine], heard)):
            groups.append(mine)
        else:
            skips.append(Skip(candidate, Reason.SAME_ORIGIN, candidate.standing.origin))
    return Choice(tuple(Speaker(tuple(members)) for members in _shared_out(groups, heard)), tuple(skips))


def _speaks_for(group: Sequence[Candidate], candidate: Candidate) -> bool:
    first = group[0]
    return first.source == candidate.source or (first.fan_out > 1 and first.seat is candidate.seat)


def _shared_out(groups: Sequence[Sequence[Candidate]], heard: frozenset[str]) -> list[list[Candidate]]:
    """For each group the members whose origin it speaks for; none where they are all taken."""
    taken, found = set(heard), dict[int, list[Candidate]]()
    for place in sorted(range(len(groups)), key=lambda place: groups[place][0].fan_out > 1):
        mine = found[place] = list[Candidate]()
        for member in groups[place]:
            if member.standing.origin not in taken and len(mine) < member.fan_out:
                taken.add(member.standing.origin)
                mine.append(member)
    return [found[place] for place in range(len(groups))]
